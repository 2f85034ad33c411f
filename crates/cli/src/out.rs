//! Lines for the user: results on standard output, remarks on standard error.

use std::io::Write;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::paint::{self, Stream};
use crate::surroundings::Surroundings;

/// Prints a line. A reader that went away, as in `| head`, is no error.
pub(crate) fn line(text: &str) {
    let text = paint::line(text, Stream::Out);
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Characters that fit into a line on standard output; outside a terminal, as many as a log reader takes.
pub(crate) fn chars_max() -> usize {
    const PLAIN_CHARS_MAX: usize = 120;
    console::Term::stdout()
        .size_checked()
        .map_or(PLAIN_CHARS_MAX, |(_, columns)| usize::from(columns))
}

/// Prints a line that is no result.
pub(crate) fn aside(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints a remark that is no result.
pub(crate) fn remark(text: &str) {
    aside(&format!("note        {text}"));
}

/// Calls back whoever left the terminal alone: its bell, and a notification where it shows one (OSC 9).
pub(crate) fn notify(surroundings: &Surroundings, ended: &Result<Exit, Failure>) {
    if !surroundings.watched {
        return;
    }
    let exit = ended.as_ref().map_or_else(|it| it.exit, |it| *it);
    let _ = write!(
        std::io::stderr().lock(),
        "\x1b]9;pipeline: {}\x07\x07",
        exit.about()
    );
}
