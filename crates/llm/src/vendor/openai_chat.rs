//! The Chat Completions API, which most servers besides OpenAI's own speak: Ollama, vLLM, LiteLLM, Azure.

use genai::adapter::AdapterKind;
use genai::chat::{ChatOptions, ReasoningEffort, Tool};
use protocol::{ModelReply, ModelRequest, StopReason, TokenUsage, ToolSpec};
use serde_json::Value;

use super::reply::tokens;
use super::salvage::salvaged_chat;
use super::{Again, Api, Cause, Fault, plain_options};
use crate::request_text::short_hash;

/// Any server that speaks Chat Completions.
pub(crate) struct OpenAiChat {
    /// Azure wants the key in a header of its own.
    pub(crate) azure: bool,
}

impl Api for OpenAiChat {
    fn adapter(&self) -> AdapterKind {
        AdapterKind::OpenAI
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

    fn options(&self, model: &str, request: &ModelRequest) -> ChatOptions {
        let options = without_effort_in_name(plain_options(request));
        match model.starts_with("gpt-") {
            true => options.with_prompt_cache_key(cache_key(request)),
            // Some servers refuse fields they don't know.
            false => options,
        }
    }

    fn tool(&self, spec: &ToolSpec) -> Tool {
        Tool::new(spec.name.as_str())
            .with_description(spec.description.as_str())
            .with_schema(spec.parameters.clone())
            .with_strict(false)
    }

    fn usage(&self, body: &Value) -> TokenUsage {
        let usage = &body["usage"];
        usage_of(
            usage,
            &usage["prompt_tokens_details"],
            "prompt_tokens",
            "completion_tokens",
        )
    }

    fn look_at(&self, body: &Value, reply: &mut ModelReply) -> Result<(), Fault> {
        let choice = &body["choices"][0];
        if choice.is_null() {
            return Err(match body.get("error") {
                Some(_) => Fault {
                    cause: Cause::Answer,
                    message: super::fault::said(body),
                    again: Again::Later(None),
                },
                None => Fault::unreadable("it has no choice"),
            });
        }
        if let Some(words) = choice["message"]["refusal"].as_str() {
            reply.stop = StopReason::Declined;
            if reply.text.is_empty() {
                words.clone_into(&mut reply.text);
            }
        }
        Ok(())
    }

    fn salvage(&self, body: &Value) -> Option<ModelReply> {
        salvaged_chat(body)
    }
}

/// Tokens as OpenAI counts them: all input in one number, of which the details take a part each.
pub(crate) fn usage_of(usage: &Value, details: &Value, input: &str, output: &str) -> TokenUsage {
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

/// A name for what the requests of one conversation have in common, so that they reach the machine that has it cached.
///
/// Without it, the library would switch newer models to explicit caching and then mark nothing.
pub(crate) fn cache_key(request: &ModelRequest) -> String {
    let mut common = request.system.clone();
    for tool in &request.tools {
        common += &tool.name;
    }
    format!("pipeline-{}", short_hash(&common))
}

/// Keeps the library from reading an effort out of a model's name: `qwen-max` would be asked for as `qwen`.
///
/// A budget in tokens is an effort that this vendor has no field for, so nothing is sent.
pub(crate) fn without_effort_in_name(options: ChatOptions) -> ChatOptions {
    options.with_reasoning_effort(ReasoningEffort::Budget(0))
}
