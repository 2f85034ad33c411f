//! What happened to Jira's tickets, which of them changed, and who belongs to a group. See "Issue search", "Get changelogs" and "Get
//! user groups" in Jira's REST documentation.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::{Flavour, Jira};
use crate::adf;
use crate::error::{ForgeError, Service};
use crate::github::{Actor, Happened, IssueEvent};
use crate::ticket_ref::TicketRef;

/// Items of one page.
const PAGE_ITEMS: usize = 100;
/// Pages that are read of one list.
const PAGES_MAX: usize = 10;
/// Longest first line of a comment that is kept, in characters.
const LINE_CHARS_MAX: usize = 200;

/// A ticket as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedTicket {
    /// Its key now.
    pub key: String,
    /// Its labels now.
    pub labels: Vec<String>,
    /// The name of its status now.
    pub status: String,
    /// Whether its status is of the category `done`.
    pub is_done: bool,
    /// What happened to it, in that order.
    pub events: Vec<IssueEvent>,
}

/// Which tickets are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought<'a> {
    /// Keys of projects; at least one.
    pub projects: &'a [String],
    /// Those with this label, whenever they changed.
    pub label: &'a str,
    /// Those in this status, whenever they changed.
    pub status: Option<&'a str>,
    /// Those that changed within so many minutes.
    pub minutes: u64,
}

/// A page of a search. Cloud's has no total: a token says that there is another page, and a short page says nothing. Data
/// Center's says how many there are.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SearchPage {
    #[serde(default)]
    issues: Vec<Found>,
    #[serde(default)]
    next_page_token: Option<String>,
    #[serde(default)]
    total: Option<usize>,
}

#[derive(Deserialize)]
struct Found {
    /// Missing where no field was named.
    #[serde(default)]
    key: Option<String>,
}

#[derive(Deserialize)]
struct TicketAnswer {
    key: String,
    fields: FieldsAnswer,
    /// Only where it was asked for.
    #[serde(default)]
    changelog: Option<Histories>,
}

#[derive(Deserialize)]
struct FieldsAnswer {
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    status: super::TicketStatus,
    #[serde(default)]
    creator: Option<Account>,
    #[serde(default)]
    created: String,
}

#[derive(Default, Deserialize)]
struct Histories {
    #[serde(default)]
    histories: Vec<History>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChangePage {
    #[serde(default)]
    values: Vec<History>,
    #[serde(default)]
    is_last: bool,
}

#[derive(Deserialize)]
struct History {
    id: String,
    #[serde(default)]
    author: Option<Account>,
    #[serde(default)]
    created: String,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[serde(default)]
    field: String,
    #[serde(default)]
    from_string: Option<String>,
    #[serde(default, rename = "toString")]
    to: Option<String>,
}

/// Somebody, as Cloud or as Data Center names them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    #[serde(default)]
    account_id: Option<String>,
    #[serde(default)]
    account_type: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct CommentsPage {
    #[serde(default)]
    total: usize,
    comments: Vec<CommentAnswer>,
}

#[derive(Deserialize)]
struct CommentAnswer {
    id: String,
    #[serde(default)]
    author: Option<Account>,
    #[serde(default)]
    body: Value,
    #[serde(default)]
    created: String,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct UserAnswer {
    #[serde(default)]
    groups: Groups,
}

#[derive(Default, Deserialize)]
struct Groups {
    #[serde(default)]
    items: Vec<Named>,
}

impl Account {
    fn actor(self) -> Option<Actor> {
        let login = self.account_id.or(self.name)?;
        Some(Actor {
            login,
            is_bot: self.account_type.as_deref() == Some("app"),
        })
    }
}

/// A moment of Jira's in UTC, so that later ones sort behind earlier ones; Jira writes it in the account's own zone.
fn moment(text: &str) -> String {
    match DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z") {
        Ok(at) => at
            .with_timezone(&Utc)
            .format("%Y-%m-%dT%H:%M:%SZ")
            .to_string(),
        Err(_) => String::new(),
    }
}

/// A text as JQL takes it between quotes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl Sought<'_> {
    /// Never empty: an unbounded search is refused.
    fn jql(&self) -> String {
        let projects: Vec<String> = self.projects.iter().map(|it| quoted(it)).collect();
        let status = self.status.map(|it| format!(" OR status = {}", quoted(it)));
        format!(
            "project in ({}) AND statusCategory != Done AND (labels = {}{} OR updated >= \"-{}m\") ORDER BY updated ASC",
            projects.join(", "),
            quoted(self.label),
            status.unwrap_or_default(),
            self.minutes
        )
    }
}

impl Jira {
    /// The account that speaks, as [`Actor::login`] names it.
    ///
    /// # Errors
    /// When it can't be asked.
    pub async fn own_account(&self) -> Result<String, ForgeError> {
        let path = format!("{}/myself", self.rest());
        let me: Account = self.api.get(&path, "our own account").await?;
        Ok(me.actor().map(|it| it.login).unwrap_or_default())
    }

    /// Tickets that are looked for, those that changed longest ago first.
    ///
    /// # Errors
    /// When it can't be asked.
    pub async fn changed_tickets(&self, sought: &Sought<'_>) -> Result<Vec<TicketRef>, ForgeError> {
        let what = "the tickets that changed";
        let encode = |text: &str| -> String {
            url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
        };
        let jql = encode(&sought.jql());
        let mut found: Vec<String> = Vec::new();
        let mut token: Option<String> = None;
        for page in 0..PAGES_MAX {
            let path = match self.flavour {
                // Without named fields there are only ids in it.
                Flavour::Cloud => {
                    let next = token
                        .as_deref()
                        .map(|it| format!("&nextPageToken={}", encode(it)));
                    format!(
                        "{}/search/jql?jql={jql}&fields=updated&maxResults={PAGE_ITEMS}{}",
                        self.rest(),
                        next.unwrap_or_default()
                    )
                }
                Flavour::DataCenter => format!(
                    "{}/search?jql={jql}&fields=updated&maxResults={PAGE_ITEMS}&startAt={}",
                    self.rest(),
                    page * PAGE_ITEMS
                ),
            };
            let read: SearchPage = self.api.get(&path, what).await?;
            found.extend(read.issues.into_iter().filter_map(|it| it.key));
            token = read.next_page_token;
            let is_last = match self.flavour {
                Flavour::Cloud => token.is_none(),
                Flavour::DataCenter => read.total.is_none_or(|it| it <= (page + 1) * PAGE_ITEMS),
            };
            if is_last {
                break;
            }
        }
        Ok(found.iter().filter_map(|it| self.parse(it).ok()).collect())
    }

    /// How a ticket stands, with its labels, moves and comments in the order in which they happened.
    ///
    /// # Errors
    /// When it can't be asked.
    pub async fn listed_ticket(&self, ticket: &TicketRef) -> Result<ListedTicket, ForgeError> {
        let what = format!("ticket {ticket}");
        let path = format!("{}/issue/{ticket}", self.rest());
        let fields = "fields=labels,status,creator,created";
        let expand = match self.flavour {
            Flavour::Cloud => "",
            Flavour::DataCenter => "&expand=changelog",
        };
        let read: TicketAnswer = self
            .api
            .get(&format!("{path}?{fields}{expand}"), &what)
            .await?;
        let histories = match read.changelog {
            Some(all) => all.histories,
            None => self.changes(&path, &what).await?,
        };
        let mut events = born(&read.fields, &histories);
        events.extend(histories.into_iter().flat_map(changed));
        events.extend(self.uttered(&path, &what).await?);
        events.sort_by(|one, other| one.at.cmp(&other.at));
        Ok(ListedTicket {
            key: read.key,
            labels: read.fields.labels,
            is_done: read.fields.status.is_done(),
            status: read.fields.status.name,
            events,
        })
    }

    async fn changes(&self, path: &str, what: &str) -> Result<Vec<History>, ForgeError> {
        let mut found = Vec::new();
        for page in 0..PAGES_MAX {
            let start = page * PAGE_ITEMS;
            let path = format!("{path}/changelog?startAt={start}&maxResults={PAGE_ITEMS}");
            let read: ChangePage = self.api.get(&path, what).await?;
            let is_last = read.is_last || read.values.is_empty();
            found.extend(read.values);
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    async fn uttered(&self, path: &str, what: &str) -> Result<Vec<IssueEvent>, ForgeError> {
        let mut found = Vec::new();
        for page in 0..PAGES_MAX {
            let start = page * PAGE_ITEMS;
            let path =
                format!("{path}/comment?startAt={start}&maxResults={PAGE_ITEMS}&orderBy=created");
            let read: CommentsPage = self.api.get(&path, what).await?;
            let is_last = read.total <= start + PAGE_ITEMS || read.comments.is_empty();
            for comment in read.comments {
                let body = adf::to_markdown(&comment.body);
                let first = body.lines().next().unwrap_or_default();
                let Some(actor) = comment.author.and_then(Account::actor) else {
                    continue;
                };
                found.push(IssueEvent {
                    id: format!("comment-{}", comment.id),
                    actor,
                    at: moment(&comment.created),
                    what: match super::comments::is_question(&body) {
                        true => Happened::Asked,
                        false => Happened::Commented(first.chars().take(LINE_CHARS_MAX).collect()),
                    },
                });
            }
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    /// Whether an account belongs to a group.
    ///
    /// # Errors
    /// When it can't be asked; an account that is unknown belongs to none.
    pub async fn is_member(&self, account: &str, group: &str) -> Result<bool, ForgeError> {
        let what = format!("the groups of {}", crate::address::shown(account));
        let named: String = url::form_urlencoded::byte_serialize(account.as_bytes()).collect();
        let groups = match self.flavour {
            Flavour::Cloud => {
                let path = format!("{}/user/groups?accountId={named}", self.rest());
                let groups: Result<Vec<Named>, ForgeError> = self.api.get(&path, &what).await;
                groups
            }
            Flavour::DataCenter => {
                let path = format!("{}/user?username={named}&expand=groups", self.rest());
                let user: Result<UserAnswer, ForgeError> = self.api.get(&path, &what).await;
                user.map(|it| it.groups.items)
            }
        };
        match groups {
            Ok(groups) => Ok(groups.iter().any(|it| it.name == group)),
            Err(ForgeError::NotFound {
                service: Service::Jira,
                ..
            }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// What a ticket was made with: Jira writes no change for it.
fn born(fields: &FieldsAnswer, histories: &[History]) -> Vec<IssueEvent> {
    let Some(actor) = fields.creator.clone().and_then(Account::actor) else {
        return Vec::new();
    };
    let items = || histories.iter().flat_map(|it| &it.items);
    let words = |text: &Option<String>| -> Vec<String> {
        let words = text.iter().flat_map(|it| it.split_whitespace());
        words.map(str::to_owned).collect()
    };
    // The first change says what was there before; without one, it is what is there now.
    let labels = items()
        .find(|it| it.field == "labels")
        .map_or_else(|| fields.labels.clone(), |it| words(&it.from_string));
    let status = items().find(|it| it.field == "status").map_or_else(
        || Some(fields.status.name.clone()),
        |it| it.from_string.clone(),
    );
    let at = moment(&fields.created);
    let event = |id: String, what| IssueEvent {
        id,
        actor: actor.clone(),
        at: at.clone(),
        what,
    };
    let labels = labels
        .into_iter()
        .map(|it| event(format!("made-label-{it}"), Happened::Labeled(it)));
    let status = status.map(|it| event("made-status".to_owned(), Happened::Moved(it)));
    labels.chain(status).collect()
}

/// Labels that a change put on, and the status that it moved the ticket to.
fn changed(history: History) -> Vec<IssueEvent> {
    let Some(actor) = history.author.clone().and_then(Account::actor) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut push = |kind: &str, what| {
        found.push(IssueEvent {
            id: format!("change-{}-{kind}", history.id),
            actor: actor.clone(),
            at: moment(&history.created),
            what,
        });
    };
    for item in &history.items {
        let to = item.to.as_deref().unwrap_or_default();
        match item.field.as_str() {
            "labels" => {
                let before = item.from_string.as_deref().unwrap_or_default();
                let before: Vec<&str> = before.split_whitespace().collect();
                for label in to.split_whitespace().filter(|it| !before.contains(it)) {
                    push(
                        &format!("label-{label}"),
                        Happened::Labeled(label.to_owned()),
                    );
                }
            }
            "summary" | "description" => push(&item.field, Happened::Edited),
            "status" => push("status", Happened::Moved(to.to_owned())),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_search_is_bounded_and_nothing_in_it_ends_its_quotes() {
        let sought = Sought {
            projects: &["PROJ".to_owned(), "A\" OR project = \"B".to_owned()],
            label: "pipeline",
            status: Some("Ready for \"it\""),
            minutes: 5,
        };
        expect![[r#"project in ("PROJ", "A\" OR project = \"B") AND statusCategory != Done AND (labels = "pipeline" OR status = "Ready for \"it\"" OR updated >= "-5m") ORDER BY updated ASC"#]]
        .assert_eq(&sought.jql());
    }

    #[test]
    fn moments_of_all_zones_sort() {
        assert_eq!(
            moment("2026-11-30T01:30:00.000+0200"),
            "2026-11-29T23:30:00Z"
        );
        assert_eq!(
            moment("2026-11-29T23:30:00.123+0000"),
            "2026-11-29T23:30:00Z"
        );
        assert_eq!(moment("yesterday"), "");
    }
}
