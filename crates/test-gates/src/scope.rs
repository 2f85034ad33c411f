//! Which tests run with the change, and in which order, where the whole suite takes long.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use protocol::{
    AcceptanceTests, AgentContext, AgentError, ChangeKind, Exit, SuiteScope, TestResult, TestRun,
};
use serde::{Deserialize, Serialize};
use test_run::ids::{file_of, test_files};
use test_run::{Settings, Targets, TestTree, baseline};

use crate::affected::{Affected, Reach};

/// A suite that takes less on the base runs at once and whole. A model needs about that long for one reply of a
/// redraft, so sending a red draft back earlier saves little, and a green one would pay for the choice.
const SLOW_SUITE_MS: u64 = 60_000;
/// Tests that run first are run again with the whole suite, so they are worth it only if they are this part of it, in
/// percent, at most.
const FIRST_PERCENT_MAX: usize = 50;

/// Test files that run before all others, or alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scope {
    /// Those that the change can affect; empty when that can't be told.
    pub(crate) affected: Vec<String>,
    /// Test files that the change deletes: their tests are compared as well.
    pub(crate) deleted: Vec<String>,
    /// Whether the others don't run at all, for want of time.
    pub(crate) is_cut: bool,
    /// Why nothing could be chosen.
    pub(crate) why: String,
}

/// Decides from the base's own run. None: the whole suite at once.
pub(crate) async fn choose(
    cx: &AgentContext<'_>,
    base: Option<&TestRun>,
) -> Result<Option<Scope>, AgentError> {
    let Some(base) = base else {
        return Ok(None);
    };
    let is_cut = is_too_long(base);
    if !is_cut && base.wall_ms < SLOW_SUITE_MS {
        return Ok(None);
    }
    let settings = Settings::read(cx.base).await?;
    if settings.test_command.is_some() {
        // What the repository's own command sets up around its tests is not ours to leave out.
        let why = "the repository has its own test command".to_owned();
        return Ok(is_cut.then(|| everything(why)));
    }
    cx.once("choose the tests that run first", false, async {
        let files = cx.work.change().await?.files;
        let paths: Vec<String> = files.iter().map(|it| it.path.clone()).collect();
        let changed: Vec<&str> = paths.iter().map(String::as_str).collect();
        let reach = Reach::read(cx.work, &paths).await?;
        let mut affected = match reach.affected(&test_files(base), &changed) {
            Affected::Everything { why } => return Ok(is_cut.then(|| everything(why))),
            Affected::Files(affected) => affected,
        };
        let tests = test_files(base);
        let deleted = files.iter().filter(|it| it.kind == ChangeKind::Deleted);
        let deleted = deleted.map(|it| it.path.clone());
        let deleted: Vec<String> = deleted.filter(|it| tests.contains(it)).collect();
        affected.retain(|it| !deleted.contains(it));
        let scope = Scope {
            affected,
            deleted,
            is_cut,
            why: String::new(),
        };
        Ok((is_cut || is_worth_it(&scope, base)).then_some(scope))
    })
    .await
}

/// The base did not come to its end within the time that the suite may take.
fn is_too_long(base: &TestRun) -> bool {
    base.exit == Exit::TooSlow && !base.finished
}

fn everything(why: String) -> Scope {
    Scope {
        affected: Vec::new(),
        deleted: Vec::new(),
        is_cut: true,
        why,
    }
}

fn is_worth_it(scope: &Scope, base: &TestRun) -> bool {
    let first = scope.affected.iter().map(String::as_str);
    let first: HashSet<&str> = first.collect();
    let ids = base.collected.iter();
    let tests = ids.filter(|it| first.contains(file_of(it))).count();
    0 < tests && tests * 100 <= base.collected.len() * FIRST_PERCENT_MAX
}

impl Scope {
    /// The files to ask the runner for; none means the suite.
    pub(crate) fn files(&self, acceptance: Option<&AcceptanceTests>) -> Option<Vec<String>> {
        let wanted = acceptance.into_iter().flat_map(|it| &it.files);
        let wanted = wanted.map(|it| it.path.clone());
        let files: BTreeSet<String> = self.affected.iter().cloned().chain(wanted).collect();
        // Asked for nothing, the runner would take everything.
        (!self.affected.is_empty()).then(|| files.into_iter().collect())
    }

    /// The outcomes on the base that a run of these files is compared with. What the base did not reach is run there
    /// now, if only some files are chosen.
    pub(crate) async fn base(
        &self,
        cx: &AgentContext<'_>,
        base: &TestRun,
    ) -> Result<TestRun, AgentError> {
        if self.affected.is_empty() {
            return Ok(base.clone());
        }
        let known = test_files(base);
        let files = self.affected.iter().chain(&self.deleted);
        // A test file that is new with the change isn't there.
        let files = files.filter(|it| known.contains(*it));
        let files: Vec<String> = files.cloned().collect();
        let part = part_of(base, &files.iter().map(String::as_str).collect());
        if part.finished || files.is_empty() {
            return Ok(part);
        }
        let more = cx
            .once("run the affected tests on the base", false, async {
                let settings = Settings::read(cx.base).await?;
                let tree = TestTree::of_base(cx.base, &settings).await?;
                let seconds_max = baseline::seconds_max(cx.limits);
                let files = Targets::Files(&files);
                Ok(tree.run(files, seconds_max, cx.log).await?)
            })
            .await?;
        Ok(joined(more, part))
    }

    /// What a reader is told about it. `first_is_red`: the others were not needed any more.
    pub(crate) fn told(
        &self,
        base: &TestRun,
        run: &TestRun,
        first_is_red: bool,
        limits: &protocol::Limits,
    ) -> (SuiteScope, String) {
        let is_part = self.is_cut || first_is_red;
        let mut left_out = test_files(base);
        if !is_part {
            left_out.clear();
        }
        let ran: BTreeSet<String> = run
            .results
            .iter()
            .chain(&run.collection_errors)
            .map(|it| file_of(&it.id).to_owned())
            .collect();
        let chosen: HashSet<&String> = self.affected.iter().chain(&self.deleted).collect();
        left_out.retain(|it| !ran.contains(it) && !chosen.contains(it));
        let mut words = String::new();
        if !left_out.is_empty() {
            let files = match left_out.len() {
                1 => "1 test file".to_owned(),
                many => format!("{many} test files"),
            };
            words = if self.is_cut {
                let seconds = baseline::seconds_max(limits);
                format!(
                    "\n{files} did not run: on the base the suite needs more than {seconds} seconds"
                )
            } else {
                format!(
                    "\n{files} did not run: those that the change can affect ran first, and are red"
                )
            };
            if self.is_cut && !self.why.is_empty() {
                words += &format!(", and nothing could be chosen ({})", self.why);
            }
        }
        let scope = SuiteScope {
            affected: self.affected.clone(),
            left_out: left_out.into_iter().collect(),
            suite_seconds_max: limits.suite_seconds_max,
        };
        (scope, words)
    }
}

/// What a run of some files showed, with what an earlier one of all files knew of those that it didn't reach.
fn joined(mut run: TestRun, known: TestRun) -> TestRun {
    let mut there: HashSet<String> = run.results.iter().map(|it| it.id.clone()).collect();
    there.extend(run.collection_errors.iter().map(|it| it.id.clone()));
    let is_new = |it: &TestResult| !there.contains(&it.id);
    run.results.extend(known.results.into_iter().filter(is_new));
    let errors = known.collection_errors.into_iter();
    run.collection_errors.extend(errors.filter(is_new));
    let collected: HashSet<String> = run.collected.iter().cloned().collect();
    let known = known.collected.into_iter();
    run.collected
        .extend(known.filter(|it| !collected.contains(it)));
    let outcomes = run.results.iter().chain(&run.collection_errors);
    let outcomes: HashSet<&str> = outcomes.map(|it| it.id.as_str()).collect();
    let whole = run
        .collected
        .iter()
        .all(|it| outcomes.contains(it.as_str()));
    if whole && !run.finished && !run.collected.is_empty() {
        let mut all = run.results.iter().chain(&run.collection_errors);
        run.exit = Exit::Code(i32::from(all.any(|it| it.outcome.is_red())));
        run.finished = true;
    }
    run
}

/// A run's outcomes of some files. It came to its end if every test of them has an outcome, whatever became of others.
fn part_of(run: &TestRun, files: &HashSet<&str>) -> TestRun {
    let is_in = |id: &str| files.contains(file_of(id));
    let of = |results: &[TestResult]| -> Vec<TestResult> {
        let found = results.iter().filter(|it| is_in(&it.id));
        found.cloned().collect()
    };
    let (results, collection_errors) = (of(&run.results), of(&run.collection_errors));
    let outcomes: BTreeMap<&str, bool> = results
        .iter()
        .chain(&collection_errors)
        .map(|it| (it.id.as_str(), it.outcome.is_red()))
        .collect();
    let collected: Vec<String> = run
        .collected
        .iter()
        .filter(|it| is_in(it))
        .cloned()
        .collect();
    let is_whole = run.finished
        || !run.collected.is_empty()
            && collected
                .iter()
                .all(|it| outcomes.contains_key(it.as_str()));
    let any_red = outcomes.values().any(|it| *it);
    TestRun {
        exit: match is_whole {
            true => Exit::Code(i32::from(any_red)),
            false => run.exit,
        },
        finished: is_whole,
        collected,
        results,
        collection_errors,
        wall_ms: run.wall_ms,
        tail: run.tail.clone(),
        cached: run.cached,
    }
}

#[cfg(test)]
mod tests {
    use protocol::TestOutcome;

    use super::*;

    /// `a::x+ a::y- b::z?`: passed, failed, collected and not reached.
    fn run(text: &str) -> TestRun {
        let finished = !text.contains('?');
        let tests: Vec<(&str, &str)> = text
            .split_whitespace()
            .map(|it| it.split_at(it.len() - 1))
            .collect();
        let results = tests.iter().filter(|(_, mark)| *mark != "?");
        TestRun {
            results: results
                .map(|(id, mark)| TestResult {
                    id: (*id).to_owned(),
                    outcome: match *mark {
                        "+" => TestOutcome::Passed,
                        _ => TestOutcome::Failed,
                    },
                    phase: "call".to_owned(),
                    exception: String::new(),
                    message: String::new(),
                })
                .collect(),
            collected: tests.iter().map(|(id, _)| (*id).to_owned()).collect(),
            collection_errors: Vec::new(),
            exit: if finished {
                Exit::Code(0)
            } else {
                Exit::TooSlow
            },
            finished,
            wall_ms: 0,
            tail: String::new(),
            cached: false,
        }
    }

    #[test]
    fn a_part_is_whole_when_each_of_its_tests_has_an_outcome() {
        let check = |text: &str, files: &[&str], want: (usize, Exit, bool)| {
            let part = part_of(&run(text), &files.iter().copied().collect());
            assert_eq!(
                (part.collected.len(), part.exit, part.finished),
                want,
                "{text} {files:?}"
            );
        };
        check("a::x+ a::y+ b::z?", &["a"], (2, Exit::Code(0), true));
        check("a::x+ a::y- b::z?", &["a"], (2, Exit::Code(1), true));
        check("a::x+ a::y- b::z?", &["a", "b"], (3, Exit::TooSlow, false));
        check("a::x+ b::z+", &["b"], (1, Exit::Code(0), true));
        check("a::x+ b::z+", &["c"], (0, Exit::Code(0), true));
        // Nothing was collected before the time was over, so nothing is known.
        let mut nothing = run("a::x?");
        nothing.collected.clear();
        assert!(!part_of(&nothing, &HashSet::from(["a"])).finished);
    }

    #[test]
    fn what_an_earlier_run_knew_is_not_forgotten() {
        let check = |run_now: &str, known: &str, want: (&str, bool)| {
            let run = joined(run(run_now), run(known));
            let mark = |it: &TestResult| match it.outcome {
                TestOutcome::Passed => format!("{}+", it.id),
                _ => format!("{}-", it.id),
            };
            let shown: Vec<String> = run.results.iter().map(mark).collect();
            assert_eq!((shown.join(" ").as_str(), run.finished), want);
        };
        check(
            "a::x+ b::y? c::z?",
            "a::x- b::y- c::z?",
            ("a::x+ b::y-", false),
        );
        check("a::x+ b::y?", "a::x- b::y-", ("a::x+ b::y-", true));
        check("a::x+", "", ("a::x+", true));
    }

    #[test]
    fn a_small_part_of_a_suite_is_worth_a_run_of_its_own() {
        let check = |affected: &[&str], want: bool| {
            let scope = Scope {
                affected: affected.iter().map(|it| (*it).to_owned()).collect(),
                deleted: Vec::new(),
                is_cut: false,
                why: String::new(),
            };
            let base = run("a::x+ a::y+ b::z+ c::v+");
            assert_eq!(is_worth_it(&scope, &base), want, "{affected:?}");
        };
        check(&["b"], true);
        check(&["a"], true);
        check(&["a", "b"], false);
        check(&[], false);
        check(&["new"], false);
    }

    #[test]
    fn what_did_not_run_is_told_with_its_reason() {
        let limits = testkit::limits();
        let check = |is_cut: bool, first_is_red: bool, ran: &str, want: (&[&str], &str)| {
            let scope = Scope {
                affected: vec!["a".to_owned()],
                deleted: Vec::new(),
                is_cut,
                why: String::new(),
            };
            let base = run("a::x+ b::z+ c::v?");
            let (scope, words) = scope.told(&base, &run(ran), first_is_red, &limits);
            assert_eq!(scope.left_out, want.0);
            assert_eq!(words, want.1);
        };
        check(false, false, "a::x+ b::z+ c::v+", (&[], ""));
        check(
            true,
            false,
            "a::x+",
            (
                &["b", "c"],
                "\n2 test files did not run: on the base the suite needs more than 120 seconds",
            ),
        );
        check(
            false,
            true,
            "a::x- b::z+",
            (
                &["c"],
                "\n1 test file did not run: those that the change can affect ran first, and are red",
            ),
        );
        check(true, true, "a::x- b::z+ c::v+", (&[], ""));
    }
}
