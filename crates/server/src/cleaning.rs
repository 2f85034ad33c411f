//! Once a day, what runs left long ago goes, as `pipeline clean` would have it.

use std::time::Duration;

use runs::Runs;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Cleans now and every day; never ends.
pub(crate) async fn every_day(runs: &Runs, after_days: u32) {
    if after_days == 0 {
        return std::future::pending().await;
    }
    loop {
        match runs.leftovers(after_days).await {
            Ok(folders) => remove(folders).await,
            Err(error) => tracing::warn!(%error, "could not look for what runs left"),
        }
        tokio::time::sleep(DAY).await;
    }
}

async fn remove(folders: Vec<std::path::PathBuf>) {
    for folder in folders {
        let removing = folder.clone();
        let removed = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(removing)).await;
        let folder = folder.display();
        match removed {
            Ok(Ok(())) => tracing::info!(%folder, "removed what a run left"),
            Ok(Err(error)) => tracing::warn!(%folder, %error, "could not remove what a run left"),
            Err(error) => tracing::error!(%error, "cleaning broke"),
        }
    }
}
