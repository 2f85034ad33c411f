//! `write_file`: a new file, or a whole new text for one.

use protocol::ToolSpec;
use serde_json::json;

use super::Call;
use crate::arguments::Arguments;
use crate::edits::FileEdit;
use crate::refusal::Refusal;

pub(crate) const NAME: &str = "write_file";

pub(crate) fn spec() -> ToolSpec {
    super::spec(
        NAME,
        "Writes a whole file, new or in place of the old one.",
        json!({
            "path": { "type": "string" },
            "text": { "type": "string" },
        }),
        &["path", "text"],
    )
}

pub(super) fn understand(arguments: &Arguments) -> Result<Call, Refusal> {
    Ok(Call::Edit {
        tool: NAME,
        edits: vec![FileEdit::Write {
            path: arguments.path()?,
            text: arguments.text("text")?.to_owned(),
        }],
    })
}
