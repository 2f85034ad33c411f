//! OpenAI's Responses, as its API reference and the types of its own client describe them.

use protocol::{ModelReply, ModelRequest, StopReason, TokenUsage};
use serde_json::{Value, json};

use super::stop::{Stops, details, stop_of};
use super::{
    Asking, Turn, Wire, arguments_in_text, arguments_object, as_it_came, call, foreign_id, list,
    native, refuse_duplicate_calls, tokens, turns,
};
use crate::fault::{Again, Cause, Fault, said};
use crate::price::Service;

/// GPT at OpenAI or Azure, or a server that speaks the same.
pub(crate) struct Responses {
    /// Azure wants the key in a header of its own.
    pub(crate) azure: bool,
}

/// Every `incomplete_details.reason` that is documented. `steered` needs a WebSocket, and is cut all the same.
const INCOMPLETE: Stops = &[
    ("max_output_tokens", StopReason::TokensMax),
    ("max_messages", StopReason::TokensMax),
    ("steered", StopReason::TokensMax),
    ("content_filter", StopReason::Filtered),
];

/// Every `error.code` of a failed response by which the vendor's rules stopped it.
const FILTER_CODES: &[&str] = &[
    "bio_policy",
    "misalignment_policy_violation",
    "image_content_policy_violation",
];

/// The shortest reply that can be asked for.
const REPLY_TOKENS_MIN: u32 = 16;

impl Wire for Responses {
    fn name(&self) -> &'static str {
        "responses"
    }

    fn path(&self, _: &str) -> String {
        "responses".to_owned()
    }

    fn key_header(&self) -> (&'static str, &'static str) {
        match self.azure {
            true => ("api-key", ""),
            false => ("authorization", "Bearer "),
        }
    }

    fn body(&self, asking: &Asking, request: &ModelRequest) -> Value {
        // Nothing is stored with the vendor: what a conversation needs is in each request.
        let mut body = json!({"model": asking.model, "store": false});
        if !request.system.is_empty() {
            body["instructions"] = json!(request.system);
        }
        if !request.tools.is_empty() {
            body["tools"] = request.tools.iter().map(tool).collect();
        }
        let mut input = Vec::new();
        for turn in turns(self, asking, request) {
            items(self, asking, &turn, &mut input);
        }
        body["input"] = Value::Array(input);
        if let Some(output) = &request.output {
            body["text"] = json!({"format": {
                "type": "json_schema", "name": output.name, "strict": true, "schema": output.schema,
            }});
        }
        if let Some(effort) = request.effort
            && thinks(&asking.model)
        {
            body["reasoning"] = json!({"effort": effort.name()});
        }
        body["max_output_tokens"] = json!(request.reply_tokens_max.max(REPLY_TOKENS_MIN));
        body["prompt_cache_key"] = json!(asking.cache_key);
        if thinks(&asking.model) {
            // The thoughts come sealed and go back with the next request, so that nothing is thought twice.
            body["include"] = json!(["reasoning.encrypted_content"]);
        }
        if asking.service == Service::Flex {
            body["service_tier"] = json!("flex");
        }
        body
    }

    fn usage(&self, body: &Value) -> TokenUsage {
        let usage = &body["usage"];
        let details = &usage["input_tokens_details"];
        openai_usage(usage, details, "input_tokens", "output_tokens")
    }

    fn service(&self, body: &Value) -> Service {
        openai_service(body)
    }

    fn read(&self, asking: &Asking, body: &Value) -> Result<ModelReply, Fault> {
        let mut reply = ModelReply::default();
        match body["status"].as_str() {
            Some("completed") => {}
            Some("incomplete") => {
                let word = body["incomplete_details"]["reason"].as_str();
                reply.stop = stop_of(INCOMPLETE, word)?;
                reply.stop_details = details(word.unwrap_or_default(), &[]);
            }
            Some("failed") => {
                let code = body["error"]["code"].as_str().unwrap_or_default();
                if !FILTER_CODES.contains(&code) {
                    return Err(failed(body, code));
                }
                reply.stop = StopReason::Filtered;
                reply.stop_details = details(code, &[&said(body)]);
            }
            other => {
                let status = other.unwrap_or("no status");
                return Err(Fault::unreadable(&format!("it came with {status:?}")));
            }
        }
        let Some(output) = body["output"].as_array() else {
            return Err(Fault::unreadable("it has no output"));
        };
        let mut texts: Vec<(bool, String)> = Vec::new();
        for item in output {
            match item["type"].as_str() {
                Some("function_call") => {
                    let arguments = arguments_in_text(&item["arguments"]);
                    let call = call(&item["call_id"], &item["name"], arguments)?;
                    reply.tool_calls.push(call);
                }
                Some("message") => {
                    let parts = list(&item["content"]);
                    let text: String = parts.iter().filter_map(|it| it["text"].as_str()).collect();
                    let is_final = item["phase"] == "final_answer";
                    if !text.is_empty() {
                        texts.push((is_final, text));
                    }
                    if let Some(words) = parts.iter().find_map(|it| it["refusal"].as_str())
                        && reply.stop == StopReason::Done
                    {
                        reply.stop = StopReason::Declined;
                        reply.stop_details = details("refusal", &[words]);
                    }
                }
                // Thoughts, and items that nobody knows yet, only go back.
                _ => {}
            }
        }
        reply.text = words(&texts);
        refuse_duplicate_calls(&reply)?;
        reply.native = native(self, asking, body["output"].clone());
        Ok(reply)
    }
}

/// The final answer where the model marks one, else all its messages: what it says in between is commentary.
fn words(texts: &[(bool, String)]) -> String {
    let marked = texts.iter().any(|it| it.0);
    let texts: Vec<&str> = texts
        .iter()
        .filter(|it| it.0 || !marked)
        .map(|it| it.1.as_str())
        .collect();
    texts.join("\n")
}

/// A response that failed on the vendor's side.
fn failed(body: &Value, code: &str) -> Fault {
    let again = match code {
        "server_error" | "rate_limit_exceeded" | "" => Again::Later(None),
        _ => Again::Never,
    };
    Fault::new(Cause::Answer, &details(code, &[&said(body)]), again)
}

fn tool(spec: &protocol::ToolSpec) -> Value {
    json!({
        "type": "function", "name": spec.name, "description": spec.description, "parameters": spec.parameters,
        // Strict schemas can't have optional arguments, and left unsaid, the vendor would rewrite ours to be strict.
        "strict": false,
    })
}

fn items(wire: &Responses, asking: &Asking, turn: &Turn<'_>, input: &mut Vec<Value>) {
    match turn {
        Turn::User(text) => input.push(json!({"role": "user", "content": text})),
        Turn::Assistant { reply, place } => match as_it_came(wire, asking, reply) {
            Some(content) => input.extend(list(content).iter().cloned()),
            None => rebuilt(reply, *place, input),
        },
        Turn::Answers(answers) => input.extend(answers.iter().map(|it| {
            json!({"type": "function_call_output", "call_id": it.call_id, "output": it.text_with_error()})
        })),
    }
}

/// A reply of somebody else's model, from its words and calls.
fn rebuilt(reply: &ModelReply, place: usize, input: &mut Vec<Value>) {
    if !reply.text.is_empty() {
        input.push(json!({"role": "assistant", "content": reply.text}));
    }
    input.extend((1..).zip(&reply.tool_calls).map(|(number, call)| {
        let arguments = arguments_object(&call.arguments).to_string();
        json!({
            "type": "function_call", "call_id": foreign_id(place, number), "name": call.tool,
            "arguments": arguments,
        })
    }));
}

/// Whether the model has thoughts to seal and takes an effort; older ones refuse to be asked for either.
pub(super) fn thinks(model: &str) -> bool {
    !["gpt-3", "gpt-4", "chatgpt-4"]
        .iter()
        .any(|it| model.starts_with(it))
}

/// Tokens as OpenAI counts them: all input in one number, of which the details take a part each.
pub(super) fn openai_usage(
    usage: &Value,
    details: &Value,
    input: &str,
    output: &str,
) -> TokenUsage {
    let cached_tokens = tokens(&details["cached_tokens"]);
    let cache_write_tokens = tokens(&details["cache_write_tokens"]);
    TokenUsage {
        input_tokens: tokens(&usage[input]).saturating_sub(cached_tokens + cache_write_tokens),
        cached_tokens,
        cache_write_tokens,
        output_tokens: tokens(&usage[output]),
        ..TokenUsage::default()
    }
}

/// The tier of service that answered; OpenAI says so in the answer.
pub(super) fn openai_service(body: &Value) -> Service {
    match body["service_tier"].as_str() {
        Some("flex") => Service::Flex,
        _ => Service::Standard,
    }
}
