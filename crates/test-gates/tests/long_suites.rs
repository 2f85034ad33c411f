//! Suites that take long: what a change can affect runs first, and alone where there is no time for more.

use expect_test::{Expect, expect};
use protocol::{
    Agent, AgentContext, Evidence, Execution, Limits, RunState, Task, Workspace, WorkspaceError,
};
use test_gates::PytestRunner;
use testkit::{
    FolderWorkspace, MemorySteps, NoModel, RecordingLog, asked_of_pytest, limits, run_for_real,
};

/// Runs programs for real, and says that they took that much longer: nobody waits in a test.
fn slow(files: &[(&str, &str)], more_ms: u64) -> FolderWorkspace {
    FolderWorkspace::new(files.iter().copied()).running(move |root, command| async move {
        let ended: Result<Execution, WorkspaceError> = run_for_real(root, command).await;
        ended.map(|it| Execution {
            wall_ms: it.wall_ms + more_ms,
            ..it
        })
    })
}

/// The test files that pytest was asked for in each run, `all` for the whole suite.
fn asked(work: &FolderWorkspace) -> String {
    let mut shown = String::new();
    for command in work.ran() {
        let of_tests = command
            .argv
            .iter()
            .any(|it| it.ends_with("pipeline_pytest.py"));
        if !of_tests {
            continue;
        }
        let asked = asked_of_pytest(&command);
        let files = asked.iter().filter(|it| it.starts_with("test"));
        let files: Vec<&str> = files.map(String::as_str).collect();
        shown += match files.is_empty() {
            true => " [all]".to_owned(),
            false => format!(" [{}]", files.join(" ")),
        }
        .as_str();
    }
    shown
}

/// What ran on both sides, what became of it, and what was said.
async fn check(
    before: &[(&str, &str)],
    after: &[(&str, &str)],
    more_ms: u64,
    limits: &Limits,
    want: Expect,
) {
    let (base, work) = (slow(before, more_ms), slow(before, more_ms));
    for (path, text) in after {
        if text.is_empty() {
            work.delete(path).await.expect("the file is there");
        } else {
            work.write(path, text.as_bytes())
                .await
                .expect("the folder can be written");
        }
    }
    let (steps, log) = (MemorySteps::default(), RecordingLog::default());
    let cx = AgentContext {
        model: &NoModel::default(),
        work: &work,
        base: &base,
        steps: &steps,
        limits,
        log: &log,
    };
    let mut state = RunState::new(Task::from_text("Count from one"));
    let runner = PytestRunner::new();
    let prepared = runner.prepare(&cx, &state.task).await.expect("pytest runs");
    state.absorb_prepared(&prepared);
    let report = runner.run(&cx, &state).await.expect("pytest runs");
    let verdict = match report.verdict.feedback() {
        None => "passed",
        Some(_) => "rejected",
    };
    let mut shown = format!("base:{}\nwork:{}\n", asked(&base), asked(&work));
    for evidence in &report.evidence {
        if let Evidence::Tests { run, scope, .. } = evidence {
            let ids: Vec<&str> = run.results.iter().map(|it| it.id.as_str()).collect();
            shown += &format!("ran: {}\n", ids.join(" "));
            if let Some(scope) = scope {
                shown += &format!(
                    "affected: {}; left out: {}\n",
                    scope.affected.join(" "),
                    scope.left_out.join(" ")
                );
            }
        }
    }
    shown += &format!("{verdict}: {}\n", report.summary);
    want.assert_eq(&shown);
}

const LOW: (&str, &str) = ("low.py", "def count():\n    return 0\n");
const TESTS: [(&str, &str); 3] = [
    (
        "test_low.py",
        "import low\n\ndef test_low():\n    assert low.count() in (0, 1)\n",
    ),
    ("test_one.py", "def test_one(): pass\n"),
    ("test_two.py", "def test_two(): pass\n"),
];
const GOOD: (&str, &str) = ("low.py", "def count():\n    return 1\n");
const BAD: (&str, &str) = ("low.py", "def count():\n    return 2\n");
const HANGS: (&str, &str) = ("test_z.py", "def test_z():\n    while True: pass\n");

/// Longer than the constant from which on a suite counts as slow.
const MORE_MS: u64 = 90_000;

fn tree(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    [&[LOW][..], &TESTS, more].concat()
}

/// Bounds in which a suite with a test that hangs is too long.
fn short() -> Limits {
    Limits {
        suite_seconds_max: 8,
        test_run_seconds_max: 16,
        ..limits()
    }
}

#[tokio::test]
async fn a_short_suite_runs_at_once_and_whole() {
    check(
        &tree(&[]),
        &[BAD],
        0,
        &Limits {
            reruns_max: 1,
            ..limits()
        },
        expect![[r#"
            base: [all] [test_low.py::test_low]
            work: [all] [test_low.py::test_low]
            ran: test_low.py::test_low test_one.py::test_one test_two.py::test_two
            rejected: 3 tests: 1 regressed, 2 kept
            passed before, not now: test_low.py::test_low
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_red_draft_goes_back_before_the_rest_of_a_slow_suite_runs() {
    check(
        &tree(&[]),
        &[BAD],
        MORE_MS,
        &Limits {
            reruns_max: 1,
            ..limits()
        },
        expect![[r#"
            base: [all] [test_low.py::test_low]
            work: [test_low.py] [test_low.py::test_low]
            ran: test_low.py::test_low
            affected: test_low.py; left out: test_one.py test_two.py
            rejected: 1 test: 1 regressed
            passed before, not now: test_low.py::test_low
            2 test files did not run: those that the change can affect ran first, and are red
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_green_one_runs_the_whole_suite_last() {
    check(
        &tree(&[]),
        &[GOOD],
        MORE_MS,
        &limits(),
        expect![[r#"
        base: [all]
        work: [test_low.py] [all]
        ran: test_low.py::test_low test_one.py::test_one test_two.py::test_two
        affected: test_low.py; left out: 
        passed: 3 tests: 3 kept
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_change_that_may_affect_any_test_runs_everything_at_once() {
    check(
        &tree(&[]),
        &[GOOD, ("data.json", "{}")],
        MORE_MS,
        &limits(),
        expect![[r#"
            base: [all]
            work: [all]
            ran: test_low.py::test_low test_one.py::test_one test_two.py::test_two
            passed: 3 tests: 3 kept
        "#]],
    )
    .await;
    check(
        &tree(&[]),
        &[GOOD, ("conftest.py", "import low\n")],
        MORE_MS,
        &limits(),
        expect![[r#"
            base: [all]
            work: [all]
            ran: test_low.py::test_low test_one.py::test_one test_two.py::test_two
            passed: 3 tests: 3 kept
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_suite_without_an_end_is_cut_down_to_what_the_change_affects() {
    check(
        &tree(&[HANGS]),
        &[GOOD],
        0,
        &short(),
        expect![[r#"
        base: [all]
        work: [test_low.py]
        ran: test_low.py::test_low
        affected: test_low.py; left out: test_one.py test_two.py test_z.py
        passed: 1 test: 1 kept
        3 test files did not run: on the base the suite needs more than 8 seconds
    "#]],
    )
    .await;
    check(
        &tree(&[HANGS]),
        &[BAD],
        0,
        &Limits {
            reruns_max: 1,
            ..short()
        },
        expect![[r#"
            base: [all] [test_low.py::test_low]
            work: [test_low.py] [test_low.py::test_low]
            ran: test_low.py::test_low
            affected: test_low.py; left out: test_one.py test_two.py test_z.py
            rejected: 1 test: 1 regressed
            passed before, not now: test_low.py::test_low
            3 test files did not run: on the base the suite needs more than 8 seconds
        "#]],
    )
    .await;
}

#[tokio::test]
async fn affected_tests_that_the_base_did_not_reach_run_there_now() {
    let hangs = ("test_a.py", "def test_a():\n    while True: pass\n");
    check(
        &tree(&[hangs]),
        &[GOOD],
        0,
        &short(),
        expect![[r#"
        base: [all] [test_low.py]
        work: [test_low.py]
        ran: test_low.py::test_low
        affected: test_low.py; left out: test_a.py test_one.py test_two.py
        passed: 1 test: 1 kept
        3 test files did not run: on the base the suite needs more than 8 seconds
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_run_that_hits_the_budget_is_no_regression() {
    check(
        &tree(&[HANGS]),
        &[GOOD, ("data.json", "{}")],
        0,
        &short(),
        expect![[r#"
            base: [all]
            work: [all]
            ran: test_low.py::test_low test_one.py::test_one test_two.py::test_two
            affected: ; left out: test_z.py
            passed: 3 tests: 3 kept
            1 test file did not run: on the base the suite needs more than 8 seconds, and nothing could be chosen (any test may read `data.json`)
        "#]],
    )
    .await;
    let zero = [
        ("test_low.py", "def test_low(): pass\n"),
        HANGS,
        ("test_zz.py", "def test_zz(): pass\n"),
    ];
    check(&zero, &[("data.json", "{}")], 0, &short(), expect![[r#"
        base: [all]
        work: [all]
        ran: test_low.py::test_low
        affected: ; left out: test_z.py test_zz.py
        passed: 1 test: 1 kept
        2 test files did not run: on the base the suite needs more than 8 seconds, and nothing could be chosen (any test may read `data.json`)
    "#]]).await;
}

#[tokio::test]
async fn a_change_that_makes_an_affected_test_hang_is_not_excused_by_the_budget() {
    let hangs = ("low.py", "def count():\n    while True: pass\n");
    check(
        &tree(&[HANGS]),
        &[hangs],
        0,
        &short(),
        expect![[r#"
            base: [all]
            work: [test_low.py]
            ran: 
            affected: test_low.py; left out: test_one.py test_two.py test_z.py
            rejected: the run can't be believed: it did not end within the time a test run may take
            1 test: 1 regressed
            passed before, not now: test_low.py::test_low
            3 test files did not run: on the base the suite needs more than 8 seconds
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_test_file_that_the_change_deletes_is_missed_although_the_suite_is_cut_down() {
    check(
        &tree(&[HANGS]),
        &[GOOD, ("test_one.py", "")],
        0,
        &short(),
        expect![[r#"
            base: [all]
            work: [test_low.py]
            ran: test_low.py::test_low
            affected: test_low.py; left out: test_two.py test_z.py
            rejected: 2 tests: 1 regressed, 1 kept
            passed before, not now: test_one.py::test_one
            2 test files did not run: on the base the suite needs more than 8 seconds
        "#]],
    )
    .await;
}
