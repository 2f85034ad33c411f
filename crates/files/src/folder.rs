//! One folder and everything below it, reached from an open handle so that no link can lead anywhere else.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use protocol::WorkspaceError;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::TreePath;
use crate::is_control_folder;

/// A folder whose files are read and written.
#[derive(Debug)]
pub struct Folder {
    root: OwnedFd,
    path: PathBuf,
}

const FOLDER: OFlags = OFlags::PATH
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// `NONBLOCK`: opening a named pipe must not wait for a writer.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

impl Folder {
    /// Opens an existing folder.
    pub fn open(path: &Path) -> io::Result<Folder> {
        let path = fs::canonicalize(path)?;
        let root = rustix::fs::open(&path, FOLDER, Mode::empty())?;
        Ok(Folder { root, path })
    }

    /// Another handle on the same folder.
    pub fn again(&self) -> io::Result<Folder> {
        Ok(Folder {
            root: self.root.try_clone()?,
            path: self.path.clone(),
        })
    }

    /// Its absolute path without links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What lies at a path, a link itself rather than its target; none when nothing does, or only through a link.
    pub fn stat(&self, path: &TreePath) -> Option<Metadata> {
        let folder = self.folder_of(path, false).ok()?;
        let (_, name) = path.split()?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let it = rustix::fs::openat(&folder, name, flags, Mode::empty()).ok()?;
        File::from(it).metadata().ok()
    }

    /// A file's bytes, for an agent. A link is followed if it stays inside.
    pub fn read(&self, path: &TreePath, bytes_max: u64) -> Result<Vec<u8>, WorkspaceError> {
        let shown = path.shown();
        if path.is_root() {
            return Err(unusable(&shown, "it is a folder"));
        }
        let file = self
            .open_inside(path)
            .map_err(|errno| refused(&shown, errno))?;
        let metadata = file
            .metadata()
            .map_err(|it| WorkspaceError::failed("read a file's size", it))?;
        if metadata.is_dir() {
            return Err(unusable(&shown, "it is a folder"));
        }
        if !metadata.is_file() {
            return Err(unusable(&shown, "it is neither a file nor a folder"));
        }
        let too_large = || unusable(&shown, &format!("it is larger than {bytes_max} bytes"));
        if metadata.size() > bytes_max {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        // It may grow while it is read.
        file.take(bytes_max.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|it| WorkspaceError::failed(format!("read `{shown}`"), it))?;
        if bytes.len() as u64 > bytes_max {
            return Err(too_large());
        }
        Ok(bytes)
    }

    /// What git would keep of a file or a link: its content, or its target. Nothing is followed.
    pub fn read_tracked(&self, path: &TreePath, bytes_max: u64) -> io::Result<Vec<u8>> {
        let (_, name) = path.split().ok_or(Errno::ISDIR)?;
        let folder = self.folder_of(path, false)?;
        match rustix::fs::openat(&folder, name, READ | OFlags::NOFOLLOW, Mode::empty()) {
            Err(Errno::LOOP) => Ok(rustix::fs::readlinkat(&folder, name, Vec::new())?.into_bytes()),
            Err(errno) => Err(errno.into()),
            Ok(file) => {
                let mut bytes = Vec::new();
                File::from(file)
                    .take(bytes_max.saturating_add(1))
                    .read_to_end(&mut bytes)?;
                match bytes.len() as u64 > bytes_max {
                    true => Err(Errno::FBIG.into()),
                    false => Ok(bytes),
                }
            }
        }
    }

    /// Opens a file for reading without following anything.
    pub fn open_plain(&self, path: &TreePath) -> io::Result<File> {
        let (_, name) = path.split().ok_or(Errno::ISDIR)?;
        let folder = self.folder_of(path, false)?;
        let file = rustix::fs::openat(&folder, name, READ | OFlags::NOFOLLOW, Mode::empty())?;
        Ok(File::from(file))
    }

    /// Creates or replaces a file, whole or not at all. Its bytes are first written to a file in `scratch`, which
    /// must be on the same file system; a file with several names is replaced under this one only.
    pub fn write(
        &self,
        path: &TreePath,
        bytes: &[u8],
        executable: Option<bool>,
        scratch: &Path,
    ) -> Result<(), WorkspaceError> {
        let shown = path.shown();
        let executable = match self.stat(path) {
            None => executable.unwrap_or(false),
            Some(it) if it.is_file() => executable.unwrap_or(is_executable(&it)),
            Some(it) if it.is_symlink() => return Err(WorkspaceError::Outside { path: shown }),
            Some(it) if it.is_dir() => return Err(unusable(&shown, "it is a folder")),
            Some(_) => return Err(unusable(&shown, "it is neither a file nor a folder")),
        };
        let folder = self
            .folder_of(path, true)
            .map_err(|errno| refused(&shown, errno))?;
        let failed = |it: io::Error| WorkspaceError::failed(format!("write `{shown}`"), it);
        let mut fresh = tempfile::NamedTempFile::new_in(scratch).map_err(failed)?;
        fresh.write_all(bytes).map_err(failed)?;
        let mode = if executable { 0o755 } else { 0o644 };
        fresh
            .as_file()
            .set_permissions(fs::Permissions::from_mode(mode))
            .map_err(failed)?;
        let (_, name) = path
            .split()
            .ok_or_else(|| unusable(&shown, "it is a folder"))?;
        rustix::fs::renameat(rustix::fs::CWD, fresh.path(), &folder, name)
            .map_err(|errno| refused(&shown, errno))?;
        // The file has gone where it belongs; nothing is left to remove.
        let _moved = fresh.into_temp_path().keep();
        Ok(())
    }

    /// Creates a symbolic link in place of whatever file is there. Its target is never looked at.
    pub fn write_link(&self, path: &TreePath, target: &[u8]) -> io::Result<()> {
        let (_, name) = path.split().ok_or(Errno::ISDIR)?;
        let folder = self.folder_of(path, true)?;
        match rustix::fs::unlinkat(&folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
        Ok(rustix::fs::symlinkat(
            OsStr::from_bytes(target),
            &folder,
            name,
        )?)
    }

    /// Deletes a file or a link, and the folders that become empty.
    pub fn delete(&self, path: &TreePath) -> Result<(), WorkspaceError> {
        let shown = path.shown();
        let Some((parts, name)) = path.split() else {
            return Err(unusable(&shown, "it is a folder"));
        };
        let folder = self
            .folder_of(path, false)
            .map_err(|errno| refused(&shown, errno))?;
        match self.stat(path) {
            None => return Err(WorkspaceError::NotFound { path: shown }),
            Some(it) if it.is_dir() => {
                return Err(unusable(&shown, "it is a folder; delete its files"));
            }
            Some(_) => {}
        }
        rustix::fs::unlinkat(&folder, name, AtFlags::empty())
            .map_err(|errno| refused(&shown, errno))?;
        self.delete_empty(&parts);
        Ok(())
    }

    /// Deletes a folder, if nothing is in it.
    pub fn delete_if_empty(&self, path: &TreePath) {
        if let Some((parts, name)) = path.split()
            && let Ok(folder) = self.descend(&parts, false)
        {
            // One that isn't empty stays.
            let _ = rustix::fs::unlinkat(&folder, name, AtFlags::REMOVEDIR);
        }
    }

    /// Deletes folders from the inside out, as far as they are empty.
    fn delete_empty(&self, parts: &[&OsStr]) {
        for end in (1..=parts.len()).rev() {
            let name = parts[end - 1];
            let Ok(folder) = self.descend(&parts[..end - 1], false) else {
                return;
            };
            if rustix::fs::unlinkat(&folder, name, AtFlags::REMOVEDIR).is_err() {
                return;
            }
        }
    }

    /// A handle on the folder that a path is in, which may be created. Links on the way are refused.
    fn folder_of(&self, path: &TreePath, create: bool) -> Result<OwnedFd, Errno> {
        let (parts, _) = path.split().ok_or(Errno::ISDIR)?;
        self.descend(&parts, create)
    }

    fn descend(&self, parts: &[&OsStr], create: bool) -> Result<OwnedFd, Errno> {
        let mut folder = rustix::io::fcntl_dupfd_cloexec(&self.root, 0)?;
        for part in parts {
            let opened = match rustix::fs::openat(&folder, *part, FOLDER, Mode::empty()) {
                Err(Errno::NOENT) if create => {
                    match rustix::fs::mkdirat(&folder, *part, Mode::from_raw_mode(0o755)) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(errno) => return Err(errno),
                    }
                    rustix::fs::openat(&folder, *part, FOLDER, Mode::empty())
                }
                opened => opened,
            };
            folder = opened.map_err(|errno| link_or(errno, folder.as_fd(), part))?;
        }
        Ok(folder)
    }

    /// Opens a file wherever inside the tree its links lead.
    fn open_inside(&self, path: &TreePath) -> Result<File, Errno> {
        let open =
            |resolve| rustix::fs::openat2(&self.root, path.as_path(), READ, Mode::empty(), resolve);
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        match open(beneath | ResolveFlags::NO_SYMLINKS) {
            Ok(file) => return Ok(File::from(file)),
            Err(Errno::LOOP) => {}
            // An old kernel, or a container that forbids the call: then no link is followed at all.
            Err(Errno::NOSYS | Errno::PERM) => {
                let (_, name) = path.split().ok_or(Errno::ISDIR)?;
                let folder = self.folder_of(path, false)?;
                let flags = READ | OFlags::NOFOLLOW;
                return rustix::fs::openat(&folder, name, flags, Mode::empty()).map(File::from);
            }
            Err(errno) => return Err(errno),
        }
        let file = open(beneath)?;
        // A link inside the tree may still lead into git's own folder.
        let real = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
            .map_err(|_| Errno::LOOP)?;
        let inside = real.strip_prefix(&self.path).map_err(|_| Errno::XDEV)?;
        if inside
            .iter()
            .any(|it| is_control_folder(&it.to_string_lossy()))
        {
            return Err(Errno::LOOP);
        }
        Ok(File::from(file))
    }
}

/// The kernel says `not a folder` for a link that was not followed; we want to know which it was.
fn link_or(errno: Errno, folder: impl AsFd, name: &OsStr) -> Errno {
    if errno != Errno::NOTDIR {
        return errno;
    }
    match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink => Errno::LOOP,
        _ => errno,
    }
}

fn unusable(path: &str, why: &str) -> WorkspaceError {
    WorkspaceError::Unusable {
        path: path.to_owned(),
        why: why.to_owned(),
    }
}

/// The kernel's refusals in words that whoever gave the path can act on.
fn refused(path: &str, errno: Errno) -> WorkspaceError {
    let path = path.to_owned();
    match errno {
        Errno::LOOP | Errno::XDEV => WorkspaceError::Outside { path },
        Errno::NOENT => WorkspaceError::NotFound { path },
        Errno::NOTDIR => unusable(&path, "a part of it is a file, not a folder"),
        Errno::NAMETOOLONG => unusable(&path, "a part of it is longer than a name may be"),
        Errno::ISDIR | Errno::NOTEMPTY => unusable(&path, "it is a folder"),
        Errno::NXIO => unusable(&path, "it is neither a file nor a folder"),
        other => WorkspaceError::failed(format!("use `{path}`"), io::Error::from(other)),
    }
}

/// Whether the owner may execute a file.
pub fn is_executable(metadata: &Metadata) -> bool {
    metadata.mode() & 0o100 != 0
}
