//! Tests and their outcomes, as the orchestrator saw them.

use serde::{Deserialize, Serialize};

use crate::command::Exit;

/// One run of a test suite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestRun {
    /// Every test that reported an outcome, in the order they ran.
    pub results: Vec<TestResult>,
    /// Tests that were collected; more than `results` when the run was cut short.
    pub collected: Vec<String>,
    /// Errors while collecting: file, and the end of its traceback.
    pub collection_errors: Vec<TestResult>,
    /// How the runner ended.
    pub exit: Exit,
    /// Whether the runner said, through its own channel, that it came to its end.
    pub finished: bool,
    /// Wall time in milliseconds.
    pub wall_ms: u64,
    /// The end of the runner's output.
    pub tail: String,
    /// Whether an earlier run on the same base and environment measured it.
    #[serde(default, skip_serializing_if = "<&bool as std::ops::Not>::not")]
    pub cached: bool,
}

/// What became of one test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestResult {
    /// The runner's own identifier, as in `tests/test_a.py::test_b[1]`.
    pub id: String,
    /// How it ended.
    pub outcome: TestOutcome,
    /// Where it failed: `call` is the test's own body, `setup`/`teardown` its fixtures, `collect` its import.
    pub phase: String,
    /// The exception's type, as in `AssertionError`; empty when it passed.
    #[serde(default)]
    pub exception: String,
    /// The failure in words, cut; empty when it passed.
    #[serde(default)]
    pub message: String,
}

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestOutcome {
    /// It passed.
    Passed,
    /// Its body failed.
    Failed,
    /// A fixture or its import failed.
    Error,
    /// It was skipped.
    Skipped,
    /// It failed, as it said it would.
    Xfailed,
    /// It passed, though it said it would fail.
    Xpassed,
}

impl TestOutcome {
    /// Whether a test with this outcome says that the code is good.
    pub fn is_green(self) -> bool {
        matches!(self, TestOutcome::Passed | TestOutcome::Xfailed)
    }

    /// Whether a test with this outcome says that the code is bad.
    pub fn is_red(self) -> bool {
        matches!(self, TestOutcome::Failed | TestOutcome::Error)
    }
}

/// One test on the base commit and with the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestComparison {
    /// The test.
    pub id: String,
    /// On the base commit; `None` where it doesn't exist or didn't run.
    pub base: Option<TestOutcome>,
    /// With the change; `None` where it doesn't exist or didn't run.
    pub patch: Option<TestOutcome>,
    /// What that means.
    pub class: TestClass,
}

/// What the pair of outcomes means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestClass {
    /// Red before, green now.
    Fixed,
    /// Green before, not green now.
    Regressed,
    /// Red before, red now: not the change's doing.
    PreExisting,
    /// Gave different outcomes on the same tree.
    Flaky,
    /// Can't run here on either side.
    Environment,
    /// Green on both sides.
    Kept,
    /// New with the change, and green.
    New,
    /// New with the change, and red.
    NewRed,
    /// Skipped, or expected to fail, on both sides.
    Idle,
}

/// Tests that say what the task asks for, frozen before any change was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptanceTests {
    /// The files.
    pub files: Vec<TestFile>,
    /// Their outcomes on the base commit.
    pub on_base: Vec<TestResult>,
    /// Tests that were red on the base for the right reason; each must be green with the change.
    pub red_on_base: Vec<String>,
    /// Why there is nothing red, or no tests at all, in the author's or our own words.
    pub note: String,
    /// Who wrote them.
    #[serde(default)]
    pub origin: TestOrigin,
    /// The one dispute about them, once it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amendment: Option<Box<Amendment>>,
}

/// Who wrote the acceptance tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestOrigin {
    /// The test author, without sight of any change.
    #[default]
    Author,
    /// The user, before the run; the coders see them.
    User,
}

/// A coder's claim that a test contradicts the task. Words only: a coder changes no test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// The coder.
    pub agent: String,
    /// The test, as in `tests/test_a.py::test_b`; an acceptance test or one of the repository's own.
    pub test: String,
    /// The line of the task that it contradicts, word for word.
    pub quote: String,
    /// Why.
    pub words: String,
}

/// What the test author, who doesn't see the change, made of a dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment {
    /// What was disputed.
    pub dispute: Dispute,
    /// Whether the author followed it.
    pub granted: bool,
    /// Why, in the author's words.
    pub answer: String,
    /// The files that it changed; none when it didn't follow.
    pub files: Vec<AmendedFile>,
}

/// A test file before and after a dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmendedFile {
    /// Where it stands; one of the repository's own, or an acceptance test.
    pub path: String,
    /// Whether it is one of the repository's own.
    pub existed: bool,
    /// SHA-256 of the old text, in hexadecimal.
    pub old_sha256: String,
    /// The old text.
    pub old_text: String,
    /// SHA-256 of the new text, in hexadecimal.
    pub new_sha256: String,
    /// The new text.
    pub new_text: String,
}

/// A frozen test file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestFile {
    /// Where it belongs in the repository.
    pub path: String,
    /// Its content.
    pub text: String,
    /// SHA-256 of the content, in hexadecimal.
    pub sha256: String,
}

impl TestFile {
    /// Whether a Python file looks as if it held tests: a function or method whose name begins with `test`. What
    /// pytest makes of it is seen when it runs.
    pub fn holds_tests(&self) -> bool {
        holds_tests(&self.path, &self.text)
    }
}

/// As [`TestFile::holds_tests`], for a file that isn't frozen yet.
pub fn holds_tests(path: &str, text: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".py")
        && name != "conftest.py"
        && text.lines().any(|line| {
            let line = line.trim_start();
            let line = line.strip_prefix("async ").unwrap_or(line);
            line.strip_prefix("def ")
                .is_some_and(|it| it.trim_start().starts_with("test"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_a_function_named_so_holds_tests() {
        let check = |path: &str, text: &str, want: bool| {
            assert_eq!(holds_tests(path, text), want, "{path}: {text}");
        };
        check("test_a.py", "import a\n\ndef test_a():\n    pass\n", true);
        check(
            "tests.py",
            "class A:\n    async def testA(self): ...\n",
            true,
        );
        check("test_a.py", "def check(): ...\n# def test_a\n", false);
        check("tests/conftest.py", "def test_a(): ...\n", false);
        check("test_a.txt", "def test_a(): ...\n", false);
    }
}
