//! Who works in which stage, and with which model.

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::{Agent, Model, Seat, Stage};

/// The agents of each stage, in the order they run.
#[derive(Clone, Default)]
pub struct Crew {
    seats: Vec<CrewSeat>,
}

/// One agent, its stage and its model.
#[derive(Clone)]
pub(crate) struct CrewSeat {
    pub(crate) stage: Stage,
    pub(crate) agent: Arc<dyn Agent>,
    pub(crate) model: Option<Arc<dyn Model>>,
    /// Asked while that model's vendor is down.
    pub(crate) fallback: Option<Arc<dyn Model>>,
    /// The drafts in which it works; none is all of them.
    drafts: Option<BTreeSet<u8>>,
}

impl Crew {
    /// Nobody yet.
    pub fn new() -> Crew {
        Crew::default()
    }

    /// Adds an agent that needs no model, after those already in the stage.
    #[must_use]
    pub fn with(self, stage: Stage, agent: impl Agent + 'static) -> Crew {
        self.seat(stage, Arc::new(agent), None)
    }

    /// Adds an agent and the model it asks, after those already in the stage.
    #[must_use]
    pub fn with_model(
        self,
        stage: Stage,
        agent: impl Agent + 'static,
        model: Arc<dyn Model>,
    ) -> Crew {
        self.seat(stage, Arc::new(agent), Some(model))
    }

    fn seat(mut self, stage: Stage, agent: Arc<dyn Agent>, model: Option<Arc<dyn Model>>) -> Crew {
        debug_assert!(
            self.seats.iter().all(|it| it.agent.name() != agent.name()),
            "agents' names are keys of the journal, so `{}` can't sit twice",
            agent.name()
        );
        self.seats.push(CrewSeat {
            stage,
            agent,
            model,
            fallback: None,
            drafts: None,
        });
        self
    }

    /// Gives an agent that sits already a second model, which stands in while the first one's vendor is down.
    #[must_use]
    pub fn with_fallback(mut self, agent: &str, model: Arc<dyn Model>) -> Crew {
        if let Some(seat) = self.seats.iter_mut().find(|it| it.agent.name() == agent) {
            seat.fallback = Some(model);
        }
        self
    }

    /// The same crew with other agents in some seats, under the same names and without a model.
    pub(crate) fn standing_in(
        &self,
        stand_in: impl Fn(Stage, &str, bool) -> Option<Arc<dyn Agent>>,
    ) -> Crew {
        let seats = self.seats.iter().map(|it| {
            match stand_in(it.stage, it.agent.name(), it.model.is_some()) {
                Some(agent) => CrewSeat {
                    stage: it.stage,
                    agent,
                    model: None,
                    fallback: None,
                    drafts: it.drafts.clone(),
                },
                None => it.clone(),
            }
        });
        Crew {
            seats: seats.collect(),
        }
    }

    /// The same crew, each of whom works in the drafts that `drafts_of` says; one without any is left out.
    pub(crate) fn working_in(self, drafts_of: impl Fn(Stage, &str) -> BTreeSet<u8>) -> Crew {
        let seats = self.seats.into_iter().filter_map(|it| {
            let drafts = drafts_of(it.stage, it.agent.name());
            (!drafts.is_empty()).then_some(CrewSeat {
                drafts: Some(drafts),
                ..it
            })
        });
        Crew {
            seats: seats.collect(),
        }
    }

    /// The crew as it is written into the journal.
    pub fn seats(&self) -> Vec<Seat> {
        self.seats
            .iter()
            .map(|it| Seat {
                stage: it.stage,
                agent: it.agent.name().to_owned(),
                model: it.model.as_ref().map(|model| model.id().clone()),
                fallback: it.fallback.as_ref().map(|model| model.id().clone()),
            })
            .collect()
    }

    pub(crate) fn all(&self) -> &[CrewSeat] {
        &self.seats
    }

    /// Who works in a stage of a draft.
    pub(crate) fn at(&self, stage: Stage, draft: u8) -> impl Iterator<Item = &CrewSeat> {
        let works = move |it: &CrewSeat| it.drafts.as_ref().is_none_or(|it| it.contains(&draft));
        self.seats
            .iter()
            .filter(move |it| it.stage == stage && works(it))
    }
}
