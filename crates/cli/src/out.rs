//! Standard output: results, one line after the other.

use std::io::Write;

/// Prints a line. A reader that went away, as in `| head`, is no error.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
