//! The difference between two trees as a patch that `git apply` takes, and as a list of files with their new lines.

use std::collections::BTreeMap;
use std::path::Path;

use git2::{Delta, Diff, DiffDelta, DiffOptions, FileMode, Oid, Patch, Repository};
use protocol::{Change, ChangeKind, ChangedFile, Encoding, LineRange, TreeId, decoded_patch};

use super::tree::updated_tree;
use super::{Changes, Entry, GitError, Mode, Store, parse_id};

/// Files of a tree, by their paths with `/` between their parts.
pub type Texts = BTreeMap<String, String>;

/// What turns the files `old` into the files `new`, as every checkout tells its own change. `folder` is where the two are
/// kept; the program that calls this wrote them itself.
pub fn difference_between(folder: &Path, old: &Texts, new: &Texts) -> Result<Change, GitError> {
    let store = Store::open(folder, None)?;
    let (old, new) = (store.keep(old)?, store.keep(new)?);
    store.difference(old, new)
}

impl Store {
    /// What turns the tree `base` into `tree`, read from git once more.
    pub fn change_between(&self, base: &TreeId, tree: &TreeId) -> Result<Change, GitError> {
        self.difference(parse_id(&base.0)?, parse_id(&tree.0)?)
    }

    /// Writes a tree of ordinary files.
    fn keep(&self, texts: &Texts) -> Result<Oid, GitError> {
        let repository = self.repository()?;
        let mut changes = Changes::new();
        for (path, text) in texts {
            let id = repository.blob(text.as_bytes());
            let id = id.map_err(GitError::git("write a file of a tree"))?;
            let mode = Mode::File;
            changes.insert(path.clone().into_bytes(), Some(Entry { mode, id }));
        }
        updated_tree(&repository, None, &changes)
    }

    /// What turns the tree `old` into the tree `new`.
    pub fn difference(&self, old: Oid, new: Oid) -> Result<Change, GitError> {
        let repository = self.repository()?;
        let diff = compare(&repository, old, new, None)?;
        let mut change = Change::default();
        let mut files: BTreeMap<String, ChangedFile> = BTreeMap::new();
        for number in 0..diff.deltas().len() {
            let delta = diff.get_delta(number).ok_or_else(|| GitError::Git {
                doing: "read a difference",
                source: git2::Error::from_str("a file of it is missing"),
            })?;
            let (text, lines) = match text_patch(&repository, &diff, number)? {
                Some(text_and_lines) => text_and_lines,
                None => {
                    let path = path_of(&delta);
                    (binary_patch(&repository, old, new, &path)?, Vec::new())
                }
            };
            change.patch += &text;
            note_file(
                &mut files,
                &delta,
                text.contains("\nGIT binary patch\n"),
                lines,
            );
        }
        change.files = files.into_values().collect();
        Ok(change)
    }
}

/// Nothing here depends on anybody's configuration: prefixes, context and identifiers are fixed.
fn compare<'a>(
    repository: &'a Repository,
    old: Oid,
    new: Oid,
    only: Option<&[u8]>,
) -> Result<Diff<'a>, GitError> {
    let git = GitError::git;
    let old = repository.find_tree(old).map_err(git("read a tree"))?;
    let new = repository.find_tree(new).map_err(git("read a tree"))?;
    let mut options = DiffOptions::new();
    options
        .context_lines(3)
        .interhunk_lines(0)
        .old_prefix("a")
        .new_prefix("b")
        .id_abbrev(40)
        .show_binary(true)
        .ignore_submodules(true)
        .disable_pathspec_match(true);
    if let Some(path) = only {
        options.pathspec(path).force_binary(true);
    }
    repository
        .diff_tree_to_tree(Some(&old), Some(&new), Some(&mut options))
        .map_err(git("compare two trees"))
}

/// The patch of one file and its new lines; none when the file is neither in UTF-8 nor in the encoding that it declares,
/// and so can't be shown as text.
fn text_patch(
    repository: &Repository,
    diff: &Diff<'_>,
    number: usize,
) -> Result<Option<(String, Vec<LineRange>)>, GitError> {
    let git = GitError::git;
    let Some(mut patch) = Patch::from_diff(diff, number).map_err(git("read a difference"))? else {
        return Ok(Some((String::new(), Vec::new())));
    };
    let text = patch.to_buf().map_err(git("write a patch"))?;
    let (before, after) = match text.is_ascii() {
        true => (Encoding::UTF_8, Encoding::UTF_8),
        false => encodings(repository, &patch.delta()),
    };
    let Some(text) = decoded_patch(&text, before, after) else {
        return Ok(None);
    };
    Ok(Some((text, new_lines(&patch)?)))
}

/// What a file is in before and after the change; where there is none, it is the other side's.
fn encodings(repository: &Repository, delta: &DiffDelta<'_>) -> (Encoding, Encoding) {
    let of = |id: Oid| {
        let blob = repository.find_blob(id).ok()?;
        Some(Encoding::of_bytes(blob.content()))
    };
    let (before, after) = (of(delta.old_file().id()), of(delta.new_file().id()));
    let either = before.or(after).unwrap_or(Encoding::UTF_8);
    (before.unwrap_or(either), after.unwrap_or(either))
}

fn binary_patch(
    repository: &Repository,
    old: Oid,
    new: Oid,
    path: &[u8],
) -> Result<String, GitError> {
    let git = GitError::git;
    let diff = compare(repository, old, new, Some(path))?;
    let mut text = String::new();
    for number in 0..diff.deltas().len() {
        let exact = diff
            .get_delta(number)
            .is_some_and(|it| path_of(&it) == path);
        let patch = Patch::from_diff(&diff, number).map_err(git("read a difference"))?;
        if let Some(mut patch) = patch.filter(|_| exact) {
            let bytes = patch.to_buf().map_err(git("write a patch"))?;
            text += &String::from_utf8_lossy(&bytes);
        }
    }
    Ok(text)
}

fn new_lines(patch: &Patch<'_>) -> Result<Vec<LineRange>, GitError> {
    let git = GitError::git;
    let mut ranges: Vec<LineRange> = Vec::new();
    for hunk in 0..patch.num_hunks() {
        let lines = patch
            .num_lines_in_hunk(hunk)
            .map_err(git("read a difference"))?;
        for line in 0..lines {
            let line = patch
                .line_in_hunk(hunk, line)
                .map_err(git("read a difference"))?;
            let (Some(number), '+') = (line.new_lineno(), line.origin()) else {
                continue;
            };
            match ranges.last_mut() {
                Some(range) if range.last + 1 == number => range.last = number,
                _ => ranges.push(LineRange {
                    first: number,
                    last: number,
                }),
            }
        }
    }
    Ok(ranges)
}

/// A file that becomes a link, or the other way round, is a deletion and an addition in the patch, but one
/// modified file to a reader.
fn note_file(
    files: &mut BTreeMap<String, ChangedFile>,
    delta: &DiffDelta<'_>,
    binary: bool,
    lines: Vec<LineRange>,
) {
    let path = String::from_utf8_lossy(&path_of(delta)).into_owned();
    let kind = match delta.status() {
        Delta::Added => ChangeKind::Added,
        Delta::Deleted => ChangeKind::Deleted,
        _ => ChangeKind::Modified,
    };
    let symlink = delta.new_file().mode() == FileMode::Link;
    match files.get_mut(&path) {
        None => {
            let file = ChangedFile {
                path: path.clone(),
                kind,
                binary,
                symlink,
                lines,
            };
            files.insert(path, file);
        }
        Some(file) => {
            file.kind = ChangeKind::Modified;
            file.binary |= binary;
            file.symlink |= symlink;
            file.lines.extend(lines);
        }
    }
}

fn path_of(delta: &DiffDelta<'_>) -> Vec<u8> {
    let file = match delta.status() {
        Delta::Deleted => delta.old_file(),
        _ => delta.new_file(),
    };
    file.path_bytes().unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn two_sets_of_files_differ_as_two_trees_do() {
        let texts = |files: &[(&str, &str)]| -> Texts {
            let files = files.iter();
            files
                .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
                .collect()
        };
        let folder = tempfile::tempdir().expect("a folder for the test");
        let change = difference_between(
            folder.path(),
            &texts(&[
                ("a.py", "def f():\n    a\n    b\n    c\n    d\n"),
                ("gone.py", "1\n"),
            ]),
            &texts(&[
                ("a.py", "def f():\n    a\n    b\n    c\n    e\n"),
                ("new/b.py", "2\n"),
            ]),
        );
        let change = change.expect("they can be compared");
        let without_ids: String = change
            .patch
            .split_inclusive('\n')
            .filter(|it| !it.starts_with("index "))
            .collect();
        expect![[r"
            diff --git a/a.py b/a.py
            --- a/a.py
            +++ b/a.py
            @@ -2,4 +2,4 @@ def f():
                 a
                 b
                 c
            -    d
            +    e
            diff --git a/gone.py b/gone.py
            deleted file mode 100644
            --- a/gone.py
            +++ /dev/null
            @@ -1 +0,0 @@
            -1
            diff --git a/new/b.py b/new/b.py
            new file mode 100644
            --- /dev/null
            +++ b/new/b.py
            @@ -0,0 +1 @@
            +2
        "]]
        .assert_eq(&without_ids);
        assert_eq!(change.files.len(), 3);
    }
}
