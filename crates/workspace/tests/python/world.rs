//! A closed world for tests of environments: a repository, a cache of its own, and a door that counts.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use git::{Access, MirrorLimits, Mirrors};
use protocol::{Command, Execution, Limits, Silent, Workspace};
use python::{Index, MakeDoor, Places, PythonEnvironments, Toolbox};
use sandbox::command::Door;
use sandbox::confine::Walls;
use sandbox::proxy::Egress;
use tempfile::TempDir;
use tokio::sync::OnceCell;
use workspace::checkout::{Checkout, Opening, Origin};

const STAGE: &str = env!("CARGO_BIN_EXE_inner");

/// A repository and folders for runs, gone at the end of the test.
pub(crate) struct World {
    folder: TempDir,
    walls: Walls,
    /// Doors that were asked for, each because something was to be found out or installed.
    pub(crate) doors: Arc<AtomicUsize>,
}

impl World {
    /// A world with a repository whose one commit holds these files.
    pub(crate) async fn with(files: &[(&str, &str)]) -> World {
        let walls = Walls::probe(Some(Path::new("/usr/bin/bwrap")), Path::new(STAGE)).await;
        let world = World {
            folder: TempDir::new().expect("a temporary folder can be made"),
            walls: walls.expect("these walls work on machines that run the tests"),
            doors: Arc::default(),
        };
        for name in ["scratch", "repo", "cache"] {
            fs::create_dir(world.path(name)).expect("a folder can be made");
        }
        world.git(&["init", "-q", "-b", "main"]);
        world.commit(files);
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let folder = fs::canonicalize(self.folder.path()).expect("the folder is there");
        folder.join(name)
    }

    /// One more commit in the repository.
    pub(crate) fn commit(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = self.path("repo").join(name);
            fs::create_dir_all(path.parent().expect("a file has a folder"))
                .expect("a folder can be made");
            fs::write(path, text).expect("a file can be written");
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "next"]);
    }

    pub(crate) fn git(&self, arguments: &[&str]) {
        let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
        self.prepare("git", &[&identity, arguments].concat());
    }

    /// Runs a program of the machine in the folder of the repository.
    #[expect(
        clippy::disallowed_methods,
        reason = "makes the repository, before there is a door"
    )]
    pub(crate) fn prepare(&self, program: &str, arguments: &[&str]) {
        let output = std::process::Command::new(program)
            .args(arguments)
            .current_dir(self.path("repo"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .expect("the program is installed");
        assert!(
            output.status.success(),
            "{program} {arguments:?}: {output:?}"
        );
    }

    pub(crate) fn make_door(&self) -> MakeDoor {
        let (walls, scratch, doors) =
            (self.walls.clone(), self.path("scratch"), self.doors.clone());
        Arc::new(move |egress| {
            doors.fetch_add(1, Ordering::SeqCst);
            Door::new(walls.clone(), STAGE.into(), scratch.clone(), egress)
        })
    }

    pub(crate) fn doors_asked_for(&self) -> usize {
        self.doors.load(Ordering::SeqCst)
    }

    /// The machine's places, with our tools from a cache that all tests share.
    pub(crate) async fn places(&self) -> Places {
        static TOOLS: OnceCell<Toolbox> = OnceCell::const_new();
        let open = || async {
            let places = self.bare_places(Path::new(env!("CARGO_TARGET_TMPDIR")).join("python"));
            let toolbox = Toolbox::open(&places, &self.make_door(), &limits(), &Silent).await;
            toolbox.expect("our tools can be found or installed")
        };
        let toolbox = TOOLS.get_or_init(open).await;
        self.doors.store(0, Ordering::SeqCst);
        let mut places = self.bare_places(self.path("cache"));
        for tool in [&toolbox.uv, &toolbox.ruff] {
            places
                .search_path
                .extend(tool.path.parent().map(Path::to_owned));
        }
        places
    }

    /// Places as on a machine that has Python alone.
    pub(crate) fn bare_places(&self, cache: PathBuf) -> Places {
        let variable = |name: &str| std::env::var(name).ok().filter(|it| !it.is_empty());
        let proxy = variable("https_proxy").or_else(|| variable("HTTPS_PROXY"));
        Places {
            cache,
            search_path: ["/usr/local/bin", "/usr/bin"].map(PathBuf::from).to_vec(),
            interpreters: Vec::new(),
            index: Index {
                url: variable("PIP_INDEX_URL"),
                certificates: variable("SSL_CERT_FILE").map(PathBuf::from),
                upstream: proxy.map(|it| {
                    it.trim_start_matches("http://")
                        .trim_end_matches('/')
                        .to_owned()
                }),
                ..Index::default()
            },
        }
    }

    pub(crate) async fn environments(&self) -> Arc<PythonEnvironments> {
        let places = self.places().await;
        Arc::new(self.environments_in(places))
    }

    pub(crate) fn environments_in(&self, places: Places) -> PythonEnvironments {
        PythonEnvironments::new(places, self.make_door(), limits(), Arc::new(Silent))
    }

    /// A checkout of the last commit, for a run of its own.
    pub(crate) async fn checkout(
        &self,
        run: &str,
        environments: Arc<PythonEnvironments>,
    ) -> Checkout {
        let origin = Origin::Folder(self.path("repo"));
        self.checkout_of(&origin, None, run, environments).await
    }

    /// A checkout from where `origin` says, for a run of its own.
    pub(crate) async fn checkout_of(
        &self,
        origin: &Origin,
        reference: Option<&str>,
        run: &str,
        environments: Arc<PythonEnvironments>,
    ) -> Checkout {
        let door = Door::new(
            self.walls.clone(),
            STAGE.into(),
            self.path("scratch"),
            Egress::default(),
        );
        let door = Arc::new(door);
        let opening = Opening {
            run_folder: self.path(&format!("runs/{run}")),
            mirrors: Mirrors::new(
                self.path("mirrors"),
                door.clone(),
                Access::default(),
                "/usr/local/bin:/usr/bin:/bin".to_owned(),
                MirrorLimits {
                    fetch_seconds_max: 60,
                    lock_seconds_max: 60,
                    pack_bytes_max: 1 << 30,
                    memory_bytes_max: 4 << 30,
                },
            ),
            door,
            limits: limits(),
            findings: self.path("findings"),
            environments,
            places: Vec::new(),
            home: Vec::new(),
        };
        Checkout::open(opening, origin, reference, false, &Silent)
            .await
            .expect("the repository can be opened")
    }
}

/// A program's whole output, after it succeeded.
pub(crate) async fn says(workspace: &dyn Workspace, argv: &[&str]) -> String {
    let execution = run(workspace, argv).await;
    assert!(
        execution.succeeded(),
        "{argv:?}: {:?}\n{}",
        execution.exit,
        execution.tail()
    );
    execution.stdout.text.trim().to_owned()
}

pub(crate) async fn run(workspace: &dyn Workspace, argv: &[&str]) -> Execution {
    let command = Command::new(argv.iter().copied(), 120);
    workspace
        .run(&command)
        .await
        .expect("the program can be run")
}

pub(crate) fn limits() -> Limits {
    Limits {
        iterations_max: 3,
        turns_max: 10,
        tool_calls_per_reply_max: 10,
        visit_tokens_max: 1_000_000,
        visit_seconds_max: 600,
        reply_tokens_max: 8_000,
        command_seconds_max: 60,
        test_run_seconds_max: 120,
        install_seconds_max: 300,
        cpu_seconds_max: 120,
        memory_bytes_max: 4 << 30,
        file_bytes_max: 64 << 20,
        processes_max: 512,
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
