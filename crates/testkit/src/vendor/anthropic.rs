//! Anthropic's Messages, as documented at docs.claude.com: what is refused and how replies look.

use std::collections::BTreeSet;

use protocol::{ScriptedReply, StopReason};
use serde_json::{Value, json};

use super::rules::{answered, at_least, items, only_fields, strict_schema, text, tool_name, usage};
use super::{Received, Refusal, Wire};

pub(super) struct Messages;

const FIELDS: &[&str] = &[
    "model",
    "messages",
    "max_tokens",
    "system",
    "tools",
    "tool_choice",
    "stream",
    "thinking",
    "output_config",
    "cache_control",
    "metadata",
    "stop_sequences",
    "temperature",
    "top_p",
    "top_k",
    "service_tier",
];

/// Marks for caching in one request, the one at the top included.
const CACHE_MARKS_MAX: usize = 4;

impl Wire for Messages {
    fn check(&self, received: &Received, key: &str) -> Result<(), Refusal> {
        if received.header("x-api-key") != Some(key) {
            return Err(Refusal::unknown_key());
        }
        if received.header("anthropic-version").is_none() {
            return Err(Refusal::bad("anthropic-version: header is required"));
        }
        let body = &received.body;
        only_fields(body, FIELDS)?;
        text(&body["model"], "model")?;
        at_least(&body["max_tokens"], 1, "max_tokens")?;
        for tool in body["tools"].as_array().into_iter().flatten() {
            tool_name(&tool["name"])?;
            if tool["input_schema"]["type"] != "object" {
                return Err(Refusal::bad("tools.input_schema.type: must be 'object'"));
            }
        }
        if let Some(schema) = body.pointer("/output_config/format/schema") {
            strict_schema(schema, false)?;
        }
        let marks = received.raw.matches("\"cache_control\"").count();
        if CACHE_MARKS_MAX < marks {
            return Err(Refusal::bad(format!(
                "A maximum of 4 blocks with cache_control may be provided. Found {marks}."
            )));
        }
        check_messages(items(body, "messages")?)
    }

    fn turns(&self, body: &Value) -> usize {
        let messages = body["messages"].as_array();
        messages
            .into_iter()
            .flatten()
            .filter(|it| it["role"] == "assistant")
            .count()
    }

    fn reply(&self, reply: &ScriptedReply, received: &Received) -> Value {
        let said = reply.to_reply(received.turn + 1);
        let mut content = Vec::new();
        if !said.tool_calls.is_empty() {
            // As with thinking switched on: the block must come back with its signature.
            let signature = format!("signature-{}", received.turn + 1);
            content.push(
                json!({"type": "thinking", "thinking": "Let me see.", "signature": signature}),
            );
        }
        if !said.text.is_empty() {
            content.push(json!({"type": "text", "text": said.text}));
        }
        for call in &said.tool_calls {
            let id = format!("toolu_{}", call.id);
            content.push(
                json!({"type": "tool_use", "id": id, "name": call.tool, "input": call.arguments}),
            );
        }
        let stop = match (said.stop, said.tool_calls.is_empty()) {
            (StopReason::TokensMax, _) => "max_tokens",
            (StopReason::ContextFull, _) => "model_context_window_exceeded",
            (StopReason::Paused, _) => "pause_turn",
            // This vendor has one word for both, and none for calls it can't read.
            (StopReason::Declined | StopReason::Filtered | StopReason::Malformed, _) => "refusal",
            (StopReason::Done, true) => "end_turn",
            (StopReason::Done, false) => "tool_use",
        };
        let used = usage(reply.usage, received, &json!(content).to_string());
        json!({
            "id": format!("msg_{}", received.turn + 1), "type": "message", "role": "assistant",
            "model": received.body["model"], "content": content,
            "stop_reason": stop, "stop_sequence": null,
            "usage": {
                "input_tokens": used.input_tokens, "cache_creation_input_tokens": used.cache_write_tokens,
                "cache_read_input_tokens": used.cached_tokens, "output_tokens": used.output_tokens,
            },
        })
    }

    fn content(&self, answer: &Value) -> Value {
        answer["content"].clone()
    }

    fn replayed(&self, body: &Value) -> Vec<Value> {
        let messages = body["messages"].as_array().into_iter().flatten();
        messages
            .filter(|it| it["role"] == "assistant")
            .map(|it| it["content"].clone())
            .collect()
    }

    fn error(&self, status: u16, words: &str) -> Value {
        let kind = match status {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            429 => "rate_limit_error",
            529 => "overloaded_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        };
        json!({"type": "error", "error": {"type": kind, "message": words}})
    }
}

fn check_messages(messages: &[Value]) -> Result<(), Refusal> {
    if messages[0]["role"] != "user" {
        return Err(Refusal::bad(
            "messages: first message must use the \"user\" role",
        ));
    }
    let mut calls = BTreeSet::new();
    for message in messages {
        let role = text(&message["role"], "messages.role")?;
        let blocks = match &message["content"] {
            Value::Array(blocks) if !blocks.is_empty() => &blocks[..],
            Value::String(words) if !words.is_empty() => &[],
            _ => return Err(Refusal::bad("messages: content must be non-empty")),
        };
        let ids = |kind: &str, name: &str| -> BTreeSet<&str> {
            let of_kind = blocks.iter().filter(|it| it["type"] == kind);
            of_kind.filter_map(|it| it[name].as_str()).collect()
        };
        if blocks
            .iter()
            .any(|it| it["type"] == "text" && it["text"] == "")
        {
            return Err(Refusal::bad(
                "messages: text content blocks must be non-empty",
            ));
        }
        match role {
            "user" => answered(&calls, &ids("tool_result", "tool_use_id"))?,
            "assistant" if !calls.is_empty() => answered(&calls, &BTreeSet::new())?,
            "assistant" => {
                let unsigned =
                    |it: &&Value| it["type"] == "thinking" && !it["signature"].is_string();
                if blocks.iter().any(|it| unsigned(&it)) {
                    return Err(Refusal::bad("messages: thinking.signature: Field required"));
                }
            }
            _ => {
                return Err(Refusal::bad(format!(
                    "messages: unexpected role \"{role}\""
                )));
            }
        }
        calls = match role {
            "assistant" => ids("tool_use", "id"),
            _ => BTreeSet::new(),
        };
    }
    answered(&calls, &BTreeSet::new())
}
