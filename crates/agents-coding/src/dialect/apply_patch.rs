//! Edits as the `apply_patch` envelope, which OpenAI's models are trained on.

use std::iter::Peekable;

use protocol::ToolSpec;
use serde_json::json;

use crate::arguments::Arguments;
use crate::edits::{FileEdit, Hunk, HunkLine};
use crate::refusal::Refusal;
use crate::tools::{Call, spec};

pub(crate) const NAME: &str = "apply_patch";

/// For the system prompt.
pub(crate) const EDITING: &str = "Edit with `apply_patch`, in small hunks.";

const DESCRIPTION: &str = "Adds, changes and deletes files. The patch looks like this, with three lines of context \
around each change, no line numbers, and an `@@` line with the class or function where context alone isn't unique:
*** Begin Patch
*** Update File: path/a.py
@@ class A
 context
-old line
+new line
*** Add File: path/b.py
+every line with a plus
*** Delete File: path/c.py
*** End Patch";

pub(crate) fn specs() -> Vec<ToolSpec> {
    vec![spec(
        NAME,
        DESCRIPTION,
        json!({ "input": { "type": "string", "description": "The whole patch." } }),
        &["input"],
    )]
}

pub(crate) fn understand(arguments: &Arguments) -> Result<Call, Refusal> {
    let patch = match arguments.optional_text("patch")? {
        Some(patch) => patch,
        None => arguments.text("input")?,
    };
    Ok(Call::Edit {
        tool: NAME,
        edits: parse(patch)?,
    })
}

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";
const ADD: &str = "*** Add File: ";
const DELETE: &str = "*** Delete File: ";
const UPDATE: &str = "*** Update File: ";
const MOVE: &str = "*** Move to: ";
const END_OF_FILE: &str = "*** End of File";

/// Whether a text holds a patch in this form.
pub(crate) fn is_in(text: &str) -> bool {
    text.lines().any(|it| it.trim() == BEGIN)
}

/// The edits of a patch. What stands before its first and after its last line, such as a shell's here-document, is
/// passed over.
pub(crate) fn parse(patch: &str) -> Result<Vec<FileEdit>, Refusal> {
    let wrong = |line, why| Refusal::PatchForm { line, why };
    let mut lines = patch.lines().zip(1..).peekable();
    if !lines.any(|(line, _)| line.trim() == BEGIN) {
        return Err(wrong(1, "there is no `*** Begin Patch`"));
    }
    let mut edits = Vec::new();
    loop {
        let Some((line, number)) = lines.next() else {
            let last = patch.lines().count();
            return Err(wrong(
                last,
                "it ends without `*** End Patch`: was it cut off?",
            ));
        };
        let line = line.trim_end();
        if line.trim() == END {
            break;
        } else if let Some(path) = line.strip_prefix(ADD) {
            let text = added_text(&mut lines)?;
            edits.push(FileEdit::Write {
                path: plain(path),
                text,
            });
        } else if let Some(path) = line.strip_prefix(DELETE) {
            edits.push(FileEdit::Delete { path: plain(path) });
        } else if let Some(path) = line.strip_prefix(UPDATE) {
            edits.push(update(plain(path), number, &mut lines)?);
        } else if !line.is_empty() {
            return Err(wrong(
                number,
                "expected `*** Update File: `, `*** Add File: `, `*** Delete File: ` or `*** End Patch`",
            ));
        }
    }
    if edits.is_empty() {
        return Err(wrong(1, "it changes nothing"));
    }
    Ok(edits)
}

fn plain(path: &str) -> String {
    path.trim().trim_start_matches("./").to_owned()
}

/// The next line that still belongs to the file under way.
fn next_of_file<'p>(
    lines: &mut Peekable<impl Iterator<Item = (&'p str, usize)>>,
) -> Option<(&'p str, usize)> {
    let ends = |line: &str| line.starts_with("*** ") && line.trim_end() != END_OF_FILE;
    lines.next_if(|(line, _)| !ends(line))
}

fn added_text<'p>(
    lines: &mut Peekable<impl Iterator<Item = (&'p str, usize)>>,
) -> Result<String, Refusal> {
    let mut text = String::new();
    while let Some((line, number)) = next_of_file(lines) {
        match line.strip_prefix('+') {
            Some(added) => text += &format!("{added}\n"),
            None if line.trim().is_empty() || line.trim_end() == END_OF_FILE => {}
            None => {
                return Err(Refusal::PatchForm {
                    line: number,
                    why: "every line of an added file begins with `+`",
                });
            }
        }
    }
    Ok(text)
}

fn update<'p>(
    path: String,
    opened: usize,
    lines: &mut Peekable<impl Iterator<Item = (&'p str, usize)>>,
) -> Result<FileEdit, Refusal> {
    let moved = lines.next_if(|(line, _)| line.starts_with(MOVE));
    let new_path = moved.map(|(line, _)| plain(&line[MOVE.len()..]));
    let mut hunks: Vec<Hunk> = Vec::new();
    let mut open = Hunk::default();
    while let Some((line, number)) = next_of_file(lines) {
        if line.trim_end() == END_OF_FILE {
            open.at_end = true;
        } else if let Some(header) = line.strip_prefix("@@") {
            if !open.lines.is_empty() {
                hunks.push(closed(std::mem::take(&mut open)));
            }
            open.headers.extend(header_of(header));
        } else {
            open.lines.push(hunk_line(line, number)?);
        }
    }
    let open = closed(open);
    if !open.lines.is_empty() {
        hunks.push(open);
    }
    if hunks.is_empty() && new_path.is_none() {
        return Err(Refusal::PatchForm {
            line: opened,
            why: "the update has no lines",
        });
    }
    Ok(FileEdit::Patch {
        path,
        new_path,
        hunks,
    })
}

fn hunk_line(line: &str, number: usize) -> Result<HunkLine, Refusal> {
    let mut characters = line.chars();
    match characters.next() {
        // Models leave out the space of an empty context line.
        None => Ok(HunkLine::Kept(String::new())),
        Some(' ') => Ok(HunkLine::Kept(characters.as_str().to_owned())),
        Some('-') => Ok(HunkLine::Removed(characters.as_str().to_owned())),
        Some('+') => Ok(HunkLine::Added(characters.as_str().to_owned())),
        Some(_) => Err(Refusal::PatchForm {
            line: number,
            why: "a line of a hunk begins with a space, `-` or `+`",
        }),
    }
}

/// The hunk without the empty lines that only set it off from what follows.
fn closed(mut hunk: Hunk) -> Hunk {
    while hunk.lines.last() == Some(&HunkLine::Kept(String::new())) {
        hunk.lines.pop();
    }
    hunk
}

/// The line an `@@` names; none when it holds line numbers only, as in other kinds of patch.
fn header_of(text: &str) -> Option<String> {
    let text = text.trim();
    let text = match text.split_once("@@") {
        Some((numbers, header)) if numbers.starts_with('-') => header.trim(),
        Some((header, "")) => header.trim(),
        _ => text,
    };
    let only_numbers = text
        .chars()
        .all(|it| it.is_ascii_digit() || "-+, ".contains(it));
    (!text.is_empty() && !only_numbers).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
