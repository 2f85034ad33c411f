//! Git over HTTP: git's own `http-backend`, asked as a web server asks it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;

use super::Asked;

/// Lets git answer a request for `path`, below the folder of repositories; `user` is who asks.
///
/// # Panics
///
/// When git can't be started.
#[expect(
    clippy::disallowed_methods,
    reason = "a fake host of repositories runs the real git; no stranger's file is involved"
)]
pub(super) fn answer(folder: &Path, path: &str, user: Option<&str>, asked: &Asked) -> Response {
    let mut command = Command::new("git");
    command
        .arg("http-backend")
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_PROJECT_ROOT", folder)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", &asked.query_text)
        .env("REQUEST_METHOD", asked.method.as_str())
        .env("CONTENT_LENGTH", asked.body.len().to_string());
    for (header, variable) in [
        ("content-type", "CONTENT_TYPE"),
        ("content-encoding", "HTTP_CONTENT_ENCODING"),
        ("git-protocol", "GIT_PROTOCOL"),
    ] {
        if let Some(value) = asked.header(header) {
            command.env(variable, value);
        }
    }
    if let Some(user) = user {
        command.env("REMOTE_USER", user);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap_or_else(|error| panic!("start git (is it installed?): {error}"));
    let mut stdin = child.stdin.take().expect("it is piped");
    let body = asked.body.clone();
    let writing = std::thread::spawn(move || {
        // Git may stop reading; what it says then is its answer.
        let _ = stdin.write_all(&body);
    });
    let output = child.wait_with_output().expect("git ends");
    let _ = writing.join();
    response(&output.stdout)
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
