//! What went wrong with one request, in words without a key in them, and whether another may help.

use std::error::Error as _;
use std::time::{Duration, SystemTime};

use genai::webc;
use protocol::visible;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::wait::asked_wait;

/// Longest part of a vendor's words that is shown.
const WORDS_CHARACTERS_MAX: usize = 500;

/// A request that gave no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) cause: Cause,
    /// What happened, cut short, without keys.
    pub(crate) message: String,
    pub(crate) again: Again,
}

/// Where it went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The vendor answered with this status.
    Status(u16),
    /// There was no connection, or no answer on it.
    Connection,
    /// The answer can't be read.
    Answer,
}

/// Whether to ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// It would be refused again.
    Never,
    /// One more try, because each takes very long.
    Once,
    /// After this wait, or after one of our own choice.
    Later(Option<Duration>),
}

impl Fault {
    /// An answer that can't be used; the next may be whole.
    pub(crate) fn unreadable(why: &str) -> Fault {
        Fault {
            cause: Cause::Answer,
            message: shortened(why),
            again: Again::Later(None),
        }
    }

    /// What happened, the status included.
    pub(crate) fn told(&self) -> String {
        match self.cause {
            Cause::Status(status) => format!("status {status}: {}", self.message),
            Cause::Connection | Cause::Answer => self.message.clone(),
        }
    }

    /// Takes the key out of the words, should a server have repeated it.
    pub(crate) fn without(mut self, key: Option<&SecretString>) -> Fault {
        if let Some(key) = key.map(ExposeSecret::expose_secret)
            && !key.is_empty()
        {
            self.message = self.message.replace(key, "[key]");
        }
        self
    }

    /// Says which variables hold the key, where the key may be what was refused.
    pub(crate) fn naming_key(mut self, variables: &str) -> Fault {
        if matches!(self.cause, Cause::Status(401 | 403)) {
            self.message += &format!(" (check {variables})");
        }
        self
    }
}

/// The fault behind an error of the client library.
pub(crate) fn fault_of(error: genai::Error, answer_ms_max: u64) -> Fault {
    let error = match error {
        genai::Error::WebModelCall { webc_error, .. } => webc_error,
        // Everything else happens before a request is sent, and would happen again.
        other => {
            return Fault {
                again: Again::Never,
                ..Fault::unreadable(&other.to_string())
            };
        }
    };
    match error {
        webc::Error::ResponseFailedStatus {
            status,
            body,
            headers,
        } => status_fault(status.as_u16(), &body, &headers),
        webc::Error::ResponseFailedNotJson { body, .. }
        | webc::Error::ResponseFailedInvalidJson { body, .. }
            if body.trim().is_empty() =>
        {
            Fault::unreadable("it is empty")
        }
        webc::Error::ResponseFailedNotJson { content_type, body } => {
            Fault::unreadable(&format!("it is `{content_type}` and not JSON: {body}"))
        }
        webc::Error::ResponseFailedInvalidJson { cause, .. } => {
            Fault::unreadable(&format!("it is not whole: {cause}"))
        }
        webc::Error::Reqwest(error) => connection_fault(error, answer_ms_max),
        webc::Error::JsonValueExt(error) => Fault::unreadable(&error.to_string()),
    }
}

fn status_fault(status: u16, body: &str, headers: &HeaderMap) -> Fault {
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    let words = match (said(&json), body.trim()) {
        (words, _) if !words.is_empty() => words,
        (_, "") => "no words".to_owned(),
        (_, body) => shortened(body),
    };
    let redirect = headers.get("location").and_then(|it| it.to_str().ok());
    let message = match redirect {
        Some(to) if (300..400).contains(&status) => {
            let to = to.split(['?', '#']).next().unwrap_or_default();
            shortened(&format!(
                "it points to {to}, and redirects are not followed (check the base URL)"
            ))
        }
        _ => words,
    };
    let transient = matches!(status, 408 | 409 | 425 | 429 | 500 | 502 | 503 | 504 | 529);
    let wish = headers.get("x-should-retry").map(|it| it.as_bytes());
    let again = match wish {
        Some(b"false") => Again::Never,
        _ if is_spent(&json) => Again::Never,
        _ if transient => Again::Later(asked_wait(headers, &json, SystemTime::now())),
        _ => Again::Never,
    };
    Fault {
        cause: Cause::Status(status),
        message,
        again,
    }
}

/// Whether money or a daily allowance is used up, which no wait of ours outlasts.
fn is_spent(body: &Value) -> bool {
    const CODES: &[&str] = &[
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "enforced_spend_limit_reached",
    ];
    match body {
        Value::String(text) => CODES.contains(&&**text) || text.contains("RequestsPerDay"),
        Value::Array(items) => items.iter().any(is_spent),
        Value::Object(map) => map.values().any(is_spent),
        _ => false,
    }
}

fn connection_fault(error: reqwest::Error, answer_ms_max: u64) -> Fault {
    let error = error.without_url();
    if error.is_timeout() && !error.is_connect() {
        return Fault {
            cause: Cause::Connection,
            message: format!("no whole answer within {} s", answer_ms_max.div_ceil(1000)),
            again: Again::Once,
        };
    }
    // The outermost words only say that a request failed; the innermost say why.
    let mut why = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        why = inner.to_string();
        source = inner.source();
    }
    if error.is_body() || error.is_decode() {
        return Fault::unreadable(&format!("it was cut off: {why}"));
    }
    Fault {
        cause: Cause::Connection,
        message: shortened(&why),
        again: match error.is_builder() {
            true => Again::Never,
            false => Again::Later(None),
        },
    }
}

/// The vendor's own words in an error body; they all put them at the same place.
pub(crate) fn said(body: &Value) -> String {
    let error = &body["error"];
    let words = error["message"]
        .as_str()
        .or(error.as_str())
        .or(body["message"].as_str());
    shortened(words.unwrap_or_default())
}

fn shortened(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(WORDS_CHARACTERS_MAX) {
        Some((end, _)) => visible(&text[..end]).into_owned() + "…",
        None => visible(text).into_owned(),
    }
}
