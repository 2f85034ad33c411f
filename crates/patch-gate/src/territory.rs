//! What was there before a draft, and which of it are tests.

use std::collections::BTreeSet;

use protocol::{ListQuery, Workspace, WorkspaceError};

use crate::{shadows, tables};

/// Files of a repository that are looked at.
const FILES_MAX: usize = 1_000_000;

/// Files by which pytest is configured, and so told which files are tests.
const CONFIGURATIONS: &[&str] = &[
    "pytest.toml",
    ".pytest.toml",
    "pytest.ini",
    ".pytest.ini",
    "pyproject.toml",
    "tox.ini",
    "setup.cfg",
];

/// Names of test files: pytest's own two patterns, and that of unittest in Django's layout.
const PATTERNS: &[&str] = &["test_*.py", "*_test.py", "tests.py"];

/// The paths of the base and of the draft.
pub(crate) struct Territory {
    /// Every file of the base.
    before: BTreeSet<String>,
    /// Every file of the draft.
    pub(crate) now: BTreeSet<String>,
    /// What names of test files look like here.
    patterns: Vec<String>,
}

impl Territory {
    pub(crate) async fn of(
        base: &dyn Workspace,
        work: &dyn Workspace,
    ) -> Result<Territory, WorkspaceError> {
        let before = paths(base).await?;
        let mut patterns: Vec<String> = PATTERNS.iter().map(|it| (*it).to_owned()).collect();
        for name in CONFIGURATIONS.iter().filter(|it| before.contains(**it)) {
            let bytes = base.read(name).await?;
            let own = tables::test_file_patterns(name, &String::from_utf8_lossy(&bytes));
            patterns.extend(own.into_iter().flatten());
        }
        Ok(Territory {
            before,
            now: paths(work).await?,
            patterns,
        })
    }

    /// Whether the base holds nothing, so that nothing of it can be weakened.
    pub(crate) fn starts_from_nothing(&self) -> bool {
        self.before.is_empty()
    }

    /// Whether a file of the base is a test, or something that tests use.
    pub(crate) fn is_existing_test(&self, path: &str) -> bool {
        self.before.contains(path) && (self.is_test_file(path) || self.is_among_tests(path))
    }

    /// The name of the module whose place a new file takes.
    pub(crate) fn shadowed<'p>(&self, path: &'p str) -> Option<&'p str> {
        shadows::shadowed(path, &self.before, &self.now, |it| self.is_test_file(it))
    }

    /// Whether a file is a test by its name.
    fn is_test_file(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        self.patterns
            .iter()
            .any(|it| fits(it, if it.contains('/') { path } else { name }))
    }

    /// Whether a file is in a folder of tests: their data and their shared code say what they check.
    fn is_among_tests(&self, path: &str) -> bool {
        path.match_indices('/').any(|(end, _)| {
            let folder = &path[..=end];
            let name = folder[..end].rsplit('/').next().unwrap_or_default();
            let holds_tests = || {
                let below = |it: &&String| it.starts_with(folder) && self.is_test_file(it);
                self.before.iter().any(|it| below(&it))
            };
            // A package may have a part called `test` that is no test.
            name == "tests" || (name == "test" && holds_tests())
        })
    }
}

async fn paths(workspace: &dyn Workspace) -> Result<BTreeSet<String>, WorkspaceError> {
    let everything = ListQuery {
        path: String::new(),
        glob: None,
        items_max: FILES_MAX,
    };
    Ok(workspace
        .list(&everything)
        .await?
        .items
        .into_iter()
        .collect())
}

/// Whether a name fits a pattern of which only the stars are special, as `python_files` uses it.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|it| name.strip_prefix(it)) else {
        return false;
    };
    let mut rest = rest;
    let mut last = None;
    for part in parts {
        last = Some(part);
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    match last {
        None => rest.is_empty(),
        Some(end) => name.ends_with(end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_as_the_test_runner_reads_it() {
        let check = |pattern: &str, name: &str, want: bool| {
            assert_eq!(fits(pattern, name), want, "{pattern} {name}");
        };
        check("test_*.py", "test_a.py", true);
        check("test_*.py", "test_a.pyc", false);
        check("test_*.py", "my_test_a.py", false);
        check("*_test.py", "a_test.py", true);
        check("tests.py", "tests.py", true);
        check("tests.py", "tests.pyi", false);
        check("*", "anything", true);
        check("check_*_*.py", "check_a_b.py", true);
        check("check_*_*.py", "check_a.py", false);
    }
}
