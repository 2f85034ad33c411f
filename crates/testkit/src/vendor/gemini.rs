//! Gemini's generateContent, as documented at ai.google.dev: what is refused and how replies look.

use protocol::{ScriptedReply, StopReason};
use serde_json::{Value, json};

use super::rules::{at_least, items, only_fields, text, tool_name, usage};
use super::{Received, Refusal, Wire};

pub(super) struct GenerateContent;

const FIELDS: &[&str] = &[
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "generationConfig",
    "safetySettings",
    "cachedContent",
    "serviceTier",
];

const GENERATION_FIELDS: &[&str] = &[
    "maxOutputTokens",
    "responseMimeType",
    "responseJsonSchema",
    "thinkingConfig",
    "stopSequences",
    "temperature",
    "topP",
    "topK",
    "seed",
    "candidateCount",
];

impl Wire for GenerateContent {
    fn check(&self, received: &Received, key: &str) -> Result<(), Refusal> {
        if received.path.contains("key=") {
            return Err(Refusal::bad("a key in the address ends up in logs"));
        }
        if received.header("x-goog-api-key") != Some(key) {
            return Err(Refusal {
                status: 403,
                ..Refusal::unknown_key()
            });
        }
        let body = &received.body;
        only_fields(body, FIELDS)?;
        let generation = &body["generationConfig"];
        if !generation.is_null() {
            only_fields(generation, GENERATION_FIELDS)?;
            at_least(
                &generation["maxOutputTokens"],
                1,
                "generationConfig.maxOutputTokens",
            )?;
        }
        if !generation["responseJsonSchema"].is_null()
            && generation["responseMimeType"] != "application/json"
        {
            return Err(Refusal::bad(
                "responseJsonSchema needs responseMimeType application/json",
            ));
        }
        for tool in body["tools"].as_array().into_iter().flatten() {
            for function in tool["functionDeclarations"]
                .as_array()
                .into_iter()
                .flatten()
            {
                tool_name(&function["name"])?;
            }
        }
        check_contents(items(body, "contents")?, received.path.contains("gemini-3"))
    }

    fn turns(&self, body: &Value) -> usize {
        let contents = body["contents"].as_array();
        contents
            .into_iter()
            .flatten()
            .filter(|it| it["role"] == "model")
            .count()
    }

    fn reply(&self, reply: &ScriptedReply, received: &Received) -> Value {
        let said = reply.to_reply(received.turn + 1);
        let mut parts = Vec::new();
        if !said.text.is_empty() {
            parts.push(json!({"text": said.text}));
        }
        for (call, number) in said.tool_calls.iter().zip(1..) {
            let mut part =
                json!({"functionCall": {"id": call.id, "name": call.tool, "args": call.arguments}});
            if number == 1 {
                part["thoughtSignature"] = json!(format!("signature-{}", received.turn + 1));
            }
            parts.push(part);
        }
        let finish = match said.stop {
            StopReason::TokensMax => "MAX_TOKENS",
            StopReason::Malformed => "MALFORMED_FUNCTION_CALL",
            // Neither full contexts nor refusals of the model itself have a word here.
            StopReason::Filtered
            | StopReason::Declined
            | StopReason::ContextFull
            | StopReason::Paused => "SAFETY",
            StopReason::Done => "STOP",
        };
        let used = usage(reply.usage, received, &json!(parts).to_string());
        let input = used.input_tokens + used.cached_tokens + used.cache_write_tokens;
        json!({
            "candidates": [{"index": 0, "content": {"role": "model", "parts": parts}, "finishReason": finish}],
            "usageMetadata": {
                "promptTokenCount": input, "cachedContentTokenCount": used.cached_tokens,
                "candidatesTokenCount": used.output_tokens, "totalTokenCount": input + used.output_tokens,
            },
            "modelVersion": "fake",
        })
    }

    fn content(&self, answer: &Value) -> Value {
        answer["candidates"][0]["content"]["parts"].clone()
    }

    fn replayed(&self, body: &Value) -> Vec<Value> {
        let contents = body["contents"].as_array().into_iter().flatten();
        contents
            .filter(|it| it["role"] == "model")
            .map(|it| it["parts"].clone())
            .collect()
    }

    fn error(&self, status: u16, words: &str) -> Value {
        let kind = match status {
            401 => "UNAUTHENTICATED",
            403 => "PERMISSION_DENIED",
            404 => "NOT_FOUND",
            429 => "RESOURCE_EXHAUSTED",
            503 => "UNAVAILABLE",
            500.. => "INTERNAL",
            _ => "INVALID_ARGUMENT",
        };
        json!({"error": {"code": status, "message": words, "status": kind}})
    }
}

fn check_contents(contents: &[Value], signs_thoughts: bool) -> Result<(), Refusal> {
    let mut open_calls = 0;
    for content in contents {
        let role = text(&content["role"], "contents.role")?;
        let parts = items(content, "parts")?;
        let count = |kind: &str| parts.iter().filter(|it| !it[kind].is_null()).count();
        match role {
            "user" => {
                if count("functionResponse") != open_calls {
                    return Err(Refusal::bad(
                        "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.",
                    ));
                }
                open_calls = 0;
            }
            "model" => {
                open_calls = count("functionCall");
                let first = parts.iter().find(|it| !it["functionCall"].is_null());
                if signs_thoughts && first.is_some_and(|it| it["thoughtSignature"].is_null()) {
                    return Err(Refusal::bad(
                        "Function call is missing a thought_signature in functionCall parts.",
                    ));
                }
            }
            _ => return Err(Refusal::bad("Please use a valid role: user, model.")),
        }
    }
    match open_calls {
        0 => Ok(()),
        _ => Err(Refusal::bad("a function call turn is not answered")),
    }
}
