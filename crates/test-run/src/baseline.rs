//! The base commit's own test run: what every later run is compared with.

use protocol::{
    AgentContext, AgentError, Evidence, Exit, Limits, Prepared, TestRun, WorkspaceError,
};

use crate::known_base;
use crate::pytest;
use crate::settings::{self, Settings};
use crate::targets::Targets;
use crate::test_tree::TestTree;

/// Runs the whole suite on a fork of the base.
///
/// # Errors
///
/// [`WorkspaceError::Blocked`] when the runner can't even start or no file at all can be collected: then no
/// test here says anything about any change, and no money should be spent.
pub async fn measure(cx: &AgentContext<'_>) -> Result<Prepared, AgentError> {
    let settings = Settings::read(cx.base).await?;
    let seconds_max = seconds_max(cx.limits);
    let run = cx
        .once("run the suite on the base", false, async {
            let name = known_base::name(cx, &settings, seconds_max);
            if let Some(run) = known_base::recall(cx, &name).await {
                return Ok(run);
            }
            let tree = TestTree::of_base(cx.base, &settings).await?;
            let run = tree.run(Targets::Suite, seconds_max, cx.log).await?;
            known_base::remember(cx, &name, &run).await;
            Ok(run)
        })
        .await?;
    if is_blocked(&run) {
        return Err(AgentError::Workspace(WorkspaceError::Blocked {
            command: pytest::shown(&settings).to_owned(),
            tail: run.tail,
        }));
    }
    let mut evidence = Vec::new();
    let found_none = run.finished && run.collected.is_empty() && run.results.is_empty();
    let unrun = match found_none {
        true => settings::a_file_with_tests(cx.base).await?,
        false => None,
    };
    evidence.extend(match unrun {
        Some(path) => Some(Evidence::Missing {
            what: Evidence::OWN_TESTS.to_owned(),
            why: format!(
                "`{path}` holds some that `{}` doesn't find (`test_command` in `[tool.pipeline]` of `pyproject.toml` says how they are run)",
                pytest::shown(&settings)
            ),
        }),
        None => missing(&run, seconds_max),
    });
    evidence.push(Evidence::Baseline(run));
    Ok(Prepared { evidence })
}

/// The time that the suite has on the base: what needs more than its budget is cut down later on, and nobody should
/// wait for it in full before.
pub fn seconds_max(limits: &Limits) -> u64 {
    limits.suite_seconds_max.min(limits.test_run_seconds_max)
}

/// Nothing was found, and not because there is nothing.
pub(crate) fn is_blocked(run: &TestRun) -> bool {
    let nothing = run.collected.is_empty() && run.results.is_empty();
    let broke = match run.exit {
        Exit::Code(_) | Exit::Signal(_) => !run.finished,
        // A suite that hangs at import may do so for a reason that the task is about.
        Exit::TooSlow | Exit::TooMuchOutput => false,
    };
    nothing && (broke || !run.collection_errors.is_empty())
}

fn missing(run: &TestRun, seconds_max: u64) -> Option<Evidence> {
    let (what, why) = if !run.finished {
        (
            "a complete run of the existing tests",
            match run.exit {
                Exit::TooSlow => {
                    format!(
                        "on the base commit they did not end within {seconds_max} seconds, so with a change only those run that it can affect"
                    )
                }
                Exit::TooMuchOutput => "on the base commit they printed too much".to_owned(),
                Exit::Code(_) | Exit::Signal(_) => "on the base commit they broke off".to_owned(),
            },
        )
    } else if run.collected.is_empty() && run.results.is_empty() {
        (
            "existing tests",
            "pytest found none in the repository".to_owned(),
        )
    } else {
        return None;
    };
    Some(Evidence::Missing {
        what: what.to_owned(),
        why,
    })
}

#[cfg(test)]
mod tests {
    use protocol::{TestOutcome, TestResult};

    use super::*;

    fn run(collected: usize, errors: usize, exit: Exit, finished: bool) -> TestRun {
        TestRun {
            results: Vec::new(),
            collected: vec!["t.py::a".to_owned(); collected],
            collection_errors: vec![
                TestResult {
                    id: "t.py".to_owned(),
                    outcome: TestOutcome::Error,
                    phase: "collect".to_owned(),
                    exception: String::new(),
                    message: String::new(),
                };
                errors
            ],
            exit,
            finished,
            wall_ms: 0,
            tail: String::new(),
            cached: false,
        }
    }

    #[test]
    fn only_a_runner_that_finds_nothing_at_all_is_blocked() {
        let check = |run: TestRun, want: bool| assert_eq!(is_blocked(&run), want, "{run:?}");
        check(run(0, 0, Exit::Code(4), false), true);
        check(run(0, 0, Exit::Signal(9), false), true);
        check(run(0, 2, Exit::Code(2), true), true);
        check(run(0, 0, Exit::Code(5), true), false);
        check(run(0, 0, Exit::TooSlow, false), false);
        check(run(3, 1, Exit::Code(1), true), false);
        check(run(3, 0, Exit::Signal(11), false), false);
    }

    #[test]
    fn what_a_reader_would_expect_and_not_find_is_said() {
        let check = |run: TestRun, want: &str| match missing(&run, 600) {
            Some(Evidence::Missing { what, why }) => assert_eq!(format!("{what}: {why}"), want),
            other => assert_eq!(want, "", "{other:?}"),
        };
        check(run(3, 0, Exit::Code(0), true), "");
        check(
            run(0, 0, Exit::Code(5), true),
            "existing tests: pytest found none in the repository",
        );
        check(
            run(3, 0, Exit::TooSlow, false),
            "a complete run of the existing tests: on the base commit they did not end within 600 seconds, so with a change only those run that it can affect",
        );
    }
}
