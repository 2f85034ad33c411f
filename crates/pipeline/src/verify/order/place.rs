//! How far the reports of a journal bring a run.

use std::collections::HashMap;

use protocol::{Kept, Reason, RunState, Seat, Stage, Task, Terms};
use statig::prelude::*;

use crate::machine::{Event, Rules};
use crate::past::{Past, Reported};
use crate::progress::Rejections;
use crate::word::{self, Machine, NoWay};

/// The machine with everything that it and its driver look at.
pub(super) struct Place<'a> {
    crew: &'a [Seat],
    kept: Kept,
    machine: Machine,
    state: RunState,
    rejections: Rejections,
    /// Reports of earlier lives that are yet to be taken in.
    past: HashMap<(Stage, u8), Vec<(String, Reported)>>,
    /// Who has reported in the stage.
    reported: Vec<String>,
    /// Why the machine was told to stop.
    pub(super) no_way: Option<Reason>,
}

impl<'a> Place<'a> {
    /// Where a walk is that begins, or goes on, with this past.
    pub(super) fn of(task: &Task, terms: Terms<'a>, past: Past) -> Place<'a> {
        let mut place = Place {
            crew: terms.crew,
            kept: past.kept,
            machine: Rules::with_drafts(terms.limits.iterations_max).state_machine(),
            state: RunState::new(task.clone()),
            rejections: Rejections::default(),
            past: past.reported,
            reported: Vec::new(),
            no_way: None,
        };
        place.go_on();
        place
    }

    pub(super) fn stage(&self) -> Stage {
        *self.machine.state()
    }

    pub(super) fn draft(&self) -> u8 {
        self.state.iteration
    }

    /// Whose turn it is, if anybody's.
    pub(super) fn due(&self) -> Option<&'a Seat> {
        let stage = self.stage();
        let over = stage.is_final() || self.kept.is_over(stage, self.draft());
        let waits = |it: &&Seat| it.stage == stage && !self.reported.contains(&it.agent);
        self.crew.iter().find(waits).filter(|_| !over)
    }

    /// Takes in what the agent whose turn it was has reported.
    pub(super) fn report(&mut self, agent: &str, reported: &Reported) {
        self.take(agent, reported);
        self.go_on();
    }

    /// Goes on to where somebody has a turn, or to the end.
    fn go_on(&mut self) {
        while !self.stage().is_final() {
            let here = (self.stage(), self.draft());
            let past = self.past.remove(&here).unwrap_or_default();
            let left = past.iter().any(|(agent, it)| self.take(agent, it));
            if left {
                continue;
            }
            if self.due().is_some() {
                return;
            }
            let word = word::of_all(&self.state, here.0);
            self.say(word);
        }
    }

    /// Whether the stage is left with this report.
    fn take(&mut self, agent: &str, reported: &Reported) -> bool {
        self.reported.push(agent.to_owned());
        let stage = self.stage();
        let word = word::take_in(&mut self.state, &mut self.rejections, stage, reported);
        match word.transpose() {
            Some(word) => {
                self.say(word);
                true
            }
            None => false,
        }
    }

    fn say(&mut self, word: Result<Event, NoWay>) {
        let event = word.unwrap_or_else(|(reason, _)| {
            self.no_way = Some(reason);
            Event::Stopped
        });
        word::say(&mut self.machine, &mut self.state, &event);
        self.reported.clear();
    }
}
