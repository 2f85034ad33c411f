//! Runs a piece of Python directly: in the sandbox, in an empty folder, without a network, bounded.

use std::collections::BTreeMap;
use std::path::PathBuf;

use protocol::{Execution, Network};

use crate::command::{Bounds, Door, Spawn, View};
use crate::error::CommandError;

/// Which Python runs a snippet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// The program, absolute.
    pub program: PathBuf,
    /// What it needs besides the system's own folders: its prefix, and that of its virtual environment.
    pub readable: Vec<PathBuf>,
}

/// Runs `text` as a Python program and waits for its end.
///
/// The program sees the system's libraries, its interpreter and nothing else of this machine: its working folder, home
/// and `/tmp` are its own and empty, it gets none of our variables, and it reaches no network but its own loopback.
/// Its standard input is empty. Everything it wrote is gone afterwards.
///
/// What comes back tells how it ended ([`protocol::Exit`]: its status, a signal, too slow, too much output) and both
/// streams, each cut to `output_bytes_max` with the number of bytes that it had in all.
///
/// ```no_run
/// # async fn example(door: sandbox::command::Door) -> Result<(), sandbox::error::CommandError> {
/// use sandbox::command::Bounds;
/// use sandbox::snippet::{Interpreter, run};
///
/// let python = Interpreter {
///     program: "/usr/bin/python3".into(),
///     readable: Vec::new(),
/// };
/// let bounds = Bounds {
///     wall_seconds_max: 5,
///     cpu_seconds_max: 5,
///     memory_bytes_max: 1 << 30,
///     file_bytes_max: 1 << 20,
///     processes_max: 16,
///     output_bytes_max: 4096,
///     output_flood_bytes_max: 1 << 20,
/// };
/// let ended = run(&door, &python, "print(6 * 7)", &bounds).await?;
/// assert_eq!(ended.stdout.text, "42\n");
/// assert!(ended.succeeded());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// When there is no folder for it, or the interpreter or the walls can't be had. A program that fails is no error.
pub async fn run(
    door: &Door,
    python: &Interpreter,
    text: &str,
    bounds: &Bounds,
) -> Result<Execution, CommandError> {
    let code = door.private_folder()?;
    let work = door.private_folder()?;
    // A file, not an argument: the system bounds those to less than a long program. Not standard input either, which
    // is the program's own to read. And not in the working folder, which is empty.
    let file = code.path().join("snippet.py");
    std::fs::write(&file, text).map_err(CommandError::system("write the snippet"))?;
    let mut readable = python.readable.clone();
    readable.push(code.path().to_owned());
    door.run(&Spawn {
        argv: vec![
            python.program.display().to_string(),
            // Isolated: neither variables nor a folder beside it steer the interpreter.
            "-I".to_owned(),
            "-B".to_owned(),
            file.display().to_string(),
        ],
        directory: work.path().to_owned(),
        env: BTreeMap::new(),
        stdin: Vec::new(),
        view: View::Confined {
            writable: vec![work.path().to_owned()],
            readable,
            sealed: Vec::new(),
            network: Network::Loopback,
        },
        bounds: bounds.clone(),
        report: false,
    })
    .await
}
