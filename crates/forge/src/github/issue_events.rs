//! What happened to GitHub's issues, and who may ask for something: labels, assignments, comments, permissions.

use serde::Deserialize;
use serde_json::json;

use super::{GitHub, Label, comments};
use crate::error::ForgeError;
use crate::issue_ref::IssueRef;
use crate::seam::RepositoryName;

/// Items of one page, the most that GitHub gives.
const PAGE_ITEMS: usize = 100;
/// Pages that are read of one list, the oldest first: what happens to an issue after a thousand events isn't seen.
const PAGES_MAX: usize = 10;
/// Longest first line of a comment that is taken for a command, in characters.
const LINE_CHARS_MAX: usize = 200;

/// Somebody with an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    /// The account's name.
    pub login: String,
    /// Whether it is a program's.
    pub is_bot: bool,
}

/// What somebody did to an issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueEvent {
    /// What the tracker calls it, the same for ever: `event-12` or `comment-34`.
    pub id: String,
    /// Who.
    pub actor: Actor,
    /// When, as the tracker writes it: RFC 3339, so that later ones sort behind earlier ones.
    pub at: String,
    /// What.
    pub what: Happened,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// This label was put on.
    Labeled(String),
    /// This account was assigned.
    Assigned(String),
    /// It was moved to this status.
    Moved(String),
    /// Its title or its text was changed.
    Edited,
    /// A comment was written that bears the mark of a question of ours.
    Asked,
    /// A comment was written that begins so.
    Commented(String),
}

/// An issue as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedIssue {
    /// Which.
    pub issue: IssueRef,
    /// Its labels now.
    pub labels: Vec<String>,
    /// When it changed last, as in [`IssueEvent::at`].
    pub updated_at: String,
    /// Whether it is open.
    pub is_open: bool,
}

/// What an account may do in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Nothing, or no more than everybody.
    None,
    /// Read.
    Read,
    /// Read and write.
    Write,
    /// Everything.
    Admin,
}

#[derive(Deserialize)]
struct User {
    login: String,
    #[serde(default, rename = "type")]
    kind: String,
}

impl User {
    fn actor(self) -> Actor {
        let is_bot = self.kind == "Bot" || self.login.ends_with("[bot]");
        Actor {
            login: self.login,
            is_bot,
        }
    }
}

/// The app itself; see "Get the authenticated app".
#[derive(Deserialize)]
struct AppAnswer {
    slug: String,
}

#[derive(Deserialize)]
struct EventAnswer {
    id: u64,
    event: String,
    #[serde(default)]
    actor: Option<User>,
    #[serde(default)]
    created_at: String,
    #[serde(default)]
    label: Option<Label>,
    #[serde(default)]
    assignee: Option<User>,
}

#[derive(Deserialize)]
struct CommentAnswer {
    id: u64,
    #[serde(default)]
    user: Option<User>,
    #[serde(default)]
    created_at: String,
    #[serde(default)]
    body: Option<String>,
}

#[derive(Deserialize)]
struct IssueAnswer {
    number: u64,
    #[serde(default)]
    labels: Vec<Label>,
    #[serde(default)]
    updated_at: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    pull_request: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct PermissionAnswer {
    #[serde(default)]
    permission: String,
}

fn path_of(issue: &IssueRef) -> String {
    format!(
        "/repos/{}/{}/issues/{}",
        issue.owner, issue.repo, issue.number
    )
}

impl IssueAnswer {
    fn listed(self, repository: &RepositoryName) -> ListedIssue {
        let labels = self.labels.into_iter().filter_map(Label::name);
        ListedIssue {
            issue: IssueRef {
                owner: repository.owner.clone(),
                repo: repository.name.clone(),
                number: self.number,
            },
            labels: labels.collect(),
            updated_at: self.updated_at,
            is_open: self.state != "closed",
        }
    }
}

impl GitHub {
    /// The account that speaks: the token's, or the app's own, which GitHub shows as `name[bot]`; none for the token of a job of
    /// Actions.
    ///
    /// # Errors
    /// When it can't be asked.
    pub async fn own_account(&self) -> Result<Option<String>, ForgeError> {
        if self.is_app() {
            let app: Result<AppAnswer, ForgeError> = self.api.get("/app", "the app itself").await;
            return match app {
                Ok(app) => Ok(Some(format!("{}[bot]", app.slug))),
                Err(ForgeError::Unauthorized { .. }) => Err(ForgeError::AppRefused),
                Err(error) => Err(error),
            };
        }
        let me: Result<User, ForgeError> = self.api.get("/user", "the token's own account").await;
        match me {
            Ok(me) => Ok(Some(me.login)),
            Err(ForgeError::Forbidden { .. } | ForgeError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Open issues that changed at or after a moment, the longest ago first; pull requests aren't among them.
    ///
    /// # Errors
    /// When it can't be asked.
    pub async fn changed_issues(
        &self,
        repository: &RepositoryName,
        since: Option<&str>,
    ) -> Result<Vec<ListedIssue>, ForgeError> {
        let what = format!("the issues of {repository}");
        let since = since.map(|it| format!("&since={it}")).unwrap_or_default();
        let order = "state=open&sort=updated&direction=asc";
        let mut found = Vec::new();
        for page in 1..=PAGES_MAX {
            let path = format!(
                "/repos/{repository}/issues?{order}&per_page={PAGE_ITEMS}&page={page}{since}"
            );
            let answers: Vec<IssueAnswer> = self.api.get(&path, &what).await?;
            let is_last = answers.len() < PAGE_ITEMS;
            let issues = answers.into_iter().filter(|it| it.pull_request.is_none());
            found.extend(issues.map(|it| it.listed(repository)));
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    /// One issue as a list shows it; none for a pull request.
    ///
    /// # Errors
    /// When it can't be asked.
    pub async fn listed_issue(&self, issue: &IssueRef) -> Result<Option<ListedIssue>, ForgeError> {
        let answer: IssueAnswer = self
            .api
            .get(&path_of(issue), &format!("issue {issue}"))
            .await?;
        let repository = RepositoryName {
            owner: issue.owner.clone(),
            name: issue.repo.clone(),
        };
        Ok(answer
            .pull_request
            .is_none()
            .then(|| answer.listed(&repository)))
    }

    /// Labels and assignments of an issue, its last edit, and the first lines of the comments below it, in the order in which they
    /// happened.
    ///
    /// # Errors
    /// When it can't be asked.
    pub async fn issue_events(&self, issue: &IssueRef) -> Result<Vec<IssueEvent>, ForgeError> {
        let what = format!("what happened to {issue}");
        let mut found = Vec::new();
        let path = format!("{}/events", path_of(issue));
        let events: Vec<EventAnswer> = self.pages(&path, &what).await?;
        for event in events {
            let happened = match event.event.as_str() {
                "labeled" => event.label.and_then(Label::name).map(Happened::Labeled),
                "assigned" => event.assignee.map(|it| Happened::Assigned(it.login)),
                // A new title. That the text was edited is no event; see below.
                "renamed" => Some(Happened::Edited),
                _ => None,
            };
            if let (Some(what), Some(actor)) = (happened, event.actor) {
                found.push(IssueEvent {
                    id: format!("event-{}", event.id),
                    actor: actor.actor(),
                    at: event.created_at,
                    what,
                });
            }
        }
        let path = format!("{}/comments", path_of(issue));
        let comments: Vec<CommentAnswer> = self.pages(&path, &what).await?;
        for comment in comments {
            let body = comment.body.unwrap_or_default();
            let first = body.lines().next().unwrap_or_default();
            let Some(user) = comment.user else {
                continue;
            };
            let what = match comments::is_question(&body) {
                true => Happened::Asked,
                false => Happened::Commented(first.chars().take(LINE_CHARS_MAX).collect()),
            };
            found.push(IssueEvent {
                id: format!("comment-{}", comment.id),
                actor: user.actor(),
                at: comment.created_at,
                what,
            });
        }
        found.extend(self.last_edit(issue).await?);
        found.sort_by(|one, other| one.at.cmp(&other.at));
        Ok(found)
    }

    /// When an issue's text was edited last. The REST interface doesn't tell: its `updated_at` grows with every comment and label as
    /// well, and neither its events nor its timeline has one for an edit of the text; only the webhook `edited` does, which may be
    /// lost. The GraphQL interface has `lastEditedAt` ("The moment the editor made the last edit"), which is asked here.
    async fn last_edit(&self, issue: &IssueRef) -> Result<Option<IssueEvent>, ForgeError> {
        const QUERY: &str = "query($owner: String!, $name: String!, $number: Int!) { repository(owner: $owner, name: $name) { issue(number: $number) { lastEditedAt } } }";
        let repository = RepositoryName {
            owner: issue.owner.clone(),
            name: issue.repo.clone(),
        };
        let variables = json!({"owner": issue.owner, "name": issue.repo, "number": issue.number});
        let what = format!("when {issue} was edited");
        let answer = self.api.graphql(&repository, QUERY, &variables, &what);
        let at = answer.await?["repository"]["issue"]["lastEditedAt"].take();
        Ok(at.as_str().map(|at| IssueEvent {
            id: "edit".to_owned(),
            actor: Actor {
                login: String::new(),
                is_bot: false,
            },
            at: at.to_owned(),
            what: Happened::Edited,
        }))
    }

    pub(super) async fn pages<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        what: &str,
    ) -> Result<Vec<T>, ForgeError> {
        let mut found = Vec::new();
        for page in 1..=PAGES_MAX {
            let path = format!("{path}?per_page={PAGE_ITEMS}&page={page}");
            let answers: Vec<T> = self.api.get(&path, what).await?;
            let is_last = answers.len() < PAGE_ITEMS;
            found.extend(answers);
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    /// What an account may do in a repository, as the repository itself says.
    ///
    /// # Errors
    /// When it can't be asked; an account that is unknown there may do nothing.
    pub async fn permission(
        &self,
        repository: &RepositoryName,
        login: &str,
    ) -> Result<Permission, ForgeError> {
        let is_name = |it: char| it.is_ascii_alphanumeric() || "-_[]".contains(it);
        if login.is_empty() || !login.chars().all(is_name) {
            return Ok(Permission::None);
        }
        let path = format!("/repos/{repository}/collaborators/{login}/permission");
        let what = format!("what {login} may do in {repository}");
        let answer: Result<PermissionAnswer, ForgeError> = self.api.get(&path, &what).await;
        match answer {
            Ok(answer) => Ok(match answer.permission.as_str() {
                "admin" => Permission::Admin,
                "write" => Permission::Write,
                "read" => Permission::Read,
                _ => Permission::None,
            }),
            Err(ForgeError::NotFound { .. }) => Ok(Permission::None),
            Err(error) => Err(error),
        }
    }
}
