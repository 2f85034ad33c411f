//! Title and text of a pull request, from events alone. Words of strangers stand in code and are nothing there that a host
//! acts on: no mention, no reference, no closing keyword.

use protocol::{Task, TaskSource, Tier};

use crate::outcomes::Outcomes;
use crate::quote;
use crate::record::Record;
use crate::report::{self, brief};
use crate::words;

/// How the text of every request of ours begins. A host doesn't show it.
pub const MARK: &str = "<!-- pipeline-run: ";
/// Longest title.
const TITLE_CHARS_MAX: usize = 120;
/// Longest text; GitHub takes 65,536 characters.
const TEXT_CHARS_MAX: usize = 60_000;

/// Title and text.
pub(crate) fn of(record: &Record) -> (String, String) {
    let title = match quote::inert(&record.task.title, TITLE_CHARS_MAX) {
        title if title.is_empty() => "Do what the task asks".to_owned(),
        title => title,
    };
    (title, text(record))
}

/// The name of the task that is asked for by a request, the same for every run on it: `owner/repo#7`, a ticket's key, or none
/// for a text.
pub fn task_name(task: &Task) -> Option<String> {
    match &task.source {
        TaskSource::Github {
            repository, number, ..
        } => Some(format!("{repository}#{number}")),
        TaskSource::Jira { key, .. } => Some(key.clone()),
        TaskSource::Text | TaskSource::File { .. } => None,
    }
}

fn text(record: &Record) -> String {
    let run = quote::one_line(&record.run.0, TITLE_CHARS_MAX);
    let mut text = format!("{MARK}{} -->\n", run.replace("--", "-"));
    text += &format!("**{}.**", brief::headline(record));
    text += match record.state.tier {
        Some(Tier::Proven) => "\n\n",
        _ => " Look at what no test shows before you merge it.\n\n",
    };
    if let Some(words) = record.nobody_was_asked {
        text += &format!("**{words}**\n\n");
    }
    if let Some(closes) = closes(record) {
        text += &format!("{closes}\n\n");
    }
    let outcomes = Outcomes::of(record);
    let mut left_out = false;
    for section in brief::for_a_request(record, &outcomes) {
        if text.chars().count() + section.chars().count() <= TEXT_CHARS_MAX {
            text += &section;
        } else {
            left_out = true;
        }
    }
    if left_out {
        text += "Parts that are too long for a request are left out here; the report in the evidence has them.\n\n";
    }
    text += &ending(record);
    text
}

/// The issue that a merge closes, as its host reads it.
fn closes(record: &Record) -> Option<String> {
    match &record.task.source {
        TaskSource::Github {
            repository, number, ..
        } => Some(format!("Fixes {repository}#{number}")),
        TaskSource::Jira { key, url } => Some(format!("Ticket: [{key}](<{url}>)")),
        TaskSource::Text | TaskSource::File { .. } => None,
    }
}

fn ending(record: &Record) -> String {
    let total = record.total();
    format!(
        "## Cost, and how to check it again\n\n{} in {}, {}. Every figure above was measured by the orchestrator and none was \
         taken from a model. Whoever has the evidence of run {} measures them again, without a model or a key:\n\n\
         ```sh\npipeline verify FOLDER\n```\n",
        words::counted(total.calls as usize, "call"),
        words::counted(record.state.iteration.into(), "draft"),
        report::spent(&total),
        quote::span(&record.run.0, TITLE_CHARS_MAX),
    )
}
