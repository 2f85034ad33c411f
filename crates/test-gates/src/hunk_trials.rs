//! Runs the tests that could miss a hunk without it: acceptance tests first, then those that its file can affect.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use futures::future::try_join;
use futures::{StreamExt, TryStreamExt, stream};
use protocol::{
    AcceptanceTests, AgentContext, AgentError, Encoding, Evidence, HunkVerdict, RunState, Silent,
    TestClass, TestOutcome, TestRun, TreeId,
};
use test_run::ids::{file_of, is_by_place, test_files};
use test_run::{Said, Settings, Targets, TestTree};

use crate::affected::{Affected, Reach};
use crate::hunks::Without;

/// Hunks that are tried at the same time, where there are that many processors.
const AT_ONCE_MAX: usize = 2;
/// The whole measurement may take that many times as long as the affected tests do once.
const TEST_RUNS_MAX: u64 = 2;
/// And so long at least: small suites are over before Python has started.
const SECONDS_MIN: u64 = 30;
/// One hunk's tests may take that many times as long as with the whole change, and a little more.
const SLOWER_MAX: u64 = 3;
const SLOWER_SECONDS: u64 = 10;
/// Tests that fail alone with the whole change too, before a hunk is given up.
const UNSURE_MAX: u32 = 3;

/// Why a hunk wasn't tried to its end.
const TIME_UP: &str = "the time for this was up";

/// What every hunk is tried with.
pub(crate) struct Trials<'a> {
    cx: &'a AgentContext<'a>,
    settings: Settings,
    /// The tree with the whole change.
    work: TreeId,
    acceptance: Option<&'a AcceptanceTests>,
    /// Files of the acceptance tests, and which of their tests pass when only these files run.
    first: Vec<String>,
    first_passing: Vec<String>,
    /// What can notice a change of a file, by its path.
    then: BTreeMap<String, Then>,
    /// Tests that pass with the whole change when only their file runs, by that file.
    alone: Mutex<HashMap<String, Arc<HashSet<String>>>>,
    /// When no further hunk is tried.
    deadline: Instant,
    /// Wall time of the tests of one hunk.
    run_seconds_max: u64,
}

/// Tests of the suite that can notice something.
#[derive(Clone, Debug, Default)]
struct Then {
    /// Their files; none means the whole suite.
    files: Option<Vec<String>>,
    /// Those that passed with the whole change and can be relied on, in the order they ran.
    passing: Vec<String>,
}

impl<'a> Trials<'a> {
    /// Finds out what can notice a change of these files.
    pub(crate) async fn begin(
        cx: &'a AgentContext<'a>,
        state: &'a RunState,
        paths: &[String],
        started: Instant,
    ) -> Result<Trials<'a>, AgentError> {
        let acceptance = state.acceptance_tests();
        let mut first: Vec<String> = Vec::new();
        let of_files = acceptance.into_iter().flat_map(|it| &it.files);
        let of_tests = acceptance.into_iter().flat_map(|it| &it.on_base);
        let named = of_files
            .map(|it| it.path.as_str())
            .chain(of_tests.map(|it| file_of(&it.id)));
        for path in named {
            if first.iter().all(|it| it != path) {
                first.push(path.to_owned());
            }
        }
        let mut trials = Trials {
            cx,
            settings: Settings::read(cx.base).await?,
            work: cx.work.snapshot().await?,
            acceptance,
            first,
            first_passing: Vec::new(),
            then: BTreeMap::new(),
            alone: Mutex::default(),
            deadline: started,
            run_seconds_max: 0,
        };
        let whole = PatchedRun::of(state);
        // Tests alone have the time that any run has, until it is known how long they take.
        let first_seconds_max = cx
            .limits
            .bite_seconds_max
            .min(cx.limits.test_run_seconds_max);
        let (then, first_passing) = try_join(
            trials.affected(whole.as_ref(), paths),
            trials.passing_first(first_seconds_max),
        )
        .await?;
        (trials.then, trials.first_passing) = (then, first_passing);
        let wall_ms = whole.map_or(0, |it| it.wall_ms_of(trials.then.values()));
        let seconds_max = (wall_ms * TEST_RUNS_MAX / 1000)
            .max(SECONDS_MIN)
            .min(cx.limits.bite_seconds_max);
        trials.deadline = started + Duration::from_secs(seconds_max);
        trials.run_seconds_max =
            (wall_ms * SLOWER_MAX / 1000 + SLOWER_SECONDS).min(cx.limits.test_run_seconds_max);
        Ok(trials)
    }

    /// What can notice a change of each file.
    async fn affected(
        &self,
        whole: Option<&PatchedRun<'_>>,
        paths: &[String],
    ) -> Result<BTreeMap<String, Then>, AgentError> {
        let Some(whole) = whole else {
            return Ok(BTreeMap::new());
        };
        let tests = test_files(whole.run);
        // Only the repository's own command knows how its suite is run.
        let reach = match self.settings.test_command {
            Some(_) => None,
            None => Some(Reach::read(self.tree().await?.workspace(), paths).await?),
        };
        let of_path = |path: &String| {
            let affected = reach.as_ref().map(|it| it.affected(&tests, &[path]));
            let files = match affected {
                Some(Affected::Files(mut files)) => {
                    files.retain(|it| !self.first.contains(it));
                    Some(files)
                }
                Some(Affected::Everything { .. }) | None => None,
            };
            let passing = whole.passing(files.as_deref(), &self.first);
            (path.clone(), Then { files, passing })
        };
        Ok(paths.iter().map(of_path).collect())
    }

    /// Acceptance tests that pass with the whole change when nothing else runs, which is how they run without a hunk.
    async fn passing_first(&self, seconds_max: u64) -> Result<Vec<String>, AgentError> {
        if self.first.is_empty() {
            return Ok(Vec::new());
        }
        self.passing_with_change(&self.first, seconds_max).await
    }

    /// Tests of these files that pass with the whole change when nothing else runs.
    async fn passing_with_change(
        &self,
        files: &[String],
        seconds_max: u64,
    ) -> Result<Vec<String>, AgentError> {
        if seconds_max == 0 {
            return Ok(Vec::new());
        }
        let tree = self.tree().await?;
        let targets = Targets::Files(files);
        let run = tree.run(targets, seconds_max, &Silent).await?;
        Ok(passed(&run).map(str::to_owned).collect())
    }

    /// A fresh checkout of the whole change with the acceptance tests.
    async fn tree(&self) -> Result<TestTree, AgentError> {
        let tree = TestTree::of(self.cx.work, &self.work, &self.settings).await?;
        let frozen = self.acceptance.map_or(&[][..], |it| &it.files);
        Ok(tree.with_frozen(frozen).await?)
    }

    /// What the tests say to the change without each of these, in their order.
    pub(crate) async fn verdicts(
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
        let then = self.then.get(&path).cloned().unwrap_or_default();
        if self.seconds_left() == 0 {
            return Ok(untried(TIME_UP));
        }
        if self.first_passing.is_empty() && then.passing.is_empty() {
            return Ok(untried("no test passed that could notice it"));
        }
        let targets = Targets::Files(&self.first);
        let verdict = self
            .try_without(&path, &without, targets, &self.first_passing)
            .await?;
        if verdict != HunkVerdict::Unexercised {
            return Ok(verdict);
        }
        match &then.files {
            Some(files) => {
                self.try_affected(&path, &without, files, then.passing)
                    .await
            }
            None => {
                self.try_without(&path, &without, Targets::Suite, &then.passing)
                    .await
            }
        }
    }

    /// Runs some files of the suite. Which tests fail in a part of it may differ from the whole, where one leaves
    /// something behind that another needs; so whoever notices must pass with the whole change when it is alone.
    async fn try_affected(
        &self,
        path: &str,
        without: &Without,
        files: &[String],
        mut passing: Vec<String>,
    ) -> Result<HunkVerdict, AgentError> {
        for _ in 0..UNSURE_MAX {
            let verdict = self
                .try_without(path, without, Targets::Files(files), &passing)
                .await?;
            let HunkVerdict::Exercised { by } = &verdict else {
                return Ok(verdict);
            };
            let is_it = |id: &String| is_told(by, id) || is_told(by, file_of(id));
            let Some(first) = passing.iter().find(|it| is_it(it)) else {
                return Ok(verdict);
            };
            let alone = self.passing_alone(file_of(first)).await?;
            if passing.iter().any(|it| is_it(it) && alone.contains(it)) {
                return Ok(verdict);
            }
            if self.seconds_left() == 0 {
                return Ok(untried(TIME_UP));
            }
            passing.retain(|it| !is_it(it));
        }
        Ok(untried("tests that could notice it need each other"))
    }

    /// Tests of a file that pass with the whole change when no other file runs.
    async fn passing_alone(&self, file: &str) -> Result<Arc<HashSet<String>>, AgentError> {
        let lock = || self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(file).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let seconds_max = self.run_seconds_max.min(self.seconds_left());
        let files = [file.to_owned()];
        let passing = self.passing_with_change(&files, seconds_max).await?;
        let passing = Arc::new(HashSet::from_iter(passing));
        lock().insert(file.to_owned(), passing.clone());
        Ok(passing)
    }

    /// Runs tests on the change without a hunk, until the first of `passing` fails.
    async fn try_without(
        &self,
        path: &str,
        without: &Without,
        targets: Targets<'_>,
        passing: &[String],
    ) -> Result<HunkVerdict, AgentError> {
        if passing.is_empty() {
            return Ok(HunkVerdict::Unexercised);
        }
        let tree = self.tree().await?;
        match without {
            Without::Text(text) => match Encoding::of_text(text).encode(text) {
                Ok(bytes) => tree.workspace().write(path, &bytes).await?,
                Err(_) => return Ok(untried("its encoding doesn't hold it")),
            },
            Without::Gone => tree.workspace().delete(path).await?,
        }
        let seconds_max = self.seconds_left().min(self.run_seconds_max);
        if seconds_max == 0 {
            return Ok(untried(TIME_UP));
        }
        let said = tree
            .run_until_noticed(targets, seconds_max, passing)
            .await?;
        Ok(match said {
            Said::Noticed { by } => HunkVerdict::Exercised { by },
            Said::Nothing => HunkVerdict::Unexercised,
            // Without the hunk they may never end, and that is noticed; but not when they had less time than they
            // need.
            Said::TooSlow { running } if seconds_max == self.run_seconds_max => {
                HunkVerdict::Exercised {
                    by: format!("{running} (did not end)"),
                }
            }
            Said::TooSlow { .. } => untried(TIME_UP),
        })
    }

    fn seconds_left(&self) -> u64 {
        self.deadline
            .saturating_duration_since(Instant::now())
            .as_secs()
    }
}

/// The verdict on a hunk that was not tried to its end.
pub(crate) fn untried(why: impl Into<String>) -> HunkVerdict {
    HunkVerdict::Untried { why: why.into() }
}

/// What the suite said to the whole change.
struct PatchedRun<'a> {
    run: &'a TestRun,
    /// Tests that gave different outcomes on the same tree.
    unsure: HashSet<&'a str>,
}

impl<'a> PatchedRun<'a> {
    fn of(state: &'a RunState) -> Option<PatchedRun<'a>> {
        let (run, comparison) = state.evidence.iter().rev().find_map(|it| match it {
            Evidence::Tests {
                run, comparison, ..
            } => Some((run, comparison)),
            _ => None,
        })?;
        let flaky = comparison.iter().filter(|it| it.class == TestClass::Flaky);
        let unsure = flaky.map(|it| it.id.as_str()).collect();
        Some(PatchedRun { run, unsure })
    }

    /// Tests of some files, or of all, that passed and can be relied on, but for those of further files.
    fn passing(&self, files: Option<&[String]>, but: &[String]) -> Vec<String> {
        let files: Option<HashSet<&str>> = files.map(|it| it.iter().map(String::as_str).collect());
        passed(self.run)
            .filter(|id| !self.unsure.contains(id))
            .filter(|id| files.as_ref().is_none_or(|it| it.contains(file_of(id))))
            .filter(|id| but.iter().all(|it| it != file_of(id)))
            .map(str::to_owned)
            .collect()
    }

    /// Wall time in milliseconds of one run of all these. Nobody timed them alone: their part of all tests has to do.
    fn wall_ms_of<'t>(&self, all: impl Iterator<Item = &'t Then>) -> u64 {
        let ids: HashSet<&str> = all.flat_map(|it| &it.passing).map(String::as_str).collect();
        self.run.wall_ms * ids.len() as u64 / (self.run.results.len() as u64).max(1)
    }
}

/// Whether words begin with a test or a file.
fn is_told(by: &str, id: &str) -> bool {
    by.strip_prefix(id)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
}

/// Tests that passed and have ids by which the next run knows them.
fn passed(run: &TestRun) -> impl Iterator<Item = &str> {
    run.results
        .iter()
        .filter(|it| it.outcome == TestOutcome::Passed && !is_by_place(&it.id))
        .map(|it| it.id.as_str())
}
