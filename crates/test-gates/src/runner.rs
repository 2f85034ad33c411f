//! The pytest runner: measures the base while the coders draft, then says what the change did to the tests.

use async_trait::async_trait;
use protocol::{
    AcceptanceTests, Agent, AgentContext, AgentError, Canaries, Evidence, Integrity, Prepared,
    Report, Rerun, RunState, SuiteScope, Task, TestComparison, TestRun,
};
use test_run::{ByPlace, Ran, Targets, baseline, patched_run};

use crate::compare::compare;
use crate::verdict::{Trouble, distrust, troubles};
use crate::{amended, excused, feedback, integrity, rerun, scope};

/// Runs the repository's tests and the acceptance tests with the change, on a checkout of their own.
///
/// Its verdict comes from the outcome of every single test, never from an exit status or from printed words.
#[derive(Clone, Debug, Default)]
pub struct PytestRunner {
    claimed: Vec<TestComparison>,
}

impl PytestRunner {
    /// A runner.
    pub fn new() -> PytestRunner {
        PytestRunner::default()
    }

    /// Also runs each test again whose outcomes are not those that an earlier run of the same change claims: either the
    /// claim is wrong, or the test is flaky.
    pub fn checking(claimed: Vec<TestComparison>) -> PytestRunner {
        PytestRunner { claimed }
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
        let limits = cx.limits;
        let base = amended::baseline(state);
        let base = base.as_deref();
        let Some((scope, base)) = scope::choose(cx, base).await?.zip(base) else {
            let judged = self.whole(cx, state, base).await?;
            return Ok(report(acceptance, judged, None, ""));
        };
        let files = scope.files(acceptance);
        let targets = files.as_deref().map_or(Targets::Suite, Targets::Files);
        let ran = cx
            .once("run some tests with the change", false, async {
                let seconds_max = match files {
                    Some(_) => limits.test_run_seconds_max,
                    // As long as on the base, so that both get about as far.
                    None => baseline::seconds_max(limits),
                };
                patched_run::run(cx, state, targets, seconds_max).await
            })
            .await?;
        let part = scope.base(cx, base).await?;
        let mut judged = self.judge(cx, state, Some(&part), targets, ran).await?;
        let is_red = !judged.troubles.is_empty();
        if !is_red && !scope.is_cut {
            judged = self.whole(cx, state, Some(base)).await?;
        }
        let (told, words) = scope.told(base, &judged.run, is_red, limits);
        Ok(report(acceptance, judged, Some(told), &words))
    }
}

impl PytestRunner {
    /// Runs the whole suite with the change.
    async fn whole(
        &self,
        cx: &AgentContext<'_>,
        state: &RunState,
        base: Option<&TestRun>,
    ) -> Result<Judged, AgentError> {
        let ran = cx
            .once("run the tests with the change", false, async {
                let seconds_max = cx.limits.test_run_seconds_max;
                patched_run::run(cx, state, Targets::Suite, seconds_max).await
            })
            .await?;
        self.judge(cx, state, base, Targets::Suite, ran).await
    }

    /// Compares a run with the change with the same part of the base's.
    async fn judge(
        &self,
        cx: &AgentContext<'_>,
        state: &RunState,
        base: Option<&TestRun>,
        targets: Targets<'_>,
        mut ran: Ran,
    ) -> Result<Judged, AgentError> {
        let by_place = ByPlace::measure(cx, base, &ran.run).await?;
        by_place.rename(&mut ran.run);
        let base = base.map(|it| by_place.renamed(it));
        let base = base.as_deref();
        let acceptance = state.acceptance_tests();
        let on_base = acceptance.map_or(&[][..], |it| &it.on_base);
        let mut comparison = compare(base, on_base, &ran.run);
        let integrity = integrity::look(cx, state, base, targets, &ran).await?;
        let claimed = &self.claimed;
        let reruns = rerun::run(cx, state, base, &comparison, claimed, &by_place).await?;
        rerun::apply(&reruns, &mut comparison);
        let mut troubles = troubles(base, &ran.run, &comparison, acceptance);
        troubles.splice(0..0, distrust(&integrity, &troubles));
        Ok(Judged {
            run: ran.run,
            comparison,
            reruns,
            integrity,
            troubles,
        })
    }
}

/// A run with the change, and what it means.
struct Judged {
    run: TestRun,
    comparison: Vec<TestComparison>,
    reruns: Vec<Rerun>,
    integrity: Integrity,
    troubles: Vec<Trouble>,
}

/// What was found, and the verdict that follows from it. `words` say what did not run.
fn report(
    acceptance: Option<&AcceptanceTests>,
    judged: Judged,
    scope: Option<SuiteScope>,
    words: &str,
) -> Report {
    let Judged {
        run,
        comparison,
        reruns,
        integrity,
        troubles,
    } = judged;
    let mut summary = feedback::summary(&comparison, acceptance, &troubles);
    summary += &excused::for_everybody(&comparison, acceptance, &reruns);
    summary += words;
    if troubles.is_empty() && comparison.is_empty() {
        // Without outcomes there is nothing to show, and `tests_passed` stays open.
        return Report::passed(summary);
    }
    let report = if troubles.is_empty() {
        Report::passed(summary)
    } else {
        let words = feedback::for_coder(&run, &troubles, acceptance)
            + &excused::for_coder(&comparison, acceptance, &reruns);
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
            scope,
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
