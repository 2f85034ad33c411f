//! Answers to the threads of a review: each once a run, with what was done and where. Nobody's thread is resolved.

use std::sync::Arc;

use async_trait::async_trait;
use forge::{GitHub, Piece, RepositoryName, Words};
use protocol::{Destination, RunId};

use crate::changed::changed_files;
use crate::error::DeliveryError;
use crate::record::Record;
use crate::report::brief;
use crate::targets::{Change, Target};

/// Files that an answer names.
const FILES_MAX: usize = 20;

/// Longest path that is shown; a host bounds the whole answer.
const PATH_CHARS_MAX: usize = 200;
/// Characters of a commit's name, as everywhere else.
const COMMIT_CHARS: usize = 10;

/// Answers below a review's threads.
#[derive(Clone, Debug)]
pub struct ThreadAnswers {
    /// The host.
    pub github: Arc<GitHub>,
    /// The repository.
    pub repository: RepositoryName,
    /// The request.
    pub number: u64,
    /// The threads.
    pub threads: Vec<u64>,
    /// The commit that was pushed, when one was.
    pub commit: Option<String>,
}

#[async_trait]
impl Target for ThreadAnswers {
    fn destination(&self) -> Destination {
        Destination::Answers {
            on: format!("{}#{}", self.repository, self.number),
        }
    }

    /// How many threads there are.
    async fn hand_over(&self, change: &Change) -> Result<String, DeliveryError> {
        let record = Record::read(&change.run, &change.history)?;
        let words = self.words(&record);
        let mark = mark(&change.run);
        for thread in &self.threads {
            let (repository, number) = (&self.repository, self.number);
            let answer = self
                .github
                .answer_thread(repository, number, *thread, &mark, &words);
            answer.await?;
        }
        Ok(crate::words::counted(self.threads.len(), "thread"))
    }
}

/// What finds the answers of a run again.
fn mark(run: &RunId) -> String {
    format!("pipeline-answer-{run}")
}

impl ThreadAnswers {
    fn words(&self, record: &Record) -> Words {
        let mut first = vec![Piece::Text(format!("{}.", brief::headline(record)))];
        match &self.commit {
            Some(commit) => {
                first.push(Piece::Text(" Taken up in ".to_owned()));
                first.push(Piece::Code(commit.chars().take(COMMIT_CHARS).collect()));
                first.push(Piece::Text(", which changes ".to_owned()));
                let files = changed_files(&record.state.proposed_code);
                for (place, file) in files.iter().take(FILES_MAX).enumerate() {
                    if 0 < place {
                        first.push(Piece::Text(", ".to_owned()));
                    }
                    let path = crate::quote::one_line(&file.path, PATH_CHARS_MAX);
                    first.push(Piece::Code(path));
                }
                let more = files.len().saturating_sub(FILES_MAX);
                if 0 < more {
                    first.push(Piece::Text(format!(" and {more} more")));
                }
                first.push(Piece::Text(
                    ". Whether it is what you meant is yours to say: this thread stays open."
                        .to_owned(),
                ));
            }
            None => {
                first.push(Piece::Text(
                    " Nothing was pushed for this, because: ".to_owned(),
                ));
                let why = record.explanation.clone().unwrap_or_default();
                first.push(Piece::Code(crate::quote::one_line(&why, 600)));
            }
        }
        Words(vec![first])
    }
}
