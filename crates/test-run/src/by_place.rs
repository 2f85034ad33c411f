//! Tests that are known by their place among those of their function, because their ids change from run to run.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use protocol::{AgentContext, AgentError, TestRun};
use serde::{Deserialize, Serialize};

use crate::baseline;
use crate::ids::{CHANGING, file_of, function_of};
use crate::settings::Settings;
use crate::targets::Targets;
use crate::test_tree::TestTree;

/// Functions whose tests have other ids in each run of the base: these tests are known by their place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByPlace(BTreeSet<String>);

impl ByPlace {
    /// Compares the ids of both sides. Where a function has some on either side only, the base is asked once more: what it
    /// calls otherwise now has no id that stays, and what it calls the same was altered by the change.
    ///
    /// # Errors
    /// [`AgentError`] when the base can't be run once more.
    pub async fn measure(
        cx: &AgentContext<'_>,
        base: Option<&TestRun>,
        run: &TestRun,
    ) -> Result<ByPlace, AgentError> {
        let Some(base) = base else {
            return Ok(ByPlace::default());
        };
        let open = open(base, run);
        if open.is_empty() {
            return Ok(ByPlace::default());
        }
        cx.once("see which ids change from run to run", false, async {
            let settings = Settings::read(cx.base).await?;
            let tree = TestTree::of_base(cx.base, &settings).await?;
            let files: BTreeSet<String> = open.iter().map(|it| file_of(it).to_owned()).collect();
            let files: Vec<String> = files.into_iter().collect();
            let targets = Targets::Files(&files);
            let seconds_max = baseline::seconds_max(cx.limits);
            let again = tree.run(targets, seconds_max, cx.log).await?;
            Ok(ByPlace(changing(&open, base, &again)))
        })
        .await
    }

    /// A run with the places of such tests in their ids.
    pub fn rename(&self, run: &mut TestRun) {
        if self.0.is_empty() {
            return;
        }
        let mut counts: HashMap<&str, usize> = HashMap::new();
        let mut names: HashMap<String, String> = HashMap::new();
        let known = run.collected.iter();
        for id in known.chain(run.results.iter().map(|it| &it.id)) {
            let Some(function) = self.0.get(function_of(id)) else {
                continue;
            };
            if !names.contains_key(id) {
                let count = counts.entry(function).or_default();
                *count += 1;
                names.insert(id.clone(), format!("{function}[{CHANGING} {count}]"));
            }
        }
        let ids = run.collected.iter_mut();
        for id in ids.chain(run.results.iter_mut().map(|it| &mut it.id)) {
            if let Some(name) = names.get(id) {
                id.clone_from(name);
            }
        }
    }

    /// The same of a run that is only lent.
    pub fn renamed<'r>(&self, run: &'r TestRun) -> Cow<'r, TestRun> {
        if self.0.is_empty() {
            return Cow::Borrowed(run);
        }
        let mut run = run.clone();
        self.rename(&mut run);
        Cow::Owned(run)
    }
}

/// Functions of which each side has a test that the other one hasn't.
fn open(base: &TestRun, run: &TestRun) -> BTreeSet<String> {
    let lost = only_in(base, run);
    let new = only_in(run, base);
    lost.intersection(&new).map(|it| (*it).to_owned()).collect()
}

fn only_in<'r>(one: &'r TestRun, other: &TestRun) -> BTreeSet<&'r str> {
    let there: HashSet<&str> = other.collected.iter().map(String::as_str).collect();
    let only = one
        .collected
        .iter()
        .filter(|it| !there.contains(it.as_str()));
    only.map(|it| function_of(it)).collect()
}

/// Those that the second run calls otherwise than the first.
fn changing(open: &BTreeSet<String>, first: &TestRun, second: &TestRun) -> BTreeSet<String> {
    let (before, now) = (by_function(first, open), by_function(second, open));
    let is_changing = |it: &&String| {
        let (before, now) = (before.get(it.as_str()), now.get(it.as_str()));
        before.zip(now).is_some_and(|(before, now)| before != now)
    };
    open.iter().filter(is_changing).cloned().collect()
}

fn by_function<'r>(
    run: &'r TestRun,
    open: &BTreeSet<String>,
) -> BTreeMap<&'r str, BTreeSet<&'r str>> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for id in &run.collected {
        if open.contains(function_of(id)) {
            found.entry(function_of(id)).or_default().insert(id);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use protocol::{Exit, TestOutcome, TestResult};

    use super::*;
    use crate::ids::is_by_place;

    fn run(ids: &[&str]) -> TestRun {
        let result = |id: &&str| TestResult {
            id: (*id).to_owned(),
            outcome: TestOutcome::Passed,
            phase: "call".to_owned(),
            exception: String::new(),
            message: String::new(),
        };
        TestRun {
            results: ids.iter().map(result).collect(),
            collected: ids.iter().map(|it| (*it).to_owned()).collect(),
            collection_errors: Vec::new(),
            exit: Exit::Code(0),
            finished: true,
            wall_ms: 0,
            tail: String::new(),
            cached: false,
        }
    }

    #[track_caller]
    fn check(base: &[&str], again: &[&str], with_change: &[&str], want: [&[&str]; 2]) {
        let (base, mut now) = (run(base), run(with_change));
        let by_place = ByPlace(changing(&open(&base, &now), &base, &run(again)));
        by_place.rename(&mut now);
        let base = by_place.renamed(&base);
        assert_eq!([&base.collected[..], &now.collected[..]], want);
        let results = now.results.iter().map(|it| &it.id);
        assert!(results.eq(&now.collected));
    }

    #[test]
    fn tests_without_an_id_that_stays_are_known_by_their_place() {
        check(
            &["t.py::a[71]", "t.py::b", "t.py::a[35]"],
            &["t.py::a[12]", "t.py::a[13]"],
            &["t.py::a[1]", "t.py::a[2]", "t.py::b"],
            [
                &["t.py::a[… 1]", "t.py::b", "t.py::a[… 2]"],
                &["t.py::a[… 1]", "t.py::a[… 2]", "t.py::b"],
            ],
        );
        assert!(is_by_place("t.py::a[… 1]") && !is_by_place("t.py::a[…x]"));
    }

    #[test]
    fn what_the_base_calls_the_same_each_time_was_altered_by_the_change() {
        let base = ["t.py::a[1]", "t.py::a[2]"];
        let now = ["t.py::a[1]", "t.py::a[3]"];
        check(&base, &base, &now, [&base, &now]);
        // Nobody knows what the base says to it.
        check(&base, &[], &now, [&base, &now]);
        // One side only: it is new, or gone.
        check(&base, &["t.py::a[5]"], &base[..1], [&base, &base[..1]]);
    }
}
