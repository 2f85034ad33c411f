//! What went wrong with one request, in words without a key in them, and whether another may help.

use std::error::Error as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::{TokenUsage, visible};
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::wait::asked_wait;

/// Longest part of a vendor's words that is shown.
const WORDS_CHARACTERS_MAX: usize = 500;

/// The first second that a date of HTTP can't name, since 1970.
const YEAR_10000: Duration = Duration::from_secs(253_402_300_800);

/// A request that gave no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) cause: Cause,
    /// What happened, cut short, without keys.
    pub(crate) message: String,
    pub(crate) again: Again,
    /// What the vendor will bill for it.
    pub(crate) billed: Billed,
}

/// What a request that gave no reply costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Billed {
    /// Nothing: it was not sent, or was refused.
    Nothing,
    /// What the answer says it took.
    Known(TokenUsage),
    /// Nobody knows: the vendor may have done the work, and its answer was lost.
    Unknown,
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
    /// The conversation is longer than the model can read; this was the status.
    ContextFull(u16),
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
    /// Not for now: money, or the allowance of a day, is used up, which no wait of ours outlasts.
    Spent,
    /// Not for now: the vendor has failed for as long as anybody waits.
    Down {
        /// Requests that were sent until that was known.
        tries: u32,
    },
}

impl Fault {
    /// A fault that costs nothing, as far as is known.
    pub(crate) fn new(cause: Cause, message: &str, again: Again) -> Fault {
        Fault {
            cause,
            message: shortened(message),
            again,
            billed: Billed::Nothing,
        }
    }

    /// An answer that can't be used; the next may be whole.
    pub(crate) fn unreadable(why: &str) -> Fault {
        Fault::new(Cause::Answer, why, Again::Later(None)).billed(Billed::Unknown)
    }

    /// The same, billed this way.
    #[must_use]
    pub(crate) fn billed(mut self, billed: Billed) -> Fault {
        self.billed = billed;
        self
    }

    /// The same, billed as its answer says, if it says anything.
    #[must_use]
    pub(crate) fn billed_if_it_says(self, usage: TokenUsage) -> Fault {
        match usage.total() {
            0 => self,
            _ => self.billed(Billed::Known(usage)),
        }
    }

    /// Whether a request for the cheaper service failed in a way that the usual one may not: no capacity is left for it
    /// (OpenAI answers 429, Gemini 503). What nobody billed, that is.
    pub(crate) fn is_of_flex(&self) -> bool {
        let has_no_room = matches!(self.cause, Cause::Status(429 | 503));
        has_no_room && self.again != Again::Spent && self.billed == Billed::Nothing
    }

    /// The same, with when another try may help.
    pub(crate) fn with_return(mut self, back_in: Option<Duration>, now: SystemTime) -> Fault {
        self.message += &match back_in.and_then(|it| now.checked_add(it)) {
            // Dates of HTTP have years of four digits.
            Some(then)
                if then
                    .duration_since(UNIX_EPOCH)
                    .is_ok_and(|it| it < YEAR_10000) =>
            {
                format!(" (come back after {})", httpdate::fmt_http_date(then))
            }
            _ => " (come back in some minutes)".to_owned(),
        };
        self
    }

    /// What happened, the status included.
    pub(crate) fn told(&self) -> String {
        match self.cause {
            Cause::Status(status) => format!("status {status}: {}", self.message),
            Cause::Connection | Cause::Answer | Cause::ContextFull(_) => self.message.clone(),
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

    /// Says which model was asked for, where that may be what isn't there and the vendor doesn't say.
    pub(crate) fn naming_model(mut self, model: &str) -> Fault {
        if matches!(self.cause, Cause::Status(404)) && !self.message.contains(model) {
            self.message += &format!(" (is `{model}` the model's name there?)");
        }
        self
    }
}

/// The fault behind a status other than success.
pub(super) fn status_fault(
    status: u16,
    body: &str,
    json: &Value,
    headers: &HeaderMap,
    now: SystemTime,
) -> Fault {
    let words = match (said(json), body.trim()) {
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
        _ if is_spent(json) => Again::Spent,
        _ if transient => Again::Later(asked_wait(headers, json, now)),
        _ => Again::Never,
    };
    let cause = match is_too_long(status, json, &message) {
        true => Cause::ContextFull(status),
        false => Cause::Status(status),
    };
    // A gateway that stopped waiting doesn't stop the vendor behind it.
    let billed = match status {
        408 | 504 | 524 => Billed::Unknown,
        _ => Billed::Nothing,
    };
    Fault::new(cause, &message, again).billed(billed)
}

/// Whether the vendor refused a conversation because it is longer than the model can read.
///
/// OpenAI has a code for it. The others say it in words: "prompt is too long" (Anthropic), "input token count …
/// exceeds the maximum" (Gemini), "maximum context length" (vLLM and most compatible servers).
fn is_too_long(status: u16, body: &Value, words: &str) -> bool {
    let words = words.to_lowercase();
    let code = &body["error"]["code"];
    matches!(status, 400 | 413 | 422)
        && (code == "context_length_exceeded"
            || words.contains("prompt is too long")
            || (words.contains("input token count") && words.contains("exceeds"))
            || words.contains("maximum context length")
            || words.contains("exceed context limit"))
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

/// The fault behind a connection that broke, before or after the request went out.
pub(super) fn connection_fault(error: reqwest::Error, answer_ms_max: u64) -> Fault {
    let error = error.without_url();
    // Until the connection stands, nothing has been sent.
    let billed = match error.is_connect() || error.is_builder() {
        true => Billed::Nothing,
        false => Billed::Unknown,
    };
    if error.is_timeout() && !error.is_connect() {
        let message = format!("no whole answer within {} s", answer_ms_max.div_ceil(1000));
        return Fault::new(Cause::Connection, &message, Again::Once).billed(billed);
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
    let again = match error.is_builder() {
        true => Again::Never,
        false => Again::Later(None),
    };
    Fault::new(Cause::Connection, &why, again).billed(billed)
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
