//! What callers are told.

use protocol::{RunEvent, Stage};
use serde::Serialize;
use store::RunSummary;
use utoipa::ToSchema;

/// A run as a list shows it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Run {
    /// Its name.
    pub id: String,
    /// The task's first line.
    pub title: String,
    /// The repository's address or folder; empty for a run that started from nothing.
    pub repository: String,
    /// When it was created, in milliseconds since 1970-01-01 UTC.
    pub created_ms: u64,
    /// When its last event was written, in the same unit.
    pub updated_ms: u64,
    /// `running` (also when it stopped and can be resumed), `completed` or `failed`.
    #[schema(value_type = String)]
    pub status: protocol::Status,
    /// Where it stands, once an agent has begun.
    #[schema(value_type = Option<String>)]
    pub stage: Option<Stage>,
    /// Why it failed or stopped.
    #[schema(value_type = Option<String>)]
    pub reason: Option<protocol::Reason>,
    /// What was proven.
    #[schema(value_type = Option<String>)]
    pub tier: Option<protocol::Tier>,
    /// Events in its journal.
    pub events: u64,
    /// Whether somebody works on it now.
    pub working: bool,
    /// Whether somebody asked it to stop, and it hasn't yet.
    pub cancel_requested: bool,
    /// Who asked for it over HTTP.
    pub caller: Option<String>,
    /// Where the rest of it is.
    pub links: Links,
}

/// Where the rest of a run is, below the server's address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Links {
    /// The run.
    #[serde(rename = "self")]
    pub itself: String,
    /// Its page for people.
    pub page: String,
    /// Its events.
    pub events: String,
    /// Its report.
    pub report: String,
    /// Its change.
    pub patch: String,
    /// Its evidence.
    pub bundle: String,
}

impl Run {
    /// `works_here` is whether this process is still busy with it, be it with its evidence only.
    pub(crate) fn of(summary: RunSummary, works_here: bool) -> Run {
        let id = summary.id.0;
        let below = |what: &str| format!("/api/runs/{id}{what}");
        let links = Links {
            itself: below(""),
            page: format!("/coding/runs/{id}"),
            events: below("/events"),
            report: below("/report"),
            patch: below("/patch"),
            bundle: below("/bundle"),
        };
        Run {
            title: summary.title,
            repository: summary.repository,
            created_ms: summary.created_ms,
            updated_ms: summary.updated_ms,
            status: summary.status,
            stage: summary.stage,
            reason: summary.reason,
            tier: summary.tier,
            events: summary.events,
            working: works_here || summary.holder.is_some(),
            cancel_requested: summary.cancel_requested,
            caller: summary.caller,
            links,
            id,
        }
    }
}

/// A page of the list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RunPage {
    /// The runs, newest first.
    pub runs: Vec<Run>,
    /// What `before` is for the next page; none at the end.
    pub next: Option<String>,
}

/// Where a change is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeliveryTold {
    /// The place, in words.
    pub to: String,
    /// What it is called there.
    pub reference: String,
}

/// What a delivery came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Handed {
    /// Where the change is.
    pub deliveries: Vec<DeliveryTold>,
    /// Why it isn't delivered, when less was proven than is required.
    pub held_back: Option<String>,
}

/// What became of the wish to stop a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Stopped {
    /// What.
    pub outcome: Outcome,
}

/// What became of the wish to stop a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Whoever works on it was asked.
    Asked,
    /// Nobody works on it.
    Idle,
    /// It is at its end.
    Ended,
}

/// Who asks, and what this server lets them do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Me {
    /// The caller's name.
    pub caller: String,
    /// Whether they see and steer everybody's runs.
    pub is_admin: bool,
    /// The program's version.
    pub version: String,
    /// Local folders below which `repo` may lie.
    pub folders: Vec<String>,
    /// What a form is filled with.
    pub repo: Option<String>,
    /// Whether scripts answer in place of vendors.
    pub scripted: bool,
    /// Runs that may work at once.
    pub runs_max: usize,
    /// Runs that do.
    pub working: usize,
}

/// One event of a run.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventTold<'a> {
    /// The run.
    pub run: &'a str,
    /// Its place in the journal.
    pub seq: u64,
    /// When it was written, in milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
    /// What happened, as `pipeline log --json` has it.
    #[schema(value_type = Object)]
    pub event: &'a RunEvent,
    /// The step of the trace that it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub step: Option<delivery::Step>,
    /// In a line for people.
    pub line: String,
}

/// A line for people, with its place.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LogLine<'a> {
    /// The run.
    pub run: &'a str,
    /// The event's place in its journal.
    pub seq: u64,
    /// When it was written, in milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
    /// The line.
    pub line: String,
}

/// Where a stream of events ends: nobody works on the run any more.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StreamEnd {
    /// The run.
    pub run: String,
    /// As in [`Run::status`].
    #[schema(value_type = String)]
    pub status: protocol::Status,
    /// As in [`Run::reason`].
    #[schema(value_type = Option<String>)]
    pub reason: Option<protocol::Reason>,
    /// As in [`Run::tier`].
    #[schema(value_type = Option<String>)]
    pub tier: Option<protocol::Tier>,
}
