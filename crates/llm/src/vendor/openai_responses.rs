//! OpenAI's Responses API.

use genai::adapter::AdapterKind;
use genai::chat::{ChatOptions, Tool};
use protocol::{ModelReply, ModelRequest, StopReason, TokenUsage, ToolSpec};
use serde_json::{Value, json};

use super::salvage::salvaged_responses;
use super::{Again, Api, Cause, Fault, plain_options};
use crate::vendor::openai_chat::{cache_key, usage_of, without_effort_in_name};

/// GPT at OpenAI.
pub(crate) struct OpenAiResponses;

impl Api for OpenAiResponses {
    fn adapter(&self) -> AdapterKind {
        AdapterKind::OpenAIResp
    }

    fn path(&self, _: &str) -> String {
        "responses".to_owned()
    }

    fn key_header(&self) -> (&'static str, &'static str) {
        ("authorization", "Bearer ")
    }

    fn options(&self, model: &str, request: &ModelRequest) -> ChatOptions {
        let options = without_effort_in_name(plain_options(request))
            .with_prompt_cache_key(cache_key(request));
        match thinks(model) {
            // The thoughts come sealed and go back with the next request, so that nothing is thought twice.
            true => options.with_extra_body(json!({"include": ["reasoning.encrypted_content"]})),
            false => options,
        }
    }

    fn tool(&self, spec: &ToolSpec) -> Tool {
        Tool::new(spec.name.as_str())
            .with_description(spec.description.as_str())
            .with_schema(spec.parameters.clone())
            // Strict schemas can't have optional arguments, and left unsaid, the vendor would rewrite ours to be strict.
            .with_strict(false)
    }

    fn usage(&self, body: &Value) -> TokenUsage {
        let usage = &body["usage"];
        usage_of(
            usage,
            &usage["input_tokens_details"],
            "input_tokens",
            "output_tokens",
        )
    }

    fn look_at(&self, body: &Value, reply: &mut ModelReply) -> Result<(), Fault> {
        match body["status"].as_str() {
            Some("completed") => {}
            Some("incomplete") => {
                if body["incomplete_details"]["reason"] == "content_filter" {
                    reply.stop = StopReason::Declined;
                }
            }
            Some("failed") => {
                return Err(Fault {
                    cause: Cause::Answer,
                    message: super::fault::said(body),
                    again: Again::Later(None),
                });
            }
            other => {
                let status = other.unwrap_or("no status");
                return Err(Fault::unreadable(&format!("it came with {status:?}")));
            }
        }
        if let Some(words) = refusal(body) {
            reply.stop = StopReason::Declined;
            if reply.text.is_empty() {
                words.clone_into(&mut reply.text);
            }
        }
        Ok(())
    }

    fn salvage(&self, body: &Value) -> Option<ModelReply> {
        salvaged_responses(body)
    }
}

/// Whether the model has thoughts to seal; others refuse to be asked for them.
fn thinks(model: &str) -> bool {
    !["gpt-3", "gpt-4", "chatgpt-4"]
        .iter()
        .any(|it| model.starts_with(it))
}

/// The words of a refusal, which come in a part of their own.
fn refusal(body: &Value) -> Option<&str> {
    let items = body["output"].as_array()?;
    items
        .iter()
        .filter_map(|it| it["content"].as_array())
        .flatten()
        .find_map(|it| it["refusal"].as_str())
}
