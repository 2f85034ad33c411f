//! Who sits where: the one list of agents, for the program and for the walks of its tests.

use std::sync::Arc;

use agents_coding::{Coder, CoderRole, Dialect, PatchGate};
use agents_format::RuffAgent;
use agents_qa::Reviewer;
use agents_test::{Ablation, PytestRunner, TestAuthor, UserTests};
use pipeline::Crew;
use protocol::{Model, ReviewerFigure, Stage, TestComparison};

/// The models that fill the seats which need one.
#[derive(Default)]
pub(crate) struct Models {
    /// In the order in which they take over the draft, each with the shape of its edit tool.
    pub(crate) coders: Vec<(Dialect, Arc<dyn Model>)>,
    /// Writes the acceptance tests; without it there are none.
    pub(crate) author: Option<Arc<dyn Model>>,
    /// Whether the user gave the acceptance tests with the task; nobody writes any then.
    pub(crate) user_tests: bool,
    /// What an earlier run of the same change says of each test, where that is checked.
    pub(crate) claimed: Vec<TestComparison>,
    /// Reviews; without it nobody does.
    pub(crate) reviewer: Option<Arc<dyn Model>>,
    /// What is known of reviewers.
    pub(crate) figures: Vec<ReviewerFigure>,
    /// Who stands in for an agent, by its name.
    pub(crate) fallbacks: Vec<(String, Arc<dyn Model>)>,
}

/// The crew, in the order of its work.
pub(crate) fn crew(models: Models) -> Crew {
    let mut crew = Crew::new();
    for (place, (dialect, model)) in models.coders.into_iter().enumerate() {
        let role = match place {
            0 => CoderRole::Draft,
            _ => CoderRole::Refine,
        };
        let coder = Coder::new(coder_name(place), role, dialect);
        crew = crew.with_model(Stage::Drafting, coder, model);
    }
    crew = crew.with(Stage::Drafting, PatchGate::new());
    crew = crew.with(Stage::Formatting, RuffAgent::new());
    if models.user_tests {
        crew = crew.with(Stage::Testing, UserTests::new());
    } else if let Some(model) = models.author {
        crew = crew.with_model(Stage::Testing, TestAuthor::new(), model);
    }
    crew = crew.with(Stage::Testing, PytestRunner::checking(models.claimed));
    crew = crew.with(Stage::Testing, Ablation::new());
    if let Some(model) = models.reviewer {
        let reviewer = Reviewer::new().with_figures(models.figures);
        crew = crew.with_model(Stage::Qa, reviewer, model);
    }
    for (agent, model) in models.fallbacks {
        crew = crew.with_fallback(&agent, model);
    }
    crew
}

/// The name of a coder by its place in the order, counted from 0.
pub(crate) fn coder_name(place: usize) -> String {
    match place {
        0 => "drafter".to_owned(),
        1 => "refiner".to_owned(),
        n => format!("refiner-{n}"),
    }
}
