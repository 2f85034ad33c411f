//! `search`: which lines match a pattern.

use protocol::{SearchQuery, ToolSpec, Workspace};
use serde_json::json;

use super::Call;
use crate::answer::{Answer, cut_list};
use crate::arguments::Arguments;
use crate::refusal::Refusal;

pub(crate) const NAME: &str = "search";

/// Most lines of one answer.
const ITEMS_MAX: usize = 200;

pub(super) fn spec() -> ToolSpec {
    super::spec(
        NAME,
        "Finds lines that match a regular expression, in all files or some.",
        json!({
            "pattern": { "type": "string", "description": "As in Rust's regex crate." },
            "path": { "type": "string", "description": "File or folder." },
            "glob": { "type": "string" },
        }),
        &["pattern"],
    )
}

pub(super) fn understand(arguments: &Arguments) -> Result<Call, Refusal> {
    Ok(Call::Search(SearchQuery {
        pattern: arguments.text("pattern")?.to_owned(),
        path: arguments.optional_path()?,
        glob: arguments.optional_text("glob")?.map(str::to_owned),
        items_max: ITEMS_MAX,
    }))
}

pub(super) async fn search(
    work: &dyn Workspace,
    query: &SearchQuery,
    bytes_max: usize,
) -> Result<Answer, Refusal> {
    let listing = work.search(query).await?;
    if listing.items.is_empty() {
        return Ok(Answer::says("No line matches."));
    }
    let text = cut_list(&listing.items, listing.left_out, bytes_max);
    Ok(Answer::says(text))
}
