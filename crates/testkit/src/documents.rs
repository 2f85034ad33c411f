//! The project's own documents, as far as they show what to type.

use std::fs;

use crate::fixture::{Fixture, entries};

/// Every line of the `sh` blocks in the README, in `SECURITY.md` and in `docs`, with the name of its page.
///
/// # Panics
///
/// When a page can't be read.
pub fn shell_lines() -> Vec<(String, String)> {
    let root = Fixture::root().join("..");
    let mut pages = vec![root.join("README.md"), root.join("SECURITY.md")];
    pages.extend(entries(&root.join("docs")));
    pages.retain(|it| it.extension().is_some_and(|it| it == "md"));
    let mut found = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page).expect("a page is text");
        let name = page.file_name().unwrap_or_default().to_string_lossy();
        let mut in_block = false;
        for line in text.lines() {
            if let Some(language) = line.strip_prefix("```") {
                in_block = !in_block && language == "sh";
            } else if in_block {
                found.push((name.to_string(), line.to_owned()));
            }
        }
    }
    found
}
