//! A fake Jira: tickets and their comments under `/rest/api/3`, for one account.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::{Answers, Asked, Fault, Seen, Server, json as answer, number};

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
    tickets: Arc<Mutex<BTreeMap<String, FakeTicket>>>,
}

/// The account whose credentials are accepted.
const ACCOUNT: &str = "557058:pipeline";
/// What it is called.
const OURS: &str = "Pipeline";

struct Tickets {
    tickets: Arc<Mutex<BTreeMap<String, FakeTicket>>>,
    authorization: String,
}

impl FakeJira {
    /// Starts a server with these tickets. `authorization` is the header that it accepts, as in `Basic bWU6a2V5`.
    pub async fn start(
        tickets: impl IntoIterator<Item = FakeTicket>,
        authorization: &str,
    ) -> FakeJira {
        let tickets = tickets.into_iter().map(|it| (it.key.clone(), it)).collect();
        let tickets = Arc::new(Mutex::new(tickets));
        let answers = Tickets {
            tickets: tickets.clone(),
            authorization: authorization.to_owned(),
        };
        FakeJira {
            server: Server::start(answers).await,
            tickets,
        }
    }

    /// The ticket as it is now.
    pub fn ticket(&self, key: &str) -> Option<FakeTicket> {
        let tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.get(key).cloned()
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
    fn answer(&self, asked: &Asked) -> Response {
        let refuse = |status, message: &str| {
            answer(status, &json!({"errorMessages": [message], "errors": {}}))
        };
        if asked.header("authorization") != Some(&self.authorization) {
            return refuse(
                StatusCode::UNAUTHORIZED,
                "Client must be authenticated to access this resource.",
            );
        }
        let accept = asked.header("accept");
        if !accept.is_some_and(|it| it.contains("json") || it.contains("*/*")) {
            return refuse(StatusCode::NOT_ACCEPTABLE, "Not acceptable");
        }
        if asked.path == "/rest/api/3/myself" {
            return answer(
                StatusCode::OK,
                &json!({"active": true, "accountId": ACCOUNT, "displayName": "Pipeline"}),
            );
        }
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        let key = asked
            .path
            .strip_prefix("/rest/api/3/issue/")
            .unwrap_or_default();
        let (key, comment) = match key.split_once("/comment") {
            Some((key, comment)) => (key, Some(comment.trim_start_matches('/').to_owned())),
            None => (key, None),
        };
        let Some(found) = tickets.get_mut(key) else {
            return refuse(
                StatusCode::NOT_FOUND,
                "Issue does not exist or you do not have permission to see it.",
            );
        };
        match comment {
            None => answer(StatusCode::OK, &ticket(found)),
            Some(_) if asked.is_read() => answer(StatusCode::OK, &comments(found, &asked.query)),
            Some(id) => write_comment(found, &id, asked),
        }
    }
}

/// Adds a comment, or gives the one with this id another body.
fn write_comment(found: &mut FakeTicket, id: &str, asked: &Asked) -> Response {
    let refuse =
        |status, message: &str| answer(status, &json!({"errorMessages": [message], "errors": {}}));
    let body = asked.json()["body"].clone();
    // Interface 3 takes documents only, with a version, and no empty text nodes.
    let is_document = body["type"] == "doc" && body["version"] == 1 && body["content"].is_array();
    if !is_document || body.to_string().contains(r#""text":"""#) {
        return refuse(StatusCode::BAD_REQUEST, "Comment body is not valid!");
    }
    let place = match (&asked.method, id) {
        (&Method::POST, "") => {
            found.comments.push((OURS.to_owned(), body));
            found.comments.len() - 1
        }
        (&Method::PUT, id) => {
            let place = id
                .parse::<usize>()
                .ok()
                .filter(|it| *it < found.comments.len());
            let Some(place) = place else {
                return refuse(StatusCode::NOT_FOUND, "Can not find a comment for the id");
            };
            if found.comments[place].0 != OURS {
                return refuse(
                    StatusCode::BAD_REQUEST,
                    "You do not have the permission to edit this comment.",
                );
            }
            found.comments[place].1 = body;
            place
        }
        _ => return refuse(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
    };
    let status = match asked.method {
        Method::POST => StatusCode::CREATED,
        _ => StatusCode::OK,
    };
    answer(status, &json!({"id": place.to_string()}))
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
    let newest_first = query
        .iter()
        .any(|it| it.0 == "orderBy" && it.1 == "-created");
    let mut all: Vec<(usize, &(String, Value))> = it.comments.iter().enumerate().collect();
    if newest_first {
        all.reverse();
    }
    let shown = all
        .iter()
        .skip(start)
        .take(size)
        .map(|(id, (author, body))| {
            let account = if author == OURS {
                ACCOUNT
            } else {
                author.as_str()
            };
            json!({
                "id": id.to_string(),
                "author": {"displayName": author, "accountId": account},
                "body": body,
            })
        });
    json!({
        "startAt": start,
        "maxResults": size,
        "total": it.comments.len(),
        "comments": shown.collect::<Vec<_>>(),
    })
}
