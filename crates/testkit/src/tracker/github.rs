//! A fake GitHub: issues and their comments under `/api/v3`, as an Enterprise server has them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::app::{APP_SLUG, App, Speaker};
use super::checks::FakeCheck;
use super::hosting::{FakePullRequest, Hosting, Rights};
use super::shown::{FakeReviewComment, shown_comment};
use super::{Answers, Asked, Fault, Seen, Server, json as answer, number};

/// Most items of one page, as in GitHub's documentation.
const PAGE_ITEMS_MAX: usize = 100;

/// An issue of `owner/repo`.
#[derive(Clone, Debug, Default)]
pub struct FakeIssue {
    /// `owner/repo`.
    pub repository: String,
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its text; `null` when nothing was written.
    pub body: Option<String>,
    /// Its labels.
    pub labels: Vec<String>,
    /// Authors and texts.
    pub comments: Vec<(String, String)>,
    /// Whether it is closed.
    pub is_closed: bool,
    /// Whether it is a pull request.
    pub is_pull_request: bool,
}

/// The server.
pub struct FakeGitHub {
    server: Server,
    hosting: Arc<Mutex<Hosting>>,
}

struct Issues {
    issues: BTreeMap<String, FakeIssue>,
    token: Option<String>,
    hosting: Arc<Mutex<Hosting>>,
}

impl FakeGitHub {
    /// Starts a server with these issues; with a token, only those who send it see them.
    pub async fn start(
        issues: impl IntoIterator<Item = FakeIssue>,
        token: Option<&str>,
    ) -> FakeGitHub {
        let named = |it: FakeIssue| (format!("{}/issues/{}", it.repository, it.number), it);
        let hosting = Arc::new(Mutex::new(Hosting::new(token)));
        let answers = Issues {
            issues: issues.into_iter().map(named).collect(),
            token: token.map(str::to_owned),
            hosting: hosting.clone(),
        };
        FakeGitHub {
            server: Server::start(answers).await,
            hosting,
        }
    }

    /// Lets an app ask, with [`APP_ID`](super::APP_ID) and [`APP_KEY`](super::APP_KEY), which is installed on these repositories.
    pub fn let_app(&self, installed: &[&str]) {
        let mut hosting = self.hosting();
        let mut app = App::new();
        app.installed = installed.iter().map(|it| (*it).to_owned()).collect();
        hosting.login = format!("{APP_SLUG}[bot]");
        hosting.app = Some(app);
    }

    /// Gives the app's installation another permission; an empty one takes it away.
    pub fn permit_app(&self, permission: &str, level: &str) {
        if let Some(app) = &mut self.hosting().app {
            match level {
                "" => app.permissions.remove(permission),
                level => app
                    .permissions
                    .insert(permission.to_owned(), level.to_owned()),
            };
        }
    }

    /// How long tokens of the app last that are made from now on.
    pub fn app_tokens_last(&self, lasting: Duration) {
        if let Some(app) = &mut self.hosting().app {
            app.lasting = lasting;
        }
    }

    /// What the app said at commits.
    pub fn checks(&self) -> Vec<FakeCheck> {
        self.hosting().checks.clone()
    }

    /// Nothing checks commits any more.
    pub fn leave_ci_out(&self) {
        self.hosting().has_ci = false;
    }

    /// What `GITHUB_API_URL` would be.
    pub fn api_url(&self) -> String {
        format!("http://{}/api/v3", self.server.address)
    }

    /// Hosts a copy of a local repository as `owner/repo`.
    pub fn host(&self, name: &str, from: &Path, rights: Rights) {
        self.hosting().host(name, from, rights);
    }

    /// Makes a repository read-only for everybody.
    pub fn archive(&self, name: &str) {
        self.hosting().archive(name);
    }

    /// Where the bare repository of `owner/repo` is.
    pub fn bare(&self, name: &str) -> PathBuf {
        self.hosting().bare(name)
    }

    /// All pull requests, the oldest first.
    pub fn requests(&self) -> Vec<FakePullRequest> {
        self.hosting().requests.clone()
    }

    /// Changes all pull requests as somebody else would.
    pub fn edit_requests(&self, edit: impl FnOnce(&mut Vec<FakePullRequest>)) {
        edit(&mut self.hosting().requests);
    }

    /// Comments that were written below an issue: authors and texts.
    pub fn comments(&self, repository: &str, number: u64) -> Vec<(String, String)> {
        let hosting = self.hosting();
        let written = hosting
            .comments
            .get(&format!("{repository}/issues/{number}"));
        let written = written.into_iter().flatten();
        written.map(|it| (it.1.clone(), it.2.clone())).collect()
    }

    /// Somebody puts a label on an issue.
    pub fn put_label(&self, repository: &str, number: u64, actor: &str, label: &str) {
        let place = format!("{repository}/issues/{number}");
        self.hosting().put_label(&place, actor, label);
    }

    /// Somebody writes a comment below an issue; its number.
    pub fn put_comment(&self, repository: &str, number: u64, actor: &str, text: &str) -> u64 {
        let place = format!("{repository}/issues/{number}");
        self.hosting().put_comment(&place, actor, text)
    }

    /// Somebody edits the text of an issue.
    pub fn edit_issue(&self, repository: &str, number: u64) {
        let place = format!("{repository}/issues/{number}");
        self.hosting().edit_issue(&place);
    }

    /// Somebody who doesn't belong to any repository here.
    pub fn leave_outside(&self, login: &str) {
        self.hosting().outsiders.insert(login.to_owned());
    }

    /// What an account may do, as in `write`; unknown ones are no collaborators.
    pub fn permit(&self, login: &str, permission: &str) {
        let mut hosting = self.hosting();
        let permissions = &mut hosting.permissions;
        permissions.insert(login.to_owned(), permission.to_owned());
    }

    /// Somebody comments on a line of a pull request; the thread's number.
    pub fn put_review(&self, author: &str, association: &str, body: &str) -> u64 {
        self.hosting()
            .put_review_comment(author, association, body, None)
    }

    /// All comments of reviews, answers of ours among them.
    pub fn reviews(&self) -> Vec<FakeReviewComment> {
        self.hosting().review_comments.clone()
    }

    /// Lets a check of this name fail on every commit, saying this.
    pub fn fail_check(&self, name: &str, says: &str) {
        let failed = (name.to_owned(), says.to_owned());
        self.hosting().failed_checks.push(failed);
    }

    fn hosting(&self) -> MutexGuard<'_, Hosting> {
        self.hosting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where people would open issues.
    pub fn web(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Answers the next request with this fault; several wait in line.
    pub fn fail_next(&self, fault: Fault) {
        self.server.log().faults.push_back(fault);
    }

    /// Answers the next request that changes something with this fault; several wait in line.
    pub fn fail_change(&self, fault: Fault) {
        self.server.log().change_faults.push_back(fault);
    }

    /// Makes the next change and loses its answer.
    pub fn lose_next_answer(&self) {
        self.server.log().loses_answer = true;
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.server.log().seen.clone()
    }
}

impl Answers for Issues {
    fn answer(&self, asked: &Asked) -> Response {
        let mut hosting = self.hosting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answered) = hosting.git(asked) {
            return answered;
        }
        let (path, headers) = (asked.path.as_str(), &asked.headers);
        let is_graphql = path == "/api/graphql";
        let refuse = |status, message: &str| answer(status, &json!({"message": message}));
        if !headers.contains_key("user-agent") {
            return refuse(
                StatusCode::FORBIDDEN,
                "Request forbidden by administrative rules",
            );
        }
        let authorization = headers.get("authorization").and_then(|it| it.to_str().ok());
        let expected = self.token.as_ref().map(|it| format!("Bearer {it}"));
        let below = path.strip_prefix("/api/v3").unwrap_or_default();
        let bearer = authorization.and_then(|it| it.strip_prefix("Bearer "));
        let mut by_app = false;
        if let (Some(app), Some(bearer)) = (&mut hosting.app, bearer) {
            match app.speaker(bearer) {
                Ok(Speaker::App) => return app.answer(below, asked),
                Ok(Speaker::Installation(repositories)) => {
                    let is_of = |it: &String| {
                        let rest = below.strip_prefix(&format!("/repos/{it}"));
                        rest.is_some_and(|it| it.is_empty() || it.starts_with('/'))
                    };
                    if below.starts_with("/repos/") && !repositories.iter().any(is_of) {
                        return refuse(StatusCode::NOT_FOUND, "Not Found");
                    }
                    by_app = true;
                }
                Err(_) if authorization == expected.as_deref() => {}
                Err(why) => return refuse(StatusCode::UNAUTHORIZED, why),
            }
        }
        if !by_app && authorization.is_some() && authorization != expected.as_deref() {
            return refuse(StatusCode::UNAUTHORIZED, "Bad credentials");
        }
        if is_graphql {
            // Only with a credential, of whatever kind.
            return match authorization {
                Some(_) => hosting.last_edit(&asked.json()["variables"]),
                None => refuse(
                    StatusCode::UNAUTHORIZED,
                    "This endpoint requires you to be authenticated.",
                ),
            };
        }
        if path == "/api/v3/rate_limit" {
            return answer(StatusCode::OK, &json!({"resources": {}}));
        }
        // What somebody may not see doesn't exist for them.
        let may_see = by_app || authorization == expected.as_deref();
        let host = asked.header("host").unwrap_or_default();
        if authorization.is_none() && (!asked.is_read() || below == "/user") {
            return refuse(StatusCode::UNAUTHORIZED, "Requires authentication");
        }
        if let Some(answered) = hosting.api(below, host, asked).filter(|_| may_see) {
            return answered;
        }
        if let Some(answered) = self
            .about_issues(below, &hosting, asked)
            .filter(|_| may_see)
        {
            return answered;
        }
        let name = path.strip_prefix("/api/v3/repos/").unwrap_or_default();
        let (name, wants_comments) = match name.strip_suffix("/comments") {
            Some(name) => (name, true),
            None => (name, false),
        };
        match self.issues.get(name).filter(|_| may_see) {
            None => refuse(StatusCode::NOT_FOUND, "Not Found"),
            Some(it) => {
                let all = all_comments(it, hosting.comments.get(name));
                match wants_comments {
                    true => comments(it, &all, &hosting, asked),
                    false => answer(StatusCode::OK, &issue(it, all.len(), &hosting, host)),
                }
            }
        }
    }
}

impl Issues {
    /// The list of a repository's issues, what happened to one, and what somebody may do.
    fn about_issues(&self, path: &str, hosting: &Hosting, asked: &Asked) -> Option<Response> {
        let rest = path.strip_prefix("/repos/")?;
        let parts: Vec<&str> = rest.split('/').collect();
        let host = asked.header("host").unwrap_or_default();
        match parts[..] {
            [owner, repo, "issues"] => {
                let since = asked.query.iter().find(|it| it.0 == "since");
                let since = since.map_or("", |it| it.1.as_str());
                let name = format!("{owner}/{repo}");
                let mut found: Vec<&FakeIssue> = self
                    .issues
                    .values()
                    .filter(|it| it.repository == name && !it.is_closed)
                    .filter(|it| since <= hosting.changed_at(&it.place()).as_str())
                    .collect();
                found.sort_by_key(|it| hosting.changed_at(&it.place()));
                let shown = found.iter().map(|it| issue(it, 0, hosting, host));
                Some(answer(StatusCode::OK, &Value::Array(shown.collect())))
            }
            [owner, repo, "issues", number, "events"] => {
                let place = format!("{owner}/{repo}/issues/{number}");
                let events = hosting.events.get(&place).cloned().unwrap_or_default();
                Some(answer(StatusCode::OK, &Value::Array(events)))
            }
            [_, _, "collaborators", login, "permission"] => {
                Some(match hosting.permissions.get(login) {
                    Some(it) => answer(StatusCode::OK, &json!({"permission": it})),
                    None => answer(StatusCode::NOT_FOUND, &json!({"message": "Not Found"})),
                })
            }
            _ => None,
        }
    }
}

impl FakeIssue {
    fn place(&self) -> String {
        format!("{}/issues/{}", self.repository, self.number)
    }
}

/// The comments that an issue had, and those that were written since: id, author, text.
fn all_comments(
    it: &FakeIssue,
    since: Option<&Vec<(u64, String, String)>>,
) -> Vec<(u64, String, String)> {
    let before = (1..).zip(&it.comments);
    let before = before.map(|(id, (author, text))| (id, author.clone(), text.clone()));
    before.chain(since.into_iter().flatten().cloned()).collect()
}

fn issue(it: &FakeIssue, comments: usize, hosting: &Hosting, host: &str) -> Value {
    let since = hosting.labels.get(&it.place()).into_iter().flatten();
    let labels: Vec<Value> = it
        .labels
        .iter()
        .chain(since)
        .map(|name| json!({"name": name}))
        .collect();
    let mut body = json!({
        "number": it.number,
        "title": it.title,
        "body": it.body,
        "labels": labels,
        "updated_at": hosting.changed_at(&it.place()),
        "comments": comments,
        "state": if it.is_closed { "closed" } else { "open" },
        "html_url": format!("http://{host}/{}/issues/{}", it.repository, it.number),
        "user": {"login": "reporter"},
    });
    if it.is_pull_request {
        body["pull_request"] = json!({"url": "…"});
    }
    body
}

fn comments(
    it: &FakeIssue,
    all: &[(u64, String, String)],
    hosting: &Hosting,
    asked: &Asked,
) -> Response {
    let size = number(&asked.query, "per_page", 30).clamp(1, PAGE_ITEMS_MAX);
    let page = number(&asked.query, "page", 1).max(1);
    let host = asked.header("host").unwrap_or_default();
    let issue = it.number.to_string();
    let shown = all.iter().skip((page - 1) * size).take(size);
    let shown = shown.map(|comment| {
        let mut shown = shown_comment(&it.repository, &issue, comment, host);
        if hosting.outsiders.contains(&comment.1) {
            shown["author_association"] = json!("NONE");
        }
        shown
    });
    let mut response = answer(StatusCode::OK, &Value::Array(shown.collect()));
    if page * size < all.len() {
        let next = format!(
            "<{}?per_page={size}&page={}>; rel=\"next\"",
            asked.path,
            page + 1
        );
        let next = next.parse().expect("a path and two numbers fit a header");
        response.headers_mut().insert("link", next);
    }
    response
}
