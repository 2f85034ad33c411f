//! The pytest runner: measures the base while the coders draft, then says what the change did to the tests.

use async_trait::async_trait;
use protocol::{
    AcceptanceTests, Agent, AgentContext, AgentError, Evidence, Prepared, Report, RunState, Task,
    TestComparison, TestRun,
};

use crate::compare::compare;
use crate::verdict::{Trouble, troubles};
use crate::{baseline, feedback, with_change};

/// Runs the repository's tests and the acceptance tests with the change, on a checkout of their own.
///
/// Its verdict comes from the outcome of every single test, never from an exit status or from printed words.
#[derive(Clone, Copy, Debug, Default)]
pub struct PytestRunner;

impl PytestRunner {
    /// A runner.
    pub fn new() -> PytestRunner {
        PytestRunner
    }
}

#[async_trait]
impl Agent for PytestRunner {
    fn name(&self) -> &str {
        "pytest"
    }

    async fn prepare(&self, cx: &AgentContext<'_>, _: &Task) -> Result<Prepared, AgentError> {
        baseline::measure(cx).await
    }

    async fn run(&self, cx: &AgentContext<'_>, state: &RunState) -> Result<Report, AgentError> {
        let acceptance = state.acceptance_tests();
        let run = cx
            .once("run the tests with the change", false, async {
                with_change::run(cx, acceptance).await
            })
            .await?;
        let on_base = acceptance.map_or(&[][..], |it| &it.on_base);
        let comparison = compare(state.baseline(), on_base, &run);
        let troubles = troubles(state.baseline(), &run, &comparison, acceptance);
        Ok(report(acceptance, run, comparison, &troubles))
    }
}

/// What was found, and the verdict that follows from it.
fn report(
    acceptance: Option<&AcceptanceTests>,
    run: TestRun,
    comparison: Vec<TestComparison>,
    troubles: &[Trouble],
) -> Report {
    let summary = feedback::summary(&comparison, acceptance, troubles);
    if troubles.is_empty() && comparison.is_empty() {
        // Without outcomes there is nothing to show, and `tests_passed` stays open.
        return Report::passed(summary);
    }
    let report = if troubles.is_empty() {
        Report::passed(summary)
    } else {
        Report::rejected(summary, feedback::for_coder(&run, troubles))
    };
    report.with(Evidence::Tests {
        run,
        comparison,
        reruns: Vec::new(),
        scope: None,
    })
}
