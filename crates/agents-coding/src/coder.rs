//! A coding agent: drafts a change from the task, or takes over another one's draft.

use async_trait::async_trait;
use prompts::{CodingSystem, Draft, Redraft, Refine};
use protocol::{
    Agent, AgentContext, AgentError, Evidence, Limits, Message, ModelRequest, Report, RunState,
};

use crate::answer::cut_middle;
use crate::conversation::Conversation;
use crate::dialect::Dialect;
use crate::repo_map::{self, OVERVIEW_BYTES_MAX};

/// Longest task that is put in front of a model.
const TASK_BYTES_MAX: usize = 48 << 10;
/// Longest change that is put in front of a model; the files themselves are in the tree.
const CHANGE_BYTES_MAX: usize = 48 << 10;
/// Longest feedback that is put in front of a model.
const FEEDBACK_BYTES_MAX: usize = 16 << 10;

/// Writes the change, tool call by tool call, with whichever model its seat has.
///
/// It keeps nothing between visits: each starts from the task, the change so far and the last feedback.
pub struct Coder {
    name: String,
    role: CoderRole,
    dialect: Dialect,
}

/// Which part a coding agent has in a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoderRole {
    /// Makes the change, and makes it anew after a rejection.
    Draft,
    /// Takes over the change of the coder before it, to improve it or to leave it as it is.
    Refine,
}

impl Coder {
    /// A coder. The dialect is that of its model; see [`Dialect::of`].
    pub fn new(name: impl Into<String>, role: CoderRole, dialect: Dialect) -> Coder {
        Coder {
            name: name.into(),
            role,
            dialect,
        }
    }

    /// The first request of a visit.
    fn request(&self, state: &RunState, overview: Option<&str>, limits: &Limits) -> ModelRequest {
        let system = CodingSystem {
            editing: self.dialect.editing(),
        };
        ModelRequest {
            system: system.render(),
            messages: vec![Message::user(self.first_message(state, overview))],
            tools: self.dialect.specs(),
            output: None,
            reply_tokens_max: limits.reply_tokens_max,
        }
    }

    fn first_message(&self, state: &RunState, repository: Option<&str>) -> String {
        let task = &cut_middle(&state.task.as_markdown(), TASK_BYTES_MAX);
        let change = &cut_middle(&state.proposed_code, CHANGE_BYTES_MAX);
        let feedback = state.feedback.as_deref();
        let feedback = feedback.map(|it| cut_middle(it, FEEDBACK_BYTES_MAX));
        match (self.role, feedback.as_deref()) {
            (_, None) if change.trim().is_empty() => Draft { task, repository }.render(),
            (CoderRole::Draft, Some(feedback)) => Redraft {
                task,
                change,
                feedback,
                repository,
            }
            .render(),
            (_, feedback) => Refine {
                task,
                change,
                feedback,
                repository,
            }
            .render(),
        }
    }
}

#[async_trait]
impl Agent for Coder {
    fn name(&self) -> &str {
        &self.name
    }

    async fn run(&self, cx: &AgentContext<'_>, state: &RunState) -> Result<Report, AgentError> {
        // The overview is a step like any other: after a crash the tree is no longer what it was made from.
        let overview = cx
            .once("overview", false, async {
                let task = state.task.as_markdown();
                Ok(repo_map::overview(cx.work, &task, OVERVIEW_BYTES_MAX).await?)
            })
            .await?;
        let request = self.request(state, overview.as_deref(), cx.limits);
        let ended = Conversation::new(cx, &self.name, request).run().await?;
        let draft = Evidence::Draft {
            agent: self.name.clone(),
            summary: ended.summary.clone(),
            turns: ended.turns,
        };
        Ok(Report::passed(ended.summary).with(draft))
    }
}

#[cfg(test)]
mod tests;
