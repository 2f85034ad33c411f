//! What a caller wants to know before a run, and what an operator wants to know of the server.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::api::{Me, NewRun};
use crate::body::Body;
use crate::callers::Caller;
use crate::disk;
use crate::problem::Problem;
use crate::shared::Shared;

/// Who would work on a run, and what it may cost. Begins nothing and asks no tracker.
#[utoipa::path(
    post,
    path = "/api/estimate",
    operation_id = "estimate",
    tag = "runs",
    request_body = NewRun,
    responses(
        (status = 200, description = "The crew with its prices, and the caps", body = Object),
        (status = "4XX", description = "What is wrong", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn estimate(
    State(shared): State<Arc<Shared>>,
    Body(asked): Body<NewRun>,
) -> Result<Response, Problem> {
    let estimate = shared.requests.estimate(&asked).map_err(Problem::told)?;
    shared.json(StatusCode::OK, &estimate)
}

/// The models with their limits and prices, and the crews.
#[utoipa::path(
    get,
    path = "/api/models",
    operation_id = "models",
    tag = "runs",
    responses(
        (status = 200, description = "As `pipeline models --json` prints it", body = Object),
        (status = "4XX", description = "What is wrong", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn models(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let models = shared.requests.models().map_err(Problem::told)?;
    shared.json(StatusCode::OK, &models)
}

/// Who you are here, and what this server lets you do.
#[utoipa::path(
    get,
    path = "/api/me",
    operation_id = "me",
    tag = "session",
    responses(
        (status = 200, description = "You", body = Me),
        (status = "4XX", description = "What is wrong", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn me(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    let folders = shared.requests.folders();
    let me = Me {
        repo: folders.first().cloned(),
        folders,
        caller: caller.name,
        is_admin: caller.is_admin,
        version: shared.choices.version.clone(),
        scripted: shared.choices.scripted,
        runs_max: shared.choices.runs_max,
        working: shared.working.count(),
    };
    shared.json(StatusCode::OK, &me)
}

/// Figures of this process, for Prometheus; only for admins.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    tag = "operations",
    responses(
        (status = 200, description = "In the text form of OpenMetrics", content_type = "application/openmetrics-text", body = String),
        (status = "4XX", description = "What is wrong", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn metrics(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    if !caller.is_admin {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "could not tell the figures of everybody's runs to you",
        ));
    }
    let text = shared.working.metrics().text(shared.working.count());
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// Whether the process answers.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "healthz",
    tag = "operations",
    security(()),
    responses((status = 200, description = "It does", content_type = "text/plain", body = String)),
)]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether a run could begin now: the store answers, the disk has room, and the server isn't being stopped.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "readyz",
    tag = "operations",
    security(()),
    responses(
        (status = 200, description = "It could", content_type = "text/plain", body = String),
        (status = "5XX", description = "Why not", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn readyz(State(shared): State<Arc<Shared>>) -> Result<&'static str, Problem> {
    if shared.working.is_ending() {
        return Err(crate::asking::ending());
    }
    let host = shared.working.runs.host();
    disk::has_room(&[&host.folders.state, &host.folders.cache])?;
    host.store.runs(1).await.map_err(|error| Problem {
        status: StatusCode::SERVICE_UNAVAILABLE.as_u16(),
        ..Problem::of_store(&*shared.requests, "read the list of runs", error)
    })?;
    Ok("ready\n")
}
