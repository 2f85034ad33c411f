//! Tests that the base has: whether they are still there, and still judge.

use std::collections::{BTreeMap, HashSet};

use protocol::{MarkedTest, TestOutcome, TestRun};
use test_run::ids::{file_of, function_of};

/// Tests of the base that are no longer collected, in its order.
///
/// A file that can't be imported any more is the regression gate's to say, and so is a run that broke off. A
/// parametrised test has its values in its ids: as long as there are as many of them, it only has another name. What
/// the task names may go.
pub(crate) fn missing(base: &TestRun, run: &TestRun, task: &str) -> Vec<String> {
    if run.collected.is_empty() && !run.finished {
        return Vec::new();
    }
    let there: HashSet<&str> = run.collected.iter().map(String::as_str).collect();
    let broken: HashSet<&str> = run
        .collection_errors
        .iter()
        .map(|it| it.id.as_str())
        .collect();
    let (before, now) = (cases(base), cases(run));
    let is_missing = |id: &str| {
        let function = function_of(id);
        !there.contains(id)
            && !broken.contains(file_of(id))
            && now.get(function).unwrap_or(&0) < before.get(function).unwrap_or(&0)
            && !names(task, id)
    };
    let ids = base.collected.iter().filter(|id| is_missing(id));
    ids.cloned().collect()
}

/// Tests that judged on the base and are skipped or expected to fail now.
pub(crate) fn marked(base: &TestRun, run: &TestRun, task: &str) -> Vec<MarkedTest> {
    use TestOutcome::{Error, Failed, Passed, Skipped, Xfailed, Xpassed};
    let before: BTreeMap<&str, TestOutcome> = base
        .results
        .iter()
        .map(|it| (it.id.as_str(), it.outcome))
        .collect();
    let mut marked = Vec::new();
    for result in &run.results {
        let mark = match (before.get(result.id.as_str()), result.outcome) {
            (Some(Passed | Failed | Error | Xfailed | Xpassed), Skipped) => "skip",
            (Some(Passed | Failed | Error), Xfailed | Xpassed) => "xfail",
            _ => continue,
        };
        if !names(task, &result.id) {
            marked.push(MarkedTest {
                id: result.id.clone(),
                mark: mark.to_owned(),
            });
        }
    }
    marked
}

/// Whether the task speaks of a test, by its name.
pub(crate) fn names(task: &str, id: &str) -> bool {
    let name = function_of(id).rsplit("::").next().unwrap_or(id);
    name.contains('_') && task.contains(name)
}

/// How many cases each test function has.
fn cases(run: &TestRun) -> BTreeMap<&str, usize> {
    let mut cases = BTreeMap::new();
    for id in &run.collected {
        *cases.entry(function_of(id)).or_default() += 1;
    }
    cases
}

#[cfg(test)]
mod tests {
    use protocol::{Exit, TestResult};

    use super::*;

    /// Tests that were collected; `test!outcome` also has an outcome.
    fn run(text: &str) -> TestRun {
        let mut run = TestRun {
            results: Vec::new(),
            collected: Vec::new(),
            collection_errors: Vec::new(),
            exit: Exit::Code(0),
            finished: true,
            wall_ms: 0,
            tail: String::new(),
            cached: false,
        };
        for word in text.split_whitespace() {
            let (id, outcome) = word.split_once('!').unwrap_or((word, ""));
            run.collected.push(id.to_owned());
            let outcome = match outcome {
                "passed" => TestOutcome::Passed,
                "failed" => TestOutcome::Failed,
                "skipped" => TestOutcome::Skipped,
                "xfailed" => TestOutcome::Xfailed,
                _ => continue,
            };
            run.results.push(TestResult {
                id: id.to_owned(),
                outcome,
                phase: "call".to_owned(),
                exception: String::new(),
                message: String::new(),
            });
        }
        run
    }

    #[track_caller]
    fn check(base: &str, now: &str, task: &str, want_missing: &str, want_marked: &str) {
        let (base, now) = (run(base), run(now));
        assert_eq!(missing(&base, &now, task).join(" "), want_missing);
        let marks: Vec<String> = marked(&base, &now, task)
            .iter()
            .map(|it| format!("{} {}", it.id, it.mark))
            .collect();
        assert_eq!(marks.join(", "), want_marked);
    }

    #[test]
    fn each_test_of_the_base_is_still_there() {
        check(
            "t.py::test_a t.py::test_b",
            "t.py::test_a t.py::test_c",
            "",
            "t.py::test_b",
            "",
        );
        check("t.py::test_a", "u.py::test_a", "", "t.py::test_a", "");
        check(
            "t.py::test_a",
            "",
            "Delete `test_a`, it tests nothing",
            "",
            "",
        );
    }

    #[test]
    fn a_case_may_have_other_values_but_not_go() {
        check(
            "t.py::test_a[1] t.py::test_a[2]",
            "t.py::test_a[1] t.py::test_a[3]",
            "",
            "",
            "",
        );
        check(
            "t.py::test_a[1] t.py::test_a[2]",
            "t.py::test_a[1]",
            "",
            "t.py::test_a[2]",
            "",
        );
        check(
            "a[b]/t.py::test_a",
            "a[b]/t.py::test_b",
            "",
            "a[b]/t.py::test_a",
            "",
        );
    }

    #[test]
    fn a_test_that_judged_before_must_judge_now() {
        check(
            "t.py::test_a!passed t.py::test_b!failed t.py::test_c!skipped t.py::test_d!xfailed",
            "t.py::test_a!skipped t.py::test_b!xfailed t.py::test_c!skipped t.py::test_d!skipped",
            "",
            "",
            "t.py::test_a skip, t.py::test_b xfail, t.py::test_d skip",
        );
        check(
            "t.py::test_a!failed",
            "t.py::test_a!skipped",
            "Skip test_a on Windows",
            "",
            "",
        );
        check("t.py::test_a!skipped", "t.py::test_a!passed", "", "", "");
    }
}
