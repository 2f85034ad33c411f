//! Requirements files, flattened: what they include, what they ask for, and the project's own folders in them.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::LocalProject;

/// How deep files may include each other.
const DEPTH_MAX: usize = 8;

/// What requirements files ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Flattened {
    /// Requirements, as pip writes them.
    pub(super) requirements: Vec<String>,
    /// Constraints from `-c`.
    pub(super) constraints: Vec<String>,
    /// Folders of the tree that are packages themselves, as in `-e .[test]`.
    pub(super) projects: Vec<LocalProject>,
    /// Files that were read.
    pub(super) read: BTreeSet<String>,
}

impl Flattened {
    /// Adds a file of the tree and all it includes. A file that isn't there is left out, and pip's choice of an
    /// index too: the index belongs to whoever runs the installation.
    pub(super) fn add(&mut self, files: &BTreeMap<String, String>, path: &str) {
        self.include(files, path, false, 0);
    }

    fn include(
        &mut self,
        files: &BTreeMap<String, String>,
        path: &str,
        constrains: bool,
        depth: usize,
    ) {
        let Some(text) = files.get(path) else { return };
        if DEPTH_MAX < depth || !self.read.insert(path.to_owned()) {
            return;
        }
        let folder = path.rsplit_once('/').map_or("", |it| it.0);
        for line in lines(text) {
            if let Some((constraint, file)) = included(&line) {
                if let Some(file) = joined(folder, file) {
                    self.include(files, &file, constrains || constraint, depth + 1);
                }
            } else if let Some(project) = local_project(&line, folder) {
                self.projects.push(project);
            } else if line.starts_with('-') {
                // Options: indexes, formats, pre-releases.
            } else if constrains {
                self.constraints.push(line);
            } else {
                self.requirements.push(line);
            }
        }
    }
}

/// Files that a requirements file includes, relative to the root of the tree.
pub(super) fn included_files(path: &str, text: &str) -> Vec<String> {
    let folder = path.rsplit_once('/').map_or("", |it| it.0);
    let all = lines(text);
    let files = all.iter().filter_map(|it| included(it));
    files.filter_map(|(_, file)| joined(folder, file)).collect()
}

/// Logical lines: continued ones joined, comments and blanks gone.
fn lines(text: &str) -> Vec<String> {
    let joined = text.replace("\r\n", "\n").replace("\\\n", " ");
    let without_comment = |line: &str| {
        let mut kept = line.trim();
        if kept.starts_with('#') {
            kept = "";
        }
        // A `#` in the middle of a word belongs to an address.
        kept.split(" #").next().unwrap_or("").trim().to_owned()
    };
    joined
        .lines()
        .map(without_comment)
        .filter(|it| !it.is_empty())
        .collect()
}

/// `-r file` or `-c file`; true for a constraint.
fn included(line: &str) -> Option<(bool, &str)> {
    let after = |names: [&str; 2]| {
        names.iter().find_map(|name| {
            let rest = line.strip_prefix(name)?;
            let is_whole = rest.starts_with([' ', '=', '\t']) || !name.starts_with("--");
            is_whole.then(|| rest.trim_start_matches([' ', '=', '\t']))
        })
    };
    if let Some(file) = after(["-r", "--requirement"]) {
        return Some((false, file));
    }
    after(["-c", "--constraint"]).map(|it| (true, it))
}

/// `-e ./path[extra]`, `.`, `./path`.
fn local_project(line: &str, folder: &str) -> Option<LocalProject> {
    let target = ["--editable", "-e"]
        .iter()
        .find_map(|it| line.strip_prefix(it))
        .map_or(line, |it| it.trim_start_matches([' ', '=']));
    let target = target.split(';').next().unwrap_or(target).trim();
    // `name @ ./folder`; a file there is no project.
    let target = match target.split_once(" @ ") {
        Some((_, address)) if !address.trim_end().ends_with(".whl") => address.trim(),
        _ => target,
    };
    let is_path = target == "."
        || [".[", "./", "../"].iter().any(|it| target.starts_with(it))
        || target
            .strip_prefix("file:")
            .is_some_and(|it| it.starts_with('.'));
    if !is_path {
        return None;
    }
    let target = target.trim_start_matches("file:");
    let (path, extras) = match target.split_once('[') {
        Some((path, extras)) => (path, extras.trim_end_matches(']')),
        None => (target, ""),
    };
    Some(LocalProject {
        path: joined(folder, path)?,
        extras: extras
            .split(',')
            .map(|it| it.trim().to_owned())
            .filter(|it| !it.is_empty())
            .collect(),
        with_dependencies: true,
    })
}

/// A path of the tree; nothing for one that leaves it.
pub(super) fn joined(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains("://") {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|it| !it.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}

/// Extras, groups and files of these names may hold much besides what tests need.
pub(super) const FOR_DEVELOPERS: &[&str] = &["dev", "develop", "development"];

/// Whether a requirement is a test runner, or a plugin of one.
pub(super) fn holds_tests(requirement: &str) -> bool {
    const RUNNERS: &[&str] = &[
        "pytest",
        "nose",
        "nose2",
        "pynose",
        "unittest2",
        "hypothesis",
        "ward",
    ];
    let name = name_of(requirement);
    name.starts_with("pytest-") || RUNNERS.contains(&name.as_str())
}

/// The name a requirement begins with, spelt as PEP 503 compares names.
pub(super) fn name_of(requirement: &str) -> String {
    let is_part = |it: &char| it.is_ascii_alphanumeric() || "._-".contains(*it);
    let name: String = requirement.trim().chars().take_while(is_part).collect();
    normalized(&name)
}

/// A name spelt as PEP 503 compares names: lower case, and one dash for any run of separators.
pub(super) fn normalized(name: &str) -> String {
    let mut spelt = String::with_capacity(name.len());
    for character in name.chars() {
        if "._-".contains(character) {
            if !spelt.ends_with('-') {
                spelt.push('-');
            }
        } else {
            spelt.push(character.to_ascii_lowercase());
        }
    }
    spelt
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: Expect) {
        let all = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        let mut flattened = Flattened::default();
        flattened.add(&all, files[0].0);
        let projects: Vec<String> = flattened
            .projects
            .iter()
            .map(|it| format!("{:?}{:?}", it.path, it.extras))
            .collect();
        expected.assert_eq(&format!(
            "requirements {:?}\nconstraints {:?}\nprojects {}\n",
            flattened.requirements,
            flattened.constraints,
            projects.join(" ")
        ));
    }

    #[test]
    fn files_are_flattened_and_an_index_of_their_own_is_left_out() {
        check(
            &[
                (
                    "requirements/test.txt",
                    "# tests\n-r base.txt\n-c ../constraints.txt\n--index-url https://index.example/simple\npytest>=7 # runner\n\nfoo @ https://h.example/a.whl#sha256=1\n",
                ),
                (
                    "requirements/base.txt",
                    "attrs==23.1 \\\n  --hash=sha256:aa\nsix;python_version<'3'\r\n-r test.txt\n",
                ),
                ("constraints.txt", "attrs<24\n"),
            ],
            expect![[r#"
                requirements ["attrs==23.1    --hash=sha256:aa", "six;python_version<'3'", "pytest>=7", "foo @ https://h.example/a.whl#sha256=1"]
                constraints ["attrs<24"]
                projects 
            "#]],
        );
    }

    #[test]
    fn folders_of_the_tree_are_projects_and_folders_outside_are_nothing() {
        check(
            &[(
                "dev.txt",
                "-e .[test,dev]\n--editable=./libs/a\n.\n-e ../other\n-r /etc/x\n-r ../up.txt\n-e git+https://h.example/x\n",
            )],
            expect![[r#"
                requirements []
                constraints []
                projects ""["test", "dev"] "libs/a"[] ""[]
            "#]],
        );
    }
}
