//! Lays a git tree out as files, byte for byte as git keeps them but for the ends of lines that `.gitattributes` asks for:
//! no filter, no hook, no configuration has a say.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::SystemTime;

use files::{Folder, Stamp, TreePath};
use git2::Repository;
use rustix::fs::{Mode as Permissions, OFlags};
use rustix::io::Errno;

use crate::kept::{Kept, KeptFiles};
use crate::{Endings, Entry, GitError, Mode, Store, Tracked};

/// Most threads that write files.
const THREADS_MAX: usize = 4;

/// Fewer files than this aren't worth another thread.
const FILES_PER_THREAD_MIN: usize = 200;

/// Lays `tracked` out in a fresh, empty folder that nobody else uses yet. Stops early, with whatever is there,
/// when `abandoned` is set.
pub fn lay_out(
    store: &Store,
    folder: &Path,
    tracked: &Tracked,
    endings: &Endings,
    abandoned: &AtomicBool,
) -> Result<KeptFiles, GitError> {
    make_folders(folder, tracked)?;
    let files: Vec<(&Vec<u8>, &Entry)> = tracked
        .iter()
        .filter(|(_, it)| matches!(it.mode, Mode::File | Mode::Executable))
        .collect();
    // One processor is left to whoever has something to do meanwhile, such as asking a model.
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = (processors - 1)
        .clamp(1, THREADS_MAX)
        .min(files.len() / FILES_PER_THREAD_MIN + 1);
    let share = files.len().div_ceil(threads).max(1);
    let shares: Vec<Result<_, GitError>> = thread::scope(|scope| {
        let workers: Vec<_> = files
            .chunks(share)
            .map(|files| scope.spawn(|| write_files(store, folder, files, endings, abandoned)))
            .collect();
        workers
            .into_iter()
            .map(|it| {
                it.join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    });
    let mut stamps = Vec::with_capacity(files.len());
    for share in shares {
        stamps.extend(share?);
    }
    // Links come last: until then no path can lead anywhere but into the folder.
    write_links(store, folder, tracked)?;
    let time = SystemTime::now();
    let mut kept: KeptFiles = tracked
        .iter()
        .map(|(path, entry)| (path.clone(), Kept::unread(*entry)))
        .collect();
    for ((path, _), stamp) in files.iter().zip(stamps) {
        if let Some(kept) = kept.get_mut(*path) {
            kept.stamp = stamp.settled(time);
        }
    }
    Ok(kept)
}

fn make_folders(folder: &Path, tracked: &Tracked) -> Result<(), GitError> {
    let mut folders: BTreeSet<&[u8]> = BTreeSet::new();
    for (path, entry) in tracked {
        for (at, _) in path.iter().enumerate().filter(|(_, it)| **it == b'/') {
            folders.insert(&path[..at]);
        }
        if entry.mode == Mode::Submodule {
            folders.insert(path);
        }
    }
    for relative in folders {
        let path = folder.join(std::ffi::OsStr::from_bytes(relative));
        std::fs::create_dir(&path).map_err(GitError::files("create the folder", &path))?;
    }
    Ok(())
}

fn write_files(
    store: &Store,
    folder: &Path,
    files: &[(&Vec<u8>, &Entry)],
    endings: &Endings,
    abandoned: &AtomicBool,
) -> Result<Vec<Stamp>, GitError> {
    let root = rustix::fs::open(
        folder,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Permissions::empty(),
    )
    .map_err(GitError::files("open", folder))?;
    let repository = store.repository()?;
    let odb = repository
        .odb()
        .map_err(GitError::git("open the run's objects"))?;
    let mut stamps = Vec::with_capacity(files.len());
    for (path, entry) in files {
        if abandoned.load(Ordering::Relaxed) {
            break;
        }
        let blob = odb.read(entry.id).map_err(GitError::git(
            "read a file of the tree (has the cache been deleted?)",
        ))?;
        let relative = Path::new(std::ffi::OsStr::from_bytes(path));
        let write = || -> io::Result<Stamp> {
            let permissions = match entry.mode {
                Mode::Executable => 0o755,
                _ => 0o644,
            };
            let file = rustix::fs::openat(
                &root,
                relative,
                OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                Permissions::from_raw_mode(permissions),
            )?;
            let mut file = File::from(file);
            file.write_all(&endings.laid_out(path, blob.data()))?;
            Ok(Stamp::of(&file.metadata()?))
        };
        stamps.push(write().map_err(GitError::files("write", folder.join(relative)))?);
    }
    Ok(stamps)
}

fn write_links(store: &Store, folder: &Path, tracked: &Tracked) -> Result<(), GitError> {
    let links: Vec<_> = tracked
        .iter()
        .filter(|(_, it)| it.mode == Mode::Link)
        .collect();
    if links.is_empty() {
        return Ok(());
    }
    let files = Folder::open(folder).map_err(GitError::files("open", folder))?;
    let repository = store.repository()?;
    for (path, entry) in links {
        let path = TreePath::from_tracked(path);
        write_link(&repository, &files, &path, entry)?;
    }
    Ok(())
}

/// Creates one link.
pub fn write_link(
    repository: &Repository,
    files: &Folder,
    path: &TreePath,
    entry: &Entry,
) -> Result<(), GitError> {
    let blob = repository
        .find_blob(entry.id)
        .map_err(GitError::git("read a link of the tree"))?;
    let whole = files.path().join(path.as_path());
    // No system has longer targets; such a link can't have been made by anybody in good faith.
    const TARGET_BYTES_MAX: usize = 4095;
    if blob.size() > TARGET_BYTES_MAX || blob.content().contains(&0) {
        return Err(GitError::Files {
            doing: "create the link",
            path: whole,
            source: Errno::NAMETOOLONG.into(),
        });
    }
    files
        .write_link(path, blob.content())
        .map_err(GitError::files("create the link", whole))
}
