//! `read_file`: the numbered lines of a text file.

use protocol::{ToolSpec, Workspace, WorkspaceError, visible};
use serde_json::json;

use super::{Call, list_files};
use crate::answer::{Answer, glimpse};
use crate::arguments::Arguments;
use crate::refusal::Refusal;
use crate::text_file::TextFile;

pub(crate) const NAME: &str = "read_file";

/// Characters of one line; more is somebody's minified file.
const LINE_CHARS_MAX: usize = 1_000;
/// Room for the words about what was left out.
const NOTE_BYTES: usize = 120;

pub(super) fn spec() -> ToolSpec {
    super::spec(
        NAME,
        "Shows a file with line numbers, or some lines of it.",
        json!({
            "path": { "type": "string" },
            "start_line": { "type": "integer" },
            "end_line": { "type": "integer" },
        }),
        &["path"],
    )
}

pub(super) fn understand(arguments: &Arguments) -> Result<Call, Refusal> {
    Ok(Call::Read {
        path: arguments.path()?,
        first: arguments.optional_number("start_line")?,
        last: arguments.optional_number("end_line")?,
    })
}

/// A file's lines, or a folder's files.
pub(super) async fn view(
    work: &dyn Workspace,
    path: &str,
    first: Option<i64>,
    last: Option<i64>,
    bytes_max: usize,
) -> Result<Answer, Refusal> {
    let folder = async || list_files::list(work, &list_files::of_folder(path), bytes_max).await;
    if path.is_empty() {
        return folder().await;
    }
    match read(work, path, first, last, bytes_max).await {
        Err(Refusal::Workspace(WorkspaceError::Unusable { path, why })) => {
            let unusable = Refusal::Workspace(WorkspaceError::Unusable { path, why });
            folder().await.map_err(|_| unusable)
        }
        other => other,
    }
}

pub(super) async fn read(
    work: &dyn Workspace,
    path: &str,
    first: Option<i64>,
    last: Option<i64>,
    bytes_max: usize,
) -> Result<Answer, Refusal> {
    let bytes = work.read(path).await?;
    let file = TextFile::read(&bytes).ok_or_else(|| Refusal::NotText {
        path: path.to_owned(),
    })?;
    let text = file.text();
    let lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() {
        return Ok(Answer::says("The file is empty."));
    }
    let first = first
        .and_then(|it| usize::try_from(it).ok())
        .unwrap_or(1)
        .max(1);
    let last = last
        .and_then(|it| usize::try_from(it).ok())
        .unwrap_or(lines.len())
        .min(lines.len());
    if lines.len() < first {
        return Err(Refusal::NoSuchLine {
            path: path.to_owned(),
            line: first,
            lines: lines.len(),
        });
    }
    Ok(Answer::says(numbered(&lines, first, last, bytes_max)))
}

/// The lines that fit, and which ones of the file are missing.
fn numbered(lines: &[&str], first: usize, last: usize, bytes_max: usize) -> String {
    let mut text = String::new();
    let mut shown_to = first - 1;
    for number in first..=last {
        let line = lines[number - 1];
        let line = match line.char_indices().nth(LINE_CHARS_MAX) {
            Some(_) => glimpse(line, LINE_CHARS_MAX),
            None => visible(line).into_owned(),
        };
        let line = format!("{number}\t{line}\n");
        if bytes_max < text.len() + line.len() + NOTE_BYTES {
            break;
        }
        text += &line;
        shown_to = number;
    }
    if shown_to < last {
        let next = shown_to + 1;
        text += &format!(
            "[lines {next} to {last} of {} left out: go on with start_line {next}]\n",
            lines.len()
        );
    } else if 1 < first || last < lines.len() {
        text += &format!("[the file has {} lines]\n", lines.len());
    }
    text
}
