//! Where a repository keeps its Python projects: at its root, in the members of a workspace, in folders of their own.

use std::collections::{BTreeMap, BTreeSet};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::declared::is_requirements_file;
use super::legacy;
use super::pyproject::Pyproject;
use super::statements::is_statement;

/// Projects beside each other that are set up together.
const PROJECTS_MAX: usize = 16;
/// How deep below the root a project may lie.
const DEPTH_MAX: usize = 4;
/// Folders whose projects belong to somebody's documentation, examples or tests, not to what is tested.
const ASIDE: &[&str] = &[
    "test",
    "tests",
    "testing",
    "testdata",
    "fixtures",
    "fixture",
    "examples",
    "example",
    "samples",
    "docs",
    "doc",
    "benchmarks",
    "vendor",
    "_vendor",
    "third_party",
    "node_modules",
    "templates",
    "template",
];

/// Whether a folder may be that of a project.
pub(super) fn may_be_a_project(folder: &str) -> bool {
    let parts: Vec<&str> = folder.split('/').filter(|it| !it.is_empty()).collect();
    parts.len() <= DEPTH_MAX
        && !parts
            .iter()
            .any(|it| it.starts_with('.') || ASIDE.contains(&it.to_lowercase().as_str()))
}

/// Whether a file holds tests, by its name.
pub(super) fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let named = name.starts_with("test_") || name.ends_with("_test.py") || name == "tests.py";
    named && name.ends_with(".py")
}

/// The files below a folder, by their paths inside it.
pub(super) fn files_of(files: &BTreeMap<String, String>, folder: &str) -> BTreeMap<String, String> {
    let inside = format!("{folder}/");
    files
        .iter()
        .filter_map(|(path, text)| Some((path.strip_prefix(&inside)?.to_owned(), text.clone())))
        .collect()
}

/// Folders with projects of their own, besides the root; and where the tests are run, if that isn't the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Projects {
    pub(super) folders: Vec<String>,
    /// The members of the root's workspace, which are among the folders.
    pub(super) members: Vec<String>,
    pub(super) test_folder: String,
}

impl Projects {
    /// Finds them. `files` are all declarations by path, `tests` all files with tests.
    pub(super) fn find(
        files: &BTreeMap<String, String>,
        tests: &[String],
        root: &Pyproject,
    ) -> Projects {
        let candidates: BTreeSet<String> = files
            .iter()
            .filter_map(|(path, text)| folder_of_project(path, text))
            .collect();
        let members = members(root, files);
        let config = files
            .get("setup.cfg")
            .map(String::as_str)
            .unwrap_or_default();
        let root_is_package = root.describes_package()
            || files.contains_key("setup.py")
            || legacy::has_metadata(config);
        let mut found = Projects {
            folders: members.clone(),
            members,
            test_folder: String::new(),
        };
        if root_is_package {
            return found;
        }
        let owners: BTreeSet<&str> = tests.iter().map(|it| owner(it, &candidates)).collect();
        let mut chosen: Vec<String> = owners
            .iter()
            .filter(|it| !it.is_empty())
            .map(|it| (*it).to_owned())
            .collect();
        let is_said_at_root = |path: &String| {
            is_requirements_file(path) || (!path.contains('/') && !is_statement(path))
        };
        if tests.is_empty() && candidates.len() == 1 && !files.keys().any(is_said_at_root) {
            chosen.extend(candidates.first().cloned());
        }
        if let [only] = chosen.as_slice()
            && (owners.len() == 1 || tests.is_empty())
        {
            found.test_folder.clone_from(only);
        }
        chosen.retain(|it| !found.folders.contains(it));
        found.folders.extend(chosen);
        found.folders.truncate(PROJECTS_MAX);
        found
    }
}

/// The folder of a project that this file declares.
fn folder_of_project(path: &str, text: &str) -> Option<String> {
    let (folder, name) = path.rsplit_once('/')?;
    let declares = match name {
        "pyproject.toml" => Pyproject::read(text).is_ok_and(|it| it.describes_package()),
        "setup.cfg" => legacy::has_metadata(text),
        "setup.py" | "Pipfile" | "manage.py" => true,
        _ => false,
    };
    if declares && may_be_a_project(folder) {
        return Some(folder.to_owned());
    }
    // `backend/requirements/test.txt` belongs to `backend`.
    let mut at = path.find('/');
    while let Some(slash) = at {
        let (folder, inside) = (&path[..slash], &path[slash + 1..]);
        if may_be_a_project(folder) && !is_requirements_file(path) && is_requirements_file(inside) {
            return Some(folder.to_owned());
        }
        at = path[slash + 1..].find('/').map(|it| it + slash + 1);
    }
    None
}

/// The nearest project above a file; empty for the root.
fn owner<'a>(path: &'a str, candidates: &BTreeSet<String>) -> &'a str {
    let mut folder = path;
    while let Some((above, _)) = folder.rsplit_once('/') {
        if candidates.contains(above) {
            return above;
        }
        folder = above;
    }
    ""
}

/// The members of a workspace of uv (<https://docs.astral.sh/uv/concepts/projects/workspaces/>).
fn members(root: &Pyproject, files: &BTreeMap<String, String>) -> Vec<String> {
    let (members, excluded) = root.workspace_members();
    let (members, excluded) = (globs(&members), globs(&excluded));
    files
        .keys()
        .filter_map(|it| it.strip_suffix("/pyproject.toml"))
        .filter(|it| members.is_match(it) && !excluded.is_match(it))
        .take(PROJECTS_MAX)
        .map(str::to_owned)
        .collect()
}

fn globs(patterns: &[String]) -> GlobSet {
    let mut all = GlobSetBuilder::new();
    for pattern in patterns {
        let plain = pattern.trim_start_matches("./").trim_end_matches('/');
        // One that can't be understood matches nothing.
        if let Ok(glob) = GlobBuilder::new(plain).literal_separator(true).build() {
            all.add(glob);
        }
    }
    all.build().unwrap_or_default()
}
