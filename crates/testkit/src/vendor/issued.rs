//! What a fake has said, so that it can refuse a conversation in which that was moved, edited or left out.
//!
//! The real vendors do: a thinking block that isn't as it was, a signature that is missing, a thought without the
//! call that followed it, or the call without the thought, are answered with status 400.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::Refusal;

/// The contents of all replies so far.
#[derive(Debug, Default)]
pub(super) struct Issued(Mutex<Vec<Value>>);

impl Issued {
    pub(super) fn add(&self, content: Value) {
        let mut issued = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        issued.push(content);
    }

    /// Refuses contents that hold a part of a reply, but aren't that reply whole and in its order.
    pub(super) fn check(&self, replayed: &[Value]) -> Result<(), Refusal> {
        let issued = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for content in replayed {
            let seals = seals(content);
            let mut of_same_reply = issued
                .iter()
                .filter(|it| !seals.is_disjoint(&self::seals(it)));
            let first = of_same_reply.next();
            let as_it_was = |it: &Value| plain(it) == plain(content);
            if first.is_some_and(|it| !as_it_was(it)) && !of_same_reply.any(as_it_was) {
                return Err(Refusal::bad(
                    "blocks of an earlier reply cannot be modified: they must remain as they were in the original response",
                ));
            }
        }
        Ok(())
    }
}

/// The values by which a vendor knows a block of its own again.
fn seals(content: &Value) -> BTreeSet<String> {
    const FIELDS: &[&str] = &[
        "signature",
        "data",
        "encrypted_content",
        "thoughtSignature",
        "id",
        "call_id",
        "reasoning_content",
    ];
    let mut seals = BTreeSet::new();
    collect(content, FIELDS, &mut seals);
    seals
}

fn collect(value: &Value, fields: &[&str], seals: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|it| collect(it, fields, seals)),
        Value::Object(map) => {
            for (name, it) in map {
                if let (true, Value::String(text)) = (fields.contains(&name.as_str()), it) {
                    seals.insert(format!("{name}={text}"));
                }
                collect(it, fields, seals);
            }
        }
        _ => {}
    }
}

/// The content without what may differ: blocks of empty text, which no vendor takes back, and arguments that were
/// no JSON when they were sent.
fn plain(content: &Value) -> Value {
    match content {
        Value::Array(items) => {
            let empty = |it: &&Value| it["type"] == "text" && it["text"] == "";
            items.iter().filter(|it| !empty(it)).map(plain).collect()
        }
        Value::Object(map) => {
            let plain = map.iter().map(|(name, it)| match (name.as_str(), it) {
                ("arguments", Value::String(text)) if !is_readable(text) => {
                    (name.clone(), Value::Null)
                }
                _ => (name.clone(), plain(it)),
            });
            Value::Object(plain.collect())
        }
        other => other.clone(),
    }
}

fn is_readable(arguments: &str) -> bool {
    let read: Result<Value, _> = serde_json::from_str(arguments);
    read.is_ok_and(|it| it.is_object() && it.get("unreadable").is_none())
}
