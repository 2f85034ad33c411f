//! Every file below a folder that isn't ignored, without following links.

use std::collections::HashMap;
use std::fs::Metadata;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::{DirEntry, Match, WalkBuilder};

use super::{Folder, TreePath};
use crate::is_control_folder;

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

/// What names the files that nobody wants.
const IGNORE_FILE: &str = ".gitignore";

/// Longest `.gitignore` that counts.
const IGNORE_BYTES_MAX: u64 = 1 << 20;

/// A file or a link.
#[derive(Debug)]
pub struct Found {
    /// Relative to the root, as bytes, with `/` between its parts.
    pub path: Vec<u8>,
    /// Of the link itself, where it is one.
    pub metadata: Metadata,
}

/// Whether a name is build litter.
fn is_litter(name: &str) -> bool {
    LITTER.contains(&name) || LITTER_ENDS.iter().any(|it| name.ends_with(it))
}

/// All files and links at or below `under` in the tree `folder`, sorted by path.
///
/// Left out: what a `.gitignore` of the tree names, build litter, `.git`, the folders in `closed`, and whatever is
/// neither a file nor a link. Ignore files above the root or of the user don't count, nor does any other kind.
pub fn walk(
    folder: &Folder,
    under: &TreePath,
    closed: &[Vec<u8>],
) -> Result<Vec<Found>, ignore::Error> {
    let root = folder.path();
    let (top, wanted, closed) = (root.to_owned(), under.clone(), closed.to_vec());
    let folder = folder.again().map_err(ignore::Error::Io)?;
    let ignored = Ignored::new(folder);
    let mut builder = WalkBuilder::new(root);
    builder
        .standard_filters(false)
        .follow_links(false)
        .filter_entry(move |entry| {
            is_wanted(entry, &top, &wanted, &closed) && !ignored.names(entry)
        });
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

/// The ignore files of a tree. The walker would follow a link that is called so, and wait for a pipe; git and we
/// don't.
struct Ignored {
    folder: Folder,
    /// By folder; none for one without any.
    files: Mutex<HashMap<PathBuf, Option<Arc<Gitignore>>>>,
}

impl Ignored {
    fn new(folder: Folder) -> Ignored {
        Ignored {
            folder,
            files: Mutex::default(),
        }
    }

    /// Whether an entry of a folder that isn't ignored itself is ignored; the nearest ignore file has the last word.
    fn names(&self, entry: &DirEntry) -> bool {
        let is_folder = entry.file_type().is_some_and(|it| it.is_dir());
        let folders = entry.path().ancestors().skip(1);
        folders
            .take_while(|it| it.starts_with(self.folder.path()))
            .filter_map(|it| self.file_of(it))
            .find_map(|it| match it.matched(entry.path(), is_folder) {
                Match::None => None,
                said => Some(said.is_ignore()),
            })
            .unwrap_or(false)
    }

    fn file_of(&self, folder: &Path) -> Option<Arc<Gitignore>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = files.get(folder) {
            return known.clone();
        }
        let file = self.read(folder).map(Arc::new);
        files.insert(folder.to_owned(), file.clone());
        file
    }

    fn read(&self, folder: &Path) -> Option<Gitignore> {
        let inside = relative(folder, self.folder.path())?;
        let path = match inside {
            b"" => IGNORE_FILE.as_bytes().to_vec(),
            inside => [inside, b"/", IGNORE_FILE.as_bytes()].concat(),
        };
        let file = self
            .folder
            .open_plain(&TreePath::from_tracked(&path))
            .ok()?;
        if !file.metadata().is_ok_and(|it| it.is_file()) {
            return None;
        }
        let mut bytes = Vec::new();
        file.take(IGNORE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
        let mut builder = GitignoreBuilder::new(folder);
        for line in String::from_utf8_lossy(&bytes).lines() {
            if let Err(error) = builder.add_line(None, line) {
                tracing::debug!(%error, "left a line of an ignore file out");
            }
        }
        builder.build().ok()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[track_caller]
    fn check(prepare: impl Fn(&Path), expected: &[&str]) {
        let tree = tempfile::tempdir().expect("a temporary folder");
        for path in ["a.txt", "a.log", "sub/a.log", "sub/out/b.txt"] {
            let path = tree.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, "").expect("a file");
        }
        prepare(tree.path());
        let folder = Folder::open(tree.path()).expect("the tree");
        let root = TreePath::parse("", tree.path()).expect("the root");
        let found = walk(&folder, &root, &[]).expect("it can be walked");
        let found: Vec<String> = found
            .into_iter()
            .map(|it| String::from_utf8(it.path).expect("UTF-8"))
            .filter(|it| !it.ends_with(IGNORE_FILE))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_nearest_ignore_file_has_the_last_word() {
        check(
            |tree| {
                fs::write(tree.join(IGNORE_FILE), "*.log\n/sub/out/\n").expect("a file");
                fs::write(tree.join("sub/.gitignore"), "!a.log\n").expect("a file");
            },
            &["a.txt", "sub/a.log"],
        );
    }

    #[test]
    fn an_ignore_file_that_is_no_plain_file_does_not_count() {
        let all = ["a.log", "a.txt", "sub/a.log", "sub/out/b.txt"];
        check(
            |tree| {
                std::os::unix::fs::symlink("/dev/zero", tree.join(IGNORE_FILE)).expect("a link");
            },
            &all,
        );
        check(
            |tree| {
                let path = tree.join("sub/.gitignore");
                mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a pipe");
            },
            &all,
        );
    }
}
