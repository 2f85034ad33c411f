//! Whether a walk could have written a journal: who works where, in which draft, in which order, showing what.
//!
//! What may follow is not written down here a second time. The reports of the journal go through the machine as they went
//! through it in the walk, and the first event is refused that the walk would not have written in its place.

mod place;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;

use protocol::{
    Entry, Evidence, ModelReply, Reason, Report, RunEvent, Seat, Stage, Status, Terms, TreeId,
};

use crate::past::{Past, Reported};
use place::Place;
use words::{begins, kind_of, named, told};

/// An event that no walk could have written where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "trust event {seq} of the bundle's journal: no walk writes there that {there} (what could stand there: {due})"
)]
pub struct Misplaced {
    /// The event's number.
    pub seq: u64,
    /// What stands there, in words.
    pub there: String,
    /// What could stand there, in words.
    pub due: String,
}

/// Refuses a journal that no walk could have written.
///
/// Runs that were killed, interrupted, resumed, reopened and forked are walks, and so is one that isn't at its end.
///
/// # Errors
///
/// The first event that could not stand where it does.
pub fn check_order(history: &[Entry]) -> Result<(), Misplaced> {
    let mut order: Option<Order> = None;
    for (at, entry) in history.iter().enumerate() {
        let taken = match &mut order {
            _ if entry.seq != at as u64 => Err(format!("the event with the number {at}")),
            None => Order::open(&history[..=at]).map(|it| order = Some(it)),
            Some(order) => order.take(&history[..=at], entry),
        };
        taken.map_err(|due| Misplaced {
            seq: at as u64,
            there: told(&entry.event),
            due,
        })?;
    }
    Ok(())
}

/// What could stand in the place of an event that can't.
type Due = String;

/// A journal up to some event.
struct Order<'a> {
    /// Who works on it since it was last opened.
    crew: &'a [Seat],
    /// How far the reports have brought it.
    place: Place<'a>,
    /// Whether the environment is ready.
    set_up: bool,
    /// Who is prepared.
    prepared: BTreeSet<String>,
    /// Who has begun and hasn't reported in this life of the run.
    at_work: Option<&'a str>,
    /// Whether the run is at its end.
    finished: bool,
}

impl<'a> Order<'a> {
    fn open(history: &'a [Entry]) -> Result<Order<'a>, Due> {
        let (Some(RunEvent::Opened { task, .. }), Some(terms)) =
            (history.first().map(|it| &it.event), Terms::of(history))
        else {
            return Err("the opening of the run".to_owned());
        };
        let past = Past::read(history);
        Ok(Order {
            crew: terms.crew,
            set_up: past.set_up,
            prepared: past.prepared.keys().cloned().collect(),
            place: Place::of(task, terms, past),
            at_work: None,
            finished: false,
        })
    }

    /// Takes the last event of the history.
    fn take(&mut self, history: &'a [Entry], entry: &'a Entry) -> Result<(), Due> {
        if self.finished != entry.event.is_delivery() {
            return Err(self.next());
        }
        match &entry.event {
            RunEvent::Opened { .. } => Err(self.next()),
            RunEvent::Reopened {
                fork,
                crew,
                replaced,
                ..
            } => {
                if let Some(fork) = fork.as_ref().filter(|it| it.at + 1 != entry.seq) {
                    let at = fork.at;
                    return Err(format!("a fork after event {at} right behind that event"));
                }
                reopened(self.crew, crew, replaced)?;
                *self = Order::open(history)?;
                Ok(())
            }
            RunEvent::SetUp { .. } if self.set_up => Err(self.next()),
            RunEvent::SetUp { .. } => {
                self.set_up = true;
                Ok(())
            }
            RunEvent::Started {
                stage,
                iteration,
                agent,
            } => self.begin(*stage, *iteration, agent),
            RunEvent::Replied {
                agent,
                iteration,
                reply,
                ..
            } => {
                self.visiting(agent, *iteration)?;
                self.answered(agent, reply)
            }
            RunEvent::Unanswered {
                agent, iteration, ..
            } => self.unanswered(agent, *iteration),
            RunEvent::Stepped {
                agent,
                iteration,
                tree,
                ..
            } => {
                self.visiting(agent, *iteration)?;
                match tree {
                    // Whoever prepares works on the base.
                    Some(_) if *iteration == 0 => {
                        Err("a step of a preparation that leaves the work tree alone".to_owned())
                    }
                    _ => Ok(()),
                }
            }
            RunEvent::Prepared { agent, prepared } => {
                let seat = self.preparing(agent)?;
                shows(seat.stage, true, &prepared.evidence)?;
                self.prepared.insert(agent.clone());
                Ok(())
            }
            RunEvent::Reported {
                stage,
                iteration,
                agent,
                report,
                tree,
                proposed_code,
            } => {
                let here = (self.place.stage(), self.place.draft());
                if self.at_work != Some(agent) || (*stage, *iteration) != here {
                    return Err(self.next());
                }
                shows(*stage, false, &report.evidence)?;
                self.at_work = None;
                self.report(agent, report, tree, proposed_code);
                Ok(())
            }
            // A run that goes on may be stopped again before it has come to where it was.
            RunEvent::Interrupted { .. } => {
                self.at_work = None;
                Ok(())
            }
            RunEvent::Finished { status, reason, .. } => self.finish(*status, *reason),
            RunEvent::Delivering { .. } | RunEvent::Delivered { .. } => Ok(()),
        }
    }

    fn begin(&mut self, stage: Stage, draft: u8, agent: &'a str) -> Result<(), Due> {
        let due = self.place.due().filter(|it| {
            let (here, seat) = ((stage, draft, agent), (it.stage, it.agent.as_str()));
            here == (seat.0, self.place.draft(), seat.1)
        });
        // Whoever is at work already begins once more after a crash.
        if due.is_none() || !self.set_up || !self.prepared.contains(agent) {
            return Err(self.next());
        }
        self.at_work = Some(agent);
        Ok(())
    }

    /// Something that is done in a visit, which may be a preparation.
    fn visiting(&self, agent: &str, draft: u8) -> Result<(), Due> {
        if draft == 0 {
            return self.preparing(agent).map(|_| ());
        }
        match self.at_work {
            Some(it) if it == agent && draft == self.place.draft() => Ok(()),
            _ => Err(self.next()),
        }
    }

    /// Preparations are under way beside the stages, each until its agent is prepared.
    fn preparing(&self, agent: &str) -> Result<&'a Seat, Due> {
        match self.seat(agent) {
            Some(seat) if self.set_up && !self.prepared.contains(agent) => Ok(seat),
            _ => Err(self.next()),
        }
    }

    fn answered(&self, agent: &str, reply: &ModelReply) -> Result<(), Due> {
        let seat = self.seat(agent).filter(|it| it.model.is_some());
        let Some(seat) = seat else {
            return Err(format!("a step of {}, which has no model", named(agent)));
        };
        if reply.answered_by.is_some() && reply.answered_by != seat.fallback {
            return Err(format!("an answer of a model that {} has", named(agent)));
        }
        Ok(())
    }

    /// What was given up while it was under way is written down before the last word, whoever is at work by then.
    fn unanswered(&self, agent: &str, draft: u8) -> Result<(), Due> {
        if draft == 0 {
            return self.preparing(agent).map(|_| ());
        }
        match self.seat(agent) {
            Some(seat) if seat.model.is_some() && draft == self.place.draft() => Ok(()),
            _ => Err(self.next()),
        }
    }

    fn report(&mut self, agent: &str, report: &Report, tree: &TreeId, proposed_code: &str) {
        let reported = Reported {
            report: report.clone(),
            tree: tree.clone(),
            proposed_code: proposed_code.to_owned(),
            others_since: false,
        };
        self.place.report(agent, &reported);
    }

    fn finish(&mut self, status: Status, reason: Option<Reason>) -> Result<(), Due> {
        let comes = match (status, reason) {
            (Status::Completed, None) => self.place.stage() == Stage::Completed,
            (Status::Failed, Some(Reason::RedraftsExhausted)) => {
                self.place.stage() == Stage::Failed && self.place.no_way.is_none()
            }
            (Status::Failed, Some(Reason::NoCode | Reason::NoProgress)) => {
                self.place.no_way == reason
            }
            // Whatever else is fatal may come at any time, also to a run that goes on.
            (Status::Failed, Some(_)) => true,
            (Status::Running | Status::Completed | Status::Failed, _) => false,
        };
        if !comes {
            return Err(self.next());
        }
        self.finished = true;
        Ok(())
    }

    fn seat(&self, agent: &str) -> Option<&'a Seat> {
        self.crew.iter().find(|it| it.agent == agent)
    }

    /// What comes next in the stages, in words.
    fn next(&self) -> Due {
        let draft = self.place.draft();
        match (self.place.due(), self.at_work) {
            _ if self.finished => "nothing but deliveries, behind the end".to_owned(),
            _ if !self.set_up => "the environment is set up".to_owned(),
            (Some(seat), Some(agent)) => format!(
                "what {} does in {} of draft {draft}",
                named(agent),
                seat.stage
            ),
            (Some(seat), None) if !self.prepared.contains(&seat.agent) => {
                format!("{} is prepared", named(&seat.agent))
            }
            (Some(seat), None) => begins(seat.stage, draft, &seat.agent),
            (None, _) if self.place.stage() == Stage::Completed => {
                "the run ends as completed".to_owned()
            }
            (None, _) => "the run ends as failed".to_owned(),
        }
    }
}

/// Whoever has another seat than before is replaced; others only where their model has other scripts.
fn reopened(before: &[Seat], after: &[Seat], replaced: &[String]) -> Result<(), Due> {
    let of = |crew: &'_ [Seat], agent: &str| crew.iter().find(|it| it.agent == agent).cloned();
    for seat in before.iter().chain(after) {
        let agent = &seat.agent;
        if of(before, agent) != of(after, agent) && !replaced.contains(agent) {
            return Err(format!("{} is named among the replaced", named(agent)));
        }
    }
    for agent in replaced {
        let (was, is) = (of(before, agent), of(after, agent));
        let has_model = |it: &Option<Seat>| it.as_ref().is_some_and(|it| it.model.is_some());
        if was == is && !has_model(&is) {
            return Err(format!(
                "{} isn't named among the replaced, and stays what it was",
                named(agent)
            ));
        }
    }
    Ok(())
}

/// Refuses what nobody can show in a stage, or when it gets ready for it.
fn shows(stage: Stage, preparing: bool, evidence: &[Evidence]) -> Result<(), Due> {
    let stages: fn(&Evidence) -> &'static [Stage] = if preparing { prepared_in } else { shown_in };
    match evidence.iter().find(|it| !stages(it).contains(&stage)) {
        Some(it) => Err(format!(
            "the same without {}, which nobody shows {}{stage}",
            kind_of(it),
            if preparing { "before " } else { "in " },
        )),
        None => Ok(()),
    }
}

const EVERYWHERE: &[Stage] = &[
    Stage::Drafting,
    Stage::Formatting,
    Stage::Testing,
    Stage::Qa,
];

/// The stages in which a report can hold it.
fn shown_in(evidence: &Evidence) -> &'static [Stage] {
    match evidence {
        Evidence::Draft { .. } | Evidence::Dispute(_) | Evidence::Patch(_) => &[Stage::Drafting],
        Evidence::Format { .. } => &[Stage::Formatting],
        // Tests are written anew where one of them was disputed.
        Evidence::AcceptanceTests(_)
        | Evidence::Tests { .. }
        | Evidence::Integrity(_)
        | Evidence::Bite(_) => &[Stage::Testing],
        Evidence::Review(_) | Evidence::ReviewerFigure(_) => &[Stage::Qa],
        Evidence::Baseline(_) => &[],
        Evidence::Guidance { .. } | Evidence::Missing { .. } => EVERYWHERE,
    }
}

/// The stages whose agents can have it prepared.
fn prepared_in(evidence: &Evidence) -> &'static [Stage] {
    match evidence {
        Evidence::Baseline(_) | Evidence::AcceptanceTests(_) => &[Stage::Testing],
        Evidence::Guidance { .. } | Evidence::Missing { .. } => EVERYWHERE,
        Evidence::Draft { .. }
        | Evidence::Format { .. }
        | Evidence::Tests { .. }
        | Evidence::Patch(_)
        | Evidence::Dispute(_)
        | Evidence::Integrity(_)
        | Evidence::Bite(_)
        | Evidence::Review(_)
        | Evidence::ReviewerFigure(_) => &[],
    }
}
