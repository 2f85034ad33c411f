//! Whether there is room for one more run.

use std::path::Path;

use axum::http::StatusCode;

use crate::problem::Problem;

/// A run has a checkout, an environment and its trees; with less than this, it would break in the middle.
const FREE_BYTES_MIN: u64 = 256 * 1024 * 1024;

/// Refuses a run where the disk is nearly full.
pub(crate) fn has_room(folders: &[&Path]) -> Result<(), Problem> {
    for folder in folders {
        // A folder that isn't there yet is made on the disk of the one above.
        let there = folder.ancestors().find(|it| it.exists());
        let Some(Ok(found)) = there.map(rustix::fs::statvfs) else {
            continue;
        };
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        if free < FREE_BYTES_MIN {
            let (free, least) = (free >> 20, FREE_BYTES_MIN >> 20);
            return Err(Problem::new(
                StatusCode::INSUFFICIENT_STORAGE,
                format!(
                    "could not begin: the disk has {free} MiB left, and a run needs {least} MiB"
                ),
            )
            .advise("`pipeline clean` says what can go; runs at work go on as long as they can."));
        }
    }
    Ok(())
}
