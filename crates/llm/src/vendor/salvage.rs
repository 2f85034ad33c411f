//! Answers whose tool calls carry broken JSON: the library refuses them whole, but the model can be told.

use protocol::{ModelReply, StopReason, ToolCall};
use serde_json::Value;

/// A reply of the Responses API, with arguments that aren't JSON kept as text.
pub(crate) fn salvaged_responses(body: &Value) -> Option<ModelReply> {
    let mut reply = ModelReply {
        stop: match body["status"].as_str()? {
            "incomplete" => StopReason::TokensMax,
            _ => StopReason::Done,
        },
        ..ModelReply::default()
    };
    for item in body["output"].as_array()? {
        match item["type"].as_str() {
            Some("function_call") => {
                reply
                    .tool_calls
                    .push(call(&item["call_id"], &item["name"], &item["arguments"])?)
            }
            Some("message") => {
                let parts = item["content"].as_array();
                for text in parts
                    .into_iter()
                    .flatten()
                    .filter_map(|it| it["text"].as_str())
                {
                    reply.text += text;
                }
            }
            _ => {}
        }
    }
    (!reply.tool_calls.is_empty()).then_some(reply)
}

/// A reply of the Chat Completions API, with arguments that aren't JSON kept as text.
pub(crate) fn salvaged_chat(body: &Value) -> Option<ModelReply> {
    let choice = &body["choices"][0];
    let message = &choice["message"];
    let calls = message["tool_calls"].as_array()?;
    let calls: Option<Vec<ToolCall>> = calls
        .iter()
        .map(|it| {
            call(
                &it["id"],
                &it["function"]["name"],
                &it["function"]["arguments"],
            )
        })
        .collect();
    Some(ModelReply {
        text: message["content"].as_str().unwrap_or_default().to_owned(),
        tool_calls: calls?,
        stop: match choice["finish_reason"].as_str() {
            Some("length") => StopReason::TokensMax,
            _ => StopReason::Done,
        },
        ..ModelReply::default()
    })
}

fn call(id: &Value, tool: &Value, arguments: &Value) -> Option<ToolCall> {
    let text = arguments.as_str().unwrap_or_default();
    Some(ToolCall {
        id: id.as_str()?.to_owned(),
        tool: tool.as_str()?.to_owned(),
        arguments: match arguments {
            Value::Object(_) => arguments.clone(),
            _ => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        },
    })
}
