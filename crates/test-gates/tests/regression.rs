//! What a change broke is told from what fails anyway: real suites that flip, that were red before, that miss a network.

use expect_test::{Expect, expect};
use protocol::{
    Agent, AgentContext, Evidence, Limits, Report, RunState, Task, TestClass, TestComparison,
    TestOutcome, Workspace,
};
use tempfile::TempDir;
use test_gates::PytestRunner;
use testkit::{FolderWorkspace, MemorySteps, NoModel, RecordingLog, limits, run_for_real};

/// Measures the base and runs the tests with the change, which replaces `after` in `before`.
async fn run(before: &[(&str, &str)], after: &[(&str, &str)], limits: &Limits) -> Report {
    run_checking(&[], before, after, limits).await
}

/// The same for somebody who checks what an earlier run claims.
async fn run_checking(
    claimed: &[TestComparison],
    before: &[(&str, &str)],
    after: &[(&str, &str)],
    limits: &Limits,
) -> Report {
    let tree = || FolderWorkspace::new(before.iter().copied()).running(run_for_real);
    let (base, work) = (tree(), tree());
    for (path, text) in after {
        work.write(path, text.as_bytes())
            .await
            .expect("the folder can be written");
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
    let runner = PytestRunner::checking(claimed.to_vec());
    let prepared = runner.prepare(&cx, &state.task).await.expect("pytest runs");
    state.absorb_prepared(&prepared);
    runner.run(&cx, &state).await.expect("pytest runs")
}

fn shown(report: &Report) -> String {
    let mut text = match report.verdict.feedback() {
        None => format!("passed: {}\n", report.summary),
        Some(_) => format!("rejected: {}\n", report.summary),
    };
    for evidence in &report.evidence {
        if let Evidence::Tests { reruns, .. } = evidence {
            for it in reruns {
                let excuse = match it.excuse.as_str() {
                    "" => String::new(),
                    why => format!(" ({why})"),
                };
                text += &format!(
                    "{}: base {:?}, change {:?}{excuse}\n",
                    it.id, it.on_base, it.with_change
                );
            }
        }
    }
    text
}

const CODE: (&str, &str) = ("app.py", "def count():\n    return 0\n");
const FIXED: (&str, &str) = ("app.py", "def count():\n    return 1\n");

async fn check(before: &[(&str, &str)], after: &[(&str, &str)], want: Expect) {
    check_claim(&[], before, after, want).await;
}

async fn check_claim(
    claimed: &[TestComparison],
    before: &[(&str, &str)],
    after: &[(&str, &str)],
    want: Expect,
) {
    let report = run_checking(claimed, before, after, &limits()).await;
    want.assert_eq(&shown(&report));
}

/// A test that passes (`+`) and fails (`-`) as `on_base` and `with_change` say, one character a process of that side.
/// After the last one it passes.
async fn check_turns(on_base: &str, with_change: &str, want: Expect) {
    check_turns_of_claim(&[], on_base, with_change, want).await;
}

async fn check_turns_of_claim(
    claimed: &[TestComparison],
    on_base: &str,
    with_change: &str,
    want: Expect,
) {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let test = format!(
        "import pathlib\n\nimport app\n\n\ndef test_turns():\n    turns = [{on_base:?}, {with_change:?}][app.count()]\n    file = pathlib.Path({:?}) / str(app.count())\n    turn = int(file.read_text()) if file.exists() else 0\n    file.write_text(str(turn + 1))\n    assert turns[turn:][:1] in '+'\n",
        folder.path()
    );
    check_claim(claimed, &[CODE, ("test_it.py", &test)], &[FIXED], want).await;
}

#[tokio::test]
async fn what_flips_on_both_sides_is_flaky_and_does_not_block() {
    check_turns(
        "+-",
        "-+",
        expect![[r#"
            passed: 1 test: 1 flaky
            not held against the change (fails now and then on the base as well): test_it.py::test_turns
            test_it.py::test_turns: base [Passed, Failed], change [Failed, Passed]
        "#]],
    )
    .await;
}

#[tokio::test]
async fn what_flips_only_with_the_change_is_a_regression() {
    check_turns("+", "-+--", expect![[r#"
        rejected: 1 test: 1 regressed
        passed before, not now: test_it.py::test_turns
        test_it.py::test_turns: base [Passed, Passed, Passed, Passed, Passed, Passed, Passed], change [Failed, Passed, Failed, Failed, Passed, Passed, Passed]
    "#]]).await;
}

/// A test that imports nothing of ours, and passes and fails with the change as these turns say. `around` are other
/// tests.
async fn check_out_of_reach(with_change: &str, around: &str, want: Expect) {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let file = folder.path().join("turn");
    let test = format!(
        "import builtins, pathlib\n\n\ndef test_turns():\n    if 'return 0' in next(pathlib.Path().glob('a*.py')).read_text(): return\n    file = pathlib.Path({file:?})\n    turn = int(file.read_text()) if file.exists() else 0\n    file.write_text(str(turn + 1))\n    assert {with_change:?}[turn:][:1] in '+'\n    assert not hasattr(builtins, 'left')\n",
    );
    let tests = [CODE, ("test_around.py", around), ("test_it.py", &test)];
    check(&tests, &[FIXED], want).await;
}

#[tokio::test]
async fn what_flips_only_with_the_change_counts_although_it_imports_nothing_of_it() {
    let around = "import app\n\ndef test_count():\n    assert app.count() < 2\n";
    check_out_of_reach("-+-+", around, expect![[r#"
        rejected: 2 tests: 1 regressed, 1 kept
        passed before, not now: test_it.py::test_turns
        test_it.py::test_turns: base [Passed, Passed, Passed, Passed, Passed, Passed, Passed], change [Failed, Passed, Failed, Passed, Passed, Passed, Passed]
    "#]]).await;
    check_out_of_reach("-+++++++++++", around, expect![[r#"
        rejected: 2 tests: 1 regressed, 1 kept
        passed before, not now: test_it.py::test_turns
        test_it.py::test_turns: base [Passed, Passed, Passed, Passed, Passed, Passed, Passed], change [Failed, Passed, Passed, Passed, Passed, Passed, Passed]
    "#]]).await;
}

#[tokio::test]
async fn what_is_red_whenever_all_tests_run_is_not_left_aside() {
    // The change leaves something behind for a test that doesn't import it.
    let around =
        "import app, builtins\n\ndef test_count():\n    if app.count(): builtins.left = 1\n";
    check_out_of_reach("", around, expect![[r#"
        rejected: 2 tests: 1 regressed, 1 kept
        passed before, not now: test_it.py::test_turns
        test_it.py::test_turns: base [Passed, Passed, Passed, Passed, Passed, Passed, Passed], change [Failed, Passed, Passed, Passed, Passed, Passed, Passed]
    "#]]).await;
    check_out_of_reach("------------", "", expect![[r#"
        rejected: 1 test: 1 regressed
        passed before, not now: test_it.py::test_turns
        test_it.py::test_turns: base [Passed, Passed, Passed, Passed, Passed, Passed], change [Failed, Failed, Failed, Failed, Failed, Failed]
    "#]]).await;
}

#[tokio::test]
async fn what_fails_each_time_with_the_change_is_a_regression_even_where_the_base_flips() {
    check_turns("+------", "-------", expect![[r#"
        rejected: 1 test: 1 regressed
        passed before, not now: test_it.py::test_turns
        test_it.py::test_turns: base [Passed, Failed, Failed, Failed, Failed, Failed, Failed], change [Failed, Failed, Failed, Failed, Failed, Failed, Failed]
    "#]]).await;
}

#[tokio::test]
async fn what_failed_only_sometimes_was_not_fixed() {
    check_turns(
        "--+",
        "+",
        expect![[r#"
        passed: 1 test: 1 flaky
        test_it.py::test_turns: base [Failed, Failed, Passed], change [Passed]
    "#]],
    )
    .await;
    check_turns("------", "+", expect![[r#"
        passed: 1 test: 1 fixed
        test_it.py::test_turns: base [Failed, Failed, Failed, Failed, Failed, Failed], change [Passed]
    "#]]).await;
}

#[tokio::test]
async fn a_change_that_breaks_a_test_is_told_so_after_a_few_rounds() {
    check(
        &[
            CODE,
            (
                "test_it.py",
                "import app\n\ndef test_it():\n    assert app.count() == 0\n",
            ),
        ],
        &[FIXED],
        expect![[r#"
            rejected: 1 test: 1 regressed
            passed before, not now: test_it.py::test_it
            test_it.py::test_it: base [Passed, Passed, Passed, Passed, Passed, Passed], change [Failed, Failed, Failed, Failed, Failed, Failed]
        "#]],
    )
    .await;
}

#[tokio::test]
async fn what_differs_from_a_claim_is_flaky_or_the_claim_is_wrong() {
    let both = |outcome| {
        [TestComparison {
            id: "test_it.py::test_turns".to_owned(),
            base: Some(outcome),
            patch: Some(outcome),
            class: TestClass::Kept,
        }]
    };
    let (green, red) = (both(TestOutcome::Passed), both(TestOutcome::Failed));
    check_turns_of_claim(
        &green,
        "-+",
        "-+",
        expect![[r#"
        passed: 1 test: 1 flaky
        not held against the change (fails now and then on the base as well): test_it.py::test_turns
        test_it.py::test_turns: base [Failed, Passed], change [Failed, Passed]
    "#]],
    )
    .await;
    check_turns_of_claim(
        &red,
        "++-",
        "+",
        expect![[r#"
        passed: 1 test: 1 flaky
        test_it.py::test_turns: base [Passed, Passed, Failed], change [Passed]
    "#]],
    )
    .await;
    check_turns_of_claim(&green, "------", "------", expect![[r#"
        passed: 1 test: 1 failing before and now
        not held against the change (failed before the change too): test_it.py::test_turns
        test_it.py::test_turns: base [Failed, Failed, Failed, Failed, Failed, Failed], change [Failed, Failed, Failed, Failed, Failed, Failed]
    "#]]).await;
    check_turns_of_claim(
        &red,
        "------",
        "------",
        expect![[r#"
        passed: 1 test: 1 failing before and now
        not held against the change (failed before the change too): test_it.py::test_turns
    "#]],
    )
    .await;
}

/// Chance in the tests themselves, and none of it on this page: each fails in about half of all processes.
#[tokio::test]
async fn chance_sends_no_change_back() {
    let tests = "import os, random\n\n\
        def test_random():\n    assert random.random() < 0.5\n\n\
        def test_hash():\n    assert hash('seed') % 2\n\n\
        def test_pid():\n    assert random.Random(os.getpid()).random() < 0.5\n";
    let limits = Limits {
        reruns_max: 20,
        ..limits()
    };
    let report = run(&[CODE, ("test_it.py", tests)], &[FIXED], &limits).await;
    assert_eq!(report.verdict.feedback(), None, "{}", shown(&report));
}

#[tokio::test]
async fn a_test_that_leans_on_another_is_still_a_regression_when_both_run_alone() {
    let tests = "import app\nstate = []\n\n\
        def test_first():\n    state.append(app.count())\n\n\
        def test_second():\n    assert state == [0]\n";
    check(&[CODE, ("test_it.py", tests)], &[FIXED], expect![[r#"
        rejected: 2 tests: 1 regressed, 1 kept
        passed before, not now: test_it.py::test_second
        test_it.py::test_second: base [Passed, Failed, Failed, Failed, Failed, Failed, Failed], change [Failed, Failed, Failed, Failed, Failed, Failed, Failed]
    "#]]).await;
}

#[tokio::test]
async fn what_a_test_leaves_behind_is_no_flip() {
    // Red with the change each time, but green in a folder in which it ran before.
    let tests = "import app, pathlib\n\ndef test_it():\n    file = pathlib.Path('left')\n    there = file.exists()\n    file.touch()\n    assert app.count() == 0 or there\n";
    check(&[CODE, ("test_it.py", tests)], &[FIXED], expect![[r#"
        rejected: 1 test: 1 regressed
        passed before, not now: test_it.py::test_it
        test_it.py::test_it: base [Passed, Passed, Passed, Passed, Passed, Passed], change [Failed, Failed, Failed, Failed, Failed, Failed]
    "#]]).await;
}

#[tokio::test]
async fn red_before_and_a_missing_network_are_listed_and_do_not_block() {
    let tests = "import urllib.request, app\n\n\
        def test_red():\n    assert app.count() == 7\n\n\
        def test_network():\n    urllib.request.urlopen('http://nowhere.invalid/')\n\n\
        def test_green():\n    assert app\n";
    check(
        &[
            CODE,
            ("test_it.py", tests),
            ("test_package.py", "import no_such_package\n"),
        ],
        &[FIXED],
        expect![[r#"
            passed: 4 tests: 1 failing before and now, 2 unable to run here, 1 kept
            not held against the change (failed before the change too): test_it.py::test_red
            not held against the change (can't run here): test_it.py::test_network, test_package.py
        "#]],
    )
    .await;
}

#[tokio::test]
async fn tests_that_are_gone_are_not_looked_for() {
    check(
        &[
            CODE,
            ("test_it.py", "def test_a(): pass\ndef test_b(): pass\n"),
        ],
        &[("test_it.py", "def test_a(): pass\n")],
        expect![[r#"
            rejected: 2 tests: 1 regressed, 1 kept
            passed before, not now: test_it.py::test_b
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_test_that_hangs_when_it_runs_again_is_not_waited_for_twice() {
    // Red in the first run with the change, and hanging in the next.
    let folder = TempDir::new().expect("a temporary folder can be made");
    let file = folder.path().join("turn");
    let tests = format!(
        "import pathlib, app\n\ndef test_it():\n    file = pathlib.Path({file:?})\n    if app.count() == 0: return\n    while file.exists(): pass\n    file.touch()\n    assert False\n"
    );
    let limits = Limits {
        test_run_seconds_max: 5,
        ..limits()
    };
    let report = run(&[CODE, ("test_it.py", &tests)], &[FIXED], &limits).await;
    expect![[r#"
        rejected: 1 test: 1 regressed
        passed before, not now: test_it.py::test_it
        test_it.py::test_it: base [Passed, Passed], change [Failed]
    "#]]
    .assert_eq(&shown(&report));
}
