//! Ids of tests: which file and function one names, which are alike, and what of one is the same in every checkout.

use std::collections::{BTreeSet, HashMap};

use protocol::{Places, TestRun};

/// Stands in an id for what changes. pytest knows no test of such a name.
pub(crate) const CHANGING: char = '…';
/// What Python shows of an object before its place in memory.
const ADDRESS: &str = " at 0x";

/// The file of a test; a path stands for itself.
pub fn file_of(id: &str) -> &str {
    id.split("::").next().unwrap_or(id)
}

/// An id without the values of its parameters.
pub fn function_of(id: &str) -> &str {
    &id[..parameters_at(id).unwrap_or(id.len())]
}

fn parameters_at(id: &str) -> Option<usize> {
    let after_file = id.find("::").unwrap_or(0);
    id[after_file..].find('[').map(|at| after_file + at)
}

/// What to ask pytest for. It splits at each `::`, also at those in a parameter, and what changes is another one each
/// time: then all parameters have to run.
pub fn target_of(id: &str) -> &str {
    let function = function_of(id);
    let parameters = &id[function.len()..];
    match parameters.contains("::") || parameters.contains(CHANGING) {
        true => function,
        false => id,
    }
}

/// Whether a test is known by its place among those of its function.
pub fn is_by_place(id: &str) -> bool {
    let parameters = &id[function_of(id).len()..];
    parameters.starts_with("[… ")
}

/// Whether an id is a test, or one of its parametrised cases.
pub fn is_case_of(id: &str, test: &str) -> bool {
    id.strip_prefix(test)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
}

/// Whether a test is one of a file, or the file itself.
pub fn belongs(id: &str, path: &str) -> bool {
    id.strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Whether a test is the named one, or one of the named file, class or parametrized test.
pub fn covers(named: &str, id: &str) -> bool {
    id.strip_prefix(named)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::") || rest.starts_with('['))
}

/// The files of all tests that a run knows, those included that could not be collected.
pub fn test_files(run: &TestRun) -> BTreeSet<String> {
    let results = run.results.iter().chain(&run.collection_errors);
    results
        .map(|it| &it.id)
        .chain(&run.collected)
        .map(|it| file_of(it).to_owned())
        .collect()
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use protocol::Place;

    use super::*;

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
}
