//! Runs tests only until the first of those fails that must not.

use std::collections::HashSet;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;

use protocol::{Exit, TestOutcome, TestResult, Workspace, WorkspaceError};

use crate::ids::file_of;
use crate::outcomes::in_words;
use crate::pytest;
use crate::report::{self, Line};
use crate::seal::Seal;
use crate::settings::Settings;
use crate::targets::{Files, Targets};

/// Longest line of the report that is read.
const LINE_BYTES_MAX: usize = 256 * 1024;

/// What a run said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Some test that should pass didn't.
    Noticed {
        /// The first one, and what became of it where that isn't a plain failure.
        by: String,
    },
    /// All of them passed.
    Nothing,
    /// It was stopped after the time it had.
    TooSlow {
        /// The test that was running.
        running: String,
    },
}

/// Runs tests until one of `passing` fails or can't be collected; whatever else fails says nothing.
pub(crate) async fn run_until_noticed(
    tree: &dyn Workspace,
    settings: &Settings,
    targets: Targets<'_>,
    seconds_max: u64,
    passing: &[String],
) -> Result<Said, WorkspaceError> {
    let started = pytest::start(settings, targets, Files::default(), seconds_max)?;
    let watch = Mutex::new(Watch::new(passing, &started.seal));
    let locked = || watch.lock().unwrap_or_else(PoisonError::into_inner);
    let ended = {
        let mut on_report = |bytes: &[u8]| locked().take(bytes);
        let mut run = pin!(tree.run_watched(&started.command, &mut on_report));
        // A run that is dropped is stopped, with all that it started.
        poll_fn(|cx| {
            let polled = run.as_mut().poll(cx);
            match locked().noticed.take() {
                Some(by) => Poll::Ready(Err(by)),
                None => polled.map(Ok),
            }
        })
        .await
    };
    let execution = match ended {
        Err(by) => return Ok(Said::Noticed { by }),
        Ok(execution) => execution?,
    };
    let session = report::read(&execution.report, &started.seal);
    if execution.exit == Exit::TooSlow {
        let running = session.running.first().cloned();
        return Ok(Said::TooSlow {
            running: running.unwrap_or_else(|| "the test run".to_owned()),
        });
    }
    let outcome = |id: &str| session.results.iter().find(|it| it.id == id);
    let missing = passing.iter().find_map(|id| match outcome(id) {
        Some(result) if result.outcome == TestOutcome::Passed => None,
        Some(result) => Some(told(result)),
        None => Some(format!("{id} (did not run)")),
    });
    Ok(match missing {
        Some(by) => Said::Noticed { by },
        None => Said::Nothing,
    })
}

fn told(result: &TestResult) -> String {
    match result.outcome {
        TestOutcome::Failed => result.id.clone(),
        _ => format!("{} ({})", result.id, in_words(result)),
    }
}

/// Reads the report's bytes as they come.
struct Watch<'a> {
    passing: HashSet<&'a str>,
    files: HashSet<&'a str>,
    rest: Vec<u8>,
    noticed: Option<String>,
    seal: &'a Seal,
}

impl<'a> Watch<'a> {
    fn new(passing: &'a [String], seal: &'a Seal) -> Watch<'a> {
        Watch {
            passing: passing.iter().map(String::as_str).collect(),
            files: passing.iter().map(|it| file_of(it)).collect(),
            rest: Vec::new(),
            noticed: None,
            seal,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|it| *it == b'\n') {
            if LINE_BYTES_MAX < self.rest.len() + piece.len() {
                self.rest.clear();
                continue;
            }
            self.rest.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                if self.noticed.is_none()
                    && let Some(line) = self.seal.open(self.rest.trim_ascii_end())
                    && let Ok(line) = serde_json::from_slice(line.body)
                {
                    self.noticed = self.judge(line);
                }
                self.rest.clear();
            }
        }
    }

    fn judge(&self, line: Line) -> Option<String> {
        match line {
            Line::Phase(phase)
                if phase.outcome == "failed" && self.passing.contains(phase.id.as_str()) =>
            {
                Some(phase.id)
            }
            Line::Collect { id, outcome, .. }
                if outcome != "skipped" && self.files.contains(id.as_str()) =>
            {
                Some(format!("{id} (could not be imported)"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tests_that_should_pass_are_noticed_however_the_bytes_are_cut() {
        let seal = Seal::new(false).expect("there are random bytes");
        let phase = |id: &str, outcome: &str| {
            let line = format!(
                r#"{{"event":"phase","id":"{id}","when":"call","outcome":"{outcome}","expected":false,"part":false,"exception":"E","message":"m"}}"#
            );
            seal.seal(0, 0, &line)
        };
        let collect = |id: &str| {
            let line = format!(
                r#"{{"event":"collect","id":"{id}","outcome":"failed","exception":"E","message":"m"}}"#
            );
            seal.seal(0, 0, &line)
        };
        let passing = ["t.py::a".to_owned(), "u.py::b".to_owned()];
        let check = |report: &str, want: Option<&str>| {
            for piece_bytes in [1, 7, report.len()] {
                let mut watch = Watch::new(&passing, &seal);
                for piece in report.as_bytes().chunks(piece_bytes) {
                    watch.take(piece);
                }
                assert_eq!(watch.noticed.as_deref(), want, "{report}");
            }
        };
        check(&phase("t.py::a", "passed"), None);
        check(&phase("t.py::other", "failed"), None);
        check(
            &(phase("t.py::other", "failed")
                + &phase("u.py::b", "failed")
                + &phase("t.py::a", "failed")),
            Some("u.py::b"),
        );
        check(&collect("v.py"), None);
        check(&collect("u.py"), Some("u.py (could not be imported)"));
    }
}
