//! Anthropic's Messages API.

use genai::adapter::AdapterKind;
use genai::chat::{ChatOptions, ContentPart};
use protocol::{ModelReply, ModelRequest, TokenUsage};
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::reply::tokens;
use super::{Again, Api, Cause, Fault, plain_options};

/// Claude at Anthropic, or a gateway that speaks the same.
pub(crate) struct Anthropic;

impl Api for Anthropic {
    fn adapter(&self) -> AdapterKind {
        AdapterKind::Anthropic
    }

    fn path(&self, _: &str) -> String {
        "messages".to_owned()
    }

    fn headers(&self) -> HeaderMap {
        let version = HeaderValue::from_static("2023-06-01");
        HeaderMap::from_iter([(
            reqwest::header::HeaderName::from_static("anthropic-version"),
            version,
        )])
    }

    fn key_header(&self) -> (&'static str, &'static str) {
        ("x-api-key", "")
    }

    fn options(&self, _: &str, request: &ModelRequest) -> ChatOptions {
        // The mark at the top lets the vendor put the breakpoint on the last message and move it along. A mark on the
        // message itself would have to be taken away again next time, and the messages would no longer begin alike.
        plain_options(request).with_extra_body(json!({"cache_control": {"type": "ephemeral"}}))
    }

    fn marks_system_for_cache(&self) -> bool {
        true
    }

    fn tool_answer(&self, call_id: &str, _: &str, text: &str, is_error: bool) -> ContentPart {
        let mut block = json!({"type": "tool_result", "tool_use_id": call_id, "content": text});
        if is_error {
            block["is_error"] = json!(true);
        }
        // The library's own form of a tool's answer has no place for `is_error`.
        ContentPart::from_custom(block, None)
    }

    fn usage(&self, body: &Value) -> TokenUsage {
        let usage = &body["usage"];
        TokenUsage {
            input_tokens: tokens(&usage["input_tokens"]),
            cached_tokens: tokens(&usage["cache_read_input_tokens"]),
            cache_write_tokens: tokens(&usage["cache_creation_input_tokens"]),
            output_tokens: tokens(&usage["output_tokens"]),
            ..TokenUsage::default()
        }
    }

    fn look_at(&self, body: &Value, _: &mut ModelReply) -> Result<(), Fault> {
        match body["type"].as_str() {
            Some("message") => Ok(()),
            // An overload may be reported inside an answer of status 200.
            Some("error") => Err(Fault {
                cause: Cause::Answer,
                message: super::fault::said(body),
                again: Again::Later(None),
            }),
            _ => Err(Fault::unreadable("it is not a message")),
        }
    }
}
