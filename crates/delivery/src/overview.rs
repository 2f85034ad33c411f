//! A run in figures: what a page or a program shows of it beside its events, from events alone.

use protocol::{Entry, Finding, RunId, TestOutcome, TestRun, Usage};
use serde::Serialize;

use crate::error::DeliveryError;
use crate::gate_facts::{self, GateFact};
use crate::outcomes::Outcomes;
use crate::record::Record;
use crate::trace::Step;

/// Failing tests that are named.
const FAILING_MAX: usize = 100;

/// A run in figures.
#[derive(Clone, Debug, Serialize)]
pub struct Overview {
    /// What each gate measured of the last draft, in the order of the walk.
    pub gates: Vec<GateFact>,
    /// The base's own tests; none before they ran.
    pub before: Option<TestCounts>,
    /// The tests with the change; none before they ran.
    pub after: Option<TestCounts>,
    /// The names of the acceptance tests.
    pub acceptance: Vec<String>,
    /// Tests that fail with the change; the first of them.
    pub failing: Vec<String>,
    /// What the reviewer found in the last draft.
    pub findings: Vec<Finding>,
    /// What could not be looked at, and why.
    pub missing: Vec<Missing>,
    /// Every generate, test and fix.
    pub steps: Vec<Step>,
    /// What each agent used.
    pub agents: Vec<AgentFigures>,
    /// Why it ended or stopped, in words; none while it works.
    pub explanation: Option<String>,
    /// That no model was asked, where that is so.
    pub nobody_was_asked: Option<&'static str>,
}

/// How many tests did what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestCounts {
    /// They passed.
    pub passed: usize,
    /// They failed, or could not be run.
    pub failed: usize,
    /// Neither: skipped, or failed as expected.
    pub skipped: usize,
}

/// Something that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

/// What an agent used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AgentFigures {
    /// Its name.
    pub agent: String,
    /// Its model.
    pub model: Option<String>,
    /// What it used.
    pub usage: Usage,
}

impl Overview {
    /// Reads a journal, whether the run is at its end or not.
    ///
    /// # Errors
    /// When the journal tells no run.
    pub fn of(run: &RunId, history: &[Entry]) -> Result<Overview, DeliveryError> {
        let record = Record::read(run, history)?;
        let outcomes = Outcomes::of(&record);
        let model = |agent: &str| {
            let seat = record.crew.iter().find(|it| it.agent == agent);
            seat.and_then(|it| it.model.as_ref())
                .map(ToString::to_string)
        };
        let agents = record
            .state
            .usage
            .iter()
            .map(|(agent, usage)| AgentFigures {
                agent: agent.clone(),
                model: model(agent),
                usage: *usage,
            });
        let tested = record.tests().map(|(run, _)| run);
        let red = |it: &&protocol::TestResult| it.outcome.is_red();
        let failing = tested
            .into_iter()
            .flat_map(|it| it.results.iter().filter(red));
        let missing = record
            .state
            .evidence
            .iter()
            .filter_map(protocol::Evidence::missing);
        let acceptance = record.state.acceptance_tests();
        Ok(Overview {
            gates: gate_facts::gates(&record, &outcomes),
            before: record.state.baseline().map(counts),
            after: tested.map(counts),
            acceptance: acceptance
                .into_iter()
                .flat_map(|it| it.on_base.iter().map(|test| test.id.clone()))
                .collect(),
            failing: failing.take(FAILING_MAX).map(|it| it.id.clone()).collect(),
            findings: record
                .state
                .review()
                .map(|it| it.findings.clone())
                .unwrap_or_default(),
            missing: missing
                .map(|(what, why)| Missing {
                    what: what.to_owned(),
                    why: why.to_owned(),
                })
                .collect(),
            agents: agents.collect(),
            explanation: record.explanation.clone(),
            nobody_was_asked: record.nobody_was_asked,
            steps: record.trace,
        })
    }
}

fn counts(run: &TestRun) -> TestCounts {
    let count =
        |is: fn(TestOutcome) -> bool| run.results.iter().filter(|it| is(it.outcome)).count();
    let (passed, failed) = (
        count(|it| it == TestOutcome::Passed),
        count(TestOutcome::is_red),
    );
    TestCounts {
        passed,
        failed,
        skipped: run.results.len() - passed - failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    #[test]
    fn a_run_in_figures_says_what_its_report_says() {
        let run = RunId("260521-abcd".into());
        let overview = Overview::of(&run, &example::rich()).expect("a run");
        let names: Vec<&str> = overview.gates.iter().map(|it| it.name).collect();
        let want = [
            "Patch",
            "Format",
            "Integrity",
            "Regression",
            "Acceptance",
            "Hunks",
            "Review",
        ];
        assert_eq!(names, want);
        assert!(overview.gates.iter().all(|it| !it.fact.is_empty()));
        let (before, after) = (
            overview.before.expect("it ran"),
            overview.after.expect("it ran"),
        );
        assert!(0 < before.passed && 0 < after.passed);
        assert!(!overview.acceptance.is_empty() && !overview.steps.is_empty());
        assert!(overview.agents.iter().any(|it| it.model.is_some()));
        let opened = &example::rich()[..1];
        let opened = Overview::of(&run, opened).expect("a run that has just begun");
        assert!(opened.before.is_none() && opened.gates.iter().all(|it| it.mark == "none"));
        assert!(Overview::of(&run, &[]).is_err());
    }
}
