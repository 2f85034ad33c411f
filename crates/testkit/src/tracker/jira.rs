//! A fake Jira: tickets and their comments under `/rest/api/3`, for one account.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::{Answers, Fault, Seen, Server, json as answer, number};

/// A ticket.
#[derive(Clone, Debug, Default)]
pub struct FakeTicket {
    /// Its key, as in `ABC-123`.
    pub key: String,
    /// Its title.
    pub summary: String,
    /// Its description, in Jira's document format.
    pub description: Value,
    /// Its labels.
    pub labels: Vec<String>,
    /// Authors and texts, each in Jira's document format.
    pub comments: Vec<(String, Value)>,
    /// Whether its status is of the category `done`.
    pub is_done: bool,
}

/// The server.
pub struct FakeJira {
    server: Server,
}

struct Tickets {
    tickets: BTreeMap<String, FakeTicket>,
    authorization: String,
}

impl FakeJira {
    /// Starts a server with these tickets. `authorization` is the header that it accepts, as in `Basic bWU6a2V5`.
    pub async fn start(
        tickets: impl IntoIterator<Item = FakeTicket>,
        authorization: &str,
    ) -> FakeJira {
        let answers = Tickets {
            tickets: tickets.into_iter().map(|it| (it.key.clone(), it)).collect(),
            authorization: authorization.to_owned(),
        };
        FakeJira {
            server: Server::start(answers).await,
        }
    }

    /// What `JIRA_BASE_URL` would be.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Answers the next request with this fault; several wait in line.
    pub fn fail_next(&self, fault: Fault) {
        self.server.log().faults.push_back(fault);
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.server.log().seen.clone()
    }
}

impl Answers for Tickets {
    fn answer(&self, path: &str, query: &[(String, String)], headers: &HeaderMap) -> Response {
        let refuse = |status, message: &str| {
            answer(status, &json!({"errorMessages": [message], "errors": {}}))
        };
        let header = |name| headers.get(name).and_then(|it| it.to_str().ok());
        if header("authorization") != Some(&self.authorization) {
            return refuse(
                StatusCode::UNAUTHORIZED,
                "Client must be authenticated to access this resource.",
            );
        }
        if !header("accept").is_some_and(|it| it.contains("json") || it.contains("*/*")) {
            return refuse(StatusCode::NOT_ACCEPTABLE, "Not acceptable");
        }
        if path == "/rest/api/3/myself" {
            return answer(StatusCode::OK, &json!({"active": true}));
        }
        let key = path.strip_prefix("/rest/api/3/issue/").unwrap_or_default();
        let (key, wants_comments) = match key.strip_suffix("/comment") {
            Some(key) => (key, true),
            None => (key, false),
        };
        match self.tickets.get(key) {
            None => refuse(
                StatusCode::NOT_FOUND,
                "Issue does not exist or you do not have permission to see it.",
            ),
            Some(it) if wants_comments => answer(StatusCode::OK, &comments(it, query)),
            Some(it) => answer(StatusCode::OK, &ticket(it)),
        }
    }
}

fn ticket(it: &FakeTicket) -> Value {
    let (name, category) = if it.is_done {
        ("Closed", "done")
    } else {
        ("To Do", "new")
    };
    json!({
        "key": it.key,
        "fields": {
            "summary": it.summary,
            "description": it.description,
            "labels": it.labels,
            "status": {"name": name, "statusCategory": {"key": category}},
        },
    })
}

fn comments(it: &FakeTicket, query: &[(String, String)]) -> Value {
    let start = number(query, "startAt", 0);
    let size = number(query, "maxResults", 50).clamp(1, 100);
    let shown = it
        .comments
        .iter()
        .skip(start)
        .take(size)
        .map(|(author, body)| json!({"author": {"displayName": author}, "body": body}));
    json!({
        "startAt": start,
        "maxResults": size,
        "total": it.comments.len(),
        "comments": shown.collect::<Vec<_>>(),
    })
}
