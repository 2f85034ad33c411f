//! OpenAI's Responses, as documented at platform.openai.com: what is refused and how replies look.

use std::collections::BTreeSet;

use protocol::{ScriptedReply, StopReason};
use serde_json::{Value, json};

use super::rules::{answered, at_least, items, only_fields, strict_schema, text, tool_name, usage};
use super::{Received, Refusal, Wire};

pub(super) struct Responses;

// Without temperature: the models of today refuse it.
const FIELDS: &[&str] = &[
    "model",
    "input",
    "instructions",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "text",
    "reasoning",
    "include",
    "store",
    "stream",
    "max_output_tokens",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "metadata",
    "previous_response_id",
    "truncation",
    "service_tier",
];

impl Wire for Responses {
    fn check(&self, received: &Received, key: &str) -> Result<(), Refusal> {
        bearer(received, key)?;
        check_body(received)
    }

    fn turns(&self, body: &Value) -> usize {
        let items = body["input"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let ours: Vec<bool> = items.iter().map(is_the_models).collect();
        let begins = |at: &usize| ours[*at] && (*at == 0 || !ours[*at - 1]);
        (0..ours.len()).filter(begins).count()
    }

    fn reply(&self, reply: &ScriptedReply, received: &Received) -> Value {
        let turn = received.turn + 1;
        let said = reply.to_reply(turn);
        let mut output = Vec::new();
        let sealed = received.body["include"]
            .as_array()
            .is_some_and(|it| !it.is_empty());
        if sealed && !said.tool_calls.is_empty() {
            let thoughts = format!("sealed-thoughts-{turn}");
            output.push(json!({
                "type": "reasoning", "id": format!("rs_{turn}"), "summary": [], "encrypted_content": thoughts,
            }));
        }
        if !said.text.is_empty() {
            let part = match said.stop {
                StopReason::Declined => json!({"type": "refusal", "refusal": said.text}),
                _ => json!({"type": "output_text", "text": said.text, "annotations": []}),
            };
            output.push(json!({
                "type": "message", "id": format!("msg_{turn}"), "role": "assistant", "status": "completed",
                "content": [part],
            }));
        }
        for call in &said.tool_calls {
            output.push(json!({
                "type": "function_call", "id": format!("fc_{}", call.id), "call_id": call.id, "name": call.tool,
                "arguments": arguments(&call.arguments), "status": "completed",
            }));
        }
        let used = usage(reply.usage, received, &json!(output).to_string());
        let input = used.input_tokens + used.cached_tokens + used.cache_write_tokens;
        let (status, why) = match said.stop {
            StopReason::TokensMax => ("incomplete", json!({"reason": "max_output_tokens"})),
            StopReason::Filtered => ("incomplete", json!({"reason": "content_filter"})),
            _ => ("completed", Value::Null),
        };
        json!({
            "id": format!("resp_{turn}"), "object": "response", "created_at": 0, "status": status, "error": null,
            "incomplete_details": why, "model": received.body["model"], "output": output,
            "usage": {
                "input_tokens": input,
                "input_tokens_details": {
                    "cached_tokens": used.cached_tokens, "cache_write_tokens": used.cache_write_tokens,
                },
                "output_tokens": used.output_tokens,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": input + used.output_tokens,
            },
        })
    }

    fn content(&self, answer: &Value) -> Value {
        answer["output"].clone()
    }

    fn replayed(&self, body: &Value) -> Vec<Value> {
        let items = body["input"].as_array().map(Vec::as_slice);
        let ours = |it: &Value| !is_the_models(it);
        items
            .unwrap_or_default()
            .split(ours)
            .filter(|it| !it.is_empty())
            .map(|it| Value::Array(it.to_vec()))
            .collect()
    }

    fn error(&self, status: u16, words: &str) -> Value {
        error(status, words)
    }
}

/// Refuses a body that the real one would refuse.
pub(super) fn check_body(received: &Received) -> Result<(), Refusal> {
    let body = &received.body;
    only_fields(body, FIELDS)?;
    text(&body["model"], "model")?;
    if !body["max_output_tokens"].is_null() {
        at_least(&body["max_output_tokens"], 16, "max_output_tokens")?;
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        tool_name(&tool["name"])?;
        if tool["strict"] != false {
            strict_schema(&tool["parameters"], true)?;
        }
    }
    if let Some(schema) = body.pointer("/text/format/schema") {
        text(&body["text"]["format"]["name"], "text.format.name")?;
        strict_schema(schema, true)?;
    }
    check_input(items(body, "input")?)
}

/// Refuses a request without the key in its header.
pub(super) fn bearer(received: &Received, key: &str) -> Result<(), Refusal> {
    match received.header("authorization") {
        Some(given) if given == format!("Bearer {key}") => Ok(()),
        _ => Err(Refusal::unknown_key()),
    }
}

/// An error as both of OpenAI's interfaces put it.
pub(super) fn error(status: u16, words: &str) -> Value {
    let (kind, code) = match status {
        401 => ("invalid_request_error", json!("invalid_api_key")),
        429 => ("rate_limit_error", json!("rate_limit_exceeded")),
        500.. => ("server_error", Value::Null),
        _ => ("invalid_request_error", Value::Null),
    };
    json!({"error": {"message": words, "type": kind, "param": null, "code": code}})
}

/// Arguments as text, which is how OpenAI sends them; broken ones as they are.
pub(super) fn arguments(arguments: &Value) -> String {
    match arguments {
        Value::String(raw) => raw.clone(),
        whole => whole.to_string(),
    }
}

/// Whatever isn't ours is the model's: items of kinds that nobody knows yet as well.
fn is_the_models(item: &Value) -> bool {
    match item["type"].as_str() {
        None | Some("message") => item["role"] == "assistant",
        Some(kind) => kind != "function_call_output",
    }
}

fn check_input(items: &[Value]) -> Result<(), Refusal> {
    let mut calls = BTreeSet::new();
    let mut answers = BTreeSet::new();
    for item in items {
        let kind = item["type"].as_str().unwrap_or("message");
        match kind {
            "message" => {
                let role = text(&item["role"], "input.role")?;
                if !matches!(role, "user" | "assistant" | "system" | "developer") {
                    return Err(Refusal::bad(format!(
                        "Invalid value: '{role}' for input.role"
                    )));
                }
            }
            "reasoning" => {
                text(&item["encrypted_content"], "input.encrypted_content")?;
                if !item["summary"].is_array() {
                    return Err(Refusal::bad("Missing required parameter: 'input.summary'"));
                }
            }
            "function_call" => {
                tool_name(&item["name"])?;
                text(&item["arguments"], "input.arguments")?;
                calls.insert(text(&item["call_id"], "input.call_id")?);
            }
            "function_call_output" => {
                let id = text(&item["call_id"], "input.call_id")?;
                if !calls.contains(id) {
                    return Err(Refusal::bad(format!("No tool call found for output {id}")));
                }
                if !item["output"].is_string() {
                    return Err(Refusal::bad("Missing required parameter: 'input.output'"));
                }
                answers.insert(id);
            }
            // Of a kind that came after this fake; whether it is one of the model's own is looked at elsewhere.
            _ => {}
        }
    }
    answered(&calls, &answers)
}
