//! Counts tests while they run, for whoever watches. No verdict comes from it.

use std::collections::HashSet;

use protocol::{Log, Note};

use crate::canaries::{Names, is_canary};
use crate::report::Line;
use crate::seal::body_of;

/// Longest beginning of a line that is kept until its end comes.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Reads the report's bytes as they come and tells the log how far the run is.
pub(crate) struct LiveCounts<'a> {
    log: &'a dyn Log,
    rest: Vec<u8>,
    canaries: Names,
    collected: HashSet<String>,
    failed: HashSet<String>,
    done: usize,
}

impl<'a> LiveCounts<'a> {
    pub(crate) fn new(log: &'a dyn Log) -> LiveCounts<'a> {
        LiveCounts {
            log,
            rest: Vec::new(),
            canaries: Names::new(),
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
                if let Some(Ok(line)) = body_of(&self.rest).map(serde_json::from_slice) {
                    self.count(line);
                }
                self.rest.clear();
            }
        }
    }

    fn count(&mut self, line: Line) {
        match line {
            Line::Started { canaries } => self.canaries.extend(canaries),
            Line::Collected { ids } => {
                let theirs = ids.into_iter().filter(|id| !is_canary(&self.canaries, id));
                self.collected.extend(theirs);
            }
            Line::Phase(phase)
                if phase.outcome == "failed" && !is_canary(&self.canaries, &phase.id) =>
            {
                self.failed.insert(phase.id);
            }
            Line::Ended { id } if !is_canary(&self.canaries, &id) => {
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
            r#"seal 0 0 {"event":"started","canaries":{"x":"false_assert"}}"#,
            "\n",
            r#"seal 0 1 {"event":"collected","ids":["a","b","a::x"]}"#,
            "\nno line of ours\n",
            r#"seal 0 2 {"event":"ended","id":"a::x"}"#,
            "\n",
            r#"seal 0 3 {"event":"phase","id":"a","when":"call","outcome":"failed","expected":false,"part":false,"exception":"E","message":"m"}"#,
            "\n",
            r#"seal 0 4 {"event":"ended","id":"a"}"#,
            "\n",
            r#"seal 0 5 {"event":"ended","id":"b"}"#,
            "\n",
        );
        let tested = |done| Note::Tested {
            done,
            total: 2,
            failed: 1,
        };
        for piece_bytes in [1, 7, report.len()] {
            let log = RecordingLog::default();
            let mut counts = LiveCounts::new(&log);
            for piece in report.as_bytes().chunks(piece_bytes) {
                counts.take(piece);
            }
            assert_eq!(log.notes(), [tested(1), tested(2)], "{piece_bytes} bytes");
        }
    }
}
