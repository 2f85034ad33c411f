//! One person's machine: a home, a cache, a working folder, each with a name of its own, and the program as they start it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use testkit::Fixture;
use testkit::git::repository;

/// The program.
const PIPELINE: &str = env!("CARGO_BIN_EXE_pipeline");
/// After this the program is taken to hang.
const PROGRAM_SECONDS_MAX: &str = "300";
/// How an installation reaches the package index on the machine that runs the tests.
const INDEX_VARIABLES: [&str; 6] = [
    "PIP_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "SSL_CERT_FILE",
    "PIP_CERT",
    "https_proxy",
    "HTTPS_PROXY",
];
/// Deepest folder that is looked into.
const DEPTH_MAX: usize = 24;

/// The keys of every person here. No model is asked, and they must be nowhere all the same.
pub(crate) const KEYS: [(&str, &str); 4] = [
    ("OPENAI_API_KEY", "sk-openai-91f0c2ab77"),
    ("ANTHROPIC_API_KEY", "sk-ant-0b6d55e1c9"),
    ("GOOGLE_API_KEY", "AIza-77aa10fe42"),
    ("GITHUB_TOKEN", "ghp-3e1f9bc24d"),
];

/// Who somebody is, which decides about the names and lengths of all their folders.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Person {
    /// Records.
    Ada,
    /// Replays, elsewhere.
    Bartholomew,
}

impl Person {
    /// The names of home, cache and working folder.
    fn folders(self) -> [&'static str; 3] {
        match self {
            Person::Ada => ["ada", "c", "w"],
            Person::Bartholomew => [
                "people/of/the/other/department/bartholomew",
                "somewhere/else/entirely/caches",
                "my work",
            ],
        }
    }

    /// Where environments are that all of this person's worlds share: they take long to install.
    fn environments(self) -> PathBuf {
        let shared = Path::new(env!("CARGO_TARGET_TMPDIR"));
        shared.join(match self {
            Person::Ada => "environments",
            Person::Bartholomew => "environments/of/somebody/else",
        })
    }
}

/// One person's machine, gone at the end.
pub(crate) struct World {
    folder: TempDir,
    person: Person,
}

/// How the program ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// All it said.
    pub(crate) fn said(&self) -> String {
        format!("exit {}\n{}{}", self.code, self.stdout, self.stderr)
    }
}

impl World {
    pub(crate) fn of(person: Person) -> World {
        let folder = TempDir::with_prefix(match person {
            Person::Ada => "a",
            Person::Bartholomew => "another-machine-",
        });
        let world = World {
            folder: folder.expect("a folder for the test"),
            person,
        };
        let [home, cache, work] = person.folders();
        let cache = format!("{cache}/pipeline");
        for below in [home, &cache, work] {
            fs::create_dir_all(world.path(below)).expect("a folder for the test");
        }
        let environments = person.environments();
        fs::create_dir_all(&environments).expect("a folder for all tests");
        symlink(environments, world.path(&cache).join("python")).expect("a link in a new folder");
        world
    }

    /// Where something of this world is.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        let folder = fs::canonicalize(self.folder.path()).expect("the folder is there");
        folder.join(below)
    }

    /// A folder of this person's with a repository of a fixture, for those that have one.
    pub(crate) fn repository(&self, fixture: &Fixture) -> Option<PathBuf> {
        let [_, _, work] = self.person.folders();
        let folder = self.path(work).join(&fixture.name);
        fs::create_dir_all(&folder).expect("a folder for the test");
        if fixture.before.is_empty() {
            return None;
        }
        repository(&folder, &fixture.before);
        Some(folder)
    }

    /// Writes a file of this world.
    pub(crate) fn file(&self, below: &str, text: &str) -> PathBuf {
        let path = self.path(below);
        let folder = path.parent().expect("a file is in a folder");
        fs::create_dir_all(folder).expect("a folder for the test");
        fs::write(&path, text).expect("a file of the test can be written");
        path
    }

    /// Runs the program to its end in the working folder.
    #[expect(
        clippy::disallowed_methods,
        reason = "the program under test is started as a person starts it, outside of any walls"
    )]
    pub(crate) fn run(&self, arguments: &[String], variables: &[(String, String)]) -> Ended {
        let [home, cache, work] = self.person.folders();
        let of_machine = INDEX_VARIABLES
            .iter()
            .filter_map(|it| Some((*it, std::env::var(it).ok()?)));
        let output = Command::new("/usr/bin/timeout")
            .args(["-s", "KILL", PROGRAM_SECONDS_MAX, PIPELINE])
            .args(arguments)
            .current_dir(self.path(work))
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.path(home))
            .env("XDG_CACHE_HOME", self.path(cache))
            .envs(KEYS)
            .envs(of_machine)
            .envs(variables.iter().map(|(name, it)| (name, it)))
            .stdin(Stdio::null())
            .output()
            .expect("the program can be started");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// What of this person a text tells.
    pub(crate) fn told_by(&self, text: &str) -> Option<String> {
        let own = self.path("").display().to_string();
        let environments = self.person.environments().display().to_string();
        let names = [own.trim_end_matches('/'), &environments];
        let keys = KEYS.iter().map(|(_, key)| *key);
        let mut all = names.into_iter().chain(keys);
        all.find(|it| text.contains(it)).map(str::to_owned)
    }
}

/// Hands a folder over to somebody else: the same files, elsewhere.
pub(crate) fn hand_over(from: &Path, to: &Path) {
    for (path, bytes) in every_file(from) {
        let path = to.join(path);
        let folder = path.parent().expect("a file is in a folder");
        fs::create_dir_all(folder).expect("a folder for the test");
        fs::write(path, bytes).expect("a file of the test can be written");
    }
}

/// All files below a folder by their paths from it.
pub(crate) fn every_file(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    collect(folder, folder, DEPTH_MAX, &mut found);
    found
}

fn collect(root: &Path, folder: &Path, depth: usize, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    assert!(0 < depth, "{} is nested too deeply", folder.display());
    for entry in fs::read_dir(folder).expect("a folder of the test can be read") {
        let path = entry.expect("a folder's entry can be read").path();
        if path.is_dir() {
            collect(root, &path, depth - 1, found);
            continue;
        }
        let bytes = fs::read(&path).expect("a file of the test can be read");
        let below = path.strip_prefix(root).expect("it is below the root");
        found.insert(below.to_owned(), bytes);
    }
}
