//! Turns the client library's answer into a reply of ours.

use genai::chat::{ChatResponse, ContentPart, MessageContent, StopReason as Stopped};
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
    let mut content = response.content;
    for part in content.iter_mut() {
        if let ContentPart::Custom(block) = part {
            // The library writes this name in one form and reads it in another, and it only repeats the vendor.
            block.model_iden = None;
        }
    }
    let native = Native {
        vendor: vendor.to_owned(),
        content,
    };
    ModelReply {
        text: native.content.texts().join("\n"),
        tool_calls,
        stop,
        native: serde_json::to_value(&native).ok(),
        ..ModelReply::default()
    }
}

/// A count of tokens; what isn't one counts as none, and no answer has more than fit 32 bits, so sums stay sums.
pub(crate) fn tokens(count: &Value) -> u64 {
    count.as_u64().unwrap_or(0).min(u64::from(u32::MAX))
}
