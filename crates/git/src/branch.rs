//! A finished change as a new branch: objects and a reference are added, and nothing else is touched.

use std::fs;
use std::path::{Path, PathBuf};

use git2::{ErrorCode, Oid, Repository, Signature};
use protocol::{Base, TreeId};

use super::copy::{copy_commit, copy_tree};
use super::local::{left_out_of_the_folder, open_local};
use super::store::{init_bare, parse_id};
use super::tree::read_tree;
use super::{GitError, Identity, Store, check_reference};

/// How many numbered names are tried after the one that was asked for.
const TRIES_MAX: u32 = 50;

/// The branch to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Its name without `refs/heads/`. When it is taken, `-2`, `-3` … are tried.
    pub name: String,
    /// The message of the commit that holds the change.
    pub message: String,
    /// Who wrote the change.
    pub author: Identity,
    /// Who made the commit.
    pub committer: Identity,
}

/// A branch that is there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The repository it is in.
    pub repository: PathBuf,
    /// Its name without `refs/heads/`.
    pub branch: String,
    /// Its commit, in hexadecimal.
    pub commit: String,
}

/// Puts `tree`, on top of `base`, on a new branch of the repository in `target`.
///
/// A `target` that doesn't exist becomes a bare repository. What is checked out there, its index and its other
/// branches stay as they are; no hook runs. When the base contains uncommitted changes, they become a commit of
/// their own below the change. The same branch at the same tree and base is found again rather than doubled.
pub fn commit_to_branch(
    store: &Store,
    target: &Path,
    base: &Base,
    tree: &TreeId,
    branch: &Branch,
) -> Result<Delivered, GitError> {
    check_reference(&branch.name)?;
    if branch.message.trim().is_empty() {
        return Err(GitError::NoMessage);
    }
    let git = GitError::git;
    let from = store.repository()?;
    let into = match target.exists() {
        true => open_target(target)?,
        false => init_bare(target)?,
    };
    let (base_commit, base_tree, tree) = (
        parse_id(&base.commit)?,
        parse_id(&base.tree.0)?,
        parse_id(&tree.0)?,
    );
    bring_base(&from, &into, base_commit, target)?;
    copy_tree(&from, &into, base_tree)?;
    copy_tree(&from, &into, tree)?;
    let committed = into
        .find_commit(base_commit)
        .map_err(git("read the base commit"))?;
    let author = branch.author.sign_now()?;
    let committer = branch.committer.sign_now()?;
    let parent = if committed.tree_id() == base_tree {
        base_commit
    } else {
        refuse_to_delete_what_was_never_there(&into, committed.tree_id(), base_tree)?;
        let message = "Uncommitted changes the task started from\n";
        write_commit(&into, &author, &committer, message, base_tree, base_commit)?
    };
    let branch_name = free_name(&into, branch, base_tree, tree, target)?;
    let commit = match branch_name.holds {
        Some(commit) => commit,
        None => {
            let message = format!("{}\n", branch.message.trim());
            let commit = write_commit(&into, &author, &committer, &message, tree, parent)?;
            let name = format!("refs/heads/{}", branch_name.name);
            into.reference(&name, commit, false, "pipeline: a finished change")
                .map_err(git("create the branch"))?;
            commit
        }
    };
    Ok(Delivered {
        repository: target.to_owned(),
        branch: branch_name.name,
        commit: commit.to_string(),
    })
}

/// Files that a sparse checkout leaves out of the folder are no changes of it, so no commit of ours takes them away.
fn refuse_to_delete_what_was_never_there(
    into: &Repository,
    committed: Oid,
    uncommitted: Oid,
) -> Result<(), GitError> {
    if into.is_bare() {
        return Ok(());
    }
    let left_out = left_out_of_the_folder(into)?;
    let (before, now) = (read_tree(into, committed)?, read_tree(into, uncommitted)?);
    let gone = before.keys().filter(|it| !now.contains_key(*it));
    match gone.into_iter().find(|it| left_out.contains(*it)) {
        None => Ok(()),
        Some(path) => Err(GitError::OutsideTheFolder {
            path: String::from_utf8_lossy(path).into_owned(),
        }),
    }
}

/// Puts the base of a run and its final tree into a bare repository of ours, from which they are pushed. It may not be there
/// yet.
///
/// # Errors
///
/// When one of them isn't in the store, or the folder can't be written.
pub fn bring(store: &Store, folder: &Path, base: &Base, tree: &TreeId) -> Result<(), GitError> {
    let (from, into) = (store.repository()?, init_bare(folder)?);
    bring_base(&from, &into, parse_id(&base.commit)?, folder)?;
    copy_tree(&from, &into, parse_id(&tree.0)?)
}

/// Makes sure the base commit is there. A user's own repository has it; a bare one of ours gets it without its
/// history, and is told so.
fn bring_base(
    from: &Repository,
    into: &Repository,
    base: Oid,
    target: &Path,
) -> Result<(), GitError> {
    if into.find_commit(base).is_ok() {
        return Ok(());
    }
    if !into.is_bare() {
        return Err(GitError::NoSuchReference {
            reference: base.to_string(),
            repository: target.display().to_string(),
        });
    }
    copy_commit(from, into, base)?;
    let path = into.path().join("shallow");
    let before = fs::read_to_string(&path).unwrap_or_default();
    fs::write(&path, format!("{before}{base}\n")).map_err(GitError::files("write", path))
}

fn open_target(target: &Path) -> Result<Repository, GitError> {
    match Repository::open_bare(target) {
        Ok(bare) => Ok(bare),
        Err(_) => open_local(target),
    }
}

fn write_commit(
    repository: &Repository,
    author: &Signature<'_>,
    committer: &Signature<'_>,
    message: &str,
    tree: Oid,
    parent: Oid,
) -> Result<Oid, GitError> {
    let git = GitError::git;
    let tree = repository.find_tree(tree).map_err(git("read a tree"))?;
    let parent = repository
        .find_commit(parent)
        .map_err(git("read a commit"))?;
    repository
        .commit(None, author, committer, message, &tree, &[&parent])
        .map_err(git("write a commit"))
}

struct Free {
    name: String,
    /// The commit, when the branch is there from an earlier delivery of the same change.
    holds: Option<Oid>,
}

fn free_name(
    repository: &Repository,
    branch: &Branch,
    base_tree: Oid,
    tree: Oid,
    target: &Path,
) -> Result<Free, GitError> {
    for number in 1..=TRIES_MAX {
        let name = match number {
            1 => branch.name.clone(),
            _ => format!("{}-{number}", branch.name),
        };
        match repository.find_reference(&format!("refs/heads/{name}")) {
            Err(error) if error.code() == ErrorCode::NotFound => {
                return Ok(Free { name, holds: None });
            }
            Err(source) => {
                return Err(GitError::Git {
                    doing: "look for a branch of that name",
                    source,
                });
            }
            Ok(found) => {
                let same = found.peel_to_commit().ok().filter(|it| {
                    it.tree_id() == tree && it.parent(0).is_ok_and(|it| it.tree_id() == base_tree)
                });
                if let Some(commit) = same {
                    return Ok(Free {
                        name,
                        holds: Some(commit.id()),
                    });
                }
            }
        }
    }
    Err(GitError::BranchExists {
        branch: branch.name.clone(),
        repository: target.to_owned(),
        tries_max: TRIES_MAX - 1,
    })
}
