//! One program on the way to an environment, and the words for its failure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use protocol::{Execution, Exit, Limits, Network, WorkspaceError};

use crate::command::{Bounds, Door, Spawn, View};

/// The end of a failed program's output that goes into the error.
const TAIL_BYTES_MAX: usize = 8 * 1024;
/// Largest file an installation may write: packages with compiled libraries are large.
const FILE_BYTES_MAX: u64 = 8 << 30;
/// Address space of one process of an installation: linkers and compilers need more than tests.
const MEMORY_BYTES_MAX: u64 = 16 << 30;

/// A program on the way to an environment.
pub(super) struct Step<'a> {
    pub(super) argv: Vec<String>,
    /// The words for it in an error; the arguments themselves are full of our own paths.
    pub(super) shown: String,
    pub(super) directory: &'a Path,
    pub(super) env: BTreeMap<String, String>,
    pub(super) writable: Vec<PathBuf>,
    pub(super) readable: Vec<PathBuf>,
    pub(super) network: Network,
}

impl Step<'_> {
    /// Runs it; a failure is the repository's environment being blocked.
    pub(super) async fn run(
        &self,
        door: &Door,
        limits: &Limits,
    ) -> Result<Execution, WorkspaceError> {
        let spawn = Spawn {
            argv: self.argv.clone(),
            directory: self.directory.to_owned(),
            env: self.env.clone(),
            stdin: Vec::new(),
            view: View::Confined {
                writable: self.writable.clone(),
                readable: self.readable.clone(),
                sealed: Vec::new(),
                network: self.network,
            },
            bounds: bounds(limits),
            report: false,
        };
        let execution = door
            .run(&spawn)
            .await
            .map_err(|it| WorkspaceError::failed(format!("run `{}`", self.shown), it))?;
        if execution.succeeded() {
            return Ok(execution);
        }
        Err(WorkspaceError::Blocked {
            command: self.shown.clone(),
            tail: told(&execution, limits),
        })
    }
}

/// The bounds of one program of an installation.
pub(super) fn bounds(limits: &Limits) -> Bounds {
    Bounds {
        // Several threads of one process work at once.
        cpu_seconds_max: limits.install_seconds_max.saturating_mul(8),
        file_bytes_max: limits.file_bytes_max.max(FILE_BYTES_MAX),
        memory_bytes_max: limits.memory_bytes_max.max(MEMORY_BYTES_MAX),
        ..Bounds::of(limits, limits.install_seconds_max)
    }
}

/// How a program failed: the end of its output, and what stopped it if that wasn't itself.
fn told(execution: &Execution, limits: &Limits) -> String {
    let whole = execution.tail();
    let whole = whole.trim_end();
    let mut from = whole.len().saturating_sub(TAIL_BYTES_MAX);
    while !whole.is_char_boundary(from) {
        from += 1;
    }
    let mut text = whole[from..].to_owned();
    let stopped = match execution.exit {
        Exit::Code(_) => return text,
        Exit::Signal(signal) => format!("(ended by signal {signal})"),
        Exit::TooSlow => format!("(stopped after {} seconds)", limits.install_seconds_max),
        Exit::TooMuchOutput => "(stopped: it printed too much)".to_owned(),
    };
    if !text.is_empty() {
        text.push('\n');
    }
    text + &stopped
}
