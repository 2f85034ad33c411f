//! Errors as RFC 9457 has them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use runs::RunsError;
use serde::Serialize;
use store::StoreError;
use utoipa::ToSchema;

use crate::requests::{Refusal, Requests};

/// Why a request isn't answered as it was meant (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the title says what is wrong.
    pub r#type: &'static str,
    /// What could not be done.
    pub title: String,
    /// The status code.
    pub status: u16,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// The code with which the command line would have ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<u8>,
    /// After how many seconds it can be tried again.
    #[serde(skip)]
    pub(crate) retry_after_seconds: Option<u64>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, title: impl Into<String>) -> Problem {
        Problem {
            r#type: "about:blank",
            title: title.into(),
            status: status.as_u16(),
            detail: String::new(),
            advice: None,
            exit_code: None,
            retry_after_seconds: None,
        }
    }

    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Problem {
        self.detail = detail.into();
        self
    }

    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Problem {
        self.advice = Some(advice.into());
        self
    }

    /// In so many seconds it can be tried again.
    pub(crate) fn after(mut self, seconds: u64) -> Problem {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// What the command line would say.
    pub(crate) fn told(refusal: Refusal) -> Problem {
        let status = match refusal.exit_code {
            2 | 14 => StatusCode::UNPROCESSABLE_ENTITY,
            13 => StatusCode::FAILED_DEPENDENCY,
            15 => StatusCode::CONFLICT,
            16 | 17 => StatusCode::BAD_GATEWAY,
            1 => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Problem {
            detail: refusal.because.join("\n"),
            advice: refusal.advice,
            exit_code: Some(refusal.exit_code),
            ..Problem::new(status, refusal.title)
        }
    }

    /// An error of a run.
    pub(crate) fn of_run(requests: &dyn Requests, error: RunsError) -> Problem {
        let status = match &error {
            RunsError::TakeUp { source, .. } | RunsError::Store { source, .. } => of_store(source),
            RunsError::AtItsEnd { .. } | RunsError::NeverBegan { .. } => Some(StatusCode::CONFLICT),
            RunsError::Stopped => Some(StatusCode::SERVICE_UNAVAILABLE),
            _ => None,
        };
        Problem::told(requests.refusal(error)).with(status)
    }

    /// An error of the store.
    pub(crate) fn of_store(requests: &dyn Requests, doing: &str, error: StoreError) -> Problem {
        let status = of_store(&error);
        Problem::told(requests.store_refusal(doing, error)).with(status)
    }

    /// All of it in one text.
    pub(crate) fn in_words(&self) -> String {
        let parts = [
            Some(self.title.as_str()),
            Some(self.detail.as_str()).filter(|it| !it.is_empty()),
            self.advice.as_deref(),
        ];
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        parts.join("\n")
    }

    fn with(mut self, status: Option<StatusCode>) -> Problem {
        if let Some(status) = status {
            self.status = status.as_u16();
        }
        self
    }

    /// There is no such run, or it is somebody else's, which is the same for whoever asks.
    pub(crate) fn no_run(name: &str) -> Problem {
        let name: String = protocol::visible(name).chars().take(80).collect();
        Problem::new(
            StatusCode::NOT_FOUND,
            format!("could not find the run `{name}`"),
        )
        .advise("GET /api/runs lists those that are yours.")
    }
}

fn of_store(error: &StoreError) -> Option<StatusCode> {
    match error {
        StoreError::UnknownRun { .. } => Some(StatusCode::NOT_FOUND),
        StoreError::Held { .. } | StoreError::Ended { .. } | StoreError::NotEnded { .. } => {
            Some(StatusCode::CONFLICT)
        }
        StoreError::Full { .. } => Some(StatusCode::INSUFFICIENT_STORAGE),
        _ => None,
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let after = self.retry_after_seconds;
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
