//! Python environments with uv: what a repository declares, installed once, shared by all trees and later runs.

mod build;
mod built;
mod environments;
mod index;
mod install;
mod interpreter;
mod legacy;
mod locks;
mod notes;
mod plan;
mod poetry;
mod pyproject;
mod requirements;
pub(crate) mod scm;
mod settings;
mod startup;
mod step;
mod toolbox;
mod version;

pub use environments::PythonEnvironments;
pub use index::Index;
pub use interpreter::Interpreter;
pub use plan::{LocalProject, Locked, Plan};
pub use settings::TargetSettings;
pub use toolbox::{MakeDoor, Places, Tool, Toolbox};
pub use version::{Specifiers, Version};
