//! `edit_file`: new text in the place of old.

use protocol::ToolSpec;
use serde_json::json;

use super::Call;
use crate::arguments::Arguments;
use crate::edits::FileEdit;
use crate::refusal::Refusal;

pub(crate) const NAME: &str = "edit_file";

pub(crate) fn spec() -> ToolSpec {
    super::spec(
        NAME,
        "Replaces a piece of a file. `old_text` is copied exactly from the file, without line numbers, and must occur in \
         it exactly once: take enough lines.",
        json!({
            "path": { "type": "string" },
            "old_text": { "type": "string" },
            "new_text": { "type": "string" },
        }),
        &["path", "old_text", "new_text"],
    )
}

pub(super) fn understand(arguments: &Arguments) -> Result<Call, Refusal> {
    Ok(Call::Edit {
        tool: NAME,
        edits: vec![FileEdit::Replace {
            path: arguments.path()?,
            old: arguments.text("old_text")?.to_owned(),
            new: arguments.text("new_text")?.to_owned(),
        }],
    })
}
