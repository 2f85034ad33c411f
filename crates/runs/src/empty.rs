//! A run in which nothing has happened: made, and taken back.

use std::time::Duration;

use protocol::Task;
use store::{Lease, NewRun};

use crate::error::RunsError;
use crate::host::{Host, LEASE_MAX};
use crate::settings::Settings;

/// How often the folder of a run that never began is tried to be removed.
const FORGETTING_TRIES_MAX: u32 = 100;
/// The wait between two tries.
const FORGETTING_WAIT_MS: u64 = 20;

/// Makes an empty run and holds it.
pub(crate) async fn create(
    host: &Host,
    task: &Task,
    settings: &Settings,
) -> Result<Lease, RunsError> {
    let new = NewRun {
        title: task.title.clone(),
        repository: settings.repo.clone().unwrap_or_default(),
    };
    let started = host.store.start(&new, &host.owner, LEASE_MAX).await;
    started.map_err(|source| RunsError::Store {
        doing: "create the run",
        source,
    })
}

/// Takes back a run in which nothing has happened, with its folder.
pub(crate) async fn forget(host: &Host, lease: Lease) -> Result<(), RunsError> {
    let folder = host.folders.run(lease.run());
    host.store
        .discard(lease)
        .await
        .map_err(|source| RunsError::Store {
            doing: "take the run back",
            source,
        })?;
    let mut tries = 0;
    while folder.exists() {
        tries += 1;
        match std::fs::remove_dir_all(&folder) {
            // A checkout that was just dropped lays out and clears its trees in the background for a moment.
            Err(_) if tries < FORGETTING_TRIES_MAX => {
                tokio::time::sleep(Duration::from_millis(FORGETTING_WAIT_MS)).await;
            }
            Err(source) => return Err(RunsError::Remove { folder, source }),
            Ok(()) => {}
        }
    }
    Ok(())
}
