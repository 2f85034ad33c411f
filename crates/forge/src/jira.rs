//! Jira: tickets with their comments as tasks, by the REST interface 3; comments of ours.

mod comments;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::{Task, TaskSource};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::Fetched;
use crate::address::configured;
use crate::adf;
use crate::conversation::{self, PAGE_COMMENTS};
use crate::error::{ForgeError, Service};
use crate::http::{Api, Door, Patience, client};
use crate::ticket_ref::TicketRef;
use protocol::plain_text::{TASK_BYTES_MAX, TITLE_BYTES_MAX, clean, cut, labels, line};

/// A Jira.
#[derive(Debug)]
pub struct Jira {
    pub(crate) api: Api,
}

/// The parts of a ticket we read; see "Get issue" in Jira's REST documentation.
#[derive(Deserialize)]
struct Ticket {
    key: String,
    fields: Fields,
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    description: Value,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    status: Option<TicketStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TicketStatus {
    #[serde(default)]
    name: String,
    #[serde(default)]
    status_category: Option<StatusCategory>,
}

#[derive(Deserialize)]
struct StatusCategory {
    #[serde(default)]
    key: String,
}

#[derive(Deserialize)]
struct CommentPage {
    #[serde(default)]
    total: u64,
    comments: Vec<TicketComment>,
}

#[derive(Deserialize)]
struct TicketComment {
    #[serde(default)]
    author: Option<Author>,
    #[serde(default)]
    body: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Author {
    #[serde(default)]
    display_name: String,
}

impl Jira {
    /// The Jira at `base_url`, where alone the credentials are sent. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ForgeError::Setting`] when the address or the credentials can't be used.
    pub fn new(
        base_url: &str,
        email: &str,
        token: &SecretString,
        patience: Patience,
    ) -> Result<Jira, ForgeError> {
        let base = configured(Service::Jira, base_url)?;
        let email = email.trim();
        // A colon would end the name early: Basic authentication has no way to write it.
        if email.is_empty() || email.contains(':') || email.contains(char::is_control) {
            return Err(ForgeError::Setting {
                variable: "JIRA_EMAIL",
                why: "it isn't an e-mail address",
            });
        }
        let token = token.expose_secret().trim();
        if token.is_empty() {
            return Err(ForgeError::Setting {
                variable: "JIRA_API_TOKEN",
                why: "it is empty (make one in your Atlassian account, under Security)",
            });
        }
        let basic = format!("Basic {}", STANDARD.encode(format!("{email}:{token}")));
        let mut authorization =
            HeaderValue::try_from(basic).expect("base64 has only letters that a header allows");
        authorization.set_sensitive(true);
        Ok(Jira {
            api: Api {
                service: Service::Jira,
                base,
                door: Door::Plain(client(Service::Jira, &patience)?, authorization),
                anonymous: false,
                patience,
                last_change: tokio::sync::Mutex::default(),
            },
        })
    }

    /// Reads a key or the address of a ticket's page. Sends nothing.
    ///
    /// # Errors
    /// [`ForgeError::Reference`] and [`ForgeError::OtherHost`].
    pub fn parse(&self, text: &str) -> Result<TicketRef, ForgeError> {
        TicketRef::parse(text, &self.api.base)
    }

    /// Fetches a ticket with its comments.
    ///
    /// # Errors
    /// Every way a service can refuse, each told apart; see [`ForgeError`].
    pub async fn task(&self, reference: &TicketRef) -> Result<Fetched, ForgeError> {
        let what = format!("ticket {reference}");
        let path = format!("/rest/api/3/issue/{reference}");
        let fields = "fields=summary,description,labels,status";
        let ticket: Ticket = self.api.get(&format!("{path}?{fields}"), &what).await?;
        let (comments, total) = self.comments(&path, &what).await?;
        let fields = ticket.fields;
        let body = clean(&adf::to_markdown(&fields.description));
        let base = self.api.base.as_str().trim_end_matches('/');
        let key = line(&ticket.key, TITLE_BYTES_MAX);
        let task = Task {
            title: line(
                fields.summary.as_deref().unwrap_or_default(),
                TITLE_BYTES_MAX,
            ),
            body: cut(body.trim(), TASK_BYTES_MAX),
            labels: labels(fields.labels.iter().map(String::as_str)),
            comments: conversation::bounded(comments, total),
            source: TaskSource::Jira {
                url: format!("{base}/browse/{key}"),
                key,
            },
            ..Task::default()
        };
        if task.is_empty() {
            return Err(ForgeError::Empty { place: what });
        }
        let mut notes = Vec::new();
        if ticket.key != reference.key {
            let key = line(&ticket.key, TITLE_BYTES_MAX);
            notes.push(format!("{what} has moved and is {key} now"));
        }
        if let Some(status) = fields.status.filter(TicketStatus::is_done) {
            let name = line(&status.name, TITLE_BYTES_MAX);
            notes.push(format!("{what} is done already (`{name}`)"));
        }
        Ok(Fetched { task, notes })
    }

    /// The comments we keep, oldest first, and how many there are. The first page says how many.
    async fn comments(
        &self,
        path: &str,
        what: &str,
    ) -> Result<(Vec<protocol::Comment>, u64), ForgeError> {
        let (mut comments, mut total) = (Vec::new(), 0);
        let mut pages = vec![1];
        let mut next = 0;
        while let Some(page) = pages.get(next) {
            let start = (page - 1) * PAGE_COMMENTS;
            let path = format!(
                "{path}/comment?startAt={start}&maxResults={PAGE_COMMENTS}&orderBy=created"
            );
            let found: CommentPage = self.api.get(&path, what).await?;
            if next == 0 {
                total = found.total;
                pages = conversation::pages(total);
            }
            for it in &found.comments {
                let author = it.author.as_ref().map_or("", |it| it.display_name.as_str());
                let body = adf::to_markdown(&it.body);
                // What this program wrote about earlier runs is no part of the task.
                match comments::is_marked(&body) {
                    true => total = total.saturating_sub(1),
                    false => comments.push(conversation::comment(author, &body)),
                }
            }
            next += 1;
        }
        Ok((comments, total))
    }
}

impl TicketStatus {
    fn is_done(&self) -> bool {
        self.status_category
            .as_ref()
            .is_some_and(|it| it.key == "done")
    }
}
