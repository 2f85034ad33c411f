//! How many tokens a request can be at most, before anybody has counted them.

use protocol::{Message, ModelReply, ModelRequest};
use serde_json::Value;

use crate::wire::is_from;

/// What a vendor may wrap around each message, tool or schema: marks of roles, names of fields.
const TOKENS_AROUND: u64 = 64;
/// What a vendor may put before a whole conversation: the instructions that come with tools and schemas.
const TOKENS_BEFORE: u64 = 1024;

/// An upper bound of the tokens of a request's input: what the vendor counted last, and a token for every byte since.
///
/// The tokenizers of all vendors fall back to single bytes, so no text has more tokens than bytes; digits, identifiers
/// and base64 come near it. What a conversation began with has been counted by the vendor itself, in the reply to it.
pub(super) fn input_tokens_at_most(request: &ModelRequest, vendor: &str, model: &str) -> u64 {
    let counted = request
        .messages
        .iter()
        .enumerate()
        .rev()
        .find_map(|(place, message)| match message {
            Message::Assistant { reply } if is_from(reply, vendor, model) => {
                counted_input(reply).map(|tokens| (place, tokens))
            }
            _ => None,
        });
    let schema = request
        .output
        .as_ref()
        .map_or(0, |it| json_bytes(&it.schema));
    let (known, new) = match counted {
        Some((place, tokens)) => (tokens, &request.messages[place..]),
        None => (TOKENS_BEFORE + before(request), &request.messages[..]),
    };
    let new: u64 = new.iter().map(|it| bytes(it) + TOKENS_AROUND).sum();
    known + schema + TOKENS_AROUND + new
}

/// Input as the vendor counted it, if it did.
fn counted_input(reply: &ModelReply) -> Option<u64> {
    let usage = &reply.usage;
    match usage.total() - usage.output_tokens {
        0 => None,
        tokens => Some(tokens),
    }
}

fn before(request: &ModelRequest) -> u64 {
    let tools = request.tools.iter().map(|it| {
        length(&it.name) + length(&it.description) + json_bytes(&it.parameters) + TOKENS_AROUND
    });
    length(&request.system) + tools.sum::<u64>()
}

fn bytes(message: &Message) -> u64 {
    match message {
        Message::User { text } => length(text),
        Message::ToolAnswer {
            text,
            call_id,
            tool,
            ..
        } => length(text) + length(call_id) + length(tool),
        Message::Assistant { reply } => {
            let calls = reply.tool_calls.iter().map(|it| {
                json_bytes(&it.arguments) + length(&it.id) + length(&it.tool) + TOKENS_AROUND
            });
            let rebuilt = length(&reply.text) + calls.sum::<u64>();
            rebuilt.max(reply.native.as_ref().map_or(0, json_bytes))
        }
    }
}

/// An upper bound of the tokens of a reply that its vendor didn't count.
pub(super) fn reply_tokens_at_most(reply: &ModelReply) -> u64 {
    bytes(&Message::Assistant {
        reply: reply.clone(),
    }) + TOKENS_AROUND
}

fn length(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

fn json_bytes(value: &Value) -> u64 {
    length(&value.to_string())
}
