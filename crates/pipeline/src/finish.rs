//! The last event of a walk: the finished change, the kept work of a failed one, or a place to go on from.

use protocol::{Reason, RunEvent, Stage, Status, WorkspaceError};

use crate::ending;
use crate::run::{DriveError, Outcome};
use crate::walk::Walk;

impl Walk<'_> {
    /// The machine is at an end: the last event of the journal.
    pub(crate) async fn finish(mut self, stage: Stage) -> Result<Outcome, DriveError> {
        self.write_down_given_up().await?;
        self.count_replies();
        let (status, reason, explanation) = if stage == Stage::Completed {
            self.state.tier = Some(ending::tier_of(&self.state));
            (Status::Completed, None, None)
        } else {
            let (reason, words) = self.fatal.take().unwrap_or_else(|| {
                let drafts = self.run.limits.iterations_max;
                let words = match drafts {
                    1 => "the only draft was sent back".to_owned(),
                    _ => format!("every one of {drafts} drafts was sent back"),
                };
                (Reason::RedraftsExhausted, words)
            });
            (Status::Failed, Some(reason), Some(words))
        };
        if status == Status::Completed {
            self.add_acceptance_tests()
                .await
                .map_err(DriveError::AcceptanceTests)?;
        }
        let (tree, proposed_code) = match self.tree_and_change().await {
            Ok(both) => both,
            Err(error) if status == Status::Completed => return Err(DriveError::Keep(error)),
            // A failed run keeps what it last wrote down when the tree itself is what broke.
            Err(_) => (
                self.past
                    .tree
                    .clone()
                    .unwrap_or(self.run.work.base().tree.clone()),
                self.state.proposed_code.clone(),
            ),
        };
        let explanation = explanation.unwrap_or_else(|| ending::completed_in_words(&self.state));
        self.state.status = status;
        self.state.reason = reason;
        self.state.proposed_code.clone_from(&proposed_code);
        self.journal
            .append(RunEvent::Finished {
                status,
                reason,
                explanation: explanation.clone(),
                tier: self.state.tier,
                tree,
                proposed_code,
            })
            .await?;
        Ok(Outcome {
            stage,
            state: self.state,
            explanation,
        })
    }

    /// Accepted tests are part of the delivered change.
    async fn add_acceptance_tests(&self) -> Result<(), WorkspaceError> {
        let Some(tests) = self.state.acceptance_tests() else {
            return Ok(());
        };
        for file in &tests.files {
            self.run
                .work
                .write(&file.path, file.text.as_bytes())
                .await?;
        }
        Ok(())
    }

    /// Something outside the change stopped the walk; it can go on from here.
    pub(crate) async fn interrupt(
        mut self,
        stage: Stage,
        reason: Reason,
        explanation: String,
    ) -> Result<Outcome, DriveError> {
        self.write_down_given_up().await?;
        self.count_replies();
        self.state.reason = Some(reason);
        self.journal
            .append(RunEvent::Interrupted {
                reason,
                explanation: explanation.clone(),
            })
            .await?;
        Ok(Outcome {
            stage,
            state: self.state,
            explanation,
        })
    }
}
