//! Reviews and checks of the fake GitHub's pull requests.

use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::hosting::Hosting;
use super::shown::{FakeReviewComment, account, moment};
use super::{Asked, json as answer};
use crate::git::git;

impl Hosting {
    /// The part of the interface that is about a request's review; none for another path.
    pub(super) fn review_api(
        &mut self,
        full: &str,
        below: &[&str],
        asked: &Asked,
    ) -> Option<Response> {
        match (&asked.method, below) {
            (&Method::GET, ["pulls", number]) => {
                let number: u64 = number.parse().ok()?;
                let request = self
                    .requests
                    .iter()
                    .find(|it| it.repository == full && it.number == number)?;
                let (owner, branch) = request.head.split_once(':')?;
                let name = full.split('/').nth(1)?;
                let from = format!("{owner}/{name}");
                let end = git(&self.bare(&from), &["rev-parse", branch]);
                let host = asked.header("host").unwrap_or_default();
                Some(answer(
                    StatusCode::OK,
                    &json!({
                        "number": number,
                        "html_url": format!("http://{host}/{full}/pull/{number}"),
                        "title": request.title,
                        "body": request.body,
                        "user": account(&request.author),
                        "draft": request.draft,
                        "state": if request.open { "open" } else { "closed" },
                        "head": {"ref": branch, "sha": end, "repo": {"full_name": from}},
                        "base": {"ref": request.base},
                    }),
                ))
            }
            (&Method::GET, ["issues", number, "comments"]) => {
                // A request is an issue too.
                let number: u64 = number.parse().ok()?;
                let mut requests = self.requests.iter();
                requests.find(|it| it.repository == full && it.number == number)?;
                Some(answer(StatusCode::OK, &json!([])))
            }
            (&Method::GET, ["pulls", _, "reviews"]) => Some(answer(StatusCode::OK, &json!([]))),
            (&Method::GET, ["pulls", _, "comments"]) => {
                let shown: Vec<Value> = self.review_comments.iter().map(shown).collect();
                Some(answer(StatusCode::OK, &Value::Array(shown)))
            }
            (&Method::POST, ["pulls", _, "comments", thread, "replies"]) => {
                let thread: u64 = thread.parse().ok()?;
                let is_first = |it: &FakeReviewComment| it.id == thread && it.in_reply_to.is_none();
                if !self.review_comments.iter().any(is_first) {
                    // Replies to replies are refused by the real one as well.
                    return Some(answer(
                        StatusCode::NOT_FOUND,
                        &json!({"message": "Not Found"}),
                    ));
                }
                let body = asked.json()["body"].as_str().unwrap_or_default().to_owned();
                let login = self.login.clone();
                let id = self.put_review_comment(&login, "MEMBER", &body, Some(thread));
                Some(answer(StatusCode::CREATED, &json!({"id": id})))
            }
            (&Method::GET, ["git", "commits", commit]) => {
                let bare = self.bare(full);
                let message = git(&bare, &["log", "-1", "--format=%B", commit]);
                let tree = git(&bare, &["rev-parse", &format!("{commit}^{{tree}}")]);
                Some(answer(
                    StatusCode::OK,
                    &json!({"message": message, "tree": {"sha": tree}}),
                ))
            }
            (&Method::GET, ["commits", _, "check-runs"]) => {
                let runs = self.failed_checks.iter().enumerate();
                let runs: Vec<Value> = runs
                    .map(|(id, (name, says))| {
                        json!({"id": id, "name": name, "status": "completed", "conclusion": "failure",
                            "output": {"title": says, "summary": null}})
                    })
                    .collect();
                Some(answer(
                    StatusCode::OK,
                    &json!({"total_count": runs.len(), "check_runs": runs}),
                ))
            }
            (&Method::GET, ["check-runs", _, "annotations"]) => Some(answer(
                StatusCode::OK,
                &json!([{"path": "pages.py", "start_line": 2, "message": "too short"}]),
            )),
            _ => None,
        }
    }

    /// Somebody writes a review comment; its number.
    pub(super) fn put_review_comment(
        &mut self,
        author: &str,
        association: &str,
        body: &str,
        in_reply_to: Option<u64>,
    ) -> u64 {
        self.next += 1;
        self.review_comments.push(FakeReviewComment {
            id: self.next,
            in_reply_to,
            author: author.to_owned(),
            association: association.to_owned(),
            body: body.to_owned(),
        });
        self.next
    }
}

fn shown(it: &FakeReviewComment) -> Value {
    json!({
        "id": it.id,
        "in_reply_to_id": it.in_reply_to,
        "user": account(&it.author),
        "author_association": it.association,
        "body": it.body,
        "path": "pages.py",
        "line": 2,
        "created_at": moment(it.id),
    })
}
