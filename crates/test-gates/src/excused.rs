//! Says what red tests are not held against a change, so that nobody goes after them.

use std::collections::{HashMap, HashSet};

use protocol::{AcceptanceTests, Rerun, TestClass, TestComparison, TestOutcome};

/// Tests that are named in one list.
const NAMED_MAX: usize = 20;

/// A line for each class that doesn't block and that has red tests in it. A red acceptance test always blocks.
pub(crate) fn for_everybody(
    comparison: &[TestComparison],
    acceptance: Option<&AcceptanceTests>,
    reruns: &[Rerun],
) -> String {
    let wanted = acceptance.map_or(&[][..], |it| &it.on_base);
    let mut wanted: HashSet<&str> = wanted.iter().map(|it| it.id.as_str()).collect();
    let excused = reruns.iter().filter(|it| !it.excuse.is_empty());
    let excused: Vec<&Rerun> = excused.collect();
    let classes = [
        (TestClass::Flaky, "fails now and then on the base as well"),
        (TestClass::PreExisting, "failed before the change too"),
        (TestClass::Environment, "can't run here"),
    ];
    let mut text = String::new();
    for it in &excused {
        let (why, id) = (&it.excuse, &it.id);
        text += &format!("\nnot held against the change ({why}): {id}");
    }
    wanted.extend(excused.iter().map(|it| it.id.as_str()));
    for (class, why) in classes {
        let named = named(comparison, class, &wanted);
        if !named.is_empty() {
            text += &format!("\nnot held against the change ({why}): {named}");
        }
    }
    text
}

/// The same for a coder, and which of its regressions come and go. How often doesn't matter: the same rejection must
/// have the same words.
pub(crate) fn for_coder(
    comparison: &[TestComparison],
    acceptance: Option<&AcceptanceTests>,
    reruns: &[Rerun],
) -> String {
    let mut text = String::new();
    let class: HashMap<&str, TestClass> = comparison
        .iter()
        .map(|it| (it.id.as_str(), it.class))
        .collect();
    let comes_and_goes = |it: &&Rerun| {
        let is_blamed = matches!(
            class.get(it.id.as_str()),
            Some(TestClass::Regressed | TestClass::NewRed)
        );
        is_blamed && it.with_change.contains(&TestOutcome::Passed)
    };
    let ids: Vec<&str> = reruns
        .iter()
        .filter(comes_and_goes)
        .map(|it| it.id.as_str())
        .collect();
    if !ids.is_empty() {
        text += "\nWith the change these fail in some runs and not in others; without it they never failed:\n";
        text += &ids.iter().map(|it| format!("- {it}\n")).collect::<String>();
    }
    let excused = for_everybody(comparison, acceptance, reruns);
    if !excused.is_empty() {
        text += "\nThese are red as well. They don't count, so leave them as they are:";
        text += &excused;
        text.push('\n');
    }
    text
}

fn named(comparison: &[TestComparison], class: TestClass, wanted: &HashSet<&str>) -> String {
    let ids: Vec<&str> = comparison
        .iter()
        .filter(|it| it.class == class && it.patch.is_some_and(TestOutcome::is_red))
        .map(|it| it.id.as_str())
        .filter(|it| !wanted.contains(it))
        .collect();
    let shown = ids[..ids.len().min(NAMED_MAX)].join(", ");
    match ids.len().saturating_sub(NAMED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use protocol::TestResult;

    #[track_caller]
    fn check(tests: &[(&str, TestClass)], reruns: &[Rerun], want: Expect) {
        let comparison: Vec<TestComparison> = tests
            .iter()
            .map(|(id, class)| TestComparison {
                id: (*id).to_owned(),
                base: None,
                patch: Some(TestOutcome::Failed),
                class: *class,
            })
            .collect();
        let acceptance = AcceptanceTests {
            on_base: vec![TestResult {
                id: "wanted".to_owned(),
                outcome: Failed,
                phase: "call".to_owned(),
                exception: String::new(),
                message: String::new(),
            }],
            ..AcceptanceTests::default()
        };
        want.assert_eq(&for_coder(&comparison, Some(&acceptance), reruns));
    }

    fn rerun(id: &str, with_change: &[TestOutcome]) -> Rerun {
        Rerun {
            id: id.to_owned(),
            on_base: vec![TestOutcome::Passed],
            with_change: with_change.to_vec(),
            excuse: String::new(),
        }
    }

    use TestOutcome::{Failed, Passed};

    #[test]
    fn what_does_not_count_is_named_with_its_reason() {
        check(
            &[
                ("a", TestClass::Regressed),
                ("b", TestClass::PreExisting),
                ("c", TestClass::Flaky),
                ("d", TestClass::Environment),
                ("e", TestClass::PreExisting),
                ("wanted", TestClass::PreExisting),
            ],
            &[rerun("a", &[Failed, Failed]), rerun("c", &[Failed, Passed])],
            expect![[r#"

                These are red as well. They don't count, so leave them as they are:
                not held against the change (fails now and then on the base as well): c
                not held against the change (failed before the change too): b, e
                not held against the change (can't run here): d
            "#]],
        );
    }

    #[test]
    fn a_test_that_the_change_made_flaky_is_named() {
        check(
            &[("a", TestClass::Regressed)],
            &[rerun("a", &[Failed, Passed])],
            expect![[r#"

                With the change these fail in some runs and not in others; without it they never failed:
                - a
            "#]],
        );
    }

    #[test]
    fn an_excuse_is_said_in_its_own_words() {
        let excused = Rerun {
            excuse: "it can't be why".to_owned(),
            ..rerun("a", &[Failed, Passed])
        };
        check(
            &[("a", TestClass::Flaky), ("b", TestClass::Flaky)],
            &[excused, rerun("b", &[Failed, Passed])],
            expect![[r#"

                These are red as well. They don't count, so leave them as they are:
                not held against the change (it can't be why): a
                not held against the change (fails now and then on the base as well): b
            "#]],
        );
    }

    #[test]
    fn where_all_is_green_nothing_is_said() {
        check(&[], &[], expect![""]);
    }
}
