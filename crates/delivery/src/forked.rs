//! What a run took over from the one it was forked from, and seats that were given up.

use protocol::{Entry, Fork, ModelId, RunEvent, RunId, Usage};
use serde::Serialize;

/// What a run began with that is another one's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Forked {
    /// The other run.
    pub(crate) run: RunId,
    /// The last of its events that this run begins with.
    pub(crate) at: u64,
    /// What had been used until then.
    pub(crate) inherited: Usage,
    /// What this run has used itself.
    pub(crate) own: Usage,
}

/// A seat that another model has from some event on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Handover {
    /// The event.
    pub(crate) seq: u64,
    pub(crate) agent: String,
    /// None for somebody new.
    pub(crate) before: Option<ModelId>,
    /// None for somebody who is gone.
    pub(crate) after: Option<ModelId>,
}

impl Forked {
    /// The last fork that a journal tells of: a fork of a fork has inherited from both.
    pub(crate) fn of(history: &[Entry]) -> Option<Forked> {
        let (seq, fork) = history.iter().rev().find_map(|it| match &it.event {
            RunEvent::Reopened {
                fork: Some(fork), ..
            } => Some((it.seq, fork)),
            _ => None,
        })?;
        let used = |earlier: bool| {
            let mut usage = Usage {
                cost_microusd: Some(0),
                ..Usage::default()
            };
            for entry in history.iter().filter(|it| (it.seq < seq) == earlier) {
                add(&mut usage, &entry.event);
            }
            usage
        };
        let Fork { run, at } = fork.clone();
        Some(Forked {
            run,
            at,
            inherited: used(true),
            own: used(false),
        })
    }
}

/// Adds what an event used; the price is known only when that of each is.
fn add(sum: &mut Usage, event: &RunEvent) {
    let (used, cost) = match event {
        RunEvent::Replied { reply, .. } => {
            sum.calls += 1;
            (&reply.usage, reply.cost_microusd)
        }
        RunEvent::Unanswered { unanswered, .. } => (&unanswered.usage, unanswered.cost_microusd),
        _ => return,
    };
    sum.tokens.add(used);
    sum.cost_microusd = sum.cost_microusd.zip(cost).map(|(a, b)| a + b);
}
