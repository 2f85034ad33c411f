//! What a repository lacks that would tell whether a change is right: said before anything is paid.

use protocol::{SearchQuery, Workspace, WorkspaceError};

/// What a repository lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Nothing in it is Python.
    Python,
    /// Nothing in it looks like a test.
    Tests,
}

/// What says in a file that there are tests, or how they are run, whatever the file is called.
const SIGNS: &str = r"^\s*(async\s+)?def\s+test|\bTestCase\b|doctest|^\s*test_command\s*=|^\s*python_(files|functions|classes)\s*=";

impl Lack {
    /// What the base lacks, by the names of its files and, where none of them tells, by their text. `has_tests` when the
    /// user gives tests.
    ///
    /// # Errors
    /// When the files can't be read.
    pub async fn of(base: &dyn Workspace, has_tests: bool) -> Result<Option<Lack>, WorkspaceError> {
        let files = base.base_files().await?;
        if !files.iter().any(|it| is_python(&it.path)) {
            return Ok(Some(Lack::Python));
        }
        if has_tests || files.iter().any(|it| is_named_like_a_test(&it.path)) {
            return Ok(None);
        }
        let signs = SearchQuery {
            pattern: SIGNS.to_owned(),
            path: String::new(),
            glob: None,
            items_max: 1,
        };
        let found = base.search(&signs).await?;
        Ok(found.items.is_empty().then_some(Lack::Tests))
    }

    /// In a sentence.
    pub fn about(self) -> &'static str {
        match self {
            Lack::Python => {
                "the repository has no Python file: only what a change adds in Python can be run and tested"
            }
            Lack::Tests => {
                "the repository has no test: nothing tells whether what works now still works with a change (--tests gives one)"
            }
        }
    }

    /// Before the question whether to go on.
    pub fn in_question(self) -> &'static str {
        match self {
            Lack::Python => "The repository has no Python file.",
            Lack::Tests => "The repository has no test.",
        }
    }
}

fn is_python(path: &str) -> bool {
    [".py", ".pyi", ".pyx", ".ipynb"]
        .iter()
        .any(|it| path.ends_with(it))
}

fn is_named_like_a_test(path: &str) -> bool {
    let Some((folders, stem)) = path
        .strip_suffix(".py")
        .map(|it| it.rsplit_once('/').unwrap_or(("", it)))
    else {
        return false;
    };
    stem.starts_with("test")
        || stem.ends_with("_test")
        || stem.ends_with("tests")
        || folders
            .split('/')
            .any(|it| matches!(it, "test" | "tests" | "testing"))
}

#[cfg(test)]
mod tests {
    use testkit::FolderWorkspace;

    use super::*;

    #[tokio::test]
    async fn what_a_repository_lacks_is_told_by_names_and_text() {
        let check = async |files: &[(&str, &str)], has_tests: bool, want: Option<Lack>| {
            let base = FolderWorkspace::new(files.iter().copied());
            let got = Lack::of(&base, has_tests).await.expect("it can be read");
            assert_eq!(got, want, "{files:?}");
        };
        check(&[("README.md", "# Words\n")], false, Some(Lack::Python)).await;
        check(&[("README.md", "# Words\n")], true, Some(Lack::Python)).await;
        check(&[("a.py", "x = 1\n")], false, Some(Lack::Tests)).await;
        check(&[("a.py", "x = 1\n")], true, None).await;
        check(&[("a.py", ""), ("pkg/tests/smoke.py", "")], false, None).await;
        check(&[("a.py", ""), ("a_test.py", "")], false, None).await;
        check(&[("a.py", "x = 1\ndef test_x(): ...\n")], false, None).await;
        let command = "[tool.pipeline]\ntest_command = \"make check\"\n";
        check(&[("a.py", ""), ("pyproject.toml", command)], false, None).await;
        check(
            &[("latest.py", "def latest(): ...\n")],
            false,
            Some(Lack::Tests),
        )
        .await;
    }
}
