//! What the test author hands in: whether it may stand where it wants to, and what its run on the base says of it.

use protocol::{TestFile, TestOutcome, TestResult, TestRun, Workspace, WorkspaceError};
use serde::Deserialize;
use serde_json::{Value, json};
use test_run::frozen;
use test_run::ids::belongs;
use test_run::outcomes::in_words;

/// Files in one submission.
const FILES_MAX: usize = 8;
/// Folders that are named in one sentence.
const FOLDERS_NAMED_MAX: usize = 4;
/// Bytes of one file.
pub(crate) const FILE_BYTES_MAX: usize = 64 * 1024;

/// The arguments of `submit_tests`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Submission {
    pub(crate) files: Vec<File>,
    /// Whether the task asks for no change of behaviour, so that nothing can be red.
    #[serde(default)]
    pub(crate) no_behaviour_change: bool,
    /// The author's words on what is tested and what can't be.
    #[serde(default)]
    pub(crate) note: String,
}

/// One file as the author wrote it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Whole files, each with its path.
pub(crate) fn files_schema() -> Value {
    json!({
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"path": {"type": "string"}, "text": {"type": "string"}},
            "required": ["path", "text"],
            "additionalProperties": false
        }
    })
}

impl Submission {
    /// What speaks against these files before they are run, one sentence each.
    pub(crate) async fn problems(
        &self,
        base: &dyn Workspace,
        folders: &[String],
    ) -> Result<Vec<String>, WorkspaceError> {
        let mut problems = Vec::new();
        if self.files.is_empty() {
            problems.push("there is no file in it".to_owned());
        }
        if FILES_MAX < self.files.len() {
            problems.push(format!(
                "it has {} files; hand in at most {FILES_MAX}",
                self.files.len()
            ));
        }
        for (index, file) in self.files.iter().enumerate().take(FILES_MAX) {
            if self.files[..index].iter().any(|it| it.path == file.path) {
                problems.push(format!("{}: it is there twice", file.path));
            }
            if let Some(problem) = misplaced(&file.path, folders) {
                problems.push(format!("{}: {problem}", file.path));
            } else if exists(base, &file.path).await? {
                problems.push(format!(
                    "{}: the repository has it already; choose a new name",
                    file.path
                ));
            }
            if FILE_BYTES_MAX < file.text.len() {
                problems.push(format!(
                    "{}: it has {} bytes; keep it below {FILE_BYTES_MAX}",
                    file.path,
                    file.text.len()
                ));
            }
        }
        Ok(problems)
    }

    /// The files, frozen.
    pub(crate) fn frozen(&self) -> Vec<TestFile> {
        self.files
            .iter()
            .map(|it| frozen::freeze(it.path.clone(), it.text.clone()))
            .collect()
    }
}

fn misplaced(path: &str, folders: &[String]) -> Option<String> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let plain = path
        .split('/')
        .all(|part| !part.is_empty() && !part.starts_with(['.', '-']));
    let inside = folders.iter().any(|it| {
        it.is_empty()
            || folder == it
            || folder
                .strip_prefix(it.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
    });
    let named = name.starts_with("test_") && name.ends_with(".py");
    if !plain || !inside {
        Some(format!("it must stand in {}", in_list(folders)))
    } else if !named {
        Some("its name must be like `test_….py`".to_owned())
    } else {
        None
    }
}

/// Folders for a sentence: the first of them, and how many more there are.
pub(crate) fn in_list(folders: &[String]) -> String {
    let mut named: Vec<String> = folders
        .iter()
        .take(FOLDERS_NAMED_MAX)
        .map(|it| match it.as_str() {
            "" => "the repository's root".to_owned(),
            folder => format!("`{folder}/`"),
        })
        .collect();
    match folders.len().saturating_sub(FOLDERS_NAMED_MAX) {
        0 => {}
        1 => named.push("the other folder that holds tests".to_owned()),
        more => named.push(format!("one of the {more} other folders that hold tests")),
    }
    named.join(" or ")
}

async fn exists(base: &dyn Workspace, path: &str) -> Result<bool, WorkspaceError> {
    match base.read(path).await {
        Ok(_) => Ok(true),
        Err(WorkspaceError::NotFound { .. }) => Ok(false),
        // A folder, a link, a protected name: there is something.
        Err(error) if error.is_the_callers_fault() => Ok(true),
        Err(error) => Err(error),
    }
}

/// What the run of a submission on the base says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OnBase {
    /// Tests that fail for the right reason.
    pub(crate) red: Vec<String>,
    /// Tests that pass.
    pub(crate) green: Vec<String>,
    /// Tests and files that show nothing, each with the reason.
    pub(crate) useless: Vec<(String, String)>,
}

impl OnBase {
    /// Takes out of the red and green ones those that show nothing for a further reason.
    pub(crate) fn discard(&mut self, why: impl Fn(&str) -> Option<(String, String)>) {
        let useless = &mut self.useless;
        for tests in [&mut self.red, &mut self.green] {
            tests.retain(|id| {
                let found = why(id);
                let stays = found.is_none();
                useless.extend(found);
                stays
            });
        }
    }
}

/// Sorts the outcomes. `task` is the task's whole text: an exception that it names is a right reason.
pub(crate) fn on_base(run: &TestRun, files: &[TestFile], task: &str) -> OnBase {
    let mut found = OnBase::default();
    // Plugins add items of their own, such as a linter's verdict on all files.
    let is_theirs = |id: &str| files.iter().any(|it| belongs(id, &it.path));
    let results = run.results.iter().filter(|it| is_theirs(&it.id));
    for result in results.chain(&run.collection_errors) {
        let id = result.id.clone();
        match why_useless(result, task) {
            Some(why) => found.useless.push((id, why)),
            None if result.outcome == TestOutcome::Passed => found.green.push(id),
            None => found.red.push(id),
        }
    }
    let reported = |id: &str| run.results.iter().any(|it| it.id == id);
    let collected = run.collected.iter().filter(|it| is_theirs(it));
    for id in collected.filter(|it| !reported(it)) {
        found
            .useless
            .push((id.clone(), "it did not come to its end".to_owned()));
    }
    for file in files {
        let known = found
            .red
            .iter()
            .chain(&found.green)
            .chain(found.useless.iter().map(|(id, _)| id))
            .any(|id| belongs(id, &file.path));
        if !known {
            let why = "pytest found no test in it".to_owned();
            found.useless.push((file.path.clone(), why));
        }
    }
    found
}

/// Exceptions that come from the test itself being wrong rather than from the code under test.
const NOT_THE_CODES: [&str; 5] = [
    "ImportError",
    "ModuleNotFoundError",
    "NameError",
    "SyntaxError",
    "IndentationError",
];

fn why_useless(result: &TestResult, task: &str) -> Option<String> {
    match (result.outcome, result.phase.as_str()) {
        (TestOutcome::Passed, _) => None,
        (TestOutcome::Failed, "call") => {
            let exception = result.exception.as_str();
            let the_tests_own = NOT_THE_CODES.contains(&exception) && !task.contains(exception);
            the_tests_own.then(|| {
                format!(
                    "it fails with {exception}, which shows nothing about what the task asks for"
                )
            })
        }
        _ => Some(format!("it {}", in_words(result))),
    }
}

#[cfg(test)]
mod tests {
    use protocol::Exit;
    use testkit::FolderWorkspace;

    use super::*;

    async fn check(files: &[&str], want: &[&str]) {
        let base = FolderWorkspace::new([("tests/test_old.py", ""), ("tests/unit/test_x.py", "")]);
        let submission = Submission {
            files: files
                .iter()
                .map(|path| File {
                    path: (*path).to_owned(),
                    text: String::new(),
                })
                .collect(),
            no_behaviour_change: false,
            note: String::new(),
        };
        let problems = submission
            .problems(&base, &["tests".to_owned()])
            .await
            .expect("the folder can be read");
        assert_eq!(problems, want);
    }

    #[tokio::test]
    async fn files_stand_in_the_test_folder_under_new_names() {
        check(&["tests/test_new.py", "tests/unit/test_new.py"], &[]).await;
        check(&[], &["there is no file in it"]).await;
        check(
            &["tests/test_old.py"],
            &["tests/test_old.py: the repository has it already; choose a new name"],
        )
        .await;
        for path in [
            "src/test_new.py",
            "test_new.py",
            "../tests/test_new.py",
            "/tests/test_new.py",
            "tests/../src/test_new.py",
            "tests2/test_new.py",
            "tests/.hidden/test_new.py",
            "tests//test_new.py",
        ] {
            check(&[path], &[&format!("{path}: it must stand in `tests/`")]).await;
        }
        for path in ["tests/conftest.py", "tests/new_test.txt", "tests/check.py"] {
            check(
                &[path],
                &[&format!("{path}: its name must be like `test_….py`")],
            )
            .await;
        }
        check(
            &["tests/test_a.py", "tests/test_a.py"],
            &["tests/test_a.py: it is there twice"],
        )
        .await;
    }

    #[test]
    fn red_for_the_right_reason_is_a_failure_of_the_body() {
        let result = |id: &str, outcome, phase: &str, exception: &str| TestResult {
            id: format!("tests/test_a.py::{id}"),
            outcome,
            phase: phase.to_owned(),
            exception: exception.to_owned(),
            message: String::new(),
        };
        use TestOutcome::{Error, Failed, Passed, Skipped, Xfailed};
        let run = TestRun {
            results: vec![
                result("passes", Passed, "call", ""),
                result("asserts", Failed, "call", "AssertionError"),
                result("raises", Failed, "call", "TypeError"),
                result("imports", Failed, "call", "ModuleNotFoundError"),
                result("mistypes", Failed, "call", "NameError"),
                result("fixture", Error, "setup", "AssertionError"),
                result("skips", Skipped, "setup", ""),
                result("expects", Xfailed, "call", ""),
            ],
            collected: vec!["tests/test_a.py::hangs".to_owned()],
            collection_errors: Vec::new(),
            exit: Exit::Code(1),
            finished: true,
            wall_ms: 0,
            tail: String::new(),
            cached: false,
        };
        let files = ["tests/test_a.py", "tests/test_b.py"]
            .map(|path| frozen::freeze(path.to_owned(), String::new()));
        let ids = |task: &str| {
            let found = on_base(&run, &files, task);
            let useless: Vec<String> = found.useless.into_iter().map(|(id, _)| id).collect();
            [found.red, found.green, useless].map(|ids| {
                ids.iter()
                    .map(|id| id.trim_start_matches("tests/test_a.py::"))
                    .collect::<Vec<_>>()
                    .join(" ")
            })
        };
        assert_eq!(
            ids("do it"),
            [
                "asserts raises",
                "passes",
                "imports mistypes fixture skips expects hangs tests/test_b.py"
            ]
        );
        assert_eq!(
            ids("Calling it gives a NameError.")[0],
            "asserts raises mistypes"
        );
    }
}
