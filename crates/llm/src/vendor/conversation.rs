//! Turns a request of ours into the client library's, so that each later one begins with all of the earlier one.

use genai::chat::{CacheControl, ChatMessage, ChatRequest, ContentPart, MessageContent, ToolCall};
use protocol::{Message, ModelReply, ModelRequest};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use super::reply::Native;

/// The request as the library takes it. `vendor` tells whose native replies may be replayed as they came.
pub(crate) fn chat_request(api: &dyn Api, vendor: &str, request: &ModelRequest) -> ChatRequest {
    let mut messages = Vec::new();
    let mut chat = ChatRequest::default();
    if api.marks_system_for_cache() && !request.system.is_empty() {
        let system = ChatMessage::system(request.system.as_str());
        messages.push(system.with_options(CacheControl::Ephemeral));
    } else if !request.system.is_empty() {
        chat = chat.with_system(request.system.as_str());
    }
    let mut answers: Vec<ContentPart> = Vec::new();
    for message in &request.messages {
        if let Message::ToolAnswer {
            call_id,
            tool,
            text,
            is_error,
        } = message
        {
            answers.push(api.tool_answer(call_id, tool, text, *is_error));
            continue;
        }
        // All answers to one reply must stand in one message.
        if !answers.is_empty() {
            messages.push(tool_message(std::mem::take(&mut answers)));
        }
        match message {
            Message::User { text } => messages.push(ChatMessage::user(text.as_str())),
            // A reply without words or calls can't be sent back: vendors refuse empty messages.
            Message::Assistant { reply } if is_empty(reply) => {}
            Message::Assistant { reply } => {
                messages.push(ChatMessage::assistant(content(vendor, reply)))
            }
            Message::ToolAnswer { .. } => {}
        }
    }
    if !answers.is_empty() {
        messages.push(tool_message(answers));
    }
    chat.messages = messages;
    if !request.tools.is_empty() {
        chat = chat.with_tools(request.tools.iter().map(|it| api.tool(it)));
    }
    chat
}

fn tool_message(answers: Vec<ContentPart>) -> ChatMessage {
    ChatMessage::tool(MessageContent::from_parts(answers))
}

fn is_empty(reply: &ModelReply) -> bool {
    reply.text.is_empty() && reply.tool_calls.is_empty()
}

/// The reply as it goes back to the vendor. Arguments must be objects there, also those that came as broken text.
fn content(vendor: &str, reply: &ModelReply) -> MessageContent {
    let mut content = content_as_it_came(vendor, reply);
    for part in content.iter_mut() {
        if let ContentPart::ToolCall(call) = part
            && !call.fn_arguments.is_object()
        {
            call.fn_arguments = match call.fn_arguments.take() {
                Value::Null => json!({}),
                broken => json!({"unreadable": broken}),
            };
        }
    }
    content
}

/// The reply as it came, if it came from this vendor; its words and calls otherwise.
fn content_as_it_came(vendor: &str, reply: &ModelReply) -> MessageContent {
    let native = reply.native.as_ref().map(Native::deserialize);
    if let Some(Ok(native)) = native
        && native.vendor == vendor
    {
        return native.content;
    }
    let mut parts = Vec::new();
    if !reply.text.is_empty() {
        parts.push(ContentPart::from_text(reply.text.as_str()));
    }
    for call in &reply.tool_calls {
        parts.push(ContentPart::ToolCall(ToolCall {
            call_id: call.id.clone(),
            fn_name: call.tool.clone(),
            fn_arguments: call.arguments.clone(),
            thought_signatures: None,
        }));
    }
    MessageContent::from_parts(parts)
}
