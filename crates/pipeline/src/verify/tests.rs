//! What counts as a difference, and what is left aside.

use expect_test::{Expect, expect};
use protocol::{
    Bite, Entry, Evidence, Exit, HunkBite, HunkVerdict, Report, RunEvent, Stage, Status,
    SuiteScope, TestClass, TestComparison, TestOutcome, TestRun, TreeId,
};

use super::compare::{Word, compare};
use super::figures::Told;

/// A report in a draft's testing.
fn reported(agent: &str, evidence: Vec<Evidence>) -> RunEvent {
    let mut report = Report::passed("fine");
    report.evidence = evidence;
    RunEvent::Reported {
        stage: Stage::Testing,
        iteration: 1,
        agent: agent.into(),
        report,
        tree: TreeId("t".into()),
        proposed_code: "p".into(),
    }
}

/// Tests that pass on both sides, but for their classes.
fn tests(classes: &[(&str, TestClass)], left_out: &[&str]) -> Evidence {
    let comparison = classes.iter().map(|(id, class)| TestComparison {
        id: (*id).into(),
        base: Some(TestOutcome::Passed),
        patch: Some(TestOutcome::Passed),
        class: *class,
    });
    Evidence::Tests {
        run: TestRun {
            results: Vec::new(),
            collected: Vec::new(),
            collection_errors: Vec::new(),
            exit: Exit::Code(0),
            finished: true,
            wall_ms: 0,
            tail: String::new(),
            cached: false,
        },
        comparison: comparison.collect(),
        reruns: Vec::new(),
        scope: Some(SuiteScope {
            affected: Vec::new(),
            left_out: left_out.iter().map(|it| (*it).into()).collect(),
            suite_seconds_max: 1,
        }),
    }
}

fn bite(verdicts: &[HunkVerdict]) -> Evidence {
    let hunk = |verdict: &HunkVerdict| HunkBite {
        path: "a.py".into(),
        header: "@@ -1 +1 @@".into(),
        verdict: verdict.clone(),
    };
    Evidence::Bite(Bite {
        hunks: verdicts.iter().map(hunk).collect(),
        wall_ms: 0,
    })
}

fn untried() -> HunkVerdict {
    HunkVerdict::Untried {
        why: "no time is left".into(),
    }
}

fn told(events: Vec<RunEvent>) -> Told {
    let entry = |(seq, event)| Entry {
        seq,
        at_ms: 0,
        event,
    };
    let entries: Vec<Entry> = (0..).zip(events).map(entry).collect();
    Told::read(&entries, 1)
}

#[track_caller]
fn check(claimed: Vec<RunEvent>, found: Vec<RunEvent>, want: Expect) {
    let (gates, notes) = compare(&told(claimed), &told(found), "pytest broke");
    let mut lines: Vec<String> = gates
        .iter()
        .filter_map(|it| match &it.word {
            Word::Holds { .. } => Some(format!("{} holds", it.gate)),
            Word::Differs { first, .. } => Some(format!("{}: {first}", it.gate)),
            Word::NotReached => Some(format!("{} wasn't reached", it.gate)),
            Word::NotClaimed => None,
        })
        .collect();
    lines.extend(notes);
    want.assert_eq(&lines.join("\n"));
}

#[test]
fn tests_that_are_known_by_their_place_have_no_id_of_their_own() {
    let with = |id: &str, by_place: &str| {
        let class = TestClass::Kept;
        let comparison = tests(&[(by_place, class), (id, class)], &[]);
        vec![reported("pytest", vec![comparison])]
    };
    check(
        with("a.py::a[71]", "a.py::a[… 1]"),
        with("a.py::a[35]", "a.py::a[… 1]"),
        expect!["regression holds"],
    );
    check(
        with("a.py::a[71]", "a.py::a[… 1]"),
        with("a.py::a[71]", "a.py::a[… 2]"),
        expect![
            "regression: a.py::a[… 1]: before the change (pytest, draft 1): the bundle says Passed, and here it is nothing"
        ],
    );
}

#[test]
fn what_is_flaky_on_either_side_is_left_aside() {
    let with = |class| {
        vec![reported(
            "pytest",
            vec![tests(
                &[("a.py::a", class), ("a.py::b", TestClass::Kept)],
                &[],
            )],
        )]
    };
    check(
        with(TestClass::Kept),
        with(TestClass::Flaky),
        expect![[r#"
        regression holds
        not compared, because they are flaky: a.py::a"#]],
    );
    check(
        with(TestClass::Kept),
        with(TestClass::New),
        expect![
            "regression: a.py::a: its class (pytest, draft 1): the bundle says Kept, and here it is New"
        ],
    );
}

#[test]
fn a_file_that_had_no_time_on_either_side_is_left_aside() {
    let all = [("a.py::a", TestClass::Kept), ("b.py::b", TestClass::Kept)];
    check(
        vec![reported("pytest", vec![tests(&all, &[])])],
        vec![reported("pytest", vec![tests(&all[..1], &["b.py"])])],
        expect![[r#"
            regression holds
            the suite was cut down to fit its time; what ran on one side only is not compared"#]],
    );
    check(
        vec![reported("pytest", vec![tests(&all, &[])])],
        vec![reported("pytest", vec![tests(&all[..1], &[])])],
        expect![
            "regression: b.py::b: before the change (pytest, draft 1): the bundle says Passed, and here it is nothing"
        ],
    );
}

#[test]
fn a_hunk_that_was_not_tried_says_nothing_and_one_that_is_not_there_does() {
    let with = |verdicts: &[HunkVerdict]| vec![reported("ablation", vec![bite(verdicts)])];
    check(
        with(&[HunkVerdict::Unexercised]),
        with(&[untried()]),
        expect!["regression holds"],
    );
    check(
        with(&[HunkVerdict::Unexercised, untried()]),
        with(&[HunkVerdict::Unexercised]),
        expect![[r#"
            regression holds
            hunks: the hunk a.py @@ -1 +1 @@ (2) (ablation, draft 1): the bundle says not tried: no time is left, and here it is nothing"#]],
    );
}

#[test]
fn a_second_word_about_the_same_does_not_hide_the_first() {
    let one = tests(&[("a.py::a", TestClass::Fixed)], &[]);
    let other = tests(&[("a.py::a", TestClass::Kept)], &[]);
    check(
        vec![reported("pytest", vec![other.clone(), one])],
        vec![reported("pytest", vec![other])],
        expect![
            "regression: a.py::a: before the change (2) (pytest, draft 1): the bundle says Passed, and here it is nothing"
        ],
    );
}

#[test]
fn a_walk_that_breaks_off_says_where_and_why() {
    let kept = || tests(&[("a.py::a", TestClass::Kept)], &[]);
    check(
        vec![
            reported("pytest", vec![kept()]),
            reported("ablation", vec![bite(&[HunkVerdict::Unexercised])]),
        ],
        vec![],
        expect![[r#"
            regression: pytest came to no word in draft 1 here: pytest broke
            hunks wasn't reached"#]],
    );
}

#[test]
fn how_many_hunks_there_was_time_for_is_no_difference_at_the_end() {
    let exercised = || HunkVerdict::Exercised {
        by: "a.py::a".into(),
    };
    let with = |verdicts: &[HunkVerdict], explanation: &str| {
        vec![
            reported("ablation", vec![bite(verdicts)]),
            RunEvent::Finished {
                status: Status::Completed,
                reason: None,
                explanation: explanation.into(),
                tier: None,
                tree: TreeId("t".into()),
                proposed_code: "p".into(),
            },
        ]
    };
    let some = "good; 0 of 2 hunks exercised by no test, 1 not tried";
    let each = "good; each of its hunks is exercised by a test";
    check(
        with(&[exercised(), untried()], some),
        with(&[exercised(), exercised()], each),
        expect![[r#"
            patch holds
            regression holds
            hunks holds
            end holds"#]],
    );
    // Words that its own hunks don't bear out.
    check(
        with(&[exercised(), untried()], each),
        with(&[exercised(), untried()], some),
        expect![[r#"
            patch holds
            regression holds
            hunks holds
            end: the explanation (the end): the bundle says good; each of its hunks is exercised by a test, and here it is good"#]],
    );
}
