//! Counts tests while they run, for whoever watches. No verdict comes from it.

use std::collections::HashSet;

use protocol::{Log, Note};

use crate::report::Line;

/// Longest beginning of a line that is kept until its end comes.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Reads the report's bytes as they come and tells the log how far the run is.
pub(crate) struct Tally<'a> {
    log: &'a dyn Log,
    rest: Vec<u8>,
    collected: HashSet<String>,
    failed: HashSet<String>,
    done: usize,
}

impl<'a> Tally<'a> {
    pub(crate) fn new(log: &'a dyn Log) -> Tally<'a> {
        Tally {
            log,
            rest: Vec::new(),
            collected: HashSet::new(),
            failed: HashSet::new(),
            done: 0,
        }
    }

    /// Takes the next bytes.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|it| *it == b'\n') {
            if LINE_BYTES_MAX < self.rest.len() + piece.len() {
                self.rest.clear();
                continue;
            }
            self.rest.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                if let Ok(line) = serde_json::from_slice(&self.rest) {
                    self.count(line);
                }
                self.rest.clear();
            }
        }
    }

    fn count(&mut self, line: Line) {
        match line {
            Line::Collected { ids } => self.collected.extend(ids),
            Line::Phase(phase) if phase.outcome == "failed" => {
                self.failed.insert(phase.id);
            }
            Line::Ended { .. } => {
                self.done += 1;
                self.log.note(Note::Tested {
                    done: self.done,
                    total: self.collected.len().max(self.done),
                    failed: self.failed.len(),
                });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use testkit::RecordingLog;

    use super::*;

    #[test]
    fn tests_are_counted_however_the_bytes_are_cut() {
        let report = concat!(
            r#"{"event":"collected","ids":["a","b"]}"#,
            "\nno line of ours\n",
            r#"{"event":"began","id":"a"}"#,
            "\n",
            r#"{"event":"phase","id":"a","when":"call","outcome":"failed","expected":false,"part":false,"exception":"E","message":"m"}"#,
            "\n",
            r#"{"event":"ended","id":"a"}"#,
            "\n",
            r#"{"event":"ended","id":"b"}"#,
            "\n",
        );
        let tested = |done| Note::Tested {
            done,
            total: 2,
            failed: 1,
        };
        for piece_bytes in [1, 7, report.len()] {
            let log = RecordingLog::default();
            let mut tally = Tally::new(&log);
            for piece in report.as_bytes().chunks(piece_bytes) {
                tally.take(piece);
            }
            assert_eq!(log.notes(), [tested(1), tested(2)], "{piece_bytes} bytes");
        }
    }
}
