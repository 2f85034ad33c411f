//! Bodies and queries, read within bounds and refused in words.

use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Largest body, in bytes.
pub(crate) const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Longest wait for one.
const BODY_SECONDS_MAX: u64 = 30;

/// A body of JSON, with its bytes.
pub(crate) struct Body<T>(pub(crate) T, pub(crate) Vec<u8>);

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
        let read = axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX);
        let bytes = match tokio::time::timeout(Duration::from_secs(BODY_SECONDS_MAX), read).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) => return Err(unread(&error)),
            Err(_) => {
                return Err(Problem::new(
                    StatusCode::REQUEST_TIMEOUT,
                    format!("could not read the body within {BODY_SECONDS_MAX} s"),
                ));
            }
        };
        let value = serde_json::from_slice(&bytes).map_err(|error| {
            // What isn't JSON can't be understood at all; what is, says something else than it should.
            let status = match error.classify() {
                serde_json::error::Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
                _ => StatusCode::BAD_REQUEST,
            };
            Problem::new(status, "could not understand the body")
                .detail(format!("because: {error}"))
        })?;
        Ok(Body(value, bytes.to_vec()))
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
