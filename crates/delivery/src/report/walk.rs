//! The walk: what the formatter and the reviewer said, and every visit with its time, tokens and money.

use protocol::{Evidence, LintFinding, ReviewVerdict, Severity};

use super::{BLOCK_CHARS_MAX, BLOCK_LINES_MAX, TITLE_CHARS_MAX, WORDS_CHARS_MAX};
use crate::quote;
use crate::record::{Place, Record, Visit, Word};
use crate::words;

/// Findings listed; all are in the bundle.
const FINDINGS_MAX: usize = 100;

pub(super) fn formatting(text: &mut String, record: &Record) {
    for evidence in &record.state.evidence {
        let Evidence::Format {
            tool,
            changed,
            new_findings,
            unformatted,
        } = evidence
        else {
            continue;
        };
        *text += &format!(
            "## Formatting\n\n{} changed {} and left {}.\n\n",
            quote::span(tool, TITLE_CHARS_MAX),
            words::counted(changed.len(), "file"),
            words::counted(new_findings.len(), "new finding")
        );
        for finding in new_findings.iter().take(FINDINGS_MAX) {
            *text += &lint_line(finding);
        }
        for file in unformatted.iter().take(FINDINGS_MAX) {
            *text += &format!(
                "- {} is left as it is: {}\n",
                quote::span(&file.path, TITLE_CHARS_MAX),
                quote::span(&file.why, WORDS_CHARS_MAX)
            );
        }
        if !new_findings.is_empty() || !unformatted.is_empty() {
            *text += "\n";
        }
    }
}

fn lint_line(finding: &LintFinding) -> String {
    let place = format!("{}:{}", finding.path, finding.line);
    format!(
        "- {} {}: {}\n",
        quote::span(&place, TITLE_CHARS_MAX),
        quote::span(&finding.rule, TITLE_CHARS_MAX),
        quote::span(&finding.message, WORDS_CHARS_MAX)
    )
}

pub(super) fn review(text: &mut String, record: &Record) {
    let Some(review) = record.state.review() else {
        return;
    };
    // The verdict of the stage counts: it may be stricter than the reviewer's own word.
    let stage = match record.state.qa_passed {
        Some(true) => "The review stage **passed** the change.",
        Some(false) => "The review stage **sent the change back**.",
        None => "The review stage came to no verdict.",
    };
    let own = match review.verdict {
        ReviewVerdict::Pass => "pass",
        ReviewVerdict::Fail => "fail",
    };
    *text += &format!("## Review\n\n{stage} The reviewer's own word was `{own}`:\n\n");
    *text += &quote::fence("text", &review.summary, BLOCK_LINES_MAX, BLOCK_CHARS_MAX);
    *text += "\n";
    for finding in review.findings.iter().take(FINDINGS_MAX) {
        let severity = match finding.severity {
            Severity::Blocking => "**blocking**",
            Severity::Minor => "minor",
        };
        let about = if finding.file.is_empty() {
            format!(
                "the requirement {}",
                quote::span(&finding.requirement, WORDS_CHARS_MAX)
            )
        } else {
            quote::span(
                &format!("{}:{}", finding.file, finding.line),
                TITLE_CHARS_MAX,
            )
        };
        *text += &format!(
            "- {severity}, {about}: {}\n",
            quote::span(&finding.message, WORDS_CHARS_MAX)
        );
    }
    if FINDINGS_MAX < review.findings.len() {
        let more = review.findings.len() - FINDINGS_MAX;
        *text += &format!("- … and {more} more in `review.json`\n");
    }
    if !review.findings.is_empty() {
        *text += "\n";
    }
    *text += &format!("{}\n\n", worth(record));
}

/// How much the reviewer's word is worth, where it was measured.
fn worth(record: &Record) -> String {
    let Some(figure) = record.state.reviewer_figure() else {
        return "How often this reviewer is right isn't known.".to_owned();
    };
    format!(
        "How often this reviewer is right was measured on {}: of the changes with a defect {}{} blocked, for that defect, \
         {}; of those without one, {} (cases {}).",
        quote::span(&figure.day, TITLE_CHARS_MAX),
        quote::span(&figure.model, TITLE_CHARS_MAX),
        figure
            .effort
            .map_or_else(String::new, |it| format!(" with {it} effort")),
        figure.caught,
        figure.false_blocks,
        quote::span(&figure.cases, TITLE_CHARS_MAX)
    )
}

pub(super) fn section(text: &mut String, record: &Record) {
    *text += "## The walk\n\n";
    *text += "| Began after | Stage | Draft | Agent | Model | Came to | Took | Calls | Tokens | Money |\n";
    *text += "| ---: | --- | ---: | --- | --- | --- | ---: | ---: | ---: | ---: |\n";
    for visit in &record.visits {
        *text += &line(record, visit);
    }
    *text += "\n";
    let sent_back = record.visits.iter().filter_map(|it| match &it.word {
        Word::Rejected(feedback) => Some((it, feedback)),
        _ => None,
    });
    for (visit, feedback) in sent_back {
        let (stage, draft) = place_in_words(visit.place);
        *text += &format!(
            "### Sent back by {} in {stage}, draft {draft}\n\n",
            quote::span(&visit.agent, TITLE_CHARS_MAX)
        );
        *text += &quote::fence("text", feedback, BLOCK_LINES_MAX, BLOCK_CHARS_MAX);
        *text += "\n";
    }
    coders_words(text, record);
}

/// One line of the table: ten cells.
fn line(record: &Record, visit: &Visit) -> String {
    let (stage, draft) = place_in_words(visit.place);
    let model = visit
        .models()
        .map_or_else(|| "–".to_owned(), |it| quote::cell(&it, TITLE_CHARS_MAX));
    let began = match visit.inherited {
        true => "before the fork".to_owned(),
        false => words::duration(visit.started_ms.saturating_sub(record.opened_ms)),
    };
    let word = match &visit.word {
        Word::Unfinished => "**not finished**",
        Word::SetAside => "set aside",
        Word::Prepared => "prepared",
        Word::Passed => "passed",
        Word::Rejected(_) => "**sent back**",
    };
    let took = visit.ended_ms.map_or_else(
        || "–".to_owned(),
        |it| words::duration(it.saturating_sub(visit.started_ms)),
    );
    let money = if visit.tokens.total() == 0 {
        "–".to_owned()
    } else {
        words::money(visit.cost_microusd)
    };
    format!(
        "| {began} | {stage} | {draft} | {} | {model} | {word} | {took} | {} | {} | {money} |\n",
        quote::cell(&visit.agent, TITLE_CHARS_MAX),
        visit.calls,
        words::number(visit.tokens.total()),
    )
}

fn place_in_words(place: Place) -> (String, String) {
    match place {
        Place::Preparation => ("preparation".to_owned(), "–".to_owned()),
        Place::Stage(stage, draft) => (stage.to_string(), draft.to_string()),
    }
}

/// What the coders said of the last draft: shown, never believed.
fn coders_words(text: &mut String, record: &Record) {
    for evidence in &record.state.evidence {
        let Evidence::Draft { agent, summary, .. } = evidence else {
            continue;
        };
        if summary.trim().is_empty() {
            continue;
        }
        *text += &format!(
            "What {} says of the last draft (its words, not a finding):\n\n",
            quote::span(agent, TITLE_CHARS_MAX)
        );
        *text += &quote::fence("text", summary, BLOCK_LINES_MAX, BLOCK_CHARS_MAX);
        *text += "\n";
    }
}
