//! Edits in a reply that uses no tool: fenced files, a JSON object of path to content, or a patch.

use serde_json::Value;

use super::apply_patch;
use crate::edits::FileEdit;

/// The edits of a reply in prose; none when it holds no whole file and no patch.
///
/// A fence counts only when it says which file it is, in its first line or alone in the line above: a snippet in an
/// explanation must not become a file.
pub(crate) fn edits_in(text: &str) -> Option<Vec<FileEdit>> {
    if apply_patch::is_in(text)
        && let Ok(edits) = apply_patch::parse(text)
    {
        return Some(edits);
    }
    if let Some(edits) = as_object(text) {
        return Some(edits);
    }
    let mut edits = Vec::new();
    for fence in fences(text) {
        if let Some(path) = fence.path {
            edits.push(FileEdit::Write {
                path,
                text: fence.body,
            });
        } else if let Some(more) = as_object(&fence.body) {
            edits.extend(more);
        }
    }
    (!edits.is_empty()).then_some(edits)
}

/// `{"path": "content"}`, also below `files`.
fn as_object(text: &str) -> Option<Vec<FileEdit>> {
    let Ok(Value::Object(mut object)) = serde_json::from_str(text.trim()) else {
        return None;
    };
    if let Some(Value::Object(files)) = object.get_mut("files") {
        object = std::mem::take(files);
    }
    let edit = |(path, content): (String, Value)| match content {
        Value::String(text) if is_path(&path) => Some(FileEdit::Write { path, text }),
        _ => None,
    };
    let edits: Option<Vec<FileEdit>> = object.into_iter().map(edit).collect();
    edits.filter(|it| !it.is_empty())
}

struct Fence {
    path: Option<String>,
    body: String,
}

/// The fences that are closed; an open one was cut off.
fn fences(text: &str) -> Vec<Fence> {
    let mut found = Vec::new();
    let mut line_above = "";
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((mark, info)) = opening(line) else {
            if !line.trim().is_empty() {
                line_above = line;
            }
            continue;
        };
        let mut body = String::new();
        let mut closed = false;
        for line in lines.by_ref() {
            let end = line.trim();
            if end.starts_with(mark) && end.chars().all(|it| mark.starts_with(it)) {
                closed = true;
                break;
            }
            body += &format!("{line}\n");
        }
        if closed {
            found.push(Fence {
                path: path_in_info(info).or_else(|| path_alone(line_above)),
                body,
            });
        }
        line_above = "";
    }
    found
}

/// The mark that opens a fence and what is said beside it.
fn opening(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let character = line.chars().next().filter(|it| "`~".contains(*it))?;
    let info = line.trim_start_matches(character);
    let mark = &line[..line.len() - info.len()];
    (3 <= mark.len() && !info.contains('`')).then_some((mark, info.trim()))
}

/// As in `python src/a.py`, `src/a.py`, `python:src/a.py` or `python title="src/a.py"`.
fn path_in_info(info: &str) -> Option<String> {
    info.split([' ', '\t', ':', '=', ',', '{', '}'])
        .map(|it| it.trim_matches(['"', '\'']))
        .find(|it| is_path(it))
        .map(str::to_owned)
}

/// A line that holds nothing but a path and its decoration, as in `### File: src/a.py` or ``**`src/a.py`**:``.
fn path_alone(line: &str) -> Option<String> {
    let decoration = ['#', '*', '_', '`', ':', '"', '\'', ' ', '-'];
    let line = line.trim().trim_matches(decoration);
    let name = ["File:", "file:", "Path:", "path:", "File", "Filename:"]
        .iter()
        .find_map(|it| line.strip_prefix(it))
        .unwrap_or(line)
        .trim_matches(decoration);
    is_path(name).then(|| name.to_owned())
}

/// Whether a word can only be meant as a file's path: it has a folder or an extension, and nothing else in it.
fn is_path(word: &str) -> bool {
    let plain = |it: char| it.is_alphanumeric() || "._-/+@".contains(it);
    let name = word.rsplit('/').next().unwrap_or_default();
    let extension = name.rsplit_once('.').map(|(_, it)| it);
    let has_extension = extension.is_some_and(|it| it.starts_with(|c: char| c.is_alphabetic()));
    !name.is_empty() && word.chars().all(plain) && (has_extension || word.contains('/'))
}

#[cfg(test)]
mod tests;
