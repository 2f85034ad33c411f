//! The report of a run, for a person: rendered from events alone.
//!
//! States and counts come from what the orchestrator recorded. Text of strangers (the task, models' words, test
//! output, the diff) stands in code spans and fenced blocks, and can neither set a state nor look like one.

pub(crate) mod brief;
mod change;
mod gates;
pub(crate) mod guidance;
mod tests_section;
mod walk;
mod walls;

use protocol::{Base, ModelId, RunState, Status, TestOrigin, Tier, Usage};

use crate::forked::{Forked, Handover};
use crate::outcomes::Outcomes;
use crate::quote;
use crate::record::Record;
use crate::trace;
use crate::words;

/// The command that re-executes the gates, from inside the folder.
pub(crate) const VERIFY: &str = "pipeline verify .";
/// Longest line taken from a title.
const TITLE_CHARS_MAX: usize = 120;
/// Longest explanation or why, in one line.
const WORDS_CHARS_MAX: usize = 600;
/// Longest text quoted in one block.
const BLOCK_LINES_MAX: usize = 200;
/// The same, in characters.
const BLOCK_CHARS_MAX: usize = 24_000;

/// Renders `report.md`. `head` is the last digest of the journal's chain.
pub(crate) fn render(record: &Record, outcomes: &Outcomes, head: &str) -> String {
    let mut text = String::new();
    summary(&mut text, record);
    handovers(&mut text, record);
    gates::amendment(&mut text, record);
    asked(&mut text, record);
    guidance::section(&mut text, record);
    change::section(&mut text, record);
    tests_section::section(&mut text, record, outcomes, tests_section::Times::Told);
    gates::integrity(&mut text, record);
    gates::bite(&mut text, record);
    walk::formatting(&mut text, record);
    walk::review(&mut text, record);
    trace::shown::section(&mut text, &record.trace);
    walk::section(&mut text, record);
    walls::section(&mut text, record);
    missing(&mut text, record);
    check_again(&mut text, record, head);
    text
}

fn summary(text: &mut String, record: &Record) {
    let status = status_in_words(record);
    *text += &format!(
        "# {status}{}: {}\n\n",
        draft_tier(&record.state),
        quote::span(&record.task.title, TITLE_CHARS_MAX)
    );
    if let Some(words) = record.nobody_was_asked {
        *text += &format!("**{words}**\n\n");
    }
    gates::allowed_paths(text, record);
    let total = record.total();
    let took = record.last_ms.saturating_sub(record.opened_ms);
    let mut row = |name: &str, value: String| *text += &format!("| {name} | {value} |\n");
    row("Run", quote::cell(&record.run.0, TITLE_CHARS_MAX));
    row("---", "---".to_owned());
    if let Some(forked) = &record.forked {
        row("Forked from", forked_in_words(forked));
    }
    row("Status", format!("**{status}**"));
    if record.state.status == Status::Completed {
        row("Tier", tier_in_words(record));
    }
    row(
        "Drafts",
        format!(
            "{} of at most {}",
            record.state.iteration, record.limits.iterations_max
        ),
    );
    let repository = match &*record.base.repository {
        "" => "none: the run started from nothing".to_owned(),
        repository => quote::cell(repository, WORDS_CHARS_MAX),
    };
    row("Repository", repository);
    let mut base = quote::cell(&record.base.commit, TITLE_CHARS_MAX);
    if record.base.uncommitted {
        base += ", and uncommitted changes";
    }
    row("Base commit", base);
    row(
        "Time",
        format!(
            "{} → {} ({})",
            words::moment(record.opened_ms),
            words::moment(record.last_ms),
            words::duration(took)
        ),
    );
    row(
        "Models",
        format!(
            "{}, {}",
            words::counted(total.calls as usize, "call"),
            spent(&total)
        ),
    );
    if let Some(forked) = &record.forked {
        row("– inherited", in_calls(&forked.inherited));
        row("– its own", in_calls(&forked.own));
    }
    *text += "\n";
    if let Some(reason) = record.reason_in_words() {
        *text += &format!("{reason}\n\n");
    }
    if let Some(explanation) = &record.explanation {
        *text += &format!(
            "In the run's own words: {}\n\n",
            quote::span(explanation, WORDS_CHARS_MAX)
        );
    }
}

fn forked_in_words(forked: &Forked) -> String {
    format!(
        "{}, after its event {}",
        quote::cell(&forked.run.0, TITLE_CHARS_MAX),
        forked.at
    )
}

/// Calls, tokens and money.
pub(crate) fn in_calls(usage: &Usage) -> String {
    let calls = words::counted(usage.calls as usize, "call");
    format!("{calls}, {}", spent(usage))
}

/// Who works on the run now that didn't at its beginning.
fn handovers(text: &mut String, record: &Record) {
    for it in &record.handovers {
        *text += &format!(
            "- From event {} on, {} {}.\n",
            it.seq,
            quote::span(&it.agent, TITLE_CHARS_MAX),
            change_of(it, |id| quote::span(&id.to_string(), TITLE_CHARS_MAX))
        );
    }
    if !record.handovers.is_empty() {
        *text += "\n";
    }
}

/// What became of a seat.
pub(crate) fn change_of(handover: &Handover, shown: impl Fn(&ModelId) -> String) -> String {
    let named = |model: &Option<ModelId>| {
        let model = model.as_ref().map(&shown);
        model.unwrap_or_else(|| "nobody".to_owned())
    };
    format!(
        "is {}, and was {}",
        named(&handover.after),
        named(&handover.before)
    )
}

/// Scripted models use nothing, so there is no price to be missed.
pub(crate) fn spent(usage: &Usage) -> String {
    match usage.tokens.total() {
        0 => "nothing spent".to_owned(),
        tokens => format!(
            "{} tokens, {}",
            words::number(tokens),
            words::money(usage.cost_microusd)
        ),
    }
}

/// The status as a reader needs it: a run that stopped early says so.
pub(crate) fn status_in_words(record: &Record) -> &'static str {
    match (record.state.status, record.state.reason) {
        (Status::Completed, _) => "Completed",
        (Status::Failed, _) => "Failed",
        (Status::Running, Some(_)) => "Interrupted, can be resumed",
        (Status::Running, None) => "Under way",
    }
}

/// What a reader must not overlook about the tier, for the first line.
fn draft_tier(state: &RunState) -> &'static str {
    match state.tier {
        Some(Tier::RegressionSafe) if state.contradicts_itself() => {
            ", but only regression-safe (no test notices when the change is taken back)"
        }
        Some(Tier::RegressionSafe) => {
            ", but only regression-safe (no test was red before the change)"
        }
        Some(Tier::Unverified) => ", but unverified",
        Some(Tier::Proven) | None => "",
    }
}

pub(crate) fn tier_in_words(record: &Record) -> String {
    let tests = record.state.acceptance_tests();
    match record.state.tier {
        Some(Tier::Proven) if tests.is_some_and(|it| it.origin == TestOrigin::User) => {
            "**proven**: a test of the user's own was red before the change, for the right reason, and is green with \
             it; nothing that passed before fails now; a reviewer passed it"
        }
        Some(Tier::Proven) => {
            "**proven**: a blind test was red before the change, for the right reason, and is green with it; \
             nothing that passed before fails now; a reviewer passed it"
        }
        Some(Tier::RegressionSafe) if record.state.contradicts_itself() => {
            "**regression-safe**: nothing that passed before fails now and a reviewer passed it; a test that was red \
             before is green now, but no test notices when the change is taken back"
        }
        Some(Tier::RegressionSafe) => {
            "**regression-safe**: nothing that passed before fails now and a reviewer passed it, but no test was red \
             before the change"
        }
        Some(Tier::Unverified) => {
            "**unverified**: a gate was left out or had nothing to look at; see “What is missing”"
        }
        None => "none",
    }
    .to_owned()
}

fn asked(text: &mut String, record: &Record) {
    *text += "## What was asked\n\n";
    if let Some(from) = source_in_words(record) {
        *text += &format!("{from}\n\n");
    }
    *text += &quote::fence(
        "markdown",
        &record.task.as_markdown(),
        BLOCK_LINES_MAX,
        BLOCK_CHARS_MAX,
    );
    *text += "\n";
}

fn source_in_words(record: &Record) -> Option<String> {
    use protocol::TaskSource;
    match &record.task.source {
        TaskSource::Text => None,
        TaskSource::File { name } => Some(format!(
            "From the file {}.",
            quote::span(name, WORDS_CHARS_MAX)
        )),
        TaskSource::Github { url, .. } => Some(format!(
            "From the issue {}.",
            quote::span(url, WORDS_CHARS_MAX)
        )),
        TaskSource::Jira { url, .. } => Some(format!(
            "From the ticket {}.",
            quote::span(url, WORDS_CHARS_MAX)
        )),
    }
}

fn missing(text: &mut String, record: &Record) {
    let found = record.missing();
    *text += "## What is missing, and why\n\n";
    if found.is_empty() {
        *text += "Nothing: every role worked and every gate had something to look at.\n\n";
        return;
    }
    for (what, why) in found {
        *text += &format!(
            "- {}: {}\n",
            quote::one_line(&what, TITLE_CHARS_MAX).replace(['`', '<', '[', '*', '_'], ""),
            quote::span(&why, WORDS_CHARS_MAX)
        );
    }
    *text += "\n";
}

fn check_again(text: &mut String, record: &Record, head: &str) {
    *text += "## Check it again\n\n";
    let lines = commands(record);
    if !lines.is_empty() {
        *text += "Nothing below needs a model or a key. In this folder:\n\n";
        *text += &quote::fence("sh", &lines.join("\n"), BLOCK_LINES_MAX, BLOCK_CHARS_MAX);
        *text += "\n";
    }
    *text += "Every gate again, in the sandbox, compared figure by figure with this folder:\n\n";
    *text += &quote::fence("sh", VERIFY, BLOCK_LINES_MAX, BLOCK_CHARS_MAX);
    *text += "\n";
    *text += &format!(
        "Every event stands in `journal.jsonl`, each line vouching for the one before. The last digest is\n`{head}`.\n"
    );
}

/// The commands that show the change at work, without this program; none when nothing changed.
pub(crate) fn commands(record: &Record) -> Vec<String> {
    if record.state.proposed_code.trim().is_empty() {
        return Vec::new();
    }
    // Elsewhere: a file more in the bundle's own folder, and nobody would believe it again.
    let mut lines = vec!["checked=\"$(mktemp -d)\"".to_owned()];
    lines.extend(base_again(&record.base));
    lines.push("git -C \"$checked\" apply --stat --apply \"$PWD/patch.diff\"".to_owned());
    let acceptance = record.state.acceptance_tests();
    if acceptance.is_some_and(|it| !it.files.is_empty()) {
        lines.push("cp -R acceptance/. \"$checked\"".to_owned());
    }
    lines.push("(cd \"$checked\" && python -m pytest)".to_owned());
    lines
}

/// The commands that lay out the base in the folder `checked`.
fn base_again(base: &Base) -> Vec<String> {
    let repository = quote::shell_word(&base.repository);
    if base.repository.is_empty() {
        return vec!["git init \"$checked\"".to_owned()];
    }
    if base.uncommitted {
        return vec![
            "# The run started from uncommitted changes, which only this folder has.".to_owned(),
            format!("cp -R -- {repository}/. \"$checked\""),
        ];
    }
    let commit = quote::shell_word(&base.commit);
    vec![
        format!("git clone -- {repository} \"$checked\""),
        format!("git -C \"$checked\" checkout {commit}"),
    ]
}

#[cfg(test)]
mod tests {
    use expect_test::{expect, expect_file};
    use protocol::{Entry, RunId};

    use super::*;
    use crate::example;

    fn rendered(history: &[Entry]) -> String {
        let run = RunId("260521-abcd".into());
        let record = Record::read(&run, history).expect("the example is a run");
        render(&record, &Outcomes::of(&record), &"9".repeat(64))
    }

    #[test]
    fn the_base_is_laid_out_again_from_wherever_it_came() {
        let base = |repository: &str, uncommitted| Base {
            repository: repository.into(),
            commit: "c0ffee".into(),
            tree: protocol::TreeId("7ree".into()),
            uncommitted,
        };
        let told = [
            base("https://host.example/a/b", false),
            base("/home/me/my project", true),
            base("", false),
            base("--upload-pack=touch${IFS}here", false),
        ]
        .map(|it| base_again(&it).join("\n"));
        expect![[r#"
            git clone -- https://host.example/a/b "$checked"
            git -C "$checked" checkout c0ffee

            # The run started from uncommitted changes, which only this folder has.
            cp -R -- '/home/me/my project'/. "$checked"

            git init "$checked"

            git clone -- '--upload-pack=touch${IFS}here' "$checked"
            git -C "$checked" checkout c0ffee"#]]
        .assert_eq(&told.join("\n\n"));
    }

    #[test]
    fn a_completed_run_reads_from_the_verdict_down_to_the_way_to_check_it() {
        expect_file!["../fixtures/completed.md"].assert_eq(&rendered(&example::completed()));
    }

    #[test]
    fn everything_the_gates_measured_is_told_and_an_amended_test_first() {
        expect_file!["../fixtures/rich.md"].assert_eq(&rendered(&example::rich()));
    }

    #[test]
    fn a_change_that_nothing_proves_says_so_in_its_first_line() {
        let report = rendered(&example::safe());
        expect!["# Completed, but only regression-safe (no test was red before the change): `The last page is lost`"]
            .assert_eq(report.lines().next().unwrap_or_default());
    }

    #[test]
    fn a_run_without_a_change_says_what_to_do_next() {
        expect_file!["../fixtures/no_code.md"].assert_eq(&rendered(&example::no_code()));
    }

    #[test]
    fn a_forked_run_says_where_it_comes_from_and_what_it_cost_until_then() {
        expect_file!["../fixtures/forked.md"].assert_eq(&rendered(&example::forked()));
    }

    #[test]
    fn an_interrupted_run_shows_no_verdict_of_the_draft_before() {
        expect_file!["../fixtures/interrupted.md"].assert_eq(&rendered(&example::interrupted()));
    }

    /// What a Markdown reader takes for structure: lines outside fenced blocks, code spans cut out.
    fn structure(report: &str) -> Vec<String> {
        let mut fence: Option<String> = None;
        let mut lines = Vec::new();
        for line in report.lines() {
            let marks: String = line.chars().take_while(|it| *it == '`').collect();
            match &fence {
                Some(open) if open.len() <= marks.len() && line == marks => fence = None,
                Some(_) => {}
                None if 3 <= marks.len() && !line[marks.len()..].contains('`') => {
                    fence = Some(marks);
                }
                None => lines.push(without_spans(line)),
            }
        }
        assert_eq!(fence, None, "a block is left open");
        lines
    }

    fn without_spans(line: &str) -> String {
        let mut rest = line;
        let mut kept = String::new();
        while let Some(at) = rest.find('`') {
            kept += &rest[..at];
            let marks: String = rest[at..].chars().take_while(|it| *it == '`').collect();
            let inside = &rest[at + marks.len()..];
            let mut end = None;
            let mut from = 0;
            while let Some(found) = inside[from..].find('`') {
                let start = from + found;
                let run = inside[start..].chars().take_while(|it| *it == '`').count();
                if run == marks.len() {
                    end = Some(start + run);
                    break;
                }
                from = start + run;
            }
            rest = &inside[end.expect("every span is closed on its line")..];
            kept.push('…');
        }
        kept + rest
    }

    #[test]
    fn text_of_strangers_adds_nothing_to_the_structure() {
        let hostile = structure(&rendered(&example::hostile()));
        let headings = |lines: &[String]| -> Vec<String> {
            let of = |it: &&String| it.starts_with('#');
            lines.iter().filter(of).cloned().collect()
        };
        let plain = structure(&rendered(&example::completed()));
        assert_eq!(headings(&hostile), headings(&plain));
        for line in &hostile {
            assert!(!line.contains("<script"), "{line}");
            assert!(!line.contains('\u{202e}'), "{line}");
            assert!(!line.contains("unverified"), "{line}");
            let bars = line.replace("\\|", "").matches('|').count();
            assert!([0, 3, 5, 7, 11].contains(&bars), "{bars} bars: {line}");
        }
    }
}
