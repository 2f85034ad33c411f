//! Real bug fixes of real packages: a release, what was asked, the fix that its authors made, and their tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use protocol::{ScriptedReply, Status, Task, Tier};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::fixture::{Expected, Fixture, entries, files, text_of, with_overrides};
use crate::git::{self, History};
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
    /// Files of the release that its repository hasn't: tests that measure time, whose outcomes hang on what else
    /// the machine does.
    #[serde(default)]
    left_out: Vec<String>,
    /// What makes its repository unlike a plain package.
    #[serde(default)]
    pub kinds: Vec<Kind>,
    /// What is installed where it is walked.
    #[serde(default)]
    installed: Installed,
    /// The tag of the release's commit, where a version comes from git.
    tag: Option<String>,
    /// The day of the release's commit, where that decides which packages are installed.
    day: Option<String>,
    /// The folder of the repository in which the release is; `added` then holds what is beside it.
    #[serde(default)]
    below: String,
    /// Bounds that differ from the usual ones of tests.
    #[serde(default)]
    limits: Map<String, Value>,
}

/// What can make a repository unlike a plain package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Its version is that of a tag.
    VersionFromGit,
    /// Some of it is written in C.
    CExtension,
    /// It holds several projects.
    Monorepo,
    /// Its tests can't be run with the packages of today.
    OldDependencies,
    /// Its tests are coroutines.
    Async,
    /// It is for Django.
    Django,
}

/// Which of the fixes are walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Share {
    /// Every second one, from the first.
    Even,
    /// The others.
    Odd,
    /// Every one.
    All,
    /// Those of these names.
    Named(Vec<String>),
}

impl Share {
    /// `even`, `odd`, `all`, or names with commas between them.
    pub fn of(text: &str) -> Share {
        match text {
            "even" => Share::Even,
            "odd" => Share::Odd,
            "all" => Share::All,
            names => Share::Named(names.split(',').map(str::to_owned).collect()),
        }
    }

    fn holds(&self, place: usize, name: &str) -> bool {
        match self {
            Share::Even => place.is_multiple_of(2),
            Share::Odd => !place.is_multiple_of(2),
            Share::All => true,
            Share::Named(names) => names.iter().any(|it| it == name),
        }
    }
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
    /// A share of the folders of `fixtures/honest`, by name.
    ///
    /// # Panics
    ///
    /// When one of them can't be understood, or its release can't be fetched.
    pub fn some(share: &Share) -> Vec<Honest> {
        let folders = entries(&Fixture::root().join("honest"));
        let chosen = folders.iter().enumerate();
        let chosen = chosen.filter(|(place, it)| share.holds(*place, &name_of(it)));
        chosen.map(|it| Honest::load(it.1)).collect()
    }

    /// Those that a reviewer is shown by the review bench, by name.
    ///
    /// # Panics
    ///
    /// When one of them can't be understood, or its release can't be fetched.
    pub fn with_review() -> Vec<Honest> {
        let folders = entries(&Fixture::root().join("honest"));
        let chosen = folders.iter().filter(|it| it.join("review").exists());
        chosen.map(|it| Honest::load(it)).collect()
    }

    /// What is known of every fix without fetching its release, by name.
    ///
    /// # Panics
    ///
    /// When one of them can't be understood.
    pub fn origins() -> BTreeMap<String, Origin> {
        let folders = entries(&Fixture::root().join("honest"));
        let named = folders.iter().map(|it| (name_of(it), Origin::load(it)));
        named.collect()
    }

    fn load(folder: &Path) -> Honest {
        let name = name_of(folder);
        let origin = Origin::load(folder);
        let mut before = published(&folder.join("requirements.txt"));
        for path in &origin.left_out {
            let left_out = before.remove(path);
            assert!(left_out.is_some(), "the release of {name} has no {path}");
        }
        if !origin.below.is_empty() {
            let inside = |(path, bytes)| (format!("{}/{path}", origin.below), bytes);
            before = before.into_iter().map(inside).collect();
        }
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
            installed: origin.installed,
            history: History {
                tag: origin.tag.clone(),
                day: origin.day.clone(),
            },
            limits,
            token_budget: None,
            replies: replies(&name, &origin, &fixed, &tests, &amended),
            before,
            after: BTreeMap::new(),
            name,
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

impl Origin {
    fn load(folder: &Path) -> Origin {
        toml::from_str(&text_of(&folder.join("origin.toml")))
            .unwrap_or_else(|error| panic!("{}/origin.toml: {error}", name_of(folder)))
    }
}

fn name_of(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Fewer would say little about the gates.
    const FIXES_MIN: usize = 31;
    /// So many have tests that fail for reasons of their own.
    const UNTIDY_MIN: usize = 3;
    /// So many are of repositories unlike a plain package.
    const UNLIKE_MIN: usize = 8;

    #[test]
    fn there_are_fixes_of_every_kind_in_both_shares() {
        let origins = Honest::origins();
        let untidy = |it: &&Origin| !(it.pre_existing.is_empty() && it.flaky.is_empty());
        let untidy = origins.values().filter(untidy).count();
        let unlike = origins.values().filter(|it| !it.kinds.is_empty()).count();
        assert!(
            FIXES_MIN <= origins.len() && UNTIDY_MIN <= untidy && UNLIKE_MIN <= unlike,
            "{} fixes, {untidy} with tests that fail anyway, {unlike} unlike a plain package",
            origins.len()
        );
        for kind in [
            Kind::VersionFromGit,
            Kind::CExtension,
            Kind::Monorepo,
            Kind::Async,
            Kind::Django,
        ] {
            let of_kind = origins.values().filter(|it| it.kinds.contains(&kind));
            assert!(0 < of_kind.count(), "there is none of the kind {kind:?}");
        }
        for share in [Share::Even, Share::Odd] {
            let held = origins.keys().enumerate();
            let held = held.filter(|(place, it)| share.holds(*place, it)).count();
            assert!(origins.len() <= 2 * held + 1, "{share:?} holds {held}");
        }
    }
}
