//! A task in, the verified change out: waited for, or watched.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use futures::StreamExt;

use crate::api::{NewRun, RunDetail};
use crate::asking::begin;
use crate::body::Body;
use crate::callers::Caller;
use crate::follow::{Followed, follow};
use crate::problem::Problem;
use crate::shared::{Shared, broken};
use crate::streams;

/// Begin a run and wait for its end. With an Idempotency-Key, the same request again waits for the same run.
#[utoipa::path(
    post,
    path = "/api/coding/run",
    operation_id = "coding_run",
    tag = "coding",
    request_body = NewRun,
    params(("Idempotency-Key" = Option<String>, Header, description = "Your own name for this request; sent again, it is the same run.")),
    responses(
        (status = 200, description = "The run, at its end or stopped", body = RunDetail),
        (status = "4XX", description = "What is wrong", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "What broke", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn run(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Body(asked): Body<NewRun>,
) -> Result<Response, Problem> {
    let place = shared.stream(&caller)?;
    let run = begin(&shared, &caller, &headers, asked).await?;
    let followed = follow(&shared.working, &run, 0);
    futures::pin_mut!(followed);
    while let Some(it) = followed.next().await {
        let failed = |error| Problem::of_store(&*shared.requests, "follow the run", error);
        if let Followed::End(summary) = it.map_err(failed)? {
            let detail = shared.detail(*summary).await?;
            drop(place);
            return shared.json(StatusCode::OK, &*detail);
        }
    }
    Err(broken(std::io::Error::other("the run's events had no end")))
}

/// Begin a run and watch it: `log` events with a line for people each, and `done` with the run. With an Idempotency-Key, the same request
/// again watches the same run, from behind `Last-Event-ID` on.
#[utoipa::path(
    post,
    path = "/api/coding/stream",
    operation_id = "coding_stream",
    tag = "coding",
    request_body = NewRun,
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Your own name for this request; sent again, it is the same run."),
        ("Last-Event-ID" = Option<u64>, Header, description = "The last event that you have."),
    ),
    responses(
        (status = 200, description = "`log` (LogLine) and `done` (RunDetail) events", content_type = "text/event-stream", body = String),
        (status = "4XX", description = "What is wrong", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "What broke", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn stream(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Body(asked): Body<NewRun>,
) -> Result<Response, Problem> {
    let first = streams::first_in(&headers, None)?;
    let run = begin(&shared, &caller, &headers, asked).await?;
    streams::lines(&shared, &caller, run, first)
}
