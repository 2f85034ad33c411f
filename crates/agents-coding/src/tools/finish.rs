//! `finish`: the model says that its change is complete.

use protocol::ToolSpec;
use serde_json::json;

use super::Call;
use crate::arguments::Arguments;
use crate::refusal::Refusal;

pub(crate) const NAME: &str = "finish";

pub(super) fn spec() -> ToolSpec {
    super::spec(
        NAME,
        "Ends your work when the change is complete.",
        json!({
            "summary": {
                "type": "string",
                "description": "What you changed and why, and what a reviewer should know; a few sentences.",
            },
        }),
        &["summary"],
    )
}

pub(super) fn understand(arguments: &Arguments) -> Result<Call, Refusal> {
    // The work is worth more than the words about it: a summary that is missing is not a reason to go on.
    let summary = arguments.optional_text("summary")?.unwrap_or_default();
    Ok(Call::Finish {
        summary: summary.to_owned(),
    })
}
