//! What a fake vendor answers: replies in order, by conversation or by a function, and faults among them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use protocol::{ScriptError, ScriptedReply};
use serde_json::Value;

/// One request as it came in.
#[derive(Clone, Debug)]
pub struct Received {
    /// Path and query.
    pub path: String,
    /// Headers, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body as it came.
    pub raw: String,
    /// The body as JSON; null when it isn't any.
    pub body: Value,
    /// Replies of the model that the request replays; 0 for the first of a conversation.
    pub turn: usize,
}

impl Received {
    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// All texts in the body, one below the other.
    pub fn texts(&self) -> String {
        let mut texts = String::new();
        collect(&self.body, &mut texts);
        texts
    }
}

fn collect(value: &Value, texts: &mut String) {
    match value {
        Value::String(text) => {
            texts.push_str(text);
            texts.push('\n');
        }
        Value::Array(items) => items.iter().for_each(|it| collect(it, texts)),
        Value::Object(map) => map.values().for_each(|it| collect(it, texts)),
        _ => {}
    }
}

/// What a fake does with one request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A reply, in the vendor's own form.
    Reply(ScriptedReply),
    /// This body, as it is.
    Json(Value),
    /// Something that goes wrong.
    Fault(Fault),
}

impl Answer {
    /// A reply of words only.
    pub fn text(text: impl Into<String>) -> Answer {
        Answer::Reply(ScriptedReply::text(text))
    }

    /// An error status with words in the vendor's own form.
    pub fn status(status: u16) -> Answer {
        Answer::Fault(Fault::Status {
            status,
            headers: Vec::new(),
            body: None,
        })
    }

    /// An error status with one header.
    pub fn status_with(status: u16, name: &str, value: &str) -> Answer {
        Answer::Fault(Fault::Status {
            status,
            headers: vec![(name.to_owned(), value.to_owned())],
            body: None,
        })
    }
}

/// What goes wrong with an answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// A status other than 200.
    Status {
        /// The status.
        status: u16,
        /// Further headers.
        headers: Vec<(String, String)>,
        /// The body; the vendor's usual error when none is given.
        body: Option<String>,
    },
    /// The connection is reset before a byte of the answer.
    Reset,
    /// The connection ends in the middle of the body.
    Truncated,
    /// A body of this type and text, with status 200.
    Body {
        /// Content type.
        kind: String,
        /// The text; empty for none.
        text: String,
    },
    /// These bytes with these headers, with status 200 and the type of JSON.
    Raw {
        /// Further headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// Nothing comes for this long, then a reply.
    Slow {
        /// Milliseconds.
        wait_ms: u64,
    },
    /// An informational answer (103) comes before the real one.
    EarlyHints,
}

type Answering = dyn Fn(&Received) -> Answer + Send + Sync;

/// Decides what a fake answers.
pub struct Script(Box<Answering>);

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}

impl Script {
    /// Whatever the function says.
    pub fn with(answer: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Script {
        Script(Box::new(answer))
    }

    /// The same script, with somebody who sees each request before it is answered.
    #[must_use]
    pub fn watched(self, see: impl Fn(&Received) + Send + Sync + 'static) -> Script {
        Script::with(move |received| {
            see(received);
            self.answer_to(received)
        })
    }

    /// This, then this. A further request is refused as a mistake of the test.
    pub fn in_order(answers: impl IntoIterator<Item = Answer>) -> Script {
        let answers: Vec<Answer> = answers.into_iter().collect();
        let next = AtomicUsize::new(0);
        Script::with(move |_| {
            let asked = next.fetch_add(1, Ordering::SeqCst);
            let ended = || ended(asked + 1, answers.len());
            answers.get(asked).cloned().unwrap_or_else(ended)
        })
    }

    /// Several talks at once, and again and again: the reply is chosen by how far the request's own talk has come.
    ///
    /// The first conversation whose reply at that place finds all its `expect` texts in the request gives it.
    pub fn conversations(conversations: Vec<Vec<ScriptedReply>>) -> Script {
        Script::with(move |received| {
            let texts = received.texts();
            let fitting = conversations
                .iter()
                .filter_map(|it| it.get(received.turn))
                .find(|it| it.missing_in(&texts).is_none());
            match fitting {
                Some(reply) => Answer::Reply(reply.clone()),
                None => ended(received.turn + 1, conversations.iter().map(Vec::len).sum()),
            }
        })
    }

    /// Conversations from a folder: one of files `01.toml`, `02.toml` …, or one in each folder below it.
    pub fn from_folder(folder: &Path) -> io::Result<Script> {
        let mut conversations = Vec::new();
        let mut below: Vec<_> = fs::read_dir(folder)?
            .collect::<io::Result<Vec<_>>>()?
            .into_iter()
            .map(|it| it.path())
            .filter(|it| it.is_dir())
            .collect();
        below.sort();
        if below.is_empty() {
            below.push(folder.to_owned());
        }
        for folder in below {
            let replies = conversation(&folder)?;
            conversations.push(replies.map_err(|error| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("{}: {error}", folder.display()),
                )
            })?);
        }
        Ok(Script::conversations(conversations))
    }

    /// What it answers to a request: for scripts that choose among others.
    pub fn answer_to(&self, received: &Received) -> Answer {
        (self.0)(received)
    }
}

fn conversation(folder: &Path) -> io::Result<Result<Vec<ScriptedReply>, ScriptError>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".toml") {
            files.push((name, fs::read_to_string(entry.path())?));
        }
    }
    Ok(ScriptedReply::in_order(files))
}

/// A refusal that no client tries again.
fn ended(asked: usize, replies: usize) -> Answer {
    Answer::Fault(Fault::Status {
        status: 422,
        headers: Vec::new(),
        body: Some(format!(
            "{{\"error\":{{\"message\":\"the fake's script has no reply for request {asked} ({replies} replies in all)\"}}}}"
        )),
    })
}
