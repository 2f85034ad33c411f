//! The one door to other programs: confined, bounded in time and output, never orphaned.

mod capture;
mod entry;
mod session;
mod spawner;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Instant;

use protocol::{Confinement, Execution, Exit, Limits, Network, Place};
use tempfile::TempDir;

use self::session::Ended;
use crate::confine::plan::Word;
use crate::confine::{HOME, TMP, Walls};
use crate::error::CommandError;
use crate::proxy::Egress;

/// Where all programs of this process are started.
#[derive(Debug)]
pub struct Door {
    walls: Walls,
    stage: PathBuf,
    scratch: PathBuf,
    egress: Egress,
}

/// One program to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spawn {
    /// Program and arguments. A bare name is looked up on the `PATH` of [`Spawn::env`], as the program will see it.
    pub argv: Vec<String>,
    /// Folder to run in, absolute, and visible to the program.
    pub directory: PathBuf,
    /// Its whole environment, but for `HOME`, `TMPDIR`, `TERM`, `LANG` and `PATH`, which it gets anyway and which
    /// can be given here to replace what the door says. Nothing is inherited.
    pub env: BTreeMap<String, String>,
    /// Bytes for standard input.
    pub stdin: Vec<u8>,
    /// What it sees of this machine.
    pub view: View,
    /// How much of everything it may use.
    pub bounds: Bounds,
    /// Whether it gets a pipe for results, its number in `PIPELINE_REPORT_FD`.
    pub report: bool,
}

/// What a program sees of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// The system's programs and libraries, a private `/tmp` and home, and what is listed here.
    Confined {
        /// Files and folders it may change.
        writable: Vec<PathBuf>,
        /// Files and folders it may read: interpreters, tools, environments, certificates.
        readable: Vec<PathBuf>,
        /// Paths inside the writable ones that it may only read, such as `.git`.
        sealed: Vec<PathBuf>,
        /// What it may reach.
        network: Network,
    },
    /// All that we see ourselves. For programs that act on our behalf and are told nothing by a repository, such
    /// as git over the network: bounds and a clean environment still hold.
    Bounded,
}

/// How much of everything one program may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Wall time, after which it is stopped.
    pub wall_seconds_max: u64,
    /// Processor time of one process.
    pub cpu_seconds_max: u64,
    /// Address space of one process.
    pub memory_bytes_max: u64,
    /// Largest file it may write.
    pub file_bytes_max: u64,
    /// Processes and threads of the user it runs as.
    pub processes_max: u64,
    /// Output kept of each stream; the rest is counted and thrown away.
    pub output_bytes_max: usize,
    /// Output, both streams together, after which it is stopped; also the most that is kept of a report.
    pub output_flood_bytes_max: u64,
}

impl Bounds {
    /// The bounds of one command of a run.
    pub fn of(limits: &Limits, wall_seconds_max: u64) -> Bounds {
        Bounds {
            wall_seconds_max,
            cpu_seconds_max: limits.cpu_seconds_max,
            memory_bytes_max: limits.memory_bytes_max,
            file_bytes_max: limits.file_bytes_max,
            processes_max: limits.processes_max,
            output_bytes_max: limits.output_bytes_max,
            output_flood_bytes_max: limits.output_flood_bytes_max,
        }
    }
}

impl Door {
    /// A door behind these walls.
    ///
    /// `stage` is an executable of ours that calls [`crate::confine::inner_main`]; `scratch` is an existing folder
    /// in which private homes are made for programs that have no private view; `egress` says what the install
    /// phase may reach.
    pub fn new(walls: Walls, stage: PathBuf, scratch: PathBuf, egress: Egress) -> Door {
        Door {
            walls,
            stage,
            scratch,
            egress,
        }
    }

    /// Which walls stand around confined programs.
    pub fn confinement(&self) -> &Confinement {
        self.walls.confinement()
    }

    /// The private homes and folders for temporary files that programs without a view of their own are lent, under the
    /// names that such a view gives them.
    pub fn lent_places(&self) -> Vec<Place> {
        let real = std::fs::canonicalize(&self.scratch);
        let mut folders = vec![self.scratch.clone()];
        folders.extend(real.ok().filter(|it| *it != self.scratch));
        let lent = |it: &PathBuf| {
            [("/home", HOME), ("/tmp", TMP)].map(|(then, name)| Place::each_below(it, then, name))
        };
        folders.iter().flat_map(lent).collect()
    }

    /// An empty folder for one program, gone when dropped.
    pub(crate) fn private_folder(&self) -> Result<TempDir, CommandError> {
        tempfile::tempdir_in(&self.scratch).map_err(CommandError::system("make a folder"))
    }

    /// Runs a program to its end. Dropping the future ends the program and everything it started.
    pub async fn run(&self, spawn: &Spawn) -> Result<Execution, CommandError> {
        self.run_watching(spawn, &mut |_| {}).await
    }

    /// As [`Door::run`]; `on_report` sees the bytes of the report pipe as they come, in pieces of any length.
    pub async fn run_watching(
        &self,
        spawn: &Spawn,
        on_report: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<Execution, CommandError> {
        if spawn.argv.is_empty() {
            return Err(CommandError::Empty);
        }
        self.enter(spawn, on_report).await
    }

    pub(crate) async fn enter(
        &self,
        spawn: &Spawn,
        on_report: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<Execution, CommandError> {
        let started = Instant::now();
        let entered = entry::enter(&self.walls, &self.stage, &self.scratch, spawn).await?;
        let ended = session::until_the_end(entered, spawn, &self.egress, on_report).await?;
        let program = spawn.argv.first().cloned().unwrap_or_default();
        let wall_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let exit = exit_of(program, &ended)?;
        // The program's name alone: arguments may hold a stranger's words.
        let program = spawn.argv.first().map(String::as_str).unwrap_or_default();
        // Without a name it is the sandbox that is tried, around nothing.
        if !program.is_empty() {
            tracing::info!(program, ?exit, wall_ms, "a program ended");
        }
        Ok(Execution {
            exit,
            stdout: ended.stdout.finish(),
            stderr: ended.stderr.finish(),
            report: ended.report,
            wall_ms,
        })
    }
}

fn exit_of(program: String, ended: &Ended) -> Result<Exit, CommandError> {
    match (ended.stopped, &ended.word) {
        (Some(by_us), _) => Ok(by_us),
        // The kernel's own way to say that the processor time is used up.
        (None, Some(Word::Signalled(libc::SIGXCPU))) => Ok(Exit::TooSlow),
        (None, Some(Word::Signalled(signal))) => Ok(Exit::Signal(*signal)),
        (None, Some(Word::Exited(status))) => Ok(Exit::Code(*status)),
        (None, Some(Word::NotStarted { errno })) => Err(CommandError::Start {
            program,
            source: io::Error::from_raw_os_error(*errno),
        }),
        (None, Some(Word::NoWalls { why })) => Err(CommandError::Walls {
            program,
            why: why.clone(),
        }),
        // The stage was never reached; the layer that refused told why on the program's standard error.
        (None, None) => {
            let said = ended.stderr.clone().finish().text;
            let why = said.trim().to_owned();
            Err(match why.is_empty() {
                true => CommandError::Lost { program },
                false => CommandError::Walls { program, why },
            })
        }
    }
}
