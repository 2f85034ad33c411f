//! What a tool says back to the model, always within its bound.

use protocol::visible;
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

/// One answer to one tool call, as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// The words.
    pub(crate) text: String,
    /// Whether the tool refused.
    pub(crate) is_error: bool,
    /// Whether it changed a file.
    pub(crate) edited: bool,
}

impl Answer {
    /// The tool did what was asked.
    pub(crate) fn says(text: impl Into<String>) -> Answer {
        Answer {
            text: text.into(),
            is_error: false,
            edited: false,
        }
    }

    /// The tool changed files.
    pub(crate) fn edited(text: impl Into<String>) -> Answer {
        Answer {
            edited: true,
            ..Answer::says(text)
        }
    }

    /// The tool did nothing, and says why.
    pub(crate) fn refuses(refusal: &Refusal) -> Answer {
        Answer {
            is_error: true,
            ..Answer::says(format!("could not {refusal}"))
        }
    }

    /// The same answer with nothing hidden in it and no more bytes than these.
    pub(crate) fn bounded(self, bytes_max: usize) -> Answer {
        Answer {
            text: cut_middle(&visible(&self.text), bytes_max),
            ..self
        }
    }
}

/// The text, or its beginning and its longer end, with a line between that says what is missing.
pub(crate) fn cut_middle(text: &str, bytes_max: usize) -> String {
    match ends(text, bytes_max) {
        None => text.to_owned(),
        Some((head, tail)) => {
            let missing = text.len() - head.len() - tail.len();
            format!("{head}\n[… {missing} bytes left out …]\n{tail}")
        }
    }
}

/// As [`cut_middle`], for a text whose length is another one in each run.
pub(crate) fn cut_middle_uncounted(text: &str, bytes_max: usize) -> String {
    match ends(text, bytes_max) {
        None => text.to_owned(),
        Some((head, tail)) => format!("{head}\n[… left out …]\n{tail}"),
    }
}

/// What is kept of a text that is too long, with room for a note between.
fn ends(text: &str, bytes_max: usize) -> Option<(&str, &str)> {
    if text.len() <= bytes_max {
        return None;
    }
    let note_bytes = 64;
    let kept = bytes_max.saturating_sub(note_bytes);
    let head = &text[..text.floor_char_boundary(kept / 3)];
    let tail = &text[text.ceil_char_boundary(text.len() - (kept - kept / 3))..];
    Some((head, tail))
}

/// The beginning of a text that is only shown to say what it was, in one line.
pub(crate) fn glimpse(text: &str, chars_max: usize) -> String {
    let line = visible(text).replace(['\n', '\t'], " ");
    match line.char_indices().nth(chars_max) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

/// As many items as fit, one a line, and how many are missing.
pub(crate) fn cut_list(items: &[String], left_out: usize, bytes_max: usize) -> String {
    let mut text = String::new();
    let mut shown = 0;
    for item in items {
        let item = glimpse(item, ITEM_CHARS_MAX);
        if bytes_max < text.len() + item.len() + 1 + LIST_NOTE_BYTES {
            break;
        }
        text += &item;
        text.push('\n');
        shown += 1;
    }
    let missing = left_out + items.len() - shown;
    if 0 < missing {
        text += &format!("[{missing} more left out: narrow it down with `path` or `glob`]\n");
    }
    text
}

/// Room for the words about what was left out of a list.
const LIST_NOTE_BYTES: usize = 80;
/// Longest line of a list; more is somebody's minified file.
const ITEM_CHARS_MAX: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_both_ends_and_says_what_is_missing() {
        let text = format!("start{}end", "é".repeat(500));
        let cut = cut_middle(&text, 200);
        assert!(cut.len() <= 200, "{}", cut.len());
        assert!(cut.starts_with("start") && cut.ends_with("end"), "{cut}");
        assert!(cut.contains("bytes left out"), "{cut}");
    }

    #[test]
    fn a_short_text_stays() {
        assert_eq!(cut_middle("short", 200), "short");
    }

    #[test]
    fn a_list_counts_what_it_leaves_out() {
        let items = ["aaaa".to_owned(), "bbbb".to_owned(), "c\nd".to_owned()];
        let check = |left_out, bytes_max, want| {
            assert_eq!(cut_list(&items, left_out, bytes_max), want);
        };
        check(0, 100, "aaaa\nbbbb\nc d\n");
        check(
            2,
            LIST_NOTE_BYTES + 10,
            "aaaa\nbbbb\n[3 more left out: narrow it down with `path` or `glob`]\n",
        );
    }
}
