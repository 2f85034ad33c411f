//! The wires: how each interface of a vendor wants a request, and how it puts a reply. One file a wire.
//!
//! A reply's own array of items, blocks or parts is kept whole and goes back whole: vendors seal their thoughts
//! and refuse a conversation in which a block was moved, edited or left out. Only a reply of somebody else is
//! put together anew, from its words and its calls.

mod chat_completions;
mod generate_content;
mod messages;
mod responses;
mod stop;

use std::collections::HashSet;

use protocol::{Message, ModelReply, ModelRequest, TokenUsage, ToolCall};
use reqwest::header::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use chat_completions::ChatCompletions;
pub(crate) use generate_content::GenerateContent;
pub(crate) use messages::Messages;
pub(crate) use responses::Responses;

use crate::fault::Fault;
use crate::price::Service;

/// What a request needs to know besides its own content.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    /// Whose model it is, as in the catalog.
    pub(crate) vendor: String,
    /// The vendor's name for the model.
    pub(crate) model: String,
    /// A name for the run, for vendors that route by one what should find their cache again.
    pub(crate) cache_key: String,
    /// Which tier of service is asked for.
    pub(crate) service: Service,
}

/// One interface of a vendor.
pub(crate) trait Wire: Send + Sync {
    /// Its name, which is kept with a reply: only the same wire gets it back as it came.
    fn name(&self) -> &'static str;

    /// Where requests go, below the base address.
    fn path(&self, model: &str) -> String;

    /// Headers of every request besides the key.
    fn headers(&self) -> HeaderMap {
        HeaderMap::new()
    }

    /// The header that carries the key, and what stands before the key in it.
    fn key_header(&self) -> (&'static str, &'static str);

    /// The whole body of a request.
    fn body(&self, asking: &Asking, request: &ModelRequest) -> Value;

    /// Tokens as an answer counts them; none where it doesn't say. Also read from answers that are no reply.
    fn usage(&self, body: &Value) -> TokenUsage;

    /// The tier of service that answered.
    fn service(&self, _: &Value) -> Service {
        Service::Standard
    }

    /// The reply in an answer of status 200, without its usage.
    fn read(&self, asking: &Asking, body: &Value) -> Result<ModelReply, Fault>;
}

/// What [`ModelReply::native`] holds: the reply's own array as it came, and whose it is.
///
/// Thoughts are sealed for one model; sent to another, they would be refused.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Native {
    pub(crate) wire: String,
    pub(crate) vendor: String,
    pub(crate) model: String,
    pub(crate) content: Value,
}

/// Keeps the content of a reply as it came.
fn native(wire: &dyn Wire, asking: &Asking, content: Value) -> Option<Value> {
    serde_json::to_value(Native {
        wire: wire.name().to_owned(),
        vendor: asking.vendor.clone(),
        model: asking.model.clone(),
        content,
    })
    .ok()
}

/// The content of a reply as it came, if it came over this wire from this model.
fn as_it_came<'a>(wire: &dyn Wire, asking: &Asking, reply: &'a ModelReply) -> Option<&'a Value> {
    let native = reply.native.as_ref()?;
    let of_this_model = native["wire"] == wire.name()
        && native["vendor"] == asking.vendor.as_str()
        && native["model"] == asking.model.as_str();
    of_this_model.then(|| &native["content"])
}

/// Whether a reply came from this model, so that what it counted was counted by this model's own rule.
pub(crate) fn is_from(reply: &ModelReply, vendor: &str, model: &str) -> bool {
    reply
        .native
        .as_ref()
        .is_some_and(|it| it["vendor"] == vendor && it["model"] == model)
}

/// One turn of a conversation, as all wires see it.
enum Turn<'a> {
    /// Words from us.
    User(&'a str),
    /// A reply to be sent back.
    Assistant {
        reply: &'a ModelReply,
        /// Its place among the messages, from which calls are named that somebody else's model made.
        place: usize,
    },
    /// All answers to the calls of the reply before. They stand together, whatever their number.
    Answers(Vec<ToolAnswer<'a>>),
}

/// The answer to one call.
struct ToolAnswer<'a> {
    /// The call's name as the vendor is told it.
    call_id: String,
    /// Whether the name is one that the vendor itself gave.
    own_id: bool,
    tool: &'a str,
    text: &'a str,
    is_error: bool,
}

impl ToolAnswer<'_> {
    /// The text for vendors that have no field for failure.
    fn text_with_error(&self) -> String {
        let says_so = self
            .text
            .trim_start()
            .to_ascii_lowercase()
            .starts_with("error");
        match self.is_error && !says_so {
            true => format!("error: {}", self.text),
            false => self.text.to_owned(),
        }
    }
}

/// The conversation in turns. Replies that say nothing at all are left out: vendors refuse to read them back.
fn turns<'a>(wire: &dyn Wire, asking: &Asking, request: &'a ModelRequest) -> Vec<Turn<'a>> {
    let mut turns: Vec<Turn<'a>> = Vec::new();
    // The calls of the last reply, by the names that the reply gave them and those that the vendor is told.
    let mut names: Vec<(&str, String)> = Vec::new();
    let mut own_ids = false;
    for (place, message) in request.messages.iter().enumerate() {
        match message {
            Message::User { text } => turns.push(Turn::User(text)),
            Message::Assistant { reply } => {
                let own = as_it_came(wire, asking, reply);
                own_ids = own.is_some();
                names = (1..)
                    .zip(&reply.tool_calls)
                    .map(|(number, call)| match own {
                        Some(_) => (call.id.as_str(), call.id.clone()),
                        None => (call.id.as_str(), foreign_id(place, number)),
                    })
                    .collect();
                let empty = match own {
                    Some(content) => is_nothing(content),
                    None => reply.text.is_empty() && reply.tool_calls.is_empty(),
                };
                if !empty {
                    turns.push(Turn::Assistant { reply, place });
                }
            }
            Message::ToolAnswer {
                call_id,
                tool,
                text,
                is_error,
            } => {
                let named = names.iter().find(|(it, _)| it == call_id);
                let answer = ToolAnswer {
                    call_id: named.map_or_else(|| call_id.clone(), |it| it.1.clone()),
                    own_id: own_ids,
                    tool,
                    text,
                    is_error: *is_error,
                };
                match turns.last_mut() {
                    Some(Turn::Answers(answers)) => answers.push(answer),
                    _ => turns.push(Turn::Answers(vec![answer])),
                }
            }
        }
    }
    turns
}

/// The name of a call in a reply that somebody else's model made: plain, and unlike every other in the conversation.
fn foreign_id(place: usize, number: usize) -> String {
    format!("call_{place}_{number}")
}

fn is_nothing(content: &Value) -> bool {
    match content {
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => true,
    }
}

/// Arguments as an object, which is what most vendors want back; what isn't one is put into one.
fn arguments_object(arguments: &Value) -> Value {
    match arguments {
        Value::Object(_) => arguments.clone(),
        Value::Null => json!({}),
        broken => json!({"unreadable": broken}),
    }
}

/// Arguments that came as text. What isn't JSON stays text, so that the model can be told.
fn arguments_in_text(arguments: &Value) -> Value {
    match arguments {
        Value::Object(_) => arguments.clone(),
        Value::String(text) if text.trim().is_empty() => json!({}),
        Value::String(text) => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
        }
        other => other.clone(),
    }
}

/// A call whose name and tool are there.
fn call(id: &Value, tool: &Value, arguments: Value) -> Result<ToolCall, Fault> {
    match (id.as_str(), tool.as_str()) {
        (Some(id), Some(tool)) if !id.is_empty() => Ok(ToolCall {
            id: id.to_owned(),
            tool: tool.to_owned(),
            arguments,
        }),
        _ => Err(Fault::unreadable("it has a call without a name")),
    }
}

/// Refuses a reply in which two calls have one name: an answer to one would be taken for the other's.
fn refuse_duplicate_calls(reply: &ModelReply) -> Result<(), Fault> {
    let mut seen = HashSet::new();
    match reply.tool_calls.iter().find(|it| !seen.insert(&it.id)) {
        Some(twice) => Err(Fault::unreadable(&format!(
            "two of its calls have the name {:?}",
            twice.id
        ))),
        None => Ok(()),
    }
}

/// A count of tokens; what isn't one counts as none, and no answer has more than fit 32 bits, so sums stay sums.
fn tokens(count: &Value) -> u64 {
    count.as_u64().unwrap_or(0).min(u64::from(u32::MAX))
}

/// The items of a list; none where there is none.
fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
