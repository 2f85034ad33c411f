//! What a run that was reopened with another crew keeps of what was done before.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::agent::Verdict;
use crate::journal::{Entry, RunEvent, Seat};
use crate::stage::Stage;

/// Which events of a journal a run goes on from, and who worked in a stage that was over before the crew changed.
///
/// What has come to its end stays, whoever did it. Whoever gets another model begins anew with what it was in the
/// middle of: a visit that hadn't reported, and a preparation whose agent hadn't reported in its stage yet, so that
/// nobody has gone by it. One model can't go on with another one's thoughts: each vendor's models are offered tools of their own,
/// and what a model keeps to itself is signed for it alone. Where the new crew seats somebody in front of agents that
/// have reported in a stage which isn't over, they report again. Such events are set aside. They have cost what they
/// cost, and nothing else follows from them.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    aside: BTreeSet<u64>,
    /// Each crew that was followed by another one, with how far it had come.
    eras: Vec<(Progress, Vec<Seat>)>,
    crew: Vec<Seat>,
}

/// How far a walk has come.
#[derive(Clone, Copy, Debug)]
struct Progress {
    draft: u8,
    stage: Stage,
    /// Whether the stage is over, with a rejection or with everybody's word.
    over: bool,
}

impl Progress {
    fn is_over(self, stage: Stage, draft: u8) -> bool {
        let (asked, here) = ((draft, stage), (self.draft, self.stage));
        asked < here || (asked == here && self.over)
    }
}

impl Kept {
    /// Reads a journal, or any part of one that begins with the opening of its run.
    pub fn of(history: &[Entry]) -> Kept {
        let mut reader = Reader::default();
        for entry in history {
            reader.take(entry);
        }
        reader.kept
    }

    /// Whether the run goes on from the event in this place.
    pub fn counts(&self, seq: u64) -> bool {
        !self.aside.contains(&seq)
    }

    /// The places of what was set aside.
    pub fn aside(&self) -> impl Iterator<Item = u64> {
        self.aside.iter().copied()
    }

    /// Whether a stage was over before the run was last reopened: nobody works in it any more.
    pub fn is_over(&self, stage: Stage, draft: u8) -> bool {
        let last = self.eras.last();
        last.is_some_and(|(progress, _)| progress.is_over(stage, draft))
    }

    /// The crew that a stage of a draft ends with: the one that was there when it was over.
    pub fn crew_of(&self, stage: Stage, draft: u8) -> &[Seat] {
        let era = self.eras.iter().find(|it| it.0.is_over(stage, draft));
        era.map_or(&self.crew, |(_, crew)| crew)
    }

    /// Every crew of the run, in order.
    pub fn crews(&self) -> impl Iterator<Item = &[Seat]> {
        let before = self.eras.iter().map(|(_, crew)| crew.as_slice());
        before.chain([self.crew.as_slice()])
    }
}

#[derive(Default)]
struct Reader {
    kept: Kept,
    /// The stage and the draft that somebody worked in last.
    place: Option<(Stage, u8)>,
    /// Visits of that stage that have reported.
    reported: Vec<Visit>,
    /// The one that hasn't.
    open: Option<Visit>,
    sent_back: bool,
    /// Places of what each agent's preparation wrote down.
    preparations: HashMap<String, Vec<u64>>,
    /// Agents that have reported in their stage, so that others have gone by what they prepared.
    heard: HashSet<String>,
}

struct Visit {
    agent: String,
    places: Vec<u64>,
}

impl Reader {
    fn take(&mut self, entry: &Entry) {
        let seq = entry.seq;
        match &entry.event {
            RunEvent::Opened { crew, .. } => self.kept.crew.clone_from(crew),
            RunEvent::Reopened { crew, replaced, .. } => self.reopen(crew, replaced),
            RunEvent::Started {
                stage,
                iteration,
                agent,
            } => self.visit(*stage, *iteration, agent).places.push(seq),
            RunEvent::Replied {
                agent, iteration, ..
            }
            | RunEvent::Stepped {
                agent, iteration, ..
            } => match &mut self.open {
                _ if *iteration == 0 => self.prepare(agent, seq),
                Some(visit) if visit.agent == *agent => visit.places.push(seq),
                _ => {}
            },
            RunEvent::Prepared { agent, .. } => self.prepare(agent, seq),
            RunEvent::Reported {
                stage,
                iteration,
                agent,
                report,
                ..
            } => {
                self.visit(*stage, *iteration, agent).places.push(seq);
                self.reported.extend(self.open.take());
                self.heard.insert(agent.clone());
                self.sent_back = matches!(report.verdict, Verdict::Rejected { .. });
            }
            // What gave no reply has only cost something, and that it keeps doing.
            RunEvent::Unanswered { .. }
            | RunEvent::SetUp { .. }
            | RunEvent::Interrupted { .. }
            | RunEvent::Finished { .. }
            | RunEvent::Delivering { .. }
            | RunEvent::Delivered { .. } => {}
        }
    }

    fn prepare(&mut self, agent: &str, seq: u64) {
        let places = self.preparations.entry(agent.to_owned()).or_default();
        places.push(seq);
    }

    /// The visit under way, which begins here unless it was gone on with.
    fn visit(&mut self, stage: Stage, draft: u8, agent: &str) -> &mut Visit {
        if self.place != Some((stage, draft)) {
            self.place = Some((stage, draft));
            self.reported.clear();
            self.open = None;
            self.sent_back = false;
        }
        let known = self.open.take().filter(|it| it.agent == agent);
        self.open.insert(known.unwrap_or_else(|| Visit {
            agent: agent.to_owned(),
            places: Vec::new(),
        }))
    }

    fn reopen(&mut self, crew: &[Seat], replaced: &[String]) {
        for agent in replaced.iter().filter(|it| !self.heard.contains(*it)) {
            let places = self.preparations.remove(agent);
            self.kept.aside.extend(places.into_iter().flatten());
        }
        let progress = match self.place {
            Some((stage, draft)) => {
                let over = self.sent_back || self.is_missing(stage, &self.kept.crew).is_none();
                if !over {
                    self.set_aside_in(stage, crew, replaced);
                }
                Progress { draft, stage, over }
            }
            None => Progress {
                draft: 0,
                stage: Stage::Drafting,
                over: false,
            },
        };
        let before = std::mem::replace(&mut self.kept.crew, crew.to_vec());
        self.kept.eras.push((progress, before));
    }

    /// The first of a crew who hasn't reported in the stage, by its place in the order of the crew.
    fn is_missing(&self, stage: Stage, crew: &[Seat]) -> Option<usize> {
        let reported = |agent: &str| self.reported.iter().any(|it| it.agent == agent);
        let mut seats = crew.iter().enumerate();
        seats
            .find(|(_, it)| it.stage == stage && !reported(&it.agent))
            .map(|(place, _)| place)
    }

    /// Sets aside, in the stage that somebody was working in, what can't be gone on with.
    fn set_aside_in(&mut self, stage: Stage, crew: &[Seat], replaced: &[String]) {
        let first = self.is_missing(stage, crew).unwrap_or(crew.len());
        let place = |agent: &str| crew.iter().position(|it| it.agent == agent);
        let comes_later = |it: &Visit| place(&it.agent).is_some_and(|place| first < place);
        let (again, stay) = std::mem::take(&mut self.reported)
            .into_iter()
            .partition(comes_later);
        self.reported = stay;
        let anew = |it: &mut Visit| {
            comes_later(it) || replaced.contains(&it.agent) || place(&it.agent).is_none()
        };
        let again: Vec<Visit> = again;
        let aside = again.into_iter().chain(self.open.take_if(anew));
        self.kept.aside.extend(aside.flat_map(|it| it.places));
    }
}

#[cfg(test)]
mod tests;
