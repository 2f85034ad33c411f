//! The tests that a draft brings along: they are ours to run, in a session of their own, and never sit among the judges.

use std::collections::HashSet;

use protocol::{
    AgentContext, AgentError, ChangeKind, Evidence, ListQuery, RunState, Workspace, WorkspaceError,
};

/// Files of a repository that are looked at.
const FILES_MAX: usize = 1_000_000;

/// What a draft adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Added {
    /// Every file that it adds: in none of them are the judges' tests.
    pub(crate) files: Vec<String>,
    /// Those of them that stand among the tests. Code has no reason to need them.
    pub(crate) of_the_tests: Vec<String>,
}

impl Added {
    /// Those that may hold tests.
    pub(crate) fn test_files(&self) -> Vec<String> {
        let mut files = self.of_the_tests.clone();
        files.retain(|it| {
            it.ends_with(".py") && !["conftest.py", "__init__.py"].contains(&name_of(it))
        });
        files
    }
}

/// What the draft adds, but for what was frozen, and for what the task asks for by name.
pub(crate) async fn added(cx: &AgentContext<'_>, state: &RunState) -> Result<Added, AgentError> {
    let frozen = frozen(state);
    let allowed = allowed(state);
    let mut added = Added::default();
    for file in cx.work.change().await?.files {
        let path = file.path.as_str();
        if file.kind == ChangeKind::Added && !frozen.contains(path) && !allowed.contains(path) {
            added.files.push(file.path);
        }
    }
    if added.files.is_empty() {
        return Ok(added);
    }
    let before = paths(cx.base).await?;
    let of_the_tests = added.files.iter();
    let of_the_tests = of_the_tests.filter(|it| is_of_the_tests(it, &before));
    added.of_the_tests = of_the_tests.cloned().collect();
    Ok(added)
}

/// Protected files that the task's own text names.
pub(crate) fn allowed(state: &RunState) -> HashSet<&str> {
    let patch = state.evidence.iter().rev().find_map(|it| match it {
        Evidence::Patch(facts) => Some(facts),
        _ => None,
    });
    let allowed = patch.into_iter().flat_map(|it| &it.allowed);
    allowed.map(|it| it.path.as_str()).collect()
}

/// Files that the user or the author wrote.
fn frozen(state: &RunState) -> HashSet<&str> {
    let acceptance = state.acceptance_tests();
    let files = acceptance.into_iter().flat_map(|it| &it.files);
    let files = files.chain(&state.task.tests).map(|it| it.path.as_str());
    let amendment = acceptance.and_then(|it| it.amendment.as_deref());
    let amended = amendment.into_iter().flat_map(|it| &it.files);
    files.chain(amended.map(|it| it.path.as_str())).collect()
}

async fn paths(base: &dyn Workspace) -> Result<Vec<String>, WorkspaceError> {
    let query = ListQuery {
        path: String::new(),
        glob: None,
        items_max: FILES_MAX,
    };
    Ok(base.list(&query).await?.items)
}

/// Whether a test is what a file is, or what it is for: by its name, or by its folder. A package may have a part called
/// `test` that is none.
fn is_of_the_tests(path: &str, before: &[String]) -> bool {
    let name = name_of(path);
    if is_test_name(name) || name == "conftest.py" {
        return true;
    }
    path.match_indices('/').any(|(end, _)| {
        let folder = &path[..=end];
        let holds_tests = || {
            let below = |it: &&String| it.starts_with(folder) && is_test_name(name_of(it));
            before.iter().any(|it| below(&it))
        };
        match name_of(&folder[..end]) {
            "tests" => true,
            "test" => holds_tests(),
            _ => false,
        }
    })
}

/// Names of pytest's own two patterns, and that of unittest in Django's layout.
fn is_test_name(name: &str) -> bool {
    let is_test = name.starts_with("test_") || name.ends_with("_test.py") || name == "tests.py";
    is_test && name.ends_with(".py")
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_among_the_tests_is_told_by_its_name_and_its_folder() {
        let before = ["pkg/test/__init__.py", "unit/test/test_a.py"].map(str::to_owned);
        let check = |path: &str, want: bool| {
            assert_eq!(is_of_the_tests(path, &before), want, "{path}");
        };
        check("tests/test_a.py", true);
        check("tests/__init__.py", true);
        check("pkg/tests/data/a.json", true);
        check("test_a.py", true);
        check("pkg/a_test.py", true);
        check("pkg/conftest.py", true);
        check("unit/test/data.py", true);
        check("pkg/test/client.py", false);
        check("pkg/testing.py", false);
        check("pkg/testing/tools.py", false);
        check("pkg/contest.py", false);
    }
}
