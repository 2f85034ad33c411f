//! Keeps the beginning and the end of a stream, and counts what lies between.

use std::collections::VecDeque;

use protocol::Captured;

/// A stream of a program, bounded.
#[derive(Clone, Debug)]
pub(super) struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    head_bytes_max: usize,
    tail_bytes_max: usize,
    bytes_total: u64,
}

impl Capture {
    /// Keeps at most `bytes_max` bytes: a half from the beginning, a half from the end.
    pub(super) fn new(bytes_max: usize) -> Capture {
        Capture {
            head: Vec::new(),
            tail: VecDeque::new(),
            head_bytes_max: bytes_max / 2,
            tail_bytes_max: bytes_max - bytes_max / 2,
            bytes_total: 0,
        }
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        self.bytes_total += piece.len() as u64;
        let room = self.head_bytes_max - self.head.len();
        let (to_head, to_tail) = piece.split_at(room.min(piece.len()));
        self.head.extend_from_slice(to_head);
        let skipped = to_tail.len().saturating_sub(self.tail_bytes_max);
        let to_tail = &to_tail[skipped..];
        let too_many = (self.tail.len() + to_tail.len()).saturating_sub(self.tail_bytes_max);
        self.tail.drain(..too_many);
        self.tail.extend(to_tail);
    }

    pub(super) fn finish(self) -> Captured {
        let mut tail = Vec::from(self.tail);
        let kept = (self.head.len() + tail.len()) as u64;
        let missing = self.bytes_total - kept;
        if missing == 0 {
            let mut whole = self.head;
            whole.append(&mut tail);
            return Captured {
                text: String::from_utf8_lossy(&whole).into_owned(),
                bytes_total: self.bytes_total,
            };
        }
        let head = without_broken_end(&self.head);
        let tail = without_broken_start(&tail);
        let missing = self.bytes_total - (head.len() + tail.len()) as u64;
        let head = String::from_utf8_lossy(head);
        let line_break = if head.is_empty() || head.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        Captured {
            text: format!(
                "{head}{line_break}[... {missing} bytes left out ...]\n{}",
                String::from_utf8_lossy(tail)
            ),
            bytes_total: self.bytes_total,
        }
    }
}

/// A character that the cut went through belongs to what is missing.
fn without_broken_end(bytes: &[u8]) -> &[u8] {
    match bytes.utf8_chunks().last() {
        Some(last) if is_beginning_of_character(last.invalid()) => {
            &bytes[..bytes.len() - last.invalid().len()]
        }
        _ => bytes,
    }
}

fn is_beginning_of_character(bytes: &[u8]) -> bool {
    matches!(std::str::from_utf8(bytes), Err(error) if error.error_len().is_none())
}

fn without_broken_start(bytes: &[u8]) -> &[u8] {
    const CONTINUATIONS_MAX: usize = 3;
    let broken = bytes
        .iter()
        .take(CONTINUATIONS_MAX)
        .take_while(|byte| **byte & 0b1100_0000 == 0b1000_0000)
        .count();
    &bytes[broken..]
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::Capture;

    fn check(bytes_max: usize, pieces: &[&str], expected: Expect) {
        let mut capture = Capture::new(bytes_max);
        for piece in pieces {
            capture.push(piece.as_bytes());
        }
        let captured = capture.finish();
        expected.assert_eq(&format!("{} of {}", captured.text, captured.bytes_total));
    }

    #[test]
    fn what_fits_is_kept_whole() {
        check(6, &["abc", "def"], expect!["abcdef of 6"]);
    }

    #[test]
    fn one_byte_too_many_is_counted() {
        check(
            6,
            &["abc", "d", "efg"],
            expect![[r#"
            abc
            [... 1 bytes left out ...]
            efg of 7"#]],
        );
    }

    #[test]
    fn the_end_is_the_latest_end() {
        check(
            6,
            &["abcdefghij", "klm", "n"],
            expect![[r#"
            abc
            [... 8 bytes left out ...]
            lmn of 14"#]],
        );
    }

    #[test]
    fn a_character_is_not_cut_in_two() {
        check(
            8,
            &["abcä", "-----", "ößx"],
            expect![[r#"
            abc
            [... 9 bytes left out ...]
            ßx of 15"#]],
        );
    }

    #[test]
    fn nothing_kept_is_still_counted() {
        check(
            0,
            &["abc"],
            expect![[r#"
            [... 3 bytes left out ...]
             of 3"#]],
        );
    }
}
