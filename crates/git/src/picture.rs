//! A `.git` folder inside a tree, for the git that programs in the sandbox may ask about their surroundings.
//!
//! It is a picture only: the base commit, an index, and the way to the objects. We never read it ourselves, so
//! whatever a program might do to it changes nothing.

use std::fs;
use std::path::Path;

use git2::{Index, IndexEntry, IndexTime, ObjectType, Oid, Repository};

use crate::kept::KeptFiles;
use crate::{GitError, History, Mode, Store, Tracked, history};

const CONFIGURATION: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tfsmonitor = false\n\thooksPath = /dev/null\n[gc]\n\tauto = 0\n";

/// Draws the picture in the tree at `folder`: the base commit is checked out, and the index holds its files, so
/// that `git status` and `git diff` show what has been changed.
pub fn draw(
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
        // As in a person's checkout, so that nothing tells one from the other.
        "hooks",
        "logs/refs/heads",
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
        ("description", "Unnamed repository\n".to_owned()),
        ("info/exclude", String::new()),
        ("packed-refs", references(store, base_commit)?),
        ("objects/info/alternates", alternates),
    ];
    for (name, text) in files {
        let path = git.join(name);
        fs::write(&path, text).map_err(GitError::files("write", path))?;
    }
    write_index(&git.join("index"), folder, base, laid_out)
}

/// The tags that were fetched, and where the history begins here: usually with the base itself.
///
/// A commit whose parents weren't fetched is replaced by one without parents. The same could be said in git's file of
/// shallow commits, but then tools that ask git for a version warn of a clone that isn't whole, and tests break on that.
fn references(store: &Store, base_commit: Oid) -> Result<String, GitError> {
    let History { tags, ends } = history(store);
    let repository = store.repository()?;
    let mut text = String::from("# pack-refs with: peeled fully-peeled sorted \n");
    let mut ends = ends.unwrap_or_else(|| vec![base_commit]);
    ends.sort();
    for end in ends {
        if let Some(first) = without_parents(&repository, end)? {
            text += &format!("{first} refs/replace/{end}\n");
        }
    }
    Ok(text + &tags)
}

/// A copy of a commit that is the first of all; nothing where it is that already.
fn without_parents(repository: &Repository, id: Oid) -> Result<Option<Oid>, GitError> {
    let objects = repository
        .odb()
        .map_err(GitError::git("open the run's objects"))?;
    let commit = objects
        .read(id)
        .map_err(GitError::git("read where the history begins"))?;
    let whole = commit.data();
    let header = whole.windows(2).position(|it| it == b"\n\n");
    let (header, rest) = whole.split_at(header.unwrap_or(whole.len()));
    let lines = header.split(|it| *it == b'\n');
    let kept: Vec<&[u8]> = lines.filter(|it| !it.starts_with(b"parent ")).collect();
    let first = [&kept.join(&b'\n'), rest].concat();
    if first == whole {
        return Ok(None);
    }
    objects
        .write(ObjectType::Commit, &first)
        .map(Some)
        .map_err(GitError::git("write where the history begins"))
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
