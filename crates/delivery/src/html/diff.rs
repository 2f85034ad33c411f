//! A patch as tables: files, hunks, lines with their numbers and colours.

use serde::Serialize;

use super::paint::{Line, Painter};
use crate::changed::changed_files;

/// Lines of the whole difference that are shown; all of it is in `patch.diff`.
const LINES_MAX: usize = 8000;
/// A file with more lines is folded.
const OPEN_LINES_MAX: usize = 400;

/// One file of a patch.
#[derive(Debug, Serialize)]
pub(super) struct File {
    path: String,
    kind: &'static str,
    added: usize,
    removed: usize,
    binary: bool,
    /// Whether it is unfolded at first.
    open: bool,
    hunks: Vec<Hunk>,
    /// Lines that are not shown.
    left_out: usize,
}

#[derive(Debug, Serialize)]
struct Hunk {
    header: String,
    lines: Vec<Row>,
}

/// One line of a hunk.
#[derive(Debug, Serialize)]
struct Row {
    /// `add`, `del`, `same` or `note`.
    kind: &'static str,
    old: Option<usize>,
    new: Option<usize>,
    pieces: Line,
}

/// Reads git's unified diff.
pub(super) fn files(patch: &str, painter: &mut Painter) -> Vec<File> {
    let changed = changed_files(patch);
    let mut bodies = bodies_of(patch).into_iter();
    let mut lines_left = LINES_MAX;
    changed
        .into_iter()
        .map(|file| {
            let raw = bodies.next().unwrap_or_default();
            let total: usize = raw.iter().map(|it| it.lines.len()).sum();
            let mut hunks = Vec::new();
            let mut shown = 0;
            for hunk in raw {
                if lines_left < hunk.lines.len() {
                    lines_left = 0;
                    break;
                }
                lines_left -= hunk.lines.len();
                shown += hunk.lines.len();
                hunks.push(painted(&file.path, &hunk, painter));
            }
            File {
                path: file.path,
                kind: file.kind,
                added: file.added,
                removed: file.removed,
                binary: file.binary,
                open: total <= OPEN_LINES_MAX,
                hunks,
                left_out: total - shown,
            }
        })
        .collect()
}

/// A hunk as the patch holds it.
struct RawHunk<'a> {
    header: &'a str,
    first: (usize, usize),
    /// The sign, and what follows it.
    lines: Vec<(char, &'a str)>,
}

/// The hunks of each file, in order.
fn bodies_of(patch: &str) -> Vec<Vec<RawHunk<'_>>> {
    let mut files: Vec<Vec<RawHunk<'_>>> = Vec::new();
    // Old and new lines that the current hunk still holds.
    let mut left = (0_usize, 0_usize);
    // Only a line feed ends a line: a lone carriage return is part of it.
    for line in patch.split('\n') {
        let hunk = files.last_mut().and_then(|it| it.last_mut());
        match (hunk, line.chars().next()) {
            (Some(hunk), Some(sign @ ('+' | '-' | ' '))) if left != (0, 0) => {
                hunk.lines.push((sign, &line[1..]));
                if sign != '+' {
                    left.0 = left.0.saturating_sub(1);
                }
                if sign != '-' {
                    left.1 = left.1.saturating_sub(1);
                }
            }
            (Some(hunk), Some('\\')) => hunk.lines.push(('\\', line)),
            _ if line.starts_with("diff --git ") => {
                left = (0, 0);
                files.push(Vec::new());
            }
            _ if line.starts_with("@@ ") => {
                if let (Some(file), Some((old, new))) = (files.last_mut(), ranges(line)) {
                    left = (old.1, new.1);
                    file.push(RawHunk {
                        header: line,
                        first: (old.0, new.0),
                        lines: Vec::new(),
                    });
                }
            }
            _ => {}
        }
    }
    files
}

/// First line and length on both sides of `@@ -1,2 +3,4 @@`.
fn ranges(header: &str) -> Option<((usize, usize), (usize, usize))> {
    let mut words = header.split(' ').skip(1);
    let mut side = |sign| {
        let range = words.next()?.strip_prefix(sign)?;
        let (first, length) = range.split_once(',').unwrap_or((range, "1"));
        Some((first.parse().ok()?, length.parse().ok()?))
    };
    Some((side('-')?, side('+')?))
}

fn painted(path: &str, hunk: &RawHunk<'_>, painter: &mut Painter) -> Hunk {
    // Each side is code of its own; a difference isn't.
    let side = |without: char| -> String {
        let lines = hunk.lines.iter();
        let lines = lines.filter(|(sign, _)| *sign != without && *sign != '\\');
        lines.map(|(_, text)| format!("{text}\n")).collect()
    };
    let mut old = painter.lines(path, &side('+')).into_iter();
    let mut new = painter.lines(path, &side('-')).into_iter();
    let mut number = hunk.first;
    let rows = hunk.lines.iter().map(|(sign, text)| match sign {
        '-' => {
            number.0 += 1;
            row("del", Some(number.0 - 1), None, old.next())
        }
        '+' => {
            number.1 += 1;
            row("add", None, Some(number.1 - 1), new.next())
        }
        ' ' => {
            number = (number.0 + 1, number.1 + 1);
            old.next();
            row("same", Some(number.0 - 1), Some(number.1 - 1), new.next())
        }
        _ => {
            let piece = super::paint::Piece {
                class: "",
                text: text.trim_start_matches("\\ ").to_owned(),
            };
            row("note", None, None, Some(vec![piece]))
        }
    });
    Hunk {
        lines: rows.collect(),
        header: hunk.header.to_owned(),
    }
}

fn row(kind: &'static str, old: Option<usize>, new: Option<usize>, pieces: Option<Line>) -> Row {
    Row {
        kind,
        old,
        new,
        pieces: pieces.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn lines_have_the_numbers_of_their_sides() {
        let patch = "diff --git a/a.py b/a.py\nindex 1..2 100644\n--- a/a.py\n+++ b/a.py\n\
            @@ -3,3 +3,3 @@ def f():\n x\r\n--- a/other\n+++ b/other\n y\n@@ -9 +9,2 @@\n-a\n+b\n+c\n\\ No newline at end of file\n\
            diff --git a/b.bin b/b.bin\nindex 1..2\nGIT binary patch\nliteral 3\n+abc\n";
        let files = files(patch, &mut Painter::new());
        let mut shown = String::new();
        for file in &files {
            shown += &format!("{} +{} -{}\n", file.path, file.added, file.removed);
            for row in file.hunks.iter().flat_map(|it| &it.lines) {
                let number = |it: Option<usize>| it.map_or(String::new(), |it| it.to_string());
                let text: String = row.pieces.iter().map(|it| it.text.as_str()).collect();
                shown += &format!(
                    "{:>2} {:>2} {:<4} {text:?}\n",
                    number(row.old),
                    number(row.new),
                    row.kind
                );
            }
        }
        expect![[r#"
            a.py +3 -2
             3  3 same "x\r"
             4    del  "-- a/other"
                4 add  "++ b/other"
             5  5 same "y"
             9    del  "a"
                9 add  "b"
               10 add  "c"
                  note "No newline at end of file"
            b.bin +0 -0
        "#]]
        .assert_eq(&shown);
    }
}
