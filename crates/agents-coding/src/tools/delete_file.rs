//! `delete_file`: a file goes away.

use protocol::ToolSpec;
use serde_json::json;

use super::Call;
use crate::arguments::Arguments;
use crate::edits::FileEdit;
use crate::refusal::Refusal;

pub(crate) const NAME: &str = "delete_file";

pub(crate) fn spec() -> ToolSpec {
    super::spec(
        NAME,
        "Deletes a file.",
        json!({ "path": { "type": "string" } }),
        &["path"],
    )
}

pub(super) fn understand(arguments: &Arguments) -> Result<Call, Refusal> {
    Ok(Call::Edit {
        tool: NAME,
        edits: vec![FileEdit::Delete {
            path: arguments.path()?,
        }],
    })
}
