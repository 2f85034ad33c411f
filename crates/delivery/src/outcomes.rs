//! Every test on the base commit and with the change, in one table.

use std::collections::{BTreeMap, HashMap, HashSet};

use protocol::{Exit, Rerun, SuiteScope, TestClass, TestOutcome, TestRun};
use serde::Serialize;

use crate::record::Record;

/// `outcomes.json`.
#[derive(Debug, Serialize)]
pub(crate) struct Outcomes {
    /// The base commit's own run; none when it wasn't made.
    pub(crate) base: Option<RunFacts>,
    /// The run with the change; none when the last draft didn't get that far.
    pub(crate) patch: Option<RunFacts>,
    /// How many tests fell into each class.
    pub(crate) counts: BTreeMap<TestClass, usize>,
    /// Every test.
    pub(crate) tests: Vec<Row>,
    /// Tests that were run again on both sides.
    pub(crate) reruns: Vec<Rerun>,
    /// Which part of the suite ran; none means all of it.
    pub(crate) scope: Option<SuiteScope>,
}

/// How a test run went as a whole.
#[derive(Debug, Serialize)]
pub(crate) struct RunFacts {
    pub(crate) exit: Exit,
    /// Whether the runner said, through its own channel, that it came to its end.
    pub(crate) finished: bool,
    pub(crate) collected: usize,
    pub(crate) collection_errors: usize,
    pub(crate) wall_ms: u64,
    /// Whether an earlier run on the same base measured it.
    #[serde(skip_serializing_if = "<&bool as std::ops::Not>::not")]
    pub(crate) cached: bool,
}

/// One test.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) base: Option<TestOutcome>,
    pub(crate) patch: Option<TestOutcome>,
    /// What the pair means; none where there is only one side to look at.
    pub(crate) class: Option<TestClass>,
    /// Whether it is one of the acceptance tests.
    pub(crate) acceptance: bool,
    /// The failure with the change, in the runner's words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
}

impl Row {
    /// Whether it is an acceptance test that ran with the change and isn't green.
    pub(crate) fn is_unmet(&self) -> bool {
        let tested = self.class.is_some();
        self.acceptance && tested && !self.patch.is_some_and(TestOutcome::is_green)
    }

    /// Whether a reader wants to see it in the report.
    pub(crate) fn is_worth_a_line(&self) -> bool {
        self.acceptance
            || !matches!(
                self.class,
                None | Some(TestClass::Kept | TestClass::Idle | TestClass::New)
            )
    }
}

impl Outcomes {
    /// Brings together what the run's evidence says about each test.
    pub(crate) fn of(record: &Record) -> Outcomes {
        let baseline = record.state.baseline();
        let tested = record.tests();
        let acceptance = record.state.acceptance_tests();
        let acceptance_ids: HashSet<&str> = acceptance
            .into_iter()
            .flat_map(|it| it.on_base.iter().map(|test| test.id.as_str()))
            .collect();
        let messages: HashMap<&str, &str> = tested
            .into_iter()
            .flat_map(|(run, _)| run.results.iter())
            .map(|it| (it.id.as_str(), it.message.as_str()))
            .collect();
        let row = |id: &str, base, patch, class| Row {
            id: id.to_owned(),
            base,
            patch,
            class,
            acceptance: acceptance_ids.contains(id),
            message: messages.get(id).copied().unwrap_or_default().to_owned(),
        };
        let mut tests: Vec<Row> = match tested {
            Some((_, comparison)) => comparison
                .iter()
                .map(|it| row(&it.id, it.base, it.patch, Some(it.class)))
                .collect(),
            None => baseline
                .into_iter()
                .flat_map(|run| run.results.iter())
                .map(|it| row(&it.id, Some(it.outcome), None, None))
                .collect(),
        };
        let known: HashSet<String> = tests.iter().map(|it| it.id.clone()).collect();
        for test in acceptance.into_iter().flat_map(|it| it.on_base.iter()) {
            if !known.contains(&test.id) {
                tests.push(row(&test.id, Some(test.outcome), None, None));
            }
        }
        let mut counts = BTreeMap::new();
        for class in tests.iter().filter_map(|it| it.class) {
            *counts.entry(class).or_default() += 1;
        }
        let (reruns, scope) = record.around_the_tests();
        Outcomes {
            base: baseline.map(RunFacts::of),
            patch: tested.map(|(run, _)| RunFacts::of(run)),
            counts,
            tests,
            reruns: reruns.to_vec(),
            scope: scope.cloned(),
        }
    }
}

impl RunFacts {
    fn of(run: &TestRun) -> RunFacts {
        RunFacts {
            exit: run.exit,
            finished: run.finished,
            collected: run.collected.len(),
            collection_errors: run.collection_errors.len(),
            wall_ms: run.wall_ms,
            cached: run.cached,
        }
    }
}
