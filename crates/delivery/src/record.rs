//! One run as its journal tells it: the state at the end, and the visits that led there.

use protocol::{
    Amendment, Base, Bite, Confinement, Entry, Environment, Evidence, FoldError, Guide, Integrity,
    Kept, Limits, ModelId, PatchFacts, Reason, Rerun, RunEvent, RunId, RunState, Seat, Stage,
    SuiteScope, Task, Terms, TestComparison, TestRun, TokenUsage, TreeId, Usage, walked,
};

use crate::forked::{Forked, Handover};
use crate::hearsay::nobody_was_asked;
use crate::trace::{Step, Tracer};

/// Everything the report and the bundle say, taken from events alone.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) run: RunId,
    pub(crate) task: Task,
    pub(crate) base: Base,
    /// Who works on it now.
    pub(crate) crew: Vec<Seat>,
    /// The bounds now.
    pub(crate) limits: Limits,
    pub(crate) forked: Option<Forked>,
    pub(crate) handovers: Vec<Handover>,
    pub(crate) set_up: Option<(Environment, Confinement)>,
    /// When the environment was ready, which is when all preparations begin.
    pub(crate) ready_ms: Option<u64>,
    pub(crate) state: RunState,
    /// That no model was asked, where that is so.
    pub(crate) nobody_was_asked: Option<&'static str>,
    /// What the run said about its end, or about why it was interrupted.
    pub(crate) explanation: Option<String>,
    /// The tree at the run's end.
    pub(crate) final_tree: Option<TreeId>,
    pub(crate) visits: Vec<Visit>,
    /// Every generate, test and fix.
    pub(crate) trace: Vec<Step>,
    /// When the run began; a fork begins when it is forked.
    pub(crate) opened_ms: u64,
    pub(crate) last_ms: u64,
}

/// One agent in one draft, or in its preparation.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) place: Place,
    pub(crate) agent: String,
    /// The model that it had.
    pub(crate) model: Option<ModelId>,
    /// Models that answered in its place.
    pub(crate) stand_ins: Vec<ModelId>,
    /// Whether it began in the run that this one was forked from.
    pub(crate) inherited: bool,
    /// The place of its last event.
    pub(crate) last: u64,
    /// When it began. Of a preparation, when all of them could begin: the journal doesn't say more.
    pub(crate) started_ms: u64,
    pub(crate) ended_ms: Option<u64>,
    pub(crate) word: Word,
    /// What it said for a person.
    pub(crate) summary: String,
    pub(crate) calls: u32,
    pub(crate) tokens: TokenUsage,
    pub(crate) cost_microusd: Option<u64>,
}

impl Visit {
    /// Its model, and who answered in its place.
    pub(crate) fn models(&self) -> Option<String> {
        let mut models = self.model.as_ref()?.to_string();
        for stand_in in &self.stand_ins {
            models += &format!(" ({stand_in} stood in)");
        }
        Some(models)
    }

    /// Adds what a request has cost, with a reply or without.
    fn pay(&mut self, tokens: &TokenUsage, cost_microusd: Option<u64>) {
        let first = self.calls == 0 && self.tokens.total() == 0;
        self.tokens.add(tokens);
        self.cost_microusd = match (self.cost_microusd, cost_microusd) {
            (_, cost) if first => cost,
            (Some(so_far), Some(more)) => Some(so_far + more),
            _ => None,
        };
    }
}

/// Where a visit stands in the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Beside the drafting, on the base commit.
    Preparation,
    /// In a stage, in a draft.
    Stage(Stage, u8),
}

/// How a visit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// It didn't: the run stopped first.
    Unfinished,
    /// Another model began it anew.
    SetAside,
    Prepared,
    Passed,
    /// With the words that went back to the coders.
    Rejected(String),
}

fn traced(history: &[Entry]) -> Vec<Step> {
    let mut tracer = Tracer::new();
    history
        .iter()
        .filter_map(|it| tracer.take(&it.event))
        .collect()
}

impl Record {
    /// Reads a journal.
    pub(crate) fn read(run: &RunId, history: &[Entry]) -> Result<Record, FoldError> {
        // What is delivered, where and how often says nothing of the run.
        let history = walked(history);
        let state = RunState::fold(history)?;
        let (Some(first), Some(last)) = (history.first(), history.last()) else {
            return Err(FoldError::Empty);
        };
        let RunEvent::Opened {
            task,
            base,
            crew,
            limits,
            ..
        } = &first.event
        else {
            return Err(FoldError::Unopened);
        };
        let mut record = Record {
            run: run.clone(),
            task: task.clone(),
            base: base.clone(),
            crew: crew.clone(),
            limits: Terms::of(history).map_or(limits, |it| it.limits).clone(),
            forked: Forked::of(history),
            handovers: Vec::new(),
            set_up: None,
            ready_ms: None,
            state,
            nobody_was_asked: nobody_was_asked(history),
            explanation: None,
            final_tree: None,
            visits: Vec::new(),
            trace: traced(history),
            opened_ms: first.at_ms,
            last_ms: last.at_ms,
        };
        for (entry, place) in history[1..].iter().zip(1..) {
            match entry.event {
                RunEvent::Reopened { .. } => {
                    record.reopen(entry, &Kept::of(&history[..=place]));
                }
                _ => record.take(entry),
            }
        }
        Ok(record)
    }

    fn take(&mut self, entry: &Entry) {
        let at_ms = entry.at_ms;
        match &entry.event {
            RunEvent::Opened { .. }
            | RunEvent::Reopened { .. }
            | RunEvent::Delivering { .. }
            | RunEvent::Delivered { .. } => {}
            RunEvent::SetUp {
                environment,
                confinement,
            } => {
                self.set_up = Some((environment.clone(), confinement.clone()));
                self.ready_ms = Some(at_ms);
            }
            RunEvent::Started {
                stage,
                iteration,
                agent,
            } => {
                let visit = self.visit(Place::Stage(*stage, *iteration), agent, entry);
                // A visit that begins again after a crash counts from there: nobody worked in between.
                visit.started_ms = at_ms;
            }
            RunEvent::Replied {
                agent,
                iteration,
                reply,
                ..
            } => {
                let place = self.place_of(agent, *iteration);
                let visit = self.visit(place, agent, entry);
                visit.pay(&reply.usage, reply.cost_microusd);
                visit.calls += 1;
                if let Some(model) = &reply.answered_by
                    && !visit.stand_ins.contains(model)
                {
                    visit.stand_ins.push(model.clone());
                }
            }
            RunEvent::Unanswered {
                agent,
                iteration,
                unanswered,
            } => {
                let place = self.place_of(agent, *iteration);
                let visit = self.visit(place, agent, entry);
                visit.pay(&unanswered.usage, unanswered.cost_microusd);
            }
            RunEvent::Stepped {
                agent, iteration, ..
            } => {
                let place = self.place_of(agent, *iteration);
                self.visit(place, agent, entry);
            }
            RunEvent::Prepared { agent, prepared } => {
                let nothing = prepared.evidence.is_empty();
                let visit = self.visit(Place::Preparation, agent, entry);
                visit.word = Word::Prepared;
                visit.ended_ms = Some(at_ms);
                if nothing && visit.calls == 0 {
                    self.visits.retain(|it| {
                        it.place != Place::Preparation || it.agent != *agent || it.is_closed()
                    });
                }
            }
            RunEvent::Reported {
                stage,
                iteration,
                agent,
                report,
                ..
            } => {
                let visit = self.visit(Place::Stage(*stage, *iteration), agent, entry);
                visit.ended_ms = Some(at_ms);
                visit.summary.clone_from(&report.summary);
                visit.word = match report.verdict.feedback() {
                    None => Word::Passed,
                    Some(words) => Word::Rejected(words.to_owned()),
                };
            }
            RunEvent::Interrupted { explanation, .. } => {
                self.explanation = Some(explanation.clone());
            }
            RunEvent::Finished {
                explanation, tree, ..
            } => {
                self.explanation = Some(explanation.clone());
                self.final_tree = Some(tree.clone());
            }
        }
    }

    /// The stage an agent sits in; names are unique in a crew.
    fn place_of(&self, agent: &str, iteration: u8) -> Place {
        let seat = self.crew.iter().find(|it| it.agent == agent);
        match seat {
            Some(seat) if 0 < iteration => Place::Stage(seat.stage, iteration),
            _ => Place::Preparation,
        }
    }

    fn visit(&mut self, place: Place, agent: &str, entry: &Entry) -> &mut Visit {
        let at_ms = entry.at_ms;
        let known = self
            .visits
            .iter()
            .position(|it| it.place == place && it.agent == agent && !it.is_closed());
        let model = self.model_of(agent).cloned();
        let started_ms = match place {
            Place::Preparation => self.ready_ms.unwrap_or(at_ms),
            Place::Stage(..) => at_ms,
        };
        let at = known.unwrap_or_else(|| {
            self.visits.push(Visit {
                place,
                agent: agent.to_owned(),
                model,
                stand_ins: Vec::new(),
                inherited: false,
                last: entry.seq,
                started_ms,
                ended_ms: None,
                word: Word::Unfinished,
                summary: String::new(),
                calls: 0,
                tokens: TokenUsage::default(),
                cost_microusd: None,
            });
            self.visits.len() - 1
        });
        self.visits[at].last = entry.seq;
        &mut self.visits[at]
    }

    /// The model of an agent, if it has one.
    pub(crate) fn model_of(&self, agent: &str) -> Option<&ModelId> {
        let seat = self.crew.iter().find(|it| it.agent == agent)?;
        seat.model.as_ref()
    }

    /// Whether anybody sits in a stage.
    pub(crate) fn has_seat(&self, stage: Stage) -> bool {
        self.crew.iter().any(|it| it.stage == stage)
    }

    /// The last test run with the change, and every test on both sides.
    pub(crate) fn tests(&self) -> Option<(&TestRun, &[TestComparison])> {
        self.state.evidence.iter().rev().find_map(|it| match it {
            Evidence::Tests {
                run, comparison, ..
            } => Some((run, comparison.as_slice())),
            _ => None,
        })
    }

    /// Tests of the last run that were run again, and which part of the suite ran.
    pub(crate) fn around_the_tests(&self) -> (&[Rerun], Option<&SuiteScope>) {
        let found = self.state.evidence.iter().rev().find_map(|it| match it {
            Evidence::Tests { reruns, scope, .. } => Some((reruns.as_slice(), scope.as_ref())),
            _ => None,
        });
        found.unwrap_or_default()
    }

    /// The current draft as a patch, as its gate measured it.
    pub(crate) fn patch_facts(&self) -> Option<&PatchFacts> {
        self.state.evidence.iter().rev().find_map(|it| match it {
            Evidence::Patch(facts) => Some(facts),
            _ => None,
        })
    }

    /// Why the test runner's word can be believed.
    pub(crate) fn integrity(&self) -> Option<&Integrity> {
        self.state.evidence.iter().rev().find_map(|it| match it {
            Evidence::Integrity(integrity) => Some(integrity),
            _ => None,
        })
    }

    /// Whether each hunk matters.
    pub(crate) fn bite(&self) -> Option<&Bite> {
        self.state.evidence.iter().rev().find_map(|it| match it {
            Evidence::Bite(bite) => Some(bite),
            _ => None,
        })
    }

    /// What became of the one dispute about a test.
    pub(crate) fn amendment(&self) -> Option<&Amendment> {
        self.state.acceptance_tests()?.amendment.as_deref()
    }

    /// What all agents together have used. The price is known only when that of every agent is.
    pub(crate) fn total(&self) -> Usage {
        let mut total = Usage {
            cost_microusd: Some(0),
            ..Usage::default()
        };
        for usage in self.state.usage.values() {
            total.calls += usage.calls;
            total.tokens.add(&usage.tokens);
            total.cost_microusd = match (total.cost_microusd, usage.cost_microusd) {
                (Some(so_far), Some(more)) => Some(so_far + more),
                _ => None,
            };
        }
        total
    }

    /// Files of guidance that agents were shown as data, each with how much of it and to whom.
    pub(crate) fn guidance(&self) -> Vec<(&Guide, Vec<&str>)> {
        let mut found: Vec<(&Guide, Vec<&str>)> = Vec::new();
        for evidence in &self.state.evidence {
            let Evidence::Guidance { agent, files } = evidence else {
                continue;
            };
            for guide in files {
                // The agents of a run see one base; how much fits is the same for all.
                let known = found.iter().position(|(it, _)| *it == guide);
                let at = known.unwrap_or_else(|| {
                    found.push((guide, Vec::new()));
                    found.len() - 1
                });
                let agents = &mut found[at].1;
                if !agents.contains(&&**agent) {
                    agents.push(agent);
                }
            }
        }
        found
    }

    /// What a reader expects and will not find, and why.
    pub(crate) fn missing(&self) -> Vec<(String, String)> {
        let own = |it: &str| it.to_owned();
        let mut found: Vec<(String, String)> = self
            .state
            .missing()
            .into_iter()
            .map(|(what, why)| (own(what), own(why)))
            .collect();
        let mut expect = |there: bool, what: &str, stage: Stage| {
            if !there && !found.iter().any(|(known, _)| known == what) {
                let why = if self.has_seat(stage) {
                    format!("the last draft did not come through {stage}")
                } else {
                    format!("nobody was asked to work in {stage}")
                };
                found.push((own(what), why));
            }
        };
        let formatted = |it: &Evidence| matches!(it, Evidence::Format { .. });
        expect(
            self.state.evidence.iter().any(formatted),
            "formatting",
            Stage::Formatting,
        );
        expect(
            self.tests().is_some(),
            "a test run with the change",
            Stage::Testing,
        );
        expect(
            self.state.acceptance_tests().is_some(),
            "acceptance tests",
            Stage::Testing,
        );
        expect(self.state.review().is_some(), "a review", Stage::Qa);
        if self.set_up.is_none() {
            found.push((
                own("a Python environment"),
                own("the run did not get that far"),
            ));
        }
        found
    }

    /// What the run's reason means, in a sentence that says what to do next.
    pub(crate) fn reason_in_words(&self) -> Option<&'static str> {
        self.state.reason.map(|reason| match reason {
            Reason::NoCode => "No coder changed anything. Say in the task what should be different, and where.",
            Reason::RedraftsExhausted => {
                "Every draft was sent back. Read the last rejection below; a clearer task or more drafts may help."
            }
            Reason::NoProgress => {
                "Redrafts stopped changing anything. Read the last rejection below; the task may contradict a test."
            }
            Reason::BudgetExhausted => {
                "The cap on tokens or money was reached. The run can be resumed with a higher one."
            },
            Reason::BlockedEnvironment => {
                "The repository's own tests can't be set up or started here. Make its installation work, then run again."
            }
            Reason::NeedsInput => "The task is empty or can't be resolved. Say what is wanted.",
            Reason::Cancelled => "Somebody stopped the run. It can be resumed.",
            Reason::AgentBroke => "An agent itself broke. The run can be resumed once the cause is gone.",
            Reason::VendorUnavailable => {
                "A model's vendor refused or can't be reached. The run can be resumed once it answers."
            }
            Reason::ModelDeclined => {
                "A model declined the task, or its vendor's filter stopped it. Word the task differently, or give that role another model."
            }
            Reason::ReviewFiltered => {
                "The reviewer's answer was stopped by its vendor's filter, so nobody judged the change. Let another model review it."
            }
            Reason::ReviewUnreadable => {
                "The reviewer gave no verdict that can be read, so nobody judged the change. Let another model review it."
            }
        })
    }
}
