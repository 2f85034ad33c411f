//! A walk as a folder that a person can read: what was asked, what models say, what must come out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use protocol::{Limits, Reason, RunState, ScriptedReply, Status, Task, TestFile, Tier};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::agent::limits;
use crate::git::{self, History};
use crate::programs::Installed;

/// Deepest folder inside a fixture.
const DEPTH_MAX: usize = 12;

/// One folder of `fixtures/tasks`, or the demo.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// The folder's name.
    pub name: String,
    /// Where it is.
    pub folder: PathBuf,
    /// What was asked.
    pub task: Task,
    /// How the run must end.
    pub expected: Expected,
    /// What is installed where it is walked.
    pub installed: Installed,
    /// What its repository says of itself beside its files.
    pub history: History,
    /// The bounds of the run.
    pub limits: Limits,
    /// Tokens of all models together; none means as many as they like.
    pub token_budget: Option<u64>,
    /// What the scripted models say, by role: `draft`, `refine`, `author`, `review`. A role without a folder is left
    /// out of the crew.
    pub replies: BTreeMap<String, Vec<ScriptedReply>>,
    /// The repository as it was, by path.
    pub before: BTreeMap<String, Vec<u8>>,
    /// The repository as it must be, by path.
    pub after: BTreeMap<String, Vec<u8>>,
}

/// How a run must end.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Completed or failed.
    pub status: Status,
    /// Why it failed.
    pub reason: Option<Reason>,
    /// What was proven.
    pub tier: Option<Tier>,
    /// Drafts it took.
    pub iterations: u8,
}

/// `task.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskFile {
    title: String,
    #[serde(default)]
    body: String,
    /// Tests of the repository that the user names as acceptance tests; their files are below `tests` as well.
    #[serde(default)]
    test_ids: Vec<String>,
    expected: Expected,
    /// What is installed beside pytest.
    #[serde(default)]
    installed: Installed,
    /// Bounds that differ from the usual ones of tests.
    #[serde(default)]
    limits: Map<String, Value>,
}

impl Fixture {
    /// Reads one folder.
    ///
    /// # Panics
    ///
    /// When something in it can't be understood; the message names the file.
    pub fn load(folder: &Path) -> Fixture {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let text = text_of(&folder.join("task.toml"));
        let file: TaskFile =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{name}/task.toml: {error}"));
        Fixture {
            task: Task {
                title: file.title,
                body: file.body.trim().to_owned(),
                tests: given_tests(folder),
                test_ids: file.test_ids,
                ..Task::default()
            },
            expected: file.expected,
            installed: file.installed,
            history: History::default(),
            limits: with_overrides(&name, &file.limits),
            token_budget: None,
            replies: replies(folder),
            before: files(&folder.join("before")),
            after: files(&folder.join("after")),
            name: name.into_owned(),
            folder: folder.to_owned(),
        }
    }

    /// Every fixture of `fixtures/tasks`, by name, then the demo.
    ///
    /// # Panics
    ///
    /// When one of them can't be read, or there is none.
    pub fn all() -> Vec<Fixture> {
        let root = Fixture::root();
        let mut found: Vec<Fixture> = entries(&root.join("tasks"))
            .iter()
            .map(|it| Fixture::load(it))
            .collect();
        assert!(!found.is_empty(), "no fixture below {}", root.display());
        found.push(Fixture::load(&root.join("demo")));
        found
    }

    /// The folder `fixtures` of this repository.
    pub fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
    }

    /// A git repository with one commit of what was before. The folder goes away with the value, unless an environment
    /// is made for it: that is one repository's own, so it is worth something only if the folder stays.
    ///
    /// # Panics
    ///
    /// When it can't be made.
    pub fn repository(&self) -> Repository {
        let folder = TempDir::with_prefix("fixture-").expect("a folder for the test");
        let commit = git::repository_of(folder.path(), &self.before, &self.history);
        if self.installed != Installed::Own {
            return Repository::Passing(folder);
        }
        let staying = target().join("test-repositories").join(&self.name);
        let path = staying.join(commit);
        fs::create_dir_all(&staying).expect("a folder below `target` can be made");
        // Whoever comes second finds it there.
        if !path.exists() {
            let _ = fs::rename(folder.keep(), &path);
        }
        Repository::Staying(path)
    }

    /// What must have happened, in the form of [`crate::journal_text`].
    pub fn journal_file(&self) -> PathBuf {
        self.folder.join("journal.txt")
    }

    /// Says how a run ended otherwise than it must.
    pub fn differences_of_the_end(&self, state: &RunState) -> Option<String> {
        let ended = Expected {
            status: state.status,
            reason: state.reason,
            tier: state.tier,
            iterations: state.iteration,
        };
        (ended != self.expected)
            .then(|| format!("it ended as {ended:?}, not as {:?}", self.expected))
    }

    /// Says how the end of a run differs from what must come out; nothing when it doesn't. `tree` is the final tree.
    pub fn differences(&self, state: &RunState, tree: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
        let mut found: Vec<String> = self.differences_of_the_end(state).into_iter().collect();
        for (path, bytes) in &self.after {
            match tree.get(path) {
                None => found.push(format!("{path} is missing")),
                Some(there) if there != bytes => {
                    found.push(format!("{path} is\n{}", String::from_utf8_lossy(there)))
                }
                Some(_) => {}
            }
        }
        for path in tree.keys().filter(|it| !self.after.contains_key(*it)) {
            found.push(format!("{path} is too much"));
        }
        found
    }
}

/// The folder of a repository for a test.
#[derive(Debug)]
pub enum Repository {
    /// It goes away with the value.
    Passing(TempDir),
    /// It stays, below `target`.
    Staying(PathBuf),
}

impl Repository {
    /// Where it is.
    pub fn path(&self) -> &Path {
        match self {
            Repository::Passing(folder) => folder.path(),
            Repository::Staying(path) => path,
        }
    }
}

/// The folder `target` of this repository.
fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target")
}

/// Files below a folder by their path from it, with `/`. A folder that isn't there has none; git's own is left out.
///
/// # Panics
///
/// When a file can't be read.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    if folder.exists() {
        read_below(folder, "", DEPTH_MAX, &mut found);
    }
    found
}

fn read_below(folder: &Path, inside: &str, depth: usize, found: &mut BTreeMap<String, Vec<u8>>) {
    assert!(0 < depth, "{} is nested too deeply", folder.display());
    for path in entries(folder) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let inside = if inside.is_empty() {
            name.to_string()
        } else {
            format!("{inside}/{name}")
        };
        if name == ".git" || name == "__pycache__" {
            continue;
        }
        if path.is_dir() {
            read_below(&path, &inside, depth - 1, found);
        } else {
            let bytes = fs::read(&path).unwrap_or_else(|it| panic!("{}: {it}", path.display()));
            found.insert(inside, bytes);
        }
    }
}

/// The user's own tests, in the folder `tests`, each at its place in the repository.
pub(crate) fn given_tests(folder: &Path) -> Vec<TestFile> {
    files(&folder.join("tests"))
        .into_iter()
        .map(|(path, bytes)| TestFile {
            sha256: Sha256::digest(&bytes)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            text: String::from_utf8(bytes).unwrap_or_else(|it| panic!("tests/{path}: {it}")),
            path,
        })
        .collect()
}

/// What each role says.
pub(crate) fn replies(folder: &Path) -> BTreeMap<String, Vec<ScriptedReply>> {
    let script = |role: &PathBuf| {
        let texts = entries(role).into_iter().map(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            (name.into_owned(), text_of(&file))
        });
        let replies = ScriptedReply::in_order(texts)
            .unwrap_or_else(|error| panic!("{}: {error:?}", role.display()));
        let role = role.file_name().unwrap_or_default().to_string_lossy();
        (role.into_owned(), replies)
    };
    entries(&folder.join("replies"))
        .iter()
        .map(script)
        .collect()
}

/// The usual bounds of tests, some of them changed.
pub(crate) fn with_overrides(name: &str, overrides: &Map<String, Value>) -> Limits {
    let mut usual = serde_json::to_value(limits()).expect("limits are plain numbers");
    for (limit, value) in overrides {
        assert!(
            usual.get(limit).is_some(),
            "{name}: there is no limit `{limit}`"
        );
        usual[limit] = value.clone();
    }
    serde_json::from_value(usual).unwrap_or_else(|error| panic!("{name}: limits: {error}"))
}

/// What is in a folder, by name.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).unwrap_or_else(|it| panic!("{}: {it}", folder.display()));
    let mut paths: Vec<PathBuf> = found
        .map(|it| it.expect("a folder's entry is readable").path())
        .collect();
    paths.sort();
    paths
}

pub(crate) fn text_of(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|it| panic!("{}: {it}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: &[&str] = &["draft", "refine", "author", "review"];

    #[test]
    fn every_fixture_can_be_read_and_says_something_new() {
        let all = Fixture::all();
        for fixture in &all {
            let name = &fixture.name;
            assert!(!fixture.task.is_empty(), "{name}: nothing is asked");
            assert!(
                !fixture.before.is_empty() || !fixture.task.tests.is_empty(),
                "{name}: there is no repository, and no tests to begin with"
            );
            assert!(
                fixture.replies.contains_key("draft"),
                "{name}: nobody drafts"
            );
            for role in fixture.replies.keys() {
                assert!(ROLES.contains(&role.as_str()), "{name}: no role `{role}`");
            }
            let completed = fixture.expected.status == Status::Completed;
            assert_eq!(
                completed,
                fixture.expected.tier.is_some(),
                "{name}: a tier is for completed runs"
            );
            assert_eq!(
                completed,
                fixture.expected.reason.is_none(),
                "{name}: a reason is for failed runs"
            );
            assert_eq!(
                fixture.before == fixture.after,
                fixture.expected.reason == Some(Reason::NoCode),
                "{name}: only a run without code leaves everything as it was"
            );
        }
    }

    #[test]
    fn the_demo_says_in_every_reply_that_a_script_speaks() {
        let demo = Fixture::load(&Fixture::root().join("demo"));
        for (role, replies) in &demo.replies {
            for (reply, number) in replies.iter().zip(1..) {
                let said = reply.to_reply(number);
                assert!(
                    said.text.contains("A script says this, not a model."),
                    "{role}, reply {number}"
                );
            }
        }
    }

    #[test]
    fn a_repository_is_made_of_what_was_before() {
        let fixture = Fixture::load(&Fixture::root().join("tasks/off_by_one"));
        let folder = fixture.repository();
        assert_eq!(files(folder.path()), fixture.before);
        assert_eq!(git::git(folder.path(), &["status", "--porcelain"]), "");
        assert_eq!(
            git::git(folder.path(), &["rev-list", "--count", "HEAD"]),
            "1"
        );
    }

    #[test]
    fn a_difference_is_named() {
        let fixture = Fixture::load(&Fixture::root().join("tasks/off_by_one"));
        let mut state = RunState::new(fixture.task.clone());
        state.status = Status::Completed;
        state.tier = Some(Tier::Proven);
        assert_eq!(
            fixture.differences(&state, &fixture.after),
            Vec::<String>::new()
        );
        state.iteration = 2;
        let mut tree = fixture.after.clone();
        tree.insert("x.py".to_owned(), Vec::new());
        tree.remove("conftest.py");
        tree.insert("pages.py".to_owned(), b"other\n".to_vec());
        let found = fixture.differences(&state, &tree);
        assert_eq!(found.len(), 4, "{found:?}");
    }
}
