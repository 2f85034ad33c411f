//! The pytest runner: measures the base while the coders draft, then says what the change did to the tests.

use async_trait::async_trait;
use protocol::{
    AcceptanceTests, Agent, AgentContext, AgentError, Evidence, Prepared, Report, RunState, Task,
    TestRun, Workspace, WorkspaceError,
};

use crate::compare::compare;
use crate::pytest::{self, Targets};
use crate::settings::Settings;
use crate::verdict::troubles;
use crate::{baseline, feedback, frozen};

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
                run_with_change(cx, acceptance).await
            })
            .await?;
        let on_base = acceptance.map_or(&[][..], |it| &it.on_base);
        let comparison = compare(state.baseline(), on_base, &run);
        let troubles = troubles(state.baseline(), &run, &comparison, acceptance);

        let summary = feedback::summary(&comparison, acceptance, &troubles);
        if troubles.is_empty() && comparison.is_empty() {
            // Without outcomes there is nothing to show, and `tests_passed` stays open.
            return Ok(Report::passed(summary));
        }
        let report = if troubles.is_empty() {
            Report::passed(summary)
        } else {
            Report::rejected(summary, feedback::for_coder(&run, &troubles))
        };
        Ok(report.with(Evidence::Tests {
            run,
            comparison,
            reruns: Vec::new(),
            scope: None,
        }))
    }
}

/// The suite together with the acceptance tests, on a fork of the work tree.
async fn run_with_change(
    cx: &AgentContext<'_>,
    acceptance: Option<&AcceptanceTests>,
) -> Result<TestRun, AgentError> {
    // The base says how tests are run: a change must not choose its own judge.
    let settings = Settings::read(cx.base).await?;
    let seconds_max = cx.limits.test_run_seconds_max;
    let work = cx.work.snapshot().await?;
    let tree = cx.work.fork(&work).await?;
    write_acceptance_tests(&*tree, acceptance).await?;
    let mut run = pytest::run(&*tree, &settings, Targets::Suite, seconds_max, cx.log).await?;

    let unseen = files_without_outcome(&run, acceptance);
    if !unseen.is_empty() {
        // Outside of what the suite collects, or after the place where it broke off: they get a run of their own,
        // on a fresh checkout.
        let tree = cx.work.fork(&work).await?;
        write_acceptance_tests(&*tree, acceptance).await?;
        let more = pytest::run(
            &*tree,
            &settings,
            Targets::Files(&unseen),
            seconds_max,
            cx.log,
        )
        .await?;
        add(&mut run, more);
    }
    Ok(run)
}

async fn write_acceptance_tests(
    tree: &dyn Workspace,
    acceptance: Option<&AcceptanceTests>,
) -> Result<(), WorkspaceError> {
    for file in acceptance.into_iter().flat_map(|it| &it.files) {
        if !frozen::holds(file) {
            return Err(WorkspaceError::Protected {
                path: file.path.clone(),
                why: "its content isn't what was frozen (was the journal edited?)".to_owned(),
            });
        }
        tree.write(&file.path, file.text.as_bytes()).await?;
    }
    Ok(())
}

/// Acceptance test files of which some test has no outcome yet.
fn files_without_outcome(run: &TestRun, acceptance: Option<&AcceptanceTests>) -> Vec<String> {
    let Some(acceptance) = acceptance else {
        return Vec::new();
    };
    let has_outcome = |id: &str| run.results.iter().any(|it| it.id == id);
    acceptance
        .files
        .iter()
        .filter(|file| {
            acceptance.on_base.iter().any(|test| {
                let of_file = test.id.strip_prefix(file.path.as_str());
                of_file.is_some_and(|rest| rest.starts_with("::")) && !has_outcome(&test.id)
            })
        })
        .map(|file| file.path.clone())
        .collect()
}

/// Adds what a second run of some files showed. How the suite itself ended stays.
fn add(run: &mut TestRun, more: TestRun) {
    run.wall_ms += more.wall_ms;
    for result in more.results {
        if run.results.iter().all(|it| it.id != result.id) {
            run.results.push(result);
        }
    }
    for id in more.collected {
        if !run.collected.contains(&id) {
            run.collected.push(id);
        }
    }
    for error in more.collection_errors {
        if run.collection_errors.iter().all(|it| it.id != error.id) {
            run.collection_errors.push(error);
        }
    }
}
