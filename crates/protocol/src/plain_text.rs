//! Text of strangers, made fit to read: one kind of line end, nothing invisible, nothing endless.

use crate::visible::visible;

/// Longest title of a task, in bytes.
pub const TITLE_BYTES_MAX: usize = 400;
/// Longest task, in bytes. A longer one wouldn't leave a model room for the repository.
pub const TASK_BYTES_MAX: usize = 256 * 1024;
/// Most labels.
const LABELS_MAX: usize = 50;
/// Longest label, in bytes.
const LABEL_BYTES_MAX: usize = 100;

/// The text with line feeds as line ends, without control characters, and with every other character that hides
/// something shown as `\u{…}`.
pub fn clean(text: &str) -> String {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    let kept: String = lines
        .chars()
        .filter(|it| matches!(it, '\n' | '\t') || !it.is_control())
        .collect();
    visible(kept.strip_prefix('\u{feff}').unwrap_or(&kept)).into_owned()
}

/// The text, or its beginning and a line that says how much was cut.
pub fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let kept = &text[..text.floor_char_boundary(bytes_max)];
    let bytes = text.len() - kept.len();
    format!("{}\n\n[{bytes} more bytes were cut here]", kept.trim_end())
}

/// One clean line of bounded length.
pub fn line(text: &str, bytes_max: usize) -> String {
    let clean = clean(text);
    let line = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() <= bytes_max {
        return line;
    }
    format!("{}…", &line[..line.floor_char_boundary(bytes_max)])
}

/// Labels, clean and bounded.
pub fn labels<'a>(labels: impl Iterator<Item = &'a str>) -> Vec<String> {
    labels
        .map(|it| line(it, LABEL_BYTES_MAX))
        .filter(|it| !it.is_empty())
        .take(LABELS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: Expect) {
        expected.assert_eq(&clean(text));
    }

    #[test]
    fn every_line_end_becomes_a_line_feed() {
        check("a\r\nb\rc\n", expect!["a\nb\nc\n"]);
    }

    #[test]
    fn control_characters_go_and_tabs_stay() {
        check("a\0b\u{1b}[31mc\td\u{7f}\u{85}", expect!["ab[31mc\td"]);
    }

    #[test]
    fn what_hides_is_shown() {
        check("user\u{202e}nimda", expect![r"user\u{202e}nimda"]);
        check(
            "zero\u{200b}width \u{e0041}",
            expect![r"zero\u{200b}width \u{e0041}"],
        );
    }

    #[test]
    fn a_mark_at_the_beginning_of_a_file_is_no_text() {
        check("\u{feff}Fix it", expect!["Fix it"]);
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters_and_says_so() {
        expect!["nén [3 more bytes were cut here]"]
            .assert_eq(&cut("néné!", 4).replace("\n\n", " "));
        expect!["né"].assert_eq(&cut("né", 3));
        expect!["n…"].assert_eq(&line("né", 2));
    }
}
