//! Real bug fixes of real packages: a release, what was asked, the fix that its authors made, and their tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use protocol::{ScriptedReply, Status, Task, Tier};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::fixture::{Expected, Fixture, entries, files, text_of, with_overrides};
use crate::git;
use crate::programs::Installed;
use crate::published::published;

/// Hunks of each fix that the ablation takes back. It sends nothing back, and each costs a run of the affected tests.
const BITE_HUNKS_MAX: u32 = 2;

/// One folder of `fixtures/honest`, as a fixture whose models hand in the real fix and the real tests.
///
/// Nobody wrote these changes for the pipeline. If it sends one back, it is the pipeline that is wrong.
#[derive(Clone, Debug)]
pub struct Honest {
    /// The release before the fix, and what the models say. There is no `after`: Ruff formats what the fix touches.
    pub fixture: Fixture,
    /// What the fix changes, by path; nothing for a file that it deletes.
    pub fixed: BTreeMap<String, Option<Vec<u8>>>,
    /// The tests, by path.
    pub tests: BTreeMap<String, Vec<u8>>,
    /// Tests of the release, as the authors changed them with the fix, by path.
    pub amended: BTreeMap<String, Vec<u8>>,
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
    /// The same, on some versions of Python only.
    #[serde(default)]
    pub by_python: Vec<String>,
    /// Tests whose outcome is up to chance.
    #[serde(default)]
    pub flaky: Vec<String>,
    /// What the fix contradicts of the release's own tests; it then takes two drafts.
    pub dispute: Option<Disputed>,
    /// Bounds that differ from the usual ones of tests.
    #[serde(default)]
    limits: Map<String, Value>,
}

/// A test that the authors changed with their fix. The files as they changed them are in the folder `amended`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disputed {
    /// The test, as in `tests/test_a.py::test_b`.
    pub test: String,
    /// The line of the task that it contradicts.
    quote: String,
    /// How.
    words: String,
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
        let fixed: BTreeMap<String, Option<Vec<u8>>> = (before.keys().chain(after.keys()))
            .filter(|path| before.get(*path) != after.get(*path))
            .map(|path| (path.clone(), after.get(path).cloned()))
            .collect();
        let tests = files(&folder.join("tests"));
        let amended = files(&folder.join("amended"));
        let mut limits = with_overrides(&name, &origin.limits);
        limits.bite_hunks_max = BITE_HUNKS_MAX;
        let fixture = Fixture {
            task: Task::from_text(&text_of(&folder.join("task.md"))),
            expected: Expected {
                status: Status::Completed,
                reason: None,
                tier: Some(origin.tier),
                iterations: if origin.dispute.is_some() { 2 } else { 1 },
            },
            installed: Installed::default(),
            limits,
            token_budget: None,
            replies: replies(&name, &origin, &fixed, &tests, &amended),
            before,
            after: BTreeMap::new(),
            name: name.into_owned(),
            folder: folder.to_owned(),
        };
        Honest {
            fixture,
            fixed,
            tests,
            amended,
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

/// The fix as a draft that everybody likes, the tests as the author's, and the dispute if there is one.
fn replies(
    name: &str,
    origin: &Origin,
    fixed: &BTreeMap<String, Option<Vec<u8>>>,
    tests: &BTreeMap<String, Vec<u8>>,
    amended: &BTreeMap<String, Vec<u8>>,
) -> BTreeMap<String, Vec<ScriptedReply>> {
    let file = |path: &str, bytes: &[u8]| -> Value {
        let text = String::from_utf8(bytes.to_vec());
        let text = text.unwrap_or_else(|_| panic!("{name}: {path} is no text"));
        json!({"path": path, "text": text})
    };
    let in_a_list = |files: &BTreeMap<String, Vec<u8>>| -> Vec<Value> {
        let files = files.iter();
        files.map(|(path, bytes)| file(path, bytes)).collect()
    };
    let reply = ScriptedReply::default;
    let finish = json!({"summary": "Does what the task asks for."});
    let mut draft = reply();
    for (path, fixed) in fixed {
        draft = match fixed {
            Some(bytes) => draft.call("write_file", file(path, bytes)),
            None => draft.call("delete_file", json!({"path": path})),
        };
    }
    let mut drafts = vec![draft.call("finish", finish.clone())];
    let mut refined = vec![reply().call("finish", finish.clone())];
    let handed_in = json!({
        "files": in_a_list(tests),
        "no_behaviour_change": origin.no_behaviour_change,
    });
    let mut written = vec![reply().call("submit_tests", handed_in)];
    if let Some(it) = &origin.dispute {
        let dispute = json!({"test": it.test, "quote": it.quote, "words": it.words});
        drafts.push(
            reply()
                .call("dispute_test", dispute)
                .call("finish", finish.clone()),
        );
        refined.push(reply().call("finish", finish));
        let decision = json!({
            "granted": true,
            "answer": "The task asks for it.",
            "files": in_a_list(amended),
        });
        written.push(reply().call("decide_dispute", decision));
    }
    let passes = ScriptedReply {
        output: Some(json!({
            "verdict": "pass",
            "summary": "It does what the task asks for.",
            "findings": []
        })),
        ..reply()
    };
    let said = [
        ("draft", drafts),
        ("refine", refined),
        ("author", written),
        ("review", vec![passes]),
    ];
    said.map(|(role, replies)| (role.to_owned(), replies))
        .into()
}
