//! The test author: writes tests from the task and the base alone, before anybody has seen a change.

use std::collections::BTreeMap;

use async_trait::async_trait;
use protocol::{
    Agent, AgentContext, AgentError, Evidence, ListQuery, Prepared, Report, RunState, Task, visible,
};
use repo_context::{Orientation, SHORT_OVERVIEW_BYTES_MAX};

use crate::desk::{Desk, Handed};
use crate::hearing;

/// Its name in the crew.
pub(crate) const NAME: &str = "test-author";
/// Test folders that are named.
const FOLDERS_MAX: usize = 4;

/// Writes acceptance tests beside the drafting, runs them on the base at once, and freezes them.
///
/// It is asked for nothing later: whoever runs the tests finds them in the evidence.
#[derive(Clone, Copy, Debug, Default)]
pub struct TestAuthor;

impl TestAuthor {
    /// A test author.
    pub fn new() -> TestAuthor {
        TestAuthor
    }
}

#[async_trait]
impl Agent for TestAuthor {
    fn name(&self) -> &str {
        NAME
    }

    async fn prepare(&self, cx: &AgentContext<'_>, task: &Task) -> Result<Prepared, AgentError> {
        let oriented = Orientation::for_visit(cx, task, SHORT_OVERVIEW_BYTES_MAX).await?;
        let evidence = match Desk::new(cx, task, &oriented).await?.work().await? {
            Handed::In(tests) => Evidence::AcceptanceTests(tests),
            Handed::Nothing(why) => Evidence::Missing {
                what: "acceptance tests".to_owned(),
                why,
            },
        };
        let shown = oriented.evidence(NAME);
        Ok(Prepared {
            evidence: shown.into_iter().chain([evidence]).collect(),
        })
    }

    async fn run(&self, cx: &AgentContext<'_>, state: &RunState) -> Result<Report, AgentError> {
        if let Some(dispute) = hearing::open(state) {
            let tests = hearing::decide(cx, state, dispute).await?;
            let granted = tests.amendment.as_ref().is_some_and(|it| it.granted);
            let words = if granted { "changed" } else { "stands" };
            let summary = format!("{} was disputed and {words}", visible(&dispute.test));
            return Ok(Report::passed(summary).with(Evidence::AcceptanceTests(tests)));
        }
        Ok(Report::passed(match state.acceptance_tests() {
            Some(tests) => format!(
                "{} acceptance tests were written before the change was seen, {} of them red on the base",
                tests.on_base.len(),
                tests.red_on_base.len()
            ),
            None => "there are no acceptance tests".to_owned(),
        }))
    }
}

/// Paths of the repository's own tests, sorted.
pub(crate) async fn existing_tests(cx: &AgentContext<'_>) -> Result<Vec<String>, AgentError> {
    let mut paths = Vec::new();
    for glob in ["**/test_*.py", "**/*_test.py"] {
        let listing = cx
            .base
            .list(&ListQuery {
                path: String::new(),
                glob: Some(glob.to_owned()),
                items_max: 2000,
            })
            .await?;
        paths.extend(listing.items);
    }
    paths.sort();
    paths.dedup();
    Ok(paths)
}

/// The topmost folders with the most tests; `tests` where there are none yet.
pub(crate) fn folders_of(tests: &[String]) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for path in tests {
        *counts.entry(top_of_tests(path)).or_default() += 1;
    }
    let mut folders: Vec<(&str, usize)> = counts.into_iter().collect();
    folders.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut named: Vec<String> = folders
        .iter()
        .take(FOLDERS_MAX)
        .map(|(folder, _)| (*folder).to_owned())
        .collect();
    if named.is_empty() {
        named.push("tests".to_owned());
    }
    named
}

/// `tests` of `tests/unit/test_a.py`, `pkg/test` of `pkg/test/test_a.py`; otherwise the file's own folder.
fn top_of_tests(path: &str) -> &str {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut end = 0;
    for part in folder.split('/') {
        end += part.len();
        if part == "tests" || part == "test" {
            return &folder[..end];
        }
        end += 1;
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_go_where_the_repositorys_own_tests_are() {
        let check = |tests: &[&str], want: &[&str]| {
            let tests: Vec<String> = tests.iter().map(|it| (*it).to_owned()).collect();
            assert_eq!(folders_of(&tests), want);
        };
        check(&[], &["tests"]);
        check(&["test_a.py"], &[""]);
        check(
            &[
                "tests/test_a.py",
                "tests/unit/test_b.py",
                "pkg/sub/test/x/test_c.py",
            ],
            &["tests", "pkg/sub/test"],
        );
        check(&["pkg/test_a.py"], &["pkg"]);
    }
}
