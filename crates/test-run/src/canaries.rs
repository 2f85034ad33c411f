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

/// Words in the names of this session's canaries, each with its kind.
pub(crate) type Names = BTreeMap<String, String>;

/// Whether a test is one of ours.
pub(crate) fn is_canary(names: &Names, id: &str) -> bool {
    let name = id.rsplit("::").next().unwrap_or(id);
    names.keys().any(|words| name.contains(words.as_str()))
}

/// Why there could be none.
const NO_TEST: &str = "no test ran at all";
const NO_FUNCTION: &str = "there was no test function to put them beside";

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
    for (words_of_it, kind) in names {
        let Some((_, outcome, exception, words)) = KINDS.iter().find(|it| it.0 == kind) else {
            continue;
        };
        let named = |id: &str| {
            id.rsplit("::")
                .next()
                .is_some_and(|it| it.contains(words_of_it))
        };
        match results.iter().find(|it| named(&it.id)) {
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
        return silent(NO_TEST);
    }
    if !unseen.is_empty() && !around.finished {
        return silent("the run broke off before all of them had run");
    }
    if held == 0 && !around.placed {
        return silent(NO_FUNCTION);
    }
    if !unseen.is_empty() {
        unseen.sort();
        return Canaries::Broken { found: unseen };
    }
    Canaries::Held { tests: held }
}

/// Whether there was nothing that they could have stood beside.
pub(crate) fn had_no_place(canaries: &Canaries) -> bool {
    matches!(canaries, Canaries::Silent { why } if why == NO_TEST || why == NO_FUNCTION)
}

/// What a run with the change shows, held against one of the base. A repository may have a fixture or a hook that our
/// tests don't fit; then they say nothing on either side. Where they held on the base, being silent is no answer.
pub fn against(base: &Canaries, with_change: &Canaries) -> Canaries {
    match (base, with_change) {
        (Canaries::Broken { found }, Canaries::Broken { .. }) => Canaries::Silent {
            why: format!("on the base commit, {} as well", found.join(", ")),
        },
        (Canaries::Held { .. }, Canaries::Silent { why }) => Canaries::Broken {
            found: vec![format!("{why}, and on the base commit they hold")],
        },
        // Nothing on the base says that they would hold there; without tests of its own it can't be otherwise.
        _ => with_change.clone(),
    }
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
            .map(|it| (format!("of_{}", it.0), it.0.to_owned()))
            .collect();
        want.assert_eq(&format!("{:?}", judge(&names, results, around)));
    }

    fn all_as_they_must() -> Vec<TestResult> {
        KINDS
            .iter()
            .map(|(kind, outcome, exception, _)| TestResult {
                id: format!("tests/test_a.py::test_of_{kind}"),
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
    fn silence_is_an_answer_only_where_the_base_is_silent_too() {
        let held = Canaries::Held { tests: 8 };
        let silent = Canaries::Silent {
            why: "no test ran at all".to_owned(),
        };
        let broken = Canaries::Broken {
            found: vec!["a false `assert` passed".to_owned()],
        };
        let check = |base: &Canaries, now: &Canaries, want: Expect| {
            want.assert_eq(&format!("{:?}", against(base, now)));
        };
        check(
            &held,
            &silent,
            expect![[
                r#"Broken { found: ["no test ran at all, and on the base commit they hold"] }"#
            ]],
        );
        check(
            &silent,
            &silent,
            expect![[r#"Silent { why: "no test ran at all" }"#]],
        );
        check(
            &broken,
            &silent,
            expect![[r#"Silent { why: "no test ran at all" }"#]],
        );
        check(
            &broken,
            &broken,
            expect![[r#"Silent { why: "on the base commit, a false `assert` passed as well" }"#]],
        );
        check(
            &silent,
            &broken,
            expect![[r#"Broken { found: ["a false `assert` passed"] }"#]],
        );
        check(&broken, &held, expect!["Held { tests: 8 }"]);
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
