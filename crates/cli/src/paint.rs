//! Colours for the first word of a line, where the terminal has them and nobody said no.

use std::borrow::Cow;

use clap::ValueEnum;
use console::Style;

/// When lines have colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where a line goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Error,
}

/// Says once when lines have colours; by default the library looks at the terminal, NO_COLOR and TERM.
pub(crate) fn choose(color: Color) {
    let wanted = match color {
        Color::Auto => return,
        Color::Always => true,
        Color::Never => false,
    };
    console::set_colors_enabled(wanted);
    console::set_colors_enabled_stderr(wanted);
}

/// A line with the colour of what it begins with. Nothing else in it changes: the words carry the meaning, not the colour.
pub(crate) fn line(text: &str, stream: Stream) -> Cow<'_, str> {
    let is_on = match stream {
        Stream::Out => console::colors_enabled(),
        Stream::Error => console::colors_enabled_stderr(),
    };
    let Some((style, words)) = style_of(text).filter(|_| is_on) else {
        return Cow::Borrowed(text);
    };
    let begins = text.len() - text.trim_start().len();
    let (head, rest) = text.split_at(begins + words);
    let (space, mark) = head.split_at(begins);
    Cow::Owned(format!(
        "{space}{}{rest}",
        style.force_styling(true).apply_to(mark)
    ))
}

/// The colour of a line, and how many bytes of it have that colour.
fn style_of(text: &str) -> Option<(Style, usize)> {
    let begin = text.trim_start();
    let first = begin.split([' ', ':']).next()?;
    let style = match first {
        "✓" | "completed" | "applied" => Style::new().green(),
        "✗" | "failed" | "error" => Style::new().red(),
        "!" | "…" | "stopped" | "warning" | "missing" => Style::new().yellow(),
        "next" | "note" => Style::new().cyan(),
        _ => return None,
    };
    Some((style, first.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_word_is_painted_and_only_where_colours_are() {
        choose(Color::Never);
        assert_eq!(line("✓ fine", Stream::Out), "✓ fine");
        choose(Color::Always);
        assert_eq!(line("✓ fine", Stream::Out), "\u{1b}[32m✓\u{1b}[0m fine");
        assert_eq!(
            line("  ✗ Testing    pytest", Stream::Error),
            "  \u{1b}[31m✗\u{1b}[0m Testing    pytest"
        );
        assert_eq!(
            line("error: could not", Stream::Error),
            "\u{1b}[31merror\u{1b}[0m: could not"
        );
        assert_eq!(line("diff --git a b", Stream::Out), "diff --git a b");
        assert_eq!(line("", Stream::Out), "");
    }
}
