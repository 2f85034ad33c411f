//! What a run leaves: its report, its change, its evidence.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use delivery::Bundle;
use runs::Past;
use utoipa::ToSchema;

use crate::body::Named;
use crate::callers::Caller;
use crate::problem::Problem;
use crate::shared::{Shared, broken};

/// A report is styled in itself, and is nothing else than text and pictures.
const POLICY_OF_REPORT: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox allow-popups";

/// A folder as one file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "it only describes an answer")]
pub(super) struct Archive(Vec<u8>);

async fn past(shared: &Shared, caller: &Caller, id: &str) -> Result<Past, Problem> {
    let run = shared.summary(caller, id).await?.id;
    let past = shared.working.runs.past(&run, "show").await;
    past.map_err(|it| Problem::of_run(&*shared.requests, it))
}

async fn made(past: Past) -> Result<Bundle, Problem> {
    let made = tokio::task::spawn_blocking(move || Bundle::of(&past.run, &past.history));
    made.await.map_err(broken)?.map_err(broken)
}

fn answer(kind: &'static str, policy: Option<&'static str>, name: &str, body: Vec<u8>) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: HeaderValue| headers.insert(name, value);
    set(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Some(policy) = policy {
        set(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(policy),
        );
    }
    if let Ok(name) = HeaderValue::from_str(&format!("inline; filename=\"{name}\"")) {
        set(header::CONTENT_DISPOSITION, name);
    }
    response
}

/// The report of a run, as a page.
#[utoipa::path(
    get,
    path = "/api/runs/{id}/report",
    operation_id = "runs_report",
    tag = "runs",
    params(("id" = String, Path, description = "The run")),
    responses(
        (status = 200, description = "The report", content_type = "text/html", body = String),
        (status = "4XX", description = "What is wrong", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn report(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Named(id): Named,
) -> Result<Response, Problem> {
    let past = past(&shared, &caller, &id).await?;
    let name = format!("{}.html", past.run);
    let bundle = made(past).await?;
    let page = bundle.files().find(|it| it.0 == "report.html");
    let page = page.map(|it| it.1.to_vec()).unwrap_or_default();
    let kind = "text/html; charset=utf-8";
    Ok(answer(kind, Some(POLICY_OF_REPORT), &name, page))
}

/// The change of a run as a patch: of one at its end the final one, before that its last draft's.
#[utoipa::path(
    get,
    path = "/api/runs/{id}/patch",
    operation_id = "runs_patch",
    tag = "runs",
    params(("id" = String, Path, description = "The run")),
    responses(
        (status = 200, description = "The patch", content_type = "text/x-diff", body = String),
        (status = "4XX", description = "What is wrong", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn patch(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Named(id): Named,
) -> Result<Response, Problem> {
    let past = past(&shared, &caller, &id).await?;
    let state = past.state();
    let state = state.map_err(|it| Problem::of_run(&*shared.requests, it))?;
    let bytes = protocol::patch_bytes(&state.proposed_code);
    let name = format!("{}.diff", past.run);
    Ok(answer("text/x-diff", None, &name, bytes))
}

/// The evidence of a run: a folder that `pipeline verify` takes.
#[utoipa::path(
    get,
    path = "/api/runs/{id}/bundle",
    operation_id = "runs_bundle",
    tag = "runs",
    params(("id" = String, Path, description = "The run")),
    responses(
        (status = 200, description = "The folder as a tar archive", content_type = "application/x-tar", body = Archive),
        (status = "4XX", description = "What is wrong", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn bundle(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Named(id): Named,
) -> Result<Response, Problem> {
    let past = past(&shared, &caller, &id).await?;
    let run = past.run.0.clone();
    let bundle = made(past).await?;
    let mut archive = tar::Builder::new(Vec::new());
    for (path, bytes) in bundle.files() {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, format!("{run}/{path}"), bytes)
            .map_err(broken)?;
    }
    let archive = archive.into_inner().map_err(broken)?;
    Ok(answer(
        "application/x-tar",
        None,
        &format!("{run}.tar"),
        archive,
    ))
}
