//! What an agent is: reads the run so far, works in the workspace, reports.

use std::future::Future;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::evidence::Evidence;
use crate::journal::JournalError;
use crate::limits::Limits;
use crate::log::Log;
use crate::model::{Model, ModelError, StopReason};
use crate::state::RunState;
use crate::task::Task;
use crate::workspace::{Workspace, WorkspaceError};

/// One worker of the pipeline.
///
/// An agent is stateless between calls: whatever a later agent needs goes into the [`Report`]. After a crash it
/// is called again with the same arguments; replies of its model and the values it kept with
/// [`AgentContext::once`] are then handed back instead of being produced again.
#[async_trait]
pub trait Agent: Send + Sync {
    /// Shown in logs, reports and on the terminal, and a key of the journal: short, stable, unique in its crew.
    fn name(&self) -> &str;

    /// Work that needs only the task and the base commit; it runs while the coders draft.
    async fn prepare(&self, cx: &AgentContext<'_>, task: &Task) -> Result<Prepared, AgentError> {
        let _ = (cx, task);
        Ok(Prepared::nothing())
    }

    /// Does the work of one stage.
    ///
    /// `Err` means the agent itself broke. A change that is not good enough is not an error: it is
    /// [`Verdict::Rejected`].
    async fn run(&self, cx: &AgentContext<'_>, state: &RunState) -> Result<Report, AgentError>;
}

/// The tools of one agent in one visit. Nothing else reaches the outside world.
pub struct AgentContext<'a> {
    /// The agent's own model. A seat without a model answers every request with an error.
    pub model: &'a dyn Model,
    /// The tree that carries the change.
    pub work: &'a dyn Workspace,
    /// The tree as it was; `prepare` works here, and only on forks if it writes.
    pub base: &'a dyn Workspace,
    /// What this visit has done already, in an earlier life of the run.
    pub steps: &'a dyn Steps,
    /// The bounds of this run.
    pub limits: &'a Limits,
    /// Where live progress goes.
    pub log: &'a dyn Log,
}

impl AgentContext<'_> {
    /// Does `work` once in a run: after a crash, the value it gave is read from the journal instead.
    ///
    /// Steps are recognised by their order, and `name` is checked, so an agent must ask for the same steps in
    /// the same order when its inputs are the same. `changes_tree` says that the work tree may differ
    /// afterwards; the tree is then recorded with the value and is restored together with it.
    pub async fn once<T>(
        &self,
        name: &str,
        changes_tree: bool,
        work: impl Future<Output = Result<T, AgentError>> + Send,
    ) -> Result<T, AgentError>
    where
        T: Serialize + DeserializeOwned + Send,
    {
        if let Some(value) = self.steps.recall(name).await? {
            return serde_json::from_value(value).map_err(|source| AgentError::Recorded {
                step: name.to_owned(),
                source,
            });
        }
        let value = work.await?;
        let json = serde_json::to_value(&value).map_err(|source| AgentError::Recorded {
            step: name.to_owned(),
            source,
        })?;
        self.steps.record(name, json, changes_tree).await?;
        Ok(value)
    }

    /// Lays the user's own tests out in the work tree, exactly as they were frozen in [`Task::tests`], so that a coder
    /// can read and run them. Whatever was written in their place before is overwritten.
    ///
    /// A coder calls this first in each visit. Nothing happens, and nothing is written down, for a task without tests.
    pub async fn lay_out_tests(&self, task: &Task) -> Result<(), AgentError> {
        if task.tests.is_empty() {
            return Ok(());
        }
        self.once("lay out the user's tests", true, async {
            for file in &task.tests {
                self.work.write(&file.path, file.text.as_bytes()).await?;
            }
            Ok(())
        })
        .await
    }
}

/// The memory of one visit of one agent; see [`AgentContext::once`].
#[async_trait]
pub trait Steps: Send + Sync {
    /// The recorded value of the next step, if an earlier life of the run got that far.
    async fn recall(&self, name: &str) -> Result<Option<Value>, AgentError>;
    /// Writes down the value of the step that was just done.
    async fn record(&self, name: &str, value: Value, changes_tree: bool) -> Result<(), AgentError>;
}

/// What an agent hands back from [`Agent::prepare`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Prepared {
    /// What it found out about the base commit.
    pub evidence: Vec<Evidence>,
}

impl Prepared {
    /// For agents that need no preparation.
    pub fn nothing() -> Prepared {
        Prepared::default()
    }
}

/// What an agent hands back from [`Agent::run`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Whether the run may go on.
    pub verdict: Verdict,
    /// What happened, for a person, in a line or a short text.
    pub summary: String,
    /// Why anyone should believe the verdict.
    pub evidence: Vec<Evidence>,
}

impl Report {
    /// The change may move on.
    pub fn passed(summary: impl Into<String>) -> Report {
        Report {
            verdict: Verdict::Passed,
            summary: summary.into(),
            evidence: Vec::new(),
        }
    }

    /// The change goes back, with words the coders can act on.
    pub fn rejected(summary: impl Into<String>, feedback: impl Into<String>) -> Report {
        Report {
            verdict: Verdict::Rejected {
                feedback: feedback.into(),
            },
            summary: summary.into(),
            evidence: Vec::new(),
        }
    }

    /// Adds one piece of evidence.
    #[must_use]
    pub fn with(mut self, evidence: Evidence) -> Report {
        self.evidence.push(evidence);
        self
    }
}

/// Whether the change may move on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Verdict {
    /// Good enough for the next stage.
    Passed,
    /// Back to drafting, with words the coding agent can act on.
    Rejected {
        /// What to change, addressed to the coding agent.
        feedback: String,
    },
}

impl Verdict {
    /// The feedback, if the change was sent back.
    pub fn feedback(&self) -> Option<&str> {
        match self {
            Verdict::Passed => None,
            Verdict::Rejected { feedback } => Some(feedback),
        }
    }
}

/// The agent broke; the change was not judged.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The model could not be asked.
    #[error("ask the model")]
    Model(#[from] ModelError),
    /// The workspace refused a file or a command.
    #[error("use the workspace")]
    Workspace(#[from] WorkspaceError),
    /// The model answered, but not in a form the agent can read.
    #[error("read the model's reply as {expected}: {instead}")]
    UnreadableReply {
        /// What the agent was looking for.
        expected: &'static str,
        /// What came instead: why the model stopped, or how the reply began.
        instead: String,
    },
    /// The model stopped for a reason that leaves nothing to use, and would again.
    #[error("use the reply of {model}: it {told}")]
    Stopped {
        /// Which model.
        model: String,
        /// Why it stopped.
        stop: StopReason,
        /// The same in words, with the vendor's own word for it.
        told: String,
    },
    /// There is no review: the reviewer's answer was stopped by its vendor's filter.
    #[error("get a review from {model}: it {told}")]
    ReviewFiltered {
        /// Which model.
        model: String,
        /// Why it stopped, with the vendor's own word for it.
        told: String,
    },
    /// A program the agent needs is missing or broken.
    #[error("use `{program}`: {why}")]
    Tool {
        /// The program.
        program: String,
        /// What it did instead of its work.
        why: String,
    },
    /// What the user gave can't be worked with, and nobody but the user can change that.
    #[error("use {what}: {why}")]
    Given {
        /// What was given, as in `the test test_a.py::test_b`.
        what: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// A recorded step doesn't fit what the agent does now.
    #[error("read the recorded step `{step}` (was the run made by another version?)")]
    Recorded {
        /// The step's name.
        step: String,
        /// What didn't fit.
        #[source]
        source: serde_json::Error,
    },
    /// The journal holds another step at this place.
    #[error("go on from the journal: it holds `{recorded}` where `{asked}` is due")]
    Diverged {
        /// What the journal holds.
        recorded: String,
        /// What the agent asked for.
        asked: String,
    },
    /// The journal refused an event.
    #[error("record the run")]
    Journal(#[from] JournalError),
}
