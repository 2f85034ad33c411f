//! GitHub: issues with their comments as tasks; pull requests and comments of ours.

mod comments;
mod issue_events;
mod requests;
mod reviews;

pub use issue_events::{Actor, Happened, IssueEvent, ListedIssue, Permission};
pub use reviews::{FailedCheck, Remark, Reviewed};

use octocrab::Octocrab;
use octocrab::service::middleware::retry::RetryConfig;
use protocol::{Task, TaskSource};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::Fetched;
use crate::address::configured;
use crate::conversation::{self, PAGE_COMMENTS};
use crate::error::{ForgeError, Service};
use crate::http::{Api, Door, Patience, client};
use crate::issue_ref::IssueRef;
use crate::seam::RepositoryName;
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
        let base = configured(Service::GitHub, api_url.unwrap_or(API_URL))?;
        let failed = |source: octocrab::Error| ForgeError::Client {
            service: Service::GitHub,
            source: Box::new(source),
        };
        let anonymous = token.is_none();
        let mut builder = Octocrab::builder()
            .base_uri(base.as_str())
            .map_err(failed)?
            .add_retry_config(RetryConfig::None);
        if let Some(token) = token {
            builder = builder.personal_token(token);
        }
        let octocrab = builder
            .build_with_reqwest(client(Service::GitHub, &patience)?)
            .map_err(failed)?;
        Ok(GitHub {
            web: web(&base),
            api: Api {
                service: Service::GitHub,
                base,
                door: Door::Octocrab(octocrab),
                anonymous,
                patience,
                last_change: tokio::sync::Mutex::default(),
            },
        })
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
            found.retain(|it| !comments::is_marked(it.body.as_deref().unwrap_or_default()));
            ours += (all - found.len()) as u64;
            comments.extend(found.iter().map(|it| {
                let author = it.user.as_ref().map_or("ghost", |it| it.login.as_str());
                conversation::comment(
                    author,
                    &show_comments(it.body.as_deref().unwrap_or_default()),
                )
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
