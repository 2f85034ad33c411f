//! Jira: tickets with their comments as tasks, by the REST interface 3 of the Cloud or 2 of a Data Center; comments of ours.

mod comments;
mod delivered;
mod events;

pub use events::{ListedTicket, Sought};

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::{Task, TaskSource};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

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
    flavour: Flavour,
    /// The field whose text belongs to the task.
    acceptance_field: Option<String>,
    /// Where a ticket is moved whose change asks to be merged.
    transition: Option<String>,
}

/// Which Jira it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flavour {
    /// Jira Cloud: the REST interface 3, whose texts are documents.
    Cloud,
    /// Jira Data Center: the REST interface 2, whose texts are wiki text.
    DataCenter,
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
    /// Those that were named beside these.
    #[serde(flatten)]
    more: BTreeMap<String, Value>,
}

#[derive(Default, Deserialize)]
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
        Jira::with(base, &basic, Flavour::Cloud, patience)
    }

    /// The Data Center at `base_url`, asked with somebody's personal access token, which goes nowhere else. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ForgeError::Setting`] when the address or the token can't be used.
    pub fn data_center(
        base_url: &str,
        token: &SecretString,
        patience: Patience,
    ) -> Result<Jira, ForgeError> {
        let base = configured(Service::Jira, base_url)?;
        let token = token.expose_secret().trim();
        if token.is_empty() {
            return Err(ForgeError::Setting {
                variable: "JIRA_API_TOKEN",
                why: "it is empty (make a personal access token in your profile)",
            });
        }
        Jira::with(
            base,
            &format!("Bearer {token}"),
            Flavour::DataCenter,
            patience,
        )
    }

    fn with(
        base: Url,
        authorization: &str,
        flavour: Flavour,
        patience: Patience,
    ) -> Result<Jira, ForgeError> {
        let authorization = HeaderValue::try_from(authorization);
        let mut authorization = authorization.map_err(|_| ForgeError::Setting {
            variable: "JIRA_API_TOKEN",
            why: "it has characters that no token has",
        })?;
        authorization.set_sensitive(true);
        Ok(Jira {
            flavour,
            acceptance_field: None,
            transition: None,
            api: Api {
                graphql: None,
                service: Service::Jira,
                base,
                door: Door::Plain(client(Service::Jira, &patience)?, authorization),
                anonymous: false,
                patience,
                last_change: tokio::sync::Mutex::default(),
            },
        })
    }

    /// The same with a field whose text is part of the task, as in `customfield_10040`.
    ///
    /// # Errors
    /// [`ForgeError::Setting`] for what is no field's name.
    pub fn with_acceptance_field(mut self, name: &str) -> Result<Jira, ForgeError> {
        let is_name = |it: char| it.is_ascii_alphanumeric() || it == '_';
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(ForgeError::Setting {
                variable: "`acceptance_field` of [jira]",
                why: "it isn't a field's own name (write it as in `customfield_10040`)",
            });
        }
        self.acceptance_field = Some(name.to_owned());
        Ok(self)
    }

    /// The same with the transition, or the status, that a ticket is moved by when its change asks to be merged.
    #[must_use]
    pub fn with_transition(mut self, name: &str) -> Jira {
        self.transition = Some(name.to_owned());
        self
    }

    /// What [`Jira::with_transition`] was given.
    pub fn transition(&self) -> Option<&str> {
        self.transition.as_deref()
    }

    /// Where the interface is below the address.
    pub(crate) fn rest(&self) -> &'static str {
        match self.flavour {
            Flavour::Cloud => "/rest/api/3",
            Flavour::DataCenter => "/rest/api/2",
        }
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
        let path = format!("{}/issue/{reference}", self.rest());
        let mut fields = "fields=summary,description,labels,status".to_owned();
        if let Some(name) = &self.acceptance_field {
            fields += &format!(",{name}");
        }
        let ticket: Ticket = self.api.get(&format!("{path}?{fields}"), &what).await?;
        let (comments, total) = self.comments(&path, &what).await?;
        let fields = ticket.fields;
        let mut body = clean(&adf::to_markdown(&fields.description));
        let wanted = self.acceptance_field.as_ref();
        if let Some(wanted) = wanted.and_then(|it| fields.more.get(it)) {
            let wanted = clean(&adf::to_markdown(wanted));
            if !wanted.trim().is_empty() {
                body = format!(
                    "{}\n\n## Acceptance criteria\n\n{}",
                    body.trim(),
                    wanted.trim()
                );
            }
        }
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
                match comments::is_marked(&body) && !comments::is_question(&body) {
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
