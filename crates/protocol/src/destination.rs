//! Where a finished change goes.

use serde::{Deserialize, Serialize};

/// A place that a finished change, or word of it, is handed over to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Destination {
    /// A patch file; its path.
    Patch {
        /// The file.
        file: String,
    },
    /// A new branch of a repository on this machine.
    Branch {
        /// The repository's folder.
        repository: String,
    },
    /// The files of a run that started from nothing.
    Files {
        /// Their folder.
        folder: String,
    },
    /// A branch of a remote repository.
    Push {
        /// The repository's address, without any credential.
        repository: String,
        /// The branch, without `refs/heads/`.
        branch: String,
    },
    /// A pull request.
    PullRequest {
        /// The repository that is asked to take the change, as in `owner/repo`.
        repository: String,
        /// The branch that holds the change, as in `owner:branch`.
        head: String,
    },
    /// A check at a commit.
    Check {
        /// The repository, as in `owner/repo`.
        repository: String,
        /// The commit, in hexadecimal.
        commit: String,
    },
    /// A link from a ticket.
    TicketLink {
        /// The ticket's key.
        ticket: String,
        /// The address that it leads to.
        to: String,
    },
    /// A ticket's move to another status.
    TicketMove {
        /// The ticket's key.
        ticket: String,
        /// The name of the transition or of the status.
        to: String,
    },
    /// Answers below the threads of a review.
    Answers {
        /// The request, as in `owner/repo#45`.
        on: String,
    },
    /// A comment where the task came from.
    Comment {
        /// The issue or ticket, as in `owner/repo#7` or `ABC-12`.
        on: String,
    },
}
