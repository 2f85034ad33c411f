//! What runs at their end leave that can go: working copies and files. Their events and their evidence stay.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::Status;

use crate::error::RunsError;
use crate::runs::Runs;

/// Newest runs that are looked at.
const RUNS_MAX: u32 = 10_000;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Runs {
    /// Folders of runs that have been at their end for so many days. Never those of a run that could be gone on with.
    ///
    /// # Errors
    /// [`RunsError::Store`].
    pub async fn leftovers(&self, days: u32) -> Result<Vec<PathBuf>, RunsError> {
        let host = self.host();
        let runs = host.store.runs(RUNS_MAX).await;
        let runs = runs.map_err(|source| RunsError::Store {
            doing: "list the runs",
            source,
        })?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let before = now.unwrap_or_default().saturating_sub(DAY * days);
        let old = |it: &&store::RunSummary| {
            it.status != Status::Running
                && it.holder.is_none()
                && u128::from(it.updated_ms) < before.as_millis()
        };
        let folders = runs.iter().filter(old).flat_map(|it| {
            let folders = &host.folders;
            [folders.run(&it.id), folders.files(&it.id)]
        });
        Ok(folders.filter(|it| it.is_dir()).collect())
    }
}
