//! Takes a run from wherever its journal breaks off to its end.
//!
//! A run and a resumed run are the same walk: what the journal holds already is taken from it instead of being
//! done again.

use protocol::{Entry, RunState};
use statig::prelude::*;

use crate::ending::Trouble;
use crate::machine::Rules;
use crate::past::Past;
use crate::run::{DriveError, Outcome, Run};
use crate::walk::{Halt, Walk};

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
