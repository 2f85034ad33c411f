//! A repository in a folder of the user's: read through libgit2, never written to, none of its programs started.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use files::{Folder, TreePath};
use git2::{ErrorCode, Oid, Repository, RepositoryOpenFlags, Status, StatusOptions};

use super::copy::copy_commit;
use super::mirror::pin_commit;
use super::tree::{Changes, Entry, Mode, read_tree, updated_tree};
use super::{Address, Endings, GitError, check_reference};

/// Most names of changed files in one message.
const NAMES_MAX: usize = 10;

/// Largest uncommitted file that is taken along.
const DIRTY_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What a run starts from in a local repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalBase {
    /// The commit.
    pub commit: Oid,
    /// Its tree, or what the uncommitted changes made of it.
    pub tree: Oid,
    /// Whether there were any.
    pub uncommitted: bool,
}

/// Copies the base of the repository in `folder` into `mirror`.
///
/// `reference` is a branch, tag or commit; none means what is checked out. Uncommitted changes on what is checked
/// out are an error, unless `include_dirty` takes them along as the base tree.
pub fn take(
    folder: &Path,
    mirror: &Repository,
    reference: Option<&str>,
    include_dirty: bool,
) -> Result<LocalBase, GitError> {
    let repository = open_local(folder)?;
    let head = head_of(&repository, folder)?;
    let commit = match reference {
        None => head,
        Some(reference) => resolve(&repository, reference, folder)?,
    };
    if commit != head && include_dirty {
        return Err(GitError::DirtyElsewhere {
            reference: reference.unwrap_or("HEAD").to_owned(),
        });
    }
    let dirty = if commit == head {
        dirty_paths(&repository, include_dirty)?
    } else {
        Vec::new()
    };
    if !dirty.is_empty() && !include_dirty {
        return Err(uncommitted(folder, dirty));
    }
    copy_commit(&repository, mirror, commit)
        .map_err(|it| in_a_partial_clone(&repository, folder, commit, it))?;
    pin_commit(mirror, commit)?;
    let tree = mirror
        .find_commit(commit)
        .map_err(GitError::git("read the base commit"))?
        .tree_id();
    let tree = match dirty.is_empty() {
        true => tree,
        false => dirty_tree(folder, mirror, tree, &dirty)?,
    };
    Ok(LocalBase {
        commit,
        tree,
        uncommitted: !dirty.is_empty(),
    })
}

/// Where a remote of the repository in `folder` is pushed to; none when it has no remote of that name. What its configuration
/// says is only read.
///
/// # Errors
///
/// When the folder is no repository, or the address is none that may be pushed to.
pub fn remote_address(folder: &Path, name: &str) -> Result<Option<Address>, GitError> {
    let repository = open_local(folder)?;
    let remote = match repository.find_remote(name) {
        Ok(remote) => remote,
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
        Err(source) => {
            return Err(GitError::Git {
                doing: "read the repository's remotes",
                source,
            });
        }
    };
    let bytes = match remote.pushurl_bytes() {
        Some(bytes) => bytes,
        None => remote.url_bytes(),
    };
    let text = String::from_utf8_lossy(bytes);
    match text.starts_with('/') {
        true => super::folder_address(Path::new(&*text)).map(Some),
        false => Address::parse(&text).map(Some),
    }
}

/// Says what is missing where a clone was made without all files: they aren't fetched behind the user's back.
fn in_a_partial_clone(
    repository: &Repository,
    folder: &Path,
    commit: Oid,
    error: GitError,
) -> GitError {
    let is_missing =
        matches!(&error, GitError::Git { source, .. } if source.code() == ErrorCode::NotFound);
    let is_partial = || {
        let config = repository.config().ok()?;
        let promised = config.entries(Some("remote\\..*\\.promisor")).ok()?;
        let mut names = 0;
        promised.for_each(|_| names += 1).ok()?;
        Some(0 < names)
    };
    match is_missing && is_partial().unwrap_or(false) {
        true => GitError::PartialClone {
            path: folder.to_owned(),
            commit: commit.to_string(),
        },
        false => error,
    }
}

/// Opens the repository whose top is `folder`, and nothing else.
pub fn open_local(folder: &Path) -> Result<Repository, GitError> {
    let not_one = |why: String| GitError::NotARepository {
        path: folder.to_owned(),
        why,
    };
    let real = fs::canonicalize(folder).map_err(|_| GitError::NoSuchFolder {
        path: folder.to_owned(),
    })?;
    if !real.is_dir() {
        return Err(not_one("it is a file".to_owned()));
    }
    let none: [&Path; 0] = [];
    let repository = match Repository::open_ext(&real, RepositoryOpenFlags::NO_SEARCH, none) {
        Ok(repository) => repository,
        Err(error) if error.code() == ErrorCode::Owner => {
            return Err(not_one(
                "it belongs to another user (copy it, or change its owner)".to_owned(),
            ));
        }
        Err(error) if error.code() == ErrorCode::NotFound => {
            return Err(not_one(match Repository::discover(&real) {
                Ok(around) => match around.workdir() {
                    Some(top) => format!(
                        "it is a folder inside the repository `{}` (give that one)",
                        top.display()
                    ),
                    None => "it is a folder inside a bare repository".to_owned(),
                },
                Err(_) => "there is none (run `git init` and commit, or leave the repository out)"
                    .to_owned(),
            }));
        }
        Err(error) if error.message().contains("object format") => {
            return Err(not_one(
                "its objects are named by SHA-256, which can't be read here yet (make a repository of its files with \
                 `git init --object-format=sha1`)"
                    .to_owned(),
            ));
        }
        Err(error) => return Err(not_one(error.message().to_owned())),
    };
    let Some(top) = repository.workdir() else {
        return Err(not_one(format!(
            "it is a bare repository (give its address as file://{})",
            real.display()
        )));
    };
    if fs::canonicalize(top).ok() != Some(real) {
        return Err(not_one(format!(
            "its files are elsewhere, at `{}` (give that folder, if it is yours)",
            top.display()
        )));
    }
    Ok(repository)
}

/// The commit that is checked out.
fn head_of(repository: &Repository, folder: &Path) -> Result<Oid, GitError> {
    match repository.head() {
        Ok(head) => Ok(head
            .peel_to_commit()
            .map_err(GitError::git("read the commit that is checked out"))?
            .id()),
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {
            Err(GitError::Empty {
                repository: folder.display().to_string(),
            })
        }
        Err(source) => Err(GitError::Git {
            doing: "read what is checked out",
            source,
        }),
    }
}

fn resolve(repository: &Repository, reference: &str, folder: &Path) -> Result<Oid, GitError> {
    check_reference(reference)?;
    repository
        .revparse_single(reference)
        .or_else(|_| repository.revparse_single(&format!("refs/remotes/origin/{reference}")))
        .and_then(|it| it.peel_to_commit())
        .map(|it| it.id())
        .map_err(|_| GitError::NoSuchReference {
            reference: reference.to_owned(),
            repository: folder.display().to_string(),
        })
}

/// Paths that differ from the commit that is checked out, new files that aren't ignored among them.
fn dirty_paths(repository: &Repository, each_new_file: bool) -> Result<Vec<Vec<u8>>, GitError> {
    let mut options = StatusOptions::new();
    options
        .include_untracked(true)
        .recurse_untracked_dirs(each_new_file)
        .include_ignored(false)
        .exclude_submodules(true)
        .update_index(false);
    let statuses = repository
        .statuses(Some(&mut options))
        .map_err(GitError::git("look for uncommitted changes"))?;
    let left_out = left_out_of_the_folder(repository)?;
    Ok(statuses
        .iter()
        .filter(|it| it.status() != Status::CURRENT)
        .filter(|it| it.status() != Status::WT_DELETED || !left_out.contains(it.path_bytes()))
        .map(|it| it.path_bytes().to_vec())
        .collect())
}

/// Files of a sparse checkout that aren't laid out, which is no change of them; libgit2 takes them for deleted.
pub(crate) fn left_out_of_the_folder(
    repository: &Repository,
) -> Result<HashSet<Vec<u8>>, GitError> {
    /// `CE_SKIP_WORKTREE` of gitformat-index(5), in the second half of an entry's flags.
    const SKIP_WORKTREE: u16 = 1 << 14;
    let index = repository
        .index()
        .map_err(GitError::git("read the index"))?;
    Ok(index
        .iter()
        .filter(|it| it.flags_extended & SKIP_WORKTREE != 0)
        .map(|it| it.path)
        .collect())
}

pub(crate) fn uncommitted(folder: &Path, mut dirty: Vec<Vec<u8>>) -> GitError {
    dirty.sort();
    let names = dirty.iter().take(NAMES_MAX);
    GitError::Uncommitted {
        path: folder.to_owned(),
        files: names
            .map(|it| format!("`{}`", String::from_utf8_lossy(it)))
            .collect(),
        left_out: dirty.len().saturating_sub(NAMES_MAX),
    }
}

/// The tree of what lies in the folder now: the commit's, with the changed paths as they are on disk.
fn dirty_tree(
    folder: &Path,
    mirror: &Repository,
    tree: Oid,
    dirty: &[Vec<u8>],
) -> Result<Oid, GitError> {
    let files = Folder::open(folder).map_err(GitError::files("open", folder))?;
    let tracked = read_tree(mirror, tree)?;
    let endings = Endings::of(mirror, &tracked)?;
    let mut changes = Changes::new();
    for path in dirty {
        // Another repository inside this one is its own affair.
        if path.ends_with(b"/") {
            continue;
        }
        let name = TreePath::from_tracked(path);
        let metadata = files.stat(&name);
        let entry = match metadata.filter(|it| it.is_file() || it.is_symlink()) {
            Some(metadata) => {
                let bytes = files
                    .read_tracked(&name, DIRTY_BYTES_MAX)
                    .map_err(GitError::files("read", folder.join(name.as_path())))?;
                let before = || {
                    let blob = mirror.find_blob(tracked.get(path)?.id).ok()?;
                    Some(blob.content().to_vec())
                };
                let kept = match metadata.is_symlink() {
                    true => bytes.as_slice().into(),
                    false => endings.kept(path, &bytes, before),
                };
                let id = mirror
                    .blob(&kept)
                    .map_err(GitError::git("keep an uncommitted file"))?;
                Some(Entry {
                    mode: Mode::of(&metadata),
                    id,
                })
            }
            None => None,
        };
        changes.insert(path.clone(), entry);
    }
    updated_tree(mirror, Some(tree), &changes)
}
