//! Git trees as flat lists of paths, and new trees made from old ones by a few changes.

use std::collections::BTreeMap;
use std::fs::Metadata;

use files::is_control_folder;
use files::is_executable;
use git2::{ObjectType, Oid, Repository, Tree};

use super::GitError;

/// Most files of one tree.
const ENTRIES_MAX: usize = 1_000_000;

/// Deepest folder of one tree.
const DEPTH_MAX: usize = 200;

/// What git keeps about one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub mode: Mode,
    /// The blob with its content, or the commit of a submodule.
    pub id: Oid,
}

/// The kinds of thing that git keeps at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// An ordinary file.
    File,
    /// A file that may be executed.
    Executable,
    /// A symbolic link; its blob is its target.
    Link,
    /// Another repository's commit; laid out as an empty folder.
    Submodule,
}

impl Mode {
    /// From the bits that git keeps.
    pub fn from_git(mode: i32) -> Mode {
        match mode & 0o170_000 {
            0o120_000 => Mode::Link,
            0o160_000 => Mode::Submodule,
            _ if mode & 0o111 != 0 => Mode::Executable,
            _ => Mode::File,
        }
    }

    /// What git would call a file or a link on disk.
    pub fn of(metadata: &Metadata) -> Mode {
        match metadata {
            it if it.is_symlink() => Mode::Link,
            it if is_executable(it) => Mode::Executable,
            _ => Mode::File,
        }
    }

    /// The number git writes into a tree or an index.
    pub fn to_git(self) -> i32 {
        match self {
            Mode::File => 0o100_644,
            Mode::Executable => 0o100_755,
            Mode::Link => 0o120_000,
            Mode::Submodule => 0o160_000,
        }
    }
}

/// All paths of a tree, as bytes, with `/` between their parts.
pub type Tracked = BTreeMap<Vec<u8>, Entry>;

/// New entries by path; none takes the path away.
pub type Changes = BTreeMap<Vec<u8>, Option<Entry>>;

/// Reads a whole tree. A name that must never be laid out is an error.
pub(crate) fn read_tree(repository: &Repository, tree: Oid) -> Result<Tracked, GitError> {
    let mut tracked = Tracked::new();
    let mut open = vec![(tree, Vec::new(), 0)];
    while let Some((id, folder, depth)) = open.pop() {
        let tree = repository
            .find_tree(id)
            .map_err(GitError::git("read a tree"))?;
        for item in &tree {
            let name = item.name_bytes();
            check_entry_name(name)?;
            let mut path: Vec<u8> = folder.clone();
            path.extend_from_slice(name);
            if item.kind() == Some(ObjectType::Tree) {
                if depth >= DEPTH_MAX {
                    return Err(unsafe_entry(&path));
                }
                path.push(b'/');
                open.push((item.id(), path, depth + 1));
                continue;
            }
            let mode = Mode::from_git(item.filemode_raw());
            tracked.insert(
                path,
                Entry {
                    mode,
                    id: item.id(),
                },
            );
            if tracked.len() > ENTRIES_MAX {
                return Err(GitError::TooManyEntries {
                    entries_max: ENTRIES_MAX,
                });
            }
        }
    }
    Ok(tracked)
}

/// Refuses names that lead out of their folder or into git's own one, as any file system may spell it.
pub(crate) fn check_entry_name(name: &[u8]) -> Result<(), GitError> {
    let leads_away = name.is_empty()
        || name == b"."
        || name == b".."
        || name.contains(&b'/')
        || name.contains(&0);
    if leads_away || is_control_folder(&String::from_utf8_lossy(name)) {
        return Err(unsafe_entry(name));
    }
    Ok(())
}

fn unsafe_entry(name: &[u8]) -> GitError {
    GitError::UnsafeEntry {
        name: String::from_utf8_lossy(name).escape_debug().to_string(),
    }
}

/// Writes the tree that `base` becomes with `changes`. Folders that become empty disappear.
pub(crate) fn updated_tree(
    repository: &Repository,
    base: Option<Oid>,
    changes: &Changes,
) -> Result<Oid, GitError> {
    let base = base
        .map(|id| repository.find_tree(id))
        .transpose()
        .map_err(GitError::git("read a tree"))?;
    let changes: Vec<(&[u8], Option<Entry>)> = changes
        .iter()
        .map(|(path, entry)| (path.as_slice(), *entry))
        .collect();
    match updated_folder(repository, base.as_ref(), &changes)? {
        Some(id) => Ok(id),
        None => repository
            .treebuilder(None)
            .and_then(|it| it.write())
            .map_err(GitError::git("write a tree")),
    }
}

/// One folder of [`updated_tree`]; none when nothing is left in it.
fn updated_folder(
    repository: &Repository,
    base: Option<&Tree<'_>>,
    changes: &[(&[u8], Option<Entry>)],
) -> Result<Option<Oid>, GitError> {
    let git = GitError::git;
    let mut builder = repository.treebuilder(base).map_err(git("change a tree"))?;
    let mut by_name: BTreeMap<&[u8], NameChanges<'_>> = BTreeMap::new();
    for (path, entry) in changes {
        match path.iter().position(|it| *it == b'/') {
            None => by_name.entry(path).or_default().itself = Some(*entry),
            Some(at) => by_name
                .entry(&path[..at])
                .or_default()
                .below
                .push((&path[at + 1..], *entry)),
        }
    }
    for (name, changes) in by_name {
        let was = builder
            .get(name)
            .map_err(git("change a tree"))?
            .map(|it| (it.id(), it.kind()));
        let folder = match was {
            Some((id, Some(ObjectType::Tree))) => {
                Some(repository.find_tree(id).map_err(git("read a tree"))?)
            }
            _ => None,
        };
        // A file goes before the files of a folder in its place come, and the other way round.
        if was.is_some() && folder.is_none() && changes.itself == Some(None) {
            builder.remove(name).map_err(git("change a tree"))?;
        }
        if !changes.below.is_empty() {
            match updated_folder(repository, folder.as_ref(), &changes.below)? {
                Some(id) => {
                    builder
                        .insert(name, id, 0o040_000)
                        .map_err(git("change a tree"))?;
                }
                None if folder.is_some() => builder.remove(name).map_err(git("change a tree"))?,
                None => {}
            }
        }
        if let Some(Some(entry)) = changes.itself {
            builder
                .insert(name, entry.id, entry.mode.to_git())
                .map_err(git("change a tree"))?;
        }
    }
    if builder.is_empty() {
        return Ok(None);
    }
    builder.write().map(Some).map_err(git("write a tree"))
}

#[derive(Default)]
struct NameChanges<'a> {
    /// What happens to the file of that name.
    itself: Option<Option<Entry>>,
    /// What happens in the folder of that name.
    below: Vec<(&'a [u8], Option<Entry>)>,
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// `changes`: words like `a/b=text` to put a file there, `-a/b` to take it away.
    fn check(base: &str, changes: &str, want: Expect) {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(folder.path()).unwrap();
        let parse = |words: &str| -> Changes {
            words
                .split_whitespace()
                .map(|word| match word.strip_prefix('-') {
                    Some(path) => (path.into(), None),
                    None => {
                        let (path, text) = word.split_once('=').unwrap();
                        let id = repository.blob(text.as_bytes()).unwrap();
                        (
                            path.into(),
                            Some(Entry {
                                mode: Mode::File,
                                id,
                            }),
                        )
                    }
                })
                .collect()
        };
        let base = updated_tree(&repository, None, &parse(base)).unwrap();
        let tree = updated_tree(&repository, Some(base), &parse(changes)).unwrap();
        let shown: Vec<String> = read_tree(&repository, tree)
            .unwrap()
            .into_iter()
            .map(|(path, entry)| {
                let text = repository.find_blob(entry.id).unwrap();
                format!(
                    "{}={}",
                    String::from_utf8_lossy(&path),
                    String::from_utf8_lossy(text.content())
                )
            })
            .collect();
        want.assert_eq(&shown.join(" "));
    }

    #[test]
    fn files_are_added_changed_and_taken_away() {
        check(
            "a=1 d/b=2 d/c=3",
            "a=9 -d/b e/f/g=7",
            expect!["a=9 d/c=3 e/f/g=7"],
        );
    }

    #[test]
    fn a_folder_that_becomes_empty_disappears() {
        check("a=1 d/e/b=2", "-d/e/b", expect!["a=1"]);
        check("a=1", "-a", expect![""]);
    }

    #[test]
    fn a_file_becomes_a_folder_and_back() {
        check("a=1", "-a a/b=2", expect!["a/b=2"]);
        check("a/b=2 a/c=3", "-a/b -a/c a=1", expect!["a=1"]);
    }

    #[test]
    fn no_spelling_of_the_control_folder_is_laid_out() {
        for name in [
            ".git",
            ".GIT",
            ".git.",
            ".git ",
            "git~1",
            ".g\u{200c}it",
            ".git::$INDEX_ALLOCATION",
            "..",
            ".",
            "",
            "a/b",
        ] {
            assert!(check_entry_name(name.as_bytes()).is_err(), "{name:?}");
        }
        for name in [".gitignore", "git", ".github", "a.git", "g", "\u{fc}.py"] {
            check_entry_name(name.as_bytes()).unwrap();
        }
    }
}
