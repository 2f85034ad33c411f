//! The page: files that travel inside the program.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use include_dir::{Dir, include_dir};
use serde::Deserialize;

use crate::body::Asked;
use crate::callers::OWNER;
use crate::problem::Problem;
use crate::shared::Shared;

/// `page`, as it was when the program was built.
static PAGE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/page");

/// What the page may do: its own files and its own server, nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// How a page is opened.
#[derive(Deserialize)]
pub(crate) struct Opened {
    code: Option<String>,
}

/// The page, whatever of it is shown; a code signs it in first.
pub(crate) async fn page(
    State(shared): State<Arc<Shared>>,
    method: Method,
    Asked(opened): Asked<Opened>,
) -> Response {
    let Some(code) = opened.code else {
        return file("index.html", "no-cache");
    };
    // A code that was used already leaves whoever is signed in signed in, and shows others how to be.
    let mut response = Redirect::to("/coding").into_response();
    // Whoever only looks at an address, as a preview does, doesn't use it up.
    if method == Method::GET && shared.callers.takes_code(&code) {
        let cookie = shared.callers.cookie(OWNER);
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// From the address alone to the page.
pub(crate) async fn root() -> Redirect {
    Redirect::to("/coding")
}

/// A file of the page.
pub(crate) async fn asset(Path(path): Path<String>) -> Response {
    match path.as_str() {
        "index.html" => Problem::new(StatusCode::NOT_FOUND, "could not find that").into_response(),
        path => file(path, "no-cache"),
    }
}

fn file(path: &str, cache: &'static str) -> Response {
    let Some(found) = PAGE.get_file(path) else {
        return Problem::new(StatusCode::NOT_FOUND, "could not find that").into_response();
    };
    let kind = match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
    ];
    (headers, found.contents()).into_response()
}
