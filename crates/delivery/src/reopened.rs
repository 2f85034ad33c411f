//! A record whose run goes on under other terms.

use protocol::{Entry, Kept, RunEvent, Seat};

use crate::forked::Handover;
use crate::record::{Record, Visit, Word};

impl Record {
    /// Takes in that the run goes on under other terms; `kept` is what it goes on from.
    pub(crate) fn reopen(&mut self, entry: &Entry, kept: &Kept) {
        let RunEvent::Reopened { fork, crew, .. } = &entry.event else {
            return;
        };
        self.handovers
            .extend(handovers(entry.seq, &self.crew, crew));
        self.crew.clone_from(crew);
        if fork.is_some() {
            self.opened_ms = entry.at_ms;
            self.ready_ms = self.ready_ms.map(|_| entry.at_ms);
        }
        for visit in &mut self.visits {
            visit.inherited |= fork.is_some();
            if !kept.counts(visit.last) {
                visit.word = Word::SetAside;
            } else if visit.word == Word::Unfinished {
                // Nobody worked in between.
                visit.started_ms = entry.at_ms;
            }
        }
    }
}

impl Visit {
    /// Whether nobody comes back to it.
    pub(crate) fn is_closed(&self) -> bool {
        self.word == Word::SetAside
    }
}

fn handovers(seq: u64, before: &[Seat], after: &[Seat]) -> Vec<Handover> {
    let model = |crew: &[Seat], agent: &str| {
        let seat = crew.iter().find(|it| it.agent == agent);
        seat.and_then(|it| it.model.clone())
    };
    let mut names: Vec<&str> = Vec::new();
    for seat in before.iter().chain(after) {
        if !names.contains(&seat.agent.as_str()) {
            names.push(&seat.agent);
        }
    }
    let handover = |agent: &str| Handover {
        seq,
        agent: agent.to_owned(),
        before: model(before, agent),
        after: model(after, agent),
    };
    let changed = names.into_iter().map(handover);
    changed.filter(|it| it.before != it.after).collect()
}
