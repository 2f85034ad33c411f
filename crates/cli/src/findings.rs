//! What was looked at, a row each, and what it comes to: lines for people, or one JSON document for programs.

use protocol::Reach;
use serde::Serialize;
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::{out, words};

/// Columns before the words of a row.
const NAME_CHARS: usize = 14;
/// The form of the JSON document; another number when a key is gone or means something else.
const FORM: u32 = 1;

/// How one thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// As it must be.
    Ok,
    /// Worth knowing; nothing stands in the way.
    Note,
    /// It stands in the way.
    Fails,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    id: String,
    #[serde(rename = "title")]
    name: String,
    state: State,
    /// What was found.
    about: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    todo: Option<String>,
    /// How a run would end because of it.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "as_number",
        rename = "exit_code"
    )]
    exit: Option<Exit>,
    #[serde(flatten)]
    reach: Option<Reach>,
}

fn as_number<S: serde::Serializer>(exit: &Option<Exit>, serializer: S) -> Result<S::Ok, S::Error> {
    exit.map(Exit::code).serialize(serializer)
}

impl Row {
    fn new(id: &str, name: &str, state: State, about: impl Into<String>) -> Row {
        Row {
            id: id.to_owned(),
            name: name.to_owned(),
            state,
            about: about.into(),
            todo: None,
            exit: None,
            reach: None,
        }
    }

    /// As it must be.
    pub(crate) fn fine(id: &str, name: &str, about: impl Into<String>) -> Row {
        Row::new(id, name, State::Ok, about)
    }

    /// Worth knowing.
    pub(crate) fn note(id: &str, name: &str, about: impl Into<String>) -> Row {
        Row::new(id, name, State::Note, about)
    }

    /// It stands in the way: a run would end so.
    pub(crate) fn fails(id: &str, name: &str, exit: Exit, about: impl Into<String>) -> Row {
        Row {
            exit: Some(exit),
            ..Row::new(id, name, State::Fails, about)
        }
    }

    /// What an error says stands in the way.
    pub(crate) fn of_failure(id: &str, name: &str, failure: &Failure) -> Row {
        Row {
            todo: failure.advice().map(str::to_owned),
            ..Row::fails(id, name, failure.exit, failure.why())
        }
    }

    /// The same, with what to do about it.
    pub(crate) fn advise(mut self, todo: impl Into<String>) -> Row {
        self.todo = Some(todo.into());
        self
    }

    /// The same, with what a request came to.
    pub(crate) fn reached(mut self, reach: Reach) -> Row {
        self.reach = Some(reach);
        self
    }

    fn lines(&self) -> Vec<String> {
        let mark = match self.state {
            State::Ok => words::mark(true),
            State::Note => "–",
            State::Fails => words::mark(false),
        };
        let mut lines = self.about.lines().map(words::visible);
        let first = lines.next().unwrap_or_default();
        let mut all = vec![format!("{mark} {:<NAME_CHARS$} {first}", self.name)];
        all.extend(lines.map(|it| format!("  {it}")));
        let todo = self.todo.iter();
        all.extend(todo.map(|it| format!("  what to do: {}", words::visible(it))));
        all
    }
}

/// All that was looked at until now.
pub(crate) struct Findings {
    /// Whether nothing is printed but the document at the end.
    is_json: bool,
    rows: Vec<Row>,
}

impl Findings {
    /// Nothing yet.
    pub(crate) fn new(is_json: bool) -> Findings {
        Findings {
            is_json,
            rows: Vec::new(),
        }
    }

    /// Says what was found.
    pub(crate) fn add(&mut self, row: Row) {
        if !self.is_json {
            for line in row.lines() {
                out::line(&line);
            }
        }
        self.rows.push(row);
    }

    /// Says what it comes to. The exit code is that of the first thing that stands in the way.
    pub(crate) fn end(self, ready: &str) -> Exit {
        let failing: Vec<&Row> = self
            .rows
            .iter()
            .filter(|it| it.state == State::Fails)
            .collect();
        let exit = failing.first().and_then(|it| it.exit).unwrap_or(Exit::Done);
        if self.is_json {
            let verdict = match failing.is_empty() {
                true => "ready",
                false => "not_ready",
            };
            let told = json!({
                "form": FORM, "version": env!("PIPELINE_VERSION"), "verdict": verdict, "exit_code": exit.code(), "rows": self.rows,
            });
            out::line(&told.to_string());
            return exit;
        }
        let verdict = match failing.as_slice() {
            [] => Row::fine("verdict", "ready", ready),
            failing => {
                let mut names: Vec<&str> = failing.iter().map(|it| it.name.as_str()).collect();
                names.dedup();
                let what = names.join(", ");
                let stands = if names.len() == 1 { "stands" } else { "stand" };
                let about = format!("{what} {stands} in the way (exit {})", exit.code());
                Row::fails("verdict", "not ready", exit, about)
            }
        };
        for line in verdict.lines() {
            out::line(&line);
        }
        exit
    }
}
