//! Files of one tree: listed, searched, read and replaced, never through a symbolic link that leads out.

mod control;
mod folder;
mod path;
mod search;
mod stamp;
mod walk;

pub use control::is_control_folder;
pub use folder::{Folder, is_executable};
pub use path::TreePath;
pub use search::{Glob, search};
pub use stamp::Stamp;
pub use walk::walk;
