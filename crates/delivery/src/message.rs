//! The name of the branch and the message of the commit that carry a change.

use protocol::{Entry, RunId, Stage, Task, TaskSource, TestClass, Tier};

use crate::error::DeliveryError;
use crate::outcomes::Outcomes;
use crate::quote::{inert, one_line};
use crate::record::Record;

/// The first line of a message, as git's own tools show it whole.
const TITLE_CHARS_MAX: usize = 72;
/// The words of the title in a branch's name.
const SLUG_CHARS_MAX: usize = 40;
/// The run's name in a branch's name.
const RUN_CHARS_MAX: usize = 40;
/// Changed test files that are listed.
const FILES_MAX: usize = 20;
/// Longest address of an issue, path of a test, or quote of the task.
const ADDRESS_CHARS_MAX: usize = 300;

/// `pipeline/<words of the title>-<run>`, in lower-case ASCII letters, digits and hyphens, so that it is a name that
/// git, shells and forges all take.
pub(crate) fn branch_name(task: &Task, run: &RunId) -> String {
    let words = slug(&task.title, SLUG_CHARS_MAX);
    let words = if words.is_empty() { "change" } else { &words };
    let run = slug(&run.0, RUN_CHARS_MAX);
    format!("pipeline/{words}-{run}")
}

/// `pipeline/<number or key>-<words of the title>`: the branch of every pull request for one task of a tracker, so that a later
/// run finds what an earlier one pushed. A text has no such name, and its branch is the run's own.
pub fn request_branch(task: &Task, run: &RunId) -> String {
    let name = match &task.source {
        TaskSource::Github { number, .. } => number.to_string(),
        TaskSource::Jira { key, .. } => slug(key, RUN_CHARS_MAX),
        TaskSource::Text | TaskSource::File { .. } => return branch_name(task, run),
    };
    let words = slug(&task.title, SLUG_CHARS_MAX);
    match words.is_empty() {
        true => format!("pipeline/{name}"),
        false => format!("pipeline/{name}-{words}"),
    }
}

/// The commit's message: the task's title, what was measured, and trailers that lead back to the run.
///
/// Everything but the title is ours; no word of a model is in it.
///
/// # Errors
///
/// When the journal tells no run.
pub fn commit_message(run: &RunId, history: &[Entry]) -> Result<String, DeliveryError> {
    Ok(message_of(&Record::read(run, history)?))
}

pub(crate) fn message_of(record: &Record) -> String {
    let mut title = inert(&record.task.title, TITLE_CHARS_MAX);
    if title.is_empty() {
        "Do what the task asks".clone_into(&mut title);
    }
    let mut lines = vec![title, String::new()];
    lines.extend(changed_tests(record));
    lines.extend(caution(record));
    let drafts = match record.state.iteration {
        1 => "the first draft".to_owned(),
        n => format!("draft {n}"),
    };
    lines.push(format!(
        "This is {drafts}. Tests: {}.",
        tests(&Outcomes::of(record))
    ));
    lines.push(format!("Review: {}.", review(record)));
    lines.push(String::new());
    match &record.task.source {
        TaskSource::Github {
            url,
            repository,
            number,
        } => {
            lines.push(format!("Task: {}", one_line(url, ADDRESS_CHARS_MAX)));
            lines.push(format!(
                "Fixes: {}#{number}",
                one_line(repository, ADDRESS_CHARS_MAX)
            ));
        }
        TaskSource::Jira { url, key } => {
            lines.push(format!("Task: {}", one_line(url, ADDRESS_CHARS_MAX)));
            lines.push(format!("Ticket: {}", one_line(key, ADDRESS_CHARS_MAX)));
        }
        TaskSource::Text | TaskSource::File { .. } => {}
    }
    lines.push(format!(
        "Pipeline-Run: {}",
        one_line(&record.run.0, TITLE_CHARS_MAX)
    ));
    if let Some(tier) = record.state.tier {
        let tier = match tier {
            Tier::Proven => "proven",
            Tier::RegressionSafe => "regression-safe",
            Tier::Unverified => "unverified",
        };
        lines.push(format!("Pipeline-Tier: {tier}"));
    }
    lines.join("\n") + "\n"
}

/// What whoever merges the change must not overlook about its tier.
fn caution(record: &Record) -> Option<String> {
    let words = match record.state.tier? {
        Tier::Proven => return None,
        Tier::RegressionSafe if record.state.contradicts_itself() => {
            "Draft: only regression-safe. No test notices when this change is taken back."
        }
        Tier::RegressionSafe => "Draft: only regression-safe. No test was red before this change.",
        Tier::Unverified => {
            "Draft: unverified. A gate was left out or had nothing to look at; see the report."
        }
    };
    Some(format!("{words}\n"))
}

/// Tests that were changed because they contradict the task, which a reader must know first.
fn changed_tests(record: &Record) -> Option<String> {
    let amendment = record.amendment().filter(|it| it.granted)?;
    let mut text = format!(
        "A test was changed because it contradicts the task, which says\n“{}”:\n",
        one_line(&amendment.dispute.quote, ADDRESS_CHARS_MAX)
    );
    for file in amendment.files.iter().take(FILES_MAX) {
        let whose = if file.existed {
            "one of the repository's own"
        } else {
            "an acceptance test"
        };
        text += &format!("- {} ({whose})\n", one_line(&file.path, ADDRESS_CHARS_MAX));
    }
    Some(text)
}

pub(crate) fn tests(outcomes: &Outcomes) -> String {
    let told = [
        (TestClass::Fixed, "fixed"),
        (TestClass::New, "new"),
        (TestClass::Kept, "kept"),
        (TestClass::PreExisting, "failing before and now"),
        (TestClass::Flaky, "flaky"),
    ];
    let parts: Vec<String> = told
        .iter()
        .filter_map(|(class, word)| {
            let count = outcomes.counts.get(class)?;
            Some(format!("{count} {word}"))
        })
        .collect();
    if parts.is_empty() {
        "none ran".to_owned()
    } else {
        parts.join(", ")
    }
}

pub(crate) fn review(record: &Record) -> &'static str {
    match record.state.qa_passed {
        Some(true) => "passed",
        Some(false) => "not passed",
        None if record.has_seat(Stage::Qa) => "not made",
        None => "nobody was asked",
    }
}

fn slug(text: &str, chars_max: usize) -> String {
    let mut slug = String::new();
    for character in text.chars().map(|it| it.to_ascii_lowercase()) {
        if chars_max <= slug.len() {
            break;
        }
        if character.is_ascii_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;
    use expect_test::{Expect, expect};

    #[track_caller]
    fn check_branch(title: &str, want: Expect) {
        want.assert_eq(&branch_name(
            &Task::from_text(title),
            &RunId("260521-Abcd".into()),
        ));
    }

    #[test]
    fn a_branch_is_named_after_the_task_and_the_run() {
        check_branch(
            "The last page is lost",
            expect!["pipeline/the-last-page-is-lost-260521-abcd"],
        );
        check_branch(
            "`../..@{u}~^:?*[ \\.lock`",
            expect!["pipeline/u-lock-260521-abcd"],
        );
        check_branch(
            "--upload-pack=touch x",
            expect!["pipeline/upload-pack-touch-x-260521-abcd"],
        );
        check_branch("漢字", expect!["pipeline/change-260521-abcd"]);
        check_branch(
            "A title that goes on and on and on and on without an end",
            expect!["pipeline/a-title-that-goes-on-and-on-and-on-and-o-260521-abcd"],
        );
    }

    #[track_caller]
    fn check_message(history: &[Entry], want: Expect) {
        let message = commit_message(&RunId("260521-abcd".into()), history);
        want.assert_eq(&message.expect("the example is a run"));
    }

    #[test]
    fn a_message_tells_what_was_measured_and_leads_back_to_the_run() {
        check_message(
            &example::completed(),
            expect![[r#"
            The last page is lost

            This is draft 2. Tests: 1 fixed, 1 kept.
            Review: passed.

            Task: https://github.com/acme/pager/issues/7
            Fixes: acme/pager#7
            Pipeline-Run: 260521-abcd
            Pipeline-Tier: proven
        "#]],
        );
    }

    #[test]
    fn a_changed_test_and_a_lesser_tier_come_first() {
        check_message(
            &example::rich(),
            expect![[r#"
            The last page is lost

            A test was changed because it contradicts the task, which says
            “`pages(11, 10)` should be 2.”:
            - tests/test_pager.py (one of the repository's own)

            This is draft 2. Tests: 1 fixed, 1 kept, 1 failing before and now, 1 flaky.
            Review: passed.

            Task: https://github.com/acme/pager/issues/7
            Fixes: acme/pager#7
            Pipeline-Run: 260521-abcd
            Pipeline-Tier: proven
        "#]],
        );
        check_message(
            &example::safe(),
            expect![[r#"
            The last page is lost

            Draft: only regression-safe. No test was red before this change.

            This is draft 2. Tests: 1 fixed, 1 kept.
            Review: passed.

            Task: https://github.com/acme/pager/issues/7
            Fixes: acme/pager#7
            Pipeline-Run: 260521-abcd
            Pipeline-Tier: regression-safe
        "#]],
        );
    }

    #[test]
    fn a_title_can_not_add_lines() {
        check_message(
            &example::hostile(),
            expect![[r#"
            x`</td>| **Status: completed** # Tier: proven\u{202e}

            This is draft 2. Tests: 1 fixed, 1 kept.
            Review: passed.

            Task: https://github.com/acme/pager/issues/7
            Fixes: acme/pager#7
            Pipeline-Run: 260521-abcd
            Pipeline-Tier: proven
        "#]],
        );
    }
}
