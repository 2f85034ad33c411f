//! Colours of code, by grammar: a text becomes lines of painted pieces.

use std::sync::LazyLock;

use serde::Serialize;
use tree_sitter_highlight::{HighlightConfiguration, HighlightEvent, Highlighter};

/// Longer texts stay plain: a page must be made in no time.
const BYTES_MAX: usize = 400 * 1024;

/// What the grammar's query tells apart, and the class that the page gives it. A name stands for all below it.
const COLOURS: &[(&str, &str)] = &[
    ("comment", "c"),
    ("constant", "n"),
    ("constructor", "t"),
    ("escape", "n"),
    ("function", "f"),
    ("keyword", "k"),
    ("number", "n"),
    ("string", "s"),
    ("type", "t"),
];

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Piece {
    /// The class of its colour; empty for none.
    pub(super) class: &'static str,
    pub(super) text: String,
}

/// A line of code.
pub(super) type Line = Vec<Piece>;

/// The grammar with its query, which takes some tens of milliseconds to make. One whose query doesn't fit leaves the
/// code plain.
static PYTHON: LazyLock<Option<HighlightConfiguration>> = LazyLock::new(|| {
    let names: Vec<&str> = COLOURS.iter().map(|it| it.0).collect();
    let mut python = HighlightConfiguration::new(
        tree_sitter_python::LANGUAGE.into(),
        "python",
        tree_sitter_python::HIGHLIGHTS_QUERY,
        "",
        "",
    )
    .ok()?;
    python.configure(&names);
    Some(python)
});

/// Makes what every painter needs.
pub(super) fn prepare() {
    LazyLock::force(&PYTHON);
}

/// Paints the languages it knows.
pub(super) struct Painter {
    highlighter: Highlighter,
}

impl Painter {
    pub(super) fn new() -> Painter {
        Painter {
            highlighter: Highlighter::new(),
        }
    }

    /// The lines of a file's text, or of a part of one, without their ends.
    pub(super) fn lines(&mut self, path: &str, text: &str) -> Vec<Line> {
        let is_python = path.ends_with(".py") || path.ends_with(".pyi");
        if is_python && text.len() <= BYTES_MAX {
            self.painted(text).unwrap_or_else(|| plain(text))
        } else {
            plain(text)
        }
    }

    fn painted(&mut self, text: &str) -> Option<Vec<Line>> {
        let python = PYTHON.as_ref()?;
        let events = self
            .highlighter
            .highlight(python, text.as_bytes(), None, None, |_| None)
            .ok()?;
        let mut lines = vec![Line::new()];
        let mut classes: Vec<&'static str> = Vec::new();
        for event in events {
            match event.ok()? {
                HighlightEvent::HighlightStart(colour) => {
                    classes.push(COLOURS.get(colour.0).map_or("", |it| it.1));
                }
                HighlightEvent::HighlightEnd => {
                    classes.pop();
                }
                HighlightEvent::Source { start, end } => {
                    let class = classes.last().copied().unwrap_or_default();
                    add(&mut lines, class, text.get(start..end)?);
                }
            }
        }
        if text.ends_with('\n') || text.is_empty() {
            lines.pop();
        }
        Some(lines)
    }
}

fn plain(text: &str) -> Vec<Line> {
    let mut lines = vec![Line::new()];
    add(&mut lines, "", text);
    if text.ends_with('\n') || text.is_empty() {
        lines.pop();
    }
    lines
}

/// Adds a text that may go over several lines.
fn add(lines: &mut Vec<Line>, class: &'static str, text: &str) {
    for (number, part) in text.split('\n').enumerate() {
        if 0 < number {
            lines.push(Line::new());
        }
        if let Some(line) = lines.last_mut()
            && !part.is_empty()
        {
            line.push(Piece {
                class,
                text: part.to_owned(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(path: &str, text: &str, want: Expect) {
        let lines: Vec<String> = Painter::new()
            .lines(path, text)
            .iter()
            .map(|line| {
                let pieces = line.iter().map(|it| match it.class {
                    "" => it.text.clone(),
                    class => format!("{class}[{}]", it.text),
                });
                pieces.collect()
            })
            .collect();
        want.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn python_has_colours_line_by_line() {
        check(
            "a.py",
            "def f(x):\n    \"\"\"Two\n    lines.\"\"\"\n    return -x * 2  # é\n",
            expect![[r#"
                k[def] f[f](x):
                    s["""Two]
                s[    lines."""]
                    k[return] -x * n[2]  c[# é]"#]],
        );
    }

    #[test]
    fn a_piece_of_code_that_is_no_whole_file_keeps_every_character() {
        let text = "    return (\n\nelse:\n\u{0}\r\n  ]]] 'open";
        let lines = Painter::new().lines("a.py", text);
        let back: Vec<String> = lines
            .iter()
            .map(|line| line.iter().map(|it| it.text.as_str()).collect())
            .collect();
        assert_eq!(back.join("\n"), text);
    }

    #[test]
    fn other_languages_stay_plain() {
        check(
            "a.toml",
            "[a]\nb = 1\n",
            expect![[r#"
            [a]
            b = 1"#]],
        );
        check("a.py", "", expect![""]);
    }
}
