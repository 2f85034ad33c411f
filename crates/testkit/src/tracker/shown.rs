//! People, moments and reviews as the fake GitHub shows them.

use serde_json::{Value, json};

/// A comment of a review, at a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeReviewComment {
    /// Its number.
    pub id: u64,
    /// The one that it answers.
    pub in_reply_to: Option<u64>,
    /// Who wrote it.
    pub author: String,
    /// As GitHub says how somebody belongs to a repository, as in `MEMBER`.
    pub association: String,
    /// What.
    pub body: String,
}

/// A check that failed: its name, and what it says.
pub(super) type FailedCheck = (String, String);

/// An account as GitHub shows it.
pub(super) fn account(login: &str) -> Value {
    let kind = if login.ends_with("[bot]") {
        "Bot"
    } else {
        "User"
    };
    json!({"login": login, "type": kind})
}

/// A moment that grows with the numbers of things, later than any test begins.
pub(super) fn moment(number: u64) -> String {
    let (hours, minutes, seconds) = (number / 3600, number / 60 % 60, number % 60);
    format!("2100-01-01T{hours:02}:{minutes:02}:{seconds:02}Z")
}

/// A comment below an issue: its number, its author, its text.
pub(super) fn shown_comment(
    full: &str,
    issue: &str,
    comment: &(u64, String, String),
    host: &str,
) -> Value {
    let (id, author, text) = comment;
    json!({
        "id": id,
        "user": account(author),
        "created_at": moment(*id),
        "body": text,
        "html_url": format!("http://{host}/{full}/issues/{issue}#issuecomment-{id}"),
    })
}
