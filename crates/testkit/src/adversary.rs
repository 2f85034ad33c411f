//! A run in which somebody cheats, as a folder: what they do, and how it must end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use protocol::{Reason, Status, Task, Tier};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::fixture::{self, Expected, Fixture};

/// One folder of `fixtures/adversaries`.
#[derive(Clone, Debug)]
pub struct Adversary {
    /// The task, the repository and what the models say. Its `expected` and `after` are not the whole truth.
    pub fixture: Fixture,
    /// How the run must end.
    pub ends: Ends,
}

/// How a run must end in which somebody cheats.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ends {
    /// `completed`, `failed`, or `running` where an agent broke and the run can be resumed.
    pub status: Option<Status>,
    /// Why it failed or stopped.
    pub reason: Option<Reason>,
    /// What was proven.
    pub tier: Option<Tier>,
    /// The agent that sent the last draft back.
    pub gate: Option<String>,
    /// Words of the last rejection, or of the explanation at the end.
    #[serde(default)]
    pub words: Vec<String>,
    /// Paths that must not be in the final tree.
    #[serde(default)]
    pub without: Vec<String>,
    /// Texts that files of the final tree must contain, by path.
    #[serde(default)]
    pub holds: BTreeMap<String, String>,
    /// Protected paths that the evidence must tell of, each with words of the quotation.
    #[serde(default)]
    pub allowed: BTreeMap<String, String>,
    /// Texts that must be nowhere in the journal.
    #[serde(default)]
    pub nowhere: Vec<String>,
}

/// `expect.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The folder below `shared` with the task, the repository and the replies that this one doesn't bring itself.
    before: String,
    title: Option<String>,
    body: Option<String>,
    /// Roles that are left out of the crew.
    #[serde(default)]
    nobody: Vec<String>,
    #[serde(default)]
    limits: Map<String, Value>,
    /// Tokens of all models together.
    token_budget: Option<u64>,
    ends: Ends,
}

/// `task.toml` of a shared folder.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shared {
    title: String,
    body: String,
}

impl Adversary {
    /// Reads one folder.
    ///
    /// # Panics
    ///
    /// When something in it can't be understood; the message names the file.
    pub fn load(folder: &Path) -> Adversary {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let text = fixture::text_of(&folder.join("expect.toml"));
        let file: File =
            toml::from_str(&text).unwrap_or_else(|it| panic!("{name}/expect.toml: {it}"));
        let shared = root().join("shared").join(&file.before);
        let text = fixture::text_of(&shared.join("task.toml"));
        let usual: Shared =
            toml::from_str(&text).unwrap_or_else(|it| panic!("{name}/task.toml: {it}"));
        let mut before = fixture::files(&shared.join("before"));
        before.extend(fixture::files(&folder.join("before")));
        let mut replies = fixture::replies(&shared);
        if folder.join("replies").exists() {
            replies.extend(fixture::replies(folder));
        }
        replies.retain(|role, _| !file.nobody.contains(role));
        // One draft is enough to see what becomes of a trick, unless the trick takes more.
        let mut limits = Map::from_iter([("iterations_max".to_owned(), Value::from(1))]);
        limits.extend(file.limits);
        Adversary {
            fixture: Fixture {
                task: Task {
                    title: file.title.unwrap_or(usual.title),
                    body: file.body.unwrap_or(usual.body).trim().to_owned(),
                    ..Task::default()
                },
                expected: Expected {
                    status: file.ends.status.unwrap_or(Status::Failed),
                    reason: file.ends.reason,
                    tier: file.ends.tier,
                    iterations: 0,
                },
                limits: fixture::with_overrides(&name, &limits),
                token_budget: file.token_budget,
                replies,
                before,
                after: BTreeMap::new(),
                name: name.clone().into_owned(),
                folder: folder.to_owned(),
            },
            ends: file.ends,
        }
    }

    /// Every folder of `fixtures/adversaries`, by name.
    ///
    /// # Panics
    ///
    /// When one of them can't be read.
    pub fn all() -> Vec<Adversary> {
        fixture::entries(&root())
            .iter()
            .filter(|it| it.join("expect.toml").exists())
            .map(|it| Adversary::load(it))
            .collect()
    }
}

fn root() -> PathBuf {
    Fixture::root().join("adversaries")
}
