//! Takes a run from wherever its journal breaks off to its end.
//!
//! A run and a resumed run are the same walk: what the journal holds already is taken from it instead of being
//! done again.

use std::sync::Arc;

use protocol::{
    Entry, Journal, JournalError, Limits, Log, RunState, Stage, Task, Workspace, WorkspaceError,
};
use statig::prelude::*;

use crate::crew::Crew;
use crate::ending::Trouble;
use crate::machine::Rules;
use crate::past::Past;
use crate::stop::Stop;
use crate::walk::{Halt, Walk};

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

impl Run {
    /// Walks the run to its end, or on from where `history` breaks off. The first event, which says what the run
    /// is, has been written by whoever opened it.
    ///
    /// # Errors
    ///
    /// When the journal or the work tree can't be used; a run that fails, is cancelled or runs out of money is
    /// an [`Outcome`].
    pub async fn walk(self, history: &[Entry]) -> Result<Outcome, DriveError> {
        self.walk_from(Past::read(history), history).await
    }

    /// Walks a fork on from the event that made it one, for the first time. A fork that was killed is walked on like any
    /// other run.
    ///
    /// # Errors
    ///
    /// Those of [`Run::walk`].
    pub async fn walk_fork(self, history: &[Entry]) -> Result<Outcome, DriveError> {
        self.walk_from(Past::of_new_fork(history), history).await
    }

    async fn walk_from(self, past: Past, history: &[Entry]) -> Result<Outcome, DriveError> {
        if past.finished {
            return Err(DriveError::Finished);
        }
        let mut state = RunState::new(self.task.clone());
        for (agent, reply) in &past.replies {
            state.count(agent, reply);
        }
        for (agent, unanswered) in &past.unanswered {
            state.count_unanswered(agent, unanswered);
        }
        if let Some(tree) = past.tree.as_ref().filter(|_| resumes(history)) {
            self.work.restore(tree).await.map_err(DriveError::Restore)?;
        }
        let mut walk = Walk::new(&self, past, state);
        let mut machine = Rules::with_drafts(self.limits.iterations_max).state_machine();
        let walked = walk.walk_on(&mut machine).await;
        walk.stop_preparing().await;
        let stage = *machine.state();
        match walked {
            Ok(()) => walk.finish(stage).await,
            Err(Halt::Trouble(Trouble::Fatal(reason) | Trouble::Passing(reason), words)) => {
                walk.interrupt(stage, reason, words).await
            }
            Err(Halt::Drive(error)) => Err(error),
        }
    }
}

/// Whether anything happened after the run was opened.
fn resumes(history: &[Entry]) -> bool {
    1 < history.len()
}
