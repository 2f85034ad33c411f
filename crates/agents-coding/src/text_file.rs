//! A text file whose encoding, byte order mark, line ends and last line feed survive an edit.

use std::ops::Range;

use protocol::{Encoding, source_text};

/// What a byte order mark looks like once decoded.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The text of a file, seen with plain line feeds and kept as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TextFile {
    /// Everything, the byte order mark left out.
    raw: String,
    has_mark: bool,
}

/// New text for a part of [`TextFile::text`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Splice {
    /// Bytes of the text with plain line feeds.
    pub(crate) range: Range<usize>,
    /// With plain line feeds too.
    pub(crate) new: String,
}

impl Splice {
    /// The part that differs: lines that are the same before and after keep their own line ends.
    fn without_what_stays(&self, text: &str) -> (Range<usize>, &str) {
        let (mut old, mut new) = (&text[self.range.clone()], &*self.new);
        let mut range = self.range.clone();
        while let (Some(a), Some(b)) = (
            old.split_inclusive('\n').next(),
            new.split_inclusive('\n').next(),
        ) && a == b
        {
            range.start += a.len();
            (old, new) = (&old[a.len()..], &new[a.len()..]);
        }
        while let (Some(a), Some(b)) = (
            old.split_inclusive('\n').next_back(),
            new.split_inclusive('\n').next_back(),
        ) && a == b
        {
            range.end -= a.len();
            (old, new) = (&old[..old.len() - a.len()], &new[..new.len() - a.len()]);
        }
        (range, new)
    }
}

impl TextFile {
    /// The text of these bytes, or none when they are something else.
    pub(crate) fn read(bytes: &[u8]) -> Option<TextFile> {
        if bytes.contains(&0) {
            return None;
        }
        let text = source_text(bytes)?;
        let raw = text.strip_prefix(BYTE_ORDER_MARK);
        Some(TextFile {
            raw: raw.unwrap_or(&text).to_owned(),
            has_mark: raw.is_some(),
        })
    }

    /// The text with plain line feeds.
    pub(crate) fn text(&self) -> String {
        plain(&self.raw)
    }

    /// The bytes to write, in the encoding that the text declares now.
    ///
    /// # Errors
    ///
    /// A character that this encoding doesn't have.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, Unwritable> {
        let mark = if self.has_mark { "\u{feff}" } else { "" };
        encoded(&format!("{mark}{}", self.raw))
    }

    /// Puts new text in place of parts of it. The parts are in order and apart.
    pub(crate) fn splice(&mut self, splices: &[Splice]) {
        let text = self.text();
        for splice in splices.iter().rev() {
            let (range, new) = splice.without_what_stays(&text);
            let range = self.raw_offset(range.start)..self.raw_offset(range.end);
            let new = self.with_line_ends_like(&self.raw[range.clone()], new);
            self.raw.replace_range(range, &new);
        }
    }

    /// Puts a whole new text in its place; a last line feed that was there stays.
    pub(crate) fn rewrite(&mut self, text: &str) {
        let ended = self.raw.ends_with('\n');
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let mut raw = self.with_line_ends_like("", &plain(text));
        if ended && !raw.is_empty() && !raw.ends_with('\n') {
            raw += if mostly_crlf(&self.raw) { "\r\n" } else { "\n" };
        }
        self.raw = raw;
    }

    /// New text with the line ends of the part it replaces, or else of the whole file.
    fn with_line_ends_like(&self, replaced: &str, new: &str) -> String {
        let model = if replaced.contains('\n') {
            replaced
        } else {
            &self.raw
        };
        if mostly_crlf(model) {
            plain(new).replace('\n', "\r\n")
        } else {
            plain(new)
        }
    }

    /// Where a place of the plain text is in the raw one.
    fn raw_offset(&self, plain_offset: usize) -> usize {
        let mut plain = 0;
        for (at, byte) in self.raw.bytes().enumerate() {
            let hidden = byte == b'\r' && self.raw.as_bytes().get(at + 1) == Some(&b'\n');
            if plain == plain_offset {
                return at;
            }
            plain += usize::from(!hidden);
        }
        self.raw.len()
    }
}

/// A character that an encoding doesn't have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unwritable {
    pub(crate) encoding: &'static str,
    pub(crate) character: char,
}

/// The bytes of a text in the encoding that it declares.
pub(crate) fn encoded(text: &str) -> Result<Vec<u8>, Unwritable> {
    let encoding = Encoding::of_text(text);
    encoding.encode(text).map_err(|character| Unwritable {
        encoding: encoding.name(),
        character,
    })
}

/// The text with plain line feeds.
fn plain(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// Whether most lines end as on Windows.
fn mostly_crlf(text: &str) -> bool {
    text.matches('\n').count() < 2 * text.matches("\r\n").count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Replaces the first `old` by `new` and looks at the bytes.
    #[track_caller]
    fn check(before: &str, old: &str, new: &str, after: &str) {
        let mut file = TextFile::read(before.as_bytes()).expect("the test's text is text");
        let start = file.text().find(old).expect("the old text is there");
        file.splice(&[Splice {
            range: start..start + old.len(),
            new: new.to_owned(),
        }]);
        let bytes = file.bytes().expect("UTF-8 holds everything");
        assert_eq!(String::from_utf8(bytes).unwrap(), after);
    }

    #[test]
    fn windows_line_ends_are_kept() {
        check("a\r\nb\r\nc\r\n", "b\n", "x\ny\n", "a\r\nx\r\ny\r\nc\r\n");
        check("a\r\nb\r\n", "b", "x\ny", "a\r\nx\r\ny\r\n");
        check("a\r\nb\r\n", "a", "x\r\ny", "x\r\ny\r\nb\r\n");
    }

    #[test]
    fn mixed_line_ends_stay_where_nothing_was_edited() {
        check("a\r\nb\nc\r\n", "b\n", "x\n", "a\r\nx\nc\r\n");
        check("a\r\nb\nc\r\n", "a\nb\nc", "a\nc", "a\r\nc\r\n");
    }

    #[test]
    fn a_byte_order_mark_is_kept() {
        check("\u{feff}a\n", "a", "b", "\u{feff}b\n");
    }

    #[test]
    fn a_missing_last_line_feed_stays_missing() {
        check("a\nb", "b", "c", "a\nc");
    }

    #[test]
    fn a_rewrite_keeps_mark_line_ends_and_last_line_feed() {
        let mut file = TextFile::read("\u{feff}a\r\nb\r\n".as_bytes()).unwrap();
        file.rewrite("x\ny");
        assert_eq!(file.bytes(), Ok("\u{feff}x\r\ny\r\n".as_bytes().to_vec()));
    }

    #[test]
    fn binary_bytes_are_not_text() {
        assert_eq!(TextFile::read(b"\x00\x01"), None);
        assert_eq!(TextFile::read(b"caf\xe9"), None);
    }
}
