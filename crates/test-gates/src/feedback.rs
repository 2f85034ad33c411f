//! Says what a test run showed: a few lines for everybody, and words the coder can act on.

use std::collections::BTreeMap;

use protocol::{
    AcceptanceTests, MarkedTest, TestClass, TestComparison, TestOrigin, TestRun, Trick,
};
use test_run::outcomes::in_words;
use test_run::pytest::end_of;

use crate::accepted;
use crate::verdict::Trouble;

/// All words together, so that they fit one prompt.
const FEEDBACK_BYTES_MAX: usize = 12 * 1024;
/// The output of one failed test.
const FAILURE_BYTES_MAX: usize = 1500;
/// The output of the runner, where the run itself is the trouble.
const TAIL_BYTES_MAX: usize = 3000;
/// Tests that are named in one list.
const NAMED_MAX: usize = 20;

/// How many tests of which class, and which of them speak against the change.
pub(crate) fn summary(
    comparison: &[TestComparison],
    acceptance: Option<&AcceptanceTests>,
    troubles: &[Trouble],
) -> String {
    let mut counts: BTreeMap<TestClass, usize> = BTreeMap::new();
    for it in comparison {
        // One that the change doesn't meet is no failure of before, although it failed then too.
        let is_unmet =
            it.class == TestClass::PreExisting && accepted::is_wanted(acceptance, &it.id);
        if !is_unmet {
            *counts.entry(it.class).or_default() += 1;
        }
    }
    let listed: Vec<String> = counts
        .iter()
        .map(|(class, count)| format!("{count} {}", class_in_words(*class)))
        .collect();
    let mut told = match counts.values().sum::<usize>() {
        0 if !comparison.is_empty() => "no other test".to_owned(),
        0 => "no test ran".to_owned(),
        1 => format!("1 test: {}", listed.join(", ")),
        many => format!("{many} tests: {}", listed.join(", ")),
    };
    if let Some(acceptance) = acceptance {
        let wanted = accepted::count(acceptance, comparison);
        let missed = troubles.iter().find_map(|it| match it {
            Trouble::NotAccepted(ids) => Some(ids.len()),
            _ => None,
        });
        let accepted = wanted - missed.unwrap_or(0);
        told += &format!("; {accepted} of {wanted} acceptance tests passed");
    }
    // Counts that can't be believed don't come first.
    let is_doubted = |it: &Trouble| {
        matches!(
            it,
            Trouble::Unaccounted { .. } | Trouble::Disbelieved(_) | Trouble::Tricked(_)
        )
    };
    let (doubted, others): (Vec<&Trouble>, Vec<&Trouble>) =
        troubles.iter().partition(|it| is_doubted(it));
    let mut text = String::new();
    add_troubles(&mut text, &doubted);
    text += &format!("\n{told}");
    add_troubles(&mut text, &others);
    text.trim_start().to_owned()
}

/// A line for each trouble, each after a line feed.
fn add_troubles(text: &mut String, troubles: &[&Trouble]) {
    for trouble in troubles {
        match trouble {
            Trouble::Unaccounted { why } => *text += &format!("\nthe run can't be believed: {why}"),
            Trouble::Disbelieved(found) => {
                *text += &format!("\nthe run can't be believed: {}", found.join(", "));
            }
            Trouble::Tricked(tricks) => {
                for it in tricks {
                    *text += &format!("\n{}: {}{}", it.rule, place(it), it.words);
                }
            }
            Trouble::Missing(ids) => *text += &named("\nno longer collected: ", ids),
            Trouble::Marked(tests) => *text += &named("\nno longer judging: ", &marks(tests)),
            Trouble::NotAccepted(ids) => *text += &named("\nnot accepted: ", ids),
            Trouble::Regressed(ids) => *text += &named("\npassed before, not now: ", ids),
            Trouble::NewRed(ids) => *text += &named("\nnew and failing: ", ids),
        }
    }
}

/// Where a trick is, for the beginning of a line; nothing when it is about the run.
fn place(trick: &Trick) -> String {
    match (trick.path.as_str(), trick.line) {
        ("", _) => String::new(),
        (path, 0) => format!("{path}: "),
        (path, line) => format!("{path}:{line}: "),
    }
}

fn marks(tests: &[MarkedTest]) -> Vec<String> {
    let mark = |it: &MarkedTest| format!("{} ({})", it.id, it.mark);
    tests.iter().map(mark).collect()
}

fn class_in_words(class: TestClass) -> &'static str {
    match class {
        TestClass::Fixed => "fixed",
        TestClass::Regressed => "regressed",
        TestClass::PreExisting => "failing before and now",
        TestClass::Flaky => "flaky",
        TestClass::Environment => "unable to run here",
        TestClass::Kept => "kept",
        TestClass::New => "new",
        TestClass::NewRed => "new and failing",
        TestClass::Idle => "skipped or expected to fail",
    }
}

fn named(label: &str, ids: &[String]) -> String {
    let shown: Vec<&str> = ids.iter().take(NAMED_MAX).map(String::as_str).collect();
    let mut text = format!("{label}{}", shown.join(", "));
    if NAMED_MAX < ids.len() {
        text += &format!(" and {} more", ids.len() - NAMED_MAX);
    }
    text
}

/// What to change, addressed to the coder.
pub(crate) fn for_coder(
    run: &TestRun,
    troubles: &[Trouble],
    acceptance: Option<&AcceptanceTests>,
) -> String {
    let given = acceptance.is_some_and(|it| it.origin == TestOrigin::User);
    let mut text = String::from("The tests send the change back.\n");
    for trouble in troubles {
        match trouble {
            Trouble::Unaccounted { why } => {
                text += &format!("\nThe test run can't be believed: {why}. Its last output:\n");
                text += &indented(end_of(&run.tail, TAIL_BYTES_MAX));
            }
            Trouble::Disbelieved(found) => {
                text += "\nThe test run can't be believed. Among the repository's tests ran some of ours whose outcome is \
                         known beforehand, and with the change they did something else:\n";
                for it in found {
                    text += &format!("- {it}\n");
                }
                text +=
                    "Take out whatever changes how tests are collected, run, judged or reported.\n";
            }
            Trouble::Tricked(tricks) => {
                text += "\nThe change does what serves to be believed rather than to be right. Take it out, and solve \
                         the task itself:\n";
                for it in tricks.iter().take(NAMED_MAX) {
                    text += &format!("- {}{} ({})\n", place(it), it.words, it.rule);
                }
            }
            Trouble::Missing(ids) => {
                text += "\nThese tests were there before the change and are no longer collected. Bring them back:\n";
                for id in ids.iter().take(NAMED_MAX) {
                    text += &format!("- {id}\n");
                }
                if NAMED_MAX < ids.len() {
                    text += &format!("- and {} more\n", ids.len() - NAMED_MAX);
                }
            }
            Trouble::Marked(tests) => {
                text += "\nThese tests judged before the change, and now they are skipped or expected to fail. Take \
                         that back:\n";
                for it in marks(tests).iter().take(NAMED_MAX) {
                    text += &format!("- {it}\n");
                }
            }
            Trouble::NotAccepted(ids) => {
                text += if given {
                    "\nTests that the user gave with the task don't pass. They are in the tree, and stay as they are \
                     whatever a draft writes into them:\n"
                } else {
                    "\nTests that say what the task asks for, and that no coder sees, don't pass; their ids and \
                     output say what is expected:\n"
                };
                add_failures(&mut text, run, ids);
            }
            Trouble::Regressed(ids) => {
                text += "\nThese tests passed before the change and don't pass now:\n";
                add_failures(&mut text, run, ids);
            }
            Trouble::NewRed(ids) => {
                text +=
                    "\nThese tests are new with the change, or ran for the first time, and fail:\n";
                add_failures(&mut text, run, ids);
            }
        }
    }
    text
}

/// Every id, and the output of as many failures as there is room for.
fn add_failures(text: &mut String, run: &TestRun, ids: &[String]) {
    for id in ids.iter().take(NAMED_MAX) {
        let result = run
            .results
            .iter()
            .chain(&run.collection_errors)
            .find(|it| &it.id == id);
        let what = result.map_or("did not run", in_words);
        *text += &format!("- {id}: {what}\n");
        let message = result.map_or("", |it| it.message.trim_end());
        if !message.is_empty() && text.len() + message.len() < FEEDBACK_BYTES_MAX {
            *text += &indented(end_of(message, FAILURE_BYTES_MAX));
        }
    }
    if NAMED_MAX < ids.len() {
        *text += &format!("- and {} more\n", ids.len() - NAMED_MAX);
    }
}

/// Set off from our own words.
pub(crate) fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use protocol::{Exit, TestOutcome, TestResult};

    use super::*;

    fn run(results: &[(&str, TestOutcome, &str)]) -> TestRun {
        TestRun {
            results: results
                .iter()
                .map(|(id, outcome, message)| TestResult {
                    id: (*id).to_owned(),
                    outcome: *outcome,
                    phase: "call".to_owned(),
                    exception: String::new(),
                    message: (*message).to_owned(),
                })
                .collect(),
            collected: Vec::new(),
            collection_errors: Vec::new(),
            exit: Exit::Code(1),
            finished: true,
            wall_ms: 0,
            tail: "boom\n".to_owned(),
            cached: false,
        }
    }

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|it| (*it).to_owned()).collect()
    }

    #[track_caller]
    fn check(run: &TestRun, troubles: &[Trouble], want: Expect) {
        want.assert_eq(&for_coder(run, troubles, None));
    }

    #[test]
    fn every_trouble_comes_with_its_output() {
        check(
            &run(&[
                (
                    "t.py::a",
                    TestOutcome::Failed,
                    "t.py:3: in a\nE   assert 3 == 4",
                ),
                ("t.py::b", TestOutcome::Skipped, "no network"),
            ]),
            &[
                Trouble::Unaccounted {
                    why: "it ended with status 3".to_owned(),
                },
                Trouble::NotAccepted(ids(&["t.py::a"])),
                Trouble::Regressed(ids(&["t.py::b", "t.py::gone"])),
            ],
            expect![[r#"
                The tests send the change back.

                The test run can't be believed: it ended with status 3. Its last output:
                    boom

                Tests that say what the task asks for, and that no coder sees, don't pass; their ids and output say what is expected:
                - t.py::a: failed
                    t.py:3: in a
                    E   assert 3 == 4

                These tests passed before the change and don't pass now:
                - t.py::b: was skipped
                    no network
                - t.py::gone: did not run
            "#]],
        );
    }

    #[test]
    fn a_thousand_failures_fit_one_prompt() {
        let names: Vec<String> = (0..1000).map(|n| format!("t.py::test_{n}")).collect();
        let message = "x".repeat(3000);
        let results: Vec<(&str, TestOutcome, &str)> = names
            .iter()
            .map(|id| (id.as_str(), TestOutcome::Failed, message.as_str()))
            .collect();
        let text = for_coder(&run(&results), &[Trouble::Regressed(names.clone())], None);
        assert!(text.len() < 2 * FEEDBACK_BYTES_MAX, "{} bytes", text.len());
        assert!(text.contains("and 980 more"), "{text}");
    }

    #[test]
    fn the_summary_counts_by_class() {
        let comparison: Vec<TestComparison> = [TestClass::Kept, TestClass::Kept, TestClass::Fixed]
            .iter()
            .map(|class| TestComparison {
                id: String::new(),
                base: None,
                patch: None,
                class: *class,
            })
            .collect();
        assert_eq!(summary(&comparison, None, &[]), "3 tests: 1 fixed, 2 kept");
        assert_eq!(
            summary(&[], None, &[Trouble::NewRed(ids(&["a", "b"]))]),
            "no test ran\nnew and failing: a, b"
        );
    }
}
