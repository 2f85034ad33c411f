//! Git over HTTP: git's own `http-backend`, asked as a web server asks it.

use std::path::Path;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;

use super::Asked;
use crate::git::http_backend;

/// Lets git answer a request for `path`, below the folder of repositories; `user` is who asks.
///
/// # Panics
///
/// When git can't be started.
pub(super) fn answer(folder: &Path, path: &str, user: Option<&str>, asked: &Asked) -> Response {
    let length = asked.body.len().to_string();
    let mut variables = vec![
        ("PATH_INFO", path),
        ("QUERY_STRING", &asked.query_text),
        ("REQUEST_METHOD", asked.method.as_str()),
        ("CONTENT_LENGTH", &length),
    ];
    for (header, variable) in [
        ("content-type", "CONTENT_TYPE"),
        ("content-encoding", "HTTP_CONTENT_ENCODING"),
        ("git-protocol", "GIT_PROTOCOL"),
    ] {
        variables.extend(asked.header(header).map(|it| (variable, it)));
    }
    variables.extend(user.map(|it| ("REMOTE_USER", it)));
    response(&http_backend(folder, &variables, asked.body.to_vec()))
}

/// A response from what a CGI program writes: headers, an empty line, the body.
fn response(written: &[u8]) -> Response {
    let end = written
        .windows(4)
        .position(|it| it == b"\r\n\r\n")
        .unwrap_or(written.len());
    let head = String::from_utf8_lossy(&written[..end]);
    let mut status = StatusCode::OK;
    let mut builder = Response::builder();
    for line in head.lines() {
        let Some((name, value)) = line.split_once(": ") else {
            continue;
        };
        match name {
            "Status" => {
                let code = value.split(' ').next().and_then(|it| it.parse().ok());
                status = code
                    .and_then(|it| StatusCode::from_u16(it).ok())
                    .unwrap_or(StatusCode::BAD_GATEWAY);
            }
            _ => builder = builder.header(name, value),
        }
    }
    let body = written.get(end + 4..).unwrap_or_default().to_vec();
    builder
        .status(status)
        .body(Body::from(body))
        .expect("git writes a response")
}
