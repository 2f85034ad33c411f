//! Which tests are acceptance tests, and which of them a change leaves unmet.

use std::collections::HashSet;

use protocol::{AcceptanceTests, TestComparison, TestOrigin, TestOutcome, TestResult};
use test_run::ids::{belongs, covers};

/// Whether a test is one of the acceptance tests, or an error of theirs.
///
/// The author's are known by their ids from the run on the base. Of the user's, a file that can't be imported yet has
/// no ids, and stands for all tests that turn up in it.
pub(crate) fn is_wanted(acceptance: Option<&AcceptanceTests>, id: &str) -> bool {
    acceptance.is_some_and(|tests| match tests.origin {
        TestOrigin::Author => tests.on_base.iter().any(|it| it.id == id),
        TestOrigin::User => tests.on_base.iter().any(|it| covers(&it.id, id)),
    })
}

/// The acceptance tests that did not pass.
pub(crate) fn unmet(
    acceptance: Option<&AcceptanceTests>,
    comparison: &[TestComparison],
) -> Vec<String> {
    let Some(tests) = acceptance else {
        return Vec::new();
    };
    match tests.origin {
        TestOrigin::Author => unmet_of_author(tests, comparison),
        TestOrigin::User => unmet_of_user(tests, comparison),
    }
}

/// How many acceptance tests there are now.
pub(crate) fn count(acceptance: &AcceptanceTests, comparison: &[TestComparison]) -> usize {
    match acceptance.origin {
        TestOrigin::Author => acceptance.on_base.len(),
        TestOrigin::User => {
            let unmet = unmet_of_user(acceptance, comparison);
            let ran = comparison
                .iter()
                .filter(|it| it.patch.is_some() && is_wanted(Some(acceptance), &it.id))
                .map(|it| &it.id);
            ran.chain(&unmet).collect::<HashSet<_>>().len()
        }
    }
}

fn unmet_of_author(tests: &AcceptanceTests, comparison: &[TestComparison]) -> Vec<String> {
    // Anything but a plain pass says nothing: an acceptance test has no reason to be skipped or to be expected to fail.
    let passed: HashSet<&str> = comparison
        .iter()
        .filter(|it| it.patch == Some(TestOutcome::Passed))
        .map(|it| it.id.as_str())
        .collect();
    tests
        .on_base
        .iter()
        .filter(|it| !passed.contains(it.id.as_str()))
        .map(|it| it.id.clone())
        .collect()
}

fn unmet_of_user(tests: &AcceptanceTests, comparison: &[TestComparison]) -> Vec<String> {
    let mut unmet = Vec::new();
    let mut any_passed = false;
    for entry in &tests.on_base {
        let ran: Vec<(&str, TestOutcome)> = comparison
            .iter()
            .filter(|it| covers(&entry.id, &it.id))
            .filter_map(|it| Some((it.id.as_str(), it.patch?)))
            .collect();
        if ran.is_empty() {
            unmet.push(entry.id.clone());
        }
        for (id, outcome) in ran {
            match outcome {
                TestOutcome::Passed => any_passed = true,
                TestOutcome::Skipped | TestOutcome::Xfailed if may_idle(tests, entry) => {}
                _ => unmet.push(id.to_owned()),
            }
        }
    }
    if !any_passed && unmet.is_empty() {
        // All of them skipped is not what anybody asked for.
        unmet = tests.on_base.iter().map(|it| it.id.clone()).collect();
    }
    unmet.sort();
    unmet.dedup();
    unmet
}

/// Whether a test of the user's may be skipped or fail as expected: it did so before any change, or it could not be
/// imported then and its frozen text has marks for that. Otherwise it is the change that keeps it from judging.
fn may_idle(tests: &AcceptanceTests, entry: &TestResult) -> bool {
    match entry.outcome {
        TestOutcome::Skipped | TestOutcome::Xfailed => true,
        TestOutcome::Error if entry.phase == "collect" => tests
            .files
            .iter()
            .filter(|it| belongs(&entry.id, &it.path))
            .any(|it| it.text.contains("skip") || it.text.contains("xfail")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use protocol::{TestClass, TestFile};

    use super::*;

    /// `id+ id- id! id~ id?`: passed, failed, error at import, skipped, xfailed.
    fn outcomes(text: &str) -> Vec<(String, TestOutcome)> {
        let outcome = |mark: &str| match mark {
            "+" => TestOutcome::Passed,
            "-" => TestOutcome::Failed,
            "!" => TestOutcome::Error,
            "~" => TestOutcome::Skipped,
            _ => TestOutcome::Xfailed,
        };
        text.split_whitespace()
            .map(|word| word.split_at(word.len() - 1))
            .map(|(id, mark)| (id.to_owned(), outcome(mark)))
            .collect()
    }

    fn given(on_base: &str, text: &str) -> AcceptanceTests {
        AcceptanceTests {
            files: vec![TestFile {
                path: "t.py".to_owned(),
                text: text.to_owned(),
                sha256: String::new(),
            }],
            on_base: outcomes(on_base)
                .into_iter()
                .map(|(id, outcome)| TestResult {
                    id,
                    outcome,
                    phase: match outcome {
                        TestOutcome::Error => "collect",
                        _ => "call",
                    }
                    .to_owned(),
                    exception: String::new(),
                    message: String::new(),
                })
                .collect(),
            origin: TestOrigin::User,
            ..AcceptanceTests::default()
        }
    }

    #[track_caller]
    fn check(tests: &AcceptanceTests, with_change: &str, want_unmet: &str, want_count: usize) {
        let comparison: Vec<TestComparison> = outcomes(with_change)
            .into_iter()
            .map(|(id, outcome)| TestComparison {
                id,
                base: None,
                patch: Some(outcome),
                class: TestClass::New,
            })
            .collect();
        assert_eq!(unmet(Some(tests), &comparison).join(" "), want_unmet);
        assert_eq!(count(tests, &comparison), want_count);
    }

    #[test]
    fn a_file_that_could_not_be_imported_stands_for_all_its_tests() {
        let tests = given("t.py!", "def test_a(): ...");
        check(&tests, "t.py::a+ t.py::b[1]+ u.py::c-", "", 2);
        check(&tests, "t.py::a+ t.py::b[1]-", "t.py::b[1]", 2);
        check(&tests, "t.py!", "t.py", 1);
        check(&tests, "u.py::a+", "t.py", 1);
    }

    #[test]
    fn a_named_test_stands_for_its_parameters_and_nothing_else() {
        let tests = given("t.py::a-", "");
        check(&tests, "t.py::a[1]+ t.py::a[2]- t.py::ab-", "t.py::a[2]", 2);
        assert!(is_wanted(Some(&tests), "t.py::a[x]"));
        assert!(!is_wanted(Some(&tests), "t.py::ab"));
        assert!(!is_wanted(None, "t.py::a"));
    }

    #[test]
    fn only_the_users_own_marks_let_a_test_be_skipped() {
        let before = given("t.py::a- t.py::b~ t.py::c?", "");
        check(&before, "t.py::a+ t.py::b~ t.py::c?", "", 3);
        check(&before, "t.py::a~ t.py::b~ t.py::c?", "t.py::a", 3);
        let marked = given("t.py!", "@pytest.mark.skipif(...)");
        check(&marked, "t.py::a+ t.py::b~", "", 2);
        check(&marked, "t.py::a~ t.py::b~", "t.py", 3);
        let unmarked = given("t.py!", "def test_a(): ...");
        check(&unmarked, "t.py::a+ t.py::b~", "t.py::b", 2);
    }
}
