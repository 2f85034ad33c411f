//! What the agents of one run share.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::agent::{Prepared, Report};
use crate::evidence::{Evidence, Review};
use crate::gates::Bite;
use crate::model::{ModelId, ModelReply, TokenUsage, Unanswered};
use crate::stage::Stage;
use crate::task::Task;
use crate::tests_run::{AcceptanceTests, TestRun};
use crate::worth::ReviewerFigure;

/// Everything later agents may read about earlier ones.
///
/// Agents get this by shared reference. Only the driver writes it, through [`RunState::absorb`] and its
/// siblings, so that the journal can rebuild it event by event. Field names are an interface: dashboards and
/// callers rely on them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// What was asked.
    pub task: Task,
    /// Which draft this is, counted from 1.
    pub iteration: u8,
    /// The change so far: a unified diff against the base commit.
    pub proposed_code: String,
    /// Whether the tests passed with the current change; `None` until the orchestrator ran them.
    pub tests_passed: Option<bool>,
    /// What the last test run showed, cut to fit a prompt.
    pub test_output: String,
    /// Whether the reviewer passed the current change; `None` until it was asked.
    pub qa_passed: Option<bool>,
    /// What the reviewer said.
    pub qa_output: String,
    /// The words of the last rejection; the history is in the journal.
    pub feedback: Option<String>,
    /// Whether the run is still under way.
    pub status: Status,
    /// Why the run failed.
    pub reason: Option<Reason>,
    /// What was proven of the change.
    pub tier: Option<Tier>,
    /// What the agents have shown for the current draft, and what was prepared for all of them.
    pub evidence: Vec<Evidence>,
    /// What is missing for every draft, because an agent said so when it got ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_for_all: Vec<String>,
    /// Tokens and money by agent.
    pub usage: BTreeMap<String, Usage>,
    /// Models that answered for an agent in place of its own, by agent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stand_ins: BTreeMap<String, Vec<StandIn>>,
}

/// Whether a run is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not at an end: working, interrupted or cancelled, and resumable.
    Running,
    /// Ended with a change that may be delivered.
    Completed,
    /// Ended without one.
    Failed,
}

/// Why a run failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No coder proposed any change.
    NoCode,
    /// Every draft was sent back.
    RedraftsExhausted,
    /// Redrafts stopped changing anything.
    NoProgress,
    /// The cap on tokens or money would have been passed.
    BudgetExhausted,
    /// The repository's own tests can't be set up or started here.
    BlockedEnvironment,
    /// The task is empty or can't be resolved.
    NeedsInput,
    /// Somebody stopped the run.
    Cancelled,
    /// An agent itself broke.
    AgentBroke,
    /// A model's vendor refused the request or can't be reached.
    VendorUnavailable,
    /// A model declined the task, or its vendor's filter stopped it.
    ModelDeclined,
    /// The reviewer's answer was stopped by its vendor's filter, so there is no verdict.
    ReviewFiltered,
    /// The reviewer gave no verdict that can be read, also when asked once more.
    ReviewUnreadable,
}

/// What was proven of a completed change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// Some gate was left out: no tests to run, or a role set to `none`.
    Unverified,
    /// Nothing that passed before fails now, but no test was red before the change.
    RegressionSafe,
    /// At least one blind test was red before the change for the right reason and is green with it.
    Proven,
}

/// A model that answered for an agent in place of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandIn {
    /// The model.
    pub model: ModelId,
    /// Its replies.
    pub calls: u32,
}

/// What one agent has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Model replies received.
    pub calls: u32,
    /// Tokens by class.
    #[serde(flatten)]
    pub tokens: TokenUsage,
    /// Money in millionths of a US dollar; `None` when the model's price isn't known.
    pub cost_microusd: Option<u64>,
}

impl Usage {
    fn add(&mut self, tokens: &TokenUsage, cost_microusd: Option<u64>) {
        let first = self.calls == 0 && self.tokens.total() == 0;
        self.tokens.add(tokens);
        self.cost_microusd = match (self.cost_microusd, cost_microusd) {
            (Some(so_far), Some(more)) => Some(so_far + more),
            (None, Some(more)) if first => Some(more),
            _ => None,
        };
    }
}

impl RunState {
    /// A run about to start.
    pub fn new(task: Task) -> RunState {
        RunState {
            stand_ins: BTreeMap::new(),
            task,
            iteration: 1,
            proposed_code: String::new(),
            tests_passed: None,
            test_output: String::new(),
            qa_passed: None,
            qa_output: String::new(),
            feedback: None,
            status: Status::Running,
            reason: None,
            tier: None,
            evidence: Vec::new(),
            missing_for_all: Vec::new(),
            usage: BTreeMap::new(),
        }
    }

    /// Takes in what an agent prepared on the base commit; it stays for every draft.
    pub fn absorb_prepared(&mut self, prepared: &Prepared) {
        let missing = prepared.evidence.iter().filter_map(Evidence::missing);
        self.missing_for_all
            .extend(missing.map(|it| it.0.to_owned()));
        self.evidence.extend(prepared.evidence.iter().cloned());
    }

    /// Takes in what an agent reported in a stage.
    pub fn absorb(&mut self, stage: Stage, report: &Report) {
        let passed = report.verdict.feedback().is_none();
        match stage {
            // Only a test run says that tests passed; an agent that wrote some, or found none to run, does not.
            Stage::Testing if passed && !report.evidence.iter().any(Evidence::is_test_run) => {}
            Stage::Testing => {
                self.tests_passed = Some(passed && self.tests_passed != Some(false));
                self.test_output.clone_from(&report.summary);
            }
            Stage::Qa => {
                self.qa_passed = Some(passed && self.qa_passed != Some(false));
                self.qa_output.clone_from(&report.summary);
            }
            Stage::Drafting | Stage::Formatting | Stage::Completed | Stage::Failed => {}
        }
        self.evidence.extend(report.evidence.iter().cloned());
        if let Some(words) = report.verdict.feedback() {
            self.feedback = Some(words.to_owned());
        }
    }

    /// Goes back to drafting: what was shown for the last draft no longer speaks for the next one.
    pub fn begin_redraft(&mut self) {
        self.iteration = self.iteration.saturating_add(1);
        self.tests_passed = None;
        self.qa_passed = None;
        let for_all = &self.missing_for_all;
        self.evidence.retain(|it| match it.missing() {
            Some((what, _)) => for_all.iter().any(|it| it == what),
            None => it.is_about_the_base(),
        });
    }

    /// Adds one model reply to what its agent has used.
    pub fn count(&mut self, agent: &str, reply: &ModelReply) {
        let usage = self.usage.entry(agent.to_owned()).or_default();
        usage.add(&reply.usage, reply.cost_microusd);
        usage.calls += 1;
        if let Some(model) = &reply.answered_by {
            let stand_ins = self.stand_ins.entry(agent.to_owned()).or_default();
            match stand_ins.iter_mut().find(|it| it.model == *model) {
                Some(stand_in) => stand_in.calls += 1,
                None => stand_ins.push(StandIn {
                    model: model.clone(),
                    calls: 1,
                }),
            }
        }
    }

    /// Adds a request without a reply to what its agent has used.
    pub fn count_unanswered(&mut self, agent: &str, unanswered: &Unanswered) {
        let usage = self.usage.entry(agent.to_owned()).or_default();
        usage.add(&unanswered.usage, unanswered.cost_microusd);
    }

    /// The acceptance tests as they stand, after any dispute, if an author or the user gave any.
    pub fn acceptance_tests(&self) -> Option<&AcceptanceTests> {
        self.evidence.iter().rev().find_map(|it| match it {
            Evidence::AcceptanceTests(tests) => Some(tests),
            _ => None,
        })
    }

    /// Whether a test that was red before the change is green now, and none notices when the change is taken back: two
    /// facts of which one must be wrong.
    pub fn contradicts_itself(&self) -> bool {
        let tests = self.acceptance_tests();
        let bite = self.evidence.iter().rev().find_map(|it| match it {
            Evidence::Bite(bite) => Some(bite),
            _ => None,
        });
        tests.is_some_and(|it| !it.red_on_base.is_empty())
            && bite.is_some_and(Bite::notices_nothing)
    }

    /// The base commit's own test run.
    pub fn baseline(&self) -> Option<&TestRun> {
        self.evidence.iter().find_map(|it| match it {
            Evidence::Baseline(run) => Some(run),
            _ => None,
        })
    }

    /// What is known of the reviewer of the current draft.
    pub fn reviewer_figure(&self) -> Option<&ReviewerFigure> {
        self.evidence.iter().rev().find_map(|it| match it {
            Evidence::ReviewerFigure(figure) => Some(figure),
            _ => None,
        })
    }

    /// The last review of the current draft.
    pub fn review(&self) -> Option<&Review> {
        self.evidence.iter().rev().find_map(|it| match it {
            Evidence::Review(review) => Some(review),
            _ => None,
        })
    }
}
