//! Every command that the documents show is one that the program understands.

use clap::Parser;

use super::Cli;

/// The commands of the program in a line of a shell.
fn commands(line: &str) -> Vec<String> {
    let said = line.split(" #").next().unwrap_or_default();
    // What goes to a file or comes from another program is the shell's business.
    let parts = said.split(" | ");
    let parts = parts.map(|it| it.split(" > ").next().unwrap_or_default().trim());
    let ours = parts.filter(|it| it.starts_with("pipeline "));
    ours.map(str::to_owned).collect()
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
    let mut count = 0;
    let mut wrong = Vec::new();
    for (page, line) in testkit::shell_lines() {
        for command in commands(&line) {
            count += 1;
            if let Err(error) = Cli::try_parse_from(words(&command)) {
                // Help is an answer, not a fault.
                if error.use_stderr() {
                    wrong.push(format!("{page}: {command}\n{error}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(40 < count, "only {count} commands were found");
}
