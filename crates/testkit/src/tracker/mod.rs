//! Fake issue trackers: small real servers on loopback that refuse what the real ones refuse.
//!
//! Each keeps every request it saw, so that a test can say what was sent, to whom, and that nothing was.

mod github;
mod jira;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use github::{FakeGitHub, FakeIssue};
pub use jira::{FakeJira, FakeTicket};

/// One request that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
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

/// How a tracker answers a request that isn't a fault.
trait Answers: Send + Sync + 'static {
    /// The answer to a request for a path with these query pairs.
    fn answer(&self, path: &str, query: &[(String, String)], headers: &HeaderMap) -> Response;
}

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
    let (parts, _) = request.into_parts();
    let authorization = parts.headers.get("authorization");
    let seen = Seen {
        target: parts.uri.to_string(),
        authorization: authorization.and_then(|it| Some(it.to_str().ok()?.to_owned())),
    };
    let fault = {
        let mut log = shared.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.seen.push(seen);
        log.faults.pop_front()
    };
    match fault {
        Some(fault) => faulty(fault).await,
        None => {
            let query = pairs(parts.uri.query().unwrap_or_default());
            shared
                .answers
                .answer(parts.uri.path(), &query, &parts.headers)
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
