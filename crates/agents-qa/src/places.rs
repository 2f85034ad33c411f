//! Which files and lines a diff shows, so that a citation can be checked.

use std::collections::HashMap;

use protocol::patch_names;

/// The places of a unified diff.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    files: HashMap<String, Shown>,
}

/// What the diff shows of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Shown {
    /// First and last line of each hunk in the new file, its context included.
    hunks: Vec<(u32, u32)>,
    /// Whether nothing but the name can be cited: the file is gone, binary, or only its mode changed.
    whole: bool,
}

impl Places {
    /// Reads a diff as git writes it.
    pub(crate) fn of(patch: &str) -> Places {
        let mut places = Places::default();
        let mut current: Option<String> = None;
        // Lines of the hunk that are still to come; inside of a hunk nothing is a header.
        let (mut old_left, mut new_left) = (0_u32, 0_u32);
        for line in patch.lines() {
            if 0 < old_left || 0 < new_left {
                match line.as_bytes().first() {
                    Some(b'+') => new_left = new_left.saturating_sub(1),
                    Some(b'-') => old_left = old_left.saturating_sub(1),
                    Some(b'\\') => {}
                    _ => {
                        old_left = old_left.saturating_sub(1);
                        new_left = new_left.saturating_sub(1);
                    }
                }
            } else if let Some(names) = line.strip_prefix("diff --git ") {
                current = patch_names(names).map(|it| it.1);
                if let Some(path) = &current {
                    places.files.entry(path.clone()).or_default().whole = true;
                }
            } else if let Some(ranges) = line.strip_prefix("@@ ") {
                let Some((old, new)) = hunk(ranges) else {
                    continue;
                };
                (old_left, new_left) = (old.1, new.1);
                if let Some(shown) = current.as_ref().and_then(|it| places.files.get_mut(it))
                    && 0 < new.1
                {
                    shown.hunks.push((new.0, new.0 + new.1 - 1));
                    shown.whole = false;
                }
            }
        }
        places
    }

    /// Whether the diff shows this line of this file.
    pub(crate) fn shows(&self, file: &str, line: u32) -> bool {
        self.files.get(file).is_some_and(|it| {
            it.whole
                || it
                    .hunks
                    .iter()
                    .any(|(first, last)| (*first..=*last).contains(&line))
        })
    }
}

/// First line and number of lines, on both sides, of `-1,2 +3,4 @@ …`.
fn hunk(ranges: &str) -> Option<((u32, u32), (u32, u32))> {
    let mut words = ranges.split_whitespace();
    let old = side(words.next()?.strip_prefix('-')?)?;
    let new = side(words.next()?.strip_prefix('+')?)?;
    Some((old, new))
}

fn side(range: &str) -> Option<(u32, u32)> {
    match range.split_once(',') {
        Some((first, count)) => Some((first.parse().ok()?, count.parse().ok()?)),
        None => Some((range.parse().ok()?, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "\
diff --git a/src/a b.py b/src/a b.py
index 1..2 100644
--- a/src/a b.py
+++ b/src/a b.py
@@ -10,3 +10,4 @@ def f():
 context
+@@ -1,99 +1,99 @@ not a header
 context
 context
@@ -40 +41,0 @@
-gone
diff --git \"a/\\303\\251.py\" \"b/\\303\\251.py\"
new file mode 100644
--- /dev/null
+++ \"b/\\303\\251.py\"
@@ -0,0 +1,2 @@
+one
+two
\\ No newline at end of file
diff --git a/old.py b/old.py
deleted file mode 100644
--- a/old.py
+++ /dev/null
@@ -1 +0,0 @@
-gone
diff --git a/image.png b/image.png
GIT binary patch
literal 1
IcmZQz00962

";

    #[test]
    fn a_line_is_shown_when_a_hunk_holds_it() {
        let places = Places::of(PATCH);
        let check = |file: &str, line: u32, want: bool| {
            assert_eq!(places.shows(file, line), want, "{file}:{line}");
        };
        check("src/a b.py", 9, false);
        check("src/a b.py", 10, true);
        check("src/a b.py", 13, true);
        check("src/a b.py", 14, false);
        check("src/a b.py", 99, false);
        check("é.py", 2, true);
        check("é.py", 3, false);
        check("old.py", 1, true);
        check("image.png", 1, true);
        check("b.py", 10, false);
        check("", 0, false);
    }
}
