//! What the outcomes of every test on both sides mean.

use std::collections::{HashMap, HashSet};

use protocol::{TestClass, TestComparison, TestOutcome, TestResult, TestRun};

use crate::environment::is_missing_something;

/// Compares two runs test by test, in the order of the run with the change; what only the base had comes last.
///
/// `on_base` are further outcomes on the base, those of the acceptance tests.
pub(crate) fn compare(
    base: Option<&TestRun>,
    on_base: &[TestResult],
    patch: &TestRun,
) -> Vec<TestComparison> {
    let base_results: Vec<&TestResult> = base
        .into_iter()
        .flat_map(all_results)
        .chain(on_base)
        .collect();
    let before = by_id(base_results.iter().copied());
    let after = by_id(all_results(patch));
    let collected: HashSet<&str> = after
        .keys()
        .filter_map(|id| Some(id.split_once("::")?.0))
        .collect();
    let cut_short_on_both = base.is_some_and(|it| !it.finished) && !patch.finished;
    let class = |id: &str| {
        let (base, patch) = (before.get(id), after.get(id));
        let cannot_run = |it: Option<&&TestResult>| it.is_some_and(|it| is_missing_something(it));
        let class = if cut_short_on_both && patch.is_none() || cannot_run(base) && cannot_run(patch)
        {
            TestClass::Environment
        } else if patch.is_none() && collected.contains(id) {
            // A file that couldn't be collected and now can has no outcome of its own any more.
            TestClass::Fixed
        } else {
            class_of(base.map(|it| it.outcome), patch.map(|it| it.outcome))
        };
        TestComparison {
            id: id.to_owned(),
            base: base.map(|it| it.outcome),
            patch: patch.map(|it| it.outcome),
            class,
        }
    };
    let mut compared: Vec<TestComparison> = Vec::new();
    let mut seen: HashSet<&str> = HashSet::new();
    for result in all_results(patch).chain(base_results.iter().copied()) {
        if seen.insert(result.id.as_str()) {
            compared.push(class(&result.id));
        }
    }
    compared
}

fn all_results(run: &TestRun) -> impl Iterator<Item = &TestResult> {
    run.results.iter().chain(&run.collection_errors)
}

fn by_id<'a>(results: impl Iterator<Item = &'a TestResult>) -> HashMap<&'a str, &'a TestResult> {
    results.map(|it| (it.id.as_str(), it)).collect()
}

fn class_of(base: Option<TestOutcome>, patch: Option<TestOutcome>) -> TestClass {
    use TestOutcome::{Error, Failed, Passed, Skipped, Xfailed, Xpassed};
    match (base, patch) {
        (Some(Passed | Xpassed), Some(Passed | Xpassed)) => TestClass::Kept,
        // Expected to fail, skipped or gone: none of these says that the code is still good.
        (Some(Passed), Some(Failed | Error | Skipped | Xfailed) | None) => TestClass::Regressed,
        (Some(Xpassed), Some(Failed | Error | Skipped) | None) => TestClass::Regressed,
        // It failed as it said it would, and now fails as it said it wouldn't.
        (Some(Xfailed), Some(Failed | Error) | None) => TestClass::Regressed,
        (Some(Xfailed | Failed | Error), Some(Passed | Xpassed)) => TestClass::Fixed,
        (Some(Failed | Error), Some(Failed | Error | Skipped | Xfailed) | None) => {
            TestClass::PreExisting
        }
        (None | Some(Skipped), Some(Passed | Xpassed)) => TestClass::New,
        (None | Some(Skipped), Some(Failed | Error)) => TestClass::NewRed,
        (Some(Xfailed | Xpassed | Skipped) | None, Some(Xfailed | Skipped))
        | (Some(Skipped) | None, None) => TestClass::Idle,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use protocol::Exit;

    use super::*;

    /// `a+ b- c! d~ e? f%`: passed, failed, error, skipped, xfailed, xpassed; `g@` is an error for want of a network;
    /// a trailing `…` cuts the run short.
    fn run(text: &str) -> TestRun {
        let finished = !text.ends_with('…');
        let results: Vec<TestResult> = text
            .trim_end_matches('…')
            .split_whitespace()
            .map(|word| {
                let (id, mark) = word.split_at(word.len() - 1);
                TestResult {
                    id: id.to_owned(),
                    outcome: match mark {
                        "+" => TestOutcome::Passed,
                        "-" => TestOutcome::Failed,
                        "!" | "@" => TestOutcome::Error,
                        "~" => TestOutcome::Skipped,
                        "?" => TestOutcome::Xfailed,
                        "%" => TestOutcome::Xpassed,
                        other => panic!("no mark {other}"),
                    },
                    phase: "call".to_owned(),
                    exception: if mark == "@" { "gaierror" } else { "" }.to_owned(),
                    message: String::new(),
                }
            })
            .collect();
        TestRun {
            collected: results.iter().map(|it| it.id.clone()).collect(),
            results,
            collection_errors: Vec::new(),
            exit: Exit::Code(0),
            finished,
            wall_ms: 0,
            tail: String::new(),
            cached: false,
        }
    }

    #[track_caller]
    fn check(base: &str, patch: &str, want: Expect) {
        let shown: Vec<String> = compare(Some(&run(base)), &[], &run(patch))
            .iter()
            .map(|it| format!("{} {:?}", it.id, it.class))
            .collect();
        want.assert_eq(&shown.join(", "));
    }

    #[test]
    fn green_before_and_not_green_now_is_a_regression() {
        check(
            "a+ b+ c+ d+ e+ f+ g+",
            "a+ b- c! d~ e? f%",
            expect![
                "a Kept, b Regressed, c Regressed, d Regressed, e Regressed, f Kept, g Regressed"
            ],
        );
    }

    #[test]
    fn red_before_is_not_the_changes_doing() {
        check(
            "a- b! c- d! e- f-",
            "a- b- c+ d% e~",
            expect!["a PreExisting, b PreExisting, c Fixed, d Fixed, e PreExisting, f PreExisting"],
        );
    }

    #[test]
    fn a_new_test_counts_by_its_outcome() {
        check(
            "s~ t~ u~",
            "a+ b- c~ s+ t! u~",
            expect!["a New, b NewRed, c Idle, s New, t NewRed, u Idle"],
        );
    }

    #[test]
    fn an_expected_failure_may_stay_or_go_but_not_become_a_failure() {
        check(
            "a? b? c? d? e%",
            "a? b+ c- d~ e?",
            expect!["a Idle, b Fixed, c Regressed, d Idle, e Idle"],
        );
    }

    #[test]
    fn what_neither_side_reached_is_the_environments_doing() {
        check("a+ b+ …", "a+ …", expect!["a Kept, b Environment"]);
        check("a+ b+", "a+ …", expect!["a Kept, b Regressed"]);
    }

    #[test]
    fn what_can_not_run_here_on_either_side_is_the_environments_doing() {
        check(
            "a@ b@ c@ d- e+ f~",
            "a@ b- c+ d@ e@ f@ g@",
            expect![
                "a Environment, b PreExisting, c Fixed, d PreExisting, e Regressed, f NewRed, g NewRed"
            ],
        );
    }

    #[test]
    fn a_file_that_can_be_collected_again_is_fixed() {
        check(
            "t.py! u.py!",
            "t.py::a+",
            expect!["t.py::a New, t.py Fixed, u.py PreExisting"],
        );
    }

    /// Where each test is looked for among all others, nobody waits for the end of this.
    #[test]
    fn twenty_thousand_tests_are_compared_one_by_one() {
        let count = 20_000;
        let all = |mark: &str| -> String { (0..count).map(|n| format!("{n}.py{mark} ")).collect() };
        let (base, patch) = (run(&all("!")), run(&all("::a+")));
        let wanted = base.results.clone();
        let comparison = compare(Some(&base), &wanted, &patch);
        let of = |class| comparison.iter().filter(|it| it.class == class).count();
        assert_eq!(comparison.len(), 2 * count);
        assert_eq!((of(TestClass::New), of(TestClass::Fixed)), (count, count));
    }
}
