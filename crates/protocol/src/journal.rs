//! The run log: what happened, in order, so that a killed run can go on.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::{Prepared, Report};
use crate::destination::Destination;
use crate::limits::Limits;
use crate::model::{ModelId, ModelReply, Unanswered};
use crate::stage::Stage;
use crate::state::{Reason, Status, Tier};
use crate::task::Task;
use crate::workspace::{Base, Confinement, Environment, TreeId};

/// The name of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One agent's place in the crew, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// The stage it works in.
    pub stage: Stage,
    /// Its name.
    pub agent: String,
    /// Its model, if it has one.
    pub model: Option<ModelId>,
    /// Who stands in while that model's vendor is down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<ModelId>,
}

/// Where a run comes from that began as another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// The other run.
    pub run: RunId,
    /// The last of its events that this run begins with; they stand before this in the same places.
    pub at: u64,
}

/// What a run works under: who, within which bounds, and how it was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms<'a> {
    /// Who works on it.
    pub crew: &'a [Seat],
    /// Its bounds.
    pub limits: &'a Limits,
    /// Whatever else whoever opened it needs to go on with it.
    pub settings: &'a Value,
}

impl Terms<'_> {
    /// The terms after the last event of a journal; none when nothing in it opens a run.
    pub fn of(history: &[Entry]) -> Option<Terms<'_>> {
        history.iter().rev().find_map(|it| match &it.event {
            RunEvent::Opened {
                crew,
                limits,
                settings,
                ..
            }
            | RunEvent::Reopened {
                crew,
                limits,
                settings,
                ..
            } => Some(Terms {
                crew,
                limits,
                settings,
            }),
            _ => None,
        })
    }
}

/// One event with its place and time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Place in the run, counted from 0 without gaps.
    pub seq: u64,
    /// When it was written: milliseconds since 1970-01-01 UTC. For people; no decision looks at it.
    pub at_ms: u64,
    /// What happened.
    pub event: RunEvent,
}

/// One thing that happened.
///
/// `iteration` is 0 for work done in [`crate::Agent::prepare`], and the number of the draft otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "events are few and short-lived; boxes would only make them harder to read"
)]
pub enum RunEvent {
    /// The run exists. Always the first event.
    Opened {
        /// What was asked.
        task: Task,
        /// What it starts from.
        base: Base,
        /// Who works on it.
        crew: Vec<Seat>,
        /// Its bounds.
        limits: Limits,
        /// Whatever else whoever opened it needs to go on with it: addresses, delivery, options.
        settings: Value,
    },
    /// The run goes on under other terms than before: as a fork of another run, or resumed with something changed.
    Reopened {
        /// Which run it is a fork of; every event before this one is then that run's.
        fork: Option<Fork>,
        /// Who works on it from here on.
        crew: Vec<Seat>,
        /// Agents that have another model from here on, are new, or are gone; [`crate::Kept`] says what that means for
        /// what they were doing.
        replaced: Vec<String>,
        /// Its bounds from here on.
        limits: Limits,
        /// As in [`RunEvent::Opened`].
        settings: Value,
    },
    /// The Python environment is ready.
    SetUp {
        /// The environment.
        environment: Environment,
        /// The walls that were active.
        confinement: Confinement,
    },
    /// An agent is about to work. Written first, so that a crash leaves a trace.
    Started {
        /// The stage it works in.
        stage: Stage,
        /// Which draft.
        iteration: u8,
        /// Its name.
        agent: String,
    },
    /// A model answered. Written before anything acts on the reply.
    Replied {
        /// Whose model.
        agent: String,
        /// Which draft.
        iteration: u8,
        /// SHA-256 of the whole request, in hexadecimal.
        request_sha256: String,
        /// The reply.
        reply: ModelReply,
    },
    /// A request gave no reply and is, or may be, billed.
    Unanswered {
        /// Whose model.
        agent: String,
        /// Which draft.
        iteration: u8,
        /// What it costs, and why there is no reply.
        unanswered: Unanswered,
    },
    /// An agent did something it must not do twice.
    Stepped {
        /// Whose step.
        agent: String,
        /// Which draft.
        iteration: u8,
        /// The step's name.
        step: String,
        /// What it gave.
        value: Value,
        /// The work tree afterwards, when the step may have changed it.
        tree: Option<TreeId>,
    },
    /// An agent finished its preparation.
    Prepared {
        /// Its name.
        agent: String,
        /// What it prepared.
        prepared: Prepared,
    },
    /// An agent reported.
    Reported {
        /// The stage it worked in.
        stage: Stage,
        /// Which draft.
        iteration: u8,
        /// Its name.
        agent: String,
        /// What it said.
        report: Report,
        /// The work tree afterwards.
        tree: TreeId,
        /// The change afterwards, against the base.
        proposed_code: String,
    },
    /// The run stopped before its end and can be resumed.
    Interrupted {
        /// Why, as in [`Reason::Cancelled`].
        reason: Reason,
        /// In words.
        explanation: String,
    },
    /// The run is at its end. Only deliveries follow.
    Finished {
        /// Completed or failed.
        status: Status,
        /// Why it failed.
        reason: Option<Reason>,
        /// In words, for a person.
        explanation: String,
        /// What was proven.
        tier: Option<Tier>,
        /// The final tree, accepted tests included.
        tree: TreeId,
        /// The final change, accepted tests included.
        proposed_code: String,
    },
    /// The change, or word of it, is about to be handed over. Written first, so that a crash leaves a trace.
    Delivering {
        /// Where to.
        to: Destination,
    },
    /// It is there.
    Delivered {
        /// Where.
        to: Destination,
        /// What it is called there: a file, a commit, or the address of a page.
        reference: String,
    },
}

/// Where the events of one run are kept.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Appends one event; once this returns, the event survives a crash.
    async fn append(&self, event: &RunEvent) -> Result<(), JournalError>;

    /// Whether somebody asked for this run to stop.
    async fn cancel_requested(&self) -> Result<bool, JournalError> {
        Ok(false)
    }
}

/// The journal could not keep or read an event.
#[derive(Debug, thiserror::Error)]
#[error("use the run journal")]
pub struct JournalError(#[source] pub Box<dyn std::error::Error + Send + Sync>);
