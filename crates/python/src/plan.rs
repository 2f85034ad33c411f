//! What a repository declares about its Python environment, and what to install for its tests.

use std::collections::{BTreeMap, BTreeSet};

use super::alternatives::{self, is_named_for_tests};
use super::declared::{Declared, is_requirements_file};
use super::legacy::{self, GROUP};
use super::locks;
use super::projects::{Projects, files_of};
use super::pyproject::Pyproject;
use super::requirements::{Flattened, holds_tests, joined, name_of};
use super::settings::TargetSettings;
use super::statements::{self, Minor};
use super::version::{Specifiers, Version};

/// Extras, groups and files of these names hold what tests need.
pub(super) const WANTED: &[&str] = &["test", "tests", "testing", "dev", "develop", "development"];

/// What to install.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What declared it, for a person.
    pub sources: Vec<String>,
    /// The repository's own command lines instead of everything below.
    pub commands: Vec<String>,
    /// Requirements, one a line as pip writes them.
    pub requirements: Vec<String>,
    /// Versions that lock files fix.
    pub constraints: Vec<String>,
    /// Ask each `uv.lock` for what it fixes, with these extras and groups.
    pub locked: Vec<Locked>,
    /// Folders of the tree that are packages, to be built and installed.
    pub projects: Vec<LocalProject>,
    /// Which versions of Python will do.
    pub python: Specifiers,
    /// Versions that the repository's authors use, as in `3.11`, the first one first.
    pub python_wishes: Vec<String>,
    /// Minor versions that it is tested on, or said to run on.
    pub python_tested: BTreeSet<(u16, u16)>,
    /// Folders that hold the packages' sources, if the repository says so itself.
    pub source_paths: Vec<String>,
    /// Folders of projects below the root that are no packages, so that their code is found where it is.
    pub folders: Vec<String>,
    /// Where the tests are run; empty for the root.
    pub test_folder: String,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// Names to ask a `uv.lock` for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locked {
    /// Folder of the lock, relative to the root; empty for the root itself.
    pub folder: String,
    /// Whether it is a workspace's, whose members are all wanted.
    pub is_workspace: bool,
    /// Extras of the project.
    pub extras: Vec<String>,
    /// Dependency groups.
    pub groups: Vec<String>,
}

/// A folder of the tree that is a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalProject {
    /// Relative to the root; empty for the root itself.
    pub path: String,
    /// Extras to install with it.
    pub extras: Vec<String>,
    /// Whether the build alone knows what it depends on.
    pub with_dependencies: bool,
}

impl Plan {
    /// Reads what a tree declares, for this version of Python if it is known already.
    ///
    /// # Errors
    /// A declaration that can't be read, with its path and what is wrong with it.
    pub(super) fn of(
        declared: &Declared,
        python: Option<Version>,
    ) -> Result<Plan, (String, String)> {
        let files = &declared.files;
        let python = python.map(|it| (it.major, it.minor));
        let root = pyproject_in(files, "")?;
        let projects = Projects::find(files, &declared.tests, &root);
        let is_workspace = !projects.members.is_empty();
        let mut plan = Plan::of_project(files, "", is_workspace, python)?;
        if !plan.commands.is_empty() {
            plan.test_folder = projects.test_folder;
            plan.finish();
            return Ok(plan);
        }
        for folder in &projects.folders {
            let is_locked = files.contains_key("uv.lock") && projects.members.contains(folder);
            let inside = files_of(files, folder);
            let part = match is_locked {
                // What it needs is in the lock of its workspace.
                true => Plan::locked_member(&inside, folder)?,
                false => Plan::of_project(&inside, folder, false, python)?,
            };
            plan.join(part, folder);
        }
        let said = statements::of(files);
        plan.python_wishes = said.wishes;
        plan.python_tested = said.tested;
        plan.test_folder = projects.test_folder;
        plan.add_sources(files, &projects.folders)?;
        plan.finish();
        Ok(plan)
    }

    /// What one project says, given its files by their paths inside it.
    fn of_project(
        files: &BTreeMap<String, String>,
        folder: &str,
        is_workspace: bool,
        python: Option<Minor>,
    ) -> Result<Plan, (String, String)> {
        let text = |path: &str| files.get(path).map(String::as_str).unwrap_or_default();
        let pyproject = pyproject_in(files, folder)?;
        let settings = TargetSettings::of(pyproject.tool("pipeline"))
            .map_err(|why| (within(folder, "pyproject.toml"), why))?;
        let mut plan = Plan {
            python: pyproject.python(),
            source_paths: settings.source_paths,
            ..Plan::default()
        };
        if plan.python.as_str().is_empty() {
            plan.python = legacy::python(text("setup.cfg"), text("setup.py"));
        }
        if !settings.install_command.is_empty() && folder.is_empty() {
            plan.sources
                .push("pyproject.toml [tool.pipeline]".to_owned());
            plan.commands = settings.install_command;
            return Ok(plan);
        }
        if files.contains_key("uv.lock") && files.contains_key("pyproject.toml") {
            plan.add_uv_lock(&pyproject, is_workspace);
        } else {
            plan.add_pins(files)?;
            plan.add_pyproject(&pyproject);
            plan.add_legacy(files, &pyproject);
        }
        let tests_declared = plan.add_requirements_files(files, &pyproject, python);
        if !tests_declared && !plan.declares_tests() {
            plan.add_hints(files, &pyproject);
        }
        Ok(plan)
    }

    /// A member of a workspace that has a lock.
    fn locked_member(
        files: &BTreeMap<String, String>,
        folder: &str,
    ) -> Result<Plan, (String, String)> {
        let pyproject = pyproject_in(files, folder)?;
        let mut plan = Plan {
            python: pyproject.python(),
            ..Plan::default()
        };
        plan.add_package(&pyproject, false);
        Ok(plan)
    }

    /// Adds what a project in a folder of its own says.
    fn join(&mut self, part: Plan, folder: &str) {
        let label = |it: &String| format!("{folder}/{it}");
        self.sources.extend(part.sources.iter().map(label));
        self.requirements.extend(part.requirements);
        for pin in part.constraints {
            // Two locks that disagree leave it to the resolver.
            let same = |it: &String| name_of(it) == name_of(&pin) && *it != pin;
            match self.constraints.iter().position(same) {
                Some(at) => drop(self.constraints.remove(at)),
                None => self.constraints.push(pin),
            }
        }
        for mut locked in part.locked {
            locked.folder = within(folder, &locked.folder);
            self.locked.push(locked);
        }
        self.python = match (self.python.as_str(), part.python.as_str()) {
            ("", _) => part.python,
            (_, "") => self.python.clone(),
            (ours, theirs) => Specifiers::new(format!("{ours},{theirs}")),
        };
        if !part.projects.iter().any(|it| it.path.is_empty()) {
            self.folders.push(folder.to_owned());
        }
        for mut project in part.projects {
            project.path = within(folder, &project.path);
            self.add_project(project);
        }
        let paths = part.source_paths.iter().map(|it| within(folder, it));
        self.folders.extend(paths);
        self.notes.extend(part.notes);
    }

    /// Packages that come from folders of the tree in place of an index.
    fn add_sources(
        &mut self,
        files: &BTreeMap<String, String>,
        folders: &[String],
    ) -> Result<(), (String, String)> {
        let mut open: Vec<String> = folders.to_vec();
        open.push(String::new());
        let mut seen: BTreeSet<String> = open.iter().cloned().collect();
        while let Some(folder) = open.pop() {
            let pyproject = pyproject_in(&files_in(files, &folder), &folder)?;
            for path in pyproject.path_sources() {
                let Some(path) = joined(&folder, &path) else {
                    continue;
                };
                let is_there = ["pyproject.toml", "setup.py"]
                    .iter()
                    .any(|it| files.contains_key(&within(&path, it)));
                if is_there && seen.insert(path.clone()) {
                    self.add_project(LocalProject {
                        path: path.clone(),
                        extras: Vec::new(),
                        with_dependencies: true,
                    });
                    open.push(path);
                }
            }
        }
        Ok(())
    }

    fn add_uv_lock(&mut self, pyproject: &Pyproject, is_workspace: bool) {
        let locked = Locked {
            folder: String::new(),
            is_workspace,
            extras: pyproject.wanted_extras(),
            groups: pyproject.wanted_groups(),
        };
        self.sources.push(labelled(
            "uv.lock",
            locked.extras.iter().chain(&locked.groups),
        ));
        self.locked.push(locked);
        self.add_package(pyproject, false);
    }

    fn add_package(&mut self, pyproject: &Pyproject, with_dependencies: bool) {
        if pyproject.is_package() {
            self.projects.push(LocalProject {
                path: String::new(),
                extras: Vec::new(),
                with_dependencies,
            });
        }
    }

    fn add_pins(&mut self, files: &BTreeMap<String, String>) -> Result<(), (String, String)> {
        for name in ["poetry.lock", "pdm.lock"] {
            if let Some(text) = files.get(name) {
                let pins = locks::pins(text).map_err(|why| (name.to_owned(), why))?;
                self.constraints.extend(pins);
                self.sources.push(name.to_owned());
            }
        }
        if let Some(text) = files.get("Pipfile.lock") {
            let pinned = locks::pipfile(text).map_err(|why| ("Pipfile.lock".to_owned(), why))?;
            self.requirements.extend(pinned);
            self.sources.push("Pipfile.lock".to_owned());
        }
        Ok(())
    }

    fn add_pyproject(&mut self, pyproject: &Pyproject) {
        let extras = pyproject.wanted_extras();
        let declared = pyproject.requirements();
        let names: Vec<String> = extras
            .iter()
            .chain(&pyproject.wanted_groups())
            .cloned()
            .collect();
        if !declared.is_empty() || !names.is_empty() || pyproject.is_package() {
            self.sources.push(labelled("pyproject.toml", names.iter()));
        }
        self.requirements.extend(declared);
        if pyproject.is_package() {
            self.projects.push(LocalProject {
                path: String::new(),
                extras: if pyproject.is_static() {
                    Vec::new()
                } else {
                    extras
                },
                with_dependencies: !pyproject.is_static(),
            });
        }
    }

    /// `setup.py` and `setup.cfg`, where no `pyproject.toml` describes the package.
    fn add_legacy(&mut self, files: &BTreeMap<String, String>, pyproject: &Pyproject) {
        let text = |path: &str| files.get(path).map(String::as_str).unwrap_or_default();
        let (script, config) = (text("setup.py"), text("setup.cfg"));
        let describes = files.contains_key("setup.py") || legacy::has_metadata(config);
        if !describes || pyproject.describes_package() {
            return;
        }
        let extras = legacy::wanted_extras(config, script);
        let name = if files.contains_key("setup.py") {
            "setup.py"
        } else {
            "setup.cfg"
        };
        self.sources.push(labelled(name, extras.iter()));
        self.requirements
            .extend(legacy::tests_require(config, script));
        self.projects.retain(|it| !it.path.is_empty());
        self.projects.push(LocalProject {
            path: String::new(),
            extras,
            with_dependencies: true,
        });
    }

    /// Those for tests always; `requirements.txt` where nothing else says what the code needs.
    fn add_requirements_files(
        &mut self,
        files: &BTreeMap<String, String>,
        pyproject: &Pyproject,
        python: Option<Minor>,
    ) -> bool {
        let asks_setuptools = |path: &&str| {
            files
                .get(*path)
                .is_some_and(|it| it.contains("install_requires"))
        };
        let knows_dependencies = !self.locked.is_empty()
            || files.contains_key("Pipfile.lock")
            || pyproject.declares_dependencies()
            || ["setup.py", "setup.cfg"].iter().any(asks_setuptools);
        let mut flattened = Flattened::default();
        let mut for_tests = false;
        let is_for_tests = |path: &str| {
            let text = files.get(path).map(String::as_str).unwrap_or_default();
            is_named_for_tests(path) || text.lines().any(holds_tests)
        };
        let is_compiled = |path: &str| {
            let compiled = path.strip_suffix(".in").map(|it| format!("{it}.txt"));
            compiled.is_some_and(|it| files.contains_key(&it))
        };
        let all = files
            .keys()
            .filter(|it| is_requirements_file(it) && !it.contains("constraints"));
        let wanted = all.filter(|it| {
            let plain = matches!(
                it.trim_end_matches(".in").trim_end_matches(".txt"),
                "requirements" | "requirements/base" | "requirements/main"
            );
            (is_for_tests(it) || (plain && !knows_dependencies)) && !is_compiled(it)
        });
        // A uv.lock fixes versions that other files may contradict.
        if !self.locked.is_empty() && self.declares_tests() {
            return true;
        }
        let chosen = alternatives::choose(files, wanted.collect(), python);
        for path in &chosen.files {
            for_tests |= is_for_tests(path);
            if !flattened.read.contains(path) {
                self.sources.push(path.clone());
            }
            flattened.add(files, path);
        }
        let left_out = chosen.left_out.iter();
        self.notes.extend(left_out.map(|(path, taken)| {
            format!("`{path}` is an alternative of `{taken}`, and only that one was installed")
        }));
        self.requirements.extend(flattened.requirements);
        self.constraints.extend(flattened.constraints);
        for project in flattened.projects {
            self.add_project(project);
        }
        for_tests
    }

    fn add_project(&mut self, project: LocalProject) {
        match self.projects.iter_mut().find(|it| it.path == project.path) {
            Some(known) => {
                // Its extras are only known to the build.
                known.with_dependencies |= !project.extras.is_empty();
                known.extras.extend(project.extras);
            }
            None => self.projects.push(project),
        }
    }

    /// What tox and nox would install, where nothing else says what the tests need.
    fn add_hints(&mut self, files: &BTreeMap<String, String>, pyproject: &Pyproject) {
        let hints = [
            ("tox.ini", legacy::tox as fn(&str) -> Vec<String>),
            ("noxfile.py", legacy::nox),
        ];
        for (name, read) in hints {
            let lines = files.get(name).map(|it| read(it)).unwrap_or_default();
            if lines.is_empty() {
                continue;
            }
            self.sources.push(name.to_owned());
            let (groups, lines): (Vec<String>, Vec<String>) =
                lines.into_iter().partition(|it| it.starts_with(GROUP));
            for group in groups {
                self.requirements
                    .extend(pyproject.group(group.trim_start_matches(GROUP)));
            }
            let mut all = files.clone();
            all.insert("hints.txt".to_owned(), lines.join("\n"));
            let mut flattened = Flattened::default();
            flattened.add(&all, "hints.txt");
            self.requirements.extend(flattened.requirements);
            self.constraints.extend(flattened.constraints);
            for project in flattened.projects {
                self.add_project(project);
            }
            return;
        }
    }

    /// Whether anything of the tree itself runs, or is installed, to make the environment.
    pub(super) fn runs_code_of_the_tree(&self) -> bool {
        let all = self.requirements.iter().chain(&self.constraints);
        let is_of_the_tree = |it: &String| it.contains("./") || it.contains("file:");
        !self.projects.is_empty() || !self.commands.is_empty() || all.clone().any(is_of_the_tree)
    }

    fn declares_tests(&self) -> bool {
        let in_locked = self.locked.iter();
        in_locked
            .into_iter()
            .any(|it| !it.extras.is_empty() || !it.groups.is_empty())
            || self.projects.iter().any(|it| !it.extras.is_empty())
            || self.names("pytest")
    }

    fn names(&self, package: &str) -> bool {
        self.requirements.iter().any(|it| name_of(it) == package)
    }

    fn finish(&mut self) {
        if !self.names("pytest") {
            self.requirements.push("pytest".to_owned());
            if self.sources.is_empty() {
                self.sources
                    .push("nothing declared, so pytest alone".to_owned());
            }
        }
        let mut seen = BTreeSet::new();
        self.requirements.retain(|it| seen.insert(it.clone()));
        for project in &mut self.projects {
            let mut seen = BTreeSet::new();
            project.extras.retain(|it| seen.insert(it.clone()));
        }
    }
}

/// A path inside a folder, from the root.
fn within(folder: &str, path: &str) -> String {
    match (folder, path) {
        ("", path) => path.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, path) => format!("{folder}/{path}"),
    }
}

fn files_in(files: &BTreeMap<String, String>, folder: &str) -> BTreeMap<String, String> {
    match folder {
        "" => files.clone(),
        folder => files_of(files, folder),
    }
}

fn pyproject_in(
    files: &BTreeMap<String, String>,
    folder: &str,
) -> Result<Pyproject, (String, String)> {
    let text = files
        .get("pyproject.toml")
        .map(String::as_str)
        .unwrap_or_default();
    Pyproject::read(text).map_err(|why| (within(folder, "pyproject.toml"), why))
}

/// `name [a, b]`.
fn labelled<'a>(name: &str, parts: impl Iterator<Item = &'a String>) -> String {
    let parts: Vec<&str> = parts.map(String::as_str).collect();
    match parts.is_empty() {
        true => name.to_owned(),
        false => format!("{name} [{}]", parts.join(", ")),
    }
}

#[cfg(test)]
mod tests;
