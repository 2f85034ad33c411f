//! The parts of files that a patch shows, laid out as whole files, so that an edit of them can be told as a change.
//!
//! A case holds no more of a stranger's file than a patch does. What lies between the parts is filled with lines that are
//! the same on both sides: git then tells the change as it would of the whole files, with the same numbers and headings.

use std::collections::BTreeMap;

use git::Texts;

use crate::defect::Edit;

/// Begins a line that stands for one that nobody knows. No heading that git looks for begins so.
const FILLER: &str = "~ ";
/// Lines that git shows around a change.
const CONTEXT_LINES: usize = 3;

/// What a patch shows, by file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sketch {
    files: BTreeMap<String, File>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct File {
    /// Whether there was one before.
    existed: bool,
    pieces: Vec<Piece>,
}

/// One hunk, with as much context as the patch has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Piece {
    /// Unknown lines between the piece before and this one; they are the same on both sides.
    gap: u32,
    /// What git says after the numbers: the last line above that looks like a heading.
    heading: String,
    old: String,
    new: String,
    /// Lines at the end that are the same on both sides.
    context_after: usize,
}

impl Sketch {
    /// Reads a unified diff as git writes it. Binary files, renames and deleted files are nothing for a sketch.
    pub(crate) fn read(patch: &str) -> Result<Sketch, String> {
        let mut files: BTreeMap<String, File> = BTreeMap::new();
        let mut file = File::default();
        let mut path = String::new();
        // Where the lines of the piece before end.
        let mut old_end = 1;
        let mut lines = patch.lines();
        while let Some(line) = lines.next() {
            if let Some(old) = line.strip_prefix("--- ") {
                file.existed = old != "/dev/null";
            } else if let Some(new) = line.strip_prefix("+++ b/") {
                path = new.to_owned();
                old_end = 1;
                let known = files.insert(path.clone(), std::mem::take(&mut file));
                if known.is_some() {
                    return Err(format!("`{path}` is there twice"));
                }
            } else if let Some(rest) = line.strip_prefix("@@ ") {
                let (first, mut left, heading) = header(rest).ok_or("a hunk has no numbers")?;
                let file = files.get_mut(&path).ok_or("a hunk is in no file")?;
                let gap = first.checked_sub(old_end);
                let gap = gap.ok_or_else(|| format!("the hunks of `{path}` are out of order"))?;
                let mut piece = Piece {
                    gap,
                    heading,
                    ..Piece::default()
                };
                old_end = first + left.0;
                while left != (0, 0) {
                    let line = lines.next().ok_or("the last hunk is cut")?;
                    piece.take(line, &mut left)?;
                }
                file.pieces.push(piece);
            }
        }
        match files.is_empty() {
            true => Err("it shows no file".to_owned()),
            false => Ok(Sketch { files }),
        }
    }

    /// Puts an edit into the side with the change.
    pub(crate) fn edit(&mut self, path: &str, edit: &Edit) -> Result<(), String> {
        let file = self.files.get_mut(path);
        let file = file.ok_or_else(|| format!("the change shows nothing of `{path}`"))?;
        let times = |it: &Piece| it.new.matches(&edit.old).count();
        match file.pieces.iter().map(times).sum() {
            1 => {}
            times => return Err(format!("its lines occur {times} times in `{path}`")),
        }
        for piece in &mut file.pieces {
            piece.new = piece.new.replacen(&edit.old, &edit.new, 1);
        }
        Ok(())
    }

    /// All files on both sides.
    pub(crate) fn texts(&self) -> (Texts, Texts) {
        let (mut old, mut new) = (Texts::new(), Texts::new());
        for (path, file) in &self.files {
            if file.existed {
                old.insert(path.clone(), file.text(|it| &it.old));
            }
            new.insert(path.clone(), file.text(|it| &it.new));
        }
        (old, new)
    }
}

impl File {
    fn text(&self, side: impl Fn(&Piece) -> &str) -> String {
        let mut text = String::new();
        let mut filled = 0;
        let mut filler = || {
            filled += 1;
            format!("{FILLER}{filled}\n")
        };
        for piece in &self.pieces {
            for line in 0..piece.gap {
                // First of all, so that nothing but fillers is near the piece.
                text += &match (line, piece.heading.as_str()) {
                    (0, heading) if !heading.is_empty() => format!("{heading}\n"),
                    _ => filler(),
                };
            }
            text += side(piece);
        }
        // With less context than git shows, the file ends there.
        let goes_on = |it: &Piece| CONTEXT_LINES <= it.context_after;
        if self.existed && self.pieces.last().is_some_and(goes_on) {
            text += &filler();
        }
        text
    }
}

impl Piece {
    fn take(&mut self, line: &str, left: &mut (u32, u32)) -> Result<(), String> {
        let (mark, text) = match line.chars().next() {
            // Some editors take the blank of an empty line away.
            None => (' ', ""),
            Some(mark) => (mark, &line[mark.len_utf8()..]),
        };
        let sides = match mark {
            ' ' => (1, 1),
            '-' => (1, 0),
            '+' => (0, 1),
            _ => return Err(format!("`{line}` is no line of a hunk")),
        };
        if left.0 < sides.0 || left.1 < sides.1 {
            return Err(format!("`{line}` is one line too many"));
        }
        *left = (left.0 - sides.0, left.1 - sides.1);
        if sides.0 == 1 {
            self.old += &format!("{text}\n");
        }
        if sides.1 == 1 {
            self.new += &format!("{text}\n");
        }
        self.context_after = match mark {
            ' ' => self.context_after + 1,
            _ => 0,
        };
        Ok(())
    }
}

/// The first old line, the numbers of lines on both sides, and the heading, of `-1,2 +3,4 @@ heading`.
fn header(rest: &str) -> Option<(u32, (u32, u32), String)> {
    let (numbers, heading) = rest.split_once(" @@")?;
    let (old, new) = numbers.split_once(' ')?;
    let side = |range: &str, sign| -> Option<(u32, u32)> {
        let range = range.strip_prefix(sign)?;
        match range.split_once(',') {
            Some((first, count)) => Some((first.parse().ok()?, count.parse().ok()?)),
            None => Some((range.parse().ok()?, 1)),
        }
    };
    let (old, new) = (side(old, '-')?, side(new, '+')?);
    // Of nothing, git names the line before.
    let first = old.0 + u32::from(old.1 == 0);
    Some((first, (old.1, new.1), heading.trim_start().to_owned()))
}

/// Says whether a change shows a line that stands for one that nobody knows: its edit is too near the end of a piece.
pub(crate) fn shows_filler(patch: &str) -> bool {
    let mut shown = patch.lines().filter_map(|it| it.get(1..));
    shown.any(|it| it.starts_with(FILLER))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const PATCH: &str = "\
diff --git a/a.py b/a.py
--- a/a.py
+++ b/a.py
@@ -4,4 +4,5 @@ def first():
     one
     two
+    new
     three
     four
@@ -12,2 +13,1 @@
     five
-    six
diff --git a/new.py b/new.py
new file mode 100644
--- /dev/null
+++ b/new.py
@@ -0,0 +1 @@
+seven
";

    fn edit(old: &str, new: &str) -> Edit {
        Edit {
            old: old.to_owned(),
            new: new.to_owned(),
        }
    }

    #[test]
    fn files_are_laid_out_with_fillers_that_are_the_same_on_both_sides() {
        let mut sketch = Sketch::read(PATCH).expect("it is one");
        let edited = sketch.edit("a.py", &edit("    new\n", "    newer\n    and more\n"));
        edited.expect("it occurs once");
        let (old, new) = sketch.texts();
        let shown: Vec<String> = [("old", old), ("new", new)]
            .iter()
            .flat_map(|(side, texts)| texts.iter().map(move |it| (side, it)))
            .map(|(side, (path, text))| format!("== {side} {path}\n{text}"))
            .collect();
        expect![[r"
            == old a.py
            def first():
            ~ 1
            ~ 2
                one
                two
                three
                four
            ~ 3
            ~ 4
            ~ 5
            ~ 6
                five
                six
            == new a.py
            def first():
            ~ 1
            ~ 2
                one
                two
                newer
                and more
                three
                four
            ~ 3
            ~ 4
            ~ 5
            ~ 6
                five
            == new new.py
            seven
        "]]
        .assert_eq(&shown.concat());
    }

    #[track_caller]
    fn check(patch: &str, edit: Edit, want: Expect) {
        let edited = Sketch::read(patch).and_then(|mut it| it.edit("a.py", &edit));
        want.assert_eq(&edited.expect_err("something is wrong with it"));
    }

    #[test]
    fn what_can_not_be_laid_out_or_edited_is_said() {
        let some = || edit("    new\n", "    newer\n");
        check("", some(), expect!["it shows no file"]);
        check(
            &PATCH.replace("-12,2", "-6,2"),
            some(),
            expect!["the hunks of `a.py` are out of order"],
        );
        check(
            &PATCH.replace("b/new.py\n@@", "b/a.py\n@@"),
            some(),
            expect!["`a.py` is there twice"],
        );
        check(
            &PATCH.replace("+seven\n", ""),
            some(),
            expect!["the last hunk is cut"],
        );
        check(
            &PATCH.replace("-4,4 +4,5", "-4,4 +4,4"),
            some(),
            expect!["`     four` is one line too many"],
        );
        check(
            PATCH,
            edit("old\n", "new\n"),
            expect!["its lines occur 0 times in `a.py`"],
        );
        check(
            PATCH,
            edit("e\n", "\n"),
            expect!["its lines occur 3 times in `a.py`"],
        );
        check(
            &PATCH.replace("a.py", "b.py"),
            some(),
            expect!["the change shows nothing of `a.py`"],
        );
    }

    #[test]
    fn a_change_that_shows_what_nobody_knows_is_noticed() {
        assert!(!shows_filler(PATCH));
        assert!(shows_filler(&PATCH.replace("     one", " ~ 7")));
    }
}
