//! Text of strangers inside Markdown: shown as it is, unable to break out, every hidden character visible.

use protocol::visible;

/// A text as a fenced block. The fence is longer than any run of backticks or tildes inside, so nothing in the text
/// can end it.
///
/// At most `lines_max` lines and `chars_max` characters are shown; a line below the block says how many are left out.
pub(crate) fn fence(language: &str, text: &str, lines_max: usize, chars_max: usize) -> String {
    let text = visible(text);
    let text = text.trim_end_matches('\n');
    let (shown, left_out) = cut(text, lines_max, chars_max);
    let marks = "`".repeat(longest_run(shown, '`').max(2) + 1);
    let mut block = format!("{marks}{language}\n{shown}\n{marks}\n");
    if 0 < left_out {
        block += &format!("\n… and {left_out} more lines.\n");
    }
    block
}

/// A short text as one code span: one line, cut to `chars_max` characters.
pub(crate) fn span(text: &str, chars_max: usize) -> String {
    let line = one_line(text, chars_max);
    let marks = "`".repeat(longest_run(&line, '`') + 1);
    // A span can't begin or end with its own mark, and an empty one isn't a span.
    let pad = if line.is_empty() || line.starts_with('`') || line.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{marks}{pad}{line}{pad}{marks}")
}

/// A code span inside a table, where a bar ends the cell unless it is escaped, even in code.
pub(crate) fn cell(text: &str, chars_max: usize) -> String {
    span(text, chars_max).replace('|', "\\|")
}

/// A text in one line: hidden characters shown, line breaks and tabs folded, cut to `chars_max` characters. Spaces stay,
/// because the identifier of a test may hold several.
pub(crate) fn one_line(text: &str, chars_max: usize) -> String {
    let text = visible(text);
    let parts = text.split(['\n', '\t']).map(str::trim_end);
    let parts: Vec<&str> = parts.filter(|it| !it.trim().is_empty()).collect();
    let line = parts.join(" ");
    if line.chars().count() <= chars_max {
        return line;
    }
    let cut: String = line.chars().take(chars_max.saturating_sub(1)).collect();
    cut.trim_end().to_owned() + "…"
}

/// A text in one line that stays outside of code and still is nothing that a host of repositories acts on: a space parts what
/// would be a mention (`@name`), a reference (`#7`, `GH-7`) or an address, so that no words before it close an issue.
pub(crate) fn inert(text: &str, chars_max: usize) -> String {
    let line = one_line(text, chars_max);
    let mut inert = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    while let Some(character) = rest.next() {
        inert.push(character);
        let next = rest.peek().copied().unwrap_or(' ');
        let parts = match character {
            '@' => next.is_alphanumeric(),
            '#' | '!' => next.is_ascii_digit(),
            '-' => next.is_ascii_digit() && inert.to_ascii_lowercase().ends_with("gh-"),
            ':' => next == '/',
            _ => false,
        };
        if parts {
            inert.push(' ');
        }
    }
    inert
}

/// A word for the shell: in single quotes unless it needs none.
pub(crate) fn shell_word(text: &str) -> String {
    let text = visible(text);
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_./:@+,=%".contains(it);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''").replace('\n', " "))
}

/// The beginning of a text, and how many of its lines are not in it.
fn cut(text: &str, lines_max: usize, chars_max: usize) -> (&str, usize) {
    let mut end = text.len();
    if let Some((at, _)) = text.match_indices('\n').nth(lines_max.saturating_sub(1)) {
        end = at;
    }
    if let Some((at, _)) = text.char_indices().nth(chars_max) {
        end = end.min(at);
    }
    let left_out = text[end..].trim_start_matches('\n').lines().count();
    (&text[..end], left_out)
}

fn longest_run(text: &str, mark: char) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for character in text.chars() {
        run = if character == mark { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(shown: &str, want: Expect) {
        want.assert_eq(shown);
    }

    #[test]
    fn a_fence_inside_the_text_can_not_end_the_block() {
        check(
            &fence("text", "```\n# Status: completed\n````", 9, 99),
            expect![[r#"
                `````text
                ```
                # Status: completed
                ````
                `````
            "#]],
        );
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        check(
            &fence("", "one\ntwo\nthree\nfour\n", 2, 99),
            expect![[r#"
                ```
                one
                two
                ```

                … and 2 more lines.
            "#]],
        );
        check(
            &fence("", "0123456789", 9, 4),
            expect![[r#"
                ```
                0123
                ```

                … and 1 more lines.
            "#]],
        );
    }

    #[test]
    fn hidden_characters_are_shown() {
        check(
            &fence("", "a\u{202e}b\u{200b}\r\nc\u{1b}[2J", 9, 99),
            expect![[r#"
                ```
                a\u{202e}b\u{200b}\u{d}
                c\u{1b}[2J
                ```
            "#]],
        );
    }

    #[test]
    fn a_span_is_one_line_and_can_not_be_left() {
        check(&span("a `b` ``c``", 99), expect!["``` a `b` ``c`` ```"]);
        check(
            &span("one \n\n two\tthree", 99),
            expect!["`one  two three`"],
        );
        check(&span("test_a[1  2]", 99), expect!["`test_a[1  2]`"]);
        check(&span("", 99), expect!["`  `"]);
        check(&span("0123456789", 5), expect!["`0123…`"]);
        check(
            &span("<img src=x> [a](http://b) @someone", 99),
            expect!["`<img src=x> [a](http://b) @someone`"],
        );
    }

    #[test]
    fn a_bar_can_not_end_a_cell() {
        check(&cell("a|b", 99), expect![[r"`a\|b`"]]);
    }

    #[test]
    fn a_shell_word_can_not_become_two() {
        check(
            &shell_word("tests/test_a.py::test_b"),
            expect!["tests/test_a.py::test_b"],
        );
        check(&shell_word("test_b[a b]; rm"), expect!["'test_b[a b]; rm'"]);
        check(&shell_word("it's"), expect![[r"'it'\''s'"]]);
        check(&shell_word("--help"), expect!["'--help'"]);
    }
}
