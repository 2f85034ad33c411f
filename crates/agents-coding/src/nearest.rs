//! Shows which lines of a file come nearest to a text that isn't in it.

use similar::TextDiff;

/// Lines of a file that are compared; the rest of a longer one is not looked at.
const LINES_MAX: usize = 5_000;
/// Characters of a line that are compared.
const LINE_CHARS_MAX: usize = 200;
/// Lines that are shown.
const SHOWN_LINES_MAX: usize = 12;
/// Least likeness of a line that is worth showing.
const LIKENESS_MIN: f32 = 0.5;

/// The numbered lines that come nearest to `wanted`, or words that say there are none.
pub(crate) fn nearest_lines(text: &str, wanted: &str) -> String {
    let lines: Vec<&str> = text.lines().take(LINES_MAX).collect();
    let wanted: Vec<&str> = wanted.lines().map(str::trim).collect();
    let Some(start) = by_equal_lines(&lines, &wanted).or_else(|| by_likeness(&lines, &wanted))
    else {
        return "Nothing in the file comes near it.".to_owned();
    };
    let mut shown = "The nearest lines are:\n".to_owned();
    let height = wanted.len().clamp(1, SHOWN_LINES_MAX);
    for (line, number) in lines.iter().zip(1..).skip(start).take(height) {
        shown += &format!("{number}\t{line}\n");
    }
    shown.trim_end().to_owned()
}

/// The place where most lines are the same but for their indentation.
fn by_equal_lines(lines: &[&str], wanted: &[&str]) -> Option<usize> {
    let score = |start: usize| {
        let pairs = lines[start..].iter().zip(wanted);
        pairs
            .filter(|(line, wanted)| !wanted.is_empty() && line.trim() == **wanted)
            .count()
    };
    let best = (0..lines.len()).map(|start| (score(start), start));
    let (score, start) = best.max_by_key(|(score, start)| (*score, usize::MAX - start))?;
    (0 < score).then_some(start)
}

/// The place of the line that is most like the longest one wanted.
fn by_likeness(lines: &[&str], wanted: &[&str]) -> Option<usize> {
    let (offset, longest) = wanted
        .iter()
        .enumerate()
        .max_by_key(|(_, line)| line.len())?;
    let longest = head(longest);
    let mut best: Option<(f32, usize)> = None;
    for (at, line) in lines.iter().enumerate() {
        let line = head(line.trim());
        // Lines of very different lengths can't be alike enough, and needn't be compared.
        if line.len() < longest.len() / 3 || 3 * longest.len() < line.len() {
            continue;
        }
        let likeness = TextDiff::from_chars(longest, line).ratio();
        if best.is_none_or(|(most, _)| most < likeness) {
            best = Some((likeness, at));
        }
    }
    let (likeness, at) = best?;
    (LIKENESS_MIN <= likeness).then(|| at.saturating_sub(offset))
}

fn head(line: &str) -> &str {
    let end = line.char_indices().nth(LINE_CHARS_MAX);
    &line[..end.map_or(line.len(), |(at, _)| at)]
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(wanted: &str, want: &Expect) {
        let text = "import os\n\n\ndef total(items):\n    result = 0\n    return result\n";
        want.assert_eq(&nearest_lines(text, wanted));
    }

    #[test]
    fn another_indentation_is_found() {
        check(
            "  result = 0\n  return result\n",
            &expect![[r#"
                The nearest lines are:
                5	    result = 0
                6	    return result"#]],
        );
    }

    #[test]
    fn a_misremembered_line_is_found() {
        check(
            "def total(values):\n",
            &expect![[r#"
                The nearest lines are:
                4	def total(items):"#]],
        );
    }

    #[test]
    fn something_else_altogether_is_not() {
        check(
            "zzzz zzzz zzzz",
            &expect!["Nothing in the file comes near it."],
        );
    }
}
