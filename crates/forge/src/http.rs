//! Reading from a tracker: bounded in bytes, seconds and tries, and every refusal told apart.

mod change;
mod graphql;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use octocrab::Octocrab;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, redirect};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::app::AppDoor;
use crate::error::{ForgeError, Service};
use protocol::plain_text::line;

/// Longest text of a service's own words in an error, in bytes.
const SAID_BYTES_MAX: usize = 200;

/// How long and how often a tracker is asked, and how much of an answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Time for one request, its answer included.
    pub request_seconds_max: u64,
    /// Requests sent for one answer, the first included.
    pub tries_max: u32,
    /// The wait before the second try; each later one is twice as long.
    pub first_wait_ms: u64,
    /// The longest wait a tracker may ask for before a read; for more, we don't wait but say so.
    pub wait_seconds_max: u64,
    /// The same before a change: a run's work is done by then, and nobody waits at a terminal for it.
    pub limit_wait_seconds_max: u64,
    /// The least time between two changes.
    pub change_pause_ms: u64,
    /// The largest answer.
    pub reply_bytes_max: usize,
}

impl Patience {
    /// What suits somebody who waits at a terminal.
    pub const STANDARD: Patience = Patience {
        request_seconds_max: 20,
        tries_max: 3,
        first_wait_ms: 300,
        wait_seconds_max: 10,
        limit_wait_seconds_max: 120,
        change_pause_ms: 1_000,
        reply_bytes_max: 8 * 1024 * 1024,
    };
}

pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A tracker, its address, and the client that knows its credentials.
pub(crate) struct Api {
    pub(crate) service: Service,
    pub(crate) base: Url,
    pub(crate) door: Door,
    /// The other interface of GitHub, at its own address; of an app, without its token.
    pub(crate) graphql: Option<Arc<Octocrab>>,
    pub(crate) anonymous: bool,
    pub(crate) patience: Patience,
    /// When something was changed last; whoever holds it is alone in changing something.
    pub(crate) last_change: tokio::sync::Mutex<Option<tokio::time::Instant>>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The client knows the credentials.
        write!(f, "Api({} at {})", self.service, self.address())
    }
}

/// The clients.
#[derive(Clone)]
pub(crate) enum Door {
    /// GitHub's, which adds the token by itself.
    Octocrab(Arc<Octocrab>),
    /// GitHub's for an app, which has a token for each repository.
    App(Arc<AppDoor>),
    /// A plain one with the value of its `Authorization`.
    Plain(Client, HeaderValue),
}

/// Redirects followed for one answer.
const REDIRECTS_MAX: usize = 3;

/// The HTTP client below both.
///
/// GitHub answers for a renamed or moved repository with a redirect on its own host, which is followed. Nothing is
/// sent to another host than the configured one. Jira has no reason to redirect but a login page.
pub(crate) fn client(service: Service, patience: &Patience) -> Result<Client, ForgeError> {
    let policy = match service {
        Service::GitHub => redirect::Policy::custom(|it| match it.previous() {
            [first, rest @ ..]
                if first.origin() == it.url().origin() && rest.len() < REDIRECTS_MAX =>
            {
                it.follow()
            }
            _ => it.stop(),
        }),
        Service::Jira => redirect::Policy::none(),
    };
    Client::builder()
        .redirect(policy)
        .timeout(Duration::from_secs(patience.request_seconds_max))
        .user_agent("pipeline")
        .build()
        .map_err(|it| ForgeError::Client {
            service,
            source: Box::new(it),
        })
}

/// What one request came to.
enum Outcome {
    Read(Vec<u8>),
    /// It may be tried again after a wait; the error is for when it may not.
    Again(Option<Duration>, ForgeError),
    Refused(ForgeError),
}

impl Api {
    /// Reads `path`, below the service's address; `what` is named in errors.
    ///
    /// Only reads come here, so that a second try can't do anything twice.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        what: &str,
    ) -> Result<T, ForgeError> {
        let door = self.opened(path).await?;
        self.get_through(&door, path, what).await
    }

    /// The client for a path. Only an app has more than one.
    async fn opened(&self, path: &str) -> Result<Door, ForgeError> {
        Ok(match &self.door {
            Door::App(app) => Door::Octocrab(app.client_for(self, path).await?),
            door => door.clone(),
        })
    }

    /// As [`Api::get`], through a client that is open already.
    pub(crate) async fn get_through<T: DeserializeOwned>(
        &self,
        door: &Door,
        path: &str,
        what: &str,
    ) -> Result<T, ForgeError> {
        let mut tries = 1;
        let bytes = loop {
            match self.ask(door, path, what, tries).await {
                Outcome::Read(bytes) => break bytes,
                Outcome::Again(asked, error) => {
                    let Some(wait) = self.wait(tries, asked) else {
                        return Err(error);
                    };
                    tracing::debug!(service = %self.service, tries, ?wait, "asking the tracker again");
                    tokio::time::sleep(wait).await;
                }
                Outcome::Refused(error) => return Err(error),
            }
            tries += 1;
        };
        serde_json::from_slice(&bytes).map_err(|source| ForgeError::Garbled {
            service: self.service,
            address: self.address(),
            what: what.to_owned(),
            source,
        })
    }

    /// How long to wait before the next try, if there is one.
    ///
    /// GitHub's client has a retry of its own, but it waits for as long as the service says, an hour included.
    fn wait(&self, tries: u32, asked: Option<Duration>) -> Option<Duration> {
        if self.patience.tries_max <= tries {
            return None;
        }
        let longest = Duration::from_secs(self.patience.wait_seconds_max);
        let grown = self
            .patience
            .first_wait_ms
            .saturating_mul(1 << (tries - 1).min(10));
        Some(asked.unwrap_or(Duration::from_millis(grown))).filter(|it| *it <= longest)
    }

    async fn ask(&self, door: &Door, path: &str, what: &str, tries: u32) -> Outcome {
        self.answered(self.send_through(door, path), what, tries)
            .await
    }

    async fn answered(
        &self,
        sending: impl Future<Output = Result<Response, Cause>>,
        what: &str,
        tries: u32,
    ) -> Outcome {
        let unreachable = |source| {
            let error = ForgeError::Unreachable {
                service: self.service,
                address: self.address(),
                what: what.to_owned(),
                tries,
                source,
            };
            Outcome::Again(None, error)
        };
        let sent = tokio::time::timeout(
            Duration::from_secs(self.patience.request_seconds_max),
            sending,
        );
        let response = match sent.await {
            Ok(Ok(response)) => response,
            Ok(Err(source)) => return unreachable(source),
            Err(elapsed) => return unreachable(Box::new(elapsed)),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        match read(response, self.patience.reply_bytes_max).await {
            Ok(Some(bytes)) => self.judge(status, &headers, bytes, what),
            Ok(None) => Outcome::Refused(ForgeError::TooLarge {
                service: self.service,
                what: what.to_owned(),
                bytes_max: self.patience.reply_bytes_max,
            }),
            Err(source) => unreachable(source),
        }
    }

    /// The configured address, for errors.
    fn address(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }

    /// Sends a read and gives its answer as it is.
    pub(crate) async fn send(&self, path: &str) -> Result<Response, Cause> {
        let door = self.opened(path).await?;
        self.send_through(&door, path).await
    }

    async fn send_through(&self, door: &Door, path: &str) -> Result<Response, Cause> {
        match door {
            Door::App(_) => Err("an app's client was not opened".into()),
            Door::Octocrab(octocrab) => {
                let response = octocrab._get(path).await.map_err(without_backtrace)?;
                Ok(Response::from(response.map(reqwest::Body::wrap)))
            }
            Door::Plain(client, authorization) => {
                let address = format!("{}{path}", self.address());
                let request = client
                    .get(address)
                    .header(ACCEPT, "application/json")
                    .header(AUTHORIZATION, authorization);
                Ok(request.send().await.map_err(reqwest::Error::without_url)?)
            }
        }
    }

    fn judge(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        bytes: Vec<u8>,
        what: &str,
    ) -> Outcome {
        let (service, what) = (self.service, what.to_owned());
        if status.is_success() {
            return Outcome::Read(bytes);
        }
        if status.is_redirection() {
            return Outcome::Refused(ForgeError::Redirected {
                service,
                address: self.address(),
                what,
                to: destination(headers, &self.base),
            });
        }
        if is_rate_limit(status, headers) {
            let wait = Wait::asked(headers, SystemTime::now());
            let error = ForgeError::RateLimited {
                service,
                what,
                wait: wait.words,
                anonymous: self.anonymous && service == Service::GitHub,
            };
            return Outcome::Again(wait.duration, error);
        }
        let said = said(&bytes);
        match status {
            StatusCode::UNAUTHORIZED => {
                Outcome::Refused(ForgeError::Unauthorized { service, what })
            }
            StatusCode::FORBIDDEN => Outcome::Refused(ForgeError::Forbidden {
                service,
                what,
                said,
            }),
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                Outcome::Refused(ForgeError::NotFound { service, what })
            }
            _ => {
                let error = ForgeError::Unexpected {
                    service,
                    what,
                    status: status.as_u16(),
                    said,
                };
                if status.is_server_error() {
                    Outcome::Again(None, error)
                } else {
                    Outcome::Refused(error)
                }
            }
        }
    }
}

/// The answer's body, or nothing when it is too large.
async fn read(mut response: Response, bytes_max: usize) -> Result<Option<Vec<u8>>, Cause> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(reqwest::Error::without_url)?
    {
        if bytes_max < bytes.len() + chunk.len() {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

/// Octocrab's errors print a backtrace; the cause says what a person needs.
pub(crate) fn without_backtrace(error: octocrab::Error) -> Cause {
    match error {
        octocrab::Error::Reqwest { source, .. } => Box::new(source.without_url()),
        octocrab::Error::Service { source, .. } => source,
        other => Box::new(other),
    }
}

/// GitHub says 403 for some of its limits; both headers are documented under "Rate limits for the REST API".
fn is_rate_limit(status: StatusCode, headers: &HeaderMap) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::FORBIDDEN
            && (headers.contains_key(RETRY_AFTER)
                || text(headers, "x-ratelimit-remaining") == Some("0"))
}

/// The end of the year 9999: the form of a date in HTTP has four digits for the year.
const LAST_DATE: Duration = Duration::from_secs(253_402_300_800);

/// How long a service asks us to wait.
struct Wait {
    duration: Option<Duration>,
    words: String,
}

impl Wait {
    fn asked(headers: &HeaderMap, now: SystemTime) -> Wait {
        let after = text(headers, "retry-after");
        let reset = text(headers, "x-ratelimit-reset").and_then(|it| it.parse().ok());
        if let Some(seconds) = after.and_then(|it| it.trim().parse::<u64>().ok()) {
            return Wait {
                duration: Some(Duration::from_secs(seconds)),
                words: format!("{seconds} s"),
            };
        }
        let date = after.and_then(|it| httpdate::parse_http_date(it).ok());
        let reset =
            reset.and_then(|it| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(it)));
        match date.or(reset) {
            Some(until) if until < SystemTime::UNIX_EPOCH + LAST_DATE => Wait {
                duration: Some(until.duration_since(now).unwrap_or_default()),
                words: format!("until {}", httpdate::fmt_http_date(until)),
            },
            Some(_) => Wait {
                duration: Some(Duration::MAX),
                words: "forever".to_owned(),
            },
            None => Wait {
                duration: None,
                words: "a while".to_owned(),
            },
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Where a redirect leads, without the path, which may hold a secret.
fn destination(headers: &HeaderMap, base: &Url) -> String {
    let location = headers.get(LOCATION).and_then(|it| it.to_str().ok());
    let url = location.and_then(|it| base.join(it).ok());
    url.map_or_else(
        || "nowhere".to_owned(),
        |it| format!("{}://{}", it.scheme(), crate::address::host_and_port(&it)),
    )
}

/// The service's own words in the body of a refusal. GitHub's say little by themselves and name the reasons beside them.
fn said(bytes: &[u8]) -> String {
    let Ok(body) = serde_json::from_slice::<Value>(bytes) else {
        return String::new();
    };
    let words = body["message"]
        .as_str()
        .or_else(|| body["errorMessages"][0].as_str())
        .unwrap_or_default();
    let reasons = body["errors"].as_array().into_iter().flatten();
    let reasons = reasons.filter_map(|it| match it["message"].as_str() {
        Some(message) if !message.is_empty() => Some(message.to_owned()),
        _ => Some(format!(
            "{}: {}",
            it["field"].as_str()?,
            it["code"].as_str()?
        )),
    });
    let parts: Vec<String> = std::iter::once(words.to_owned()).chain(reasons).collect();
    line(&parts.join("; "), SAID_BYTES_MAX)
}
