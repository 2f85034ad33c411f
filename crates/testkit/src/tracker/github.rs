//! A fake GitHub: issues and their comments under `/api/v3`, as an Enterprise server has them.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::{Answers, Fault, Seen, Server, json as answer, number};

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
}

struct Issues {
    issues: BTreeMap<String, FakeIssue>,
    token: Option<String>,
}

impl FakeGitHub {
    /// Starts a server with these issues; with a token, only those who send it see them.
    pub async fn start(
        issues: impl IntoIterator<Item = FakeIssue>,
        token: Option<&str>,
    ) -> FakeGitHub {
        let named = |it: FakeIssue| (format!("{}/issues/{}", it.repository, it.number), it);
        let answers = Issues {
            issues: issues.into_iter().map(named).collect(),
            token: token.map(str::to_owned),
        };
        FakeGitHub {
            server: Server::start(answers).await,
        }
    }

    /// What `GITHUB_API_URL` would be.
    pub fn api_url(&self) -> String {
        format!("http://{}/api/v3", self.server.address)
    }

    /// Where people would open issues.
    pub fn web(&self) -> String {
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

impl Answers for Issues {
    fn answer(&self, path: &str, query: &[(String, String)], headers: &HeaderMap) -> Response {
        let refuse = |status, message: &str| answer(status, &json!({"message": message}));
        if !headers.contains_key("user-agent") {
            return refuse(
                StatusCode::FORBIDDEN,
                "Request forbidden by administrative rules",
            );
        }
        let authorization = headers.get("authorization").and_then(|it| it.to_str().ok());
        let expected = self.token.as_ref().map(|it| format!("Bearer {it}"));
        if authorization.is_some() && authorization != expected.as_deref() {
            return refuse(StatusCode::UNAUTHORIZED, "Bad credentials");
        }
        if path == "/api/v3/rate_limit" {
            return answer(StatusCode::OK, &json!({"resources": {}}));
        }
        // What somebody may not see doesn't exist for them.
        let may_see = authorization == expected.as_deref();
        let name = path.strip_prefix("/api/v3/repos/").unwrap_or_default();
        let (name, wants_comments) = match name.strip_suffix("/comments") {
            Some(name) => (name, true),
            None => (name, false),
        };
        match self.issues.get(name).filter(|_| may_see) {
            None => refuse(StatusCode::NOT_FOUND, "Not Found"),
            Some(it) if wants_comments => comments(it, path, query),
            Some(it) => answer(StatusCode::OK, &issue(it, headers)),
        }
    }
}

fn issue(it: &FakeIssue, headers: &HeaderMap) -> Value {
    let host = headers
        .get("host")
        .and_then(|it| it.to_str().ok())
        .unwrap_or_default();
    let mut body = json!({
        "number": it.number,
        "title": it.title,
        "body": it.body,
        "labels": it.labels.iter().map(|name| json!({"name": name})).collect::<Vec<_>>(),
        "comments": it.comments.len(),
        "state": if it.is_closed { "closed" } else { "open" },
        "html_url": format!("http://{host}/{}/issues/{}", it.repository, it.number),
        "user": {"login": "reporter"},
    });
    if it.is_pull_request {
        body["pull_request"] = json!({"url": "…"});
    }
    body
}

fn comments(it: &FakeIssue, path: &str, query: &[(String, String)]) -> Response {
    let size = number(query, "per_page", 30).clamp(1, PAGE_ITEMS_MAX);
    let page = number(query, "page", 1).max(1);
    let shown = it
        .comments
        .iter()
        .skip((page - 1) * size)
        .take(size)
        .map(|(author, body)| json!({"user": {"login": author}, "body": body}));
    let mut response = answer(StatusCode::OK, &Value::Array(shown.collect()));
    if page * size < it.comments.len() {
        let next = format!("<{path}?per_page={size}&page={}>; rel=\"next\"", page + 1);
        let next = next.parse().expect("a path and two numbers fit a header");
        response.headers_mut().insert("link", next);
    }
    response
}
