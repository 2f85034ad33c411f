//! The user's tests in the place of an author's: frozen when the run was opened, run on the base at once.

use async_trait::async_trait;
use protocol::{
    AcceptanceTests, Agent, AgentContext, AgentError, Evidence, Prepared, Report, RunState, Task,
    TestFile, TestOrigin, TestOutcome, TestResult, TestRun, Workspace, WorkspaceError,
};
use test_run::ids::{belongs, covers};
use test_run::tree_files::read_text;
use test_run::{Files, Ran, Settings, Targets, TestTree};

/// Takes the tests that the user gave with the task for acceptance tests.
///
/// It needs no model. What the tests say of the base is measured beside the drafting; whoever runs them with the change
/// finds them in the evidence. They are honest about the base in one more way than an author's tests: test-first work
/// imports what isn't there yet, so a file or a fixture that can't import it is red for the right reason.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserTests;

impl UserTests {
    /// The agent.
    pub fn new() -> UserTests {
        UserTests
    }
}

#[async_trait]
impl Agent for UserTests {
    fn name(&self) -> &str {
        "user-tests"
    }

    async fn prepare(&self, cx: &AgentContext<'_>, task: &Task) -> Result<Prepared, AgentError> {
        let ran = cx
            .once("run the user's tests on the base", false, async {
                run_on_base(cx, task).await
            })
            .await?;
        if let Some(id) = left_out(&ran.deselected, task) {
            let settings = Settings::read(cx.base).await?;
            return Err(AgentError::Given {
                what: format!("the test `{id}`"),
                why: format!(
                    "{} leaves it out, so it would never run; change that, or give the test without what it is left out by",
                    deselecting(cx.base, &settings).await?
                ),
            });
        }
        let run = ran.run;
        let on_base = on_base(&run, task)?;
        let red_on_base: Vec<String> = on_base
            .iter()
            .filter(|it| is_honestly_red(it))
            .map(|it| it.id.clone())
            .collect();
        let note = if red_on_base.is_empty() {
            "nothing of what the user gave is red on the base, so passing it proves no change of behaviour"
        } else {
            ""
        };
        Ok(Prepared {
            evidence: vec![Evidence::AcceptanceTests(AcceptanceTests {
                files: task.tests.clone(),
                on_base,
                red_on_base,
                note: note.to_owned(),
                origin: TestOrigin::User,
                ..AcceptanceTests::default()
            })],
        })
    }

    async fn run(&self, _: &AgentContext<'_>, state: &RunState) -> Result<Report, AgentError> {
        Ok(Report::passed(match state.acceptance_tests() {
            Some(tests) => format!(
                "the user's tests are frozen; on the base, {} of {} outcomes were red",
                tests.red_on_base.len(),
                tests.on_base.len()
            ),
            None => "the user gave no tests".to_owned(),
        }))
    }
}

async fn run_on_base(cx: &AgentContext<'_>, task: &Task) -> Result<Ran, AgentError> {
    let settings = Settings::read(cx.base).await?;
    let tree = TestTree::of_base(cx.base, &settings).await?;
    let tree = tree.with_frozen(&task.tests).await?;
    let paths: Vec<String> = with_tests(task).map(|it| it.path.clone()).collect();
    let seconds_max = cx.limits.test_run_seconds_max;
    let targets = Targets::Files(&paths);
    let files = Files::acceptance(&paths);
    Ok(tree.watch(targets, files, seconds_max, cx.log).await?)
}

/// The first test that the user gave, and that was found and left out.
fn left_out<'r>(deselected: &'r [String], task: &Task) -> Option<&'r str> {
    let is_given = |id: &str| {
        with_tests(task).any(|file| {
            let mut named = task.test_ids.iter().filter(|it| belongs(it, &file.path));
            match task.test_ids.iter().any(|it| belongs(it, &file.path)) {
                true => named.any(|it| covers(it, id)),
                false => belongs(id, &file.path),
            }
        })
    };
    let mut ids = deselected.iter().map(String::as_str);
    ids.find(|it| is_given(it))
}

/// What leaves tests out, in words, as far as the configuration says it.
async fn deselecting(base: &dyn Workspace, settings: &Settings) -> Result<String, WorkspaceError> {
    let Some(path) = &settings.config else {
        return Ok("a hook of the repository".to_owned());
    };
    let text = read_text(base, path).await?.unwrap_or_default();
    let line = text.lines().map(str::trim).find(|it| {
        let key = it.split('=').next().unwrap_or_default().trim();
        key == "addopts"
    });
    Ok(match line {
        Some(line) => format!("`{line}` in `{path}`"),
        None => format!("`{path}`, or a hook of the repository,"),
    })
}

/// The files that pytest is pointed at; the others are what these need.
fn with_tests(task: &Task) -> impl Iterator<Item = &TestFile> {
    task.tests.iter().filter(|it| it.holds_tests())
}

/// What the given tests did on the base, an entry each. A test that can't be had from the files is the user's to mend.
fn on_base(run: &TestRun, task: &Task) -> Result<Vec<TestResult>, AgentError> {
    let mut found = Vec::new();
    for file in with_tests(task) {
        let ids: Vec<&String> = task
            .test_ids
            .iter()
            .filter(|it| belongs(it, &file.path))
            .collect();
        let named = if ids.is_empty() {
            vec![&file.path]
        } else {
            ids
        };
        for name in named {
            found.extend(entries(run, file, name)?);
        }
    }
    Ok(found)
}

/// The outcomes of what one name stands for: a file, a class, a test.
fn entries(run: &TestRun, file: &TestFile, name: &str) -> Result<Vec<TestResult>, AgentError> {
    let given = |why: String| AgentError::Given {
        what: format!("the test `{name}`"),
        why,
    };
    let mut found: Vec<TestResult> = run
        .results
        .iter()
        .filter(|it| covers(name, &it.id))
        .cloned()
        .collect();
    let mut unreached = run
        .collected
        .iter()
        .filter(|id| covers(name, id) && found.iter().all(|it| &it.id != *id))
        .map(|id| without_outcome(id, "it did not come to its end"))
        .collect();
    found.append(&mut unreached);
    let error = run
        .collection_errors
        .iter()
        .find(|it| covers(name, &it.id) || covers(&it.id, name));
    if let Some(error) = error {
        if blames(error, file) {
            // pytest marks its own frames and the error itself apart.
            let shown: Vec<&str> = error
                .message
                .lines()
                .filter(|it| it.starts_with("E "))
                .collect();
            return Err(given(format!(
                "Python can't read the file:\n{}",
                shown.join("\n")
            )));
        }
        found.push(TestResult {
            id: name.to_owned(),
            ..error.clone()
        });
    }
    if !found.is_empty() {
        return Ok(found);
    }
    if run.finished {
        return Err(given(if name == file.path {
            "pytest finds no test in it".to_owned()
        } else {
            "pytest finds no such test in that file (check its class and its name)".to_owned()
        }));
    }
    // pytest itself gave up, as over a conftest.py that imports what isn't there yet.
    let exception = IMPORTS
        .into_iter()
        .find(|it| run.tail.contains(it))
        .unwrap_or_default();
    Ok(vec![TestResult {
        exception: exception.to_owned(),
        ..without_outcome(name, &run.tail)
    }])
}

fn without_outcome(id: &str, message: &str) -> TestResult {
    TestResult {
        id: id.to_owned(),
        outcome: TestOutcome::Error,
        phase: "setup".to_owned(),
        exception: String::new(),
        message: message.to_owned(),
    }
}

/// Whether it is the file itself that Python can't read, rather than something that it imports.
fn blames(error: &TestResult, file: &TestFile) -> bool {
    let at = |line: &str| {
        let shown = line.trim_start_matches("E ").trim_start();
        let named = shown
            .strip_prefix("File \"")
            .and_then(|it| it.split('"').next());
        // Relative to the tree, unless it isn't known where the tree was.
        named.is_some_and(|it| it == file.path || it.ends_with(&format!("/{}", file.path)))
    };
    let lines: Vec<&str> = error.message.lines().collect();
    let last_place = lines.iter().rfind(|it| it.contains("File \""));
    let unreadable = ["SyntaxError:", "IndentationError:", "TabError:"];
    last_place.is_some_and(|it| at(it))
        && lines
            .iter()
            .any(|line| unreadable.iter().any(|it| line.contains(it)))
}

/// What importing something that isn't there yet raises.
const IMPORTS: [&str; 2] = ["ModuleNotFoundError", "ImportError"];
/// What using something that isn't there yet raises, outside of a test's body.
const NOT_YET: [&str; 4] = [IMPORTS[0], IMPORTS[1], "AttributeError", "NameError"];

fn is_honestly_red(result: &TestResult) -> bool {
    match (result.outcome, result.phase.as_str()) {
        (TestOutcome::Failed, _) => true,
        // pytest wraps what an import raises; whatever it was, the file itself is readable.
        (TestOutcome::Error, "collect") => true,
        (TestOutcome::Error, _) => NOT_YET.contains(&result.exception.as_str()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use protocol::Exit;

    use super::*;
    use test_run::frozen;

    fn result(id: &str, outcome: TestOutcome, phase: &str, exception: &str) -> TestResult {
        TestResult {
            id: id.to_owned(),
            outcome,
            phase: phase.to_owned(),
            exception: exception.to_owned(),
            message: String::new(),
        }
    }

    fn run(results: Vec<TestResult>, errors: Vec<TestResult>) -> TestRun {
        TestRun {
            collected: results.iter().map(|it| it.id.clone()).collect(),
            results,
            collection_errors: errors,
            exit: Exit::Code(1),
            finished: true,
            wall_ms: 0,
            cached: false,
            tail: String::new(),
        }
    }

    fn task(paths: &[&str], ids: &[&str]) -> Task {
        let text = "def test_a(): ...\n";
        Task {
            tests: paths
                .iter()
                .map(|it| frozen::freeze((*it).to_owned(), text.to_owned()))
                .collect(),
            test_ids: ids.iter().map(|it| (*it).to_owned()).collect(),
            ..Task::default()
        }
    }

    #[track_caller]
    fn check(run: &TestRun, task: &Task, want: Expect) {
        let shown = match on_base(run, task) {
            Ok(found) => found
                .iter()
                .map(|it| {
                    let red = if is_honestly_red(it) {
                        "red"
                    } else {
                        "not red"
                    };
                    format!("{} {:?}: {red}", it.id, it.outcome)
                })
                .collect::<Vec<_>>()
                .join("\n"),
            Err(error) => format!("could not {error}"),
        };
        want.assert_eq(&shown);
    }

    use TestOutcome::{Error, Failed, Passed, Skipped};

    #[test]
    fn what_is_not_there_yet_is_an_honest_red() {
        check(
            &run(
                vec![
                    result("t.py::a", Passed, "call", ""),
                    result("t.py::b", Failed, "call", "ModuleNotFoundError"),
                    result("t.py::c", Failed, "call", "AssertionError"),
                    result("t.py::d", Error, "setup", "ImportError"),
                    result("t.py::e", Error, "setup", "FixtureLookupError"),
                    result("t.py::f", Skipped, "call", ""),
                ],
                vec![result("u.py", Error, "collect", "CollectError")],
            ),
            &task(&["t.py", "u.py", "conftest.py"], &[]),
            expect![[r#"
                t.py::a Passed: not red
                t.py::b Failed: red
                t.py::c Failed: red
                t.py::d Error: red
                t.py::e Error: not red
                t.py::f Skipped: not red
                u.py Error: red"#]],
        );
    }

    #[test]
    fn named_tests_are_the_only_ones_of_their_file() {
        let ran = run(
            vec![
                result("t.py::a[1]", Failed, "call", "AssertionError"),
                result("t.py::ab", Failed, "call", "AssertionError"),
                result("t.py::C::d", Passed, "call", ""),
            ],
            Vec::new(),
        );
        check(
            &ran,
            &task(&["t.py"], &["t.py::a", "t.py::C"]),
            expect![[r#"
                t.py::a[1] Failed: red
                t.py::C::d Passed: not red"#]],
        );
        check(
            &ran,
            &task(&["t.py"], &["t.py::x"]),
            expect![
                "could not use the test `t.py::x`: pytest finds no such test in that file (check its class and its name)"
            ],
        );
        check(
            &run(Vec::new(), Vec::new()),
            &task(&["t.py"], &[]),
            expect!["could not use the test `t.py`: pytest finds no test in it"],
        );
        let unreadable = run(
            Vec::new(),
            vec![result("t.py", Error, "collect", "CollectError")],
        );
        check(
            &unreadable,
            &task(&["t.py"], &["t.py::a"]),
            expect!["t.py::a Error: red"],
        );
    }

    #[test]
    fn a_file_that_python_can_not_read_is_the_users_to_mend() {
        let error = |message: &str| TestResult {
            message: message.to_owned(),
            ..result("t.py", Error, "collect", "CollectError")
        };
        let own = error(
            "E     File \"/tmp/x/t.py\", line 1\nE       def test(:\nE   SyntaxError: invalid syntax",
        );
        check(
            &run(Vec::new(), vec![own]),
            &task(&["t.py"], &[]),
            expect![[r#"
                could not use the test `t.py`: Python can't read the file:
                E     File "/tmp/x/t.py", line 1
                E       def test(:
                E   SyntaxError: invalid syntax"#]],
        );
        let inside = error("E     File \"t.py\", line 1\nE   SyntaxError: invalid syntax");
        check(
            &run(Vec::new(), vec![inside]),
            &task(&["t.py"], &[]),
            expect![[r#"
                could not use the test `t.py`: Python can't read the file:
                E     File "t.py", line 1
                E   SyntaxError: invalid syntax"#]],
        );
        let other = error(
            "t.py:1: in <module>\nE     File \"/tmp/x/a.py\", line 1\nE   SyntaxError: invalid syntax",
        );
        check(
            &run(Vec::new(), vec![other]),
            &task(&["t.py"], &[]),
            expect!["t.py Error: red"],
        );
    }
}
