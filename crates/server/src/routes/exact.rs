//! What the code that describes the API can't say of itself: headers are left out, not null; what is told is always there.

use serde_json::{Value, json};

/// What callers send, and what is told in part: fields of these may be left out.
const IN_PART: [&str; 6] = [
    "NewRun",
    "Changes",
    "Destinations",
    "SignIn",
    "Problem",
    "EventTold",
];

/// Makes a description exact.
pub(super) fn describe(openapi: &mut Value) {
    let paths = openapi["paths"].as_object_mut();
    let operations = paths
        .into_iter()
        .flat_map(|it| it.values_mut())
        .filter_map(Value::as_object_mut)
        .flat_map(|it| it.values_mut());
    for operation in operations {
        let parameters = operation.get_mut("parameters");
        let parameters = parameters.and_then(Value::as_array_mut);
        for parameter in parameters.into_iter().flatten() {
            header(parameter);
        }
    }
    let schemas = openapi["components"]["schemas"].as_object_mut();
    for (name, schema) in schemas.into_iter().flatten() {
        if !IN_PART.contains(&name.as_str()) {
            whole(schema);
        }
    }
}

/// A header is a text or a number, or isn't there.
fn header(parameter: &mut Value) {
    if parameter["in"] != "header" && parameter["in"] != "query" {
        return;
    }
    let kind = parameter["schema"]["type"].as_array();
    let kind = kind
        .and_then(|it| it.iter().find(|it| *it != "null"))
        .cloned();
    if let Some(kind) = kind {
        parameter["schema"]["type"] = kind;
    }
    if parameter["name"] == "Idempotency-Key" {
        parameter["schema"]["minLength"] = json!(1);
        parameter["schema"]["maxLength"] = json!(200);
        parameter["schema"]["pattern"] = json!("^[\\x20-\\x7e]+$");
    }
}

/// All fields are always there, be they null.
fn whole(schema: &mut Value) {
    if let Some(parts) = schema.get_mut("allOf").and_then(Value::as_array_mut) {
        parts.iter_mut().for_each(whole);
    }
    let names: Vec<Value> = match schema["properties"].as_object() {
        Some(properties) => properties.keys().map(|it| json!(it)).collect(),
        None => return,
    };
    schema["required"] = Value::Array(names);
}
