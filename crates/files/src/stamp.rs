//! What the file system says about a file, to know without reading whether it is still the same.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Size, times and number of a file. A program can set the first time back, but not the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    inode: u64,
}

/// The kernel's clock for files may tick this seldom; a change within one tick leaves no trace.
const TICK: Duration = Duration::from_millis(20);

impl Stamp {
    /// The stamp of a file.
    pub fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
        }
    }

    /// The stamp, or none when a program that starts at `time` could change the file without changing the stamp.
    pub fn settled(self, time: SystemTime) -> Option<Stamp> {
        let time = time.duration_since(UNIX_EPOCH).ok()?;
        let (seconds, nanoseconds) = self.changed;
        let changed = Duration::new(
            u64::try_from(seconds).ok()?,
            u32::try_from(nanoseconds).ok()?,
        );
        (changed + TICK < time).then_some(self)
    }
}
