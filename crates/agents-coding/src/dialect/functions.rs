//! Edits as plain function tools, for any model.

use protocol::ToolSpec;

use crate::tools::{delete_file, edit_file, write_file};

/// For the system prompt.
pub(crate) const EDITING: &str =
    "Edit with `edit_file`, a few lines at a time; use `write_file` for new files.";

pub(crate) fn specs() -> Vec<ToolSpec> {
    vec![edit_file::spec(), write_file::spec(), delete_file::spec()]
}
