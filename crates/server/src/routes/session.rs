//! A page is signed in, or out.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::api::SignIn;
use crate::body::Body;
use crate::callers::Callers;
use crate::guard;
use crate::problem::Problem;
use crate::shared::Shared;

/// Sign a page in by a token; the answer sets a cookie.
#[utoipa::path(
    post,
    path = "/api/session",
    operation_id = "session_begin",
    tag = "session",
    request_body = SignIn,
    security(()),
    responses(
        (status = 204, description = "It is signed in"),
        (status = "4XX", description = "What is wrong", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn sign_in(
    State(shared): State<Arc<Shared>>,
    Body(given): Body<SignIn>,
) -> Result<Response, Problem> {
    let found = shared.callers.by_token(&given.token).await;
    let found =
        found.map_err(|it| Problem::of_store(&*shared.requests, "look the token up", it))?;
    let caller = found.ok_or_else(|| guard::unknown(&shared.choices))?;
    let cookie = shared.callers.cookie(&caller.name);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Sign a page out.
#[utoipa::path(
    delete,
    path = "/api/session",
    operation_id = "session_end",
    tag = "session",
    security(()),
    responses((status = 204, description = "It is signed out")),
)]
pub(super) async fn sign_out() -> Response {
    let cookie = Callers::no_cookie();
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
}
