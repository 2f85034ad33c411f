//! Every file below a folder that isn't ignored, without following links.

use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ignore::{DirEntry, WalkBuilder};

use super::TreePath;
use crate::git::is_control_folder;

/// What runs leave behind in a tree and nobody wants in a change, even where no `.gitignore` says so.
const LITTER: &[&str] = &[
    "__pycache__",
    ".pytest_cache",
    ".ruff_cache",
    ".mypy_cache",
    ".hypothesis",
    ".ipynb_checkpoints",
    ".tox",
    ".nox",
    ".venv",
    ".eggs",
    ".coverage",
    ".DS_Store",
];

/// Ends of names of the same kind.
const LITTER_ENDS: &[&str] = &[".pyc", ".pyo", ".egg-info"];

/// A file or a link.
#[derive(Debug)]
pub(crate) struct Found {
    /// Relative to the root, as bytes, with `/` between its parts.
    pub(crate) path: Vec<u8>,
    /// Of the link itself, where it is one.
    pub(crate) metadata: Metadata,
}

/// Whether a name is build litter.
fn is_litter(name: &str) -> bool {
    LITTER.contains(&name) || LITTER_ENDS.iter().any(|it| name.ends_with(it))
}

/// All files and links at or below `under` in the tree at `root`, sorted by path.
///
/// Left out: what a `.gitignore` of the tree names, build litter, `.git`, the folders in `closed`, and whatever is
/// neither a file nor a link. Ignore files above the root or of the user don't count, nor does any other kind.
pub(crate) fn walk(
    root: &Path,
    under: &TreePath,
    closed: &[Vec<u8>],
) -> Result<Vec<Found>, ignore::Error> {
    let (top, wanted, closed) = (root.to_owned(), under.clone(), closed.to_vec());
    let mut builder = WalkBuilder::new(root);
    builder
        .standard_filters(false)
        .git_ignore(true)
        .require_git(false)
        .follow_links(false)
        .filter_entry(move |entry| is_wanted(entry, &top, &wanted, &closed));
    let mut found = Vec::new();
    for entry in builder.build() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if vanished(&error) => continue,
            Err(error) => return Err(error),
        };
        let is_file = entry
            .file_type()
            .is_some_and(|it| it.is_file() || it.is_symlink());
        let Some(path) = relative(entry.path(), root).filter(|it| is_file && under.contains(it))
        else {
            continue;
        };
        match entry.metadata() {
            Ok(metadata) => found.push(Found {
                path: path.to_vec(),
                metadata,
            }),
            Err(error) if vanished(&error) => {}
            Err(error) => return Err(error),
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn is_wanted(entry: &DirEntry, root: &Path, under: &TreePath, closed: &[Vec<u8>]) -> bool {
    let Some(path) = relative(entry.path(), root) else {
        return true;
    };
    if path.is_empty() {
        return true;
    }
    let name = entry.file_name().to_string_lossy();
    let on_the_way =
        under.contains(path) || TreePath::from_tracked(path).contains(under.as_bytes());
    on_the_way
        && !is_control_folder(&name)
        && !is_litter(&name)
        && !closed.iter().any(|it| it == path)
}

fn relative<'a>(path: &'a Path, root: &Path) -> Option<&'a [u8]> {
    path.strip_prefix(root)
        .ok()
        .map(|it| it.as_os_str().as_bytes())
}

/// A file that a program deleted while we looked.
fn vanished(error: &ignore::Error) -> bool {
    error
        .io_error()
        .is_some_and(|it| it.kind() == std::io::ErrorKind::NotFound)
}
