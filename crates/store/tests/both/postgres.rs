//! A PostgreSQL server of the test's own, from the system's packages, on a socket in a temporary folder.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::bench::Bench;

/// The user and group `nobody` of Debian; the server refuses to run as root.
const NOBODY: u32 = 65534;
/// Tries to connect, 50 ms apart.
const CONNECTS_MAX: u32 = 400;

pub(crate) struct Server {
    process: Child,
    folder: TempDir,
}

impl Server {
    /// Starts a server, or gives nothing where none is installed.
    pub(crate) async fn start() -> Option<Server> {
        let programs = programs()?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        if is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let data = folder.path().join("data");
        let made = program(&programs.join("initdb"))
            .args([
                "--auth=trust",
                "--username=test",
                "--encoding=UTF8",
                "--no-sync",
                "-D",
            ])
            .arg(&data)
            .stdout(Stdio::null())
            .status()
            .expect("initdb starts");
        assert!(made.success(), "initdb failed");
        let process = program(&programs.join("postgres"))
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-D"])
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("postgres starts");
        let server = Server { process, folder };
        server.connect().await.close().await.unwrap();
        Some(server)
    }

    /// A database of its own.
    pub(crate) async fn bench(&self, case: &'static str) -> Bench {
        // Names are cut at 63 bytes by the server, so the case's own name would do for only some.
        let name = format!(
            "case_{}",
            case.bytes()
                .fold(7_u32, |sum, it| sum.wrapping_mul(31) + u32::from(it))
        );
        let mut raw = self.connect().await;
        let statement = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::query(statement).execute(&mut raw).await.unwrap();
        raw.close().await.unwrap();
        Bench {
            address: self.address(&name),
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    async fn connect(&self) -> PgConnection {
        for _ in 0..CONNECTS_MAX {
            if let Ok(connection) = PgConnection::connect(&self.address("postgres")).await {
                return connection;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("PostgreSQL didn't come up");
    }

    fn address(&self, database: &str) -> String {
        let socket = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://test@{socket}/{database}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The folder goes as well, so there is nothing to save.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The folder of the newest version's programs.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|it| Some(it.ok()?.path().join("bin")))
        .filter(|it| it.join("initdb").exists() && it.join("postgres").exists())
        .collect();
    found.sort();
    found.pop()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the server outlives one bounded command, and it is the test's own"
)]
fn program(path: &Path) -> Command {
    let mut command = Command::new(path);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .current_dir("/");
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}
