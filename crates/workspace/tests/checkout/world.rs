//! A closed world for tests of checkouts: repositories made by the real git, and folders for one run.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git::{Access, GitError, MirrorLimits, Mirrors};
use protocol::{Limits, Silent};
use sandbox::command::Door;
use sandbox::confine::Walls;
use sandbox::proxy::Egress;
use tempfile::TempDir;
use workspace::checkout::{Checkout, Opening, Origin, SystemPrograms};

/// Folders for repositories, mirrors and runs, gone at the end of the test.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) access: Access,
}

impl World {
    pub(crate) fn new() -> World {
        let world = World {
            folder: TempDir::new().expect("a temporary folder can be made"),
            access: Access::default(),
        };
        for name in ["scratch", "out", "repo"] {
            fs::create_dir(world.path(name)).expect("a folder can be made");
        }
        world
    }

    /// A world with a repository in `repo` whose one commit holds these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> World {
        let world = World::new();
        world.git("repo", &["init", "-q", "-b", "main"]);
        world.put(files);
        world.commit("first");
        world
    }

    /// An absolute path without links.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.folder.path())
            .expect("the folder is there")
            .join(name)
    }

    pub(crate) fn repo(&self) -> PathBuf {
        self.path("repo")
    }

    /// Writes files into the repository.
    pub(crate) fn put(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            put(&self.repo(), name, text.as_bytes());
        }
    }

    pub(crate) fn commit(&self, message: &str) {
        self.git("repo", &["add", "-A"]);
        self.git("repo", &["commit", "-q", "--allow-empty", "-m", message]);
    }

    /// Runs git in a folder of the world; it must succeed.
    pub(crate) fn git(&self, folder: &str, arguments: &[&str]) -> String {
        let (text, succeeded) = self.shell_like("git", arguments, &self.path(folder));
        assert!(succeeded, "git {arguments:?}: {text}");
        text
    }

    /// Runs a line of shell in a folder of the world, whatever comes of it.
    pub(crate) fn shell(&self, folder: &str, line: &str) -> (String, bool) {
        self.shell_like("bash", &["-c", line], &self.path(folder))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "makes the repositories that are checked out, before there is a door"
    )]
    fn shell_like(&self, program: &str, arguments: &[&str], folder: &Path) -> (String, bool) {
        let output = std::process::Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.path("scratch"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(["AUTHOR", "COMMITTER"].iter().flat_map(|who| {
                [
                    (format!("GIT_{who}_NAME"), "Ada"),
                    (format!("GIT_{who}_EMAIL"), "ada@example.org"),
                    (format!("GIT_{who}_DATE"), "2026-01-01T00:00:00Z"),
                ]
            }))
            .output()
            .expect("the program can be started");
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        (text, output.status.success())
    }

    /// What a run named `run` is opened with. No wall stands around its programs.
    pub(crate) fn opening(&self, run: &str) -> Opening {
        self.opening_behind(run, Walls::unconfined(), SystemPrograms::default())
    }

    pub(crate) fn opening_behind(
        &self,
        run: &str,
        walls: Walls,
        environments: SystemPrograms,
    ) -> Opening {
        let stage = env!("CARGO_BIN_EXE_inner").into();
        let door = Arc::new(Door::new(
            walls,
            stage,
            self.path("scratch"),
            Egress::default(),
        ));
        Opening {
            run_folder: self.path(&format!("runs/{run}")),
            mirrors: self.mirrors(door.clone()),
            door,
            limits: limits(),
            findings: self.path("findings"),
            environments: Arc::new(environments),
            places: Vec::new(),
            home: Vec::new(),
        }
    }

    fn mirrors(&self, door: Arc<Door>) -> Mirrors {
        Mirrors::new(
            self.path("mirrors"),
            door,
            self.access.clone(),
            "/usr/local/bin:/usr/bin:/bin".to_owned(),
            MirrorLimits {
                fetch_seconds_max: 60,
                lock_seconds_max: 60,
                pack_bytes_max: 1 << 30,
                memory_bytes_max: 4 << 30,
            },
        )
    }

    /// A checkout of the repository in `repo`.
    pub(crate) async fn checkout(&self) -> Checkout {
        self.open(None, false)
            .await
            .expect("the repository can be opened")
    }

    pub(crate) async fn open(
        &self,
        reference: Option<&str>,
        include_dirty: bool,
    ) -> Result<Checkout, GitError> {
        let origin = Origin::Folder(self.repo());
        Checkout::open(
            self.opening("one"),
            &origin,
            reference,
            include_dirty,
            &Silent,
        )
        .await
    }

    /// What a person reads of an error, with its causes, without the folder of this test.
    pub(crate) fn told(&self, error: &dyn std::error::Error) -> String {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(next) = cause {
            text += &format!(": {next}");
            cause = next.source();
        }
        text.replace(&self.path("").display().to_string(), "/WORLD/")
    }

    /// Everything about the repository in `repo` that must not change: names, content, times.
    pub(crate) fn fingerprint(&self) -> String {
        let line = "find . -printf '%p %m %s %T@ %l\\n' | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum";
        self.shell("repo", line).0
    }
}

pub(crate) fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).expect("a folder can be made");
    }
    fs::write(path, bytes).expect("a file can be written");
}

pub(crate) fn limits() -> Limits {
    Limits {
        iterations_max: 3,
        turns_max: 10,
        tool_calls_per_reply_max: 10,
        visit_tokens_max: 100_000,
        visit_seconds_max: 600,
        reply_tokens_max: 4096,
        command_seconds_max: 60,
        test_run_seconds_max: 60,
        install_seconds_max: 60,
        cpu_seconds_max: 60,
        memory_bytes_max: 4 << 30,
        file_bytes_max: 1 << 20,
        processes_max: 256,
        output_bytes_max: 64 << 10,
        output_flood_bytes_max: 8 << 20,
        answer_bytes_max: 16 << 10,
        author_tries_max: 3,
        patch_bytes_max: 1 << 20,
        patch_files_max: 200,
        suite_seconds_max: 600,
        reruns_max: 6,
        bite_hunks_max: 16,
        bite_seconds_max: 120,
    }
}
