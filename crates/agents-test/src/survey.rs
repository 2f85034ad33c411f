//! Runs the base's own suite for somebody who wants to know how it stands, without any task or model.

use protocol::{Limits, Log, TestRun, Workspace, WorkspaceError};

use crate::baseline::{is_blocked, seconds_max};
use crate::pytest::{self, Targets};
use crate::settings::Settings;

/// How the suite of a base is run, and what became of it.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The command, as a person would type it.
    pub command: String,
    /// The folder in which it is run; empty for the root.
    pub folder: String,
    /// The configuration of pytest that it obeys, relative to the root, if there is one.
    pub config: Option<String>,
    /// What became of the tests.
    pub run: TestRun,
}

/// Runs the suite on a copy of the base.
///
/// # Errors
/// [`WorkspaceError::Blocked`] when the environment can't be set up or nothing of the suite can be collected.
pub async fn survey(
    base: &dyn Workspace,
    limits: &Limits,
    log: &dyn Log,
) -> Result<Survey, WorkspaceError> {
    let settings = Settings::read(base).await?;
    let tree = base.fork(&base.base().tree).await?;
    let run = pytest::run(&*tree, &settings, Targets::Suite, seconds_max(limits), log).await?;
    let command = pytest::shown(&settings).to_owned();
    if is_blocked(&run) {
        return Err(WorkspaceError::Blocked {
            command,
            tail: run.tail,
        });
    }
    Ok(Survey {
        command,
        folder: settings.folder,
        config: settings.config,
        run,
    })
}
