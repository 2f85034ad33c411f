//! The ablation: takes each hunk of the draft back alone, to see whether any test notices.

use std::collections::HashSet;
use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use protocol::{
    AcceptanceTests, Agent, AgentContext, AgentError, Bite, Evidence, HunkBite, HunkVerdict,
    Report, RunState, Silent, TestClass, TestOutcome, TestRun, TreeId, Workspace, WorkspaceError,
};

use crate::code;
use crate::hunks::{Hunk, Without, hunks};
use crate::pytest::{self, Targets};
use crate::settings::Settings;
use crate::submission::belongs;
use crate::watched::{Said, run_until_noticed};
use crate::with_change::write_acceptance_tests;

/// Hunks that are tried at the same time, where there are that many processors.
const AT_ONCE_MAX: usize = 2;
/// The whole measurement may take that many times as long as the affected tests do once.
const TEST_RUNS_MAX: u32 = 2;
/// And so long at least: small suites are over before Python has started.
const SECONDS_MIN: u64 = 30;
/// One hunk's tests may take that many times as long as with the whole change, and a little more.
const SLOWER_MAX: u64 = 3;
const SLOWER_SECONDS: u64 = 10;

/// Reverts each hunk of the draft alone and runs the tests without it.
///
/// It never sends a change back: a hunk that no test exercises is told to whoever decides about the change.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ablation;

impl Ablation {
    /// An ablation.
    pub fn new() -> Ablation {
        Ablation
    }
}

#[async_trait]
impl Agent for Ablation {
    fn name(&self) -> &str {
        "ablation"
    }

    async fn run(&self, cx: &AgentContext<'_>, state: &RunState) -> Result<Report, AgentError> {
        let bite = cx
            .once("revert each hunk alone", false, measure(cx, state))
            .await?;
        Ok(Report::passed(in_words(&bite)).with(Evidence::Bite(bite)))
    }
}

async fn measure(cx: &AgentContext<'_>, state: &RunState) -> Result<Bite, AgentError> {
    let started = Instant::now();
    let hunks = hunks(&state.proposed_code);
    let mut verdicts = Vec::new();
    let mut trials = Vec::new();
    for hunk in hunks {
        let now = text_of(cx.work, &hunk.path).await?;
        let verdict = match without(&hunk, now.as_deref()) {
            Err(why) => Some(untried(why)),
            Ok(_) if cx.limits.bite_hunks_max as usize <= trials.len() => Some(untried(format!(
                "only {} of the hunks are tried",
                cx.limits.bite_hunks_max
            ))),
            Ok(without) => {
                trials.push((hunk.path.clone(), without));
                None
            }
        };
        verdicts.push((hunk, verdict));
    }
    let mut tried = Trials::begin(cx, state, started)
        .await?
        .verdicts(trials)
        .await?
        .into_iter();
    let hunks = verdicts.into_iter().map(|(hunk, verdict)| HunkBite {
        verdict: verdict
            .or_else(|| tried.next())
            .unwrap_or_else(|| untried("it was not reached")),
        path: hunk.path,
        header: hunk.header,
    });
    Ok(Bite {
        hunks: hunks.collect(),
        wall_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

fn untried(why: impl Into<String>) -> HunkVerdict {
    HunkVerdict::Untried { why: why.into() }
}

/// The file without the hunk, or why there is nothing to try.
fn without(hunk: &Hunk, now: Option<&str>) -> Result<Without, &'static str> {
    if hunk.is_binary() {
        return Err("it is binary");
    }
    if !hunk.path.ends_with(".py") {
        return Err("no Python code");
    }
    if is_test(&hunk.path) {
        return Err("it belongs to the tests");
    }
    if hunk.path.starts_with("doc/") || hunk.path.starts_with("docs/") {
        return Err("it belongs to the documentation");
    }
    let without = hunk
        .taken_back(now)
        .ok_or("it isn't in the file as it stands")?;
    let text = match &without {
        Without::Text(text) => text,
        Without::Gone => "",
    };
    if code::is_same(now.unwrap_or(""), text) {
        return Err("only comments, docstrings or layout");
    }
    Ok(without)
}

/// Whether a Python file is there for the tests only.
fn is_test(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    folders.split('/').any(|it| it == "tests" || it == "test")
        || name == "conftest.py"
        || name.starts_with("test_")
        || name.ends_with("_test.py")
}

/// A file's text; none when it isn't there or isn't text.
async fn text_of(work: &dyn Workspace, path: &str) -> Result<Option<String>, WorkspaceError> {
    match work.read(path).await {
        Ok(bytes) => Ok(String::from_utf8(bytes).ok()),
        Err(error) if error.is_the_callers_fault() => Ok(None),
        Err(error) => Err(error),
    }
}

/// What every hunk is tried with.
struct Trials<'a> {
    cx: &'a AgentContext<'a>,
    settings: Settings,
    /// The tree with the whole change.
    work: TreeId,
    acceptance: Option<&'a AcceptanceTests>,
    /// Files of the acceptance tests, and which of their tests pass when only these files run.
    first: Vec<String>,
    first_passing: Vec<String>,
    /// The suite's files to run then; none means all of it.
    then: Option<Vec<String>>,
    /// Tests of the suite that passed with the whole change and can be relied on, in the order they ran.
    then_passing: Vec<String>,
    /// When no further hunk is tried.
    deadline: Instant,
    /// Wall time of the tests of one hunk.
    run_seconds_max: u64,
}

impl<'a> Trials<'a> {
    async fn begin(
        cx: &'a AgentContext<'a>,
        state: &'a RunState,
        started: Instant,
    ) -> Result<Trials<'a>, AgentError> {
        let acceptance = state.acceptance_tests();
        let mut first: Vec<String> = Vec::new();
        let of_files = acceptance.into_iter().flat_map(|it| &it.files);
        let of_tests = acceptance.into_iter().flat_map(|it| &it.on_base);
        let named = of_files
            .map(|it| it.path.as_str())
            .chain(of_tests.map(|it| it.id.split("::").next().unwrap_or(&it.id)));
        for path in named {
            if first.iter().all(|it| it != path) {
                first.push(path.to_owned());
            }
        }
        let whole = WithChange::of(state);
        let wall_ms = whole.as_ref().map_or(0, |it| it.wall_ms);
        let seconds_max = (wall_ms * u64::from(TEST_RUNS_MAX) / 1000).max(SECONDS_MIN);
        let mut trials = Trials {
            cx,
            settings: Settings::read(cx.base).await?,
            work: cx.work.snapshot().await?,
            acceptance,
            first_passing: Vec::new(),
            then_passing: whole
                .as_ref()
                .map(|it| it.passing_outside(&first))
                .unwrap_or_default(),
            then: whole.and_then(|it| it.files),
            first,
            deadline: started + Duration::from_secs(seconds_max.min(cx.limits.bite_seconds_max)),
            run_seconds_max: (wall_ms * SLOWER_MAX / 1000 + SLOWER_SECONDS)
                .min(cx.limits.test_run_seconds_max),
        };
        trials.first_passing = trials.passing_first().await?;
        Ok(trials)
    }

    /// Acceptance tests that pass with the whole change when nothing else runs, which is how they run without a hunk.
    async fn passing_first(&self) -> Result<Vec<String>, AgentError> {
        let seconds_max = self.run_seconds_max.min(self.seconds_left());
        if self.first.is_empty() || seconds_max == 0 {
            return Ok(Vec::new());
        }
        let tree = self.tree().await?;
        let targets = Targets::Files(&self.first);
        let run = pytest::run(&*tree, &self.settings, targets, seconds_max, &Silent).await?;
        Ok(passed(&run).map(str::to_owned).collect())
    }

    /// A fresh checkout of the whole change with the acceptance tests.
    async fn tree(&self) -> Result<std::sync::Arc<dyn Workspace>, AgentError> {
        let tree = self.cx.work.fork(&self.work).await?;
        write_acceptance_tests(&*tree, self.acceptance).await?;
        Ok(tree)
    }

    /// What the tests say to the change without each of these, in their order.
    async fn verdicts(
        &self,
        trials: Vec<(String, Without)>,
    ) -> Result<Vec<HunkVerdict>, AgentError> {
        let at_once = available_parallelism().map_or(1, NonZero::get);
        let trials: Vec<_> = trials
            .into_iter()
            .map(|(path, without)| self.verdict(path, without))
            .collect();
        stream::iter(trials)
            .buffered(at_once.min(AT_ONCE_MAX))
            .try_collect()
            .await
    }

    async fn verdict(&self, path: String, without: Without) -> Result<HunkVerdict, AgentError> {
        if self.seconds_left() == 0 {
            return Ok(untried("the time for this was up"));
        }
        if self.first_passing.is_empty() && self.then_passing.is_empty() {
            return Ok(untried("no test passed that could notice it"));
        }
        let tree = self.tree().await?;
        match without {
            Without::Text(text) => tree.write(&path, text.as_bytes()).await?,
            Without::Gone => tree.delete(&path).await?,
        }
        let first = (Targets::Files(&self.first), &self.first_passing);
        let then = match &self.then {
            Some(files) => Targets::Files(files),
            None => Targets::Suite,
        };
        for (targets, passing) in [first, (then, &self.then_passing)] {
            if passing.is_empty() {
                continue;
            }
            let seconds_left = self.seconds_left();
            let seconds_max = seconds_left.min(self.run_seconds_max);
            if seconds_max == 0 {
                return Ok(untried("the time for this was up"));
            }
            let said =
                run_until_noticed(&*tree, &self.settings, targets, seconds_max, passing).await?;
            match said {
                Said::Noticed { by } => return Ok(HunkVerdict::Exercised { by }),
                Said::Nothing => {}
                // Without the hunk they may never end, and that is noticed; but not when they had less time than
                // they need.
                Said::TooSlow { running } if seconds_max == self.run_seconds_max => {
                    return Ok(HunkVerdict::Exercised {
                        by: format!("{running} (did not end)"),
                    });
                }
                Said::TooSlow { .. } => return Ok(untried("the time for this was up")),
            }
        }
        Ok(HunkVerdict::Unexercised)
    }

    fn seconds_left(&self) -> u64 {
        self.deadline
            .saturating_duration_since(Instant::now())
            .as_secs()
    }
}

/// What the suite said to the whole change.
struct WithChange<'a> {
    run: &'a TestRun,
    /// Tests that can't be relied on.
    unsure: HashSet<&'a str>,
    /// The files that the change can affect; none when that isn't known.
    files: Option<Vec<String>>,
    /// Wall time of these, in milliseconds.
    wall_ms: u64,
}

impl<'a> WithChange<'a> {
    fn of(state: &'a RunState) -> Option<WithChange<'a>> {
        let (run, comparison, scope) = state.evidence.iter().rev().find_map(|it| match it {
            Evidence::Tests {
                run,
                comparison,
                scope,
                ..
            } => Some((run, comparison, scope)),
            _ => None,
        })?;
        let flaky = comparison.iter().filter(|it| it.class == TestClass::Flaky);
        let unsure: HashSet<&str> = flaky.map(|it| it.id.as_str()).collect();
        let files = scope.as_ref().map(|it| it.affected.clone());
        let of_files = |id: &str| match &files {
            Some(files) => files.iter().any(|file| belongs(id, file)),
            None => true,
        };
        let affected = run.results.iter().filter(|it| of_files(&it.id)).count() as u64;
        // Nobody timed the affected tests alone: their part of all tests has to do.
        let wall_ms = run.wall_ms * affected / (run.results.len() as u64).max(1);
        Some(WithChange {
            run,
            unsure,
            files,
            wall_ms,
        })
    }

    /// Tests that passed and can be relied on, but for those of some files.
    fn passing_outside(&self, files: &[String]) -> Vec<String> {
        let in_scope = |id: &str| match &self.files {
            Some(files) => files.iter().any(|file| belongs(id, file)),
            None => true,
        };
        passed(self.run)
            .filter(|id| !self.unsure.contains(id) && in_scope(id))
            .filter(|id| !files.iter().any(|file| belongs(id, file)))
            .map(str::to_owned)
            .collect()
    }
}

fn passed(run: &TestRun) -> impl Iterator<Item = &str> {
    run.results
        .iter()
        .filter(|it| it.outcome == TestOutcome::Passed)
        .map(|it| it.id.as_str())
}

/// What came of it, in a line.
fn in_words(bite: &Bite) -> String {
    let of = |wanted: fn(&HunkVerdict) -> bool| {
        bite.hunks.iter().filter(|it| wanted(&it.verdict)).count()
    };
    let exercised = of(|it| matches!(it, HunkVerdict::Exercised { .. }));
    let unexercised = of(|it| matches!(it, HunkVerdict::Unexercised));
    let untried = of(|it| matches!(it, HunkVerdict::Untried { .. }));
    let hunks = match bite.hunks.len() {
        1 => "1 hunk".to_owned(),
        n => format!("{n} hunks"),
    };
    format!(
        "{hunks} reverted one by one: {exercised} noticed by a test, {unexercised} by none, {untried} not tried"
    )
}
