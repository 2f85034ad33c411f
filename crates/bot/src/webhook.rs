//! Takes webhooks of GitHub and Jira: checks who sends them, keeps where to look, and answers before anything is done.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::Sha256;
use store::Store;
use tokio::sync::Notify;

/// Largest body. GitHub sends up to 25 MB, but of an issue and a comment, each of which has at most 65,536 characters, not that
/// much; and whoever has no secret shall not fill the memory either.
pub const BODY_BYTES_MAX: usize = 5 * 1024 * 1024;
/// Longest name of a delivery, in bytes.
const DELIVERY_BYTES_MAX: usize = 200;

/// What webhooks need.
#[derive(Clone, Debug)]
pub struct Webhooks {
    /// Signs what GitHub sends.
    pub secret: SecretString,
    /// Signs what Jira sends; without one, nothing is taken from it.
    pub jira_secret: Option<SecretString>,
    /// Keys of Jira's projects that are watched.
    pub projects: Vec<String>,
    /// Repositories that are watched, as `owner/repo`; what is sent of others is left alone.
    pub repositories: Vec<String>,
}

#[derive(Clone)]
struct Shared {
    webhooks: Arc<Webhooks>,
    store: Store,
    hinted: Arc<Notify>,
}

/// The routes `POST /webhooks/github`, `POST /webhooks/jira` and `GET /healthz`. `hinted` is told of every new hint.
pub(crate) fn routes(webhooks: Webhooks, store: Store, hinted: Arc<Notify>) -> Router {
    let shared = Shared {
        webhooks: Arc::new(webhooks),
        store,
        hinted,
    };
    Router::new()
        .route("/webhooks/github", post(github))
        .route("/webhooks/jira", post(jira))
        .route("/healthz", get(|| async { "ok\n" }))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(shared)
}

type Answer = (StatusCode, &'static str);

async fn github(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Answer {
    let header = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    // Before a byte of the body is read as anything.
    if !is_signed(
        &shared.webhooks.secret,
        header("x-hub-signature-256"),
        &body,
    ) {
        return (
            StatusCode::UNAUTHORIZED,
            "the signature doesn't fit the body\n",
        );
    }
    let Some(delivery) = header("x-github-delivery").filter(|it| it.len() <= DELIVERY_BYTES_MAX)
    else {
        return (StatusCode::BAD_REQUEST, "there is no X-GitHub-Delivery\n");
    };
    let is_json = header("content-type").is_some_and(|it| it.starts_with("application/json"));
    if !is_json {
        return (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "set the webhook's content type to application/json\n",
        );
    }
    match header("x-github-event") {
        Some("ping") => return (StatusCode::OK, "pong\n"),
        Some("issues" | "issue_comment") => {}
        _ => return (StatusCode::ACCEPTED, "nothing to do for this event\n"),
    }
    let Ok(payload) = serde_json::from_slice::<Value>(&body) else {
        return (StatusCode::BAD_REQUEST, "the body isn't JSON\n");
    };
    let Some(lane) = lane_of(&payload, &shared.webhooks.repositories) else {
        return (StatusCode::ACCEPTED, "nothing to do for this repository\n");
    };
    keep(&shared, delivery, &lane).await
}

/// Jira's; see "Webhooks", "Securing a webhook" in the documentation of the Cloud, and of Data Center since version 10.
async fn jira(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Answer {
    let header = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    let Some(secret) = &shared.webhooks.jira_secret else {
        return (StatusCode::NOT_FOUND, "no Jira is watched here\n");
    };
    if !is_signed(secret, header("x-hub-signature"), &body) {
        return (
            StatusCode::UNAUTHORIZED,
            "the signature doesn't fit the body\n",
        );
    }
    // The same for each try to send one.
    let Some(delivery) =
        header("x-atlassian-webhook-identifier").filter(|it| it.len() <= DELIVERY_BYTES_MAX)
    else {
        return (
            StatusCode::BAD_REQUEST,
            "there is no X-Atlassian-Webhook-Identifier\n",
        );
    };
    let is_json = header("content-type").is_some_and(|it| it.starts_with("application/json"));
    if !is_json {
        return (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "a webhook's content type is application/json\n",
        );
    }
    let Ok(payload) = serde_json::from_slice::<Value>(&body) else {
        return (StatusCode::BAD_REQUEST, "the body isn't JSON\n");
    };
    let Some(lane) = ticket_of(&payload, &shared.webhooks.projects) else {
        return (StatusCode::ACCEPTED, "nothing to do for this\n");
    };
    keep(&shared, &format!("jira {delivery}"), &lane).await
}

/// The ticket that a payload says to look at; none of a project that isn't watched.
fn ticket_of(payload: &Value, projects: &[String]) -> Option<String> {
    let key = payload["issue"]["key"].as_str()?;
    let (project, number) = key.rsplit_once('-')?;
    let is_number = !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit());
    let is_watched = projects.iter().any(|it| it == project);
    (is_number && number.len() < 19 && is_watched).then(|| key.to_owned())
}

/// Keeps where to look, and answers.
async fn keep(shared: &Shared, delivery: &str, lane: &str) -> Answer {
    match shared.store.hint(delivery, lane).await {
        Ok(true) => {
            shared.hinted.notify_one();
            (StatusCode::ACCEPTED, "looking\n")
        }
        Ok(false) => (StatusCode::ACCEPTED, "known\n"),
        Err(error) => {
            tracing::error!(%error, "a webhook could not be kept");
            // The tracker shows it as failed, and it can be sent again.
            (StatusCode::SERVICE_UNAVAILABLE, "it could not be kept\n")
        }
    }
}

/// Where a payload says to look; none for a pull request, and for a repository that isn't watched.
fn lane_of(payload: &Value, repositories: &[String]) -> Option<String> {
    let repository = payload["repository"]["full_name"].as_str()?;
    let known = repositories
        .iter()
        .find(|it| it.eq_ignore_ascii_case(repository))?;
    let number = payload["issue"]["number"].as_u64()?;
    payload["issue"]["pull_request"]
        .is_null()
        .then(|| format!("{known}#{number}"))
}

/// Whether `sha256=…` is the HMAC of the body, compared in constant time; see "Validating webhook deliveries".
fn is_signed(secret: &SecretString, signature: Option<&str>, body: &[u8]) -> bool {
    let Some(digits) = signature.and_then(|it| it.strip_prefix("sha256=")) else {
        return false;
    };
    let Some(expected) = bytes_of(digits) else {
        return false;
    };
    let key = secret.expose_secret().as_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(body);
    mac.verify_slice(&expected).is_ok()
}

/// Bytes from hexadecimal.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    let pairs = (0..digits.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_signs() {
        // The example of GitHub's documentation, "Testing the webhook payload validation".
        let secret = SecretString::from("It's a Secret to Everybody");
        let body = b"Hello, World!";
        let right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert!(is_signed(&secret, Some(right), body));
        for wrong in [
            None,
            Some(""),
            Some("sha256="),
            Some("757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
            Some("sha1=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
            Some("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1"),
            Some("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e18"),
            Some("sha256=+57107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
        ] {
            assert!(!is_signed(&secret, wrong, body), "{wrong:?}");
        }
        assert!(!is_signed(&secret, Some(right), b"Hello, World?"));
        assert!(!is_signed(&SecretString::from("other"), Some(right), body));
    }
}
