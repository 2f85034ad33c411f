//! Lines for the user: results on standard output, remarks on standard error.

use std::io::Write;

/// Prints a line. A reader that went away, as in `| head`, is no error.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints a remark that is no result.
pub(crate) fn remark(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "note        {text}");
}
