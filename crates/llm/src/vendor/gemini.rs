//! Gemini's generateContent API.

use genai::adapter::AdapterKind;
use protocol::{ModelReply, StopReason, TokenUsage};
use serde_json::Value;

use super::fault::said;
use super::reply::tokens;
use super::{Api, Fault};

/// Gemini at Google, or a gateway that speaks the same.
pub(crate) struct Gemini;

impl Api for Gemini {
    fn adapter(&self) -> AdapterKind {
        AdapterKind::Gemini
    }

    fn path(&self, model: &str) -> String {
        format!("models/{model}:generateContent")
    }

    fn key_header(&self) -> (&'static str, &'static str) {
        ("x-goog-api-key", "")
    }

    fn usage(&self, body: &Value) -> TokenUsage {
        let usage = &body["usageMetadata"];
        let cached_tokens = tokens(&usage["cachedContentTokenCount"]);
        let input = tokens(&usage["promptTokenCount"]) + tokens(&usage["toolUsePromptTokenCount"]);
        TokenUsage {
            input_tokens: input.saturating_sub(cached_tokens),
            cached_tokens,
            cache_write_tokens: 0,
            // Thoughts are counted beside the candidate here, not inside it.
            output_tokens: tokens(&usage["candidatesTokenCount"])
                + tokens(&usage["thoughtsTokenCount"]),
            ..TokenUsage::default()
        }
    }

    fn look_at(&self, body: &Value, reply: &mut ModelReply) -> Result<(), Fault> {
        let candidate = &body["candidates"][0];
        if is_blocked(body) {
            return Ok(());
        }
        if !candidate.is_object() {
            return Err(Fault::unreadable(&match said(body) {
                words if words.is_empty() => "it has no candidate".to_owned(),
                words => words,
            }));
        }
        let empty = reply.text.is_empty() && reply.tool_calls.is_empty();
        match candidate["finishReason"].as_str() {
            Some(reason @ ("MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "OTHER"))
                if empty =>
            {
                Err(Fault::unreadable(&format!("it stopped with {reason}")))
            }
            _ => Ok(()),
        }
    }

    fn salvage(&self, body: &Value) -> Option<ModelReply> {
        // A prompt that the filter stopped has no candidate at all, which the library takes for a broken answer.
        is_blocked(body).then(|| ModelReply {
            stop: StopReason::Declined,
            ..ModelReply::default()
        })
    }
}

/// Whether the filter stopped the request itself.
fn is_blocked(body: &Value) -> bool {
    body["promptFeedback"]["blockReason"].is_string()
}
