//! Ids of tests that change from run to run: what in them does so, and tests that are known by their place instead.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use protocol::{AgentContext, AgentError, Places, TestRun};
use serde::{Deserialize, Serialize};

use crate::affected::file_of;
use crate::baseline;
use crate::pytest::{self, Targets};
use crate::settings::Settings;

/// Stands in an id for what changes. pytest knows no test of such a name.
const CHANGING: char = '…';
/// What Python shows of an object before its place in memory.
const ADDRESS: &str = " at 0x";

/// An id without the values of its parameters.
pub(crate) fn function_of(id: &str) -> &str {
    &id[..parameters_at(id).unwrap_or(id.len())]
}

fn parameters_at(id: &str) -> Option<usize> {
    let after_file = id.find("::").unwrap_or(0);
    id[after_file..].find('[').map(|at| after_file + at)
}

/// What to ask pytest for. It splits at each `::`, also at those in a parameter, and what changes is another one each
/// time: then all parameters have to run.
pub(crate) fn target_of(id: &str) -> &str {
    let function = function_of(id);
    let parameters = &id[function.len()..];
    match parameters.contains("::") || parameters.contains(CHANGING) {
        true => function,
        false => id,
    }
}

/// Whether a test is known by its place among those of its function.
pub(crate) fn is_by_place(id: &str) -> bool {
    let parameters = &id[function_of(id).len()..];
    parameters.starts_with("[… ")
}

/// Ids as they are in every checkout: without the folder in which the tree lies, and without places in memory.
pub(crate) struct Steady<'a> {
    places: &'a Places,
    known: HashMap<String, String>,
    taken: HashMap<String, usize>,
}

impl<'a> Steady<'a> {
    /// `places` are those of the checkout in which the tests ran.
    pub(crate) fn new(places: &'a Places) -> Steady<'a> {
        Steady {
            places,
            known: HashMap::new(),
            taken: HashMap::new(),
        }
    }

    /// The steady id of a test. Of several with the same one each has its number, in the order in which they are asked for.
    pub(crate) fn id(&mut self, id: String) -> String {
        let Some(at) = parameters_at(&id) else {
            return id;
        };
        let (function, parameters) = id.split_at(at);
        if !parameters.contains('/') && !parameters.contains(ADDRESS) {
            return id;
        }
        if let Some(known) = self.known.get(&id) {
            return known.clone();
        }
        let without = without_addresses(parameters);
        let mut steady = self.places.named(&without).into_owned();
        if steady == parameters {
            return id;
        }
        if !steady.contains(CHANGING) {
            steady.insert(1, CHANGING);
        }
        let steady = format!("{function}{steady}");
        let count = self.taken.entry(steady.clone()).or_default();
        *count += 1;
        let name = match *count {
            1 => steady,
            more => format!("{} {more}]", steady.trim_end_matches(']')),
        };
        self.known.insert(id, name.clone());
        name
    }
}

fn without_addresses(text: &str) -> String {
    let mut steady = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(ADDRESS) {
        steady += before;
        steady += " at ";
        steady.push(CHANGING);
        rest = after.trim_start_matches(|it: char| it.is_ascii_hexdigit());
    }
    steady + rest
}

/// Functions whose tests have other ids in each run of the base: these tests are known by their place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ByPlace(BTreeSet<String>);

impl ByPlace {
    /// Compares the ids of both sides. Where a function has some on either side only, the base is asked once more: what it
    /// calls otherwise now has no id that stays, and what it calls the same was altered by the change.
    pub(crate) async fn measure(
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
            let tree = cx.base.fork(&cx.base.base().tree).await?;
            let files: BTreeSet<String> = open.iter().map(|it| file_of(it).to_owned()).collect();
            let files: Vec<String> = files.into_iter().collect();
            let targets = Targets::Files(&files);
            let seconds_max = baseline::seconds_max(cx.limits);
            let again = pytest::run(&*tree, &settings, targets, seconds_max, cx.log).await?;
            Ok(ByPlace(changing(&open, base, &again)))
        })
        .await
    }

    /// A run with the places of such tests in their ids.
    pub(crate) fn rename(&self, run: &mut TestRun) {
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
    pub(crate) fn renamed<'r>(&self, run: &'r TestRun) -> Cow<'r, TestRun> {
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
    use std::path::Path;

    use protocol::{Exit, Place, TestOutcome, TestResult};

    use super::*;

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

    #[test]
    fn what_changes_is_out_of_an_id_and_its_test_is_asked_for_by_its_function() {
        let places = Places::new([Place::new(Path::new("/runs/1/tree"), "")]);
        let mut steady = Steady::new(&places);
        let mut check = |id: &str, want: &str, target: &str| {
            let found = steady.id(id.to_owned());
            assert_eq!(found, want);
            assert_eq!(target_of(&found), target);
        };
        check("t.py::a", "t.py::a", "t.py::a");
        check("t.py::A::a[x-1]", "t.py::A::a[x-1]", "t.py::A::a[x-1]");
        check("t.py::a[x::y]", "t.py::a[x::y]", "t.py::a");
        check("a[b]/t.py::a", "a[b]/t.py::a", "a[b]/t.py::a");
        check("t.py::a[/etc/x]", "t.py::a[/etc/x]", "t.py::a[/etc/x]");
        let path = "t.py::a[/runs/1/tree/tests/data/a.txt-3]";
        check(path, "t.py::a[…tests/data/a.txt-3]", "t.py::a");
        let object = |address: &str| format!("t.py::a[<t.X object at 0x{address}>]");
        check(&object("7f99"), "t.py::a[<t.X object at …>]", "t.py::a");
        check(&object("7f98"), "t.py::a[<t.X object at …> 2]", "t.py::a");
        // Each time it is spoken of.
        check(&object("7f99"), "t.py::a[<t.X object at …>]", "t.py::a");
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
