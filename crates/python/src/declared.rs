//! The files of a tree that say something about its environment.

use std::collections::BTreeMap;

use protocol::DjangoProject;

use super::alternatives::is_named_for_tests;
use super::legacy;
use super::projects::{is_test_file, may_be_a_project};
use super::pyproject::Pyproject;
use super::requirements::{FOR_DEVELOPERS, holds_tests, included_files};
use super::statements::is_statement;

/// Longest declaration that is read.
pub(super) const DECLARATION_BYTES_MAX: usize = 16 << 20;

/// What a tree declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Declared {
    /// Declarations and statements by path.
    pub(super) files: BTreeMap<String, String>,
    /// Files with tests.
    pub(super) tests: Vec<String>,
}

impl Declared {
    /// The Django project whose tests are run in this folder.
    pub(super) fn django(&self, test_folder: &str) -> Option<DjangoProject> {
        let is_inside = |it: &&str| {
            let below = it.strip_prefix(test_folder);
            test_folder.is_empty() || below.is_some_and(|it| it.starts_with('/'))
        };
        let paths = self.files.keys().map(String::as_str).filter(is_inside);
        let mut said = DjangoProject::candidates(paths)
            .into_iter()
            .filter_map(|it| DjangoProject::of(it, &self.files[it]));
        said.next()
    }

    /// The same without the groups, extras and files that hold what developers need besides tests; none where nothing
    /// else holds a test runner.
    pub(super) fn for_tests_alone(&self) -> Option<Declared> {
        let mut narrow = self.clone();
        for (path, text) in &self.files {
            let is_pyproject = path.rsplit('/').next() == Some("pyproject.toml");
            let read = is_pyproject.then(|| Pyproject::read(text).ok()).flatten();
            if let Some(other) = read.and_then(|it| it.for_tests_alone()) {
                narrow.files.insert(path.clone(), other);
            }
        }
        let holds_runner = |(path, text): (&String, &String)| {
            is_requirements_file(path)
                && is_named_for_tests(path)
                && !is_named_for_developers(path)
                && text.lines().any(holds_tests)
        };
        if self.files.iter().any(holds_runner) {
            let is_wide = |it: &str| is_requirements_file(it) && is_named_for_developers(it);
            narrow.files.retain(|path, _| !is_wide(path));
        }
        (narrow != *self).then_some(narrow)
    }
}

/// Whether a requirements file is for developers by its name: `requirements-dev.txt`.
fn is_named_for_developers(path: &str) -> bool {
    let stem = path.trim_end_matches(".txt").trim_end_matches(".in");
    stem.split(['/', '-', '_', '.'])
        .any(|it| FOR_DEVELOPERS.contains(&it))
}

/// Whether a file says something about the environment.
pub(super) fn is_declaration(path: &str) -> bool {
    const NAMED: &[&str] = &[
        "uv.lock",
        "poetry.lock",
        "pdm.lock",
        "Pipfile.lock",
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
        "tox.ini",
        "noxfile.py",
    ];
    let may_start_django = !DjangoProject::candidates([path]).is_empty();
    if is_statement(path) || is_requirements_file(path) || may_start_django {
        return true;
    }
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let ends = path.match_indices('/').map(|(at, _)| at);
    let mut splits = ends.map(|at| (&path[..at], &path[at + 1..]));
    (NAMED.contains(&name) || is_statement(name)) && may_be_a_project(folder)
        || splits.any(|(above, below)| may_be_a_project(above) && is_requirements_file(below))
}

/// `requirements.txt` and its relatives, at the root and in the folders where they are kept.
pub(super) fn is_requirements_file(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = match name.strip_suffix(".txt").or(name.strip_suffix(".in")) {
        Some(stem) => stem,
        None => return false,
    };
    match folder {
        "requirements" | "reqs" | "requires" | "requirement" => true,
        "" | "tests" | "test" | "dev" | "ci" | ".ci" | "build" | "tools" => {
            stem.contains("requirements")
                || stem.contains("constraints")
                || (name.ends_with(".txt") && is_named_for_tests(stem) && stem.contains("dep"))
        }
        _ => false,
    }
}

/// Reads every declaration, and the files they include, through `read`; `paths` are all files of the tree.
pub(super) fn gather(
    paths: impl Iterator<Item = String>,
    read: impl Fn(&str) -> Option<Vec<u8>>,
) -> Declared {
    let mut declared = Declared::default();
    let mut wanted = Vec::new();
    for path in paths {
        if is_test_file(&path) {
            declared.tests.push(path.clone());
        }
        if is_declaration(&path) {
            wanted.push(path);
        }
    }
    let files = &mut declared.files;
    while let Some(path) = wanted.pop() {
        if files.contains_key(&path) {
            continue;
        }
        let Some(bytes) = read(&path) else { continue };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match path.as_str() {
            "tox.ini" => wanted.extend(included_files("", &legacy::tox(&text).join("\n"))),
            "noxfile.py" => wanted.extend(included_files("", &legacy::nox(&text).join("\n"))),
            _ if is_requirements_file(&path) || path.ends_with(".txt") => {
                wanted.extend(included_files(&path, &text));
            }
            _ => {}
        }
        files.insert(path, text);
    }
    declared
}
