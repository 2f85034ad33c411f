//! Lines of the plugin, and what is read out of them.

use expect_test::{Expect, expect};

use super::*;

#[track_caller]
fn check(lines: &str, want: Expect) {
    let seal = Seal::new(false).expect("there are random bytes");
    let sealed: String = lines
        .lines()
        .zip(0..)
        .map(|(line, number)| seal.seal(0, number, line.trim()))
        .collect();
    want.assert_eq(&shown(&read(sealed.as_bytes(), &seal)));
}

fn shown(session: &Session) -> String {
    let mut shown = String::new();
    for it in session.results.iter().chain(&session.collection_errors) {
        shown += &format!(
            "{} {:?} in {} {}\n",
            it.id, it.outcome, it.phase, it.exception
        );
    }
    shown += &format!(
        "collected {:?}, running {:?}, finished {}\n",
        session.collected, session.running, session.finished
    );
    shown
}

fn phase(id: &str, when: &str, outcome: &str, more: &str) -> String {
    let flag = |name: &str| more.contains(name);
    serde_json::json!({
        "event": "phase", "id": id, "when": when, "outcome": outcome,
        "expected": flag("expected"), "part": flag("part"),
        "exception": if outcome == "failed" { "AssertionError" } else { "" }, "message": "",
    })
    .to_string()
}

fn ended(id: &str) -> String {
    serde_json::json!({"event": "ended", "id": id}).to_string()
}

#[test]
fn each_phase_has_its_own_word() {
    let lines = [
        phase("passes", "call", "passed", ""),
        ended("passes"),
        phase("fails", "call", "failed", ""),
        ended("fails"),
        phase("setup", "setup", "failed", ""),
        ended("setup"),
        phase("teardown", "call", "passed", ""),
        phase("teardown", "teardown", "failed", ""),
        ended("teardown"),
        phase("skips", "setup", "skipped", ""),
        ended("skips"),
        phase("xfails", "call", "skipped", "expected"),
        ended("xfails"),
        phase("xpasses", "call", "passed", "expected"),
        ended("xpasses"),
    ];
    check(
        &lines.join("\n"),
        expect![[r#"
            passes Passed in call 
            fails Failed in call AssertionError
            setup Error in setup AssertionError
            teardown Error in teardown AssertionError
            skips Skipped in setup 
            xfails Xfailed in call 
            xpasses Xpassed in call 
            collected [], running [], finished false
        "#]],
    );
}

#[test]
fn a_failed_subtest_fails_the_test_and_a_passed_one_decides_nothing() {
    let lines = [
        phase("a", "call", "passed", "part"),
        phase("a", "call", "failed", "part"),
        phase("a", "call", "passed", ""),
        ended("a"),
        phase("b", "call", "passed", "part"),
        phase("b", "call", "skipped", ""),
        ended("b"),
    ];
    check(
        &lines.join("\n"),
        expect![[r#"
            a Failed in call AssertionError
            b Skipped in call 
            collected [], running [], finished false
        "#]],
    );
}

#[test]
fn a_test_that_never_ended_is_running_and_has_passed_nothing() {
    let lines = [
        r#"{"event": "began", "id": "hangs"}"#.to_owned(),
        phase("dies", "call", "passed", ""),
        phase("fails", "call", "failed", ""),
    ];
    check(
        &lines.join("\n"),
        expect![[r#"
            fails Failed in call AssertionError
            collected [], running ["hangs", "dies", "fails"], finished false
        "#]],
    );
}

#[test]
fn what_several_workers_collected_counts_once() {
    check(
        r#"{"event": "collected", "ids": ["a", "b"]}
           {"event": "collected", "ids": ["a", "b"]}
           {"event": "finished"}"#,
        expect![[r#"
            collected ["a", "b"], running [], finished true
        "#]],
    );
}

#[test]
fn a_file_that_is_not_collected_is_an_error_or_a_skip() {
    check(
        r#"{"event": "collect", "id": "a.py", "outcome": "failed", "exception": "CollectError", "message": "no module"}
           {"event": "collect", "id": "a.py", "outcome": "failed", "exception": "CollectError", "message": "no module"}
           {"event": "collect", "id": "b.py", "outcome": "skipped", "exception": "", "message": "no module"}"#,
        expect![[r#"
            b.py Skipped in collect 
            a.py Error in collect CollectError
            collected [], running [], finished false
        "#]],
    );
}

#[test]
fn long_words_are_cut_after_they_are_steady() {
    let session = |path: &str| Session {
        results: vec![TestResult {
            id: "a".to_owned(),
            outcome: TestOutcome::Failed,
            phase: "call".to_owned(),
            exception: String::new(),
            message: format!("{path}/a.py{}é{path}/b.py", "x".repeat(4000)),
        }],
        ..Session::default()
    };
    let words = |path: &str| {
        let session = session(path).in_steady_words(&|it| it.replace(path, "TREE"));
        session.results[0].message.clone()
    };
    let cut = words("/tmp/t");
    assert_eq!(cut, words("/a/much/longer/path/to/the/tree"));
    assert!(
        cut.starts_with("TREE/a.py") && cut.ends_with("éTREE/b.py"),
        "{cut}"
    );
    assert!(cut.chars().count() < MESSAGE_CHARS_MAX + 30, "{cut}");
}

#[test]
fn tests_of_ours_are_taken_out() {
    let seal = Seal::new(false).expect("there are random bytes");
    let lines = [
        r#"{"event": "started", "canaries": {"one_small": "false_assert"}}"#.to_owned(),
        r#"{"event": "placed", "count": 1}"#.to_owned(),
        r#"{"event": "collected", "ids": ["a.py::test_01_one_small_x", "a.py::test_a"]}"#
            .to_owned(),
        phase("a.py::test_01_one_small_x", "call", "failed", ""),
        ended("a.py::test_01_one_small_x"),
        phase("a.py::test_a", "call", "passed", ""),
        ended("a.py::test_a"),
    ];
    let sealed: String = lines
        .iter()
        .zip(0..)
        .map(|(line, number)| seal.seal(0, number, line))
        .collect();
    let session = read(sealed.as_bytes(), &seal);
    expect![[r#"
        a.py::test_a Passed in call 
        collected ["a.py::test_a"], running [], finished false
    "#]]
    .assert_eq(&shown(&session));
    assert_eq!(session.canaries.1.len(), 1);
    assert!(session.placed);
}
