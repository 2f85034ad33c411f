//! Runs to look at.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use protocol::Status;
use serde::Deserialize;
use store::Listing;
use utoipa::IntoParams;

use crate::api::{RunDetail, RunPage};
use crate::body::{Asked, Named};
use crate::callers::Caller;
use crate::problem::Problem;
use crate::shared::Shared;
use crate::streams;

/// Runs on a page, unless the caller says otherwise.
const RUNS_USUAL: u32 = 50;
/// Most runs on a page.
const RUNS_MAX: u32 = 200;

/// Which page of the list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Runs on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Only runs older than this one: `next` of the page before.
    before: Option<String>,
    /// Only runs of this status.
    #[param(value_type = Option<String>, pattern = "^(running|completed|failed)$")]
    status: Option<Status>,
}

/// The runs that are yours, newest first.
#[utoipa::path(
    get,
    path = "/api/runs",
    operation_id = "runs_list",
    tag = "runs",
    params(Wanted),
    responses(
        (status = 200, description = "A page of the list", body = RunPage),
        (status = "4XX", description = "What is wrong", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, Problem> {
    let most = wanted.limit.unwrap_or(RUNS_USUAL);
    if !(1..=RUNS_MAX).contains(&most) {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            format!("could not list {most} runs: 1 to {RUNS_MAX} are on a page"),
        ));
    }
    let before = match wanted.before {
        Some(before) => Some(shared.summary(&caller, &before).await?.id),
        None => None,
    };
    let listing = Listing {
        caller: (!caller.is_admin).then_some(caller.name.as_str()),
        status: wanted.status,
        before: before.as_ref(),
        // One more says whether there is a next page.
        runs_max: most + 1,
    };
    let page = shared.working.runs.host().store.page(&listing).await;
    let mut page = page.map_err(|it| Problem::of_store(&*shared.requests, "list the runs", it))?;
    let has_more = (most as usize) < page.len();
    page.truncate(most as usize);
    let next = page.last().filter(|_| has_more).map(|it| it.id.0.clone());
    let runs = page.into_iter().map(|it| shared.told(it)).collect();
    shared.json(StatusCode::OK, &RunPage { runs, next })
}

/// A run whole, but for its events.
#[utoipa::path(
    get,
    path = "/api/runs/{id}",
    operation_id = "runs_get",
    tag = "runs",
    params(("id" = String, Path, description = "The run")),
    responses(
        (status = 200, description = "The run", body = RunDetail),
        (status = "4XX", description = "What is wrong", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn one(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Named(id): Named,
) -> Result<Response, Problem> {
    let summary = shared.summary(&caller, &id).await?;
    let detail = shared.detail(summary).await?;
    shared.json(StatusCode::OK, &*detail)
}

/// From where on.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct From {
    /// The first event that is wanted; `Last-Event-ID` comes before it.
    from: Option<u64>,
}

/// What happened in a run and what happens: each event of its journal once and in order, under its kind as name and its place as id, until
/// nobody works on it any more, which `end` says.
#[utoipa::path(
    get,
    path = "/api/runs/{id}/events",
    operation_id = "runs_events",
    tag = "runs",
    params(
        ("id" = String, Path, description = "The run"),
        From,
        ("Last-Event-ID" = Option<u64>, Header, description = "The last event that you have."),
    ),
    responses(
        (status = 200, description = "Events (EventTold), and `end` (StreamEnd)", content_type = "text/event-stream", body = String),
        (status = "4XX", description = "What is wrong", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn events(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Named(id): Named,
    Asked(wanted): Asked<From>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let first = streams::first_in(&headers, wanted.from)?;
    let summary = shared.summary(&caller, &id).await?;
    streams::events(&shared, &caller, summary.id, first)
}
