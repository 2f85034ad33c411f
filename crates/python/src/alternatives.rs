//! Requirements files: which of them are for the tests, and which are alternatives of each other.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::plan::WANTED;
use super::ranges::contradict;
use super::requirements::{Flattened, holds_tests};
use super::statements::Minor;

/// The files to install from, and those that were left out because another one says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) files: Vec<String>,
    /// Each with the one that was taken in its place.
    pub(super) left_out: Vec<(String, String)>,
}

/// Whether a requirements file is for tests by its name: `requirements-dev.txt`, `requirements/tests.txt`.
pub(super) fn is_named_for_tests(path: &str) -> bool {
    let stem = path.trim_end_matches(".txt").trim_end_matches(".in");
    stem.split(['/', '-', '_', '.'])
        .any(|it| WANTED.contains(&it))
}

/// The version of Python that a file is for by its name: `requirements-py38.txt`, `python3.8.txt`.
fn python_of(path: &str) -> Option<Minor> {
    static TAG: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"py(?:thon)?-?(3)\.?(\d{1,2})(?:\D|$)").expect("the pattern is written here")
    });
    let found = TAG.captures(path)?;
    Some((3, found[2].parse().ok()?))
}

/// Of `paths`, those that can be installed together, for this version of Python. Of files that contradict each other
/// one is taken: the one that holds what tests need, and of two such the one for newer packages.
pub(super) fn choose(
    files: &BTreeMap<String, String>,
    paths: Vec<&String>,
    python: Option<Minor>,
) -> Chosen {
    let mut chosen = Chosen::default();
    let (tagged, mut plain): (Vec<&String>, Vec<&String>) =
        paths.into_iter().partition(|it| python_of(it).is_some());
    let fitting = tagged.iter().min_by_key(|it| {
        let (of, ours) = (python_of(it), python.or(python_of(it)));
        // The same one, else the nearest below, else the nearest above.
        (
            of > ours,
            of.map_or(0, |of| ours.map_or(0, |it| it.1.abs_diff(of.1))),
        )
    });
    for other in &tagged {
        match fitting {
            Some(taken) if taken != other => {
                chosen.left_out.push(((*other).clone(), (*taken).clone()));
            }
            _ => plain.push(other),
        }
    }
    let says = |path: &str| {
        let mut flattened = Flattened::default();
        flattened.add(files, path);
        flattened
    };
    let mut ordered: Vec<(&String, Flattened)> =
        plain.into_iter().map(|it| (it, says(it))).collect();
    ordered.sort_by_key(|(path, says)| {
        (
            !says.requirements.iter().any(|it| holds_tests(it)),
            is_for_old_packages(path) || comes_from_elsewhere(says),
            Reverse(numbers(path)),
            (*path).clone(),
        )
    });
    let mut taken: Vec<(&String, Flattened)> = Vec::new();
    for (path, says) in ordered {
        let contradicts = |other: &Flattened| {
            says.requirements
                .iter()
                .any(|it| other.requirements.iter().any(|other| contradict(it, other)))
        };
        // Lists of the oldest packages, or of unreleased ones, are for runs of their own.
        let is_apart = is_for_old_packages(path) || comes_from_elsewhere(&says);
        let replaces =
            |other: &Flattened| is_apart && other.requirements.iter().any(|it| holds_tests(it));
        let against = taken
            .iter()
            .find(|(_, other)| contradicts(other) || replaces(other));
        match against {
            Some((other, _)) => chosen.left_out.push((path.clone(), (*other).clone())),
            None => taken.push((path, says)),
        }
    }
    chosen.files = taken.into_iter().map(|it| it.0.clone()).collect();
    chosen.files.sort();
    chosen
}

/// Whether a list asks for a package by an address, which an installation that knows the index alone can't reach.
fn comes_from_elsewhere(says: &Flattened) -> bool {
    says.requirements.iter().any(|it| it.contains("://"))
}

fn is_for_old_packages(path: &str) -> bool {
    const WORDS: &[&str] = &[
        "min", "minimum", "minimal", "oldest", "old", "lowest", "legacy",
    ];
    let stem = path.trim_end_matches(".txt");
    stem.split(['/', '-', '_', '.'])
        .any(|it| WORDS.contains(&it))
}

/// The numbers in a name, as `[4, 2]` of `django4.2`.
fn numbers(path: &str) -> Vec<u64> {
    path.split(|it: char| !it.is_ascii_digit())
        .filter_map(|it| it.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(files: &[(&str, &str)], python: u16, taken: &[&str]) {
        let files: BTreeMap<String, String> = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        let chosen = choose(&files, files.keys().collect(), Some((3, python)));
        assert_eq!(chosen.files, taken);
        assert_eq!(chosen.files.len() + chosen.left_out.len(), files.len());
    }

    #[test]
    fn of_alternatives_one_is_taken_and_never_both() {
        let django = [
            ("requirements-django32.txt", "django>=3.2,<3.3\npytest\n"),
            ("requirements-django42.txt", "django>=4.2,<4.3\npytest\n"),
        ];
        check(&django, 11, &["requirements-django42.txt"]);
        let pins = [
            ("requirements.txt", "six==1.15\n"),
            ("test-requirements.txt", "six==1.16\npytest\n"),
        ];
        check(&pins, 11, &["test-requirements.txt"]);
        let old = [
            ("tests/requirements-min.txt", "six==1.15\npytest\n"),
            ("tests/requirements.txt", "six==1.16\npytest\n"),
        ];
        check(&old, 11, &["tests/requirements.txt"]);
        let apart = [
            ("requirements/tests-min.txt", "click==8.0.0\n"),
            (
                "requirements/tests-next.txt",
                "click @ https://h.example/click/main.tar.gz\n",
            ),
            ("requirements/tests.txt", "pytest==7.2.0\n"),
        ];
        check(&apart, 11, &["requirements/tests.txt"]);
        check(
            &apart[..2],
            11,
            &["requirements/tests-min.txt", "requirements/tests-next.txt"],
        );
        let both = [
            ("requirements.txt", "six\n"),
            ("requirements-dev.txt", "-r requirements.txt\npytest\n"),
        ];
        check(&both, 11, &["requirements-dev.txt", "requirements.txt"]);
    }

    #[test]
    fn a_file_for_one_python_is_taken_for_that_one() {
        let files = [
            ("reqs/py38.txt", "x"),
            ("reqs/py310.txt", "x"),
            ("reqs/py312.txt", "x"),
        ];
        check(&files, 10, &["reqs/py310.txt"]);
        check(&files, 11, &["reqs/py310.txt"]);
        check(&files, 7, &["reqs/py38.txt"]);
    }
}
