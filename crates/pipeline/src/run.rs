//! What a walk is handed, and how it ends.

use std::sync::Arc;

use protocol::{
    Journal, JournalError, Limits, Log, RunState, Stage, Task, Workspace, WorkspaceError,
};

use crate::crew::Crew;
use crate::stop::Stop;

/// Everything a walk is handed.
pub struct Run {
    /// What was asked.
    pub task: Task,
    /// Who works on it.
    pub crew: Crew,
    /// The bounds.
    pub limits: Limits,
    /// Where events are kept.
    pub journal: Arc<dyn Journal>,
    /// The tree that will carry the change.
    pub work: Arc<dyn Workspace>,
    /// The tree as it was.
    pub base: Arc<dyn Workspace>,
    /// Where live progress goes.
    pub log: Arc<dyn Log>,
    /// How the run learns that it should stop.
    pub stop: Stop,
}

/// How a walk ended.
#[derive(Debug)]
pub struct Outcome {
    /// The stage it ended in: a final one, unless it was interrupted.
    pub stage: Stage,
    /// The state at the end. Its status is `running` when the run can be resumed.
    pub state: RunState,
    /// Why it ended so, in words for a person.
    pub explanation: String,
}

/// The pipeline itself broke; the run can be resumed.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The journal refused an event.
    #[error("record the run")]
    Journal(#[from] JournalError),
    /// The work tree could not be brought back to where the journal says it was.
    #[error("bring the work tree back to where the run was")]
    Restore(#[source] WorkspaceError),
    /// The accepted tests could not be added to the change.
    #[error("add the accepted tests to the change")]
    AcceptanceTests(#[source] WorkspaceError),
    /// The finished change could not be kept.
    #[error("keep the finished change")]
    Keep(#[source] WorkspaceError),
    /// The journal ends with the run's end already.
    #[error("go on with a run that is at its end already")]
    Finished,
}
