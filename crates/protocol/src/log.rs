//! Live progress: seen while it happens, never kept, never part of a decision.

use crate::model::ModelId;

/// Something a person who watches may want to see now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// An agent waits for its model.
    Asking {
        /// The agent.
        agent: String,
    },
    /// A model's reply came in.
    Answered {
        /// The agent.
        agent: String,
        /// Tokens of the request and the reply.
        tokens: u64,
        /// Price, where it is known.
        cost_microusd: Option<u64>,
    },
    /// A vendor asked us to come back later, or a request is tried again.
    Retrying {
        /// The vendor.
        vendor: String,
        /// Why.
        why: String,
        /// How long we wait.
        wait_ms: u64,
    },
    /// An agent's model can't be had, and another one answers in its place.
    StandIn {
        /// The agent.
        agent: String,
        /// The model that can't be had.
        of: ModelId,
        /// The one that answers.
        by: ModelId,
        /// Why.
        why: String,
    },
    /// Something looks wrong that nobody can decide: a person should know.
    Warning {
        /// In words.
        text: String,
    },
    /// A model used a tool.
    Tool {
        /// The agent.
        agent: String,
        /// The tool and its main argument, in one line.
        call: String,
    },
    /// A request named a place of this run or this machine, and left without it.
    Renamed {
        /// Whose request.
        agent: String,
        /// The place as it stood there.
        place: String,
    },
    /// A test finished.
    Tested {
        /// Tests finished so far.
        done: usize,
        /// Tests collected.
        total: usize,
        /// Tests failed so far.
        failed: usize,
    },
    /// Part of something long is done: a clone, an installation.
    Progress {
        /// What is under way.
        what: String,
        /// Its own words for how far it is.
        how_far: String,
    },
}

/// Where live progress goes.
pub trait Log: Send + Sync {
    /// Takes one note; must not block.
    fn note(&self, note: Note);
}

/// Throws every note away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Log for Silent {
    fn note(&self, _: Note) {}
}
