//! The tests: how many of which kind, and every one that isn't simply as it was.

use protocol::{Status, TestClass, TestOrigin, TestOutcome};

use super::{BLOCK_CHARS_MAX, BLOCK_LINES_MAX, WORDS_CHARS_MAX};
use crate::outcomes::{Outcomes, Row, RunFacts};
use crate::quote;
use crate::record::Record;
use crate::words;

/// Tests listed by name; all are in `outcomes.json`.
const ROWS_MAX: usize = 100;
/// Longest identifier of a test.
const ID_CHARS_MAX: usize = 300;
/// Failures shown with their words.
const FAILURES_MAX: usize = 10;
/// Lines of one failure.
const FAILURE_LINES_MAX: usize = 30;

/// Whether how long something took is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    Told,
    LeftOut,
}

pub(super) fn section(text: &mut String, record: &Record, outcomes: &Outcomes, times: Times) {
    *text += "## Tests\n\n";
    for (side, facts) in [("base commit", &outcomes.base), ("change", &outcomes.patch)] {
        *text += &match facts {
            Some(facts) => format!("- {}\n", facts_in_words(side, facts, times)),
            None => format!("- {side}: not run\n"),
        };
    }
    *text += "\n";
    if !outcomes.counts.is_empty() {
        *text += "| Tests | What the pair of outcomes means |\n| ---: | --- |\n";
        for (class, count) in &outcomes.counts {
            *text += &format!(
                "| {} | {} |\n",
                words::number(*count as u64),
                meaning(*class)
            );
        }
        *text += "\n";
    }
    super::gates::around_the_tests(text, record);
    rows(text, outcomes);
    failures(text, outcomes);
    acceptance(text, record);
}

fn facts_in_words(side: &str, facts: &RunFacts, times: Times) -> String {
    let mut line = format!(
        "{side}: {} collected",
        words::counted(facts.collected, "test")
    );
    if times == Times::Told {
        line += &format!(" in {}", words::duration(facts.wall_ms));
    }
    if 0 < facts.collection_errors {
        line += &format!(
            ", {} could not be collected",
            words::counted(facts.collection_errors, "file")
        );
    }
    if facts.cached && times == Times::Told {
        line += ", known from an earlier run on the same base";
    }
    if !facts.finished {
        line += ", **and the run did not come to its end**";
    }
    line
}

fn meaning(class: TestClass) -> &'static str {
    match class {
        TestClass::Fixed => "**fixed**: red on the base, green with the change",
        TestClass::Regressed => "**regressed**: green on the base, not with the change",
        TestClass::PreExisting => "pre-existing: red on both sides, not this change's doing",
        TestClass::Flaky => "flaky: different outcomes on the same tree",
        TestClass::Environment => "can't run here on either side",
        TestClass::Kept => "kept: green on both sides",
        TestClass::New => "new with the change, and green",
        TestClass::NewRed => "**new and red**: new with the change, and failing",
        TestClass::Idle => "skipped, or expected to fail, on both sides",
    }
}

fn rows(text: &mut String, outcomes: &Outcomes) {
    let worth: Vec<&Row> = outcomes
        .tests
        .iter()
        .filter(|it| it.is_worth_a_line())
        .collect();
    if worth.is_empty() {
        return;
    }
    *text += "| Test | Base | Change | |\n| --- | --- | --- | --- |\n";
    for row in worth.iter().take(ROWS_MAX) {
        let mut notes = Vec::new();
        if row.acceptance {
            notes.push("acceptance");
        }
        notes.extend(row.class.map(short));
        *text += &format!(
            "| {} | {} | {} | {} |\n",
            quote::cell(&row.id, ID_CHARS_MAX),
            outcome(row.base),
            outcome(row.patch),
            notes.join(", ")
        );
    }
    if ROWS_MAX < worth.len() {
        let more = worth.len() - ROWS_MAX;
        *text += &format!("\n… and {more} more in `outcomes.json`.\n");
    }
    *text += "\n";
}

fn failures(text: &mut String, outcomes: &Outcomes) {
    let is_red = |it: &&Row| it.patch.is_some_and(TestOutcome::is_red) && !it.message.is_empty();
    let red: Vec<&Row> = outcomes
        .tests
        .iter()
        .filter(is_red)
        .filter(|it| it.class != Some(TestClass::PreExisting))
        .collect();
    for row in red.iter().take(FAILURES_MAX) {
        *text += &format!("{} failed with:\n\n", quote::span(&row.id, ID_CHARS_MAX));
        *text += &quote::fence("text", &row.message, FAILURE_LINES_MAX, BLOCK_CHARS_MAX);
        *text += "\n";
    }
    if FAILURES_MAX < red.len() {
        let more = red.len() - FAILURES_MAX;
        *text += &format!("… and {more} more failures in `outcomes.json`.\n\n");
    }
}

fn acceptance(text: &mut String, record: &Record) {
    let Some(tests) = record.state.acceptance_tests() else {
        return;
    };
    let whose = match tests.origin {
        TestOrigin::Author => {
            "Written from the task and the base commit, without sight of any draft, then frozen."
        }
        TestOrigin::User => {
            "Given by the user before the run, then frozen; the coders could see them."
        }
    };
    *text += &format!(
        "### Acceptance tests\n\n{whose} Red on the base for the right reason: {} of {}.\n\n",
        tests.red_on_base.len(),
        tests.on_base.len()
    );
    if !tests.note.is_empty() {
        *text += &format!(
            "Their author notes: {}\n\n",
            quote::span(&tests.note, WORDS_CHARS_MAX)
        );
    }
    // The change of a completed run contains them, so its difference shows them already.
    let shown_already = record.state.status == Status::Completed;
    for file in &tests.files {
        *text += &format!(
            "{}, SHA-256 {}\n\n",
            quote::span(&file.path, ID_CHARS_MAX),
            quote::span(&file.sha256, 64)
        );
        if !shown_already {
            *text += &quote::fence("python", &file.text, BLOCK_LINES_MAX, BLOCK_CHARS_MAX);
            *text += "\n";
        }
    }
}

fn outcome(outcome: Option<TestOutcome>) -> String {
    match outcome {
        Some(red) if red.is_red() => format!("**{}**", words::outcome(red)),
        Some(other) => words::outcome(other).to_owned(),
        None => "–".to_owned(),
    }
}

fn short(class: TestClass) -> &'static str {
    match class {
        TestClass::Fixed => "fixed",
        TestClass::Regressed => "**regressed**",
        TestClass::PreExisting => "pre-existing",
        TestClass::Flaky => "flaky",
        TestClass::Environment => "can't run here",
        TestClass::Kept => "kept",
        TestClass::New => "new",
        TestClass::NewRed => "**new and red**",
        TestClass::Idle => "idle",
    }
}
