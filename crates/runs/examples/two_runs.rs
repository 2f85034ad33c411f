//! Starts two runs at once, watches both, and stops one.
//!
//! `cargo run -p runs --example two_runs -- target/debug/pipeline`: the demonstration twice, in a new folder. The program that
//! is named puts up the inner side of the sandbox.

#![allow(clippy::print_stdout, reason = "an example shows what it sees")]

use std::pin::pin;
use std::sync::Arc;

use futures::TryStreamExt;
use protocol::{Limits, Silent};
use runs::{Ended, Host, Programs, RunHandle, RunRequest, Runs, RunsError, Settings, demo};

/// Every event, as it is written down.
pub(crate) async fn watch(run: RunHandle) -> Result<Ended, RunsError> {
    let mut events = pin!(run.events(0));
    while let Some(entry) = events.try_next().await? {
        println!("{} has event {}", run.id(), entry.seq);
    }
    run.ended().await
}

/// How two runs end of which the second is stopped.
pub(crate) async fn two_runs(
    runs: &Runs,
    first: RunRequest,
    second: RunRequest,
) -> Result<(Ended, Ended), RunsError> {
    let first = runs.start(first, Arc::new(Silent)).await?;
    let second = runs.start(second, Arc::new(Silent)).await?;
    second.stop();
    tokio::try_join!(watch(first), watch(second))
}

#[tokio::main]
#[allow(dead_code, reason = "a test calls the functions above")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let inner = std::env::args().nth(1).ok_or("name the program")?;
    let programs = Programs {
        bubblewrap: Some("/usr/bin/bwrap".into()),
        inner: std::path::absolute(inner)?,
        search_path: "/usr/local/bin:/usr/bin:/bin".to_owned(),
    };
    let host = Host::in_folder(folder.path(), programs).await?;
    let repository = demo::plant(&folder.path().join("spantime"), &host.author)?;
    let runs = Runs::new(host);
    let request = RunRequest {
        settings: Settings::demo(&repository, None, false),
        task: demo::task()?,
        tests: intake::GivenTests::default(),
        limits: Limits::STANDARD,
        recorded: None,
    };
    let (first, second) = two_runs(&runs, request.clone(), request).await?;
    println!("{:?}, {:?}", first.state.status, second.state.reason);
    Ok(())
}
