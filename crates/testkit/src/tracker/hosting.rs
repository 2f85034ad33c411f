//! The other half of the fake GitHub: repositories that are cloned and pushed to, pull requests, comments. It refuses what the
//! real one refuses, in its words.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::app::App;
use super::checks::FakeCheck;
use super::shown::{FailedCheck, FakeReviewComment, shown_comment};
use super::{Asked, http_backend, json as answer, number};
use crate::git::git;

/// Longest text of a pull request or a comment, in characters.
const TEXT_CHARS_MAX: usize = 65_536;

/// What whoever has the token may do with a repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rights {
    /// Read and write.
    #[default]
    Write,
    /// Read only.
    Read,
}

/// A pull request of the fake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakePullRequest {
    /// The repository that is asked, as `owner/repo`.
    pub repository: String,
    /// Its number.
    pub number: u64,
    /// Who opened it.
    pub author: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// The branch that holds the change, as `owner:branch`.
    pub head: String,
    /// The branch that takes it.
    pub base: String,
    /// Whether it is a draft.
    pub draft: bool,
    /// Its labels.
    pub labels: Vec<String>,
    /// Who was asked for a review.
    pub reviewers: Vec<String>,
    /// Whether it is open.
    pub open: bool,
}

/// A repository of the fake.
#[derive(Clone, Debug, Default)]
struct Repository {
    rights: Rights,
    is_archived: bool,
    parent: Option<String>,
}

/// Everything that can be changed.
pub(super) struct Hosting {
    folder: TempDir,
    token: Option<String>,
    pub(super) login: String,
    repositories: BTreeMap<String, Repository>,
    pub(super) requests: Vec<FakePullRequest>,
    /// Comments below an issue, by `owner/repo/issues/7`: id, author, text.
    pub(super) comments: BTreeMap<String, Vec<(u64, String, String)>>,
    /// Labels that were put on an issue, by `owner/repo/issues/7`.
    pub(super) labels: BTreeMap<String, Vec<String>>,
    /// What happened to an issue, in the same way.
    pub(super) events: BTreeMap<String, Vec<Value>>,
    /// What accounts may do, by their names.
    pub(super) permissions: BTreeMap<String, String>,
    /// Comments of reviews, of all requests.
    pub(super) review_comments: Vec<FakeReviewComment>,
    /// Checks that failed, of every commit.
    pub(super) failed_checks: Vec<FailedCheck>,
    /// When the texts of issues were edited last.
    pub(super) edits: BTreeMap<String, u64>,
    /// Accounts that belong to no repository.
    pub(super) outsiders: BTreeSet<String>,
    /// Checks that an app said.
    pub(super) checks: Vec<FakeCheck>,
    /// Whether something else checks every commit.
    pub(super) has_ci: bool,
    /// The app that asks, where one does.
    pub(super) app: Option<App>,
    pub(super) next: u64,
}

impl Hosting {
    pub(super) fn new(token: Option<&str>) -> Hosting {
        Hosting {
            folder: TempDir::new().expect("a temporary folder can be made"),
            token: token.map(str::to_owned),
            login: "pipeline-user".to_owned(),
            repositories: BTreeMap::new(),
            requests: Vec::new(),
            comments: BTreeMap::new(),
            labels: BTreeMap::new(),
            events: BTreeMap::new(),
            permissions: BTreeMap::new(),
            review_comments: Vec::new(),
            failed_checks: Vec::new(),
            edits: BTreeMap::new(),
            outsiders: BTreeSet::new(),
            checks: Vec::new(),
            has_ci: true,
            app: None,
            next: 100,
        }
    }

    /// Where the bare repository `owner/repo` is.
    pub(super) fn bare(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.git"))
    }

    /// Takes a copy of a local repository.
    pub(super) fn host(&mut self, name: &str, from: &Path, rights: Rights) {
        self.copy(name, from);
        let repository = Repository {
            rights,
            ..Repository::default()
        };
        self.repositories.insert(name.to_owned(), repository);
    }

    fn copy(&self, name: &str, from: &Path) {
        let bare = self.bare(name);
        let parent = bare.parent().expect("it is below the folder");
        fs::create_dir_all(parent).expect("the folder can be made");
        let (from, to) = (from.display().to_string(), bare.display().to_string());
        git(
            self.folder.path(),
            &["clone", "--quiet", "--bare", &from, &to],
        );
        git(&bare, &["config", "http.receivepack", "true"]);
        // As GitHub: a commit is fetched by its name.
        git(&bare, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
    }

    pub(super) fn archive(&mut self, name: &str) {
        self.repositories
            .entry(name.to_owned())
            .or_default()
            .is_archived = true;
    }

    /// Git over HTTP, with the token as the password.
    pub(super) fn git(&self, asked: &Asked) -> Option<Response> {
        use base64::Engine as _;
        let path = asked.path.trim_start_matches('/');
        let (name, _) = path.split_once(".git/")?;
        let repository = self.repositories.get(name)?;
        let writes = asked.path.ends_with("/git-receive-pack")
            || asked.query_text.contains("service=git-receive-pack");
        let pair = asked
            .header("authorization")
            .and_then(|it| it.strip_prefix("Basic "))
            .and_then(|it| base64::engine::general_purpose::STANDARD.decode(it).ok())
            .and_then(|it| String::from_utf8(it).ok());
        let by_app = pair.as_ref().and_then(|it| {
            let (user, password) = it.split_once(':')?;
            let app = self.app.as_ref()?;
            app.is_token_of(password, name).then(|| user.to_owned())
        });
        let user = match (&pair, &self.token) {
            _ if by_app.is_some() => by_app,
            (Some(pair), Some(token)) => {
                let (user, password) = pair.split_once(':').unwrap_or_default();
                (password == token).then(|| user.to_owned())
            }
            _ => None,
        };
        if user.is_none() && (writes || pair.is_some()) {
            let mut refused = answer(StatusCode::UNAUTHORIZED, &json!("Authentication failed"));
            let realm = "Basic realm=\"GitHub\"".parse().expect("a header");
            refused.headers_mut().insert("www-authenticate", realm);
            return Some(refused);
        }
        if writes && (repository.rights == Rights::Read || repository.is_archived) {
            return Some(answer(
                StatusCode::FORBIDDEN,
                &json!("Write access to repository not granted."),
            ));
        }
        Some(http_backend::answer(
            self.folder.path(),
            &asked.path,
            user.as_deref(),
            asked,
        ))
    }

    /// The part of the interface that is about repositories; none for another path.
    pub(super) fn api(&mut self, path: &str, host: &str, asked: &Asked) -> Option<Response> {
        if path == "/user" {
            if self.app.is_some() {
                return Some(refuse(403, "Resource not accessible by integration"));
            }
            return Some(answer(StatusCode::OK, &json!({"login": self.login})));
        }
        let rest = path.strip_prefix("/repos/")?;
        let parts: Vec<&str> = rest.split('/').collect();
        let (owner, name, below) = match parts[..] {
            [owner, name, ref below @ ..] => (owner, name, below),
            _ => return None,
        };
        let full = format!("{owner}/{name}");
        if let ["issues", _, "comments"] | ["issues", "comments", _] = below
            && !asked.is_read()
        {
            return Some(self.write_comment(&full, below, host, asked));
        }
        let Some(repository) = self.repositories.get(&full).cloned() else {
            return (below.is_empty() || below[0] == "pulls").then(|| refuse(404, "Not Found"));
        };
        if !asked.is_read() && repository.is_archived {
            return Some(refuse(403, "Repository was archived so is read-only."));
        }
        if let Some(answered) = self.check_api(&full, below, host, asked) {
            return Some(answered);
        }
        if let Some(answered) = self.review_api(&full, below, asked) {
            return Some(answered);
        }
        match (asked.method.clone(), below) {
            (Method::GET, []) => Some(answer(
                StatusCode::OK,
                &self.repository(&full, &repository, host),
            )),
            (Method::POST, ["forks"]) => Some(self.fork(&full, name, host)),
            (Method::POST, ["merge-upstream"]) => Some(self.catch_up(&full, &repository)),
            (Method::GET, ["pulls"]) => Some(self.list(&full, host, asked)),
            (Method::POST, ["pulls"]) => Some(self.open(&full, host, &asked.json())),
            (Method::PATCH, ["pulls", number]) => {
                let number: u64 = number.parse().ok()?;
                Some(self.edit(&full, number, host, &asked.json()))
            }
            (Method::POST, ["issues", number, "labels"]) => {
                let labels = texts(&asked.json()["labels"]);
                let request = self.request(&full, number)?;
                request.labels.extend(labels);
                request.labels.dedup();
                Some(answer(StatusCode::OK, &json!([])))
            }
            (Method::POST, ["pulls", number, "requested_reviewers"]) => {
                let body = asked.json();
                let mut asked_for = texts(&body["reviewers"]);
                asked_for.extend(texts(&body["team_reviewers"]));
                if asked_for.iter().any(|it| it == "stranger") {
                    return Some(refuse(
                        422,
                        "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator.",
                    ));
                }
                let request = self.request(&full, number)?;
                request.reviewers.extend(asked_for);
                request.reviewers.dedup();
                Some(answer(StatusCode::CREATED, &json!({})))
            }
            _ => None,
        }
    }

    fn request(&mut self, full: &str, number: &str) -> Option<&mut FakePullRequest> {
        let number: u64 = number.parse().ok()?;
        self.requests
            .iter_mut()
            .find(|it| it.repository == full && it.number == number)
    }

    fn repository(&self, full: &str, repository: &Repository, host: &str) -> Value {
        json!({
            "full_name": full,
            "default_branch": "main",
            "clone_url": format!("http://{host}/{full}.git"),
            "archived": repository.is_archived,
            "fork": repository.parent.is_some(),
            "parent": repository.parent.as_ref().map(|it| json!({"full_name": it})),
            // Of an app GitHub says here what its account might do, which is nothing.
            "permissions": {"pull": self.app.is_none(), "push": self.app.is_none() && repository.rights == Rights::Write},
        })
    }

    fn fork(&mut self, full: &str, name: &str, host: &str) -> Response {
        let own = format!("{}/{name}", self.login);
        if !self.repositories.contains_key(&own) {
            self.copy(&own, &self.bare(full));
            let fork = Repository {
                parent: Some(full.to_owned()),
                ..Repository::default()
            };
            self.repositories.insert(own.clone(), fork);
        }
        let fork = &self.repositories[&own];
        answer(StatusCode::ACCEPTED, &self.repository(&own, fork, host))
    }

    /// Brings the main branch of a fork up to date, as far as that is a fast-forward.
    fn catch_up(&self, full: &str, fork: &Repository) -> Response {
        let Some(parent) = &fork.parent else {
            return refuse(422, "This repository isn't a fork.");
        };
        let (own, parent) = (self.bare(full), self.bare(parent).display().to_string());
        git(&own, &["fetch", "--quiet", &parent, "main:main"]);
        answer(StatusCode::OK, &json!({"merge_type": "fast-forward"}))
    }

    fn list(&self, full: &str, host: &str, asked: &Asked) -> Response {
        let size = number(&asked.query, "per_page", 30).clamp(1, 100);
        let page = number(&asked.query, "page", 1).max(1);
        let open = self
            .requests
            .iter()
            .rev()
            .filter(|it| it.repository == full && it.open);
        let shown = open.skip((page - 1) * size).take(size);
        let shown: Vec<Value> = shown.map(|it| shown_request(it, host)).collect();
        answer(StatusCode::OK, &Value::Array(shown))
    }

    fn open(&mut self, full: &str, host: &str, body: &Value) -> Response {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let (title, head, base) = (text("title"), text("head"), text("base"));
        if title.is_empty() {
            return invalid("missing_field", "title", "");
        }
        if TEXT_CHARS_MAX < text("body").chars().count() {
            return invalid(
                "custom",
                "body",
                "body is too long (maximum is 65536 characters)",
            );
        }
        let (owner, branch) = match head.split_once(':') {
            Some((owner, branch)) => (owner.to_owned(), branch.to_owned()),
            None => (
                full.split('/').next().unwrap_or_default().to_owned(),
                head.clone(),
            ),
        };
        let name = full.split('/').nth(1).unwrap_or_default();
        let from = self.bare(&format!("{owner}/{name}"));
        let at = |folder: &Path, branch: &str| -> Option<String> {
            let listed = git(
                folder,
                &[
                    "for-each-ref",
                    "--format=%(objectname)",
                    &format!("refs/heads/{branch}"),
                ],
            );
            (!listed.is_empty()).then_some(listed)
        };
        let Some(end) = from.exists().then(|| at(&from, &branch)).flatten() else {
            return invalid("invalid", "head", "");
        };
        let Some(into) = at(&self.bare(full), &base) else {
            return invalid("invalid", "base", "");
        };
        if end == into {
            let message = format!("No commits between {base} and {branch}");
            return invalid("custom", "", &message);
        }
        let label = format!("{owner}:{branch}");
        if self
            .requests
            .iter()
            .any(|it| it.open && it.repository == full && it.head == label)
        {
            return invalid(
                "custom",
                "",
                &format!("A pull request already exists for {label}."),
            );
        }
        self.next += 1;
        let request = FakePullRequest {
            repository: full.to_owned(),
            number: self.next,
            author: self.login.clone(),
            title,
            body: text("body"),
            head: label,
            base,
            draft: body["draft"].as_bool().unwrap_or_default(),
            labels: Vec::new(),
            reviewers: Vec::new(),
            open: true,
        };
        let shown = shown_request(&request, host);
        self.requests.push(request);
        answer(StatusCode::CREATED, &shown)
    }

    fn edit(&mut self, full: &str, number: u64, host: &str, body: &Value) -> Response {
        let Some(request) = self.request(full, &number.to_string()) else {
            return refuse(404, "Not Found");
        };
        if let Some(title) = body["title"].as_str() {
            title.clone_into(&mut request.title);
        }
        if let Some(text) = body["body"].as_str() {
            text.clone_into(&mut request.body);
        }
        answer(StatusCode::OK, &shown_request(request, host))
    }

    fn write_comment(&mut self, full: &str, below: &[&str], host: &str, asked: &Asked) -> Response {
        let text = asked.json()["body"].as_str().unwrap_or_default().to_owned();
        if text.is_empty() || TEXT_CHARS_MAX < text.chars().count() {
            return invalid("custom", "body", "body is too long or missing");
        }
        match (&asked.method, below) {
            (&Method::POST, ["issues", issue, "comments"]) => {
                self.next += 1;
                let (id, login) = (self.next, self.login.clone());
                let all = self.comments.entry(format!("{full}/issues/{issue}"));
                all.or_default().push((id, login.clone(), text.clone()));
                let comment = shown_comment(full, issue, &(id, login, text), host);
                answer(StatusCode::CREATED, &comment)
            }
            (&Method::PATCH, ["issues", "comments", id]) => {
                let id: u64 = id.parse().unwrap_or_default();
                let login = self.login.clone();
                let mut all = self.comments.iter_mut();
                let found = all
                    .find_map(|(place, all)| Some((place, all.iter_mut().find(|it| it.0 == id)?)));
                match found {
                    Some((place, comment)) if comment.1 == login => {
                        comment.2 = text;
                        let issue = place.rsplit('/').next().unwrap_or_default();
                        answer(StatusCode::OK, &shown_comment(full, issue, comment, host))
                    }
                    Some(_) => refuse(403, "Must have admin rights to Repository."),
                    None => refuse(404, "Not Found"),
                }
            }
            _ => refuse(404, "Not Found"),
        }
    }
}

fn shown_request(it: &FakePullRequest, host: &str) -> Value {
    let branch = it.head.split_once(':').map_or("", |it| it.1);
    json!({
        "number": it.number,
        "html_url": format!("http://{host}/{}/pull/{}", it.repository, it.number),
        "title": it.title,
        "body": it.body,
        "draft": it.draft,
        "state": if it.open { "open" } else { "closed" },
        "head": {"label": it.head, "ref": branch},
        "base": {"ref": it.base},
    })
}

fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().cloned().unwrap_or_default();
    let texts = items.iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn refuse(status: u16, message: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    answer(status, &json!({"message": message}))
}

/// As GitHub says that a change isn't valid.
fn invalid(code: &str, field: &str, message: &str) -> Response {
    answer(
        StatusCode::UNPROCESSABLE_ENTITY,
        &json!({
            "message": "Validation Failed",
            "errors": [{"resource": "PullRequest", "code": code, "field": field, "message": message}],
        }),
    )
}
