//! New modules that take the place of Python's own, or of the test runner's.

use std::collections::BTreeSet;

/// The standard library's names: `sys.stdlib_module_names` of CPython 3.11, with those that 3.8 still had and those
/// that came until 3.14.
const STANDARD_LIBRARY: &str = include_str!("stdlib.txt");

/// What a test run imports besides.
const TEST_RUNNER: &[&str] = &[
    "_pytest",
    "coverage",
    "exceptiongroup",
    "execnet",
    "iniconfig",
    "packaging",
    "pip",
    "pipeline_pytest",
    "pluggy",
    "py",
    "pygments",
    "pytest",
    "setuptools",
    "tomli",
    "typing_extensions",
    "wheel",
    "xdist",
];

/// Folders from which modules are imported, besides the root and those of tests.
const SOURCE_FOLDERS: &[&str] = &["src", "lib", "python"];

/// Ends of files that are modules.
const MODULE_ENDS: &[&str] = &[".py", ".so", ".pyd"];

/// The name of the module whose place a new file takes; none for most.
///
/// `before` and `now` are all paths of the base and of the draft, `is_test` says which of them are tests. A module
/// in a package has that package's name before its own and hides nothing.
pub(crate) fn shadowed<'p>(
    path: &'p str,
    before: &BTreeSet<String>,
    now: &BTreeSet<String>,
    is_test: impl Fn(&str) -> bool,
) -> Option<&'p str> {
    let mut at = Some(0);
    while let Some(start) = at {
        let folder = path[..start].trim_end_matches('/');
        let inside = &path[start..];
        at = inside.find('/').map(|it| start + it + 1);
        let (module, is_package) = match inside.split_once('/') {
            Some((package, _)) => (package, true),
            None => (
                MODULE_ENDS
                    .iter()
                    .find_map(|it| inside.strip_suffix(it))
                    .unwrap_or(""),
                false,
            ),
        };
        // `module.cpython-311-x86_64-linux-gnu.so`
        let module = module.split('.').next().unwrap_or_default();
        if !is_taken(module) || !is_source(folder, now, &is_test) {
            continue;
        }
        let below = |name: &str| match folder {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        };
        // A folder without this file hides no module of that name.
        let whole = !is_package || now.contains(&below(&format!("{module}/__init__.py")));
        let existed = before.iter().any(|it| {
            it.strip_prefix(&below(module))
                .is_some_and(|rest| rest.starts_with(['/', '.']))
        });
        if whole && !existed {
            return Some(module);
        }
    }
    None
}

fn is_taken(module: &str) -> bool {
    !module.is_empty()
        && (TEST_RUNNER.contains(&module)
            || module.starts_with("pytest_")
            || STANDARD_LIBRARY.lines().any(|it| it == module))
}

/// Whether modules directly below a folder are imported by their own name.
fn is_source(folder: &str, now: &BTreeSet<String>, is_test: impl Fn(&str) -> bool) -> bool {
    if folder.is_empty() {
        return true;
    }
    if now.contains(&format!("{folder}/__init__.py")) {
        return false;
    }
    let holds_tests = || {
        now.iter().any(|it| {
            let name = it.strip_prefix(folder).and_then(|it| it.strip_prefix('/'));
            name.is_some_and(|it| !it.contains('/')) && is_test(it)
        })
    };
    SOURCE_FOLDERS.contains(&folder) || holds_tests()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, others: &[&str], want: Option<&str>) {
        let before: BTreeSet<String> = [
            "pkg/__init__.py",
            "tests/test_a.py",
            "src/lib/a.py",
            "tokenize/__init__.py",
            "queue.py",
        ]
        .map(str::to_owned)
        .into();
        let mut now = before.clone();
        now.insert(path.to_owned());
        now.extend(others.iter().map(|it| (*it).to_owned()));
        let is_test = |it: &str| it.contains("test_");
        assert_eq!(shadowed(path, &before, &now, is_test), want, "{path}");
    }

    #[test]
    fn a_new_module_that_others_import_under_its_name_is_found() {
        check("json.py", &[], Some("json"));
        check("src/pytest.py", &[], Some("pytest"));
        check("tests/random.py", &[], Some("random"));
        check("_pytest/__init__.py", &[], Some("_pytest"));
        check(
            "_pytest/runner.py",
            &["_pytest/__init__.py"],
            Some("_pytest"),
        );
        check("math.cpython-311-x86_64-linux-gnu.so", &[], Some("math"));
        check("pytest_randomly.py", &[], Some("pytest_randomly"));
        check("pipeline_pytest.py", &[], Some("pipeline_pytest"));
    }

    #[test]
    fn a_module_of_a_package_or_of_the_base_hides_nothing() {
        check("pkg/json.py", &[], None);
        check("pages.py", &[], None);
        check("json.md", &[], None);
        check("json/schema.json", &[], None);
        check("docs/code.py", &[], None);
        check("tokenize/words.py", &[], None);
        check("queue.pyi", &[], None);
        check("tests/json/test_b.py", &[], None);
    }
}
