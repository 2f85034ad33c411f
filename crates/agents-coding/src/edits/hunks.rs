//! Finds the lines of a file that the hunks of a patch mean.

use std::ops::Range;

use super::anchor::named;
use super::{Hunk, HunkLine};
use crate::nearest::nearest_lines;
use crate::refusal::Refusal;
use crate::text_file::Splice;

/// The replacements that the hunks make, each below the one before.
pub(super) fn fit(path: &str, text: &str, hunks: &[Hunk]) -> Result<Vec<Splice>, Refusal> {
    let lines = Lines::of(text);
    let mut splices = Vec::new();
    let mut cursor = 0;
    for (hunk, number) in hunks.iter().zip(1..) {
        let place = place_of(path, &lines, cursor, hunk, number)?;
        splices.push(lines.splice(place.clone(), &hunk.new_lines(&lines, place.start)));
        cursor = place.end;
    }
    if splices.iter().all(|it| text[it.range.clone()] == it.new) {
        return Err(Refusal::Unchanged {
            path: path.to_owned(),
        });
    }
    Ok(splices)
}

/// Lines added below a line of the file.
pub(super) fn insert(
    path: &str,
    text: &str,
    below_line: usize,
    new: &str,
) -> Result<Splice, Refusal> {
    let lines = Lines::of(text);
    if lines.count() < below_line {
        return Err(Refusal::NoSuchLine {
            path: path.to_owned(),
            line: below_line,
            lines: lines.count(),
        });
    }
    let new = new.replace("\r\n", "\n");
    let new: Vec<&str> = new.strip_suffix('\n').unwrap_or(&new).split('\n').collect();
    Ok(lines.splice(below_line..below_line, &new))
}

/// A text by its lines.
struct Lines<'t> {
    text: &'t str,
    /// Each with its line feed.
    whole: Vec<&'t str>,
    /// Where each begins, and where the last one ends.
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Lines<'t> {
        let whole: Vec<&str> = text.split_inclusive('\n').collect();
        let mut starts = vec![0];
        for line in &whole {
            starts.push(starts[starts.len() - 1] + line.len());
        }
        Lines {
            text,
            whole,
            starts,
        }
    }

    fn count(&self) -> usize {
        self.whole.len()
    }

    /// A line without its line feed.
    fn line(&self, at: usize) -> &'t str {
        self.whole[at].strip_suffix('\n').unwrap_or(self.whole[at])
    }

    /// Puts lines in the place of others. Where the file ends without a line feed, it still does afterwards.
    fn splice(&self, place: Range<usize>, new: &[&str]) -> Splice {
        let range = self.starts[place.start]..self.starts[place.end];
        let file_is_open = !self.text.is_empty() && !self.text.ends_with('\n');
        let open_end = file_is_open && place.end == self.count();
        let joined = new.join("\n");
        let new = match (new.is_empty(), open_end) {
            (true, _) => joined,
            (false, false) => joined + "\n",
            (false, true) if place.is_empty() => format!("\n{joined}"),
            (false, true) => joined,
        };
        Splice { range, new }
    }

    /// The first line from `cursor` that a header names.
    fn header(&self, cursor: usize, header: &str) -> Option<usize> {
        let header = header.trim();
        let whole = |at: &usize| self.line(*at).trim() == header;
        let part = |at: &usize| self.line(*at).trim_start().starts_with(header);
        let mut places = cursor..self.count();
        places.clone().find(whole).or_else(|| places.find(part))
    }

    /// Every place from `cursor` where these lines stand: exactly, or else but for spaces at their ends.
    fn places(&self, cursor: usize, wanted: &[&str]) -> Vec<usize> {
        let same: [fn(&str, &str) -> bool; 2] =
            [|a, b| a == b, |a, b| a.trim_end() == b.trim_end()];
        for same in same {
            let last = (self.count() + 1).saturating_sub(wanted.len());
            let found: Vec<usize> = (cursor..last.max(cursor))
                .filter(|at| (0..wanted.len()).all(|it| same(self.line(at + it), wanted[it])))
                .collect();
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }
}

impl Hunk {
    fn old_lines(&self) -> Vec<&str> {
        let old = self.lines.iter().filter_map(|it| match it {
            HunkLine::Kept(line) | HunkLine::Removed(line) => Some(&**line),
            HunkLine::Added(_) => None,
        });
        old.collect()
    }

    /// The lines afterwards; kept ones as the file has them.
    fn new_lines<'t>(&'t self, file: &Lines<'t>, start: usize) -> Vec<&'t str> {
        let mut at = start;
        let mut new = Vec::new();
        for line in &self.lines {
            match line {
                HunkLine::Kept(_) => {
                    new.push(file.line(at));
                    at += 1;
                }
                HunkLine::Removed(_) => at += 1,
                HunkLine::Added(line) => new.push(line),
            }
        }
        new
    }
}

fn place_of(
    path: &str,
    lines: &Lines<'_>,
    cursor: usize,
    hunk: &Hunk,
    number: usize,
) -> Result<Range<usize>, Refusal> {
    let old = hunk.old_lines();
    let missing = |nearest: String| Refusal::HunkMissing {
        path: path.to_owned(),
        hunk: number,
        after: match cursor {
            0 => String::new(),
            _ => format!(" below line {cursor}, where the hunk before it ends"),
        },
        nearest,
    };
    let mut from = cursor;
    let mut below_header = None;
    for header in &hunk.headers {
        let at = lines.header(from, header);
        let at = at.ok_or_else(|| missing(nearest_lines(lines.text, header)))?;
        below_header = Some(at);
        from = at + 1;
    }
    if old.is_empty() {
        let at = below_header.map_or(lines.count(), |at| at + 1);
        return Ok(at..at);
    }
    let mut places = lines.places(from, &old);
    if let (Some(header), true) = (below_header, places.is_empty()) {
        // The hunk's first line may be the header itself.
        places = lines.places(header, &old);
    }
    if hunk.at_end {
        places.retain(|at| at + old.len() == lines.count());
    }
    match places[..] {
        [] => Err(missing(nearest_lines(lines.text, &old.join("\n")))),
        [start] => Ok(start..start + old.len()),
        [start, ..] if below_header.is_some() => Ok(start..start + old.len()),
        _ => Err(Refusal::HunkRepeated {
            path: path.to_owned(),
            hunk: number,
            lines: named(places.iter().map(|at| at + 1)),
        }),
    }
}
