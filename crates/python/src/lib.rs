//! Python environments with uv: what a repository declares, installed once, shared by all trees and later runs.

mod alternatives;
mod attempts;
mod build;
mod built;
mod declared;
mod environments;
mod index;
mod install;
mod interpreter;
mod legacy;
mod locks;
mod notes;
mod plan;
mod poetry;
mod projects;
mod pyproject;
mod ranges;
mod ready;
mod requirements;
mod resolve;
pub mod scm;
mod settings;
mod startup;
mod statements;
mod step;
mod toolbox;
mod trial;
mod version;

pub use environments::PythonEnvironments;
pub use index::Index;
pub use interpreter::Interpreter;
pub use plan::{LocalProject, Locked, Plan};
pub use ready::{Environments, Ready, SystemPrograms};
pub use settings::TargetSettings;
pub use toolbox::{MakeDoor, Places, Tool, Toolbox};
pub use version::{Specifiers, Version};
