//! A check at the commit that was pushed, where an app pushes: what it comes to, the evidence, and the review's remarks at their
//! lines.

use std::sync::Arc;

use async_trait::async_trait;
use forge::{CheckRun, Conclusion, GitHub, Note, RepositoryName};
use protocol::{Destination, Tier};

use crate::error::DeliveryError;
use crate::outcomes::Outcomes;
use crate::record::Record;
use crate::report::brief;
use crate::targets::{Change, Target};
use crate::{message, quote, request_text};

/// The name that people see beside other checks.
const NAME: &str = "pipeline";
/// Remarks at lines; all are in the bundle.
const NOTES_MAX: usize = 200;
/// Longest remark, in characters.
const NOTE_CHARS_MAX: usize = 1_000;

/// A check at a commit.
#[derive(Clone, Debug)]
pub struct CommitCheck {
    /// The host.
    pub github: Arc<GitHub>,
    /// The repository that holds the commit.
    pub repository: RepositoryName,
    /// The commit, in hexadecimal.
    pub commit: String,
}

#[async_trait]
impl Target for CommitCheck {
    fn destination(&self) -> Destination {
        Destination::Check {
            repository: self.repository.to_string(),
            commit: self.commit.clone(),
        }
    }

    /// The address of its page.
    async fn hand_over(&self, change: &Change) -> Result<String, DeliveryError> {
        let record = Record::read(&change.run, &change.history)?;
        let check = self.check(&record);
        Ok(self.github.say_check(&self.repository, &check).await?)
    }
}

impl CommitCheck {
    fn check(&self, record: &Record) -> CheckRun {
        let conclusion = match record.state.tier {
            Some(Tier::Proven) => Conclusion::Success,
            // Nothing is wrong with it, and nobody should take it for shown.
            _ => Conclusion::Neutral,
        };
        let tests = message::tests(&Outcomes::of(record));
        CheckRun {
            name: NAME.to_owned(),
            commit: self.commit.clone(),
            mark: record.run.0.clone(),
            conclusion,
            title: format!(
                "{}. Tests: {tests}. Review: {}.",
                brief::headline(record),
                message::review(record)
            ),
            summary: request_text::of(record).1,
            notes: notes(record),
        }
    }
}

/// The reviewer's findings at lines of files that the change holds.
fn notes(record: &Record) -> Vec<Note> {
    let findings = record
        .state
        .review()
        .map_or(&[][..], |it| it.findings.as_slice());
    let at_lines = findings
        .iter()
        .filter(|it| !it.file.is_empty() && 0 < it.line);
    at_lines
        .take(NOTES_MAX)
        .map(|it| Note {
            path: it.file.clone(),
            line: it.line,
            message: format!(
                "The reviewer says: {}",
                quote::one_line(&it.message, NOTE_CHARS_MAX)
            ),
        })
        .collect()
}
