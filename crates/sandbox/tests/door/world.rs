//! A closed world for tests of the door: folders of their own, real walls, real programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Once, OnceLock};

use protocol::{Execution, Network};
use sandbox::command::{Bounds, Door, Spawn, View};
use sandbox::confine::Walls;
use sandbox::error::CommandError;
use sandbox::proxy::Egress;
use tempfile::TempDir;

/// The inner stage, built from this crate.
pub(crate) const STAGE: &str = env!("CARGO_BIN_EXE_confine");

/// The value of every key in our own environment.
pub(crate) const KEY: &str = "S3CR3T-MARK-7d1f";

/// The text of a file in the `fixtures` folder.
pub(crate) fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    std::fs::read_to_string(folder.join(name)).expect("the fixture is there")
}

/// Puts keys into our own environment, as a user would before starting the pipeline.
fn hold_keys() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Asked first: it is the only program here that is started with the environment as it was.
        python();
        for row in fixture("cases/env.jsonl").lines() {
            let row: serde_json::Value = serde_json::from_str(row).expect("a row is JSON");
            if let (Some(name), Some(false)) = (row["name"].as_str(), row["child_sees"].as_bool()) {
                // SAFETY: Rust's own reads of the environment wait for this, and no C code of these tests reads it.
                unsafe { std::env::set_var(name, KEY) };
            }
        }
    });
}

/// A tree to work in, a folder outside it, and a door.
pub(crate) struct World {
    pub(crate) door: Door,
    folder: TempDir,
}

/// Which walls a test asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Behind {
    Bubblewrap,
    LandlockAlone,
    Nothing,
}

pub(crate) const EVERYWHERE: [Behind; 3] =
    [Behind::Bubblewrap, Behind::LandlockAlone, Behind::Nothing];

pub(crate) async fn walls(behind: Behind) -> Walls {
    let stage = Path::new(STAGE);
    match behind {
        Behind::Bubblewrap => Walls::probe(Some(Path::new("/usr/bin/bwrap")), stage).await,
        Behind::LandlockAlone => Walls::probe(None, stage).await,
        Behind::Nothing => Ok(Walls::unconfined()),
    }
    .expect("these walls work on machines that run the tests")
}

impl World {
    pub(crate) async fn new(behind: Behind) -> World {
        World::with_egress(behind, Egress::default()).await
    }

    pub(crate) async fn with_egress(behind: Behind, egress: Egress) -> World {
        hold_keys();
        let folder = TempDir::new().expect("a temporary folder can be made");
        for name in ["tree/.git/hooks", "out", "scratch"] {
            std::fs::create_dir_all(folder.path().join(name)).expect("a folder can be made");
        }
        let scratch = folder.path().join("scratch");
        World {
            door: Door::new(walls(behind).await, STAGE.into(), scratch, egress),
            folder,
        }
    }

    pub(crate) fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// A program in the tree, seeing the tree and Python.
    pub(crate) fn spawn(&self, argv: &[&str]) -> Spawn {
        Spawn {
            argv: argv.iter().map(ToString::to_string).collect(),
            directory: self.tree(),
            env: BTreeMap::from([("PATH".into(), path())]),
            stdin: Vec::new(),
            view: View::Confined {
                writable: vec![self.tree()],
                readable: readable(),
                sealed: vec![self.tree().join(".git")],
                network: Network::Loopback,
            },
            bounds: bounds(),
            report: false,
        }
    }

    pub(crate) fn shell(&self, line: &str) -> Spawn {
        self.spawn(&["sh", "-c", line])
    }

    pub(crate) async fn run(&self, spawn: &Spawn) -> Execution {
        self.door.run(spawn).await.expect("the program can be run")
    }

    pub(crate) async fn refusal(&self, spawn: &Spawn) -> CommandError {
        self.door.run(spawn).await.expect_err("this can't be run")
    }
}

pub(crate) fn bounds() -> Bounds {
    Bounds {
        wall_seconds_max: 60,
        cpu_seconds_max: 60,
        memory_bytes_max: 4 << 30,
        file_bytes_max: 64 << 20,
        processes_max: 256,
        output_bytes_max: 64 << 10,
        output_flood_bytes_max: 8 << 20,
    }
}

/// How it ended, and both streams.
pub(crate) fn shown(execution: &Execution) -> String {
    format!("{:?}\n{}", execution.exit, execution.tail())
}

/// An environment with pytest, Ruff and pip, whatever this machine has.
pub(crate) fn tools() -> PathBuf {
    let programs = testkit::python().expect("the tests' environment can be made");
    programs
        .parent()
        .expect("programs are in an environment")
        .to_owned()
}

/// The folder of the interpreter itself: what is found first on the PATH may be a script that looks for it.
fn python() -> PathBuf {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(ask_python).clone()
}

#[expect(
    clippy::disallowed_methods,
    reason = "asks the machine where its Python is, before there is a door"
)]
fn ask_python() -> PathBuf {
    let answer = std::process::Command::new("python3")
        .args(["-c", "import sys; print(sys.base_prefix, end='')"])
        .output()
        .expect("python3 is installed");
    PathBuf::from(String::from_utf8(answer.stdout).expect("the prefix is UTF-8"))
}

pub(crate) fn readable() -> Vec<PathBuf> {
    vec![python(), tools()]
}

fn path() -> String {
    format!(
        "{}/bin:{}/bin:/usr/bin:/bin",
        tools().display(),
        python().display()
    )
}

/// An error with its causes, as a person reads it.
pub(crate) fn told(error: &CommandError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text += &format!(": {next}");
        cause = next.source();
    }
    text
}
