//! GitHub: issues with their comments as tasks; pull requests and comments of ours.

mod checks;
mod comments;
mod issue_events;
mod requests;
mod reviews;

pub use checks::{CheckRun, Conclusion, Note};
pub use issue_events::{Actor, Happened, IssueEvent, ListedIssue, Permission};
pub use reviews::{FailedCheck, Remark, Reviewed};

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use octocrab::Octocrab;
use octocrab::service::middleware::retry::RetryConfig;
use protocol::{Task, TaskSource};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::Fetched;
use crate::address::configured;
use crate::app::{self, AppDoor, AppKey, Permissions};
use crate::conversation::{self, PAGE_COMMENTS};
use crate::error::{ForgeError, Service};
use crate::http::{Api, Door, Patience, client};
use crate::issue_ref::IssueRef;
use crate::seam::{Forge as _, RepositoryName};
use crate::web_text::show_comments;
use protocol::plain_text::{TASK_BYTES_MAX, TITLE_BYTES_MAX, clean, cut, labels, line};

/// Where the interface is when nothing else is configured.
const API_URL: &str = "https://api.github.com";

/// GitHub, or a GitHub Enterprise.
#[derive(Debug)]
pub struct GitHub {
    pub(crate) api: Api,
    /// Where people open issues.
    web: Url,
    /// Whether comments of those who don't belong to a repository are no part of a task.
    leaves_outsiders_out: bool,
}

/// Where an app's webhooks go; see "Get a webhook configuration for an app".
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AppHook {
    /// The address; empty when there is none.
    #[serde(default)]
    pub url: String,
    /// As in `json`.
    #[serde(default)]
    pub content_type: String,
    /// Stars where one is set; GitHub shows no more.
    #[serde(default)]
    secret: Option<String>,
}

impl AppHook {
    /// Whether GitHub signs what it sends.
    pub fn has_secret(&self) -> bool {
        self.secret.as_ref().is_some_and(|it| !it.is_empty())
    }
}

/// Who asks.
enum Speaker<'a> {
    Nobody,
    Token(SecretString),
    App(&'a AppKey),
}

/// The parts of an issue we read; see "Get an issue" in GitHub's REST documentation.
#[derive(Deserialize)]
struct Issue {
    title: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    labels: Vec<Label>,
    #[serde(default)]
    comments: u64,
    #[serde(default)]
    state: String,
    html_url: String,
    #[serde(default)]
    pull_request: Option<serde::de::IgnoredAny>,
}

/// Old servers give labels as plain words.
#[derive(Deserialize)]
#[serde(untagged)]
enum Label {
    Named { name: Option<String> },
    Plain(String),
}

impl Label {
    fn name(self) -> Option<String> {
        match self {
            Label::Named { name } => name,
            Label::Plain(name) => Some(name),
        }
    }
}

#[derive(Deserialize)]
struct IssueComment {
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    user: Option<User>,
    /// How the author belongs to the repository; see "CommentAuthorAssociation". Old servers don't say.
    #[serde(default)]
    author_association: String,
}

impl IssueComment {
    /// Whether whoever wrote it has nothing to do with the repository as far as its host knows.
    fn is_from_outside(&self) -> bool {
        matches!(
            self.author_association.as_str(),
            "NONE" | "FIRST_TIMER" | "FIRST_TIME_CONTRIBUTOR" | "MANNEQUIN"
        )
    }
}

#[derive(Deserialize)]
struct User {
    login: String,
}

impl GitHub {
    /// GitHub at `api_url` (`https://host/api/v3` for an Enterprise server), or at its public address. The token
    /// is sent there only. Nothing is sent yet.
    ///
    /// Must be called where a tokio runtime is.
    ///
    /// # Errors
    /// [`ForgeError::Setting`] when the address can't be used.
    pub fn new(
        api_url: Option<&str>,
        token: Option<SecretString>,
        patience: Patience,
    ) -> Result<GitHub, ForgeError> {
        let speaker = token.map_or(Speaker::Nobody, Speaker::Token);
        GitHub::with(api_url, speaker, patience)
    }

    /// The same as an app: everything that belongs to a repository is asked with a token of the app's installation there, which is
    /// looked up, made and renewed when it is needed.
    ///
    /// Must be called where a tokio runtime is.
    ///
    /// # Errors
    /// [`ForgeError::Setting`] when the address or the key can't be used.
    pub fn of_app(
        api_url: Option<&str>,
        app: &AppKey,
        patience: Patience,
    ) -> Result<GitHub, ForgeError> {
        GitHub::with(api_url, Speaker::App(app), patience)
    }

    fn with(
        api_url: Option<&str>,
        speaker: Speaker<'_>,
        patience: Patience,
    ) -> Result<GitHub, ForgeError> {
        let base = configured(Service::GitHub, api_url.unwrap_or(API_URL))?;
        let failed = |source: octocrab::Error| ForgeError::Client {
            service: Service::GitHub,
            source: Box::new(source),
        };
        let (is_app, anonymous) = (
            matches!(speaker, Speaker::App(_)),
            matches!(speaker, Speaker::Nobody),
        );
        let speaking = |base: &Url, is_by_app: bool| -> Result<Octocrab, ForgeError> {
            let builder = match &speaker {
                Speaker::Token(token) => Octocrab::builder().personal_token(token.clone()),
                Speaker::App(app) if is_by_app => Octocrab::builder()
                    .app_from_rsa_pem(app.id, app.pem.expose_secret())
                    .map_err(|_| app::key_refused())?,
                Speaker::Nobody | Speaker::App(_) => Octocrab::builder(),
            };
            builder
                .base_uri(base.as_str())
                .map_err(failed)?
                .add_retry_config(RetryConfig::None)
                .build_with_reqwest(client(Service::GitHub, &patience)?)
                .map_err(failed)
        };
        let octocrab = speaking(&base, true)?;
        let graphql = Arc::new(speaking(&graphql_base(&base), false)?);
        Ok(GitHub {
            web: web(&base),
            leaves_outsiders_out: false,
            api: Api {
                graphql: Some(graphql),
                service: Service::GitHub,
                base,
                door: match is_app {
                    true => Door::App(Arc::new(AppDoor::new(octocrab))),
                    false => Door::Octocrab(Arc::new(octocrab)),
                },
                anonymous,
                patience,
                last_change: tokio::sync::Mutex::default(),
            },
        })
    }

    /// The same without comments of those who don't belong to a repository; otherwise they are marked in a task as theirs.
    #[must_use]
    pub fn without_outsiders(mut self) -> GitHub {
        self.leaves_outsiders_out = true;
        self
    }

    /// Whether it is asked as an app.
    pub fn is_app(&self) -> bool {
        matches!(self.api.door, Door::App(_))
    }

    /// What the app's installation on a repository may do; none where no app is used.
    ///
    /// # Errors
    /// [`ForgeError::NotInstalled`], [`ForgeError::AppRefused`], or when GitHub can't be asked.
    pub async fn app_permissions(
        &self,
        on: &RepositoryName,
    ) -> Result<Option<Permissions>, ForgeError> {
        match &self.api.door {
            Door::App(app) => app.permissions(&self.api, on).await.map(Some),
            _ => Ok(None),
        }
    }

    /// Where the app's webhooks go; none where no app is used.
    ///
    /// # Errors
    /// When GitHub can't be asked.
    pub async fn app_hook(&self) -> Result<Option<AppHook>, ForgeError> {
        match self.is_app() {
            true => self.api.get("/app/hook/config", "the app's webhook").await,
            false => Ok(None),
        }
    }

    /// What git sends to an address of this host when an app is used: where it may be sent to, and the whole header line. None where
    /// no app is used, for another host, and for a repository that the app isn't installed on, which may be public.
    ///
    /// # Errors
    /// [`ForgeError::AppRefused`], [`ForgeError::NoAppToken`], or when GitHub can't be asked.
    pub async fn git_credential(
        &self,
        address: &str,
    ) -> Result<Option<(Url, SecretString)>, ForgeError> {
        let (Door::App(app), Some(name)) = (&self.api.door, self.repository_at(address)) else {
            return Ok(None);
        };
        match app.git_token(&self.api, &name).await {
            Ok(token) => Ok(Some((self.web.clone(), basic(&token)))),
            Err(ForgeError::NotInstalled { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads `owner/repo#123` or the address of an issue's page. Sends nothing.
    ///
    /// # Errors
    /// [`ForgeError::Reference`], [`ForgeError::OtherHost`] and [`ForgeError::PullRequest`].
    pub fn parse(&self, text: &str) -> Result<IssueRef, ForgeError> {
        IssueRef::parse(text, &self.web)
    }

    /// Where the repository that an issue belongs to is cloned from.
    pub fn clone_address(&self, issue: &IssueRef) -> String {
        format!("{}{}/{}.git", self.web, issue.owner, issue.repo)
    }

    /// Where a repository is cloned from.
    pub fn address_of(&self, name: &RepositoryName) -> String {
        format!("{}{}/{}.git", self.web, name.owner, name.name)
    }

    /// Fetches an issue with its comments.
    ///
    /// # Errors
    /// Every way a service can refuse, each told apart; see [`ForgeError`].
    pub async fn task(&self, reference: &IssueRef) -> Result<Fetched, ForgeError> {
        let what = format!("issue {reference}");
        let IssueRef {
            owner,
            repo,
            number,
        } = reference;
        let path = format!("/repos/{owner}/{repo}/issues/{number}");
        let issue: Issue = self.api.get(&path, &what).await?;
        if issue.pull_request.is_some() {
            return Err(ForgeError::PullRequest {
                what: reference.to_string(),
            });
        }
        let mut comments = Vec::new();
        // What this program wrote about earlier runs is no part of the task.
        let mut ours = 0;
        for page in conversation::pages(issue.comments) {
            let path = format!("{path}/comments?per_page={PAGE_COMMENTS}&page={page}");
            let mut found: Vec<IssueComment> = self.api.get(&path, &what).await?;
            let all = found.len();
            found.retain(|it| {
                let body = it.body.as_deref().unwrap_or_default();
                !comments::is_marked(body) || comments::is_question(body)
            });
            if self.leaves_outsiders_out {
                found.retain(|it| !it.is_from_outside());
            }
            ours += (all - found.len()) as u64;
            comments.extend(found.iter().map(|it| {
                let author = it.user.as_ref().map_or("ghost", |it| it.login.as_str());
                let author = match it.is_from_outside() {
                    true => format!("{author}, who doesn't belong to the repository"),
                    false => author.to_owned(),
                };
                let body = comments::without_mark(it.body.as_deref().unwrap_or_default());
                conversation::comment(&author, &show_comments(body))
            }));
        }
        let body = show_comments(&clean(issue.body.as_deref().unwrap_or_default()));
        let task = Task {
            title: line(&issue.title, TITLE_BYTES_MAX),
            body: cut(body.trim(), TASK_BYTES_MAX),
            labels: labels(issue.labels.iter().map(|it| match it {
                Label::Named { name } => name.as_deref().unwrap_or_default(),
                Label::Plain(name) => name,
            })),
            comments: conversation::bounded(comments, issue.comments.saturating_sub(ours)),
            source: TaskSource::Github {
                url: line(&issue.html_url, TITLE_BYTES_MAX),
                repository: format!("{owner}/{repo}"),
                number: *number,
            },
            ..Task::default()
        };
        if task.is_empty() {
            return Err(ForgeError::Empty { place: what });
        }
        let mut notes = Vec::new();
        if issue.state == "closed" {
            notes.push(format!("{what} is closed"));
        }
        Ok(Fetched { task, notes })
    }
}

/// The address below which `/graphql` is: beside `v3` on an Enterprise server, the same otherwise.
fn graphql_base(base: &Url) -> Url {
    let mut url = base.clone();
    if let Some(path) = base.path().trim_end_matches('/').strip_suffix("/v3") {
        url.set_path(path);
    }
    url
}

/// Basic authentication as GitHub documents it for git over HTTPS: any name, and the token as the password.
pub fn basic(token: &SecretString) -> SecretString {
    let pair = format!("x-access-token:{}", token.expose_secret());
    let encoded = STANDARD.encode(pair);
    SecretString::from(format!("Authorization: Basic {encoded}"))
}

/// Where people open what the interface at `base` serves: its own host, but for GitHub's own clouds, whose
/// interface is at `api.` before it.
fn web(base: &Url) -> Url {
    let mut web = base.clone();
    web.set_path("/");
    let host = base.host_str().unwrap_or_default();
    let bare = host
        .strip_prefix("api.")
        .filter(|it| *it == "github.com" || it.ends_with(".ghe.com"));
    if let Some(bare) = bare {
        web.set_host(Some(bare))
            .expect("a part of a host's name is one too");
    }
    web
}
