//! The arguments of a tool call, which are any JSON because a model wrote them.

use serde_json::{Map, Value};

use crate::answer::glimpse;
use crate::refusal::Refusal;

/// Characters of odd arguments that are shown in the refusal.
const GLIMPSE_CHARS_MAX: usize = 80;

/// The named arguments of one call.
#[derive(Debug)]
pub(crate) struct Arguments(Map<String, Value>);

impl Arguments {
    /// Takes an object, or a string that holds one, as some models write it.
    pub(crate) fn read(value: &Value) -> Result<Arguments, Refusal> {
        let not_an_object = |began: &str| Refusal::NotAnObject {
            began: glimpse(began, GLIMPSE_CHARS_MAX),
        };
        match value {
            Value::Object(map) => Ok(Arguments(map.clone())),
            Value::Null => Ok(Arguments(Map::new())),
            Value::String(text) => match serde_json::from_str(text) {
                Ok(Value::Object(map)) => Ok(Arguments(map)),
                _ if text.trim().is_empty() => Ok(Arguments(Map::new())),
                _ => Err(not_an_object(text)),
            },
            other => Err(not_an_object(&other.to_string())),
        }
    }

    /// A text that must be there.
    pub(crate) fn text(&self, argument: &'static str) -> Result<&str, Refusal> {
        let missing = || Refusal::Missing {
            argument,
            given: self.names(),
        };
        self.optional_text(argument)?.ok_or_else(missing)
    }

    /// A text that may be left out. An explicit null is as good as none.
    pub(crate) fn optional_text(&self, argument: &'static str) -> Result<Option<&str>, Refusal> {
        match self.0.get(argument) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refusal::WrongType {
                argument,
                wanted: "a string",
            }),
        }
    }

    /// A path that must be there.
    pub(crate) fn path(&self) -> Result<String, Refusal> {
        self.text("path").map(plain_path)
    }

    /// A path that may be left out; empty then, which is the root.
    pub(crate) fn optional_path(&self) -> Result<String, Refusal> {
        Ok(self
            .optional_text("path")?
            .map(plain_path)
            .unwrap_or_default())
    }

    /// A number that may be left out; a string of digits is taken as well.
    pub(crate) fn optional_number(&self, argument: &'static str) -> Result<Option<i64>, Refusal> {
        let wrong = Refusal::WrongType {
            argument,
            wanted: "a whole number",
        };
        match self.0.get(argument) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => number.as_i64().map(Some).ok_or(wrong),
            Some(Value::String(text)) => text.trim().parse().map(Some).map_err(|_| wrong),
            Some(_) => Err(wrong),
        }
    }

    /// Any value.
    pub(crate) fn get(&self, argument: &str) -> Option<&Value> {
        self.0.get(argument)
    }

    fn names(&self) -> String {
        if self.0.is_empty() {
            return "nothing".to_owned();
        }
        let names: Vec<&str> = self.0.keys().map(String::as_str).collect();
        glimpse(&names.join(", "), GLIMPSE_CHARS_MAX)
    }
}

/// The path without the `./` that changes nothing; `.` is the root.
fn plain_path(path: &str) -> String {
    let path = path.trim_start_matches("./");
    if path == "." { "" } else { path }.to_owned()
}
