//! Where a repository's own tests stand, and where new ones may go.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use protocol::{AgentContext, AgentError, ListQuery};

/// Test files that are looked at.
const TEST_FILES_MAX: usize = 50_000;

/// Paths of the repository's own tests, sorted.
pub(crate) async fn existing_tests(cx: &AgentContext<'_>) -> Result<Vec<String>, AgentError> {
    let mut paths = Vec::new();
    // The last one is Django's.
    for glob in ["**/test_*.py", "**/*_test.py", "**/tests.py"] {
        let listing = cx
            .base
            .list(&ListQuery {
                path: String::new(),
                glob: Some(glob.to_owned()),
                items_max: TEST_FILES_MAX,
            })
            .await?;
        paths.extend(listing.items);
    }
    paths.sort();
    paths.dedup();
    Ok(paths)
}

/// The topmost folders that hold tests; `tests` where there are none yet. First come those of the `likeliest` test files,
/// in their order, then those with the most tests.
pub(crate) fn folders_of(tests: &[String], likeliest: &[String]) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for path in tests {
        *counts.entry(top_of_tests(path)).or_default() += 1;
    }
    let mut near: HashMap<&str, usize> = HashMap::new();
    for (place, path) in likeliest.iter().enumerate() {
        near.entry(top_of_tests(path)).or_insert(place);
    }
    let mut folders: Vec<(&str, usize)> = counts.into_iter().collect();
    folders.sort_by_key(|(folder, count)| {
        let place = near.get(folder).copied().unwrap_or(usize::MAX);
        (place, Reverse(*count))
    });
    let mut named: Vec<String> = folders.iter().map(|it| it.0.to_owned()).collect();
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
        let check = |tests: &[&str], likeliest: &[&str], want: &[&str]| {
            let [tests, likeliest] =
                [tests, likeliest].map(|it| it.iter().map(|it| (*it).to_owned()).collect());
            let (tests, likeliest): (Vec<String>, Vec<String>) = (tests, likeliest);
            assert_eq!(folders_of(&tests, &likeliest), want);
        };
        check(&[], &[], &["tests"]);
        check(&["test_a.py"], &[], &[""]);
        let some = [
            "tests/test_a.py",
            "tests/unit/test_b.py",
            "pkg/sub/test/x/test_c.py",
        ];
        check(&some, &[], &["tests", "pkg/sub/test"]);
        check(&some, &some[2..], &["pkg/sub/test", "tests"]);
        check(&["pkg/test_a.py"], &[], &["pkg"]);
        let many = [
            "a/tests/test_a.py",
            "b/tests/test_a.py",
            "b/tests/test_b.py",
        ];
        let more = ["c/test_a.py", "c/test_b.py", "d/tests.py", "e/test_a.py"];
        let all: Vec<&str> = many.iter().chain(&more).copied().collect();
        check(
            &all,
            &["d/tests.py"],
            &["d", "b/tests", "c", "a/tests", "e"],
        );
    }
}
