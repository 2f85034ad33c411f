//! Suites that pytest doesn't find or can't run by itself: those of Django, `unittest` and `nose`.

use std::collections::BTreeSet;

use protocol::{Workspace, WorkspaceError};

use crate::tree_files::read_text;

/// Files that are read to see whether they hold tests.
const FILES_READ_MAX: usize = 500;
/// Bytes of such a file; what is longer is code or data.
const FILE_BYTES_MAX: usize = 512 * 1024;
/// Names of files that pytest is asked to look into.
const NAMES_MAX: usize = 200;

/// Names of files with tests that pytest wouldn't look into. Where it finds some by its own names, that is what the
/// repository means by its tests, unless it is Django's, whose runner goes by other names.
pub(crate) async fn further_names(
    base: &dyn Workspace,
    files: &[String],
    is_django: bool,
) -> Result<Vec<String>, WorkspaceError> {
    if !is_django && files.iter().any(|it| is_usual(name_of(it))) {
        return Ok(Vec::new());
    }
    let sounds = |it: &&String| {
        let name = name_of(it);
        !is_usual(name) && (name.starts_with("test") || !is_django && sounds_like_tests(name))
    };
    let mut names = BTreeSet::new();
    for path in files.iter().filter(sounds).take(FILES_READ_MAX) {
        if names.len() < NAMES_MAX
            && !names.contains(name_of(path))
            && holds_tests(&text_of(base, path).await?)
        {
            names.insert(name_of(path).to_owned());
        }
    }
    Ok(names.into_iter().collect())
}

/// The first file that holds tests, whatever its name: for when a runner has found none.
pub(crate) async fn a_file_with_tests(
    base: &dyn Workspace,
    files: &[String],
) -> Result<Option<String>, WorkspaceError> {
    let mut files: Vec<&String> = files.iter().collect();
    files.sort_by_key(|it| !it.to_lowercase().contains("test"));
    for path in files.into_iter().take(FILES_READ_MAX) {
        let text = text_of(base, path).await?;
        if holds_tests(&text) || runs_tests(&text) {
            return Ok(Some(path.clone()));
        }
    }
    Ok(None)
}

async fn text_of(base: &dyn Workspace, path: &str) -> Result<String, WorkspaceError> {
    let text = read_text(base, path).await?.unwrap_or_default();
    Ok(match text.len() <= FILE_BYTES_MAX {
        true => text,
        false => String::new(),
    })
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The names that pytest looks for.
fn is_usual(name: &str) -> bool {
    name.starts_with("test_") && name.ends_with(".py") || name.ends_with("_test.py")
}

/// As nose has it: "test" at the beginning, or behind a mark that parts words.
fn sounds_like_tests(name: &str) -> bool {
    let stem = name.strip_suffix(".py").unwrap_or(name);
    let mut parts = stem.split(['_', '.', '-']);
    parts.any(|it| it.starts_with("test") || it.starts_with("Test"))
}

/// Whether a file has a class of test cases with tests, or a function that is named like one.
fn holds_tests(text: &str) -> bool {
    let mut in_cases = false;
    for line in text.lines() {
        if line.starts_with("class ") {
            in_cases = line.contains("TestCase") || line.contains("TestSuite");
        }
        let function = line.trim_start();
        let function = function.strip_prefix("async ").unwrap_or(function);
        let is_test = function.starts_with("def test");
        if is_test && (in_cases || !line.starts_with(char::is_whitespace)) {
            return true;
        }
    }
    false
}

/// Whether a file starts a runner of its own.
fn runs_tests(text: &str) -> bool {
    let calls = [
        "unittest.main(",
        "doctest.testmod(",
        "nose.run(",
        "TextTestRunner(",
    ];
    calls.iter().any(|it| text.contains(it))
}

#[cfg(test)]
mod tests {
    use testkit::FolderWorkspace;

    use super::*;

    const CASES: &str =
        "import unittest\n\nclass A(unittest.TestCase):\n    def test_a(self):\n        pass\n";

    async fn check(files: &[(&str, &str)], is_django: bool, names: &[&str]) {
        let base = FolderWorkspace::new(files.iter().copied());
        let paths: Vec<String> = files.iter().map(|it| it.0.to_owned()).collect();
        let further = further_names(&base, &paths, is_django).await;
        assert_eq!(further.expect("files can be read"), names, "{files:?}");
    }

    #[tokio::test]
    async fn files_with_tests_that_pytest_would_not_look_into_are_named() {
        check(&[("tests.py", CASES)], false, &["tests.py"]).await;
        check(&[("a/all_tests.py", CASES)], false, &["all_tests.py"]).await;
        check(&[("a/TestIt.py", "def test_a():\n")], false, &["TestIt.py"]).await;
        check(&[("tests.py", "X = 1\n"), ("checks.py", CASES)], false, &[]).await;
        check(&[("tests.py", CASES), ("test_a.py", CASES)], false, &[]).await;
        let base = "class A(TestCase):\n    pass\n\nclass B:\n    def test_b(self):\n";
        check(&[("testbase.py", base)], false, &[]).await;
    }

    #[tokio::test]
    async fn a_django_project_has_tests_of_its_runners_names_besides() {
        let files = [("shop/tests.py", CASES), ("news/test_a.py", CASES)];
        check(&files, true, &["tests.py"]).await;
        check(&files, false, &[]).await;
    }

    #[tokio::test]
    async fn tests_of_any_name_are_found_when_no_runner_did() {
        let first = async |files: &[(&str, &str)]| {
            let base = FolderWorkspace::new(files.iter().copied());
            let paths: Vec<String> = files.iter().map(|it| it.0.to_owned()).collect();
            a_file_with_tests(&base, &paths)
                .await
                .expect("files can be read")
        };
        assert_eq!(first(&[("a.py", "X = 1\n")]).await, None);
        let found = first(&[("a.py", "X = 1\n"), ("checks.py", CASES)]).await;
        assert_eq!(found.as_deref(), Some("checks.py"));
        let found = first(&[("a.py", "import doctest\ndoctest.testmod()\n")]).await;
        assert_eq!(found.as_deref(), Some("a.py"));
    }
}
