//! What the gates measured of one draft, besides its tests' outcomes.

use serde::{Deserialize, Serialize};

use crate::tests_run::TestOutcome;

/// The draft as a patch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchFacts {
    /// Size of the unified diff.
    pub bytes: u64,
    /// Files it touches.
    pub files: u32,
    /// Protected paths that it touches because the task's own text names them.
    pub allowed: Vec<AllowedPath>,
}

/// A protected path that a draft may touch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedPath {
    /// The path.
    pub path: String,
    /// What it is, as in `configuration of the test runner`.
    pub kind: String,
    /// The line of the task that names it.
    pub quote: String,
}

/// Why the test runner's word can be believed, or can't.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integrity {
    /// What the tests did whose outcome is known beforehand.
    pub canaries: Canaries,
    /// Tests that the base has.
    pub tests_on_base: usize,
    /// Those that are no longer collected.
    pub missing: Vec<String>,
    /// Tests that the change lets skip, or expects to fail.
    pub marked: Vec<MarkedTest>,
    /// What else the change does to be believed.
    pub tricks: Vec<Trick>,
    /// What could be such a trick and is more often honest: for the reader, no reason to send a change back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signs: Vec<Trick>,
}

/// Tests whose outcome is known beforehand, run in the same session as all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Canaries {
    /// Each did what it must.
    Held {
        /// How many there were.
        tests: u32,
    },
    /// Some did not, so the runner's word counts for nothing.
    Broken {
        /// What each of them did instead.
        found: Vec<String>,
    },
    /// They say nothing here.
    Silent {
        /// Why, as in `they fail on the base as well`.
        why: String,
    },
}

/// A test that a change keeps from judging.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkedTest {
    /// The test, or the file.
    pub id: String,
    /// `skip` or `xfail`.
    pub mark: String,
}

/// Something in a change that serves to be believed rather than to be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trick {
    /// Short name of the rule, as in `equal-to-everything`.
    pub rule: String,
    /// The file.
    pub path: String,
    /// The line in the new file, counted from 1; 0 when it is about the whole file or the run.
    pub line: u32,
    /// What it is, in words.
    pub words: String,
}

/// A test that was run again on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rerun {
    /// The test.
    pub id: String,
    /// Its outcomes on the base, the first run included; none where it wasn't there.
    pub on_base: Vec<TestOutcome>,
    /// Its outcomes with the change, the first run included.
    pub with_change: Vec<TestOutcome>,
    /// Why it was left aside although it flipped with the change only, in journals of earlier versions; nothing excuses that now.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub excuse: String,
}

/// Which part of the suite ran with the change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteScope {
    /// Test files that import, at any distance, what the change touches. They ran first.
    pub affected: Vec<String>,
    /// Test files that did not run: for want of time, or because those that ran first were red.
    pub left_out: Vec<String>,
    /// That budget.
    pub suite_seconds_max: u64,
}

/// Whether each hunk of the draft matters to some test.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bite {
    /// The hunks, in the order of the patch.
    pub hunks: Vec<HunkBite>,
    /// Wall time in milliseconds.
    pub wall_ms: u64,
}

impl Bite {
    /// Whether some hunk was tried, no test noticed any, and none was left untried that could do something. Then a test
    /// that was red before the change and is green now can't be green because of it.
    pub fn notices_nothing(&self) -> bool {
        let idle = |it: &HunkBite| match &it.verdict {
            HunkVerdict::Exercised { .. } => false,
            HunkVerdict::Unexercised => true,
            HunkVerdict::Untried { why } => HunkVerdict::IDLE.contains(&why.as_str()),
        };
        let mut verdicts = self.hunks.iter().map(|it| &it.verdict);
        self.hunks.iter().all(idle) && verdicts.any(|it| *it == HunkVerdict::Unexercised)
    }
}

/// One hunk, reverted alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HunkBite {
    /// The file.
    pub path: String,
    /// The hunk's header, as in `@@ -3,4 +3,5 @@`.
    pub header: String,
    /// What the tests said.
    pub verdict: HunkVerdict,
}

/// What tests said to a change without one of its hunks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HunkVerdict {
    /// Some test failed.
    Exercised {
        /// The first one.
        by: String,
    },
    /// Nothing failed.
    Unexercised,
    /// It was not tried.
    Untried {
        /// Why, as in `no Python code`.
        why: String,
    },
}

impl HunkVerdict {
    /// It belongs to the tests.
    pub const OF_THE_TESTS: &str = "it belongs to the tests";
    /// It belongs to the documentation.
    pub const OF_THE_DOCUMENTATION: &str = "it belongs to the documentation";
    /// Python does the same with it and without.
    pub const NO_CODE: &str = "only comments, docstrings or layout";
    /// Reasons not to try a hunk because it can't do anything.
    const IDLE: [&str; 3] = [
        HunkVerdict::OF_THE_TESTS,
        HunkVerdict::OF_THE_DOCUMENTATION,
        HunkVerdict::NO_CODE,
    ];
}
