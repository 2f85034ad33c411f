//! Tries tests of the author on the base: reads them, runs them, and runs them again.

use protocol::{AgentContext, AgentError, Command, TestFile, TestRun, ToolFile};
use serde::{Deserialize, Serialize};
use test_run::ids::is_case_of;
use test_run::outcomes::in_words;
use test_run::{Settings, Targets, TestTree};

use crate::submission::{OnBase, on_base};

/// Says which tests can't fail; see there.
const SCAN: &str = include_str!("../plugin/pipeline_assertions.py");
const SCAN_FILE: &str = "pipeline_assertions.py";

/// What was found out about some tests.
pub(crate) struct Tried {
    /// Their first run.
    pub(crate) run: TestRun,
    /// What it says of each of them.
    pub(crate) found: OnBase,
}

/// One test that can't fail, in the words of `plugin/pipeline_assertions.py`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Toothless {
    path: String,
    /// Empty for the whole file.
    test: String,
    words: String,
    /// Whether it may skip, rather than assert nothing.
    #[serde(default)]
    may_skip: bool,
}

impl Toothless {
    /// Why it can't fail.
    pub(crate) fn words(&self) -> &str {
        &self.words
    }

    /// The test as pytest names it.
    pub(crate) fn id(&self) -> String {
        if self.test.is_empty() {
            self.path.clone()
        } else {
            format!("{}::{}", self.path, self.test)
        }
    }
}

/// Tries these files on a fork of the base. `task` is the task's whole text.
pub(crate) async fn on_the_base(
    cx: &AgentContext<'_>,
    settings: &Settings,
    files: &[TestFile],
    task: &str,
) -> Result<Tried, AgentError> {
    let toothless = cx
        .once("read the submitted tests", false, toothless(cx, files))
        .await?;
    let run = cx
        .once(
            "run the submitted tests on the base",
            false,
            run(cx, settings, files, 0),
        )
        .await?;
    let mut found = on_base(&run, files, task);
    if !found.red.is_empty() || !found.green.is_empty() {
        let again = cx
            .once(
                "run the submitted tests on the base again",
                false,
                // A test that stands on the order of a set is noticed, because that is another one now.
                self::run(cx, settings, files, 1),
            )
            .await?;
        let unsteady = unsteady(&run, &again);
        found.discard(|id| unsteady.iter().find(|(it, _)| it == id).cloned());
    }
    // Whatever its text says: it has just failed by an assertion, perhaps one that stands in another file.
    let asserted = |id: &str| {
        let it = run.results.iter().find(|it| it.id == id);
        it.is_some_and(|it| it.exception == "AssertionError")
    };
    found.discard(|id| {
        let of_test = |it: &&Toothless| {
            !it.test.is_empty() && is_case_of(id, &it.id()) && (it.may_skip || !asserted(id))
        };
        let it = toothless.iter().find(of_test)?;
        Some((id.to_owned(), it.words.clone()))
    });
    let whole_files = toothless.iter().filter(|it| it.test.is_empty());
    found
        .useless
        .extend(whole_files.map(|it| (it.path.clone(), it.words.clone())));
    Ok(Tried { run, found })
}

async fn run(
    cx: &AgentContext<'_>,
    settings: &Settings,
    files: &[TestFile],
    deal: u32,
) -> Result<TestRun, AgentError> {
    let tree = TestTree::of_base(cx.base, settings).await?;
    let tree = tree.with_frozen(files).await?;
    let paths: Vec<String> = files.iter().map(|it| it.path.clone()).collect();
    let targets = Targets::Files(&paths);
    let seconds_max = cx.limits.test_run_seconds_max;
    let run = tree.run_dealt(targets, &paths, seconds_max, cx.log, deal);
    Ok(run.await?)
}

/// Tests that can't fail, by their text alone.
pub(crate) async fn toothless(
    cx: &AgentContext<'_>,
    files: &[TestFile],
) -> Result<Vec<Toothless>, AgentError> {
    let base = cx.base;
    let tree = base.fork(&base.base().tree).await?;
    // Isolated, so that no module of the tree is imported instead of Python's own.
    let mut argv = vec![
        "python".to_owned(),
        "-I".to_owned(),
        format!("{{tools}}/{SCAN_FILE}"),
    ];
    for file in files {
        tree.write(&file.path, file.text.as_bytes()).await?;
        argv.push(file.path.clone());
    }
    let mut command = Command::new(argv, cx.limits.command_seconds_max);
    command.writes_tree = false;
    command.tools = vec![ToolFile {
        name: SCAN_FILE.to_owned(),
        text: SCAN.to_owned(),
    }];
    let ended = tree.run(&command).await?;
    let lines = ended.stdout.text.lines();
    let read: Result<Vec<Toothless>, _> = lines.map(serde_json::from_str).collect();
    match read {
        Ok(found) if ended.exit == protocol::Exit::Code(0) => Ok(found),
        _ => Err(AgentError::Tool {
            program: "python".to_owned(),
            why: format!("it could not read the tests: {}", ended.tail()),
        }),
    }
}

/// Tests that ended differently the second time.
fn unsteady(first: &TestRun, second: &TestRun) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for before in &first.results {
        let after = second.results.iter().find(|it| it.id == before.id);
        if after.is_some_and(|it| it.outcome == before.outcome) {
            continue;
        }
        let why = format!(
            "it is not deterministic: run twice on the same code it {}, then it {}",
            in_words(before),
            after.map_or("did not run", in_words)
        );
        found.push((before.id.clone(), why));
    }
    found
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use testkit::{FolderWorkspace, NoModel, TestVisit, run_for_real};

    use super::*;
    use test_run::frozen;

    /// What a package offers to its own tests.
    const HARNESS: &str = "\
import unittest

import app


class TestCase(unittest.TestCase):
    def counts(self, number):
        self.assertEqual(app.count(), number)


def counts(number):
    assert app.count() == number
";
    const BY_METHOD: &str = "\
from tests.harness import TestCase


class TestCount(TestCase):
    def test_red(self):
        self.counts(1)

    def test_green(self):
        self.counts(0)

    def test_nothing(self):
        print(0)
";
    const BY_FUNCTION: &str = "\
from tests.harness import counts


def test_red():
    counts(1)


def test_green():
    counts(0)
";

    #[tokio::test]
    async fn what_asserts_in_another_file_is_believed_where_it_can_be_seen() {
        let base = FolderWorkspace::new([
            ("app.py", "def count():\n    return 0\n"),
            ("conftest.py", ""),
            ("tests/__init__.py", ""),
            ("tests/harness.py", HARNESS),
        ]);
        let visit = TestVisit::new(NoModel::default(), base.running(run_for_real));
        let files = [
            ("tests/test_method.py", BY_METHOD),
            ("tests/test_function.py", BY_FUNCTION),
        ]
        .map(|(path, text)| frozen::freeze(path.to_owned(), text.to_owned()));
        let tried = on_the_base(&visit.context(), &Settings::default(), &files, "").await;
        let found = tried.expect("the tests can be tried").found;
        expect![[r#"
            OnBase {
                red: [
                    "tests/test_method.py::TestCount::test_red",
                    "tests/test_function.py::test_red",
                ],
                green: [
                    "tests/test_method.py::TestCount::test_green",
                ],
                useless: [
                    (
                        "tests/test_method.py::TestCount::test_nothing",
                        "it asserts nothing",
                    ),
                    (
                        "tests/test_function.py::test_green",
                        "it asserts nothing",
                    ),
                ],
            }"#]]
        .assert_eq(&format!("{found:#?}"));
    }
}
