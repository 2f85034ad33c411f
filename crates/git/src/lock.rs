//! A lock between processes on one file, waited for only so long.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// How often a lock that somebody else holds is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// Held until dropped, or until the process ends however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why a lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else held it for all the time we waited.
    #[error("get hold of `{}` within {seconds_max} seconds", .path.display())]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// How long we waited.
        seconds_max: u64,
    },
    /// The lock file can't be opened or locked.
    #[error("lock `{}`", .path.display())]
    Files {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Lock {
    /// Waits for the lock on the file at `path`, which is created when missing. Zero seconds: one try.
    pub async fn take(path: &Path, seconds_max: u64) -> Result<Lock, LockError> {
        let failed = |source: io::Error| LockError::Files {
            path: path.to_owned(),
            source,
        };
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(failed)?;
        let started = Instant::now();
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(Errno::WOULDBLOCK | Errno::INTR) => {}
                Err(errno) => return Err(failed(errno.into())),
            }
            if started.elapsed() >= Duration::from_secs(seconds_max) {
                return Err(LockError::Busy {
                    path: path.to_owned(),
                    seconds_max,
                });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lock_is_had_by_one_at_a_time_and_again_after_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::take(&path, 0).await.unwrap();
        let second = Lock::take(&path, 0).await;
        assert!(matches!(second, Err(LockError::Busy { .. })));
        drop(first);
        Lock::take(&path, 0).await.unwrap();
    }
}
