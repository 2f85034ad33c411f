//! What changed: the files, then the difference itself.

use crate::changed::changed_files;
use crate::quote;
use crate::record::Record;

/// Files in the table.
const FILES_MAX: usize = 200;
/// Lines of the difference; all of it is in `patch.diff`.
const DIFF_LINES_MAX: usize = 600;
/// The same, in characters.
const DIFF_CHARS_MAX: usize = 64_000;

pub(super) fn section(text: &mut String, record: &Record) {
    *text += "## What changed\n\n";
    let patch = &record.state.proposed_code;
    if patch.trim().is_empty() {
        *text += "Nothing.\n\n";
        return;
    }
    let files = changed_files(patch);
    *text += "| File | | + | − |\n| --- | --- | ---: | ---: |\n";
    for file in files.iter().take(FILES_MAX) {
        let kind = if file.binary { "binary, " } else { "" };
        *text += &format!(
            "| {} | {kind}{} | {} | {} |\n",
            quote::cell(&file.path, 300),
            file.kind,
            file.added,
            file.removed
        );
    }
    if FILES_MAX < files.len() {
        *text += &format!("\n… and {} more files.\n", files.len() - FILES_MAX);
    }
    *text += "\n";
    *text += &quote::fence("diff", patch, DIFF_LINES_MAX, DIFF_CHARS_MAX);
    *text += "\n";
}
