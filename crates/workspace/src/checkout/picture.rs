//! A `.git` folder inside a tree, for the git that programs in the sandbox may ask about their surroundings.
//!
//! It is a picture only: the base commit, an index, and the way to the objects. We never read it ourselves, so
//! whatever a program might do to it changes nothing.

use std::fs;
use std::path::Path;

use git2::{Index, IndexEntry, IndexTime, Oid};

use crate::checkout::kept::KeptFiles;
use crate::git::{GitError, Mode, Store, Tracked, kept_files};

const CONFIGURATION: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tfsmonitor = false\n\thooksPath = /dev/null\n[gc]\n\tauto = 0\n";

/// Draws the picture in the tree at `folder`: the base commit is checked out, and the index holds its files, so
/// that `git status` and `git diff` show what has been changed.
pub(crate) fn draw(
    store: &Store,
    folder: &Path,
    base_commit: Oid,
    base: &Tracked,
    laid_out: &KeptFiles,
) -> Result<(), GitError> {
    let git = folder.join(".git");
    for name in [
        "objects/info",
        "objects/pack",
        "refs/heads",
        "refs/tags",
        "info",
    ] {
        let path = git.join(name);
        fs::create_dir_all(&path).map_err(GitError::files("create the folder", path))?;
    }
    let alternates: String = store
        .object_folders()
        .iter()
        .map(|it| format!("{}\n", it.display()))
        .collect();
    let files = [
        ("HEAD", format!("{base_commit}\n")),
        ("config", CONFIGURATION.to_owned()),
        // Usually the history before the base was never fetched.
        ("shallow", format!("{base_commit}\n")),
        ("objects/info/alternates", alternates),
    ];
    let files = files.map(|(name, text)| (name, text.into_bytes()));
    // What was fetched of the history after all takes the place of the little that is always there.
    for (name, text) in files.into_iter().chain(kept_files(store)) {
        let path = git.join(name);
        fs::write(&path, text).map_err(GitError::files("write", path))?;
    }
    write_index(&git.join("index"), folder, base, laid_out)
}

fn write_index(
    path: &Path,
    folder: &Path,
    base: &Tracked,
    laid_out: &KeptFiles,
) -> Result<(), GitError> {
    let mut index = Index::open(path).map_err(GitError::git("start an index"))?;
    for (path, entry) in base {
        let kept = laid_out.get(path).filter(|it| it.entry == *entry);
        let facts = kept.and_then(|_| facts(folder, path));
        let facts = facts.unwrap_or_default();
        let entry = IndexEntry {
            ctime: IndexTime::new(facts.changed.0, facts.changed.1),
            mtime: IndexTime::new(facts.modified.0, facts.modified.1),
            dev: facts.device,
            ino: facts.inode,
            mode: Mode::to_git(entry.mode).unsigned_abs(),
            uid: facts.user,
            gid: facts.group,
            file_size: facts.size,
            id: entry.id,
            flags: 0,
            flags_extended: 0,
            path: path.clone(),
        };
        index.add(&entry).map_err(GitError::git("fill an index"))?;
    }
    index.write().map_err(GitError::git("write an index"))
}

/// What an index remembers of a file, so that git needn't read it again.
#[derive(Default)]
struct Facts {
    changed: (i32, u32),
    modified: (i32, u32),
    device: u32,
    inode: u32,
    user: u32,
    group: u32,
    size: u32,
}

/// An index keeps the low 32 bits of each number, by its format.
fn facts(folder: &Path, path: &[u8]) -> Option<Facts> {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::MetadataExt;
    let path = folder.join(std::ffi::OsStr::from_bytes(path));
    let it = fs::symlink_metadata(path).ok()?;
    Some(Facts {
        changed: (it.ctime() as i32, it.ctime_nsec() as u32),
        modified: (it.mtime() as i32, it.mtime_nsec() as u32),
        device: it.dev() as u32,
        inode: it.ino() as u32,
        user: it.uid(),
        group: it.gid(),
        size: it.size() as u32,
    })
}
