//! Files of one tree: listed, searched, read and replaced, never through a symbolic link that leads out.

mod folder;
mod path;
mod search;
mod stamp;
mod walk;

pub(crate) use folder::{Folder, is_executable};
pub(crate) use path::TreePath;
pub(crate) use search::{Glob, search};
pub(crate) use stamp::Stamp;
pub(crate) use walk::walk;
