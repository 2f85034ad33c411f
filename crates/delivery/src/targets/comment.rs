//! Word of a run where its task came from: one comment a run, rewritten by later ones.

use std::sync::Arc;

use async_trait::async_trait;
use forge::{Piece, Tracker, Words};
use protocol::{Destination, Status};

use crate::error::DeliveryError;
use crate::outcomes::Outcomes;
use crate::record::Record;
use crate::report::{self, brief};
use crate::targets::{Change, Target};
use crate::words;

/// A comment where the task came from.
#[derive(Clone, Debug)]
pub struct StatusComment {
    /// The tracker.
    pub tracker: Arc<dyn Tracker>,
    /// The issue or ticket, as in `owner/repo#7` or `ABC-12`.
    pub on: String,
    /// The address of the pull request, when there is one.
    pub request: Option<String>,
    /// Whether anything checks its commit, when that could be seen.
    pub is_checked: Option<bool>,
}

#[async_trait]
impl Target for StatusComment {
    fn destination(&self) -> Destination {
        Destination::Comment {
            on: self.on.clone(),
        }
    }

    /// The address of the comment.
    async fn hand_over(&self, change: &Change) -> Result<String, DeliveryError> {
        let record = Record::read(&change.run, &change.history)?;
        let words = self.words(&record);
        // One for the task, not one for each run: whoever follows the issue reads where it stands now.
        let address = self.tracker.comment(&self.on, "pipeline-status", &words);
        Ok(address.await?)
    }
}

impl StatusComment {
    fn words(&self, record: &Record) -> Words {
        let mut lines = vec![vec![Piece::Text(brief::headline(record))]];
        if let Some(words) = record.nobody_was_asked {
            lines.push(vec![Piece::Text(words.to_owned())]);
        }
        if let Some(url) = &self.request {
            lines.push(vec![
                Piece::Text("Pull request: ".to_owned()),
                Piece::Link(url.clone()),
            ]);
        }
        if self.is_checked == Some(false) {
            lines.push(vec![Piece::Text(
                "No CI has started for it: no check and no status is there some seconds after the push. A repository's own \
                 workflows may wait for somebody's approval, or not start for this account."
                    .to_owned(),
            )]);
        }
        if record.state.status == Status::Completed {
            let tests = crate::message::tests(&Outcomes::of(record));
            let review = crate::message::review(record);
            lines.push(vec![Piece::Text(format!(
                "Tests: {tests}. Review: {review}."
            ))]);
        } else if let Some(explanation) = &record.explanation {
            lines.push(vec![Piece::Code(crate::quote::one_line(explanation, 600))]);
        }
        let total = record.total();
        lines.push(vec![
            Piece::Text("Run ".to_owned()),
            Piece::Code(record.run.0.clone()),
            Piece::Text(format!(
                ", {}, {}.",
                words::counted(record.state.iteration.into(), "draft"),
                report::spent(&total)
            )),
        ]);
        Words(lines)
    }
}
