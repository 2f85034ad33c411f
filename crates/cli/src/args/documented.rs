//! Every command that the documents show is one that the program understands.

use std::fs;
use std::path::Path;

use clap::Parser;

use super::Cli;

/// The commands of the program in the `sh` blocks of a page.
fn commands(page: &str) -> Vec<String> {
    let mut in_block = false;
    let mut found = Vec::new();
    for line in page.lines() {
        if let Some(language) = line.strip_prefix("```") {
            in_block = !in_block && language == "sh";
        } else if in_block {
            let said = line.split(" #").next().unwrap_or_default();
            // What goes to a file or comes from another program is the shell's business.
            let parts = said
                .split(" | ")
                .map(|it| it.split(" > ").next().unwrap_or_default().trim());
            found.extend(
                parts
                    .filter(|it| it.starts_with("pipeline "))
                    .map(str::to_owned),
            );
        }
    }
    found
}

/// A command line in words, as a shell would have it.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for it in line.chars() {
        match (it, quote) {
            ('"' | '\'', None) => quote = Some(it),
            (it, Some(open)) if it == open => quote = None,
            (' ', None) => words.push(String::new()),
            (it, _) => words.last_mut().expect("there is one").push(it),
        }
    }
    words.retain(|it| !it.is_empty());
    words
}

#[test]
fn every_command_in_the_documents_is_understood() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = vec![root.join("README.md"), root.join("SECURITY.md")];
    for entry in fs::read_dir(root.join("docs")).expect("the documents are there") {
        let path = entry.expect("it can be listed").path();
        pages.extend(
            path.extension()
                .is_some_and(|it| it == "md")
                .then_some(path),
        );
    }
    let mut count = 0;
    let mut wrong = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page).expect("a page is text");
        for command in commands(&text) {
            count += 1;
            if let Err(error) = Cli::try_parse_from(words(&command)) {
                // Help is an answer, not a fault.
                if error.use_stderr() {
                    wrong.push(format!("{}: {command}\n{error}", page.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(40 < count, "only {count} commands were found");
}
