//! A run whole, as callers are told of it.

use delivery::{AgentFigures, Overview};
use protocol::{RunEvent, RunState};
use runs::{Past, Settings};
use serde::Serialize;
use utoipa::ToSchema;

use super::told::{DeliveryTold, Run};

/// A run whole, but for its events.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RunDetail {
    /// As in the list.
    #[serde(flatten)]
    pub run: Run,
    /// What was asked.
    pub task: TaskTold,
    /// Where the code is.
    pub repo: RepoTold,
    /// What it started from.
    #[schema(value_type = Object)]
    pub base: protocol::Base,
    /// Who works on it.
    #[schema(value_type = Vec<Object>)]
    pub crew: Vec<protocol::Seat>,
    /// Which draft this is, counted from 1.
    pub iteration: u8,
    /// Most drafts.
    pub iterations_max: u8,
    /// Why it ended or stopped, in words; none while it works.
    pub explanation: Option<String>,
    /// The code with which the command line would have ended; none while it works.
    pub exit_code: Option<u8>,
    /// Whether the tests passed with the last draft; none before they ran.
    pub tests_passed: Option<bool>,
    /// Whether the reviewer passed the last draft; none before it was asked.
    pub qa_passed: Option<bool>,
    /// The words of the last rejection.
    pub feedback: Option<String>,
    /// The change so far: a unified diff against the base.
    pub proposed_code: String,
    /// What each gate measured of the last draft.
    pub gates: Vec<Gate>,
    /// How many tests did what.
    pub tests: Tests,
    /// What the reviewer found.
    pub findings: Vec<FindingTold>,
    /// Tokens and money.
    pub usage: UsageTold,
    /// The cap in money, in millionths of a US dollar.
    pub money_microusd_max: Option<u64>,
    /// The cap in tokens.
    pub tokens_max: Option<u64>,
    /// Where the change is.
    pub deliveries: Vec<DeliveryTold>,
    /// What could not be looked at, and why.
    pub missing: Vec<MissingTold>,
    /// Every generate, test and fix.
    #[schema(value_type = Vec<Object>)]
    pub steps: Vec<delivery::Step>,
    /// That no model was asked, where that is so.
    pub nobody_was_asked: Option<String>,
    /// The command that comes next for a person.
    pub next: String,
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TaskTold {
    /// `text`, `file`, or the or ticket's name.
    pub source: String,
    /// One line.
    pub title: String,
    /// The whole request.
    pub description: String,
}

/// Where the code is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RepoTold {
    /// Address or folder; empty for a run that started from nothing.
    pub path: String,
    /// The commit, the Python and the tests that were found there, in a line.
    pub summary: String,
}

/// What a gate measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Gate {
    /// Its name.
    pub name: String,
    /// `good`, `odd` (for a person to look at), `bad`, or `none` when it measured nothing.
    pub mark: String,
    /// In words.
    pub fact: String,
}

/// How many tests did what, before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Tests {
    /// On the base; none before they ran.
    pub before: Option<TestCounts>,
    /// With the change; none before they ran.
    pub after: Option<TestCounts>,
    /// The names of the acceptance tests.
    pub acceptance: Vec<String>,
    /// Tests that fail with the change; the first of them.
    pub failing: Vec<String>,
}

/// How many tests did what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TestCounts {
    /// They passed.
    pub passed: usize,
    /// They failed, or could not be run.
    pub failed: usize,
    /// Neither.
    pub skipped: usize,
}

/// What the reviewer found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FindingTold {
    /// `blocking` or `minor`.
    #[schema(value_type = String)]
    pub severity: protocol::Severity,
    /// The file; empty when it is about a requirement.
    pub file: String,
    /// The line, counted from 1; 0 when it is about a requirement.
    pub line: u32,
    /// The words of the task that are not met; empty when it is about a line.
    pub requirement: String,
    /// What is wrong.
    pub message: String,
}

/// Tokens and money of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UsageTold {
    /// Requests that were answered.
    pub calls: u32,
    /// Tokens of all classes.
    pub tokens: u64,
    /// Millionths of a US dollar; none when a price isn't known.
    pub cost_microusd: Option<u64>,
    /// Each agent's part.
    pub agents: Vec<AgentUsage>,
}

/// What an agent used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AgentUsage {
    /// Its name.
    pub agent: String,
    /// Its model.
    pub model: Option<String>,
    /// Requests that were answered.
    pub calls: u32,
    /// Tokens of all classes.
    pub tokens: u64,
    /// Millionths of a US dollar; none when a price isn't known.
    pub cost_microusd: Option<u64>,
}

/// Something that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MissingTold {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

/// What is said of a run in words that the command line has.
pub(crate) struct Words {
    pub(crate) exit_code: Option<u8>,
    pub(crate) next: String,
    pub(crate) deliveries: Vec<DeliveryTold>,
}

impl RunDetail {
    pub(crate) fn of(
        run: Run,
        past: &Past,
        state: RunState,
        overview: Overview,
        words: Words,
    ) -> RunDetail {
        let Settings {
            money_microusd_max,
            tokens_max,
            ..
        } = past.settings;
        let source = delivery::task_name(&past.task);
        let source = source.unwrap_or_else(|| source_of(&past.task).to_owned());
        RunDetail {
            task: TaskTold {
                source,
                title: past.task.title.clone(),
                description: past.task.body.clone(),
            },
            repo: RepoTold {
                path: past.settings.repo.clone().unwrap_or_default(),
                summary: summary_of(past, &overview),
            },
            run,
            base: past.base.clone(),
            crew: past.crew.clone(),
            iteration: state.iteration,
            iterations_max: past.limits.iterations_max,
            explanation: overview.explanation,
            exit_code: words.exit_code,
            tests_passed: state.tests_passed,
            qa_passed: state.qa_passed,
            feedback: state.feedback,
            proposed_code: state.proposed_code,
            gates: overview.gates.into_iter().map(Gate::of).collect(),
            tests: Tests {
                before: overview.before.map(TestCounts::of),
                after: overview.after.map(TestCounts::of),
                acceptance: overview.acceptance,
                failing: overview.failing,
            },
            findings: overview.findings.into_iter().map(FindingTold::of).collect(),
            usage: UsageTold::of(overview.agents),
            money_microusd_max,
            tokens_max,
            deliveries: words.deliveries,
            missing: overview
                .missing
                .into_iter()
                .map(|it| MissingTold {
                    what: it.what,
                    why: it.why,
                })
                .collect(),
            steps: overview.steps,
            nobody_was_asked: overview.nobody_was_asked.map(str::to_owned),
            next: words.next,
        }
    }
}

fn source_of(task: &protocol::Task) -> &'static str {
    match task.source {
        protocol::TaskSource::File { .. } => "file",
        _ => "text",
    }
}

/// The commit, the Python and the tests of a repository, as the run found them.
fn summary_of(past: &Past, overview: &Overview) -> String {
    let commit = past.base.commit.get(..10).unwrap_or(&past.base.commit);
    let mut said = vec![format!("commit {commit}")];
    let set_up = past.history.iter().rev().find_map(|it| match &it.event {
        RunEvent::SetUp { environment, .. } => Some(environment),
        _ => None,
    });
    said.extend(set_up.map(|it| format!("Python {}", it.python_version)));
    if let Some(before) = &overview.before {
        let all = before.passed + before.failed + before.skipped;
        said.push(delivery::words::counted(all, "test"));
    }
    said.join(", ")
}

impl Gate {
    fn of(fact: delivery::GateFact) -> Gate {
        Gate {
            name: fact.name.to_owned(),
            mark: fact.mark.to_owned(),
            fact: fact.fact,
        }
    }
}

impl TestCounts {
    fn of(counts: delivery::TestCounts) -> TestCounts {
        TestCounts {
            passed: counts.passed,
            failed: counts.failed,
            skipped: counts.skipped,
        }
    }
}

impl FindingTold {
    fn of(finding: protocol::Finding) -> FindingTold {
        FindingTold {
            severity: finding.severity,
            file: finding.file,
            line: finding.line,
            requirement: finding.requirement,
            message: finding.message,
        }
    }
}

impl UsageTold {
    fn of(figures: Vec<AgentFigures>) -> UsageTold {
        let agents: Vec<AgentUsage> = figures
            .into_iter()
            .map(|it| AgentUsage {
                agent: it.agent,
                model: it.model,
                calls: it.usage.calls,
                tokens: it.usage.tokens.total(),
                cost_microusd: it.usage.cost_microusd,
            })
            .collect();
        UsageTold {
            calls: agents.iter().map(|it| it.calls).sum(),
            tokens: agents.iter().map(|it| it.tokens).sum(),
            cost_microusd: agents.iter().map(|it| it.cost_microusd).sum(),
            agents,
        }
    }
}
