//! Fake issue trackers: small real servers on loopback that refuse what the real ones refuse.
//!
//! Each keeps every request it saw, so that a test can say what was sent, to whom, and that nothing was.

mod app;
mod checks;
mod github;
mod hosting;
mod http_backend;
mod jira;
mod jira_comments;
mod jira_search;
mod reviews;
mod shown;
mod uttered;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use app::{APP_ID, APP_KEY, APP_SLUG};
pub use checks::FakeCheck;
pub use github::{FakeGitHub, FakeIssue};
pub use hosting::{FakePullRequest, Rights};
pub use jira::{FakeChange, FakeJira, FakeTicket};
pub use shown::FakeReviewComment;

/// One request that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// As in `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The `Authorization` header, if there was one.
    pub authorization: Option<String>,
}

/// An answer out of turn, given once instead of the right one.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This status, these headers, this body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// A body that never ends.
    Endless,
    /// No answer at all.
    Silence,
}

impl Fault {
    /// A status with a JSON body that holds a message, as both trackers' refusals do.
    pub fn status(status: u16, message: &str) -> Fault {
        let body = serde_json::json!({"message": message, "errorMessages": [message]});
        Fault::Answer(status, Vec::new(), body.to_string())
    }

    /// The same with one header.
    pub fn with(self, name: &'static str, value: impl Into<String>) -> Fault {
        match self {
            Fault::Answer(status, mut headers, body) => {
                headers.push((name, value.into()));
                Fault::Answer(status, headers, body)
            }
            other => other,
        }
    }
}

/// A request that isn't answered with a fault.
struct Asked {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    query_text: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Asked {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn is_read(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }

    /// The body as JSON; null when it is none.
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// How a tracker answers a request that isn't a fault.
trait Answers: Send + Sync + 'static {
    fn answer(&self, asked: &Asked) -> Response;
}

/// Largest body of a request.
const BODY_BYTES_MAX: usize = 64 << 20;

/// A server that is running; it stops when dropped.
struct Server {
    address: SocketAddr,
    log: Arc<Mutex<Log>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Log {
    seen: Vec<Seen>,
    faults: VecDeque<Fault>,
    /// The same, for requests of the interface that change something.
    change_faults: VecDeque<Fault>,
    /// Whether the next change is made and its answer lost.
    loses_answer: bool,
}

struct Shared<T> {
    answers: T,
    log: Arc<Mutex<Log>>,
}

impl Server {
    async fn start(answers: impl Answers) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let log = Arc::new(Mutex::new(Log::default()));
        let shared = Arc::new(Shared {
            answers,
            log: log.clone(),
        });
        let router = Router::new().fallback(serve).with_state(shared);
        let task = tokio::spawn(async move {
            // It ends with the test; nobody is left to hear of an error.
            let _ = axum::serve(listener, router).await;
        });
        Server { address, log, task }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve<T: Answers>(State(shared): State<Arc<Shared<T>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let authorization = parts.headers.get("authorization");
    let seen = Seen {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        authorization: authorization.and_then(|it| Some(it.to_str().ok()?.to_owned())),
    };
    let loses_answer;
    let fault = {
        let mut log = shared.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.seen.push(seen);
        // Git asks with POST too, and changes nothing by it.
        let changes = !parts.method.is_safe() && !parts.uri.path().contains(".git/");
        loses_answer = changes && std::mem::take(&mut log.loses_answer);
        match changes {
            true if !log.change_faults.is_empty() => log.change_faults.pop_front(),
            _ => log.faults.pop_front(),
        }
    };
    match fault {
        Some(fault) => faulty(fault).await,
        None => {
            let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await;
            let query_text = parts.uri.query().unwrap_or_default();
            let asked = Asked {
                method: parts.method.clone(),
                path: parts.uri.path().to_owned(),
                query: pairs(query_text),
                query_text: query_text.to_owned(),
                headers: parts.headers,
                body: body.unwrap_or_default(),
            };
            // Git's own program answers some of them, and takes its time.
            let answered = tokio::task::spawn_blocking(move || shared.answers.answer(&asked))
                .await
                .expect("a fake's answer doesn't panic");
            match loses_answer {
                true => faulty(Fault::status(502, "Server Error")).await,
                false => answered,
            }
        }
    }
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let pair = |it: &str| {
        let (name, value) = it.split_once('=').unwrap_or((it, ""));
        (name.to_owned(), value.to_owned())
    };
    query
        .split('&')
        .filter(|it| !it.is_empty())
        .map(pair)
        .collect()
}

fn number(query: &[(String, String)], name: &str, otherwise: usize) -> usize {
    let value = query.iter().find(|(it, _)| it == name);
    value
        .and_then(|(_, it)| it.parse().ok())
        .unwrap_or(otherwise)
}

async fn faulty(fault: Fault) -> Response {
    match fault {
        Fault::Answer(status, headers, body) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response
                .body(Body::from(body))
                .expect("a test's own answer is well formed")
        }
        Fault::Endless => {
            let blanks = std::iter::repeat_with(|| Ok::<_, std::io::Error>(" ".repeat(64 * 1024)));
            Response::new(Body::from_stream(futures::stream::iter(blanks)))
        }
        Fault::Silence => std::future::pending().await,
    }
}

fn json(status: StatusCode, body: &Value) -> Response {
    Response::builder()
        .status(status)
        .header("content-type", "application/json; charset=utf-8")
        .body(Body::from(body.to_string()))
        .expect("the answer is well formed")
}
