//! Changing something at a service: one request after another, with a pause between two, and never a second time unless the
//! service said that it didn't take the first.

use std::time::{Duration, SystemTime};

use reqwest::header::{ACCEPT, AUTHORIZATION};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use tokio::time::Instant;

use super::{Api, Cause, Door, Wait, is_rate_limit, read, said, without_backtrace};
use crate::error::{ForgeError, told};

/// The wait after a limit that names no time, as GitHub documents it.
const UNNAMED_WAIT: Duration = Duration::from_secs(60);

/// Why a change wasn't made, or may not have been.
enum Unsent {
    /// It was refused unread, with the wait that the service asks for.
    Limited(Option<Duration>, ForgeError),
    Refused(ForgeError),
}

impl Api {
    /// Sends a change and gives its answer; null for an answer without a body. `doing` is named in errors, as in
    /// `open a pull request in o/r`.
    ///
    /// A service that says that it has had too many requests hasn't taken this one, so it is sent again after the wait that it
    /// asks for, within the bounds. Whatever else goes wrong is told: nobody knows then whether the change was made.
    pub(crate) async fn change(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        doing: &str,
    ) -> Result<Value, ForgeError> {
        // GitHub asks for one request at a time and a second between two that change something: "Best practices for using
        // the REST API".
        let mut last = self.last_change.lock().await;
        let mut tries = 1;
        loop {
            let pause = Duration::from_millis(self.patience.change_pause_ms);
            if let Some(last) = *last {
                tokio::time::sleep_until(last + pause).await;
            }
            let door = self.opened(path).await?;
            let sent = self.try_change(&door, &method, path, body, doing).await;
            *last = Some(Instant::now());
            let (wait, error) = match sent {
                Ok(answer) => return Ok(answer),
                Err(Unsent::Limited(wait, error)) => (wait.unwrap_or(UNNAMED_WAIT), error),
                Err(Unsent::Refused(error)) => return Err(error),
            };
            let longest = Duration::from_secs(self.patience.limit_wait_seconds_max);
            if self.patience.tries_max <= tries || longest < wait {
                return Err(error);
            }
            tracing::warn!(service = %self.service, doing, ?wait, "the tracker asks to wait");
            tokio::time::sleep(wait).await;
            tries += 1;
        }
    }

    async fn try_change(
        &self,
        door: &Door,
        method: &Method,
        path: &str,
        body: &Value,
        doing: &str,
    ) -> Result<Value, Unsent> {
        let service = self.service;
        let unanswered = |source: Cause| {
            Unsent::Refused(ForgeError::Unanswered {
                service,
                address: self.address(),
                doing: doing.to_owned(),
                source,
            })
        };
        let limit = Duration::from_secs(self.patience.request_seconds_max);
        let sent = tokio::time::timeout(limit, self.send_change(door, method, path, body));
        let response = match sent.await {
            Ok(Ok(response)) => response,
            Ok(Err(source)) => return Err(unanswered(source)),
            Err(elapsed) => return Err(unanswered(Box::new(elapsed))),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = match read(response, self.patience.reply_bytes_max).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(unanswered("its answer is too large".into())),
            Err(source) => return Err(unanswered(source)),
        };
        if status.is_success() {
            return match bytes.is_empty() {
                true => Ok(Value::Null),
                false => serde_json::from_slice(&bytes).map_err(|it| unanswered(Box::new(it))),
            };
        }
        let (doing, said) = (doing.to_owned(), said(&bytes));
        // A secondary limit may come without headers, but says so in its words.
        let is_secondary = status == StatusCode::FORBIDDEN && said.contains("secondary rate limit");
        if is_rate_limit(status, &headers) || is_secondary {
            let wait = Wait::asked(&headers, SystemTime::now());
            let error = ForgeError::Busy {
                service,
                doing,
                wait: wait.words,
            };
            return Err(Unsent::Limited(wait.duration, error));
        }
        Err(Unsent::Refused(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
                ForgeError::Denied {
                    service,
                    doing,
                    said,
                }
            }
            _ if status.is_server_error() => {
                return Err(unanswered(
                    format!("status {}{}", status.as_u16(), told(&said)).into(),
                ));
            }
            _ => ForgeError::Rejected {
                service,
                doing,
                status: status.as_u16(),
                said,
            },
        }))
    }

    async fn send_change(
        &self,
        door: &Door,
        method: &Method,
        path: &str,
        body: &Value,
    ) -> Result<Response, Cause> {
        match door {
            Door::App(_) => Err("an app's client was not opened".into()),
            Door::Octocrab(octocrab) => {
                let sent = match *method {
                    Method::PATCH => octocrab._patch(path, Some(body)).await,
                    Method::PUT => octocrab._put(path, Some(body)).await,
                    _ => octocrab._post(path, Some(body)).await,
                };
                let response = sent.map_err(without_backtrace)?;
                Ok(Response::from(response.map(reqwest::Body::wrap)))
            }
            Door::Plain(client, authorization) => {
                let address = format!("{}{path}", self.address());
                let request = client
                    .request(method.clone(), address)
                    .header(ACCEPT, "application/json")
                    .header(AUTHORIZATION, authorization)
                    .json(body);
                Ok(request.send().await.map_err(reqwest::Error::without_url)?)
            }
        }
    }
}
