//! Gemini's generateContent, as its API reference and the types of Google's own client describe it.

use protocol::{Effort, ModelReply, ModelRequest, StopReason, TokenUsage};
use serde_json::{Value, json};

use super::stop::{Stops, details, stop_of};
use super::{
    Asking, Turn, Wire, arguments_object, as_it_came, call, list, native, refuse_duplicate_calls,
    tokens, turns,
};
use crate::fault::{Fault, said};
use crate::price::Service;

/// Gemini at Google, or a gateway that speaks the same.
pub(crate) struct GenerateContent;

/// Every `finishReason` that is documented, those for images and for other programs of Google's included.
const STOPS: Stops = &[
    ("STOP", StopReason::Done),
    ("MAX_TOKENS", StopReason::TokensMax),
    ("CONTINUATION", StopReason::TokensMax),
    ("SAFETY", StopReason::Filtered),
    ("RECITATION", StopReason::Filtered),
    ("LANGUAGE", StopReason::Filtered),
    ("BLOCKLIST", StopReason::Filtered),
    ("PROHIBITED_CONTENT", StopReason::Filtered),
    ("SPII", StopReason::Filtered),
    ("MODEL_ARMOR", StopReason::Filtered),
    ("ESCALATION", StopReason::Filtered),
    ("PUP_LIMITED_DISABLED", StopReason::Filtered),
    ("IMAGE_SAFETY", StopReason::Filtered),
    ("IMAGE_PROHIBITED_CONTENT", StopReason::Filtered),
    ("IMAGE_RECITATION", StopReason::Filtered),
    ("MALFORMED_FUNCTION_CALL", StopReason::Malformed),
    ("MALFORMED_RESPONSE", StopReason::Malformed),
    ("UNEXPECTED_TOOL_CALL", StopReason::Malformed),
    ("TOO_MANY_TOOL_CALLS", StopReason::Malformed),
    ("MISSING_THOUGHT_SIGNATURE", StopReason::Malformed),
    ("OTHER", StopReason::Malformed),
    ("NO_IMAGE", StopReason::Malformed),
    ("IMAGE_OTHER", StopReason::Malformed),
    ("FINISH_REASON_UNSPECIFIED", StopReason::Malformed),
];

/// Stands in for the signature of a call that another model made; the documentation names it for histories that
/// Gemini did not write.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

impl Wire for GenerateContent {
    fn name(&self) -> &'static str {
        "generate_content"
    }

    fn path(&self, model: &str) -> String {
        format!("models/{model}:generateContent")
    }

    fn key_header(&self) -> (&'static str, &'static str) {
        ("x-goog-api-key", "")
    }

    fn body(&self, asking: &Asking, request: &ModelRequest) -> Value {
        let mut body = json!({});
        if !request.system.is_empty() {
            body["systemInstruction"] = json!({"parts": [{"text": request.system}]});
        }
        if !request.tools.is_empty() {
            let tools: Vec<Value> = request.tools.iter().map(tool).collect();
            body["tools"] = json!([{"functionDeclarations": tools}]);
        }
        body["contents"] = turns(self, asking, request)
            .iter()
            .map(|turn| content(self, asking, turn))
            .collect();
        let mut generation = json!({"maxOutputTokens": request.reply_tokens_max});
        if let Some(output) = &request.output {
            generation["responseMimeType"] = json!("application/json");
            generation["responseJsonSchema"] = output.schema.clone();
        }
        if let Some(effort) = request.effort
            && !asking.model.starts_with("gemini-2")
        {
            generation["thinkingConfig"] = json!({"thinkingLevel": level(effort)});
        }
        body["generationConfig"] = generation;
        if asking.service == Service::Flex {
            body["serviceTier"] = json!("flex");
        }
        body
    }

    fn usage(&self, body: &Value) -> TokenUsage {
        let usage = &body["usageMetadata"];
        let cached_tokens = tokens(&usage["cachedContentTokenCount"]);
        let input = tokens(&usage["promptTokenCount"]) + tokens(&usage["toolUsePromptTokenCount"]);
        TokenUsage {
            input_tokens: input.saturating_sub(cached_tokens),
            cached_tokens,
            // Thoughts are counted beside the candidate here, not inside it.
            output_tokens: tokens(&usage["candidatesTokenCount"])
                + tokens(&usage["thoughtsTokenCount"]),
            ..TokenUsage::default()
        }
    }

    fn service(&self, body: &Value) -> Service {
        let tier = body["usageMetadata"]["serviceTier"].as_str();
        match tier.is_some_and(|it| it.eq_ignore_ascii_case("flex")) {
            true => Service::Flex,
            false => Service::Standard,
        }
    }

    fn read(&self, asking: &Asking, body: &Value) -> Result<ModelReply, Fault> {
        // A prompt that the filter stopped has no candidate at all.
        if let Some(reason) = body["promptFeedback"]["blockReason"].as_str() {
            let message = body["promptFeedback"]["blockReasonMessage"].as_str();
            return Ok(ModelReply {
                stop: StopReason::Filtered,
                stop_details: details(
                    &format!("the prompt was blocked: {reason}"),
                    &[message.unwrap_or_default()],
                ),
                ..ModelReply::default()
            });
        }
        let candidate = &body["candidates"][0];
        if !candidate.is_object() {
            return Err(Fault::unreadable(&match said(body) {
                words if words.is_empty() => "it has no candidate".to_owned(),
                words => words,
            }));
        }
        let word = candidate["finishReason"].as_str();
        let stop = stop_of(STOPS, word)?;
        let mut reply = ModelReply {
            stop,
            ..ModelReply::default()
        };
        if stop != StopReason::Done {
            let message = candidate["finishMessage"].as_str().unwrap_or_default();
            reply.stop_details = details(word.unwrap_or_default(), &[message]);
        }
        let parts = &candidate["content"]["parts"];
        for (number, part) in (1..).zip(list(parts)) {
            let made = &part["functionCall"];
            if made.is_object() {
                let arguments = match &made["args"] {
                    Value::Null => json!({}),
                    args => args.clone(),
                };
                // Names of calls came late to this wire; without one, the place tells them apart.
                let id = match made["id"].as_str() {
                    Some(id) if !id.is_empty() => json!(id),
                    _ => json!(format!("{UNNAMED}{number}")),
                };
                reply.tool_calls.push(call(&id, &made["name"], arguments)?);
            } else if part["thought"] != true {
                reply.text += part["text"].as_str().unwrap_or_default();
            }
        }
        refuse_duplicate_calls(&reply)?;
        if parts.is_array() {
            reply.native = native(self, asking, parts.clone());
        }
        Ok(reply)
    }
}

/// Begins the name of a call that came without one; the answer then goes without one as well.
const UNNAMED: &str = "unnamed-";

fn tool(spec: &protocol::ToolSpec) -> Value {
    json!({
        "name": spec.name, "description": spec.description, "parametersJsonSchema": spec.parameters,
    })
}

fn content(wire: &GenerateContent, asking: &Asking, turn: &Turn<'_>) -> Value {
    match turn {
        Turn::User(text) => json!({"role": "user", "parts": [{"text": text}]}),
        Turn::Assistant { reply, .. } => {
            let parts = match as_it_came(wire, asking, reply) {
                Some(parts) => parts.clone(),
                None => rebuilt(reply, signs_thoughts(&asking.model)),
            };
            json!({"role": "model", "parts": parts})
        }
        Turn::Answers(answers) => {
            let parts: Vec<Value> = answers
                .iter()
                .map(|it| {
                    let key = if it.is_error { "error" } else { "output" };
                    let mut response = json!({"name": it.tool, "response": {key: it.text}});
                    if it.own_id && !it.call_id.starts_with(UNNAMED) {
                        response["id"] = json!(it.call_id);
                    }
                    json!({"functionResponse": response})
                })
                .collect();
            json!({"role": "user", "parts": parts})
        }
    }
}

/// A reply of somebody else's model, from its words and calls. Calls go without names: their order tells them apart.
fn rebuilt(reply: &ModelReply, signs_thoughts: bool) -> Value {
    let mut parts = Vec::new();
    if !reply.text.is_empty() {
        parts.push(json!({"text": reply.text}));
    }
    for (number, call) in (1..).zip(&reply.tool_calls) {
        let args = arguments_object(&call.arguments);
        let mut part = json!({"functionCall": {"name": call.tool, "args": args}});
        if number == 1 && signs_thoughts {
            part["thoughtSignature"] = json!(NO_SIGNATURE);
        }
        parts.push(part);
    }
    Value::Array(parts)
}

/// Whether the model wants its signatures back with its calls; the third generation began with it.
fn signs_thoughts(model: &str) -> bool {
    !model.starts_with("gemini-1") && !model.starts_with("gemini-2")
}

/// The vendor's own word for an effort. Only some of its models know a level above high.
fn level(effort: Effort) -> &'static str {
    match effort {
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High | Effort::Xhigh | Effort::Max => "high",
    }
}
