//! The pytest runner with the real pytest: what the base was, what the change did, and what may not pass for green.

use expect_test::{Expect, expect};
use protocol::{
    AcceptanceTests, Agent, AgentContext, AgentError, Evidence, Limits, Report, RunState, Task,
    TestFile, TestOutcome, TestResult, Workspace, WorkspaceError, sha256,
};
use test_gates::PytestRunner;
use testkit::{FolderWorkspace, MemorySteps, NoModel, RecordingLog, limits, run_for_real};

/// A repository before and after a change, and tests that were written for the task.
struct Case<'a> {
    before: &'a [(&'a str, &'a str)],
    after: &'a [(&'a str, &'a str)],
    /// Path, text, and the ids in it, all red on the base.
    wanted: Option<(&'a str, &'a str, &'a [&'a str])>,
    measures_the_base: bool,
    limits: Limits,
}

impl<'a> Case<'a> {
    fn new(before: &'a [(&'a str, &'a str)], after: &'a [(&'a str, &'a str)]) -> Case<'a> {
        Case {
            before,
            after,
            wanted: None,
            measures_the_base: true,
            limits: limits(),
        }
    }

    fn wants(self, path: &'a str, text: &'a str, ids: &'a [&'a str]) -> Case<'a> {
        Case {
            wanted: Some((path, text, ids)),
            ..self
        }
    }

    fn within(mut self, test_run_seconds_max: u64) -> Case<'a> {
        self.limits.test_run_seconds_max = test_run_seconds_max;
        self
    }

    /// Prepares on the base and runs with the change.
    async fn run(&self) -> Result<(RunState, Report), AgentError> {
        let tree = || FolderWorkspace::new(self.before.iter().copied()).running(run_for_real);
        let (base, work) = (tree(), tree());
        for (path, text) in self.after {
            if text.is_empty() {
                work.delete(path).await?;
            } else {
                work.write(path, text.as_bytes()).await?;
            }
        }
        let (steps, log) = (MemorySteps::default(), RecordingLog::default());
        let cx = AgentContext {
            model: &NoModel::default(),
            work: &work,
            base: &base,
            steps: &steps,
            limits: &self.limits,
            log: &log,
        };
        let mut state = RunState::new(Task::from_text("Count from one"));
        if self.measures_the_base {
            let prepared = PytestRunner::new().prepare(&cx, &state.task).await?;
            state.absorb_prepared(&prepared);
        }
        if let Some((path, text, ids)) = self.wanted {
            state.evidence.push(acceptance(path, text, ids));
        }
        let change = work.change().await?;
        let report = PytestRunner::new().run(&cx, &state).await?;
        assert_eq!(work.change().await?, change, "the work tree was touched");
        Ok((state, report))
    }
}

fn acceptance(path: &str, text: &str, ids: &[&str]) -> Evidence {
    let result = |id: &&str| TestResult {
        id: (*id).to_owned(),
        outcome: TestOutcome::Failed,
        phase: "call".to_owned(),
        exception: "AssertionError".to_owned(),
        message: String::new(),
    };
    Evidence::AcceptanceTests(AcceptanceTests {
        files: vec![TestFile {
            path: path.to_owned(),
            text: text.to_owned(),
            sha256: sha256(text),
        }],
        on_base: ids.iter().map(result).collect(),
        red_on_base: ids.iter().map(|it| (*it).to_owned()).collect(),
        ..AcceptanceTests::default()
    })
}

async fn check(case: Case<'_>, want: Expect) {
    let shown = match case.run().await {
        Ok((state, report)) => {
            let missing: String = state
                .missing()
                .iter()
                .map(|(what, why)| format!("missing {what}: {why}\n"))
                .collect();
            let verdict = match report.verdict.feedback() {
                None => "passed",
                Some(_) => "rejected",
            };
            format!("{missing}{verdict}: {}", report.summary)
        }
        Err(error) => format!("could not {error}")
            .lines()
            .next()
            .unwrap_or("")
            .to_owned(),
    };
    want.assert_eq(&shown);
}

const CODE: (&str, &str) = ("app.py", "def count():\n    return 0\n");
const FIXED: (&str, &str) = ("app.py", "def count():\n    return 1\n");
const OLD_TEST: (&str, &str) = (
    "tests/test_old.py",
    "import app\n\ndef test_is_a_number():\n    assert isinstance(app.count(), int)\n",
);
const WANTED: &str = "import app\n\ndef test_counts_from_one():\n    assert app.count() == 1\n";
const WANTED_ID: &str = "tests/test_wanted.py::test_counts_from_one";

#[tokio::test]
async fn a_fix_is_fixed_and_the_rest_is_kept() {
    check(
        Case::new(&[CODE, OLD_TEST], &[FIXED]).wants("tests/test_wanted.py", WANTED, &[WANTED_ID]),
        expect!["passed: 2 tests: 1 fixed, 1 kept; 1 of 1 acceptance tests passed"],
    )
    .await;
}

#[tokio::test]
async fn a_change_that_misses_the_task_or_breaks_a_test_goes_back() {
    check(
        Case::new(
            &[CODE, OLD_TEST],
            &[("app.py", "def count():\n    return None\n")],
        )
        .wants("tests/test_wanted.py", WANTED, &[WANTED_ID]),
        expect![[r#"
            rejected: 1 test: 1 regressed; 0 of 1 acceptance tests passed
            not accepted: tests/test_wanted.py::test_counts_from_one
            passed before, not now: tests/test_old.py::test_is_a_number"#]],
    )
    .await;
}

#[tokio::test]
async fn the_coder_learns_what_was_expected_but_not_how_it_is_tested() {
    let case = Case::new(&[CODE], &[("other.py", "x = 1\n")]);
    let test = "import app\n\ndef test_counts_from_one():\n    secret = 'not for the coder'\n    assert app.count() == 1\n";
    let case = case.wants("tests/test_wanted.py", test, &[WANTED_ID]);
    let (_, report) = case.run().await.expect("pytest runs");
    expect![[r#"
        The tests send the change back.

        Tests that say what the task asks for, and that no coder sees, don't pass; their ids and output say what is expected:
        - tests/test_wanted.py::test_counts_from_one: failed
            tests/test_wanted.py:5: in test_counts_from_one
                assert app.count() == 1
            E   assert 0 == 1
            E    +  where 0 = <function count>()
            E    +    where <function count> = app.count
    "#]]
    .assert_eq(report.verdict.feedback().unwrap_or(""));
}

#[tokio::test]
async fn acceptance_tests_run_even_where_the_suite_does_not_look() {
    let config = ("pytest.ini", "[pytest]\ntestpaths = tests\n");
    check(
        Case::new(&[config, CODE, OLD_TEST], &[FIXED]).wants(
            "other/test_wanted.py",
            WANTED,
            &["other/test_wanted.py::test_counts_from_one"],
        ),
        expect!["passed: 2 tests: 1 fixed, 1 kept; 1 of 1 acceptance tests passed"],
    )
    .await;
}

#[tokio::test]
async fn a_suite_that_fails_on_the_base_is_not_held_against_the_change() {
    let failing = ("tests/test_red.py", "def test_red():\n    assert False\n");
    let broken = ("tests/test_broken.py", "import nosuchmodule\n");
    check(
        Case::new(&[CODE, OLD_TEST, failing, broken], &[FIXED]),
        expect![[r#"
            passed: 3 tests: 1 failing before and now, 1 unable to run here, 1 kept
            not held against the change (failed before the change too): tests/test_red.py::test_red
            not held against the change (can't run here): tests/test_broken.py"#]],
    )
    .await;
}

#[tokio::test]
async fn a_repository_without_tests_says_so() {
    check(
        Case::new(&[CODE], &[FIXED]),
        expect![[r#"
            missing existing tests: pytest found none in the repository
            passed: no test ran"#]],
    )
    .await;
}

#[tokio::test]
async fn tests_that_pytest_does_not_look_for_are_run_or_missed() {
    let cases = "import unittest\nimport app\n\nclass Counts(unittest.TestCase):\n    def test_a(self):\n        self.assertLess(app.count(), 2)\n";
    for path in ["tests.py", "tests/all_tests.py", "testall.py"] {
        check(
            Case::new(&[CODE, (path, cases)], &[FIXED]),
            expect!["passed: 1 test: 1 kept"],
        )
        .await;
    }
    check(
        Case::new(&[CODE, ("checks.py", cases)], &[FIXED]),
        expect![[r#"
            missing a run of the repository's own tests: `checks.py` holds some that `python -m pytest` doesn't find (`test_command` in `[tool.pipeline]` of `pyproject.toml` says how they are run)
            passed: no test ran"#]],
    )
    .await;
}

#[tokio::test]
async fn a_runner_that_can_not_start_blocks_the_run() {
    let conftest = ("conftest.py", "raise RuntimeError\n");
    let usage = ("pytest.ini", "[pytest]\naddopts = --nosuchoption\n");
    let broken = ("tests/test_broken.py", "import nosuchmodule\n");
    let cases = [
        Case::new(&[CODE, broken], &[FIXED]).run().await,
        Case::new(&[usage, CODE, OLD_TEST], &[FIXED]).run().await,
        Case::new(&[conftest, CODE, OLD_TEST], &[FIXED]).run().await,
    ];
    for (ended, said) in cases
        .into_iter()
        .zip(["nosuchmodule", "--nosuchoption", "RuntimeError"])
    {
        match ended {
            Err(AgentError::Workspace(WorkspaceError::Blocked { tail, .. })) => {
                assert!(tail.contains(said), "{tail}");
            }
            other => panic!("not blocked: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_change_that_hangs_names_the_test() {
    let case = Case::new(
        &[CODE, OLD_TEST],
        &[("app.py", "def count():\n    while True: pass\n")],
    );
    let (_, report) = case.within(10).run().await.expect("pytest runs");
    let feedback = report.verdict.feedback().unwrap_or("");
    assert!(
        feedback
            .contains("[stopped after 10 seconds; running: tests/test_old.py::test_is_a_number]"),
        "{feedback}"
    );
}

#[tokio::test]
async fn a_base_that_hangs_is_said_and_does_not_blame_the_change() {
    let hangs = ("tests/test_z.py", "def test_z():\n    while True: pass\n");
    check(
        Case::new(&[CODE, OLD_TEST, hangs], &[FIXED]).within(10),
        expect![[r#"
            missing a complete run of the existing tests: on the base commit they did not end within 10 seconds, so with a change only those run that it can affect
            passed: 1 test: 1 kept
            1 test file did not run: on the base the suite needs more than 10 seconds"#]],
    )
    .await;
}

#[tokio::test]
async fn a_process_that_leaves_in_the_middle_has_passed_nothing() {
    let (_, report) = Case::new(
        &[CODE, OLD_TEST],
        &[("app.py", "import os\n\ndef count():\n    os._exit(0)\n")],
    )
    .run()
    .await
    .expect("pytest runs");
    expect![[r#"
        The tests send the change back.

        The test run can't be believed: it ended with status 0 before pytest had come to its end. Its last output:
    "#]]
    .assert_eq(report.verdict.feedback().unwrap_or("").split("    ").next().unwrap_or(""));
}

#[tokio::test]
async fn tests_that_are_gone_or_skipped_now_are_regressions() {
    check(
        Case::new(&[CODE, OLD_TEST], &[(OLD_TEST.0, "")]),
        expect![[r#"
            rejected: the run can't be believed: no test was found any more
            1 test: 1 regressed
            passed before, not now: tests/test_old.py::test_is_a_number"#]],
    )
    .await;
    let skip = "import pytest\npytestmark = pytest.mark.skip\ndef test_is_a_number(): pass\n";
    check(
        Case::new(&[CODE, OLD_TEST], &[(OLD_TEST.0, skip)]),
        expect![[r#"
            rejected: the run can't be believed: there was no test function to put them beside, and on the base commit they hold
            emptied-test: tests/test_old.py:3: `test_is_a_number` checked something before and checks nothing now
            1 test: 1 regressed
            no longer judging: tests/test_old.py (skip)
            passed before, not now: tests/test_old.py::test_is_a_number"#]],
    )
    .await;
}

#[tokio::test]
async fn the_repositorys_own_command_is_run_and_read_through_the_same_channel() {
    let project = (
        "pyproject.toml",
        "[tool.pipeline]\ntest_command = 'cd . && python -m pytest -q -x tests'\n",
    );
    check(
        Case::new(&[project, CODE, OLD_TEST], &[FIXED]).wants(
            "tests/test_wanted.py",
            WANTED,
            &[WANTED_ID],
        ),
        expect!["passed: 2 tests: 1 fixed, 1 kept; 1 of 1 acceptance tests passed"],
    )
    .await;
}

#[tokio::test]
async fn a_change_can_not_choose_how_it_is_tested() {
    let lenient = (
        "pytest.ini",
        "[pytest]\naddopts = --deselect tests/test_old.py\n",
    );
    let project = ("pyproject.toml", "[tool.pipeline]\ntest_command = 'true'\n");
    let broken = ("app.py", "def count():\n    return None\n");
    check(
        Case::new(&[CODE, OLD_TEST], &[broken, lenient, project]),
        expect![[r#"
            rejected: 1 test: 1 regressed
            passed before, not now: tests/test_old.py::test_is_a_number"#]],
    )
    .await;
}

#[tokio::test]
async fn parallel_and_odd_tests_keep_their_ids() {
    let config = ("pytest.ini", "[pytest]\naddopts = -n 2\n");
    let odd = (
        "tests/test_odd.py",
        "import os\nimport pytest\n\n@pytest.mark.parametrize('s', ['a[b]', 'a b', '::', 'é', '\\n'])\ndef test_odd(s):\n    if os.fork() == 0:\n        os._exit(0)\n    os.wait()\n",
    );
    check(
        Case::new(&[config, CODE, OLD_TEST, odd], &[FIXED]),
        expect!["passed: 6 tests: 6 kept"],
    )
    .await;
}

#[tokio::test]
async fn a_changed_seal_stops_the_run() {
    let work = FolderWorkspace::new([CODE]).running(run_for_real);
    let (steps, log, limits) = (MemorySteps::default(), RecordingLog::default(), limits());
    let cx = AgentContext {
        model: &NoModel::default(),
        work: &work,
        base: &work,
        steps: &steps,
        limits: &limits,
        log: &log,
    };
    let mut state = RunState::new(Task::from_text("Count from one"));
    let mut evidence = acceptance("tests/test_wanted.py", WANTED, &[WANTED_ID]);
    if let Evidence::AcceptanceTests(tests) = &mut evidence {
        tests.files[0].text = "def test_counts_from_one(): pass\n".to_owned();
    }
    state.evidence.push(evidence);
    let refused = PytestRunner::new().run(&cx, &state).await;
    assert!(refused.is_err(), "{refused:?}");
}

/// Situations in which pytest's exit status or its words mislead. The file of each row is the acceptance test.
#[tokio::test]
async fn no_false_green_passes() {
    let rows = include_str!("../../../fixtures/cases/false_green.jsonl");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for row in rows.lines() {
        let row: serde_json::Value = serde_json::from_str(row).expect("each row is JSON");
        let id = row["id"].as_str().expect("each row has an id");
        let files = row["files"].as_object().expect("each row has files");
        let test = files["tests/test_a.py"]
            .as_str()
            .expect("each row has a test");
        let others: Vec<(&str, &str)> = files
            .iter()
            .filter(|(path, _)| *path != "tests/test_a.py")
            .map(|(path, text)| (path.as_str(), text.as_str().expect("a file is text")))
            .collect();
        let wanted: Vec<&str> = match id {
            "xpass" => vec!["tests/test_a.py::test_a", "tests/test_a.py::test_b"],
            _ => vec!["tests/test_a.py::test_a"],
        };
        // The trick came with the change: the base has none of these files.
        let before = [("app.py", "def f(): return 1\n")];
        let mut case = Case::new(&before, &others)
            .wants("tests/test_a.py", test, &wanted)
            .within(if id == "slow" { 3 } else { 60 });
        case.measures_the_base = false;
        let (_, report) = case.run().await.expect("pytest runs");
        let passed = report.verdict.feedback().is_none();
        // Our choices: a test that is expected to fail and passes is no acceptance; and the base says how tests are
        // run, so an option or a conftest.py that only the change brings in is never seen.
        let truth = match id {
            "xpass" => false,
            "usage-error" | "conftest-error" => true,
            _ => row["tests_passed"] == true,
        };
        if passed != truth {
            wrong.push(format!("{id}: {}", report.summary));
        }
        seen += 1;
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(20 < seen, "only {seen} rows were read");
}
