//! The pytest runner: measures the base while the coders draft, then says what the change did to the tests.

use async_trait::async_trait;
use protocol::{
    AcceptanceTests, Agent, AgentContext, AgentError, Canaries, Evidence, Integrity, Prepared,
    Report, Rerun, RunState, Task, TestComparison, TestRun,
};

use crate::compare::compare;
use crate::verdict::{Trouble, distrust, troubles};
use crate::{amended, baseline, beside, feedback, integrity, rerun, with_change};

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
        let ran = cx
            .once("run the tests with the change", false, async {
                with_change::run(cx, state).await
            })
            .await?;
        let on_base = acceptance.map_or(&[][..], |it| &it.on_base);
        let base = amended::baseline(state);
        let base = base.as_deref();
        let mut comparison = compare(base, on_base, &ran.run);
        let integrity = integrity::look(cx, state, base, &ran).await?;
        let reruns = rerun::run(cx, base, &comparison, acceptance).await?;
        rerun::apply(&reruns, &mut comparison);
        let mut troubles = troubles(base, &ran.run, &comparison, acceptance);
        troubles.splice(0..0, distrust(&integrity, &troubles));
        Ok(report(
            acceptance, ran.run, comparison, integrity, reruns, &troubles,
        ))
    }
}

/// What was found, and the verdict that follows from it.
fn report(
    acceptance: Option<&AcceptanceTests>,
    run: TestRun,
    comparison: Vec<TestComparison>,
    integrity: Integrity,
    reruns: Vec<Rerun>,
    troubles: &[Trouble],
) -> Report {
    let mut summary = feedback::summary(&comparison, acceptance, troubles);
    summary += &beside::for_everybody(&comparison, acceptance);
    if troubles.is_empty() && comparison.is_empty() {
        // Without outcomes there is nothing to show, and `tests_passed` stays open.
        return Report::passed(summary);
    }
    let report = if troubles.is_empty() {
        Report::passed(summary)
    } else {
        let words = feedback::for_coder(&run, troubles, acceptance)
            + &beside::for_coder(&comparison, acceptance, &reruns);
        Report::rejected(summary, words)
    };
    let silent = match &integrity.canaries {
        Canaries::Silent { why } if troubles.is_empty() => Some(why.clone()),
        _ => None,
    };
    let report = report
        .with(Evidence::Tests {
            run,
            comparison,
            reruns,
            scope: None,
        })
        .with(Evidence::Integrity(integrity));
    match silent {
        Some(why) => report.with(Evidence::Missing {
            what: "tests whose outcome is known beforehand".to_owned(),
            why,
        }),
        None => report,
    }
}
