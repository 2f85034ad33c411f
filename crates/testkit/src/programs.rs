//! Real programs for a plain folder: a Python with pytest and Ruff, made once, started without walls.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Instant;

use futures::future::BoxFuture;
use protocol::{Captured, Command, Execution, Exit, WorkspaceError};
use serde::Deserialize;
use tempfile::TempDir;

/// Bytes that are kept of each stream.
const OUTPUT_BYTES_MAX: u64 = 4 << 20;

/// What tests run. The versions are fixed because tests show their words.
const PACKAGES: &[&str] = &["pytest==9.2.0", "pytest-xdist==3.8.0", "ruff==0.17.5"];

/// The same with plugins of pytest that many repositories have: they collect tests, deal their order, trace them, set them
/// up, or add items of their own.
const PACKAGES_WITH_PLUGINS: &[&str] = &[
    "pytest==9.2.0",
    "pytest-xdist==3.8.0",
    "pytest-asyncio==1.5.0",
    "pytest-cov==7.1.0",
    "pytest-django==4.14.0",
    "pytest-mypy==1.1.0",
    "pytest-randomly==5.1.0",
    "ruff==0.17.5",
];

/// The same with Django alone.
const PACKAGES_WITH_DJANGO: &[&str] = &["pytest==9.2.0", "django==5.2.19", "ruff==0.17.5"];

/// What the source distributions of the fixtures say that they are built with. pip asks it for their metadata before it
/// hands one out, and would install it anew for each.
const BUILDERS: &[&str] = &[
    "setuptools==84.2.1",
    "wheel==0.48.0",
    "setuptools-scm==10.3.4",
    "flit-core==4.2.0",
    "hatchling==1.33.0",
    "hatch-vcs==0.5.0",
    "poetry-core==2.5.0",
];

/// Pythons that may make an environment, the first that can. A distribution builds its own with profile-guided
/// optimisation; one from elsewhere often goes without, and then takes half as long again for each of some thousand
/// starts.
const MAKERS: [&str; 2] = ["/usr/bin/python3", "python3"];
/// Whether a Python can.
const CAN_MAKE: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";

/// Opens the pipe of the report as a file, under a number that the program learns from its environment.
const WITH_REPORT: &str = r#"exec 9>"$0"; export PIPELINE_REPORT_FD=9; exec "$@""#;

/// What a command asks of pytest: nobody sees it on the command line. Empty for other programs.
pub fn asked_of_pytest(command: &Command) -> Vec<String> {
    let record = command.stdin.iter().position(|it| *it == b'{');
    let record = record.and_then(|at| command.stdin.get(at..));
    let record: Option<serde_json::Value> = record.and_then(|it| {
        serde_json::Deserializer::from_slice(it)
            .into_iter()
            .next()?
            .ok()
    });
    let arguments = record.and_then(|it| it.get("arguments").cloned());
    arguments
        .and_then(|it| serde_json::from_value(it).ok())
        .unwrap_or_default()
}

/// Runs a command of a [`crate::FolderWorkspace`] for real, with [`python`] first on its path.
///
/// For [`crate::FolderWorkspace::running`]. Time and output are bounded; nothing else is.
pub fn run_for_real(
    root: PathBuf,
    command: Command,
) -> BoxFuture<'static, Result<Execution, WorkspaceError>> {
    Box::pin(async move {
        let task = tokio::task::spawn_blocking(move || run(&root, &command));
        task.await
            .map_err(io::Error::other)
            .flatten()
            .map_err(|it| WorkspaceError::failed("run a program in a test's folder", it))
    })
}

/// The folder with `python` and `ruff`. The first test that asks makes it, below `target/`; that needs the
/// package index.
pub fn python() -> io::Result<PathBuf> {
    environment("test-python", PACKAGES)
}

/// What is installed beside pytest where a fixture is walked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Installed {
    /// As [`python`] has it.
    #[default]
    Usual,
    /// Plugins of pytest.
    Plugins,
    /// Django, and no plugin for it.
    Django,
    /// What the repository itself asks for, installed as a run installs it.
    Own,
}

impl Installed {
    /// The folder with `python` and `ruff`, as [`python`].
    pub fn programs(self) -> io::Result<PathBuf> {
        match self {
            Installed::Usual => python(),
            Installed::Plugins => environment("test-python-plugins", PACKAGES_WITH_PLUGINS),
            Installed::Django => environment("test-python-django", PACKAGES_WITH_DJANGO),
            Installed::Own => Err(io::Error::other("the run itself installs it")),
        }
    }
}

/// The folder with a `python` that has what builds the packages of the fixtures.
pub(crate) fn builders() -> io::Result<PathBuf> {
    environment("test-builders", BUILDERS)
}

/// The folder of the programs of an environment below `target/`, made by the first who asks.
fn environment(name: &str, packages: &[&str]) -> io::Result<PathBuf> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    fs::create_dir_all(&target)?;
    let folder = target.canonicalize()?.join(name);
    let lock = File::create(folder.with_extension("lock"))?;
    lock.lock()?;
    let ready = folder.join("ready");
    let wanted = packages.join(" ");
    if fs::read_to_string(&ready).is_ok_and(|it| it == wanted) {
        return Ok(folder.join("bin"));
    }
    let can_make = |it: &&&str| succeed(&[it, "-c", CAN_MAKE].map(OsStr::new)).is_ok();
    let maker = MAKERS.iter().find(can_make);
    let maker = maker.ok_or_else(|| io::Error::other("there is no Python 3.10 with venv"))?;
    let make = [maker, "-m", "venv", "--clear"].map(OsStr::new);
    succeed(&[&make[..], &[folder.as_os_str()]].concat())?;
    let python = folder.join("bin/python");
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    let install = install.iter().chain(packages).map(OsStr::new);
    let argv: Vec<&OsStr> = [python.as_os_str()].into_iter().chain(install).collect();
    succeed(&argv)?;
    fs::write(ready, wanted)?;
    Ok(folder.join("bin"))
}

pub(crate) fn succeed(argv: &[&OsStr]) -> io::Result<()> {
    let status = program(argv[0]).args(&argv[1..]).status()?;
    if status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("{argv:?} ended with {status}")))
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests of what real programs say need real programs, and a plain folder has no door"
)]
fn program(name: &OsStr) -> std::process::Command {
    std::process::Command::new(name)
}

fn run(root: &Path, command: &Command) -> io::Result<Execution> {
    let programs = python()?;
    let private = TempDir::new()?;
    let file = |name: &str| private.path().join(name);
    let tools = file("tools");
    fs::create_dir(&tools)?;
    for tool in &command.tools {
        fs::write(tools.join(&tool.name), &tool.text)?;
    }
    let filled = |text: &str| text.replace("{tools}", &tools.display().to_string());
    let report = file("report");
    fs::write(&report, "")?;

    let started = Instant::now();
    // `timeout` ends the whole process group, with what the program started.
    let mut child = program(OsStr::new("timeout"));
    child
        .args(["-s", "KILL", &command.seconds_max.to_string()])
        .args(["bash", "-c", WITH_REPORT])
        .arg(&report)
        .args(command.argv.iter().map(|it| filled(it)))
        .current_dir(root.join(&command.directory))
        .env_clear()
        .env(
            "PATH",
            format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display()),
        )
        .env("HOME", private.path())
        .env("PYTHONPATH", root)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(
            command
                .env
                .iter()
                .map(|(name, value)| (name, filled(value))),
        )
        .stdin(Stdio::piped())
        .stdout(File::create(file("stdout"))?)
        .stderr(File::create(file("stderr"))?);
    let mut child = child.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that doesn't read its input is no failure of the test.
        let _ = stdin.write_all(&command.stdin);
    }
    let status = child.wait()?;
    Ok(Execution {
        exit: exit_of(status),
        stdout: captured(&file("stdout"))?,
        stderr: captured(&file("stderr"))?,
        report: fs::read(&report)?,
        wall_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// `timeout` dies of the signal with which it ends a program when time is up, and of the program's own otherwise; a
/// shell between them may turn a signal into 128 and more.
fn exit_of(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (_, Some(9)) | (Some(137), _) => Exit::TooSlow,
        (_, Some(number)) => Exit::Signal(number),
        (Some(code), _) if 128 < code => Exit::Signal(code - 128),
        (Some(code), _) => Exit::Code(code),
        (None, None) => Exit::Signal(0),
    }
}

fn captured(path: &Path) -> io::Result<Captured> {
    let file = File::open(path)?;
    let bytes_total = file.metadata()?.len();
    let mut bytes = Vec::new();
    file.take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(Captured {
        text: String::from_utf8_lossy(&bytes).into_owned(),
        bytes_total,
    })
}

#[cfg(test)]
mod tests {
    use protocol::Workspace;

    use super::*;
    use crate::FolderWorkspace;

    async fn check(script: &str, seconds_max: u64, exit: Exit, stdout: &str, report: &str) {
        let files: [(&str, &str); 0] = [];
        let work = FolderWorkspace::new(files).running(run_for_real);
        let ended = work
            .run(&Command::new(["python", "-c", script], seconds_max))
            .await
            .expect("Python is there");
        assert_eq!(ended.exit, exit, "{}", ended.tail());
        assert_eq!(ended.stdout.text, stdout);
        assert_eq!(String::from_utf8_lossy(&ended.report), report);
    }

    #[tokio::test]
    async fn a_program_ends_the_way_it_ends() {
        check("print('out')", 60, Exit::Code(0), "out\n", "").await;
        check("raise SystemExit(3)", 60, Exit::Code(3), "", "").await;
        check(
            "import os; os.kill(os.getpid(), 11)",
            60,
            Exit::Signal(11),
            "",
            "",
        )
        .await;
        check("while True: pass", 1, Exit::TooSlow, "", "").await;
        check(
            "import os; os.write(int(os.environ['PIPELINE_REPORT_FD']), b'said')",
            60,
            Exit::Code(0),
            "",
            "said",
        )
        .await;
    }
}
