//! Anthropic's Messages, as its API reference and the types of its own client describe them.

use protocol::{ModelReply, ModelRequest, StopReason, TokenUsage};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::stop::{Stops, details, stop_of};
use super::{
    Asking, Turn, Wire, arguments_object, as_it_came, call, foreign_id, list, native,
    refuse_duplicate_calls, tokens, turns,
};
use crate::fault::{Again, Cause, Fault, said};

/// Claude at Anthropic, or a gateway that speaks the same.
pub(crate) struct Messages;

/// Every `stop_reason` that is documented.
const STOPS: Stops = &[
    ("end_turn", StopReason::Done),
    ("tool_use", StopReason::Done),
    ("stop_sequence", StopReason::Done),
    ("max_tokens", StopReason::TokensMax),
    ("model_context_window_exceeded", StopReason::ContextFull),
    ("pause_turn", StopReason::Paused),
    ("refusal", StopReason::Declined),
];

impl Wire for Messages {
    fn name(&self) -> &'static str {
        "messages"
    }

    fn path(&self, _: &str) -> String {
        "messages".to_owned()
    }

    fn headers(&self) -> HeaderMap {
        HeaderMap::from_iter([(
            HeaderName::from_static("anthropic-version"),
            HeaderValue::from_static("2023-06-01"),
        )])
    }

    fn key_header(&self) -> (&'static str, &'static str) {
        ("x-api-key", "")
    }

    fn body(&self, asking: &Asking, request: &ModelRequest) -> Value {
        let mut body = json!({"model": asking.model, "max_tokens": request.reply_tokens_max});
        if !request.system.is_empty() {
            // The end of what all conversations of a role have in common.
            body["system"] = json!([{
                "type": "text", "text": request.system, "cache_control": {"type": "ephemeral"},
            }]);
        }
        if !request.tools.is_empty() {
            body["tools"] = request
                .tools
                .iter()
                .map(|it| {
                    json!({"name": it.name, "description": it.description, "input_schema": it.parameters})
                })
                .collect();
        }
        body["messages"] = turns(self, asking, request)
            .iter()
            .map(|turn| message(self, asking, turn))
            .collect();
        // The mark at the top lets the vendor put the breakpoint on the last message and move it along. A mark on the
        // message itself would have to be taken away again next time, and the messages would no longer begin alike.
        body["cache_control"] = json!({"type": "ephemeral"});
        let mut output = json!({});
        if let Some(effort) = request.effort {
            output["effort"] = json!(effort.name());
        }
        if let Some(schema) = &request.output {
            output["format"] = json!({"type": "json_schema", "schema": schema.schema});
        }
        if output != json!({}) {
            body["output_config"] = output;
        }
        body
    }

    fn usage(&self, body: &Value) -> TokenUsage {
        let usage = &body["usage"];
        let written = tokens(&usage["cache_creation_input_tokens"]);
        let hour = tokens(&usage["cache_creation"]["ephemeral_1h_input_tokens"]).min(written);
        TokenUsage {
            input_tokens: tokens(&usage["input_tokens"]),
            cached_tokens: tokens(&usage["cache_read_input_tokens"]),
            cache_write_tokens: written - hour,
            cache_write_hour_tokens: hour,
            output_tokens: tokens(&usage["output_tokens"]),
        }
    }

    fn read(&self, asking: &Asking, body: &Value) -> Result<ModelReply, Fault> {
        match body["type"].as_str() {
            Some("message") => {}
            // An overload may be reported inside an answer of status 200.
            Some("error") => {
                return Err(Fault::new(Cause::Answer, &said(body), Again::Later(None)));
            }
            _ => return Err(Fault::unreadable("it is not a message")),
        }
        let Some(content) = body["content"].as_array() else {
            return Err(Fault::unreadable("it has no content"));
        };
        let word = body["stop_reason"].as_str();
        let stop = stop_of(STOPS, word)?;
        let mut reply = ModelReply {
            stop,
            ..ModelReply::default()
        };
        if stop != StopReason::Done {
            let why = &body["stop_details"];
            let of = |field: &str| why[field].as_str().unwrap_or_default();
            let said = [of("category"), of("explanation")];
            reply.stop_details = details(word.unwrap_or_default(), &said);
        }
        let mut texts = Vec::new();
        for block in content {
            match block["type"].as_str() {
                Some("text") => texts.extend(block["text"].as_str()),
                Some("tool_use") => {
                    let arguments = block["input"].clone();
                    let call = call(&block["id"], &block["name"], arguments)?;
                    reply.tool_calls.push(call);
                }
                // Thoughts, and blocks that nobody knows yet, only go back.
                _ => {}
            }
        }
        reply.text = texts.join("\n");
        refuse_duplicate_calls(&reply)?;
        reply.native = native(self, asking, body["content"].clone());
        Ok(reply)
    }
}

fn message(wire: &Messages, asking: &Asking, turn: &Turn<'_>) -> Value {
    match turn {
        Turn::User(text) => json!({"role": "user", "content": text}),
        Turn::Assistant { reply, place } => {
            let content: Vec<Value> = match as_it_came(wire, asking, reply) {
                // A block of empty text may come, and is refused when it goes back; nothing is sealed in it.
                Some(content) => list(content)
                    .iter()
                    .filter(|it| !is_empty_text(it))
                    .cloned()
                    .collect(),
                None => rebuilt(reply, *place),
            };
            json!({"role": "assistant", "content": content})
        }
        Turn::Answers(answers) => {
            let blocks: Vec<Value> = answers
                .iter()
                .map(|it| {
                    let mut block = json!({
                        "type": "tool_result", "tool_use_id": it.call_id, "content": it.text,
                    });
                    if it.is_error {
                        block["is_error"] = json!(true);
                    }
                    block
                })
                .collect();
            json!({"role": "user", "content": blocks})
        }
    }
}

fn is_empty_text(block: &Value) -> bool {
    block["type"] == "text" && block["text"] == ""
}

/// A reply of somebody else's model, from its words and calls.
fn rebuilt(reply: &ModelReply, place: usize) -> Vec<Value> {
    let mut blocks = Vec::new();
    if !reply.text.is_empty() {
        blocks.push(json!({"type": "text", "text": reply.text}));
    }
    blocks.extend((1..).zip(&reply.tool_calls).map(|(number, call)| {
        let input = arguments_object(&call.arguments);
        json!({"type": "tool_use", "id": foreign_id(place, number), "name": call.tool, "input": input})
    }));
    blocks
}
