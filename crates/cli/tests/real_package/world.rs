//! The closed world of one test: a home, a repository with a bug, and the program as a user starts it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use testkit::Package;
use tokio::process::Command;

use crate::life::Life;
use crate::vendors::Vendors;

/// Longest time until one life of the program ends by itself.
pub(crate) const LIFE_SECONDS_MAX: u64 = 300;
/// Deepest folder that is looked into.
const DEPTH_MAX: usize = 24;

/// Variables of the machine that say how the package index is reached.
const INDEX_VARIABLES: &[&str] = &[
    "PIP_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "SSL_CERT_FILE",
    "https_proxy",
    "HTTPS_PROXY",
];

/// A home, a repository, and vendors.
pub(crate) struct World {
    folder: TempDir,
    repository: PathBuf,
    pub(crate) package: Package,
    pub(crate) vendors: Vendors,
    /// Configuration as variables, beyond what every world has.
    pub(crate) configuration: Vec<(&'static str, String)>,
}

/// How one life of the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; nothing after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    /// A world whose models do their work.
    pub(crate) async fn new() -> World {
        let package = Package::load("inflection");
        let vendors = Vendors::at_work(&package).await;
        World::with(package, vendors)
    }

    /// The same, with a repository that no other test reads: it may be written to, and has no environment yet.
    pub(crate) async fn with_its_own_repository() -> World {
        let mut world = World::new().await;
        world.repository = world.path("repository");
        world.package.make_repository(&world.repository);
        world
    }

    /// A world with these vendors.
    pub(crate) fn with(package: Package, vendors: Vendors) -> World {
        let shared = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let folder = TempDir::with_prefix("world-").expect("a folder for the test");
        let world = World {
            folder,
            repository: package.shared_repository(&shared.join("repositories")),
            package,
            vendors,
            configuration: Vec::new(),
        };
        for below in ["home", "work", "cache/pipeline"] {
            fs::create_dir_all(world.path(below)).expect("a folder for the test");
        }
        // Interpreters, tools and environments are the same in every world and take long to fetch.
        let environments = shared.join("environments");
        fs::create_dir_all(&environments).expect("a folder for all tests");
        symlink(environments, world.path("cache/pipeline/python")).expect("a link in a new folder");
        world
    }

    /// A path in this world.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// The user's repository.
    pub(crate) fn repository(&self) -> PathBuf {
        self.repository.clone()
    }

    /// Where the change is asked for.
    pub(crate) fn patch(&self) -> PathBuf {
        self.path("change.patch")
    }

    /// The arguments of a run that writes its change to [`World::patch`].
    pub(crate) fn run_arguments(&self) -> Vec<String> {
        let shown = |path: &Path| path.display().to_string();
        [
            "run",
            "--json",
            "--task-file",
            &shown(&self.package.task_file()),
            "--repo",
            &shown(&self.repository()),
            "--patch",
            &shown(&self.patch()),
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// The program in this world, and nothing of the machine but its programs and its way to the package index.
    #[expect(
        clippy::disallowed_methods,
        reason = "starts the program the way its users do, from outside"
    )]
    fn program(&self, arguments: &[String]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_pipeline"));
        let of_machine = INDEX_VARIABLES
            .iter()
            .filter_map(|it| Some((*it, std::env::var(it).ok()?)));
        program
            .args(arguments)
            .current_dir(self.path("work"))
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.path("home"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("PIPELINE_OPENAI_API", "responses")
            .env("PIPELINE_PATIENCE__FIRST_WAIT_MS", "10")
            .env("PIPELINE_PATIENCE__TRIES_MAX", "3")
            .envs(of_machine)
            .envs(self.vendors.variables())
            .envs(self.configuration.iter().map(|(name, it)| (name, it)))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        // Whoever wants the program's own choice.
        for (name, _) in self.configuration.iter().filter(|it| it.1.is_empty()) {
            program.env_remove(name);
        }
        program
    }

    /// Runs the program to its end.
    pub(crate) async fn run<S: AsRef<str>>(&self, arguments: &[S]) -> Ended {
        let arguments: Vec<String> = arguments.iter().map(|it| it.as_ref().to_owned()).collect();
        let ending = self.program(&arguments).output();
        let output = tokio::time::timeout(Duration::from_secs(LIFE_SECONDS_MAX), ending)
            .await
            .unwrap_or_else(|_| panic!("{arguments:?} didn't end"))
            .expect("the program can be started");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ended {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Starts the program, to do something to it before its end. It must be asked for `--json`.
    pub(crate) fn start<S: AsRef<str>>(&self, arguments: &[S]) -> Life {
        let arguments: Vec<String> = arguments.iter().map(|it| it.as_ref().to_owned()).collect();
        let mut program = self.program(&arguments);
        program.stdout(Stdio::piped()).stderr(Stdio::inherit());
        Life::of(program.spawn().expect("the program can be started"))
    }

    /// The names of all runs, newest first.
    pub(crate) async fn runs(&self) -> Vec<String> {
        let listed = self.run(&["runs", "--json"]).await;
        assert_eq!(listed.code, Some(0), "{}", listed.stderr);
        let name = |it: Value| it["id"].as_str().expect("a run has a name").to_owned();
        json_lines(&listed.stdout).into_iter().map(name).collect()
    }

    /// What happened in a run.
    pub(crate) async fn log(&self, run: &str) -> Vec<Value> {
        let log = self.run(&["log", run, "--json"]).await;
        assert_eq!(log.code, Some(0), "{}", log.stderr);
        json_lines(&log.stdout)
    }

    /// The change of a completed run, after it was seen to be the right one.
    #[track_caller]
    pub(crate) fn check_change(&self) {
        let change = fs::read_to_string(self.patch()).expect("the patch was asked for");
        expect_test::expect_file![self.package.change_file()].assert_eq(&change);
    }

    /// Everything in the home, the cache, the working folder and what was delivered; shared environments left out.
    pub(crate) fn everything_left(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        every_file(self.folder.path())
    }
}

fn json_lines(text: &str) -> Vec<Value> {
    let line = |it| serde_json::from_str(it).expect("a line is JSON");
    text.lines().map(line).collect()
}

/// All files below a folder, git's own too. Links are not followed.
pub(crate) fn every_file(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    collect(folder, DEPTH_MAX, &mut found);
    found
}

fn collect(folder: &Path, depth: usize, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    assert!(0 < depth, "{} is nested too deeply", folder.display());
    for entry in fs::read_dir(folder).expect("a folder of the test can be read") {
        let entry = entry.expect("a folder's entry can be read");
        let kind = entry.file_type().expect("a file's kind can be read");
        if kind.is_dir() {
            collect(&entry.path(), depth - 1, found);
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).expect("a file of the test can be read");
            found.insert(entry.path(), bytes);
        }
    }
}

/// The last event of a run itself; where its change was delivered to stands behind it.
pub(crate) fn end_of(log: &[Value]) -> &Value {
    let events = log.iter().rev().map(|it| &it["event"]);
    let is_delivery = |it: &&Value| it["kind"] == "delivering" || it["kind"] == "delivered";
    let mut events = events.skip_while(is_delivery);
    events.next().expect("it has events")
}
