//! Chat Completions, which most servers besides the three vendors' own speak: Ollama, vLLM, OpenRouter, DeepSeek.

use protocol::{ModelReply, ModelRequest, StopReason, TokenUsage};
use serde_json::{Value, json};

use super::responses::{openai_service, openai_usage, thinks};
use super::stop::{Stops, details, stop_of};
use super::{
    Asking, Turn, Wire, arguments_in_text, arguments_object, as_it_came, call, foreign_id, list,
    native, refuse_duplicate_calls, tokens, turns,
};
use crate::fault::{Again, Cause, Fault, said};
use crate::price::Service;

/// Any server that speaks Chat Completions.
pub(crate) struct ChatCompletions {
    /// Azure wants the key in a header of its own.
    pub(crate) azure: bool,
}

/// Every `finish_reason` that is documented: OpenAI's, then those that well-known servers add.
const STOPS: Stops = &[
    ("stop", StopReason::Done),
    ("tool_calls", StopReason::Done),
    ("function_call", StopReason::Done),
    ("length", StopReason::TokensMax),
    ("content_filter", StopReason::Filtered),
    // OpenRouter's word for a fault of the server behind it.
    ("error", StopReason::Malformed),
    // DeepSeek's word for a request that it dropped under load.
    ("insufficient_system_resource", StopReason::Malformed),
    // vLLM's and SGLang's word for a request that was ended on the server.
    ("abort", StopReason::Malformed),
    // Claude's own words, which some gateways pass on.
    ("end_turn", StopReason::Done),
    ("eos", StopReason::Done),
    ("max_tokens", StopReason::TokensMax),
    ("model_context_window_exceeded", StopReason::ContextFull),
    ("refusal", StopReason::Declined),
];

impl Wire for ChatCompletions {
    fn name(&self) -> &'static str {
        "chat_completions"
    }

    fn path(&self, _: &str) -> String {
        "chat/completions".to_owned()
    }

    fn key_header(&self) -> (&'static str, &'static str) {
        match self.azure {
            true => ("api-key", ""),
            false => ("authorization", "Bearer "),
        }
    }

    fn body(&self, asking: &Asking, request: &ModelRequest) -> Value {
        let mut body = json!({"model": asking.model});
        if !request.tools.is_empty() {
            body["tools"] = request.tools.iter().map(tool).collect();
        }
        let mut messages = Vec::new();
        if !request.system.is_empty() {
            messages.push(json!({"role": "system", "content": request.system}));
        }
        for turn in turns(self, asking, request) {
            push(self, asking, &turn, &mut messages);
        }
        body["messages"] = Value::Array(messages);
        if let Some(output) = &request.output {
            body["response_format"] = json!({"type": "json_schema", "json_schema": {
                "name": output.name, "strict": true, "schema": output.schema,
            }});
        }
        let gpt = is_gpt(&asking.model);
        // OpenAI's newer models refuse the older name of the field, and most other servers know only that.
        let limit = match gpt {
            true => "max_completion_tokens",
            false => "max_tokens",
        };
        body[limit] = json!(request.reply_tokens_max);
        if let Some(effort) = request.effort
            && gpt
            && thinks(&asking.model)
        {
            body["reasoning_effort"] = json!(effort.name());
        }
        // Some servers refuse fields they don't know.
        if gpt {
            body["prompt_cache_key"] = json!(asking.cache_key);
        }
        if gpt && asking.service == Service::Flex {
            body["service_tier"] = json!("flex");
        }
        body
    }

    fn usage(&self, body: &Value) -> TokenUsage {
        let usage = &body["usage"];
        let details = &usage["prompt_tokens_details"];
        let mut read = openai_usage(usage, details, "prompt_tokens", "completion_tokens");
        // DeepSeek's name for the same.
        let hit = tokens(&usage["prompt_cache_hit_tokens"]).min(read.input_tokens);
        if read.cached_tokens == 0 {
            read.cached_tokens = hit;
            read.input_tokens -= hit;
        }
        read
    }

    fn service(&self, body: &Value) -> Service {
        openai_service(body)
    }

    fn read(&self, asking: &Asking, body: &Value) -> Result<ModelReply, Fault> {
        let choice = &body["choices"][0];
        // OpenRouter puts a fault of the server behind it into a 200, at the top or in the choice.
        for error in [&body["error"], &choice["error"]] {
            if !error.is_null() {
                return Err(fault_in_body(error));
            }
        }
        if choice.is_null() {
            return Err(Fault::unreadable("it has no choice"));
        }
        let message = &choice["message"];
        if !message.is_object() {
            return Err(Fault::unreadable("its choice has no message"));
        }
        let word = choice["finish_reason"].as_str();
        let stop = stop_of(STOPS, word)?;
        let mut reply = ModelReply {
            stop,
            text: text_of(&message["content"]),
            ..ModelReply::default()
        };
        if stop != StopReason::Done {
            let native = choice["native_finish_reason"].as_str().unwrap_or_default();
            reply.stop_details = details(word.unwrap_or_default(), &[native]);
        }
        if let Some(words) = message["refusal"].as_str()
            && !words.is_empty()
            && stop == StopReason::Done
        {
            reply.stop = StopReason::Declined;
            reply.stop_details = details("refusal", &[words]);
        }
        for made in list(&message["tool_calls"]) {
            let function = &made["function"];
            let arguments = arguments_in_text(&function["arguments"]);
            reply
                .tool_calls
                .push(call(&made["id"], &function["name"], arguments)?);
        }
        refuse_duplicate_calls(&reply)?;
        // A message with neither words nor calls says nothing, whatever else is in it.
        if !reply.text.is_empty() || !reply.tool_calls.is_empty() {
            reply.native = native(self, asking, message.clone());
        }
        Ok(reply)
    }
}

/// Content is text, and a list of parts with some servers.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        parts => list(parts)
            .iter()
            .filter_map(|it| it["text"].as_str())
            .collect(),
    }
}

/// An error that came with status 200. Its code is a status where it is a number.
fn fault_in_body(error: &Value) -> Fault {
    let words = said(&json!({"error": error}));
    let status = error["code"].as_u64().and_then(|it| u16::try_from(it).ok());
    match status {
        Some(status) if (400..600).contains(&status) => {
            let again = match status {
                408 | 409 | 425 | 429 | 500..=599 => Again::Later(None),
                _ => Again::Never,
            };
            Fault::new(Cause::Status(status), &words, again)
        }
        _ => Fault::new(Cause::Answer, &words, Again::Later(None)),
    }
}

fn tool(spec: &protocol::ToolSpec) -> Value {
    json!({"type": "function", "function": {
        "name": spec.name, "description": spec.description, "parameters": spec.parameters, "strict": false,
    }})
}

fn push(wire: &ChatCompletions, asking: &Asking, turn: &Turn<'_>, messages: &mut Vec<Value>) {
    match turn {
        Turn::User(text) => messages.push(json!({"role": "user", "content": text})),
        Turn::Assistant { reply, place } => messages.push(match as_it_came(wire, asking, reply) {
            Some(message) => with_readable_arguments(message),
            None => rebuilt(reply, *place),
        }),
        Turn::Answers(answers) => messages.extend(answers.iter().map(|it| {
            json!({"role": "tool", "tool_call_id": it.call_id, "content": it.text_with_error()})
        })),
    }
}

/// The message as it came, but for arguments that are no JSON object: servers that put the conversation into a
/// template parse them, and refuse the whole of it.
fn with_readable_arguments(message: &Value) -> Value {
    let mut message = message.clone();
    // Not by index: that would add what isn't there.
    let calls = message.get_mut("tool_calls").and_then(Value::as_array_mut);
    for call in calls.into_iter().flatten() {
        if let Some(given) = call.pointer_mut("/function/arguments") {
            let arguments = arguments_in_text(given);
            if !arguments.is_object() {
                *given = json!(arguments_object(&arguments).to_string());
            }
        }
    }
    message
}

/// A reply of somebody else's model, from its words and calls.
fn rebuilt(reply: &ModelReply, place: usize) -> Value {
    let content = match reply.text.is_empty() {
        true => Value::Null,
        false => json!(reply.text),
    };
    let mut message = json!({"role": "assistant", "content": content});
    if !reply.tool_calls.is_empty() {
        message["tool_calls"] = (1..)
            .zip(&reply.tool_calls)
            .map(|(number, call)| {
                let arguments = arguments_object(&call.arguments).to_string();
                json!({
                    "type": "function", "id": foreign_id(place, number),
                    "function": {"name": call.tool, "arguments": arguments},
                })
            })
            .collect();
    }
    message
}

/// Whether OpenAI made the model, wherever it is served.
fn is_gpt(model: &str) -> bool {
    ["gpt-", "o1", "o3", "o4", "chatgpt-", "codex-"]
        .iter()
        .any(|it| model.starts_with(it))
        && !model.starts_with("gpt-oss")
}
