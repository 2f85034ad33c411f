//! Decides from outcomes alone whether a change may move on.

use std::collections::HashSet;

use protocol::{
    AcceptanceTests, Canaries, Exit, Integrity, MarkedTest, TestClass, TestComparison, TestRun,
    Trick,
};

use crate::accepted;

/// One reason to send a change back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The run itself can't be believed.
    Unaccounted {
        /// What happened, as in `ended by signal 11`.
        why: String,
    },
    /// Tests whose outcome is known beforehand did something else.
    Disbelieved(Vec<String>),
    /// The change serves to be believed rather than to be right.
    Tricked(Vec<Trick>),
    /// Tests of the base that are no longer collected, whatever they said there.
    Missing(Vec<String>),
    /// Tests that no longer judge.
    Marked(Vec<MarkedTest>),
    /// Tests of the repository that were green on the base and aren't now.
    Regressed(Vec<String>),
    /// Tests that came with the change, or ran for the first time, and are red.
    NewRed(Vec<String>),
    /// Acceptance tests that didn't pass.
    NotAccepted(Vec<String>),
}

/// What speaks against the word of the run. What `troubles` name already is not said twice.
pub(crate) fn distrust(integrity: &Integrity, troubles: &[Trouble]) -> Vec<Trouble> {
    let said: HashSet<&str> = troubles
        .iter()
        .flat_map(|it| match it {
            Trouble::Regressed(ids) => ids.as_slice(),
            _ => &[],
        })
        .map(String::as_str)
        .collect();
    let mut found = Vec::new();
    if let Canaries::Broken { found: broken } = &integrity.canaries {
        found.push(Trouble::Disbelieved(broken.clone()));
    }
    if !integrity.tricks.is_empty() {
        found.push(Trouble::Tricked(integrity.tricks.clone()));
    }
    let missing: Vec<String> = integrity
        .missing
        .iter()
        .filter(|id| !said.contains(id.as_str()))
        .cloned()
        .collect();
    if !missing.is_empty() {
        found.push(Trouble::Missing(missing));
    }
    let marked: Vec<MarkedTest> = integrity
        .marked
        .iter()
        .filter(|it| !said.contains(it.id.as_str()))
        .cloned()
        .collect();
    if !marked.is_empty() {
        found.push(Trouble::Marked(marked));
    }
    found
}

/// What speaks against the change; nothing means that it may move on.
pub(crate) fn troubles(
    base: Option<&TestRun>,
    run: &TestRun,
    comparison: &[TestComparison],
    acceptance: Option<&AcceptanceTests>,
) -> Vec<Trouble> {
    let of_class = |class: TestClass| -> Vec<String> {
        comparison
            .iter()
            .filter(|it| it.class == class && !accepted::is_wanted(acceptance, &it.id))
            .map(|it| it.id.clone())
            .collect()
    };
    let mut troubles = Vec::new();
    if let Some(why) = unaccounted(base, run) {
        troubles.push(Trouble::Unaccounted { why });
    }
    let kinds = [
        Trouble::NotAccepted(accepted::unmet(acceptance, comparison)),
        Trouble::Regressed(of_class(TestClass::Regressed)),
        Trouble::NewRed(of_class(TestClass::NewRed)),
    ];
    troubles.extend(kinds.into_iter().filter(|it| match it {
        Trouble::NotAccepted(ids) | Trouble::Regressed(ids) | Trouble::NewRed(ids) => {
            !ids.is_empty()
        }
        _ => true,
    }));
    troubles
}

/// Why the way in which the runner ended doesn't fit what it reported. What the base did alike isn't the change's
/// doing.
fn unaccounted(base: Option<&TestRun>, run: &TestRun) -> Option<String> {
    if base.is_some_and(|it| it.exit == run.exit && it.finished == run.finished) {
        return None;
    }
    let any_red = run
        .results
        .iter()
        .chain(&run.collection_errors)
        .any(|it| it.outcome.is_red());
    match (run.exit, run.finished) {
        (Exit::TooSlow, _) => Some("it did not end within the time a test run may take".to_owned()),
        (Exit::TooMuchOutput, _) => Some("it was stopped because it printed too much".to_owned()),
        (Exit::Signal(number), _) => Some(format!("it was ended by signal {number}")),
        (Exit::Code(code), false) => Some(format!(
            "it ended with status {code} before pytest had come to its end"
        )),
        (Exit::Code(0), true) => None,
        (Exit::Code(1), true) if any_red => None,
        (Exit::Code(1), true) => Some("it ended with status 1 although no test failed".to_owned()),
        (Exit::Code(5), true) if run.collected.is_empty() => {
            let had_tests = base.is_some_and(|it| !it.collected.is_empty());
            had_tests.then(|| "no test was found any more".to_owned())
        }
        (Exit::Code(code), true) => Some(format!("it ended with status {code}")),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use protocol::{TestOutcome, TestResult};

    use super::*;
    use crate::compare::compare;

    fn run(exit: Exit, finished: bool, tests: &[(&str, TestOutcome)]) -> TestRun {
        TestRun {
            results: tests
                .iter()
                .map(|(id, outcome)| result(id, *outcome))
                .collect(),
            collected: tests.iter().map(|(id, _)| (*id).to_owned()).collect(),
            collection_errors: Vec::new(),
            exit,
            finished,
            wall_ms: 0,
            tail: String::new(),
            cached: false,
        }
    }

    fn result(id: &str, outcome: TestOutcome) -> TestResult {
        TestResult {
            id: id.to_owned(),
            outcome,
            phase: "call".to_owned(),
            exception: String::new(),
            message: String::new(),
        }
    }

    /// `wanted` are acceptance tests that were red on the base.
    #[track_caller]
    fn check(base: Option<&TestRun>, wanted: &[&str], patch: &TestRun, want: Expect) {
        let acceptance = AcceptanceTests {
            files: Vec::new(),
            on_base: wanted
                .iter()
                .map(|id| result(id, TestOutcome::Failed))
                .collect(),
            red_on_base: wanted.iter().map(|id| (*id).to_owned()).collect(),
            ..AcceptanceTests::default()
        };
        let comparison = compare(base, &acceptance.on_base, patch);
        let shown: Vec<String> = troubles(base, patch, &comparison, Some(&acceptance))
            .iter()
            .map(|it| format!("{it:?}"))
            .collect();
        want.assert_eq(&shown.join("\n"));
    }

    use TestOutcome::{Failed, Passed, Skipped, Xpassed};

    #[test]
    fn all_green_may_move_on() {
        let green = run(Exit::Code(0), true, &[("a", Passed), ("wanted", Passed)]);
        check(Some(&green), &["wanted"], &green, expect![""]);
        check(None, &["wanted"], &green, expect![""]);
    }

    #[test]
    fn an_acceptance_test_must_pass_and_nothing_less() {
        let base = run(Exit::Code(0), true, &[("a", Passed)]);
        for outcome in [Failed, Skipped, Xpassed] {
            let patch = run(
                Exit::Code(1),
                true,
                &[("a", Passed), ("b", Failed), ("wanted", outcome)],
            );
            check(
                Some(&base),
                &["wanted"],
                &patch,
                expect![[r#"
                    NotAccepted(["wanted"])
                    NewRed(["b"])"#]],
            );
        }
        check(
            Some(&base),
            &["wanted"],
            &base,
            expect![[r#"NotAccepted(["wanted"])"#]],
        );
    }

    #[test]
    fn a_failure_of_the_base_does_not_count() {
        let base = run(Exit::Code(1), true, &[("a", Failed)]);
        check(Some(&base), &[], &base, expect![""]);
    }

    #[test]
    fn a_run_that_did_not_end_is_not_believed_unless_the_base_did_not_end_either() {
        let base = run(Exit::Code(0), true, &[("a", Passed)]);
        let hangs = run(Exit::TooSlow, false, &[("a", Passed)]);
        check(
            Some(&base),
            &[],
            &hangs,
            expect![[
                r#"Unaccounted { why: "it did not end within the time a test run may take" }"#
            ]],
        );
        check(Some(&hangs), &[], &hangs, expect![""]);
    }

    #[test]
    fn an_exit_status_that_no_test_explains_is_not_believed() {
        let base = run(Exit::Code(0), true, &[("a", Passed)]);
        for exit in [Exit::Code(1), Exit::Code(3), Exit::Signal(11)] {
            let patch = run(exit, true, &[("a", Passed)]);
            assert_eq!(
                troubles(Some(&base), &patch, &[], None).len(),
                1,
                "{exit:?}"
            );
        }
        let quits = run(Exit::Code(0), false, &[("a", Passed)]);
        check(
            Some(&base),
            &[],
            &quits,
            expect![[
                r#"Unaccounted { why: "it ended with status 0 before pytest had come to its end" }"#
            ]],
        );
    }

    #[test]
    fn a_repository_without_tests_is_no_trouble_and_one_that_lost_them_is() {
        let none = run(Exit::Code(5), true, &[]);
        check(Some(&none), &[], &none, expect![""]);
        check(None, &[], &none, expect![""]);
        let base = run(Exit::Code(0), true, &[("a", Passed)]);
        check(
            Some(&base),
            &[],
            &none,
            expect![[r#"
                Unaccounted { why: "no test was found any more" }
                Regressed(["a"])"#]],
        );
    }
}
