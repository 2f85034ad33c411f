//! A pull request: looked for first, opened once, given its title and text from events alone.

use std::sync::Arc;

use async_trait::async_trait;
use forge::{Forge, ForgeError, NewPullRequest, PullRequest, RepositoryName};
use protocol::{Destination, Tier};
use serde::{Deserialize, Serialize};

use crate::error::DeliveryError;
use crate::record::Record;
use crate::request_text::{self, MARK};
use crate::targets::{Change, Target};

/// A pull request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The host.
    pub forge: Arc<dyn Forge>,
    /// The repository that is asked to take the change.
    pub into: RepositoryName,
    /// The branch that shall take it.
    pub base: String,
    /// The branch that holds it, as in `owner:branch`.
    pub head: String,
    /// What was configured for requests.
    pub wishes: Wishes,
}

/// What is configured for pull requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wishes {
    /// Whether it is a draft even when the change is proven.
    pub draft: bool,
    /// Labels that it gets.
    pub labels: Vec<String>,
    /// People, or teams as `organisation/team`, who are asked for a review.
    pub reviewers: Vec<String>,
    /// Most requests of ours that are open in one repository.
    pub open_max: usize,
    /// Most lines that are added and removed.
    pub lines_max: usize,
}

#[async_trait]
impl Target for Request {
    fn destination(&self) -> Destination {
        Destination::PullRequest {
            repository: self.into.to_string(),
            head: self.head.clone(),
        }
    }

    /// The address of its page.
    async fn hand_over(&self, change: &Change) -> Result<String, DeliveryError> {
        if let Some(address) = &change.delivered {
            return Ok(address.clone());
        }
        let record = Record::read(&change.run, &change.history)?;
        let (title, body) = request_text::of(&record);
        let open = self.forge.open_pull_requests(&self.into).await?;
        let found = match open.iter().find(|it| self.is_at_head(it)) {
            Some(found) => self.rewrite(found, &title, &body).await?,
            None => {
                let ours = open.iter().filter(|it| it.body.starts_with(MARK)).count();
                if self.wishes.open_max <= ours {
                    return Err(DeliveryError::TooManyRequests {
                        repository: self.into.to_string(),
                        open: ours,
                    });
                }
                self.open(&record, title, body).await?
            }
        };
        let (number, wishes) = (found.number, &self.wishes);
        if !wishes.labels.is_empty() {
            self.forge.label(&self.into, number, &wishes.labels).await?;
        }
        if !wishes.reviewers.is_empty() {
            self.forge
                .ask_for_review(&self.into, number, &wishes.reviewers)
                .await?;
        }
        Ok(found.url)
    }
}

impl Request {
    /// Why no request is made of a change, while nothing is pushed yet.
    ///
    /// # Errors
    ///
    /// [`DeliveryError::NoRequest`] for a change that proves nothing or is too large.
    pub fn check(&self, change: &Change) -> Result<(), DeliveryError> {
        let record = Record::read(&change.run, &change.history)?;
        let refused = |why: String| {
            Err(DeliveryError::NoRequest {
                run: change.run.0.clone(),
                why,
            })
        };
        if record.state.tier == Some(Tier::Unverified) {
            return refused(
                "it is unverified: a gate was left out or had nothing to look at".to_owned(),
            );
        }
        let lines = changed_lines(&record.state.proposed_code);
        if self.wishes.lines_max < lines {
            return refused(format!(
                "it changes {lines} lines, and a request may change {}",
                self.wishes.lines_max
            ));
        }
        Ok(())
    }

    fn is_at_head(&self, request: &PullRequest) -> bool {
        request.head.eq_ignore_ascii_case(&self.head)
    }

    async fn open(
        &self,
        record: &Record,
        title: String,
        body: String,
    ) -> Result<PullRequest, DeliveryError> {
        let new = NewPullRequest {
            title,
            body,
            head: self.head.clone(),
            base: self.base.clone(),
            draft: self.wishes.draft || record.state.tier != Some(Tier::Proven),
        };
        match self.forge.open_pull_request(&self.into, &new).await {
            Ok(opened) => Ok(opened),
            Err(error @ (ForgeError::Rejected { .. } | ForgeError::Unanswered { .. })) => {
                // Somebody was faster, or it was made and the answer is lost: then it is there.
                let open = self.forge.open_pull_requests(&self.into).await?;
                match open.into_iter().find(|it| self.is_at_head(it)) {
                    Some(found) => self.rewrite(&found, &new.title, &new.body).await,
                    None => Err(error.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn rewrite(
        &self,
        found: &PullRequest,
        title: &str,
        body: &str,
    ) -> Result<PullRequest, DeliveryError> {
        if !found.body.starts_with(MARK) {
            return Err(DeliveryError::ForeignRequest {
                address: found.url.clone(),
            });
        }
        if found.body != body || found.title != title {
            self.forge
                .edit_pull_request(&self.into, found.number, title, body)
                .await?;
        }
        Ok(found.clone())
    }
}

/// Lines that a patch adds and removes.
fn changed_lines(patch: &str) -> usize {
    let is_changed = |it: &&str| {
        it.starts_with(['+', '-']) && !it.starts_with("+++ ") && !it.starts_with("--- ")
    };
    patch.lines().filter(is_changed).count()
}
