//! GitHub issue, Jira ticket or text to a task; repository address to where to clone from.
//!
//! It fails closed: a reference that can't be resolved is an error, never free text. Credentials of a service go
//! to the configured address of that service only, whatever a task says.

mod address;
mod adf;
mod conversation;
mod error;
mod github;
mod given_tests;
mod http;
mod issue_ref;
mod jira;
mod normalize;
mod reach;
mod repository;
mod text;
mod ticket_ref;
mod web_text;

pub use error::{IntakeError, Service};
pub use github::GitHub;
pub use given_tests::GivenTests;
pub use http::Patience;
pub use issue_ref::IssueRef;
pub use jira::Jira;
pub use reach::reach;
pub use repository::{Caller, RepositoryRef};
pub use text::{TASK_BYTES_MAX, from_bytes, from_file, from_text};
pub use ticket_ref::TicketRef;

use protocol::Task;

/// A task from a tracker, and what a person should know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The task.
    pub task: Task,
    /// Remarks for the person who asked, as in `the issue is closed`.
    pub notes: Vec<String>,
}
