//! Real bug fixes of real packages: a release, what was asked, the fix that its authors made, and their tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use protocol::{ScriptedReply, Status, Task, Tier};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::fixture::{Expected, Fixture, entries, files, text_of, with_overrides};
use crate::git;
use crate::published::published;

/// One folder of `fixtures/honest`, as a fixture whose models hand in the real fix and the real tests.
///
/// Nobody wrote these changes for the pipeline. If it sends one back, it is the pipeline that is wrong.
#[derive(Clone, Debug)]
pub struct Honest {
    /// The release before the fix, and what the models say. There is no `after`: Ruff formats what the fix touches.
    pub fixture: Fixture,
    /// Paths that the fix changes.
    pub fixed: BTreeSet<String>,
    /// The tests, by path.
    pub tests: BTreeMap<String, Vec<u8>>,
    /// What must come out, and what the tests of the release do.
    pub origin: Origin,
}

/// `origin.toml`: where a fix comes from, and what its tests do here.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The release with the fix; the one before stands in `requirements.txt`.
    pub fixed_in: String,
    /// The changelog's own words about the fix.
    pub changelog: String,
    /// The licence of the package, which holds for what is quoted of it.
    pub license: String,
    /// What must be proven.
    pub tier: Tier,
    /// Whether the author says that nothing can be red, because no behaviour changes.
    #[serde(default)]
    pub no_behaviour_change: bool,
    /// Tests of the release that fail here before and after the fix; `*` at the end stands for anything.
    #[serde(default)]
    pub pre_existing: Vec<String>,
    /// Tests whose outcome is up to chance.
    #[serde(default)]
    pub flaky: Vec<String>,
    /// Bounds that differ from the usual ones of tests.
    #[serde(default)]
    limits: Map<String, Value>,
}

impl Honest {
    /// Every folder of `fixtures/honest`, by name.
    ///
    /// # Panics
    ///
    /// When one of them can't be understood, or its release can't be fetched.
    pub fn all() -> Vec<Honest> {
        entries(&Fixture::root().join("honest"))
            .iter()
            .map(|it| Honest::load(it))
            .collect()
    }

    fn load(folder: &Path) -> Honest {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let origin: Origin = toml::from_str(&text_of(&folder.join("origin.toml")))
            .unwrap_or_else(|error| panic!("{name}/origin.toml: {error}"));
        let mut before = published(&folder.join("requirements.txt"));
        before.extend(files(&folder.join("added")));
        let after = with_patch(&before, &folder.join("fix.patch"));
        let fixed: BTreeSet<String> = (before.keys().chain(after.keys()))
            .filter(|path| before.get(*path) != after.get(*path))
            .cloned()
            .collect();
        let tests = files(&folder.join("tests"));
        let fixture = Fixture {
            task: Task::from_text(&text_of(&folder.join("task.md"))),
            expected: Expected {
                status: Status::Completed,
                reason: None,
                tier: Some(origin.tier),
                iterations: 1,
            },
            limits: with_overrides(&name, &origin.limits),
            token_budget: None,
            replies: replies(&name, &origin, &fixed, &after, &tests),
            before,
            after: BTreeMap::new(),
            name: name.into_owned(),
            folder: folder.to_owned(),
        };
        Honest {
            fixture,
            fixed,
            tests,
            origin,
        }
    }
}

/// What the files become with a patch.
fn with_patch(before: &BTreeMap<String, Vec<u8>>, patch: &Path) -> BTreeMap<String, Vec<u8>> {
    let folder = TempDir::with_prefix("honest-").expect("a folder for the test");
    git::repository(folder.path(), before);
    let patch =
        fs::canonicalize(patch).unwrap_or_else(|error| panic!("find {}: {error}", patch.display()));
    git::git(folder.path(), &["apply", &patch.display().to_string()]);
    files(folder.path())
}

/// The fix as a draft that everybody likes, and the tests as the author's.
fn replies(
    name: &str,
    origin: &Origin,
    fixed: &BTreeSet<String>,
    after: &BTreeMap<String, Vec<u8>>,
    tests: &BTreeMap<String, Vec<u8>>,
) -> BTreeMap<String, Vec<ScriptedReply>> {
    let text = |path: &str, bytes: &[u8]| -> Value {
        let text = String::from_utf8(bytes.to_vec());
        text.unwrap_or_else(|_| panic!("{name}: {path} is no text"))
            .into()
    };
    let finish = json!({"summary": "Does what the task asks for."});
    let mut draft = ScriptedReply::default();
    for path in fixed {
        draft = match after.get(path) {
            Some(bytes) => {
                let file = json!({"path": path, "text": text(path, bytes)});
                draft.call("write_file", file)
            }
            None => draft.call("delete_file", json!({"path": path})),
        };
    }
    let tests: Vec<Value> = tests
        .iter()
        .map(|(path, bytes)| json!({"path": path, "text": text(path, bytes)}))
        .collect();
    let handed_in = json!({"files": tests, "no_behaviour_change": origin.no_behaviour_change});
    let passes = ScriptedReply {
        output: Some(json!({
            "verdict": "pass",
            "summary": "It does what the task asks for.",
            "findings": []
        })),
        ..ScriptedReply::default()
    };
    let said = [
        ("draft", draft.call("finish", finish.clone())),
        ("refine", ScriptedReply::default().call("finish", finish)),
        (
            "author",
            ScriptedReply::default().call("submit_tests", handed_in),
        ),
        ("review", passes),
    ];
    said.map(|(role, reply)| (role.to_owned(), vec![reply]))
        .into()
}
