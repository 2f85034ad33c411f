//! Bodies and queries, read within bounds and refused in words.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Largest body, in bytes.
pub(crate) const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Longest wait for one.
const BODY_SECONDS_MAX: u64 = 30;

/// A body of JSON.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Body<T>, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|it| it.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "could not read the body: its Content-Type must be application/json",
            ));
        }
        let bytes = read(request.into_body()).await?;
        // A list of values would be taken for the fields in their order.
        let first = bytes.iter().find(|it| !it.is_ascii_whitespace());
        if first.is_some_and(|it| *it != b'{')
            && serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok()
        {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "could not understand the body: it must be an object",
            ));
        }
        let value = serde_json::from_slice(&bytes).map_err(|error| {
            // What isn't JSON can't be understood at all; what is, says something else than it should.
            let status = match error.classify() {
                serde_json::error::Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
                _ => StatusCode::BAD_REQUEST,
            };
            Problem::new(status, "could not understand the body")
                .detail(format!("because: {error}"))
        })?;
        Ok(Body(value))
    }
}

/// All of a body, within bounds.
async fn read(body: axum::body::Body) -> Result<Bytes, Problem> {
    let read = axum::body::to_bytes(body, BODY_BYTES_MAX);
    match tokio::time::timeout(Duration::from_secs(BODY_SECONDS_MAX), read).await {
        Ok(read) => read.map_err(|it| unread(&it)),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("could not read the body within {BODY_SECONDS_MAX} s"),
        )),
    }
}

/// Reads a body before anything else is done with the request, for whoever would wait for it without end.
pub(crate) async fn bounded(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match read(body).await {
        Ok(bytes) => next.run(Request::from_parts(parts, bytes.into())).await,
        Err(problem) => problem.into_response(),
    }
}

fn unread(error: &axum::Error) -> Problem {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(it) = cause {
        if it.to_string().contains("length limit exceeded") {
            return Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("could not read the body: it has more than {BODY_BYTES_MAX} bytes"),
            );
        }
        cause = it.source();
    }
    Problem::new(StatusCode::BAD_REQUEST, "could not read the body")
        .detail(format!("because: {error}"))
}

/// The name of a run in an address.
pub(crate) struct Named(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Named, Problem> {
        let name = Path::<String>::from_request_parts(parts, state).await;
        name.map(|Path(name)| Named(name)).map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST, "could not understand the address")
                .detail(format!("because: {}", error.body_text()))
        })
    }
}

/// What stands behind the `?` of an address.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asked<T>, Problem> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(value)| Asked(value))
            .map_err(|error| {
                Problem::new(StatusCode::BAD_REQUEST, "could not understand the query")
                    .detail(format!("because: {}", error.body_text()))
            })
    }
}
