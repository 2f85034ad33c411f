//! Who sits where: the one list of agents, and the roles of their models.

use std::sync::Arc;

use agents_coding::{Coder, CoderRole, Dialect};
use agents_format::RuffAgent;
use agents_qa::Reviewer;
use agents_test::{TestAuthor, UserTests};
use llm::Role;
use patch_gate::PatchGate;
use pipeline::Crew;
use protocol::{Model, ModelId, ReviewerFigure, Stage, TestComparison};
use test_gates::{Ablation, PytestRunner};

/// The models that fill the seats which need one.
#[derive(Default)]
#[expect(missing_debug_implementations, reason = "models have none")]
pub struct Models {
    /// In the order in which they take over the draft, each with the shape of its edit tool.
    pub coders: Vec<(Dialect, Arc<dyn Model>)>,
    /// Writes the acceptance tests; without it there are none.
    pub author: Option<Arc<dyn Model>>,
    /// Whether the user gave the acceptance tests with the task; nobody writes any then.
    pub user_tests: bool,
    /// What an earlier run of the same change says of each test, where that is checked.
    pub claimed: Vec<TestComparison>,
    /// Reviews; without it nobody does.
    pub reviewer: Option<Arc<dyn Model>>,
    /// What is known of reviewers.
    pub figures: Vec<ReviewerFigure>,
    /// Who stands in for an agent, by its name.
    pub fallbacks: Vec<(String, Arc<dyn Model>)>,
}

/// The crew, in the order of its work.
pub fn crew(models: Models) -> Crew {
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
pub fn coder_name(place: usize) -> String {
    match place {
        0 => "drafter".to_owned(),
        1 => "refiner".to_owned(),
        n => format!("refiner-{n}"),
    }
}

/// The role of a coder by its place in the order, counted from 0.
pub fn coder_role(place: usize) -> Role {
    match place {
        0 => Role::Draft,
        _ => Role::Refine,
    }
}

/// The models with their roles, in the order of the walk.
pub fn roles<'a>(
    coders: &'a [ModelId],
    test_author: Option<&'a ModelId>,
    reviewer: Option<&'a ModelId>,
) -> impl Iterator<Item = (Role, &'a ModelId)> {
    let coders = coders
        .iter()
        .enumerate()
        .map(|(place, model)| (coder_role(place), model));
    coders
        .chain(test_author.map(|it| (Role::Author, it)))
        .chain(reviewer.map(|it| (Role::Review, it)))
}
