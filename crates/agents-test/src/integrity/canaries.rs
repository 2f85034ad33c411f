//! Tests of ours among those of the tree: what each must do, and what they did.

use std::collections::BTreeMap;

use protocol::{Canaries, TestOutcome, TestResult};

/// What each kind must do: its outcome, its exception, and what it is in words. The kinds are those of
/// `plugin/pipeline_canaries.py`.
const KINDS: [(&str, TestOutcome, &str, &str); 8] = [
    ("true_assert", TestOutcome::Passed, "", "a true `assert`"),
    (
        "false_assert",
        TestOutcome::Failed,
        "AssertionError",
        "a false `assert`",
    ),
    (
        "unequal",
        TestOutcome::Failed,
        "AssertionError",
        "an `assertEqual` of what isn't equal",
    ),
    (
        "said_to_fail",
        TestOutcome::Failed,
        "Failed",
        "a test that calls `pytest.fail`",
    ),
    (
        "nothing_raised",
        TestOutcome::Failed,
        "Failed",
        "a `pytest.raises` in which nothing is raised",
    ),
    (
        "equal",
        TestOutcome::Passed,
        "",
        "an `assertEqual` of what is equal",
    ),
    (
        "false_approx",
        TestOutcome::Failed,
        "AssertionError",
        "a false `pytest.approx`",
    ),
    (
        "exception",
        TestOutcome::Failed,
        "ZeroDivisionError",
        "a test that raises an exception",
    ),
];

/// The names of this session's canaries, each with its kind.
pub(crate) type Names = BTreeMap<String, String>;

/// Whether a test is one of ours.
pub(crate) fn is_canary(names: &Names, id: &str) -> bool {
    !names.is_empty() && names.contains_key(id.rsplit("::").next().unwrap_or(id))
}

/// What is known of the sessions they ran in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    /// Whether all sessions came to their end.
    pub(crate) finished: bool,
    /// Whether any other test has an outcome.
    pub(crate) others_ran: bool,
    /// Whether a session said that it had put them between the others.
    pub(crate) placed: bool,
}

/// What became of them.
pub(crate) fn judge(names: &Names, results: &[TestResult], around: Circumstances) -> Canaries {
    let (mut held, mut found, mut unfit, mut unseen) = (0, Vec::new(), Vec::new(), Vec::new());
    for (name, kind) in names {
        let Some((_, outcome, exception, words)) = KINDS.iter().find(|it| it.0 == kind) else {
            continue;
        };
        let ends = |id: &str| id.rsplit("::").next() == Some(name);
        match results.iter().find(|it| ends(&it.id)) {
            None => unseen.push(format!("{words} did not run")),
            Some(it)
                if it.outcome == *outcome && it.phase == "call" && it.exception == *exception =>
            {
                held += 1;
            }
            // Red is not what somebody wants who wants to be believed: a fixture asks something of each test.
            Some(it) if it.outcome == TestOutcome::Error => {
                unfit.push(format!("{words} {}", did(it)));
            }
            Some(it) => found.push(format!("{words} {}", did(it))),
        }
    }
    let silent = |why: &str| Canaries::Silent {
        why: why.to_owned(),
    };
    if !found.is_empty() {
        found.sort();
        return Canaries::Broken { found };
    }
    if !unfit.is_empty() {
        unfit.sort();
        return silent(&unfit.join(", "));
    }
    if held == 0 && !around.others_ran {
        return silent("no test ran at all");
    }
    if !unseen.is_empty() && !around.finished {
        return silent("the run broke off before all of them had run");
    }
    if held == 0 && !around.placed {
        return silent("there was no test function to put them beside");
    }
    if !unseen.is_empty() {
        unseen.sort();
        return Canaries::Broken { found: unseen };
    }
    Canaries::Held { tests: held }
}

fn did(result: &TestResult) -> String {
    match result.outcome {
        TestOutcome::Passed => "passed".to_owned(),
        TestOutcome::Failed => format!("failed with {}", result.exception),
        TestOutcome::Error => format!("failed in its {}", result.phase),
        TestOutcome::Skipped => "was skipped".to_owned(),
        TestOutcome::Xfailed | TestOutcome::Xpassed => "was expected to fail".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(results: &[TestResult], around: [bool; 3], want: Expect) {
        let [finished, others_ran, placed] = around;
        let around = Circumstances {
            finished,
            others_ran,
            placed,
        };
        let names = KINDS
            .iter()
            .map(|it| (format!("test_{}", it.0), it.0.to_owned()))
            .collect();
        want.assert_eq(&format!("{:?}", judge(&names, results, around)));
    }

    fn all_as_they_must() -> Vec<TestResult> {
        KINDS
            .iter()
            .map(|(kind, outcome, exception, _)| TestResult {
                id: format!("tests/test_a.py::test_{kind}"),
                outcome: *outcome,
                phase: "call".to_owned(),
                exception: (*exception).to_owned(),
                message: String::new(),
            })
            .collect()
    }

    #[test]
    fn all_do_what_they_must_or_the_run_is_not_believed() {
        let held = all_as_they_must();
        check(&held, [true; 3], expect!["Held { tests: 8 }"]);
        let mut green = held.clone();
        for it in &mut green {
            it.outcome = TestOutcome::Passed;
        }
        check(
            &green[..3],
            [true; 3],
            expect![[
                r#"Broken { found: ["a false `assert` passed", "an `assertEqual` of what isn't equal passed"] }"#
            ]],
        );
        let mut red = held.clone();
        red[0].outcome = TestOutcome::Error;
        red[0].phase = "setup".to_owned();
        check(
            &red,
            [true; 3],
            expect![[r#"Silent { why: "a true `assert` failed in its setup" }"#]],
        );
        check(
            &held[1..],
            [true; 3],
            expect![[r#"Broken { found: ["a true `assert` did not run"] }"#]],
        );
    }

    #[test]
    fn what_did_not_run_says_nothing() {
        let held = all_as_they_must();
        check(
            &held[..2],
            [false, true, true],
            expect![[r#"Silent { why: "the run broke off before all of them had run" }"#]],
        );
        check(
            &[],
            [true, false, true],
            expect![[r#"Silent { why: "no test ran at all" }"#]],
        );
        check(
            &[],
            [true, true, false],
            expect![[r#"Silent { why: "there was no test function to put them beside" }"#]],
        );
    }
}
