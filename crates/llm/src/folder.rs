//! Folders of small text files: scripts and recordings.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::LlmError;

/// More files than any run asks questions; beyond it, the folder is something else.
const FILES_MAX: usize = 10_000;

/// The paths and texts of the files with this extension, in the order of their names.
pub(crate) fn read_folder(
    folder: &Path,
    extension: &str,
) -> Result<Vec<(PathBuf, String)>, LlmError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| LlmError::Folder { path, source }
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        if path.extension().is_some_and(|it| it == extension) {
            paths.push(path);
        }
        if FILES_MAX < paths.len() {
            let too_many = io::Error::other(format!("more than {FILES_MAX} files"));
            return Err(failed(folder)(too_many));
        }
    }
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).map_err(failed(&path))?;
        Ok((path, text))
    };
    paths.into_iter().map(read).collect()
}
