//! What a host of repositories and a tracker of tasks offer, whatever they are called. A new one is a file that
//! implements what it offers.

use std::fmt::{self, Debug};

use async_trait::async_trait;

use crate::error::ForgeError;
use crate::words::Words;

/// How the marks of comments begin that ask somebody something. Unlike all other comments of ours they are part of a task: what is
/// answered below one would say nothing without it.
pub const QUESTION_MARK: &str = "pipeline-asks-";

/// A repository's name on its host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RepositoryName {
    /// The user or organisation.
    pub owner: String,
    /// The repository's own name.
    pub name: String,
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// A repository as its host describes it to whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Its name now; another one than was asked for when it has moved.
    pub name: RepositoryName,
    /// Its main branch.
    pub default_branch: String,
    /// Where it is cloned from and pushed to.
    pub clone_address: String,
    /// Whether whoever asks may push to it.
    pub may_push: bool,
    /// Whether it takes no changes any more.
    pub is_archived: bool,
}

/// An open pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// The page that a person opens.
    pub url: String,
    /// The branch that it asks to be merged, as in `owner:branch`.
    pub head: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// Whether it is a draft.
    pub is_draft: bool,
}

/// A pull request to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPullRequest {
    /// Its title.
    pub title: String,
    /// Its text, in Markdown.
    pub body: String,
    /// The branch that holds the change, as in `owner:branch`.
    pub head: String,
    /// The branch that shall take it.
    pub base: String,
    /// Whether it is a draft.
    pub draft: bool,
}

/// A host of repositories that takes pull requests.
#[async_trait]
pub trait Forge: Debug + Send + Sync {
    /// The repository at this address, when it is one of this host.
    fn repository_at(&self, address: &str) -> Option<RepositoryName>;

    /// What the host says of a repository.
    ///
    /// # Errors
    /// When it can't be asked, or shows no such repository.
    async fn repository(&self, name: &RepositoryName) -> Result<Repository, ForgeError>;

    /// The fork of a repository that belongs to whoever asks: found and brought up to date, or made and waited for.
    ///
    /// # Errors
    /// When the host makes none, or not within the time.
    async fn fork(&self, of: &Repository) -> Result<Repository, ForgeError>;

    /// All open pull requests of a repository, the newest first, up to a bound.
    ///
    /// # Errors
    /// When the host can't be asked.
    async fn open_pull_requests(&self, of: &RepositoryName)
    -> Result<Vec<PullRequest>, ForgeError>;

    /// Opens a pull request. It is sent once: whoever gets no answer looks whether it is there.
    ///
    /// # Errors
    /// When the host refuses.
    async fn open_pull_request(
        &self,
        into: &RepositoryName,
        new: &NewPullRequest,
    ) -> Result<PullRequest, ForgeError>;

    /// Gives a pull request another title and text.
    ///
    /// # Errors
    /// When the host refuses.
    async fn edit_pull_request(
        &self,
        of: &RepositoryName,
        number: u64,
        title: &str,
        body: &str,
    ) -> Result<(), ForgeError>;

    /// Puts labels on a pull request, beside those that it has.
    ///
    /// # Errors
    /// When the host refuses.
    async fn label(
        &self,
        of: &RepositoryName,
        number: u64,
        labels: &[String],
    ) -> Result<(), ForgeError>;

    /// Asks people, or teams written as `organisation/team`, for a review.
    ///
    /// # Errors
    /// When the host refuses, as for somebody who doesn't belong to the repository.
    async fn ask_for_review(
        &self,
        of: &RepositoryName,
        number: u64,
        reviewers: &[String],
    ) -> Result<(), ForgeError>;
}

/// A tracker of tasks that takes comments.
#[async_trait]
pub trait Tracker: Debug + Send + Sync {
    /// Puts a comment under a task, or rewrites the one that carries the same `mark`; the address of its page. `mark` is letters,
    /// digits and hyphens, and isn't shown to people.
    ///
    /// # Errors
    /// When the tracker can't be asked, or refuses.
    async fn comment(&self, on: &str, mark: &str, words: &Words) -> Result<String, ForgeError>;
}
