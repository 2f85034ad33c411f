//! A request as text: its key for recordings, the form people compare, and how many tokens it can be.

use protocol::{Message, ModelId, ModelReply, ModelRequest, sha256};
use serde_json::{Value, json};

/// SHA-256, in hexadecimal, of all that decides about a reply: model, system prompt, tools, messages, schema.
///
/// What a reply cost and how many tokens it took are left out: prices change, and the same talk stays the same talk.
pub(crate) fn key_of(model: &ModelId, request: &ModelRequest) -> String {
    let messages: Vec<Value> = request.messages.iter().map(message).collect();
    let whole = json!({
        "model": model,
        "system": request.system,
        "tools": request.tools,
        "messages": messages,
        "output": request.output,
    });
    sha256(sorted(&whole).to_string())
}

fn message(message: &Message) -> Value {
    match message {
        Message::Assistant { reply } => json!({
            "role": "assistant",
            "text": reply.text,
            "tool_calls": reply.tool_calls,
            "native": reply.native,
        }),
        other => json!(other),
    }
}

/// The same JSON with the keys of every object in alphabetical order, because two writers may order them differently.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let entries = entries.into_iter().map(|(k, v)| (k.clone(), sorted(v)));
            Value::Object(entries.collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// The request as people read it: one heading a part, then its lines.
pub(crate) fn readable(request: &ModelRequest) -> String {
    let mut text = format!("# system\n{}\n", request.system);
    for tool in &request.tools {
        text += &format!(
            "# tool {}\n{}\n{}\n",
            tool.name,
            tool.description,
            sorted(&tool.parameters)
        );
    }
    if let Some(output) = &request.output {
        text += &format!("# output {}\n{}\n", output.name, sorted(&output.schema));
    }
    for message in &request.messages {
        match message {
            Message::User { text: words } => text += &format!("# user\n{words}\n"),
            Message::Assistant { reply } => text += &readable_reply(reply),
            Message::ToolAnswer {
                tool,
                text: words,
                is_error,
                ..
            } => {
                let mark = if *is_error { " (error)" } else { "" };
                text += &format!("# answer of {tool}{mark}\n{words}\n");
            }
        }
    }
    text
}

fn readable_reply(reply: &ModelReply) -> String {
    let mut text = format!("# assistant\n{}\n", reply.text);
    for call in &reply.tool_calls {
        text += &format!("# call of {}\n{}\n", call.tool, sorted(&call.arguments));
    }
    text
}
