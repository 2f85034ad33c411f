//! Lines for the user: results on standard output, remarks on standard error.

use std::io::Write;

/// Prints a line. A reader that went away, as in `| head`, is no error.
pub(crate) fn line(text: &str) {
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
