//! What people do to the issues of the fake GitHub, and when.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::hosting::Hosting;
use super::json as answer;
use super::shown::{account, moment};

impl Hosting {
    /// Somebody puts a label on an issue.
    pub(super) fn put_label(&mut self, place: &str, actor: &str, label: &str) {
        self.next += 1;
        let event = json!({
            "id": self.next,
            "event": "labeled",
            "actor": account(actor),
            "label": {"name": label},
            "created_at": moment(self.next),
        });
        self.events.entry(place.to_owned()).or_default().push(event);
        let labels = self.labels.entry(place.to_owned()).or_default();
        labels.push(label.to_owned());
    }

    /// Somebody writes a comment; its number.
    pub(super) fn put_comment(&mut self, place: &str, actor: &str, text: &str) -> u64 {
        self.next += 1;
        let comment = (self.next, actor.to_owned(), text.to_owned());
        self.comments
            .entry(place.to_owned())
            .or_default()
            .push(comment);
        self.next
    }

    /// Somebody edits the text of an issue, which is no event.
    pub(super) fn edit_issue(&mut self, place: &str) {
        self.next += 1;
        self.edits.insert(place.to_owned(), self.next);
    }

    /// What GraphQL says of an issue.
    pub(super) fn last_edit(&self, variables: &Value) -> Response {
        let text = |name: &str| variables[name].as_str().unwrap_or_default().to_owned();
        let place = format!(
            "{}/{}/issues/{}",
            text("owner"),
            text("name"),
            variables["number"]
        );
        let at = self.edits.get(&place).map(|it| moment(*it));
        answer(
            StatusCode::OK,
            &json!({"data": {"repository": {"issue": {"lastEditedAt": at}}}}),
        )
    }

    /// When an issue changed last.
    pub(super) fn changed_at(&self, place: &str) -> String {
        let events = self.events.get(place).into_iter().flatten();
        let events = events.filter_map(|it| it["id"].as_u64());
        let comments = self.comments.get(place).into_iter().flatten();
        let edit = self.edits.get(place).copied();
        let last = events.chain(comments.map(|it| it.0)).chain(edit).max();
        moment(last.unwrap_or_default())
    }
}
