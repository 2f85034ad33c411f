//! What runs found out about a base and keep for later runs: private files that are checked before they count.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use protocol::{hexadecimal, sha256};
use sha2::{Digest, Sha256};

/// Changed whenever files are written in another way, so that old ones don't count.
const FORMAT: &str = "pipeline finding 1";
/// Largest finding that is kept or read.
const FINDING_BYTES_MAX: usize = 64 << 20;
/// All findings of a user together; beyond it, the oldest go.
const FOLDER_BYTES_MAX: u64 = 512 << 20;
/// A file in the making that is older than this belongs to nobody any more.
const STRAY_SECONDS_MAX: u64 = 60 * 60;
/// How a file in the making begins.
const STRAY_PREFIX: &str = ".tmp";

/// A folder with one file for each finding, shared by all runs of a user.
#[derive(Clone, Debug)]
pub(super) struct Findings {
    folder: PathBuf,
}

/// What a finding is about, as its file name: a hash of all parts, in which no part can run into the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key(String);

impl Key {
    pub(super) fn of(parts: &[&str]) -> Key {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Key(hexadecimal(&hash.finalize()))
    }
}

impl Findings {
    pub(super) fn new(folder: PathBuf) -> Findings {
        Findings { folder }
    }

    /// What was kept. A file that is missing, damaged, too large, or that somebody else could have written, is none.
    pub(super) fn recall(&self, key: &Key) -> Option<Vec<u8>> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(self.folder.join(&key.0))
            .ok()?;
        let is_ours = only_we_write(&file.metadata().ok()?)
            && only_we_write(&fs::symlink_metadata(&self.folder).ok()?);
        if !is_ours || !file.metadata().ok()?.is_file() {
            return None;
        }
        read(file, key)
    }

    /// Keeps bytes under a key, in the place of what was there. What is too large is not kept.
    pub(super) fn remember(&self, key: &Key, bytes: &[u8]) -> io::Result<()> {
        if FINDING_BYTES_MAX < bytes.len() {
            return Ok(());
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        // Readable for us alone, and in place at once: another run sees the whole of it or nothing.
        let mut file = tempfile::Builder::new()
            .prefix(STRAY_PREFIX)
            .tempfile_in(&self.folder)?;
        file.write_all(header(key, bytes).as_bytes())?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(self.folder.join(&key.0))
            .map_err(|it| it.error)?;
        self.make_room(FOLDER_BYTES_MAX)
    }

    /// Removes the oldest findings until the rest fits.
    fn make_room(&self, bytes_max: u64) -> io::Result<()> {
        let mut kept: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // Another run may have removed it meanwhile.
            let Ok(facts) = entry.metadata() else {
                continue;
            };
            let changed = facts.modified()?;
            let is_stray = entry
                .file_name()
                .to_string_lossy()
                .starts_with(STRAY_PREFIX);
            if is_stray {
                let age = changed.elapsed().unwrap_or_default();
                if STRAY_SECONDS_MAX < age.as_secs() {
                    remove(&entry.path())?;
                }
            } else if facts.is_file() {
                kept.push((changed, facts.len(), entry.path()));
            }
        }
        kept.sort();
        let mut total: u64 = kept.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in kept {
            if total <= bytes_max {
                break;
            }
            remove(&path)?;
            total -= bytes;
        }
        Ok(())
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The bytes of a finding, if the file is about this key and whole.
fn read(file: File, key: &Key) -> Option<Vec<u8>> {
    // The header is shorter than that by far.
    let bytes_max = FINDING_BYTES_MAX + 1024;
    let mut bytes = Vec::new();
    file.take(bytes_max as u64).read_to_end(&mut bytes).ok()?;
    let end = bytes.iter().position(|it| *it == b'\n')? + 1;
    let found = bytes.split_off(end);
    (bytes == header(key, &found).as_bytes()).then_some(found)
}

/// The first line of a file: what it is, what it is about, and the hash of the rest.
fn header(key: &Key, bytes: &[u8]) -> String {
    format!("{FORMAT} {} {}\n", key.0, sha256(bytes))
}

fn only_we_write(facts: &Metadata) -> bool {
    facts.uid() == rustix::process::geteuid().as_raw() && facts.mode() & 0o022 == 0
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use tempfile::TempDir;

    use super::*;

    /// What is recalled after somebody did something to the file or its folder.
    #[track_caller]
    fn check(doing: &str, spoil: impl FnOnce(&Path, &Path), want: Option<&[u8]>) {
        let folder = TempDir::new().unwrap();
        let findings = Findings::new(folder.path().join("findings"));
        let key = Key::of(&["repository", "tree"]);
        findings.remember(&key, b"found").unwrap();
        let path = findings.folder.join(&key.0);
        spoil(&findings.folder, &path);
        assert_eq!(findings.recall(&key).as_deref(), want, "{doing}");
    }

    fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    }

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn only_a_whole_file_that_nobody_else_could_write_counts() {
        check("nothing", |_, _| {}, Some(b"found"));
        check("removed", |_, it| fs::remove_file(it).unwrap(), None);
        check("emptied", |_, it| change(it, Vec::clear), None);
        check("cut", |_, it| change(it, |it| it.truncate(150)), None);
        check("longer", |_, it| change(it, |it| it.push(b'!')), None);
        check("a bit flipped", |_, it| change(it, |it| it[150] ^= 1), None);
        check("no header", |_, it| fs::write(it, b"found").unwrap(), None);
        check("open to all", |_, it| allow(it, 0o666), None);
        check("in an open folder", |it, _| allow(it, 0o777), None);
        check(
            "a link to a copy",
            |folder, it| {
                let copy = folder.join("copy");
                fs::rename(it, &copy).unwrap();
                symlink(copy, it).unwrap();
            },
            None,
        );
        check(
            "a folder",
            |_, it| {
                fs::remove_file(it).unwrap();
                fs::create_dir(it).unwrap();
            },
            None,
        );
        check(
            "about something else",
            |folder, it| {
                let other = Findings::new(folder.to_owned());
                let key = Key::of(&["another", "tree"]);
                other.remember(&key, b"found").unwrap();
                fs::rename(folder.join(key.0), it).unwrap();
            },
            None,
        );
    }

    #[test]
    fn nobody_else_may_read_and_no_part_of_a_key_runs_into_the_next() {
        let folder = TempDir::new().unwrap();
        let findings = Findings::new(folder.path().join("a/b"));
        let key = Key::of(&["x"]);
        findings.remember(&key, b"found").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&findings.folder), 0o700);
        assert_eq!(mode(&findings.folder.join(&key.0)), 0o600);
        assert_ne!(Key::of(&["ab", "c"]), Key::of(&["a", "bc"]));
    }

    #[test]
    fn the_oldest_make_room_and_leftovers_go() {
        let folder = TempDir::new().unwrap();
        let findings = Findings::new(folder.path().to_owned());
        let keys: Vec<Key> = ["a", "b", "c"].iter().map(|it| Key::of(&[it])).collect();
        let hours_ago = |path: PathBuf, hours: u64| {
            let then = SystemTime::now() - std::time::Duration::from_secs(hours * 3600);
            let file = File::options().write(true).open(path).unwrap();
            file.set_modified(then).unwrap();
        };
        for (key, hours) in keys.iter().zip([1, 3, 2]) {
            findings.remember(key, &[b'x'; 1000]).unwrap();
            hours_ago(folder.path().join(&key.0), hours);
        }
        for (name, hours) in [(".tmpold", 2), (".tmpnew", 0)] {
            fs::write(folder.path().join(name), "").unwrap();
            hours_ago(folder.path().join(name), hours);
        }
        findings.make_room(2500).unwrap();
        let there: Vec<bool> = keys
            .iter()
            .map(|it| findings.recall(it).is_some())
            .collect();
        assert_eq!(there, [true, false, true]);
        assert!(!folder.path().join(".tmpold").exists());
        assert!(folder.path().join(".tmpnew").exists());
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let folder = TempDir::new().unwrap();
        let findings = Findings::new(folder.path().to_owned());
        let key = Key::of(&["x"]);
        findings
            .remember(&key, &vec![0; FINDING_BYTES_MAX + 1])
            .unwrap();
        assert_eq!(findings.recall(&key), None);
    }
}
