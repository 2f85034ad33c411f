//! A coding agent: drafts a change from the task, or takes over another one's draft.

use async_trait::async_trait;
use prompts::{CodingSystem, Draft, Redraft, Refine, Unfinished};
use protocol::{
    Agent, AgentContext, AgentError, Dispute, Evidence, Limits, Message, ModelRequest, Report,
    RunState, Task,
};
use repo_context::{OVERVIEW_BYTES_MAX, Orientation};

use crate::answer::cut_middle;
use crate::conversation::Conversation;
use crate::dialect::Dialect;
use crate::disputes::Disputes;
use crate::tools::dispute_test;

/// Longest task that is put in front of a model.
const TASK_BYTES_MAX: usize = 48 << 10;
/// Longest change that is put in front of a model; the files themselves are in the tree.
const CHANGE_BYTES_MAX: usize = 48 << 10;
/// Longest text of the user's tests that is put in front of a model; the files themselves are in the tree.
const TESTS_BYTES_MAX: usize = 48 << 10;
/// Longest feedback that is put in front of a model.
const FEEDBACK_BYTES_MAX: usize = 16 << 10;
/// Longest decision about a dispute that is put in front of a model.
const DECISION_BYTES_MAX: usize = 4 << 10;

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
    fn request(&self, state: &RunState, shown: &Orientation, limits: &Limits) -> ModelRequest {
        let system = CodingSystem {
            editing: self.dialect.editing(),
        };
        let may_dispute = Disputes::of(state).is_some();
        let mut tools = self.dialect.specs();
        if may_dispute {
            tools.insert(tools.len() - 1, dispute_test::spec());
        }
        ModelRequest {
            system: system.render(),
            messages: vec![Message::user(self.first_message(state, shown, may_dispute))],
            tools,
            output: None,
            reply_tokens_max: limits.reply_tokens_max,
            effort: None,
        }
    }

    fn first_message(&self, state: &RunState, shown: &Orientation, may_dispute: bool) -> String {
        let task = &cut_middle(&state.task.as_markdown(), TASK_BYTES_MAX);
        let change = &cut_middle(&state.proposed_code, CHANGE_BYTES_MAX);
        let feedback = state.feedback.as_deref();
        let feedback = feedback.map(|it| cut_middle(it, FEEDBACK_BYTES_MAX));
        let decision = decision(state);
        let decision = decision.as_deref();
        let tests = tests_shown(&state.task).map(|it| cut_middle(&it, TESTS_BYTES_MAX));
        let tests = tests.as_deref();
        let (repository, guidance) = (shown.overview.as_deref(), shown.guidance.as_deref());
        match (self.role, feedback.as_deref()) {
            (_, None) if state.task.is_only_tests(&state.proposed_code) => Draft {
                task,
                tests,
                repository,
                guidance,
            }
            .render(),
            (CoderRole::Draft, Some(feedback)) => Redraft {
                task,
                tests,
                change,
                feedback,
                may_dispute,
                decision,
                repository,
                guidance,
            }
            .render(),
            (_, feedback) => Refine {
                task,
                tests,
                change,
                feedback,
                may_dispute,
                decision,
                repository,
                guidance,
            }
            .render(),
        }
    }
}

/// The user's own tests as one text: which tests count, then every file below its path.
fn tests_shown(task: &Task) -> Option<String> {
    if task.tests.is_empty() {
        return None;
    }
    let mut parts = Vec::new();
    if !task.test_ids.is_empty() {
        parts.push(format!("these must pass:\n{}", task.test_ids.join("\n")));
    }
    let files = task.tests.iter();
    parts.extend(files.map(|it| format!("{}:\n\n{}", it.path, it.text.trim_end())));
    Some(parts.join("\n\n"))
}

#[async_trait]
impl Agent for Coder {
    fn name(&self) -> &str {
        &self.name
    }

    async fn run(&self, cx: &AgentContext<'_>, state: &RunState) -> Result<Report, AgentError> {
        cx.lay_out_tests(&state.task).await?;
        let shown = Orientation::for_visit(cx, &state.task, OVERVIEW_BYTES_MAX).await?;
        let disputes = Disputes::of(state);
        let request = self.request(state, &shown, cx.limits);
        let conversation = Conversation::new(cx, &self.name, request, disputes);
        let ended = conversation.run().await?;
        let draft = Evidence::Draft {
            agent: self.name.clone(),
            summary: ended.summary.clone(),
            turns: ended.turns,
        };
        let report = match ended.cut_short {
            false => Report::passed(ended.summary),
            true => Report::rejected(
                format!("the draft was left unfinished: {}", ended.summary),
                Unfinished {
                    why: &ended.summary,
                }
                .render(),
            ),
        };
        let mut report = report.with(draft);
        report.evidence.extend(shown.evidence(&self.name));
        if let Some(claim) = ended.claim {
            report = report.with(Evidence::Dispute(Dispute {
                agent: self.name.clone(),
                test: claim.test,
                quote: claim.quote,
                words: claim.words,
            }));
        }
        Ok(report)
    }
}

/// What the author of the tests made of a dispute, for whoever goes on with the change.
fn decision(state: &RunState) -> Option<String> {
    let amendment = state.acceptance_tests()?.amendment.as_deref()?;
    let word = if amendment.granted {
        "was changed"
    } else {
        "stands"
    };
    let words = format!("{} {word}: {}", amendment.dispute.test, amendment.answer);
    Some(cut_middle(&words, DECISION_BYTES_MAX))
}

#[cfg(test)]
mod tests;
