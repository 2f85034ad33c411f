//! Checks of the fake GitHub: what an app says at a commit, and what else checks it.

use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::app::APP_SLUG;
use super::hosting::Hosting;
use super::{Asked, json as answer};

/// Annotations that one request may bring.
const NOTES_MAX: usize = 50;

/// A check that an app said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FakeCheck {
    /// The repository, as `owner/repo`.
    pub repository: String,
    /// Its number.
    pub id: u64,
    /// The commit.
    pub commit: String,
    /// Its name.
    pub name: String,
    /// What the app calls it.
    pub mark: String,
    /// As in `success`.
    pub conclusion: String,
    /// One line.
    pub title: String,
    /// The rest.
    pub summary: String,
    /// Remarks on lines, as in `a.py:3: undefined name`.
    pub notes: Vec<String>,
}

impl Hosting {
    /// The part of the interface that is about checks; none for another path.
    pub(super) fn check_api(
        &mut self,
        full: &str,
        below: &[&str],
        host: &str,
        asked: &Asked,
    ) -> Option<Response> {
        match (&asked.method, below) {
            (&Method::GET, ["commits", _, "check-suites"]) => {
                // One for every app that may write checks, whether anything runs or not.
                let mut suites =
                    vec![json!({"app": {"slug": "idle"}, "latest_check_runs_count": 0})];
                if self.checks.iter().any(|it| it.repository == full) {
                    suites.push(json!({"app": {"slug": APP_SLUG}, "latest_check_runs_count": 1}));
                }
                if self.has_ci {
                    suites.push(
                        json!({"app": {"slug": "github-actions"}, "latest_check_runs_count": 2}),
                    );
                }
                Some(answer(
                    StatusCode::OK,
                    &json!({"total_count": suites.len(), "check_suites": suites}),
                ))
            }
            (&Method::GET, ["commits", _, "status"]) => Some(answer(
                StatusCode::OK,
                &json!({"state": "pending", "total_count": 0, "statuses": []}),
            )),
            (&Method::GET, ["commits", commit, "check-runs"])
                if asked.query.iter().any(|it| it.0 == "check_name") =>
            {
                let ours = self.checks.iter();
                let ours = ours.filter(|it| it.repository == full && it.commit == *commit);
                let ours: Vec<Value> = ours.map(|it| shown(it, host)).collect();
                Some(answer(
                    StatusCode::OK,
                    &json!({"total_count": ours.len(), "check_runs": ours}),
                ))
            }
            (&Method::POST, ["check-runs"]) => {
                let body = asked.json();
                if self.app.is_none() {
                    return Some(refuse(
                        StatusCode::FORBIDDEN,
                        "You must authenticate via a GitHub App.",
                    ));
                }
                self.next += 1;
                let mut check = FakeCheck {
                    repository: full.to_owned(),
                    id: self.next,
                    commit: text(&body["head_sha"]),
                    ..FakeCheck::default()
                };
                if check.commit.len() != 40 || body["name"].is_null() {
                    return Some(refuse(
                        StatusCode::UNPROCESSABLE_ENTITY,
                        "Invalid request.\n\nhead_sha, name weren't supplied.",
                    ));
                }
                if let Err(why) = take(&mut check, &body) {
                    return Some(refuse(StatusCode::UNPROCESSABLE_ENTITY, why));
                }
                let made = shown(&check, host);
                self.checks.push(check);
                Some(answer(StatusCode::CREATED, &made))
            }
            (&Method::PATCH, ["check-runs", id]) => {
                let id: u64 = id.parse().ok()?;
                let check = self.checks.iter_mut().find(|it| it.id == id)?;
                if let Err(why) = take(check, &asked.json()) {
                    return Some(refuse(StatusCode::UNPROCESSABLE_ENTITY, why));
                }
                Some(answer(StatusCode::OK, &shown(check, host)))
            }
            _ => None,
        }
    }
}

/// What a request brings; annotations are added to those there are.
fn take(check: &mut FakeCheck, body: &Value) -> Result<(), &'static str> {
    let output = &body["output"];
    let notes: Vec<Value> = output["annotations"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    if NOTES_MAX < notes.len() {
        return Err("Invalid request.\n\nNo more than 50 items are allowed; 51 were supplied.");
    }
    if !output.is_null() && (output["title"].is_null() || output["summary"].is_null()) {
        return Err("Invalid request.\n\n\"title\", \"summary\" weren't supplied.");
    }
    check.name = text(&body["name"]);
    check.mark = text(&body["external_id"]);
    check.conclusion = text(&body["conclusion"]);
    check.title = text(&output["title"]);
    check.summary = text(&output["summary"]);
    check.notes.extend(notes.iter().map(|it| {
        let (path, message) = (text(&it["path"]), text(&it["message"]));
        format!("{path}:{}: {message}", it["start_line"])
    }));
    Ok(())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn refuse(status: StatusCode, message: &str) -> Response {
    answer(status, &json!({"message": message}))
}

fn shown(it: &FakeCheck, host: &str) -> Value {
    json!({
        "id": it.id,
        "name": it.name,
        "external_id": it.mark,
        "html_url": format!("http://{host}/{}/runs/{}", it.repository, it.id),
        "status": "completed",
        "conclusion": it.conclusion,
        "output": {"title": it.title, "summary": it.summary, "annotations_count": it.notes.len()},
    })
}
