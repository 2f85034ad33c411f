//! What can go wrong between asking for a program and knowing how it ended.

use std::io;
use std::path::PathBuf;

/// A program could not be run, or its end could not be learnt. A program that fails is not an error: its
/// [`protocol::Execution`] says so.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The caller gave no program.
    #[error("run a command without a program")]
    Empty,
    /// The program isn't there, or isn't a program.
    #[error("start `{program}` (is it installed, and on the PATH the command was given?)")]
    Start {
        /// The program as it was asked for.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The walls could not be put up, so the program was not started.
    #[error("put up the sandbox for `{program}`: {why} (`pipeline doctor` shows what works here)")]
    Walls {
        /// The program as it was asked for.
        program: String,
        /// What refused, in the words of the layer that refused.
        why: String,
    },
    /// No layer works on this machine.
    #[error(
        "find a sandbox on this machine: {why} (install bubblewrap and allow unprivileged user namespaces, or ask for `--unconfined`)"
    )]
    NoWalls {
        /// What was tried, and what it said.
        why: String,
    },
    /// A path the view needs isn't absolute or isn't there.
    #[error("show `{path}` to a command (it must be absolute and exist)")]
    Path {
        /// The path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The system refused something the door needs.
    #[error("{doing}")]
    System {
        /// What was being done, as in `make a pipe`.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The program was started, but nobody knows how it ended.
    #[error("learn how `{program}` ended (was the sandbox killed from outside?)")]
    Lost {
        /// The program as it was asked for.
        program: String,
    },
}

impl CommandError {
    /// For `map_err`: the system refused something while `doing`.
    pub(crate) fn system(doing: &'static str) -> impl FnOnce(io::Error) -> CommandError {
        move |source| CommandError::System { doing, source }
    }
}
