//! Applies the safe fixes of single findings, so that nothing else in a file is touched.

use crate::findings::{Edit, Found, Place};

/// The text with the fixes of these findings, as far as they don't overlap; the rest has to wait for the next round.
pub(crate) fn apply(text: &str, findings: &[&Found]) -> String {
    let lines = line_starts(text);
    let mut edits: Vec<(usize, usize, &str)> = Vec::new();
    for finding in findings {
        let placed: Option<Vec<(usize, usize, &str)>> = finding
            .fix
            .iter()
            .map(|edit| placed(text, &lines, edit))
            .collect();
        // A fix is applied whole or not at all.
        let Some(placed) = placed else { continue };
        let free = placed
            .iter()
            .all(|new| edits.iter().all(|old| apart(*old, *new)));
        if free {
            edits.extend(placed);
        }
    }
    edits.sort_by_key(|it| it.0);
    let mut fixed = String::with_capacity(text.len());
    let mut done = 0;
    for (start, end, content) in edits {
        fixed.push_str(&text[done..start]);
        fixed.push_str(content);
        done = end;
    }
    fixed.push_str(&text[done..]);
    fixed
}

fn apart(old: (usize, usize, &str), new: (usize, usize, &str)) -> bool {
    old.0 != new.0 && (new.1 <= old.0 || old.1 <= new.0)
}

fn placed<'a>(text: &str, lines: &[usize], edit: &'a Edit) -> Option<(usize, usize, &'a str)> {
    let start = offset(text, lines, edit.start)?;
    let end = offset(text, lines, edit.end)?;
    (start <= end).then_some((start, end, edit.content.as_str()))
}

/// Where each line begins, in bytes. Python ends lines with `\n`, `\r\n` and `\r`; a byte order mark is no column.
fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut starts = vec![if text.starts_with('\u{feff}') { 3 } else { 0 }];
    for (index, byte) in bytes.iter().enumerate() {
        let ends = match byte {
            b'\n' => true,
            b'\r' => bytes.get(index + 1) != Some(&b'\n'),
            _ => false,
        };
        if ends {
            starts.push(index + 1);
        }
    }
    starts
}

/// Columns count characters, not bytes.
fn offset(text: &str, lines: &[usize], place: Place) -> Option<usize> {
    let row = usize::try_from(place.row).ok()?.checked_sub(1)?;
    let column = usize::try_from(place.column).ok()?.checked_sub(1)?;
    let line = *lines.get(row)?;
    let rest = &text[line..];
    rest.char_indices()
        .map(|(index, _)| index)
        .chain([rest.len()])
        .nth(column)
        .map(|index| line + index)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Start and end, each a line and a column, and the new text.
    type Replaced<'a> = ((u32, u32), (u32, u32), &'a str);

    fn fix(edits: &[Replaced<'_>]) -> Found {
        Found {
            rule: "F401".to_owned(),
            path: "a.py".to_owned(),
            line: 1,
            message: String::new(),
            content: String::new(),
            fix: edits
                .iter()
                .map(|(start, end, content)| Edit {
                    content: (*content).to_owned(),
                    start: Place {
                        row: start.0,
                        column: start.1,
                    },
                    end: Place {
                        row: end.0,
                        column: end.1,
                    },
                })
                .collect(),
        }
    }

    #[track_caller]
    fn check(text: &str, fixes: &[Found], want: &str) {
        let fixes: Vec<&Found> = fixes.iter().collect();
        assert_eq!(apply(text, &fixes), want);
    }

    #[test]
    fn columns_count_characters() {
        check(
            "é = \"é\" ; import re\n",
            &[fix(&[((1, 8), (1, 20), "")])],
            "é = \"é\"\n",
        );
    }

    #[test]
    fn line_ends_of_every_kind_count() {
        check(
            "a\r\nb\rc\n",
            &[fix(&[((3, 1), (3, 2), "C")])],
            "a\r\nb\rC\n",
        );
        check(
            "\u{feff}a\n",
            &[fix(&[((1, 1), (1, 2), "b")])],
            "\u{feff}b\n",
        );
    }

    #[test]
    fn a_fix_that_overlaps_waits_and_one_that_does_not_fit_is_left_out() {
        check(
            "one\ntwo\n",
            &[
                fix(&[((1, 1), (2, 1), "")]),
                fix(&[((1, 2), (1, 3), "X")]),
                fix(&[((2, 1), (2, 4), "TWO"), ((9, 1), (9, 2), "")]),
            ],
            "two\n",
        );
    }

    #[test]
    fn the_end_of_the_text_is_a_place() {
        check("a", &[fix(&[((1, 2), (1, 2), "\n")])], "a\n");
        check("a\n", &[fix(&[((2, 1), (2, 1), "b\n")])], "a\nb\n");
    }
}
