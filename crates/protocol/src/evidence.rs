//! What an agent can show for its verdict.

use serde::{Deserialize, Serialize};

use crate::gates::{Bite, Integrity, PatchFacts, Rerun, SuiteScope};
use crate::tests_run::{AcceptanceTests, Dispute, TestComparison, TestRun};
use crate::worth::ReviewerFigure;

/// One thing a reviewer may want to see before trusting a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Evidence {
    /// A coder's own words about its draft. Shown, never believed.
    Draft {
        /// The coder.
        agent: String,
        /// What it said.
        summary: String,
        /// Model requests it took.
        turns: u32,
    },
    /// What the formatter did and found.
    Format {
        /// The formatter and its version, as in `ruff 0.17.5`.
        tool: String,
        /// Files it changed.
        changed: Vec<String>,
        /// Findings that the base didn't have and that it couldn't fix.
        new_findings: Vec<LintFinding>,
        /// Files of the change that it left as they are.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unformatted: Vec<Unformatted>,
    },
    /// The base commit's own test run.
    Baseline(TestRun),
    /// The acceptance tests, with their outcomes on the base.
    AcceptanceTests(AcceptanceTests),
    /// The test run with the change.
    Tests {
        /// The run.
        run: TestRun,
        /// Every test on both sides.
        comparison: Vec<TestComparison>,
        /// Tests that were run again on both sides.
        #[serde(default)]
        reruns: Vec<Rerun>,
        /// Which part of the suite ran; none means all of it at once.
        #[serde(default)]
        scope: Option<SuiteScope>,
    },
    /// The draft as a patch.
    Patch(PatchFacts),
    /// A coder's claim that a test contradicts the task.
    Dispute(Dispute),
    /// Why the test runner's word can be believed.
    Integrity(Integrity),
    /// Whether each hunk matters.
    Bite(Bite),
    /// A reviewer's verdict.
    Review(Review),
    /// Files of the base that the repository keeps for those who work on it, and that an agent was shown as data.
    Guidance {
        /// The agent.
        agent: String,
        /// The files, in the order in which they were shown.
        files: Vec<Guide>,
    },
    /// How often the reviewer's model was right elsewhere, where that is known.
    ReviewerFigure(ReviewerFigure),
    /// Something a reader expects and will not find, and why.
    Missing {
        /// What is missing, as in `acceptance tests`.
        what: String,
        /// Why.
        why: String,
    },
}

impl Evidence {
    /// Longest output that evidence keeps; what is longer loses its beginning.
    pub const TAIL_BYTES_MAX: usize = 16 * 1024;

    /// What is missing, in [`Evidence::Missing`], when an author had no acceptance test to hand in.
    pub const ACCEPTANCE_TESTS: &str = "acceptance tests";

    /// What is missing, in [`Evidence::Missing`], when the vendor of the last coder's model also answered for the reviewer.
    pub const INDEPENDENT_REVIEW: &str = "independent review";

    /// What is missing, in [`Evidence::Missing`], when the repository has tests that no runner here finds: then nobody knows
    /// what a change does to them.
    pub const OWN_TESTS: &str = "a run of the repository's own tests";

    /// Whether it shows what tests did with the change.
    pub fn is_test_run(&self) -> bool {
        matches!(self, Evidence::Tests { .. })
    }

    /// Whether it was found on the base commit and so holds for every draft. What is missing is not among it: whether that
    /// holds for every draft hangs on who said it, and when.
    pub fn is_about_the_base(&self) -> bool {
        matches!(
            self,
            Evidence::Baseline(_) | Evidence::AcceptanceTests(_) | Evidence::Guidance { .. }
        )
    }

    /// What is missing, and why, if that is what it says.
    pub fn missing(&self) -> Option<(&str, &str)> {
        match self {
            Evidence::Missing { what, why } => Some((what, why)),
            _ => None,
        }
    }
}

const _: () = assert!(
    Evidence::TAIL_BYTES_MAX <= 64 * 1024,
    "tails must fit one prompt"
);

/// A file that the formatter left as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unformatted {
    /// The file.
    pub path: String,
    /// Why.
    pub why: String,
}

/// One file of guidance, as `AGENTS.md`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guide {
    /// Its path.
    pub path: String,
    /// The name of its bytes on the base: a git blob's identifier.
    pub content: String,
    /// How much of it was shown.
    pub shown: GuideShown,
}

/// How much of a file of guidance was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuideShown {
    /// All of it.
    Whole,
    /// As much as fitted.
    Beginning,
    /// Nothing: it is no text, or too large, or nothing more fitted.
    Nothing,
}

/// One finding of the linter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LintFinding {
    /// Rule, as in `F401`.
    pub rule: String,
    /// File.
    pub path: String,
    /// Line, counted from 1.
    pub line: u32,
    /// The linter's words.
    pub message: String,
}

/// What a reviewer said, in the form it must be said in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// The verdict.
    pub verdict: ReviewVerdict,
    /// A sentence or two.
    pub summary: String,
    /// What it found.
    pub findings: Vec<Finding>,
}

/// A reviewer's verdict. There is no third one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewVerdict {
    /// May be delivered.
    Pass,
    /// Must go back.
    Fail,
}

/// One finding of a reviewer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Whether the change must go back for it.
    pub severity: Severity,
    /// The file it is about; empty when it is about a requirement.
    pub file: String,
    /// The line in the new file, counted from 1; 0 when it is about a requirement.
    pub line: u32,
    /// The words of the task that are not met; empty when it is about a line.
    pub requirement: String,
    /// What is wrong.
    pub message: String,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The change must go back.
    Blocking,
    /// Worth saying.
    Minor,
}
