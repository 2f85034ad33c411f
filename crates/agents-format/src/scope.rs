//! Which files of a change the formatter looks at, and which of their lines are new.

use protocol::{Change, ChangeKind, ChangedFile, LineRange};

/// Most ranges of one file that are formatted one by one; neighbours are joined until there are no more than these.
const RANGES_MAX: usize = 40;
/// Lines above and below a range that may be formatted with it, because they belong to the same statement.
const NEAR_LINES_MAX: usize = 20;

/// The Python files of a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// Files that the base has too.
    pub(crate) modified: Vec<String>,
    /// Files that are new.
    pub(crate) added: Vec<String>,
    /// Files that are gone, or have moved.
    pub(crate) deleted: Vec<String>,
}

impl Scope {
    /// Symbolic links are left out, because the formatter would write through them, and so is what git takes for
    /// binary.
    pub(crate) fn of(change: &Change) -> Scope {
        let mut scope = Scope::default();
        for file in change.files.iter().filter(|it| is_python(it)) {
            let list = match file.kind {
                ChangeKind::Added => &mut scope.added,
                ChangeKind::Modified => &mut scope.modified,
                ChangeKind::Deleted => &mut scope.deleted,
            };
            list.push(file.path.clone());
        }
        scope
    }

    /// Files that the change leaves in the tree.
    pub(crate) fn present(&self) -> Vec<String> {
        self.modified.iter().chain(&self.added).cloned().collect()
    }

    /// Leaves out files that can't be looked at.
    pub(crate) fn keep_only(&mut self, can: impl Fn(&str) -> bool) {
        self.modified.retain(|it| can(it));
        self.added.retain(|it| can(it));
    }

    /// Files that the base has.
    pub(crate) fn on_base(&self) -> Vec<String> {
        self.modified.iter().chain(&self.deleted).cloned().collect()
    }
}

/// Whether two texts differ only in these lines of the first, and in a few around them.
pub(crate) fn stays_near(lines: LineRange, before: &[u8], after: &[u8]) -> bool {
    let split = |text| -> Vec<&[u8]> { <[u8]>::split(text, |it| *it == b'\n').collect() };
    let (before, after) = (split(before), split(after));
    let alike = |(a, b): &(&&[u8], &&[u8])| a == b;
    let above = before.iter().zip(&after).take_while(alike).count();
    if above == before.len() && above == after.len() {
        return true;
    }
    let below = before.iter().rev().zip(after.iter().rev());
    let below = below.take_while(alike).count();
    let index = |line| usize::try_from(line).unwrap_or(usize::MAX);
    index(lines.first) <= above.saturating_add(1 + NEAR_LINES_MAX)
        && before.len() - below <= index(lines.last).saturating_add(NEAR_LINES_MAX)
}

fn is_python(file: &ChangedFile) -> bool {
    let by_name = file.path.ends_with(".py") || file.path.ends_with(".pyi");
    by_name && !file.symlink && !file.binary
}

/// The new lines of a file, last range first, so that formatting one doesn't move the next.
pub(crate) fn ranges_of(change: &Change, path: &str) -> Vec<LineRange> {
    let mut ranges: Vec<LineRange> = change
        .files
        .iter()
        .filter(|it| it.path == path)
        .flat_map(|it| it.lines.iter().copied())
        .collect();
    ranges.sort_by_key(|it| it.first);
    let mut gap = 0;
    let mut joined = join(&ranges, gap);
    while RANGES_MAX < joined.len() {
        gap = gap * 2 + 1;
        joined = join(&ranges, gap);
    }
    joined.reverse();
    joined
}

/// Joins ranges that have at most `gap` lines between them.
fn join(ranges: &[LineRange], gap: u32) -> Vec<LineRange> {
    let mut joined: Vec<LineRange> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.first <= last.last.saturating_add(gap).saturating_add(1) => {
                last.last = last.last.max(range.last);
            }
            _ => joined.push(*range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, kind: ChangeKind, lines: &[(u32, u32)]) -> ChangedFile {
        ChangedFile {
            path: path.to_owned(),
            kind,
            binary: false,
            symlink: false,
            lines: lines
                .iter()
                .map(|(first, last)| LineRange {
                    first: *first,
                    last: *last,
                })
                .collect(),
        }
    }

    #[test]
    fn only_regular_python_files_count() {
        let mut link = file("link.py", ChangeKind::Added, &[]);
        link.symlink = true;
        let mut blob = file("blob.py", ChangeKind::Modified, &[]);
        blob.binary = true;
        let scope = Scope::of(&Change {
            patch: String::new(),
            files: vec![
                file("a.py", ChangeKind::Modified, &[]),
                blob,
                file("gone.py", ChangeKind::Deleted, &[]),
                link,
                file("new.pyi", ChangeKind::Added, &[]),
                file("notes.md", ChangeKind::Added, &[]),
            ],
        });
        assert_eq!(scope.present(), ["a.py", "new.pyi"]);
        assert_eq!(scope.on_base(), ["a.py", "gone.py"]);
    }

    #[test]
    fn ranges_come_last_first_and_neighbours_as_one() {
        check(&[(1, 2), (3, 3), (9, 9)], &[(9, 9), (1, 3)]);
        check(&[(7, 9), (1, 8)], &[(1, 9)]);
        check(&[], &[]);
    }

    #[test]
    fn very_many_ranges_are_joined_until_they_are_few() {
        let many: Vec<(u32, u32)> = (0..1000).map(|n| (n * 10 + 1, n * 10 + 1)).collect();
        let change = Change {
            patch: String::new(),
            files: vec![file("a.py", ChangeKind::Modified, &many)],
        };
        assert!(ranges_of(&change, "a.py").len() <= RANGES_MAX);
    }

    #[test]
    fn formatting_stays_near_the_lines_it_is_for() {
        let text = |at: &[usize]| -> Vec<u8> {
            let line = |n: usize| format!("{}\n", if at.contains(&n) { "new" } else { "old" });
            (1..=100).map(line).collect::<String>().into_bytes()
        };
        let lines = LineRange {
            first: 50,
            last: 52,
        };
        for (at, near) in [
            (&[][..], true),
            (&[51], true),
            (&[30, 72], true),
            (&[29], false),
            (&[51, 73], false),
            (&[1, 51, 100], false),
        ] {
            assert_eq!(stays_near(lines, &text(&[]), &text(at)), near, "{at:?}");
        }
        let mut longer = text(&[51]);
        longer.extend_from_slice(b"at the end\n");
        assert!(!stays_near(lines, &text(&[]), &longer));
    }

    #[track_caller]
    fn check(lines: &[(u32, u32)], want: &[(u32, u32)]) {
        let change = Change {
            patch: String::new(),
            files: vec![
                file("a.py", ChangeKind::Modified, lines),
                file("b.py", ChangeKind::Modified, &[(100, 200)]),
            ],
        };
        let got: Vec<(u32, u32)> = ranges_of(&change, "a.py")
            .iter()
            .map(|it| (it.first, it.last))
            .collect();
        assert_eq!(got, want);
    }
}
