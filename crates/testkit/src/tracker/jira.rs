//! A fake Jira: tickets, what happens to them, and searches, for one account; the Cloud's interface 3, or a Data Center's 2.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::jira_comments;
use super::jira_search::search;
use super::{Answers, Asked, Fault, Seen, Server, json as answer, number};

/// A ticket.
#[derive(Clone, Debug, Default)]
pub struct FakeTicket {
    /// Its key, as in `ABC-123`.
    pub key: String,
    /// Its title.
    pub summary: String,
    /// Its description: a document in the Cloud, wiki text in a Data Center.
    pub description: Value,
    /// Its labels.
    pub labels: Vec<String>,
    /// Authors and texts, each in the same form.
    pub comments: Vec<(String, Value)>,
    /// Whether its status is of the category `done`.
    pub is_done: bool,
    /// Its status, where that isn't `To Do` or `Closed`.
    pub status: String,
    /// Further fields, as in `customfield_10040`.
    pub fields: BTreeMap<String, Value>,
    /// Who made it.
    pub creator: String,
    /// What was changed since: who, which field, from what, to what.
    pub changes: Vec<FakeChange>,
    /// Links to pages elsewhere: global id and title.
    pub links: Vec<(String, String)>,
}

/// A change of a ticket.
#[derive(Clone, Debug)]
pub struct FakeChange {
    /// Its number, which is its moment as well.
    pub id: u64,
    /// Who.
    pub author: String,
    /// The field.
    pub field: &'static str,
    /// What it was.
    pub from: String,
    /// What it is.
    pub to: String,
}

/// The server.
pub struct FakeJira {
    server: Server,
    desk: Arc<Mutex<Desk>>,
}

/// The account whose credentials are accepted.
const ACCOUNT: &str = "557058:pipeline";
/// What it is called.
pub(super) const OURS: &str = "Pipeline";
/// Transitions of every ticket: number, name, where to.
const TRANSITIONS: [(&str, &str, &str); 3] = [
    ("11", "Start", "In Progress"),
    ("21", "Send to review", "In Review"),
    ("31", "Close", "Closed"),
];

/// Everything that can be changed.
pub(super) struct Desk {
    pub(super) tickets: BTreeMap<String, FakeTicket>,
    /// Members of groups: account and group.
    members: BTreeSet<(String, String)>,
    pub(super) is_data_center: bool,
    next: u64,
}

struct Tickets {
    desk: Arc<Mutex<Desk>>,
    authorization: String,
}

impl FakeJira {
    /// Starts a Cloud with these tickets. `authorization` is the header that it accepts, as in `Basic bWU6a2V5`.
    pub async fn start(
        tickets: impl IntoIterator<Item = FakeTicket>,
        authorization: &str,
    ) -> FakeJira {
        FakeJira::begin(tickets, authorization, false).await
    }

    /// Starts a Data Center, which accepts `Bearer …`.
    pub async fn start_data_center(
        tickets: impl IntoIterator<Item = FakeTicket>,
        authorization: &str,
    ) -> FakeJira {
        FakeJira::begin(tickets, authorization, true).await
    }

    async fn begin(
        tickets: impl IntoIterator<Item = FakeTicket>,
        authorization: &str,
        is_data_center: bool,
    ) -> FakeJira {
        let tickets = tickets.into_iter().map(|it| (it.key.clone(), it)).collect();
        let desk = Arc::new(Mutex::new(Desk {
            tickets,
            members: BTreeSet::new(),
            is_data_center,
            next: 1_000,
        }));
        let answers = Tickets {
            desk: desk.clone(),
            authorization: authorization.to_owned(),
        };
        FakeJira {
            server: Server::start(answers).await,
            desk,
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ticket as it is now.
    pub fn ticket(&self, key: &str) -> Option<FakeTicket> {
        self.desk().tickets.get(key).cloned()
    }

    /// Makes an account a member of a group.
    pub fn join(&self, account: &str, group: &str) {
        let member = (account.to_owned(), group.to_owned());
        self.desk().members.insert(member);
    }

    /// Somebody puts a label on a ticket.
    pub fn put_label(&self, key: &str, actor: &str, label: &str) {
        self.desk().change(key, actor, "labels", |it| {
            it.labels.push(label.to_owned());
        });
    }

    /// Somebody moves a ticket to a status.
    pub fn move_ticket(&self, key: &str, actor: &str, status: &str) {
        self.desk()
            .change(key, actor, "status", |it| status.clone_into(&mut it.status));
    }

    /// Somebody writes another description.
    pub fn describe(&self, key: &str, actor: &str, words: Value) {
        self.desk()
            .change(key, actor, "description", |it| it.description = words);
    }

    /// Somebody comments on a ticket, in plain words.
    pub fn put_comment(&self, key: &str, actor: &str, words: &str) {
        let mut desk = self.desk();
        let body = match desk.is_data_center {
            true => json!(words),
            false => json!({"type": "doc", "version": 1, "content": [
                {"type": "paragraph", "content": [{"type": "text", "text": words}]}]}),
        };
        if let Some(ticket) = desk.tickets.get_mut(key) {
            ticket.comments.push((actor.to_owned(), body));
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

impl FakeTicket {
    pub(super) fn status(&self) -> (&str, &str) {
        match (self.status.as_str(), self.is_done) {
            ("", true) => ("Closed", "done"),
            ("", false) => ("To Do", "new"),
            ("Closed", _) => ("Closed", "done"),
            (name, _) => (name, "indeterminate"),
        }
    }
}

impl Desk {
    fn change(
        &mut self,
        key: &str,
        actor: &str,
        field: &'static str,
        edit: impl FnOnce(&mut FakeTicket),
    ) {
        self.next += 1;
        let id = self.next;
        let Some(ticket) = self.tickets.get_mut(key) else {
            return;
        };
        let read = |it: &FakeTicket| match field {
            "labels" => it.labels.join(" "),
            "status" => it.status().0.to_owned(),
            _ => it.description.to_string(),
        };
        let from = read(ticket);
        edit(ticket);
        let to = read(ticket);
        ticket.changes.push(FakeChange {
            id,
            author: actor.to_owned(),
            field,
            from,
            to,
        });
    }

    fn groups(&self, account: &str) -> Vec<Value> {
        let groups = self.members.iter().filter(|it| it.0 == account);
        groups.map(|it| json!({"name": it.1})).collect()
    }

    pub(super) fn account(&self, name: &str) -> Value {
        let id = if name == OURS { ACCOUNT } else { name };
        match self.is_data_center {
            true => json!({"displayName": name, "name": id, "key": id}),
            false => json!({"displayName": name, "accountId": id,
                "accountType": if name.ends_with("-app") { "app" } else { "atlassian" }}),
        }
    }

    fn histories(&self, it: &FakeTicket) -> Vec<Value> {
        it.changes
            .iter()
            .map(|change| {
                json!({
                    "id": change.id.to_string(),
                    "author": self.account(&change.author),
                    "created": moment(change.id),
                    "items": [{"field": change.field, "fromString": change.from, "toString": change.to}],
                })
            })
            .collect()
    }

    fn shown(&self, it: &FakeTicket, asked: &Asked) -> Value {
        let (name, category) = it.status();
        let mut fields = json!({
            "summary": it.summary,
            "description": it.description,
            "labels": it.labels,
            "status": {"name": name, "statusCategory": {"key": category}},
            "creator": self.account(&it.creator),
            "created": moment(0),
        });
        let named = asked.query.iter().find(|it| it.0 == "fields");
        let named: Vec<&str> = named.map_or(Vec::new(), |it| it.1.split(',').collect());
        for (field, value) in &it.fields {
            if named.contains(&field.as_str()) {
                fields[field] = value.clone();
            }
        }
        let mut shown = json!({"key": it.key, "fields": fields});
        if asked
            .query
            .iter()
            .any(|it| it.0 == "expand" && it.1 == "changelog")
        {
            shown["changelog"] = json!({"histories": self.histories(it)});
        }
        shown
    }
}

/// A moment as Jira writes it, in the account's own zone; later than any test begins.
pub(super) fn moment(number: u64) -> String {
    let (hours, minutes, seconds) = (number / 3600, number / 60 % 60, number % 60);
    format!("2100-01-01T{hours:02}:{minutes:02}:{seconds:02}.000+0200")
}

pub(super) fn refuse(status: u16, message: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("it is one");
    answer(status, &json!({"errorMessages": [message], "errors": {}}))
}

impl Answers for Tickets {
    fn answer(&self, asked: &Asked) -> Response {
        if asked.header("authorization") != Some(&self.authorization) {
            return refuse(401, "Client must be authenticated to access this resource.");
        }
        let accept = asked.header("accept");
        if !accept.is_some_and(|it| it.contains("json") || it.contains("*/*")) {
            return refuse(406, "Not acceptable");
        }
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let base = if desk.is_data_center {
            "/rest/api/2/"
        } else {
            "/rest/api/3/"
        };
        let Some(path) = asked.path.strip_prefix(base) else {
            return refuse(404, "null for uri");
        };
        let parts: Vec<&str> = path.split('/').collect();
        let query = |name: &str| asked.query.iter().find(|it| it.0 == name);
        let named = |name: &str| query(name).map_or(String::new(), |it| decoded(&it.1));
        match parts[..] {
            ["myself"] => answer(StatusCode::OK, &desk.account(OURS)),
            ["search", ..] => search(&desk, &parts, asked),
            ["user", "groups"] if !desk.is_data_center => answer(
                StatusCode::OK,
                &Value::Array(desk.groups(&named("accountId"))),
            ),
            ["user"] if desk.is_data_center => {
                let groups = desk.groups(&named("username"));
                answer(
                    StatusCode::OK,
                    &json!({"groups": {"size": groups.len(), "items": groups}}),
                )
            }
            ["issue", key, ref below @ ..] => match desk.tickets.contains_key(key) {
                true => desk.about_ticket(key, below, asked),
                false => refuse(
                    404,
                    "Issue does not exist or you do not have permission to see it.",
                ),
            },
            _ => refuse(404, "null for uri"),
        }
    }
}

impl Desk {
    fn about_ticket(&mut self, key: &str, below: &[&str], asked: &Asked) -> Response {
        let found = self.tickets[key].clone();
        let query = |name: &str| asked.query.iter().find(|it| it.0 == name);
        match (&asked.method, below) {
            (&Method::GET, []) => answer(StatusCode::OK, &self.shown(&found, asked)),
            (&Method::GET, ["changelog"]) if !self.is_data_center => {
                let start = number(&asked.query, "startAt", 0);
                let size = number(&asked.query, "maxResults", 100).clamp(1, 100);
                let all = self.histories(&found);
                let shown: Vec<&Value> = all.iter().skip(start).take(size).collect();
                answer(
                    StatusCode::OK,
                    &json!({"total": all.len(), "isLast": all.len() <= start + size, "values": shown}),
                )
            }
            (&Method::GET, ["comment"]) => {
                answer(StatusCode::OK, &self.comments(&found, &asked.query))
            }
            (_, ["comment", id @ ..]) => {
                let id = id.first().copied().unwrap_or_default();
                let is_wiki = self.is_data_center;
                let ticket = self.tickets.get_mut(key).expect("it is there");
                jira_comments::write(ticket, id, is_wiki, asked)
            }
            (&Method::GET, ["transitions"]) => {
                let all = TRANSITIONS
                    .map(|(id, name, to)| json!({"id": id, "name": name, "to": {"name": to}}));
                answer(StatusCode::OK, &json!({"transitions": all}))
            }
            (&Method::POST, ["transitions"]) => {
                let id = asked.json()["transition"]["id"].clone();
                let Some((_, _, to)) = TRANSITIONS.iter().find(|it| id == it.0) else {
                    return refuse(
                        400,
                        "It seems that you have tried to perform a workflow operation that is not valid for the current state of this issue.",
                    );
                };
                self.change(key, OURS, "status", |it| (*to).clone_into(&mut it.status));
                empty()
            }
            (&Method::GET, ["remotelink"]) => {
                let wanted = query("globalId").map_or(String::new(), |it| decoded(&it.1));
                match found.links.iter().find(|it| it.0 == wanted) {
                    Some((id, title)) => answer(
                        StatusCode::OK,
                        &json!({"id": 1, "globalId": id, "object": {"url": id, "title": title}}),
                    ),
                    None => refuse(404, "The remote link does not exist."),
                }
            }
            (&Method::POST, ["remotelink"]) => {
                let body = asked.json();
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let (id, title) = (text(&body["globalId"]), text(&body["object"]["title"]));
                if title.is_empty() || body["object"]["url"].is_null() {
                    return refuse(400, "'title' is required.");
                }
                let ticket = self.tickets.get_mut(key).expect("it is there");
                ticket.links.retain(|it| it.0 != id);
                ticket.links.push((id, title));
                answer(StatusCode::CREATED, &json!({"id": ticket.links.len()}))
            }
            _ => refuse(405, "Method not allowed"),
        }
    }
}

/// What Jira answers to a transition.
fn empty() -> Response {
    Response::builder()
        .status(StatusCode::NO_CONTENT)
        .body(axum::body::Body::empty())
        .expect("the answer is well formed")
}

/// A value of a query as it was meant.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                let digits = String::from_utf8_lossy(&digits).into_owned();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap_or(b'?'));
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
