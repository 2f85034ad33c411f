//! Edits as the commands of `str_replace_based_edit_tool`, which Anthropic's models are trained on.

use protocol::ToolSpec;
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::edits::FileEdit;
use crate::refusal::Refusal;
use crate::tools::{Call, delete_file, spec};

pub(crate) const NAME: &str = "str_replace_based_edit_tool";

/// For the system prompt.
pub(crate) const EDITING: &str =
    "Edit with `str_replace_based_edit_tool`, a few lines at a time; `create` is for new files.";

pub(crate) fn specs() -> Vec<ToolSpec> {
    let text = json!({ "type": "string" });
    let editor = spec(
        NAME,
        "Views and edits files. `str_replace` needs `old_str`, which must occur exactly once, and `new_str`; `insert` \
         adds `insert_text` below line `insert_line` (0 is the top); `create` writes `file_text` whole.",
        json!({
            "command": { "type": "string", "enum": ["view", "create", "str_replace", "insert"] },
            "path": text,
            "file_text": text,
            "old_str": text,
            "new_str": text,
            "insert_line": { "type": "integer" },
            "insert_text": text,
            "view_range": { "type": "array", "items": { "type": "integer" }, "description": "First and last line." },
        }),
        &["command", "path"],
    );
    vec![editor, delete_file::spec()]
}

pub(crate) fn understand(arguments: &Arguments) -> Result<Call, Refusal> {
    let command = arguments.text("command")?;
    let path = match command {
        "view" => arguments.optional_path()?,
        _ => arguments.path()?,
    };
    let edit = match command {
        "view" => {
            let (first, last) = view_range(arguments)?;
            return Ok(Call::View {
                tool: NAME,
                path,
                first,
                last,
            });
        }
        "create" => FileEdit::Write {
            path,
            text: arguments.text("file_text")?.to_owned(),
        },
        "str_replace" => FileEdit::Replace {
            path,
            old: arguments.text("old_str")?.to_owned(),
            // Left out, it stands for a deletion.
            new: arguments.optional_text("new_str")?.unwrap_or("").to_owned(),
        },
        "insert" => FileEdit::Insert {
            path,
            below_line: insert_line(arguments)?,
            text: match arguments.optional_text("new_str")? {
                // An earlier version of the tool called it so.
                Some(text) => text.to_owned(),
                None => arguments.text("insert_text")?.to_owned(),
            },
        },
        other => {
            return Err(Refusal::UnknownCommand {
                command: other.to_owned(),
            });
        }
    };
    Ok(Call::Edit {
        tool: NAME,
        edits: vec![edit],
    })
}

fn insert_line(arguments: &Arguments) -> Result<usize, Refusal> {
    let line = arguments.optional_number("insert_line")?;
    let line = line.and_then(|it| usize::try_from(it).ok());
    line.ok_or(Refusal::WrongType {
        argument: "insert_line",
        wanted: "a line number, or 0 for the top",
    })
}

/// First and last line; -1 as the last means the end of the file.
fn view_range(arguments: &Arguments) -> Result<(Option<i64>, Option<i64>), Refusal> {
    let wrong = || Refusal::WrongType {
        argument: "view_range",
        wanted: "two line numbers",
    };
    match arguments.get("view_range") {
        None | Some(Value::Null) => Ok((None, None)),
        Some(Value::Array(range)) => match range[..] {
            [ref first, ref last] => {
                let first = first.as_i64().ok_or_else(wrong)?;
                let last = last.as_i64().ok_or_else(wrong)?;
                Ok((Some(first), (0 <= last).then_some(last)))
            }
            _ => Err(wrong()),
        },
        Some(_) => Err(wrong()),
    }
}
