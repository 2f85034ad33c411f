//! Who may wish for what, and how much all of it may cost.

use serde::{Deserialize, Serialize};

/// What counts as a wish, and whose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// The label that asks for a run.
    pub label: String,
    /// The label that keeps the bot away from an issue.
    pub off_label: String,
    /// Programs that may ask, by their accounts' names; all others are refused.
    pub bots: Vec<String>,
}

/// How much runs may cost, in millionths of a US dollar; none is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budgets {
    /// One run.
    pub run_microusd_max: Option<u64>,
    /// All runs on one repository in a day of UTC.
    pub repository_day_microusd_max: Option<u64>,
    /// All runs in a day of UTC.
    pub day_microusd_max: Option<u64>,
}

/// What somebody wishes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// A run.
    Run,
    /// The same once more.
    Retry,
    /// The same on the base as it is now.
    Rebase,
    /// A run that knows the answer to what an earlier one had to ask.
    Answer,
    /// That the run on the issue stops.
    Stop,
    /// Word of how it stands.
    Status,
}

impl Command {
    /// As people write it behind `/pipeline`.
    pub fn word(self) -> &'static str {
        match self {
            Command::Run => "run",
            Command::Retry => "retry",
            Command::Rebase => "rebase",
            Command::Answer => "answer",
            Command::Stop => "stop",
            Command::Status => "status",
        }
    }

    /// The command of a comment's first line, if it is one of ours: `/pipeline` alone means a run.
    pub fn of_line(line: &str) -> Option<Command> {
        let mut words = line.split_whitespace();
        if words.next() != Some("/pipeline") {
            return None;
        }
        match words.next() {
            None | Some("run") => Some(Command::Run),
            Some("retry") => Some(Command::Retry),
            Some("rebase") => Some(Command::Rebase),
            Some("stop") => Some(Command::Stop),
            Some("status") => Some(Command::Status),
            Some(_) => None,
        }
    }

    /// Whether a run works on it.
    pub(crate) fn is_work(self) -> bool {
        !matches!(self, Command::Stop | Command::Status)
    }
}
