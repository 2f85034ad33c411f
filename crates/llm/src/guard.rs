//! Looks, by their values, for what a recording must not hold: keys, and paths of whoever records.

use std::fmt;
use std::path::Path;

use protocol::{Place, Places};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// Shorter ones are no keys but words that servers of one's own are content with, and occur in any text.
const KEY_BYTES_MIN: usize = 8;

/// Values that a recording must not hold. None by default.
#[derive(Clone, Default)]
pub struct Guard {
    keys: Vec<(String, SecretString)>,
    paths: Vec<Place>,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose: Vec<&String> = self.keys.iter().map(|(whose, _)| whose).collect();
        f.debug_struct("Guard")
            .field("keys_of", &whose)
            .field("paths", &self.paths.len())
            .finish()
    }
}

impl Guard {
    /// Guards a key. `whose` names it in errors, as in `the key of anthropic`.
    #[must_use]
    pub fn key(mut self, whose: impl Into<String>, key: &SecretString) -> Guard {
        if KEY_BYTES_MIN <= key.expose_secret().len() {
            self.keys.push((whose.into(), key.clone()));
        }
        self
    }

    /// Guards a path and all below it. `what` names it in errors, as in `the path of your home folder`.
    #[must_use]
    pub fn path(mut self, what: &str, path: &Path) -> Guard {
        self.paths.push(Place::new(path, what));
        self
    }

    /// What of it a text holds, in words without its value.
    pub(crate) fn found_in(&self, text: &str) -> Option<String> {
        let of_key = |(whose, key): &(String, SecretString)| {
            text.contains(key.expose_secret()).then(|| whose.clone())
        };
        let of_path = |it: &Place| {
            let alone = Places::new([it.clone()]);
            alone.first_in(text).map(|_| it.name().to_owned())
        };
        let mut keys = self.keys.iter().filter_map(of_key);
        keys.next()
            .or_else(|| self.paths.iter().filter_map(of_path).next())
    }

    /// What of it is anywhere in a JSON, and where.
    pub(crate) fn found_within(&self, value: &Value) -> Option<String> {
        let mut place = Vec::new();
        let what = self.search(value, &mut place)?;
        Some(format!("{what} (in `{}`)", place.join(".")))
    }

    fn search(&self, value: &Value, place: &mut Vec<String>) -> Option<String> {
        let mut inside = |name: String, value: &Value| {
            place.push(name);
            let found = self.search(value, place);
            if found.is_none() {
                place.pop();
            }
            found
        };
        match value {
            Value::String(text) => self.found_in(text),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .find_map(|(number, it)| inside(number.to_string(), it)),
            Value::Object(fields) => fields
                .iter()
                .find_map(|(name, it)| self.found_in(name).or_else(|| inside(name.clone(), it))),
            Value::Null | Value::Bool(_) | Value::Number(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(value: &Value, want: Option<&str>) {
        let guard = Guard::default()
            .key("the key of acme", &SecretString::from("sk-\"acme\"-1234"))
            .key("the key of nobody", &SecretString::from("ollama"))
            .path("the path of your home folder", Path::new("/home/ada"));
        assert_eq!(guard.found_within(value).as_deref(), want);
    }

    #[test]
    fn keys_and_paths_are_found_by_their_values_and_told_by_their_place() {
        check(
            &json!({"request": {"messages": [{"text": "a"}, {"text": "x sk-\"acme\"-1234!"}]}}),
            Some("the key of acme (in `request.messages.1.text`)"),
        );
        check(
            &json!({"reply": {"native": {"deep": ["cd /home/ada/src"]}}}),
            Some("the path of your home folder (in `reply.native.deep.0`)"),
        );
        check(
            &json!({"/home/ada": 1}),
            Some("the path of your home folder (in ``)"),
        );
        check(&json!({"text": "ollama and /home/adam", "n": 1}), None);
    }
}
