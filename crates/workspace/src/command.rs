//! The one door to other programs: confined, bounded in time and output, never orphaned.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use protocol::{Captured, Confinement, Execution, Exit, Limits, Network};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::confine::Walls;
use crate::error::CommandError;
use crate::proxy::Egress;

/// Where all programs of this process are started.
#[derive(Debug)]
pub struct Door {
    walls: Walls,
    #[expect(dead_code, reason = "the walls are started through it")]
    stage: PathBuf,
    #[expect(dead_code, reason = "the walls lend it out")]
    scratch: PathBuf,
    #[expect(dead_code, reason = "the install phase passes it")]
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

    /// Runs a program to its end. Dropping the future ends the program and everything it started.
    pub async fn run(&self, spawn: &Spawn) -> Result<Execution, CommandError> {
        self.run_watching(spawn, &mut |_| {}).await
    }

    /// As [`Door::run`]; `on_report` sees the bytes of the report pipe as they come, in pieces of any length.
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub async fn run_watching(
        &self,
        spawn: &Spawn,
        on_report: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<Execution, CommandError> {
        let _ = on_report;
        let (program, arguments) = spawn.argv.split_first().ok_or(CommandError::Empty)?;
        let started = Instant::now();
        let mut child = tokio::process::Command::new(program)
            .args(arguments)
            .current_dir(&spawn.directory)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .envs(&spawn.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| CommandError::Start {
                program: program.clone(),
                source,
            })?;
        let mut stdin = child.stdin.take();
        let feed = async {
            if let Some(mut pipe) = stdin.take() {
                let _closed_early = pipe.write_all(&spawn.stdin).await;
            }
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
        let whole = async {
            let read_out = async {
                if let Some(pipe) = stdout.as_mut() {
                    let _closed_early = pipe.read_to_end(&mut out).await;
                }
            };
            let read_err = async {
                if let Some(pipe) = stderr.as_mut() {
                    let _closed_early = pipe.read_to_end(&mut err).await;
                }
            };
            tokio::join!(feed, read_out, read_err);
            child.wait().await
        };
        let limit = Duration::from_secs(spawn.bounds.wall_seconds_max);
        let exit = match tokio::time::timeout(limit, whole).await {
            Err(_elapsed) => Exit::TooSlow,
            Ok(status) => Exit::Code(
                status
                    .map_err(CommandError::system("wait for a program"))?
                    .code()
                    .unwrap_or(-1),
            ),
        };
        let captured = |bytes: Vec<u8>| Captured {
            bytes_total: bytes.len() as u64,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        };
        Ok(Execution {
            exit,
            stdout: captured(out),
            stderr: captured(err),
            report: Vec::new(),
            wall_ms: started.elapsed().as_millis() as u64,
        })
    }
}
