//! A patch as text and as bytes: files in another encoding than UTF-8 are shown decoded, and delivered as they are.

use crate::encoding::Encoding;

/// Begins the line that says in which encoding the file below is. It stands where `git apply` passes over what it doesn't
/// know: before the file's own first line.
const MARK: &str = "Encoding of the next file: ";
/// Parts the encoding before from the one afterwards.
const NOW: &str = ", now ";

/// A file's part of git's unified diff as text, below a line that names the encodings before and after the change; as it is
/// when nothing but ASCII or UTF-8 is in it. None when the bytes aren't text in them.
pub fn decoded_patch(patch: &[u8], before: Encoding, after: Encoding) -> Option<String> {
    if patch.is_ascii() || (before == Encoding::UTF_8 && after == Encoding::UTF_8) {
        return String::from_utf8(patch.to_vec()).ok();
    }
    let mut text = match before == after {
        true => format!("{MARK}{}\n", before.name()),
        false => format!("{MARK}{}{NOW}{}\n", before.name(), after.name()),
    };
    let mut hunk = HunkLines::default();
    for line in patch.split_inclusive(|it| *it == b'\n') {
        let encoding = match hunk.side_of(line) {
            Some(Side::Before) => before,
            Some(Side::After) => after,
            // Git may cut the words of a hunk's header within a character; it passes over them when it applies.
            None => {
                let header = before.decode(line).filter(|_| line.starts_with(b"@@ "));
                text += &header.unwrap_or_else(|| String::from_utf8_lossy(line).into_owned());
                continue;
            }
        };
        text += &encoding.decode(line)?;
    }
    // Whoever applies it must get the same bytes, but for those words.
    let is_header = |it: &&[u8]| !it.starts_with(b"@@ ");
    let again = patch_bytes(&text);
    let lines = |it| <[u8]>::split(it, |it| *it == b'\n').filter(is_header);
    let without_mark = again
        .iter()
        .position(|it| *it == b'\n')
        .map(|it| &again[it + 1..])?;
    lines(without_mark).eq(lines(patch)).then_some(text)
}

/// The bytes of a patch for whoever applies it: files in another encoding than UTF-8 are in it again.
pub fn patch_bytes(patch: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(patch.len());
    let mut encodings = (Encoding::UTF_8, Encoding::UTF_8);
    let mut announced = None;
    let mut hunk = HunkLines::default();
    for line in patch.split_inclusive('\n') {
        let side = hunk.side_of(line.as_bytes());
        if side.is_none() {
            if line.starts_with("diff --git ") {
                encodings = announced
                    .take()
                    .unwrap_or((Encoding::UTF_8, Encoding::UTF_8));
            } else {
                announced = line.strip_prefix(MARK).and_then(named);
            }
        }
        let encoding = match side {
            Some(Side::Before) => encodings.0,
            Some(Side::After) => encodings.1,
            None if line.starts_with("@@ ") => encodings.0,
            None => Encoding::UTF_8,
        };
        match encoding.encode(line) {
            Ok(encoded) => bytes.extend(encoded),
            Err(_) => bytes.extend_from_slice(line.as_bytes()),
        }
    }
    bytes
}

fn named(names: &str) -> Option<(Encoding, Encoding)> {
    let names = names.trim_end();
    let (before, after) = names.split_once(NOW).unwrap_or((names, names));
    Some((Encoding::by_name(before)?, Encoding::by_name(after)?))
}

/// Which lines of a patch belong to a file: those that the header of a hunk counts.
#[derive(Default)]
struct HunkLines {
    before_left: usize,
    after_left: usize,
}

enum Side {
    /// In the file before, or in both.
    Before,
    After,
}

impl HunkLines {
    /// The side of the next line of the patch; none when it is no line of a file.
    fn side_of(&mut self, line: &[u8]) -> Option<Side> {
        if self.before_left == 0 && self.after_left == 0 {
            if let Some((before, after)) = counts(line) {
                (self.before_left, self.after_left) = (before, after);
            }
            return None;
        }
        match line.first() {
            Some(b'\\') => None,
            Some(b'+') => {
                self.after_left = self.after_left.saturating_sub(1);
                Some(Side::After)
            }
            sign => {
                self.before_left = self.before_left.saturating_sub(1);
                if sign != Some(&b'-') {
                    self.after_left = self.after_left.saturating_sub(1);
                }
                Some(Side::Before)
            }
        }
    }
}

/// How many lines of each side follow `@@ -1,2 +3,4 @@`.
fn counts(header: &[u8]) -> Option<(usize, usize)> {
    let header = String::from_utf8_lossy(header);
    let (before, rest) = header.strip_prefix("@@ -")?.split_once(" +")?;
    let (after, _) = rest.split_once(" @@")?;
    let count = |range: &str| match range.split_once(',') {
        Some((_, count)) => count.parse().ok(),
        None => Some(1),
    };
    Some((count(before)?, count(after)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoding(name: &str) -> Encoding {
        Encoding::by_name(name).expect("it is known")
    }

    #[track_caller]
    fn check(patch: &[u8], before: &str, after: &str, want: Option<&str>) {
        let text = decoded_patch(patch, encoding(before), encoding(after));
        assert_eq!(text.as_deref(), want);
        let Some(text) = text else { return };
        // More of the same kind before and after it change nothing.
        let plain = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-\u{e9}\n+\u{e8}\n";
        let bytes = patch_bytes(&format!("{plain}{text}{plain}"));
        let mark = text.lines().next().filter(|it| it.starts_with(MARK));
        let mark = mark.map(|it| format!("{it}\n")).unwrap_or_default();
        let whole = [plain.as_bytes(), mark.as_bytes(), patch, plain.as_bytes()].concat();
        assert_eq!(bytes, whole);
    }

    #[test]
    fn a_file_in_latin_1_is_shown_and_comes_back() {
        check(
            b"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n # \xe9\n-x\n+x = '\xe8\x85'\n\\ No newline at end of file\n",
            "latin-1",
            "latin-1",
            Some(
                "Encoding of the next file: iso-8859-1\ndiff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n # \u{e9}\n-x\n+x = '\u{e8}\u{85}'\n\\ No newline at end of file\n",
            ),
        );
    }

    #[test]
    fn a_file_that_changes_its_encoding_has_both() {
        check(
            b"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1 @@\n-# coding: latin-1\n-# \xe9\n+# \xc3\xa9\n",
            "latin-1",
            "utf-8",
            Some(
                "Encoding of the next file: iso-8859-1, now utf-8\ndiff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1 @@\n-# coding: latin-1\n-# \u{e9}\n+# \u{e9}\n",
            ),
        );
    }

    #[test]
    fn what_needs_no_mark_has_none_and_what_is_no_text_is_none() {
        let ascii = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-1\n+2\n";
        check(ascii.as_bytes(), "latin-1", "latin-1", Some(ascii));
        let utf_8 = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-1\n+\u{e9}\n";
        check(utf_8.as_bytes(), "utf-8", "utf-8", Some(utf_8));
        check(b"@@ -1 +1 @@\n-1\n+\xe9\n", "utf-8", "utf-8", None);
        check(b"@@ -1 +1 @@\n-1\n+\x81\n", "cp1252", "cp1252", None);
    }

    #[test]
    fn lines_of_a_file_are_no_marks() {
        let patch = "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1,2 @@\n-1\n+2\n+Encoding of the next file: latin-1\n\
                     diff --git a/b b/b\n--- a/b\n+++ b/b\n@@ -1 +1 @@\n-1\n+\u{e9}\n";
        assert_eq!(patch_bytes(patch), patch.as_bytes());
    }

    #[test]
    fn a_header_cut_within_a_character_does_no_harm() {
        let patch = b"diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -5 +5 @@ def \xb0\xa1\xb0\n-\xb0\xa1\n+\xb0\xa2\n";
        let korean = encoding("euc-kr");
        let text = decoded_patch(patch, korean, korean).expect("it is text");
        let bytes = patch_bytes(&text);
        assert!(bytes.ends_with(b"\n-\xb0\xa1\n+\xb0\xa2\n"), "{bytes:?}");
    }
}
