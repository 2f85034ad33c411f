//! Turns the client library's answer into a reply of ours.

use genai::chat::{ChatResponse, MessageContent, StopReason as Stopped};
use protocol::{ModelReply, StopReason, ToolCall};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What [`ModelReply::native`] holds: the content as it came, signed thoughts and all, and whose it is.
///
/// Thoughts are sealed for one vendor; sent to another, they would be refused.
#[derive(Deserialize, Serialize)]
pub(crate) struct Native {
    pub(crate) vendor: String,
    pub(crate) content: MessageContent,
}

/// The reply without its usage, which each vendor counts in its own way.
pub(crate) fn reply_of(vendor: &str, response: ChatResponse) -> ModelReply {
    let calls = response.content.tool_calls().into_iter();
    let tool_calls = calls
        .map(|it| ToolCall {
            id: it.call_id.clone(),
            tool: it.fn_name.clone(),
            arguments: it.fn_arguments.clone(),
        })
        .collect();
    let stop = match response.stop_reason {
        Some(Stopped::MaxTokens(_)) => StopReason::TokensMax,
        Some(Stopped::ContentFilter(_)) => StopReason::Declined,
        // What was stopped for a tool is told by the calls, because vendors don't agree on the word.
        _ => StopReason::Done,
    };
    let native = Native {
        vendor: vendor.to_owned(),
        content: response.content,
    };
    ModelReply {
        text: native.content.texts().join("\n"),
        tool_calls,
        stop,
        native: serde_json::to_value(&native).ok(),
        ..ModelReply::default()
    }
}

/// A count of tokens; what isn't one counts as none.
pub(crate) fn tokens(count: &Value) -> u64 {
    count.as_u64().unwrap_or(0)
}
