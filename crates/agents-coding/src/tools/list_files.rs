//! `list_files`: which files there are.

use protocol::{ListQuery, ToolSpec, Workspace};
use serde_json::json;

use super::Call;
use crate::answer::{Answer, cut_list};
use crate::arguments::Arguments;
use crate::refusal::Refusal;

pub(crate) const NAME: &str = "list_files";

/// Most files of one answer.
const ITEMS_MAX: usize = 500;

pub(super) fn spec() -> ToolSpec {
    super::spec(
        NAME,
        "Lists files, those that git ignores left out.",
        json!({
            "path": { "type": "string", "description": "Folder; the root if left out." },
            "glob": { "type": "string", "description": "As in `**/*.py`." },
        }),
        &[],
    )
}

pub(super) fn understand(arguments: &Arguments) -> Result<Call, Refusal> {
    Ok(Call::List(ListQuery {
        path: arguments.optional_path()?,
        glob: arguments.optional_text("glob")?.map(str::to_owned),
        items_max: ITEMS_MAX,
    }))
}

/// The files in a folder.
pub(crate) async fn list(
    work: &dyn Workspace,
    query: &ListQuery,
    bytes_max: usize,
) -> Result<Answer, Refusal> {
    let listing = work.list(query).await?;
    if listing.items.is_empty() {
        return Ok(Answer::says("No files fit."));
    }
    let text = cut_list(&listing.items, listing.left_out, bytes_max);
    Ok(Answer::says(text))
}

/// A folder's files, as `list_files` without a pattern shows them.
pub(super) fn of_folder(path: &str) -> ListQuery {
    ListQuery {
        path: path.to_owned(),
        glob: None,
        items_max: ITEMS_MAX,
    }
}
