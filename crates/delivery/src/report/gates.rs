//! What the gates measured besides the tests: an amended test, protected paths, the runner's honesty, the hunks.

use protocol::{
    AmendedFile, Amendment, Canaries, HunkVerdict, Integrity, Rerun, SuiteScope, TestOutcome, Trick,
};

use super::{BLOCK_CHARS_MAX, BLOCK_LINES_MAX, TITLE_CHARS_MAX, WORDS_CHARS_MAX};
use crate::quote;
use crate::record::Record;
use crate::words;

/// Longest identifier of a test, or path.
const NAME_CHARS_MAX: usize = 300;
/// Items of one list; all are in the bundle's JSON files.
const ITEMS_MAX: usize = 50;

/// A changed test is what a reader must know before anything else.
pub(super) fn amendment(text: &mut String, record: &Record) {
    let Some(amendment) = record.amendment() else {
        return;
    };
    *text += if amendment.granted {
        "## A test was changed because it contradicts the task\n\n"
    } else {
        "## A dispute about a test was turned down\n\n"
    };
    *text += &disputed(amendment);
    for file in &amendment.files {
        amended_file(text, file);
    }
}

fn disputed(amendment: &Amendment) -> String {
    let dispute = &amendment.dispute;
    let mut text = format!(
        "{} disputed {}, because the task says {}:\n\n",
        quote::span(&dispute.agent, TITLE_CHARS_MAX),
        quote::span(&dispute.test, NAME_CHARS_MAX),
        quote::span(&dispute.quote, WORDS_CHARS_MAX),
    );
    text += &quote::fence("text", &dispute.words, BLOCK_LINES_MAX, BLOCK_CHARS_MAX);
    text += if amendment.granted {
        "\nThe test author, who doesn't see the change, followed it and wrote the new text below:\n\n"
    } else {
        "\nThe test author, who doesn't see the change, did not follow it:\n\n"
    };
    text += &quote::fence("text", &amendment.answer, BLOCK_LINES_MAX, BLOCK_CHARS_MAX);
    text += "\n";
    text
}

fn amended_file(text: &mut String, file: &AmendedFile) {
    let whose = if file.existed {
        "one of the repository's own tests"
    } else {
        "an acceptance test"
    };
    *text += &format!("{}, {whose}.\n\n", quote::span(&file.path, NAME_CHARS_MAX));
    for (when, sha256, content) in [
        ("Before", &file.old_sha256, &file.old_text),
        ("Now", &file.new_sha256, &file.new_text),
    ] {
        *text += &format!("{when}, SHA-256 {}:\n\n", quote::span(sha256, 64));
        *text += &quote::fence("python", content, BLOCK_LINES_MAX, BLOCK_CHARS_MAX);
        *text += "\n";
    }
}

/// Protected paths that the change touches, each with the words of the task that allow it.
pub(super) fn allowed_paths(text: &mut String, record: &Record) {
    let allowed = record.patch_facts().map_or(&[][..], |it| &it.allowed);
    if allowed.is_empty() {
        return;
    }
    *text += "The change touches protected paths, which the task itself names:\n\n";
    list(text, allowed, "patch.json", |it| {
        format!(
            "{}, {}: the task says {}",
            quote::span(&it.path, NAME_CHARS_MAX),
            quote::span(&it.kind, TITLE_CHARS_MAX),
            quote::span(&it.quote, WORDS_CHARS_MAX)
        )
    });
}

/// Which part of the suite ran, and what was run again.
pub(super) fn around_the_tests(text: &mut String, record: &Record) {
    let (reruns, scope) = record.around_the_tests();
    if let Some(scope) = scope {
        suite_scope(text, scope);
    }
    if !reruns.is_empty() {
        *text += "Run again on both sides, because they seemed to be broken:\n\n";
        list(text, reruns, "outcomes.json", rerun);
    }
}

fn suite_scope(text: &mut String, scope: &SuiteScope) {
    let affected = words::counted(scope.affected.len(), "test file");
    *text += &match scope.left_out.len() {
        0 => format!(
            "{affected} ran before the whole suite, because the change can affect them.\n\n"
        ),
        left_out => format!(
            "**Only part of the suite ran** (it may take {} seconds): {affected} can be affected by the change, {} did not run.\n\n",
            scope.suite_seconds_max,
            words::counted(left_out, "test file"),
        ),
    };
    list(text, &scope.left_out, "outcomes.json", |it| {
        format!("not run: {}", quote::span(it, NAME_CHARS_MAX))
    });
}

fn rerun(rerun: &Rerun) -> String {
    let excuse = match rerun.excuse.as_str() {
        "" => String::new(),
        why => format!("; left aside: {why}"),
    };
    format!(
        "{}: on the base {}, with the change {}{excuse}",
        quote::span(&rerun.id, NAME_CHARS_MAX),
        in_a_row(&rerun.on_base),
        in_a_row(&rerun.with_change)
    )
}

fn in_a_row(outcomes: &[TestOutcome]) -> String {
    if outcomes.is_empty() {
        return "not there".to_owned();
    }
    let words: Vec<&str> = outcomes.iter().map(|it| words::outcome(*it)).collect();
    words.join(", ")
}

/// Why the runner's word can be believed, or can't.
pub(super) fn integrity(text: &mut String, record: &Record) {
    let Some(found) = record.integrity() else {
        return;
    };
    *text += "## Can the test runner be believed?\n\n";
    *text += &canaries(found);
    *text += &format!(
        "- of {} on the base, {}\n",
        words::counted(found.tests_on_base, "test"),
        match found.missing.len() {
            0 => "every one is still collected".to_owned(),
            count => format!("**{} no longer collected**", are(count)),
        }
    );
    if found.marked.is_empty() {
        *text += "- no test gained a skip or an expected failure\n";
    }
    if found.tricks.is_empty() {
        *text += "- nothing in the change serves to be believed rather than to be right\n";
    }
    *text += "\n";
    list(text, &found.missing, "integrity.json", |it| {
        format!(
            "**no longer collected**: {}",
            quote::span(it, NAME_CHARS_MAX)
        )
    });
    list(text, &found.marked, "integrity.json", |it| {
        format!(
            "**gained {}**: {}",
            quote::span(&it.mark, TITLE_CHARS_MAX),
            quote::span(&it.id, NAME_CHARS_MAX)
        )
    });
    list(text, &found.tricks, "integrity.json", |it| {
        format!("**a trick**: {}", trick(it))
    });
    list(text, &found.signs, "integrity.json", |it| {
        format!("worth a look, and more often honest: {}", trick(it))
    });
}

fn trick(it: &Trick) -> String {
    let place = match it.line {
        0 => it.path.clone(),
        line => format!("{}:{line}", it.path),
    };
    format!(
        "{} in {}: {}",
        quote::span(&it.rule, TITLE_CHARS_MAX),
        quote::span(&place, NAME_CHARS_MAX),
        quote::span(&it.words, WORDS_CHARS_MAX)
    )
}

fn are(count: usize) -> String {
    match count {
        1 => "1 is".to_owned(),
        count => format!("{} are", words::number(count as u64)),
    }
}

fn canaries(found: &Integrity) -> String {
    match &found.canaries {
        Canaries::Held { tests } => format!(
            "- {}, whose outcome is known beforehand, came out as they must\n",
            words::counted(*tests as usize, "canary test")
        ),
        Canaries::Broken { found } => {
            let found: Vec<String> = found
                .iter()
                .take(ITEMS_MAX)
                .map(|it| quote::span(it, WORDS_CHARS_MAX))
                .collect();
            format!(
                "- **canary tests did not come out as they must, so the runner's word counts for nothing**: {}\n",
                found.join(", ")
            )
        }
        Canaries::Silent { why } => format!(
            "- canary tests say nothing here: {}\n",
            quote::span(why, WORDS_CHARS_MAX)
        ),
    }
}

/// The hunks that no test would miss.
pub(super) fn bite(text: &mut String, record: &Record) {
    let Some(bite) = record.bite() else {
        return;
    };
    *text += "## Would a test notice if a hunk were missing?\n\n";
    let exercised = |it: &&protocol::HunkBite| matches!(it.verdict, HunkVerdict::Exercised { .. });
    let noticed = bite.hunks.iter().filter(exercised).count();
    *text += &format!(
        "Each hunk was taken out of the change alone, and the tests were run: {} of {} noticed.\n\n",
        noticed,
        words::counted(bite.hunks.len(), "hunk")
    );
    let others: Vec<_> = bite.hunks.iter().filter(|it| !exercised(it)).collect();
    list(text, &others, "bite.json", |it| {
        let place = quote::span(&format!("{} {}", it.path, it.header), NAME_CHARS_MAX);
        match &it.verdict {
            HunkVerdict::Untried { why } => {
                format!(
                    "not tried: {place}, because {}",
                    quote::span(why, WORDS_CHARS_MAX)
                )
            }
            _ => format!("**no test exercises** {place}"),
        }
    });
}

/// A list that is cut where it would bury everything else.
fn list<T>(text: &mut String, items: &[T], all_in: &str, line: impl Fn(&T) -> String) {
    for item in items.iter().take(ITEMS_MAX) {
        *text += &format!("- {}\n", line(item));
    }
    if ITEMS_MAX < items.len() {
        let more = items.len() - ITEMS_MAX;
        *text += &format!("- … and {more} more in `{all_in}`\n");
    }
    if !items.is_empty() {
        *text += "\n";
    }
}
