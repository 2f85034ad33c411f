//! What a scripted model says in one turn, in the form people write it down.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::{ModelReply, StopReason, TokenUsage, ToolCall};

/// One reply of a script: a small TOML file.
///
/// ```toml
/// text = "The bound is off by one."
/// expect = ["def last_page"]          # the request must contain this
///
/// [[call]]
/// tool = "edit_file"                  # every further key is an argument of the tool
/// path = "pages.py"
/// old_text = '''range(1, n)'''
/// new_text = '''range(1, n + 1)'''
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedReply {
    /// Its words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Texts the request must contain for this reply to make sense.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<String>,
    /// A JSON document instead of words, for requests with an output schema.
    #[serde(default, alias = "json", skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Why it stops.
    #[serde(default)]
    pub stop: StopReason,
    /// The vendor's own word for why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stop_details: String,
    /// Tokens it claims to have used; none by default, because nobody was paid.
    #[serde(default)]
    pub usage: TokenUsage,
    /// The tools it wants used.
    #[serde(default, rename = "call", skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ScriptedCall>,
}

/// One tool call of a script.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScriptedCall {
    /// The tool.
    pub tool: String,
    /// The whole arguments as text, for a call whose JSON is broken on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_arguments: Option<String>,
    /// The arguments.
    #[serde(flatten)]
    pub arguments: Map<String, Value>,
}

impl ScriptedReply {
    /// A reply of words only.
    pub fn text(text: impl Into<String>) -> ScriptedReply {
        ScriptedReply {
            text: text.into(),
            ..ScriptedReply::default()
        }
    }

    /// Adds a tool call. Arguments that are no JSON object become a broken call.
    #[must_use]
    pub fn call(mut self, tool: impl Into<String>, arguments: Value) -> ScriptedReply {
        let mut call = ScriptedCall {
            tool: tool.into(),
            ..ScriptedCall::default()
        };
        match arguments {
            Value::Object(arguments) => call.arguments = arguments,
            Value::String(raw) => call.raw_arguments = Some(raw),
            other => call.raw_arguments = Some(other.to_string()),
        }
        self.calls.push(call);
        self
    }

    /// The replies of a script, from the names and texts of its files.
    ///
    /// Only names that end in `.toml` count. They are put in order by the number they begin with, then by name.
    pub fn in_order(
        files: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Vec<ScriptedReply>, ScriptError> {
        let mut files: Vec<(String, String)> = files
            .into_iter()
            .filter(|(name, _)| name.ends_with(".toml"))
            .collect();
        files.sort_by(|(a, _), (b, _)| (number_of(a), a).cmp(&(number_of(b), b)));
        if files.is_empty() {
            return Err(ScriptError::Empty);
        }
        let read = |(file, text): (String, String)| {
            toml::from_str(&text).map_err(|source| ScriptError::Unreadable {
                file,
                source: Box::new(source),
            })
        };
        files.into_iter().map(read).collect()
    }

    /// The first text that should be in the request and isn't.
    pub fn missing_in(&self, request: &str) -> Option<&str> {
        self.expect
            .iter()
            .map(String::as_str)
            .find(|it| !request.contains(it))
    }

    /// The reply as a model gives it; `turn` is its place in the script, counted from 1, and names its calls.
    pub fn to_reply(&self, turn: usize) -> ModelReply {
        let tool_calls = self
            .calls
            .iter()
            .zip(1..)
            .map(|(call, number)| ToolCall {
                id: format!("call-{turn}-{number}"),
                tool: call.tool.clone(),
                arguments: match &call.raw_arguments {
                    Some(raw) => Value::String(raw.clone()),
                    None => Value::Object(call.arguments.clone()),
                },
            })
            .collect();
        ModelReply {
            answered_by: None,
            text: match &self.output {
                Some(output) => output.to_string(),
                None => self.text.clone(),
            },
            tool_calls,
            stop: self.stop,
            stop_details: self.stop_details.clone(),
            usage: self.usage,
            cost_microusd: None,
            native: None,
        }
    }
}

/// The number a file's name begins with; names without one come last.
fn number_of(name: &str) -> u64 {
    let digits = name
        .split(|it: char| !it.is_ascii_digit())
        .next()
        .unwrap_or_default();
    digits.parse().unwrap_or(u64::MAX)
}

/// A script can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// No reply in it.
    #[error("find a reply in the script (it needs files `01.toml`, `02.toml` …)")]
    Empty,
    /// A file isn't a reply.
    #[error("read the reply `{file}`")]
    Unreadable {
        /// The file's name.
        file: String,
        /// Where it goes wrong.
        #[source]
        source: Box<toml::de::Error>,
    },
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(files: &[(&str, &str)], want: Expect) {
        let files = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let got = match ScriptedReply::in_order(files) {
            Ok(replies) => (replies.iter().zip(1..))
                .map(|(it, turn)| serde_json::to_string(&it.to_reply(turn)).unwrap() + "\n")
                .collect(),
            Err(error) => format!("{error}\n"),
        };
        want.assert_eq(&got);
    }

    #[test]
    fn files_come_in_the_order_of_their_numbers() {
        let check_texts = |names: &[&str], want: &str| {
            let files = names
                .iter()
                .map(|it| ((*it).to_owned(), format!("text = \"{it}\"")));
            let texts: Vec<String> = ScriptedReply::in_order(files)
                .unwrap()
                .into_iter()
                .map(|it| it.text)
                .collect();
            assert_eq!(texts.join(" "), want);
        };
        check_texts(
            &["10.toml", "2.toml", "1-a.toml"],
            "1-a.toml 2.toml 10.toml",
        );
        check_texts(&["end.toml", "README.md", "01.toml"], "01.toml end.toml");
    }

    #[test]
    fn further_keys_of_a_call_are_its_arguments() {
        check(
            &[(
                "01.toml",
                "text = 'I will.'\n[[call]]\ntool = 'edit_file'\npath = 'a.py'\nold_text = '''\na\nb'''\n[[call]]\ntool = 'finish'",
            )],
            expect![[r#"
                {"text":"I will.","tool_calls":[{"id":"call-1-1","tool":"edit_file","arguments":{"old_text":"a\nb","path":"a.py"}},{"id":"call-1-2","tool":"finish","arguments":{}}],"stop":"done","usage":{"input_tokens":0,"cached_tokens":0,"cache_write_tokens":0,"output_tokens":0},"cost_microusd":null,"native":null}
            "#]],
        );
    }

    #[test]
    fn a_reply_can_be_json_broken_or_cut_off() {
        check(
            &[(
                "01.toml",
                "json = { verdict = 'pass', findings = [] }\nstop = 'tokens_max'\nusage = { input_tokens = 9 }\n[[call]]\ntool = 'x'\nraw_arguments = '{\"a'",
            )],
            expect![[r#"
                {"text":"{\"findings\":[],\"verdict\":\"pass\"}","tool_calls":[{"id":"call-1-1","tool":"x","arguments":"{\"a"}],"stop":"tokens_max","usage":{"input_tokens":9,"cached_tokens":0,"cache_write_tokens":0,"output_tokens":0},"cost_microusd":null,"native":null}
            "#]],
        );
    }

    #[test]
    fn what_is_no_script_is_said() {
        check(
            &[("01.toml", "txt = 'a typo'")],
            expect![[r#"
            read the reply `01.toml`
        "#]],
        );
        check(
            &[("notes.md", "")],
            expect![[r#"
            find a reply in the script (it needs files `01.toml`, `02.toml` …)
        "#]],
        );
    }
}
