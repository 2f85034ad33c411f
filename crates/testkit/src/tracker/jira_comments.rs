//! Comments below the fake Jira's tickets.

use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::jira::{Desk, FakeTicket, OURS, moment, refuse};
use super::{Asked, json as answer, number};

impl Desk {
    pub(super) fn comments(&self, it: &FakeTicket, query: &[(String, String)]) -> Value {
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
                json!({
                    "id": id.to_string(),
                    "author": self.account(author),
                    "body": body,
                    "created": moment(2_000 + *id as u64),
                })
            });
        json!({
            "startAt": start,
            "maxResults": size,
            "total": it.comments.len(),
            "comments": shown.collect::<Vec<_>>(),
        })
    }
}

/// Adds a comment, or gives the one with this id another body.
pub(super) fn write(found: &mut FakeTicket, id: &str, is_wiki: bool, asked: &Asked) -> Response {
    let body = asked.json()["body"].clone();
    // Interface 3 takes documents only, with a version, and no empty text nodes; interface 2 takes text only.
    let is_document = body["type"] == "doc"
        && body["version"] == 1
        && body["content"].is_array()
        && !body.to_string().contains(r#""text":"""#);
    let is_fine = if is_wiki {
        body.is_string()
    } else {
        is_document
    };
    if !is_fine {
        return refuse(400, "Comment body is not valid!");
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
                return refuse(404, "Can not find a comment for the id");
            };
            if found.comments[place].0 != OURS {
                return refuse(400, "You do not have the permission to edit this comment.");
            }
            found.comments[place].1 = body;
            place
        }
        _ => return refuse(405, "Method not allowed"),
    };
    let status = match asked.method {
        Method::POST => StatusCode::CREATED,
        _ => StatusCode::OK,
    };
    answer(status, &json!({"id": place.to_string()}))
}
