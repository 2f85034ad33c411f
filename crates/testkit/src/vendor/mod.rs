//! Fake vendors of models: small real servers that speak the vendors' wire formats and refuse what they would refuse.

mod anthropic;
mod azure;
mod gemini;
mod issued;
mod line;
mod openai_chat;
mod openai_responses;
mod rules;
mod script;
mod server;

pub use azure::DEPLOYMENT;
pub use script::{Answer, Fault, Received, Script};
pub use server::FakeVendor;

use serde_json::Value;

/// Whose interface a fake speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// OpenAI's: Responses and Chat Completions.
    OpenAi,
    /// Azure's: Responses below `/openai/v1/`, with the key in a header of its own and deployments for models
    /// (<https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle>).
    Azure,
    /// Anthropic's Messages.
    Anthropic,
    /// Gemini's generateContent.
    Gemini,
}

/// A request that the real vendor would refuse: its status and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    status: u16,
    words: String,
}

impl Refusal {
    fn bad(words: impl Into<String>) -> Refusal {
        Refusal {
            status: 400,
            words: words.into(),
        }
    }

    fn unknown_key() -> Refusal {
        Refusal {
            status: 401,
            words: "the key is missing or wrong".to_owned(),
        }
    }
}

/// One interface: what it refuses, how it puts a reply, and how it puts an error.
trait Wire: Send + Sync {
    /// Refuses what the real one would refuse.
    fn check(&self, received: &Received, key: &str) -> Result<(), Refusal>;
    /// Replies of the model that the request replays.
    fn turns(&self, body: &Value) -> usize;
    /// A reply in the vendor's form.
    fn reply(&self, reply: &protocol::ScriptedReply, received: &Received) -> Value;
    /// What an answer of the model holds, as it has to come back.
    fn content(&self, answer: &Value) -> Value;
    /// The model's turns in a request.
    fn replayed(&self, body: &Value) -> Vec<Value>;
    /// An error in the vendor's form.
    fn error(&self, status: u16, words: &str) -> Value;
}

/// Whether a request for the list of models is answered. Gemini refuses a key with a status that it has for all that is wrong
/// (<https://ai.google.dev/gemini-api/docs/troubleshooting>).
fn lists(speaks: Speaks, received: &Received, key: &str) -> Result<(), Refusal> {
    let (header, want) = match speaks {
        Speaks::OpenAi => ("authorization", format!("Bearer {key}")),
        Speaks::Azure => ("api-key", key.to_owned()),
        Speaks::Anthropic => ("x-api-key", key.to_owned()),
        Speaks::Gemini => ("x-goog-api-key", key.to_owned()),
    };
    if speaks == Speaks::Anthropic && received.header("anthropic-version").is_none() {
        return Err(Refusal::bad("anthropic-version: header is required"));
    }
    match received.header(header) {
        Some(given) if given == want => Ok(()),
        None if key.is_empty() => Ok(()),
        _ if speaks == Speaks::Gemini => Err(Refusal::bad("API_KEY_INVALID")),
        _ => Err(Refusal::unknown_key()),
    }
}
