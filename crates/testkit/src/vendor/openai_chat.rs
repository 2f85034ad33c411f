//! OpenAI's Chat Completions, as documented at platform.openai.com: what is refused and how replies look.

use std::collections::BTreeSet;

use protocol::{ScriptedReply, StopReason};
use serde_json::{Value, json};

use super::openai_responses::{arguments, bearer, error};
use super::rules::{answered, items, only_fields, strict_schema, text, tool_name, usage};
use super::{Received, Refusal, Wire};

pub(super) struct Chat;

const FIELDS: &[&str] = &[
    "model",
    "messages",
    "tools",
    "tool_choice",
    "response_format",
    "stream",
    "max_completion_tokens",
    "max_tokens",
    "prompt_cache_key",
    "reasoning_effort",
    "stop",
    "seed",
    "metadata",
    "parallel_tool_calls",
    "service_tier",
];

impl Wire for Chat {
    fn check(&self, received: &Received, key: &str) -> Result<(), Refusal> {
        // A fake without a key stands for a server of one's own, which asks for none.
        if !key.is_empty() {
            bearer(received, key)?;
        }
        let body = &received.body;
        only_fields(body, FIELDS)?;
        let model = text(&body["model"], "model")?;
        let is_new = ["gpt-5", "gpt-6", "o1", "o3", "o4"]
            .iter()
            .any(|it| model.starts_with(it));
        if is_new && !body["max_tokens"].is_null() {
            return Err(Refusal::bad(
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            ));
        }
        for tool in body["tools"].as_array().into_iter().flatten() {
            tool_name(&tool["function"]["name"])?;
            if tool["function"]["strict"] == true {
                strict_schema(&tool["function"]["parameters"], true)?;
            }
        }
        if let Some(schema) = body.pointer("/response_format/json_schema/schema") {
            strict_schema(schema, true)?;
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
        let declined = said.stop == StopReason::Declined;
        let words = match said.text.is_empty() {
            true => Value::Null,
            false => json!(said.text),
        };
        let (content, refusal) = match declined {
            true => (Value::Null, words),
            false => (words, Value::Null),
        };
        let mut message = json!({"role": "assistant", "content": content, "refusal": refusal});
        let call = |it: &protocol::ToolCall| {
            let function = json!({"name": it.tool, "arguments": arguments(&it.arguments)});
            json!({"id": it.id, "type": "function", "function": function})
        };
        if !said.tool_calls.is_empty() {
            message["tool_calls"] = said.tool_calls.iter().map(call).collect();
        }
        let finish = match (said.stop, said.tool_calls.is_empty()) {
            (StopReason::TokensMax, _) => "length",
            (StopReason::Done, true) => "stop",
            (StopReason::Done, false) => "tool_calls",
            (StopReason::Declined, _) => "stop",
            (_, _) => "content_filter",
        };
        let used = usage(reply.usage, received, &message.to_string());
        let input = used.input_tokens + used.cached_tokens + used.cache_write_tokens;
        json!({
            "id": format!("chatcmpl-{}", received.turn + 1), "object": "chat.completion", "created": 0,
            "model": received.body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {
                "prompt_tokens": input, "completion_tokens": used.output_tokens,
                "total_tokens": input + used.output_tokens,
                "prompt_tokens_details": {"cached_tokens": used.cached_tokens},
            },
        })
    }

    fn content(&self, answer: &Value) -> Value {
        answer["choices"][0]["message"].clone()
    }

    fn replayed(&self, body: &Value) -> Vec<Value> {
        let messages = body["messages"].as_array().into_iter().flatten();
        messages
            .filter(|it| it["role"] == "assistant")
            .cloned()
            .collect()
    }

    fn error(&self, status: u16, words: &str) -> Value {
        error(status, words)
    }
}

fn check_messages(messages: &[Value]) -> Result<(), Refusal> {
    let mut calls = BTreeSet::new();
    let mut answers = BTreeSet::new();
    for message in messages {
        let role = text(&message["role"], "messages.role")?;
        if role == "tool" {
            let id = text(&message["tool_call_id"], "messages.tool_call_id")?;
            answers.insert(id);
            continue;
        }
        answered(&calls, &answers)?;
        calls.clear();
        answers.clear();
        match role {
            "system" | "developer" | "user" => {
                text(&message["content"], "messages.content")?;
            }
            "assistant" => {
                let made = message["tool_calls"].as_array().into_iter().flatten();
                calls.extend(made.filter_map(|it| it["id"].as_str()));
            }
            _ => {
                return Err(Refusal::bad(format!(
                    "Invalid value: '{role}' for messages.role"
                )));
            }
        }
    }
    answered(&calls, &answers)
}
