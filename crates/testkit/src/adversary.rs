//! A run in which somebody cheats, as a folder: what they do, and how it must end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use protocol::{Reason, Status, Task, Tier};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::fixture::{self, Expected, Fixture};
use crate::git::History;
use crate::programs::Installed;

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
        let mut adversary = Adversary::nobody(&name, &file.before);
        let fixture = &mut adversary.fixture;
        if let Some(title) = file.title {
            fixture.task.title = title;
        }
        if let Some(body) = file.body {
            body.trim().clone_into(&mut fixture.task.body);
        }
        fixture.expected = Expected {
            status: file.ends.status.unwrap_or(Status::Failed),
            reason: file.ends.reason,
            tier: file.ends.tier,
            iterations: 0,
        };
        fixture
            .before
            .extend(fixture::files(&folder.join("before")));
        if folder.join("replies").exists() {
            fixture.replies.extend(fixture::replies(folder));
        }
        fixture.task.tests = fixture::given_tests(folder);
        fixture
            .replies
            .retain(|role, _| !file.nobody.contains(role));
        let mut limits = one_draft();
        limits.extend(file.limits);
        fixture.limits = fixture::with_overrides(&name, &limits);
        fixture.token_budget = file.token_budget;
        folder.clone_into(&mut fixture.folder);
        adversary.ends = file.ends;
        adversary
    }

    /// A run on what `shared` holds under this name, in which everybody is honest: it completes, and all is proven.
    ///
    /// # Panics
    ///
    /// When something there can't be understood; the message names the file.
    pub fn nobody(name: &str, shared: &str) -> Adversary {
        let folder = root().join("shared").join(shared);
        let text = fixture::text_of(&folder.join("task.toml"));
        let usual: Shared =
            toml::from_str(&text).unwrap_or_else(|it| panic!("{shared}/task.toml: {it}"));
        Adversary {
            fixture: Fixture {
                task: Task {
                    title: usual.title,
                    body: usual.body.trim().to_owned(),
                    ..Task::default()
                },
                expected: Expected {
                    status: Status::Completed,
                    reason: None,
                    tier: Some(Tier::Proven),
                    iterations: 1,
                },
                installed: Installed::default(),
                history: History::default(),
                limits: fixture::with_overrides(name, &one_draft()),
                token_budget: None,
                replies: fixture::replies(&folder),
                before: fixture::files(&folder.join("before")),
                after: BTreeMap::new(),
                name: name.to_owned(),
                folder,
            },
            ends: Ends {
                status: Some(Status::Completed),
                tier: Some(Tier::Proven),
                ..Ends::default()
            },
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

/// One draft is enough to see what becomes of a trick, unless the trick takes more.
fn one_draft() -> Map<String, Value> {
    Map::from_iter([("iterations_max".to_owned(), Value::from(1))])
}

fn root() -> PathBuf {
    Fixture::root().join("adversaries")
}
