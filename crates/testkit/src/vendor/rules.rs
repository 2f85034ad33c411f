//! Rules that several vendors have: fields they know, schemas they take, calls that must be answered.

use std::collections::BTreeSet;

use protocol::TokenUsage;
use serde_json::Value;

use super::Refusal;
use super::script::Received;

/// Refuses fields that the interface doesn't have.
pub(super) fn only_fields(body: &Value, known: &[&str]) -> Result<(), Refusal> {
    let Some(fields) = body.as_object() else {
        return Err(Refusal::bad("the body is not a JSON object"));
    };
    match fields.keys().find(|it| !known.contains(&it.as_str())) {
        Some(unknown) => Err(Refusal::bad(format!("Unknown parameter: '{unknown}'"))),
        None => Ok(()),
    }
}

/// The items of a list that must not be empty.
pub(super) fn items<'a>(body: &'a Value, name: &str) -> Result<&'a Vec<Value>, Refusal> {
    match body[name].as_array() {
        Some(items) if !items.is_empty() => Ok(items),
        _ => Err(Refusal::bad(format!(
            "'{name}' must be a list and not empty"
        ))),
    }
}

/// A text that must not be empty.
pub(super) fn text<'a>(value: &'a Value, what: &str) -> Result<&'a str, Refusal> {
    match value.as_str() {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(Refusal::bad(format!("{what} must be a text and not empty"))),
    }
}

/// A whole number of at least this.
pub(super) fn at_least(value: &Value, min: u64, what: &str) -> Result<(), Refusal> {
    match value.as_u64() {
        Some(number) if min <= number => Ok(()),
        _ => Err(Refusal::bad(format!(
            "'{what}' is required and at least {min}"
        ))),
    }
}

/// A tool's name as all vendors take it.
pub(super) fn tool_name(name: &Value) -> Result<(), Refusal> {
    let good = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '-';
    let name = text(name, "a tool's name")?;
    match name.len() <= 64 && name.chars().all(good) {
        true => Ok(()),
        false => Err(Refusal::bad(format!("'{name}' is no name for a tool"))),
    }
}

/// A schema that answers are held to: every object says that it has no other properties and, if asked, requires all.
pub(super) fn strict_schema(schema: &Value, all_required: bool) -> Result<(), Refusal> {
    match schema {
        Value::Object(map) => {
            if let Some(properties) = map.get("properties").and_then(Value::as_object) {
                if map.get("additionalProperties") != Some(&Value::Bool(false)) {
                    return Err(Refusal::bad(
                        "'additionalProperties' is required to be false",
                    ));
                }
                let required: BTreeSet<&str> = map
                    .get("required")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                let missing = properties.keys().find(|it| !required.contains(it.as_str()));
                if let Some(missing) = missing.filter(|_| all_required) {
                    return Err(Refusal::bad(format!("'required' must include '{missing}'")));
                }
            }
            map.values()
                .try_for_each(|it| strict_schema(it, all_required))
        }
        Value::Array(items) => items
            .iter()
            .try_for_each(|it| strict_schema(it, all_required)),
        _ => Ok(()),
    }
}

/// The calls of one reply against the answers that follow it: each answered, and nothing else.
pub(super) fn answered(calls: &BTreeSet<&str>, answers: &BTreeSet<&str>) -> Result<(), Refusal> {
    if let Some(unanswered) = calls.difference(answers).next() {
        return Err(Refusal::bad(format!(
            "no tool output found for call {unanswered}"
        )));
    }
    match answers.difference(calls).next() {
        Some(unasked) => Err(Refusal::bad(format!(
            "tool output for {unasked}, which was not called"
        ))),
        None => Ok(()),
    }
}

/// What the fake counts: the script's figures, or a token for every four bytes.
pub(super) fn usage(scripted: TokenUsage, received: &Received, reply: &str) -> TokenUsage {
    if scripted != TokenUsage::default() {
        return scripted;
    }
    let tokens = |bytes: usize| u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX);
    TokenUsage {
        input_tokens: tokens(received.raw.len()),
        output_tokens: tokens(reply.len()),
        ..TokenUsage::default()
    }
}
