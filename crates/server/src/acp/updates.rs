//! What an editor is told of a run: the plan, each agent's visit, the change, how it ended.

use std::path::PathBuf;

use agent_client_protocol::v1::ConnectionTo;
use agent_client_protocol::v1::schema::{
    Content, ContentBlock, ContentChunk, Diff, Plan, PlanEntry, PlanEntryPriority, PlanEntryStatus,
    SessionId, SessionNotification, SessionUpdate, TextContent, ToolCall, ToolCallContent,
    ToolCallStatus, ToolCallUpdate, ToolCallUpdateFields, ToolKind,
};
use agent_client_protocol::{Client, Error};
use protocol::{RunEvent, RunId, Stage};
use runs::ChangedText;

use crate::api::RunDetail;
use crate::shared::Shared;

/// The name of the call that stands for the whole run.
pub(super) const WHOLE: &str = "run";
/// The stages of the walk, in its order.
const STAGES: [(Stage, &str); 4] = [
    (Stage::Drafting, "Draft the change"),
    (Stage::Formatting, "Format it"),
    (
        Stage::Testing,
        "Test it: the repository's tests, and ones written before it was seen",
    ),
    (Stage::Qa, "Review it"),
];

/// What an editor is told of one run.
pub(super) struct Updates<'a> {
    shared: &'a Shared,
    editor: &'a ConnectionTo<Client>,
    session: &'a SessionId,
}

impl<'a> Updates<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        editor: &'a ConnectionTo<Client>,
        session: &'a SessionId,
    ) -> Updates<'a> {
        Updates {
            shared,
            editor,
            session,
        }
    }

    fn send(&self, update: SessionUpdate) -> Result<(), Error> {
        let told = SessionNotification::new(self.session.clone(), update);
        self.editor.send_notification(told)
    }

    /// Says something to the person.
    pub(super) fn say(&self, words: &str) -> Result<(), Error> {
        let words = self.shared.shown(&protocol::visible(words));
        self.send(SessionUpdate::AgentMessageChunk(ContentChunk::new(text(
            words + "\n",
        ))))
    }

    pub(super) fn begin(&self, run: &RunId) -> Result<(), Error> {
        self.plan(None)?;
        self.say(&format!(
            "Run {run} begins; `pipeline log --follow {run}` follows it elsewhere."
        ))
    }

    fn plan(&self, at: Option<Stage>) -> Result<(), Error> {
        let place = |stage: Stage| STAGES.iter().position(|it| it.0 == stage);
        let now = match at {
            None => Some(0),
            Some(Stage::Completed) => None,
            Some(stage) => place(stage),
        };
        let entries = STAGES.iter().enumerate().map(|(number, (_, what))| {
            let status = match now {
                None => PlanEntryStatus::Completed,
                Some(now) if number < now => PlanEntryStatus::Completed,
                Some(now) if number == now => PlanEntryStatus::InProgress,
                Some(_) => PlanEntryStatus::Pending,
            };
            PlanEntry::new(*what, PlanEntryPriority::Medium, status)
        });
        self.send(SessionUpdate::Plan(Plan::new(entries.collect())))
    }

    /// Tells of an event.
    pub(super) fn event(&self, event: &RunEvent) -> Result<(), Error> {
        let line = self.shared.shown(&self.shared.requests.line(event));
        match event {
            RunEvent::Started {
                stage,
                iteration,
                agent,
            } => {
                self.plan(Some(*stage))?;
                let visit = format!("{agent} {iteration}");
                let call = ToolCall::new(visit, line)
                    .kind(kind(*stage))
                    .status(ToolCallStatus::InProgress);
                self.send(SessionUpdate::ToolCall(call))
            }
            RunEvent::Reported {
                iteration,
                agent,
                report,
                ..
            } => {
                let status = match report.verdict.feedback() {
                    None => ToolCallStatus::Completed,
                    Some(_) => ToolCallStatus::Failed,
                };
                let mut said = line;
                if let Some(feedback) = report.verdict.feedback() {
                    said += "\n\n";
                    said += &self.shared.shown(&protocol::visible(feedback));
                }
                let fields = ToolCallUpdateFields::new()
                    .status(status)
                    .content(vec![ToolCallContent::Content(Content::new(text(said)))]);
                let visit = format!("{agent} {iteration}");
                self.send(SessionUpdate::ToolCallUpdate(ToolCallUpdate::new(
                    visit, fields,
                )))
            }
            _ => self.send(SessionUpdate::AgentThoughtChunk(ContentChunk::new(text(
                line + "\n",
            )))),
        }
    }

    /// Tells how it ended, with the change.
    pub(super) fn end(&self, detail: &RunDetail, texts: Vec<ChangedText>) -> Result<(), Error> {
        let completed = detail.run.status == protocol::Status::Completed;
        if completed {
            self.plan(Some(Stage::Completed))?;
        }
        let root = PathBuf::from(&detail.repo.path);
        let diffs: Vec<ToolCallContent> = texts
            .into_iter()
            .map(|it| {
                let diff = Diff::new(root.join(it.path), it.after.unwrap_or_default());
                ToolCallContent::Diff(diff.old_text(it.before))
            })
            .collect();
        if !diffs.is_empty() {
            let status = match completed {
                true => ToolCallStatus::Completed,
                false => ToolCallStatus::Failed,
            };
            let call = ToolCall::new("change", "The change")
                .kind(ToolKind::Edit)
                .status(status)
                .content(diffs);
            self.send(SessionUpdate::ToolCall(call))?;
        }
        self.say(&self.last_words(detail))
    }

    fn last_words(&self, detail: &RunDetail) -> String {
        let word = |it: &Option<protocol::Tier>| {
            let word = it.and_then(|it| serde_json::to_value(it).ok());
            word.and_then(|it| it.as_str().map(str::to_owned))
        };
        let mut lines = Vec::new();
        lines.push(match (detail.run.status, word(&detail.run.tier)) {
            (protocol::Status::Completed, Some(tier)) => format!("Completed: {tier}."),
            (protocol::Status::Completed, None) => "Completed.".to_owned(),
            (protocol::Status::Failed, _) => "Failed.".to_owned(),
            (protocol::Status::Running, _) => "Stopped; it can be resumed.".to_owned(),
        });
        lines.extend(detail.explanation.clone());
        lines.extend(detail.nobody_was_asked.clone());
        for gate in &detail.gates {
            lines.push(format!("- {}: {}", gate.name, gate.fact));
        }
        for delivery in &detail.deliveries {
            lines.push(format!("{}: {}", delivery.to, delivery.reference));
        }
        let cost = delivery::words::money(detail.usage.cost_microusd);
        lines.push(format!("{} tokens, {cost}", detail.usage.tokens));
        lines.push(format!("Next: {}", detail.next));
        lines.join("\n")
    }
}

fn text(words: String) -> ContentBlock {
    ContentBlock::Text(TextContent::new(words))
}

fn kind(stage: Stage) -> ToolKind {
    match stage {
        Stage::Drafting | Stage::Formatting => ToolKind::Edit,
        Stage::Testing => ToolKind::Execute,
        _ => ToolKind::Think,
    }
}
