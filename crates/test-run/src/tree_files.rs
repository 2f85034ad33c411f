//! Files of a tree that may not be there, or be no files.

use protocol::{Workspace, WorkspaceError};

/// A file's text; none when it isn't there, is no regular file or isn't UTF-8.
///
/// # Errors
/// [`WorkspaceError`] when the tree itself can't be read.
pub async fn read_text(base: &dyn Workspace, name: &str) -> Result<Option<String>, WorkspaceError> {
    let bytes = read_bytes(base, name).await?;
    Ok(bytes.and_then(|it| String::from_utf8(it).ok()))
}

/// A file's bytes; none when it isn't there or is no regular file.
///
/// # Errors
/// [`WorkspaceError`] when the tree itself can't be read.
pub async fn read_bytes(
    tree: &dyn Workspace,
    path: &str,
) -> Result<Option<Vec<u8>>, WorkspaceError> {
    match tree.read(path).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.is_the_callers_fault() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a tree has a file.
///
/// # Errors
/// [`WorkspaceError`] when the tree itself can't be read.
pub async fn is_there(tree: &dyn Workspace, path: &str) -> Result<bool, WorkspaceError> {
    Ok(read_bytes(tree, path).await?.is_some())
}
