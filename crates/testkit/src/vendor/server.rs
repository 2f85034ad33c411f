//! The server behind every fake vendor: takes a request, keeps it, checks it, answers from the script.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use protocol::ScriptedReply;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::issued::Issued;
use super::line::{BreakableListener, Line, Plan};
use super::script::{Answer, Fault, Received, Script};
use super::{Refusal, Speaks, Wire, anthropic, azure, gemini, openai_chat, openai_responses};

/// Longest request body taken.
const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A vendor of models on a port of this machine. It stops when dropped.
#[derive(Debug)]
pub struct FakeVendor {
    base_url: String,
    kept: Arc<Kept>,
    serving: JoinHandle<()>,
}

struct Kept {
    speaks: Speaks,
    key: String,
    script: Script,
    received: Mutex<Vec<Received>>,
    issued: Issued,
    refused: Mutex<Vec<String>>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} with {:?}", self.speaks, self.script)
    }
}

impl FakeVendor {
    /// Starts one on a free port. Requests must carry `key` the way the vendor wants it.
    pub async fn start(speaks: Speaks, key: &str, script: Script) -> io::Result<FakeVendor> {
        FakeVendor::start_at(0, speaks, key, script).await
    }

    /// Starts one on this port of the loopback device.
    pub async fn start_at(
        port: u16,
        speaks: Speaks,
        key: &str,
        script: Script,
    ) -> io::Result<FakeVendor> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let kept = Arc::new(Kept {
            speaks,
            key: key.to_owned(),
            script,
            received: Mutex::default(),
            issued: Issued::default(),
            refused: Mutex::default(),
        });
        let router = Router::new()
            .fallback(answer)
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(Arc::clone(&kept))
            .into_make_service_with_connect_info::<Line>();
        let serving = tokio::spawn(async move {
            // Ends only when its task is aborted.
            let _ = axum::serve(BreakableListener(listener), router).await;
        });
        let version = match speaks {
            Speaks::OpenAi | Speaks::Anthropic => "v1",
            Speaks::Azure => "openai/v1",
            Speaks::Gemini => "v1beta",
        };
        Ok(FakeVendor {
            base_url: format!("http://{address}/{version}/"),
            kept,
            serving,
        })
    }

    /// The address to configure, version and slash included.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// All requests so far, oldest first, refused ones included.
    pub fn received(&self) -> Vec<Received> {
        let received = self.kept.received.lock();
        received.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why requests were refused, oldest first. A well-behaved client leaves this empty.
    pub fn refused(&self) -> Vec<String> {
        let refused = self.kept.refused.lock();
        refused.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves until the process ends.
    pub async fn serve_forever(mut self) {
        // A task that is never aborted ends only with the process.
        let _ = (&mut self.serving).await;
    }
}

impl Drop for FakeVendor {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Kept {
    /// The interface at this path.
    fn wire(&self, path: &str) -> Option<&'static dyn Wire> {
        let is_gemini =
            |it: &str| it.starts_with("/v1beta/models/") && it.ends_with(":generateContent");
        match (self.speaks, path) {
            (Speaks::OpenAi, "/v1/responses") => Some(&openai_responses::Responses),
            (Speaks::OpenAi, "/v1/chat/completions") => Some(&openai_chat::Chat),
            (Speaks::Azure, "/openai/v1/responses") => Some(&azure::Azure),
            (Speaks::Anthropic, "/v1/messages") => Some(&anthropic::Messages),
            (Speaks::Gemini, path) if is_gemini(path) => Some(&gemini::GenerateContent),
            _ => None,
        }
    }
}

async fn answer(
    State(kept): State<Arc<Kept>>,
    ConnectInfo(line): ConnectInfo<Line>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    raw: String,
) -> Response {
    let named = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    };
    let body: Value = serde_json::from_str(&raw).unwrap_or_default();
    let wire = kept.wire(uri.path());
    let received = Received {
        path: uri.to_string(),
        headers: headers.iter().map(named).collect(),
        turn: wire.map_or(0, |it| it.turns(&body)),
        raw,
        body,
    };
    let keep = |list: &Mutex<Vec<Received>>| {
        let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
        list.push(received.clone());
    };
    keep(&kept.received);
    if method == Method::GET && uri.path().ends_with("/models") {
        return match super::lists(kept.speaks, &received, &kept.key) {
            Ok(()) => json(200, &serde_json::json!({"data": []})),
            Err(refused) => json(
                refused.status,
                &serde_json::json!({"error": {"message": refused.words}}),
            ),
        };
    }
    let Some(wire) = wire else {
        return json(
            404,
            &serde_json::json!({"error": {"message": "no such path"}}),
        );
    };
    let checked = wire
        .check(&received, &kept.key)
        .and_then(|()| kept.issued.check(&wire.replayed(&received.body)));
    if let Err(Refusal { status, words }) = checked {
        let answer = json(status, &wire.error(status, &words));
        let mut refused = kept.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.push(words);
        return answer;
    }
    match kept.script.answer_to(&received) {
        Answer::Reply(reply) => say(&kept, wire, &wire.reply(&reply, &received)),
        Answer::Json(body) => say(&kept, wire, &body),
        Answer::Fault(fault) => broken(fault, wire, &received, &line).await,
    }
}

/// Answers, and remembers what was said.
fn say(kept: &Kept, wire: &dyn Wire, answer: &Value) -> Response {
    kept.issued.add(wire.content(answer));
    json(200, answer)
}

async fn broken(fault: Fault, wire: &dyn Wire, received: &Received, line: &Line) -> Response {
    let reply = || wire.reply(&ScriptedReply::text("A reply."), received);
    match fault {
        Fault::Status {
            status,
            headers,
            body,
        } => {
            let body =
                body.unwrap_or_else(|| wire.error(status, "a fault of the fake").to_string());
            with_headers(respond(status, "application/json", body), headers)
        }
        Fault::Reset => {
            line.plan(Plan::Reset);
            json(200, &reply())
        }
        Fault::Truncated => {
            line.plan(Plan::BodyBytesMax(20));
            json(200, &reply())
        }
        Fault::Body { kind, text } => respond(200, &kind, text),
        Fault::Raw { headers, body } => {
            with_headers(respond(200, "application/json", body), headers)
        }
        Fault::Slow { wait_ms } => {
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            json(200, &reply())
        }
        Fault::EarlyHints => {
            let hints = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n";
            line.plan(Plan::After(hints.to_vec()));
            json(200, &reply())
        }
    }
}

fn json(status: u16, body: &Value) -> Response {
    respond(status, "application/json", body.to_string())
}

fn with_headers(mut answer: Response, headers: Vec<(String, String)>) -> Response {
    for (name, value) in headers {
        let name: Result<axum::http::HeaderName, _> = name.parse();
        if let (Ok(name), Ok(value)) = (name, value.parse()) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

fn respond(status: u16, kind: &str, body: impl Into<Body>) -> Response {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    if let Ok(kind) = kind.parse() {
        answer
            .headers_mut()
            .insert(axum::http::header::CONTENT_TYPE, kind);
    }
    answer
}
