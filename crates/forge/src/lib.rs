//! GitHub and Jira over HTTP: references, tasks, pull requests, comments.
//!
//! Credentials of a service go to the configured address of that service only, whatever a task says. A reference that can't be
//! resolved is an error, never free text.

pub mod address;
mod adf;
mod app;
mod conversation;
mod error;
mod github;
mod http;
mod issue_ref;
mod jira;
mod reach;
mod seam;
mod ticket_ref;
mod web_text;
mod words;

pub use app::{AppKey, Permissions};
pub use error::{ForgeError, Service};
pub use github::{
    Actor, AppHook, CheckRun, Conclusion, FailedCheck, GitHub, Happened, IssueEvent, ListedIssue,
    Note, Permission, Remark, Reviewed, basic,
};
pub use http::Patience;
pub use issue_ref::IssueRef;
pub use jira::{Jira, ListedTicket, Sought};
pub use reach::reach;
pub use seam::{
    Forge, NewPullRequest, PullRequest, QUESTION_MARK, Repository, RepositoryName, Tracker,
};
pub use ticket_ref::TicketRef;
pub use words::{Piece, Words};

use protocol::Task;

/// A task from a tracker, and what a person should know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The task.
    pub task: Task,
    /// Remarks for the person who asked, as in `the issue is closed`.
    pub notes: Vec<String>,
}
