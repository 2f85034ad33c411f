//! A commit of exactly these paths in a user's own repository, whatever else is staged there.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use files::is_control_folder;
use git2::{
    AttrCheckFlags, AttrValue, ErrorCode, Index, IndexAddOption, Oid, Repository, RepositoryState,
    Signature, Status, StatusOptions, Tree,
};

use super::tree::{Changes, Entry, Mode, updated_tree};
use super::{GitError, Identity};

/// What was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The commit, in hexadecimal.
    pub commit: String,
    /// The branch it is on; none when no branch is checked out.
    pub branch: Option<String>,
    /// The files in it, sorted, relative to the top of the repository.
    pub files: Vec<String>,
}

/// Commits the files at `paths`, and nothing else, in the repository around `folder`.
///
/// Paths are relative to `folder`, or absolute; a folder stands for the changed files in it; a file that is gone
/// is committed as a deletion. Other staged changes stay staged and uncommitted. No hook, filter or signing
/// program runs.
pub fn commit_paths(
    folder: &Path,
    paths: &[PathBuf],
    message: &str,
    author: &Identity,
    committer: &Identity,
) -> Result<Committed, GitError> {
    let git = GitError::git;
    if message.trim().is_empty() {
        return Err(GitError::NoMessage);
    }
    let repository = open_around(folder)?;
    let top = top_of(&repository, folder)?;
    let mut index = repository.index().map_err(git("read the index"))?;
    check_finished(&repository, &index, &top)?;
    let files = named_files(&repository, &index, folder, &top, paths)?;
    for path in &files {
        stage(&repository, &mut index, path)?;
    }
    let (head, tree) = head_of(&repository)?;
    let changes = staged(&index, &files);
    let new = updated_tree(&repository, tree.as_ref().map(Tree::id), &changes)?;
    if tree.as_ref().map(Tree::id) == Some(new) || (tree.is_none() && changes.is_empty()) {
        return Err(GitError::NothingToCommit);
    }
    index
        .write()
        .map_err(git("write the index (does another git hold its lock?)"))?;
    let commit = write(
        &repository,
        head,
        new,
        message,
        (&author.sign_now()?, &committer.sign_now()?),
    )?;
    let branch = repository.head().ok().filter(git2::Reference::is_branch);
    Ok(Committed {
        commit: commit.to_string(),
        branch: branch.and_then(|it| it.shorthand().map(str::to_owned).ok()),
        files: changed_files(&repository, tree.as_ref(), new)?,
    })
}

pub(super) fn open_around(folder: &Path) -> Result<Repository, GitError> {
    if !folder.is_dir() {
        return Err(GitError::NoSuchFolder {
            path: folder.to_owned(),
        });
    }
    Repository::discover(folder).map_err(|error| GitError::NotARepository {
        path: folder.to_owned(),
        why: match error.code() {
            ErrorCode::NotFound => "there is none here or above".to_owned(),
            ErrorCode::Owner => "it belongs to another user".to_owned(),
            _ => error.message().to_owned(),
        },
    })
}

/// The folder with the files, without links. A repository that says its files are somewhere else is refused.
pub(super) fn top_of(repository: &Repository, folder: &Path) -> Result<PathBuf, GitError> {
    let refuse = |why: &str| GitError::NotARepository {
        path: folder.to_owned(),
        why: why.to_owned(),
    };
    let top = repository
        .workdir()
        .ok_or_else(|| refuse("it is a bare repository, without files"))?;
    let top = fs::canonicalize(top).map_err(GitError::files("find", top))?;
    let real = fs::canonicalize(folder).map_err(GitError::files("find", folder))?;
    match real.starts_with(&top) {
        true => Ok(top),
        false => Err(refuse("its configuration puts its files elsewhere")),
    }
}

fn check_finished(repository: &Repository, index: &Index, top: &Path) -> Result<(), GitError> {
    let unfinished = |why: &str| {
        Err(GitError::Unfinished {
            repository: top.to_owned(),
            why: why.to_owned(),
        })
    };
    if index.has_conflicts() {
        return unfinished("files are in conflict (resolve them first)");
    }
    match repository.state() {
        RepositoryState::Clean => Ok(()),
        state => {
            let why = format!("{state:?} is under way (finish or abort it first)").to_lowercase();
            unfinished(&why)
        }
    }
}

/// The files that the paths stand for, relative to the top.
fn named_files(
    repository: &Repository,
    index: &Index,
    folder: &Path,
    top: &Path,
    paths: &[PathBuf],
) -> Result<BTreeSet<Vec<u8>>, GitError> {
    let mut files = BTreeSet::new();
    for path in paths {
        let refuse = |why: &str| GitError::Uncommittable {
            path: path.display().to_string(),
            why: why.to_owned(),
        };
        let relative = inside(folder, top, path).map_err(refuse)?;
        let whole = top.join(&relative);
        let there = fs::symlink_metadata(&whole).ok();
        let bytes = relative.as_os_str().as_bytes().to_vec();
        if there.as_ref().is_some_and(fs::Metadata::is_dir) || bytes.is_empty() {
            if !bytes.is_empty() && submodule(index, &relative) {
                return Err(refuse("it is a submodule (commit in it, then with git)"));
            }
            files.extend(changed_below(repository, &bytes)?);
            continue;
        }
        let known = index.get_path(&relative, 0).is_some();
        match there {
            None if known => {}
            None => {
                let below = changed_below(repository, &bytes)?;
                if below.is_empty() {
                    return Err(refuse("there is no such file (is the path right?)"));
                }
                files.extend(below);
                continue;
            }
            Some(_) if known => {}
            Some(_) if repository.is_path_ignored(&relative).unwrap_or(false) => {
                return Err(refuse(
                    "a .gitignore names it (add it with `git add --force` if you mean it)",
                ));
            }
            Some(it) if it.is_file() || it.is_symlink() => {}
            Some(_) => return Err(refuse("it is neither a file nor a folder")),
        }
        files.insert(bytes);
    }
    Ok(files)
}

/// A path relative to the top, if it is inside and no link is passed on the way to it.
fn inside(folder: &Path, top: &Path, path: &Path) -> Result<PathBuf, &'static str> {
    const OUTSIDE: &str = "it is outside the repository";
    let folder = fs::canonicalize(folder).map_err(|_| OUTSIDE)?;
    let mut whole = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::ParentDir => {
                whole.pop();
            }
            Component::CurDir => {}
            part => whole.push(part),
        }
    }
    let relative = whole.strip_prefix(top).map_err(|_| OUTSIDE)?.to_owned();
    if relative
        .iter()
        .any(|it| is_control_folder(&it.to_string_lossy()))
    {
        return Err("it belongs to git");
    }
    let mut way = top.to_owned();
    for part in relative.parent().into_iter().flat_map(Path::iter) {
        way.push(part);
        if fs::symlink_metadata(&way).is_ok_and(|it| it.is_symlink()) {
            return Err("it lies behind a symbolic link");
        }
    }
    Ok(relative)
}

fn submodule(index: &Index, path: &Path) -> bool {
    index
        .get_path(path, 0)
        .is_some_and(|it| it.mode & 0o170_000 == 0o160_000)
}

/// Files at or below a folder that differ from the last commit, new ones that aren't ignored included.
fn changed_below(repository: &Repository, folder: &[u8]) -> Result<Vec<Vec<u8>>, GitError> {
    let mut options = StatusOptions::new();
    options
        .include_untracked(true)
        .recurse_untracked_dirs(true)
        .exclude_submodules(true)
        .disable_pathspec_match(true);
    if !folder.is_empty() {
        options.pathspec(folder);
    }
    let statuses = repository
        .statuses(Some(&mut options))
        .map_err(GitError::git("look for changed files"))?;
    let changed = statuses.iter().filter(|it| it.status() != Status::CURRENT);
    Ok(changed
        .map(|it| it.path_bytes().to_vec())
        // Another repository inside this one.
        .filter(|it| !it.ends_with(b"/"))
        .collect())
}

fn stage(repository: &Repository, index: &mut Index, path: &[u8]) -> Result<(), GitError> {
    let git = GitError::git;
    let relative = Path::new(OsStr::from_bytes(path));
    let refuse = |why: String| GitError::Uncommittable {
        path: relative.display().to_string(),
        why,
    };
    let top = repository.workdir().unwrap_or(Path::new(""));
    if fs::symlink_metadata(top.join(relative)).is_err() {
        return match index.remove(relative, 0) {
            Err(error) if error.code() != ErrorCode::NotFound => Err(GitError::Git {
                doing: "stage a deletion",
                source: error,
            }),
            _ => Ok(()),
        };
    }
    if submodule(index, relative) {
        return Err(refuse(
            "it is a submodule (commit in it, then with git)".to_owned(),
        ));
    }
    let filter = repository
        .get_attr(relative, "filter", AttrCheckFlags::default())
        .map_err(git("read the attributes of a file"))?;
    if let AttrValue::String(name) = AttrValue::from_string(filter) {
        return Err(refuse(format!(
            "it is kept through the filter `{name}`, which isn't run here (commit it with git)"
        )));
    }
    // Only a whole name: a path may contain what looks like a pattern.
    index
        .add_all(
            [path],
            IndexAddOption::DISABLE_PATHSPEC_MATCH | IndexAddOption::FORCE,
            None,
        )
        .map_err(git("stage a file"))
}

/// What the index now says about the files.
fn staged(index: &Index, files: &BTreeSet<Vec<u8>>) -> Changes {
    let mut changes = Changes::new();
    for path in files {
        let entry = index.get_path(Path::new(OsStr::from_bytes(path)), 0);
        let entry = entry.and_then(|it| {
            let mode = Mode::from_git(i32::try_from(it.mode).ok()?);
            Some(Entry { mode, id: it.id })
        });
        changes.insert(path.clone(), entry);
    }
    changes
}

fn head_of(repository: &Repository) -> Result<(Option<Oid>, Option<Tree<'_>>), GitError> {
    match repository.head() {
        Ok(head) => {
            let commit = head
                .peel_to_commit()
                .map_err(GitError::git("read the last commit"))?;
            let tree = commit
                .tree()
                .map_err(GitError::git("read the last commit"))?;
            Ok((Some(commit.id()), Some(tree)))
        }
        Err(error) if error.code() == ErrorCode::UnbornBranch => Ok((None, None)),
        Err(source) => Err(GitError::Git {
            doing: "read what is checked out",
            source,
        }),
    }
}

fn write(
    repository: &Repository,
    head: Option<Oid>,
    tree: Oid,
    message: &str,
    (author, committer): (&Signature<'_>, &Signature<'_>),
) -> Result<Oid, GitError> {
    let git = GitError::git;
    let tree = repository.find_tree(tree).map_err(git("read a tree"))?;
    let parent = head
        .map(|it| repository.find_commit(it))
        .transpose()
        .map_err(git("read the last commit"))?;
    let parents: Vec<_> = parent.iter().collect();
    let message = format!("{}\n", message.trim());
    repository
        .commit(Some("HEAD"), author, committer, &message, &tree, &parents)
        .map_err(git("write the commit"))
}

fn changed_files(
    repository: &Repository,
    old: Option<&Tree<'_>>,
    new: Oid,
) -> Result<Vec<String>, GitError> {
    let git = GitError::git;
    let new = repository.find_tree(new).map_err(git("read a tree"))?;
    let diff = repository
        .diff_tree_to_tree(old, Some(&new), None)
        .map_err(git("compare two trees"))?;
    let mut files: Vec<String> = diff
        .deltas()
        .filter_map(|it| it.new_file().path_bytes().or(it.old_file().path_bytes()))
        .map(|it| String::from_utf8_lossy(it).into_owned())
        .collect();
    files.dedup();
    Ok(files)
}
