//! A local repository in a form that libgit2 doesn't read: a sparse index, references in a reftable. Git itself reads it,
//! behind walls, because the repository's own configuration may name programs.

use std::fs;
use std::path::{Path, PathBuf};

use protocol::{Log, Network};
use sandbox::command::View;

use super::mirror::{Mirrors, Source};
use super::{Address, GitError, environment};

/// Whether a repository was refused only because libgit2 doesn't know its form.
pub fn is_unknown_form(error: &GitError) -> bool {
    let words = match error {
        GitError::NotARepository { why, .. } => why.as_str(),
        GitError::Git { source, .. } => source.message(),
        _ => return false,
    };
    words.contains("unsupported")
}

/// Fetches the base of such a repository into its mirror.
///
/// # Errors
///
/// Also when it has uncommitted changes: which those are is known, but they can't be taken along.
pub async fn fetch(
    mirrors: &Mirrors,
    folder: &Path,
    reference: Option<&str>,
    include_dirty: bool,
    log: &dyn Log,
) -> Result<Source, GitError> {
    if reference.is_none() {
        let dirty = changed(mirrors, folder).await?;
        if !dirty.is_empty() {
            return Err(match include_dirty {
                true => GitError::DirtyForm {
                    path: folder.to_owned(),
                },
                false => super::local::uncommitted(folder, dirty),
            });
        }
    }
    let address = folder_address(folder)?;
    mirrors.fetch(&address, reference, log).await
}

/// A folder's address, for the program that fetches.
pub fn folder_address(folder: &Path) -> Result<Address, GitError> {
    let real = fs::canonicalize(folder).map_err(|_| GitError::NoSuchFolder {
        path: folder.to_owned(),
    })?;
    Address::parse(&format!("file://{}", real.display())).map_err(|why| GitError::NotARepository {
        path: folder.to_owned(),
        why: why.to_string(),
    })
}

/// Paths that differ from what is checked out, new ones among them.
async fn changed(mirrors: &Mirrors, folder: &Path) -> Result<Vec<Vec<u8>>, GitError> {
    let argv = [
        "git",
        "-C",
        &folder.display().to_string(),
        "status",
        "--porcelain=v1",
        "-z",
        "--no-renames",
        "--untracked-files=normal",
        "--ignore-submodules=all",
    ];
    let view = View::Confined {
        writable: Vec::new(),
        readable: folders_of(folder),
        sealed: Vec::new(),
        network: Network::Loopback,
    };
    let env = environment::for_reading(mirrors.search_path());
    let ended = mirrors.run(&argv, folder, env, view).await?;
    if !ended.succeeded() {
        return Err(GitError::NotARepository {
            path: folder.to_owned(),
            why: ended.stderr.text.trim().to_owned(),
        });
    }
    let entries = ended.stdout.text.split('\0');
    Ok(entries
        .filter_map(|it| it.get(3..))
        .map(|it| it.as_bytes().to_vec())
        .collect())
}

/// The folder, and where the repository of a linked worktree lies.
fn folders_of(folder: &Path) -> Vec<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    let Ok(link) = fs::read_to_string(folder.join(".git")) else {
        return folders;
    };
    if let Some(own) = link.strip_prefix("gitdir:") {
        let own = folder.join(own.trim());
        if let Ok(common) = fs::read_to_string(own.join("commondir")) {
            folders.push(own.join(common.trim()));
        }
        folders.push(own);
    }
    folders
}
