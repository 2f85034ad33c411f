//! Vendors of models: one file each for what differs, and the files for what doesn't.

mod anthropic;
mod client;
mod conversation;
mod fault;
mod gemini;
mod openai_chat;
mod openai_responses;
mod reply;
mod salvage;
mod wait;

use async_trait::async_trait;
use genai::adapter::AdapterKind;
use genai::chat::{ChatOptions, ContentPart, JsonSpec, Tool, ToolResponse};
use protocol::{ModelId, ModelReply, ModelRequest, TokenUsage, ToolSpec};
use reqwest::header::HeaderMap;
use serde_json::Value;

pub(crate) use anthropic::Anthropic;
pub(crate) use client::{Connection, VendorModel};
pub(crate) use fault::{Again, Cause, Fault};
pub(crate) use gemini::Gemini;
pub(crate) use openai_chat::OpenAiChat;
pub(crate) use openai_responses::OpenAiResponses;

/// One request to one vendor, without patience.
#[async_trait]
pub(crate) trait Attempt: Send + Sync {
    /// Who answers.
    fn id(&self) -> &ModelId;
    /// The vendor's name for people.
    fn title(&self) -> &str;
    /// Scheme, host and port.
    fn address(&self) -> &str;
    /// Asks once.
    async fn attempt(&self, request: &ModelRequest) -> Result<ModelReply, Fault>;
}

/// What differs between the vendors' interfaces, beyond what the client library knows.
pub(crate) trait Api: Send + Sync {
    /// The library's adapter. Always named, because the library guesses from the model's name otherwise.
    fn adapter(&self) -> AdapterKind;

    /// Where requests go, below the base address.
    fn path(&self, model: &str) -> String;

    /// Headers of every request besides the key.
    fn headers(&self) -> HeaderMap {
        HeaderMap::new()
    }

    /// The header that carries the key, and what stands before the key in it.
    fn key_header(&self) -> (&'static str, &'static str);

    /// Options of a request: longest reply, output schema, and the vendor's own.
    fn options(&self, model: &str, request: &ModelRequest) -> ChatOptions {
        let _ = model;
        plain_options(request)
    }

    /// Whether the system prompt is marked as the end of a part worth caching.
    fn marks_system_for_cache(&self) -> bool {
        false
    }

    /// A tool on offer.
    fn tool(&self, spec: &ToolSpec) -> Tool {
        Tool::new(spec.name.as_str())
            .with_description(spec.description.as_str())
            .with_schema(spec.parameters.clone())
    }

    /// The answer to a tool call. Most vendors have no field for failure, so the text says it.
    fn tool_answer(&self, call_id: &str, tool: &str, text: &str, is_error: bool) -> ContentPart {
        let says_so = text.trim_start().to_ascii_lowercase().starts_with("error");
        let text = match is_error && !says_so {
            true => format!("error: {text}"),
            false => text.to_owned(),
        };
        ToolResponse::new(call_id, text).with_fn_name(tool).into()
    }

    /// Tokens as the answer counts them.
    fn usage(&self, body: &Value) -> TokenUsage;

    /// Looks at the answer as it came: finds what the library overlooks, and answers that aren't any.
    fn look_at(&self, body: &Value, reply: &mut ModelReply) -> Result<(), Fault>;

    /// Reads an answer that the library can't read.
    fn salvage(&self, body: &Value) -> Option<ModelReply> {
        let _ = body;
        None
    }
}

/// The options that every vendor gets. No temperature: today's models refuse it or are tuned for their own.
pub(crate) fn plain_options(request: &ModelRequest) -> ChatOptions {
    let options = ChatOptions::default()
        .with_max_tokens(request.reply_tokens_max)
        .with_capture_raw_body(true);
    match &request.output {
        Some(output) => {
            options.with_response_format(JsonSpec::new(output.name.as_str(), output.schema.clone()))
        }
        None => options,
    }
}
