//! Pull requests on GitHub, as its REST documentation describes them under "Pulls", "Repositories" and "Issues".

use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::GitHub;
use crate::error::{ForgeError, Service};
use crate::seam::{Forge, NewPullRequest, PullRequest, Repository, RepositoryName};

/// Open pull requests that are looked through.
const REQUESTS_MAX: usize = 1_000;
/// Items of one page, the most that GitHub gives.
const PAGE_ITEMS: usize = 100;
/// How long a new fork is waited for; GitHub makes it in the background.
const FORK_SECONDS_MAX: u64 = 120;
/// How often it is looked for.
const FORK_PAUSE: Duration = Duration::from_secs(2);

/// The parts of a repository that we read.
#[derive(Deserialize)]
struct RepositoryAnswer {
    full_name: String,
    default_branch: String,
    #[serde(default)]
    clone_url: String,
    #[serde(default)]
    archived: bool,
    /// Not told to every kind of token; then the push itself shows it.
    #[serde(default)]
    permissions: Option<Permissions>,
    #[serde(default)]
    fork: bool,
    #[serde(default)]
    parent: Option<Parent>,
}

#[derive(Deserialize)]
struct Permissions {
    #[serde(default)]
    push: bool,
}

#[derive(Deserialize)]
struct Parent {
    full_name: String,
}

/// The parts of a pull request that we read.
#[derive(Deserialize)]
struct PullRequestAnswer {
    number: u64,
    html_url: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    draft: bool,
    head: Head,
}

#[derive(Deserialize)]
struct Head {
    label: Option<String>,
    #[serde(rename = "ref")]
    branch: String,
}

#[derive(Deserialize)]
struct Me {
    login: String,
}

impl PullRequestAnswer {
    fn read(self) -> PullRequest {
        PullRequest {
            number: self.number,
            url: self.html_url,
            head: self.head.label.unwrap_or(self.head.branch),
            title: self.title,
            body: self.body.unwrap_or_default(),
            is_draft: self.draft,
        }
    }
}

impl GitHub {
    fn described(&self, answer: RepositoryAnswer) -> Result<Repository, ForgeError> {
        let name = name_of(&answer.full_name).ok_or_else(|| ForgeError::Unexpected {
            service: Service::GitHub,
            what: format!("the repository `{}`", answer.full_name),
            status: 200,
            said: "its name has no owner".to_owned(),
        })?;
        // The address that the host tells is for people; ours is below the configured one, where credentials may go.
        let told = self.repository_at(&answer.clone_url);
        let named = told.as_ref().unwrap_or(&name);
        Ok(Repository {
            clone_address: format!("{}{}/{}.git", self.web, named.owner, named.name),
            name,
            default_branch: answer.default_branch,
            may_push: answer.permissions.is_none_or(|it| it.push),
            is_archived: answer.archived,
        })
    }

    /// Brings the main branch of a fork up to date, so that it knows the commit that a run started from. A fork that has gone its
    /// own way stays as it is.
    async fn catch_up(&self, fork: &RepositoryName, branch: &str) -> Result<(), ForgeError> {
        let doing = format!("bring {fork} up to date");
        let (path, body) = (
            format!("/repos/{fork}/merge-upstream"),
            json!({"branch": branch}),
        );
        match self.api.change(Method::POST, &path, &body, &doing).await {
            Ok(_) | Err(ForgeError::Rejected { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn look_up(&self, name: &RepositoryName) -> Result<RepositoryAnswer, ForgeError> {
        let what = format!("repository {name}");
        self.api.get(&format!("/repos/{name}"), &what).await
    }
}

pub(super) fn name_of(full: &str) -> Option<RepositoryName> {
    let (owner, name) = full.split_once('/')?;
    Some(RepositoryName {
        owner: owner.to_owned(),
        name: name.to_owned(),
    })
}

#[async_trait]
impl Forge for GitHub {
    fn repository_at(&self, address: &str) -> Option<RepositoryName> {
        let host = crate::address::host_and_port(&self.web);
        let path = match address.split_once("://") {
            Some(_) => {
                let url = url::Url::parse(address).ok()?;
                let ssh = url.scheme() == "ssh" && url.host_str() == self.web.host_str();
                if url.origin() != self.web.origin() && !ssh {
                    return None;
                }
                url.path().trim_start_matches('/').to_owned()
            }
            // As ssh and its users write it: `git@host:owner/repo.git`.
            None => {
                let (place, path) = address.split_once(':')?;
                let named = place.rsplit('@').next()?;
                (named == host).then(|| path.trim_start_matches('/').to_owned())?
            }
        };
        let path = path.trim_end_matches('/');
        let found = name_of(path.strip_suffix(".git").unwrap_or(path))?;
        let is_name = |it: &str| !it.is_empty() && !it.contains('/');
        (is_name(&found.owner) && is_name(&found.name)).then_some(found)
    }

    async fn repository(&self, name: &RepositoryName) -> Result<Repository, ForgeError> {
        let answer = self.look_up(name).await?;
        let mut described = self.described(answer)?;
        if let Some(permissions) = self.app_permissions(name).await? {
            // What GitHub says of an app in the repository itself is what a person without rights might do.
            described.may_push = permissions.get("contents").is_some_and(|it| it == "write");
        }
        Ok(described)
    }

    async fn fork(&self, upstream: &Repository) -> Result<Repository, ForgeError> {
        let of = &upstream.name;
        if self.is_app() {
            // An app has no account that a fork could belong to.
            return Err(ForgeError::AppLacks {
                doing: format!("push to {of}"),
                permission: "contents: write",
            });
        }
        let me: Me = self.api.get("/user", "the token's own account").await?;
        let own = RepositoryName {
            owner: me.login,
            name: of.name.clone(),
        };
        let is_of = |it: &RepositoryAnswer| {
            it.fork
                && it
                    .parent
                    .as_ref()
                    .is_some_and(|it| it.full_name.eq_ignore_ascii_case(&of.to_string()))
        };
        match self.look_up(&own).await {
            Ok(found) if is_of(&found) => {
                self.catch_up(&own, &upstream.default_branch).await?;
                return self.described(found);
            }
            Ok(_) | Err(ForgeError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        // Asking again for a fork that exists answers with that one.
        let doing = format!("fork {of}");
        let path = format!("/repos/{of}/forks");
        let nothing = json!({});
        let made = self.api.change(Method::POST, &path, &nothing, &doing);
        let made = made.await?;
        let named = made["full_name"].as_str().and_then(name_of).unwrap_or(own);
        let until = tokio::time::Instant::now() + Duration::from_secs(FORK_SECONDS_MAX);
        while tokio::time::Instant::now() < until {
            match self.look_up(&named).await {
                Ok(found) => return self.described(found),
                Err(ForgeError::NotFound { .. }) => tokio::time::sleep(FORK_PAUSE).await,
                Err(error) => return Err(error),
            }
        }
        Err(ForgeError::NoFork {
            service: Service::GitHub,
            of: of.to_string(),
            seconds_max: FORK_SECONDS_MAX,
        })
    }

    async fn open_pull_requests(
        &self,
        of: &RepositoryName,
    ) -> Result<Vec<PullRequest>, ForgeError> {
        let what = format!("the open pull requests of {of}");
        let mut found: Vec<PullRequest> = Vec::new();
        for page in 1..=REQUESTS_MAX / PAGE_ITEMS {
            let path = format!("/repos/{of}/pulls?state=open&per_page={PAGE_ITEMS}&page={page}");
            let answers: Vec<PullRequestAnswer> = self.api.get(&path, &what).await?;
            let is_last = answers.len() < PAGE_ITEMS;
            found.extend(answers.into_iter().map(PullRequestAnswer::read));
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    async fn open_pull_request(
        &self,
        into: &RepositoryName,
        new: &NewPullRequest,
    ) -> Result<PullRequest, ForgeError> {
        let doing = format!("open a pull request in {into}");
        let body = json!({
            "title": new.title,
            "body": new.body,
            "head": new.head,
            "base": new.base,
            "draft": new.draft,
            "maintainer_can_modify": true,
        });
        let path = format!("/repos/{into}/pulls");
        let answer = self.api.change(Method::POST, &path, &body, &doing).await?;
        let read: PullRequestAnswer = self.understood(answer, &doing)?;
        Ok(read.read())
    }

    async fn edit_pull_request(
        &self,
        of: &RepositoryName,
        number: u64,
        title: &str,
        body: &str,
    ) -> Result<(), ForgeError> {
        let doing = format!("edit pull request {of}#{number}");
        let path = format!("/repos/{of}/pulls/{number}");
        let body = json!({"title": title, "body": body});
        let changed = self.api.change(Method::PATCH, &path, &body, &doing).await;
        changed.map(drop)
    }

    async fn label(
        &self,
        of: &RepositoryName,
        number: u64,
        labels: &[String],
    ) -> Result<(), ForgeError> {
        let doing = format!("label pull request {of}#{number}");
        let path = format!("/repos/{of}/issues/{number}/labels");
        let body = json!({"labels": labels});
        let changed = self.api.change(Method::POST, &path, &body, &doing).await;
        changed.map(drop)
    }

    async fn ask_for_review(
        &self,
        of: &RepositoryName,
        number: u64,
        reviewers: &[String],
    ) -> Result<(), ForgeError> {
        let doing = format!("ask for a review of {of}#{number}");
        let path = format!("/repos/{of}/pulls/{number}/requested_reviewers");
        let (teams, people): (Vec<&String>, Vec<&String>) =
            reviewers.iter().partition(|it| it.contains('/'));
        let teams: Vec<&str> = teams
            .iter()
            .filter_map(|it| it.rsplit('/').next())
            .collect();
        let body = json!({"reviewers": people, "team_reviewers": teams});
        let changed = self.api.change(Method::POST, &path, &body, &doing).await;
        changed.map(drop)
    }
}

impl GitHub {
    /// An answer to a change, in the form that the documentation promises.
    pub(super) fn understood<T: serde::de::DeserializeOwned>(
        &self,
        answer: Value,
        doing: &str,
    ) -> Result<T, ForgeError> {
        serde_json::from_value(answer).map_err(|source| ForgeError::Garbled {
            service: Service::GitHub,
            address: self.address(),
            what: doing.to_owned(),
            source,
        })
    }
}
