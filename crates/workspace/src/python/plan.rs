//! What a repository declares about its Python environment, and what to install for its tests.

use std::collections::{BTreeMap, BTreeSet};

use super::legacy;
use super::locks;
use super::pyproject::Pyproject;
use super::requirements::{Flattened, included_files, name_of};
use super::settings::TargetSettings;
use super::version::Specifiers;

/// Extras, groups and files of these names hold what tests need.
pub(super) const WANTED: &[&str] = &["test", "tests", "testing", "dev", "develop", "development"];

/// Longest declaration that is read.
pub(super) const DECLARATION_BYTES_MAX: usize = 16 << 20;

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
    /// Ask `uv.lock` for what it fixes, with these extras and groups.
    pub locked: Option<Locked>,
    /// Folders of the tree that are packages, to be built and installed.
    pub projects: Vec<LocalProject>,
    /// Which versions of Python will do.
    pub python: Specifiers,
    /// The version the repository's authors use, as in `3.11`.
    pub python_wish: Option<String>,
    /// Folders that hold the packages' sources, if the repository says so itself.
    pub source_paths: Vec<String>,
}

/// Names to ask `uv.lock` for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locked {
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
        ".python-version",
    ];
    NAMED.contains(&path) || is_requirements_file(path)
}

/// `requirements.txt` and its relatives, at the root and in the folders where they are kept.
fn is_requirements_file(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = match name.strip_suffix(".txt") {
        Some(stem) => stem,
        None => return false,
    };
    match folder {
        "requirements" | "reqs" => true,
        "" | "tests" | "test" | "dev" => {
            stem.contains("requirements") || stem.contains("constraints")
        }
        _ => false,
    }
}

/// Whether a requirements file is for tests by its name: `requirements-dev.txt`, `requirements/tests.txt`.
fn is_for_tests(path: &str) -> bool {
    let mut words = path.trim_end_matches(".txt").split(['/', '-', '_', '.']);
    words.any(|it| WANTED.contains(&it))
}

/// Reads every declaration, and the files they include, through `read`; `paths` are all files of the tree.
pub(super) fn gather(
    paths: impl Iterator<Item = String>,
    read: impl Fn(&str) -> Option<Vec<u8>>,
) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut wanted: Vec<String> = paths.filter(|it| is_declaration(it)).collect();
    while let Some(path) = wanted.pop() {
        if files.contains_key(&path) {
            continue;
        }
        let Some(bytes) = read(&path) else { continue };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match path.as_str() {
            "tox.ini" => wanted.extend(included_files("", &legacy::tox(&text).join("\n"))),
            "noxfile.py" => wanted.extend(included_files("", &legacy::nox(&text).join("\n"))),
            _ if path.ends_with(".txt") => wanted.extend(included_files(&path, &text)),
            _ => {}
        }
        files.insert(path, text);
    }
    files
}

impl Plan {
    /// Reads the declarations of a tree, given as path and text.
    ///
    /// # Errors
    /// A declaration that can't be read, with its path and what is wrong with it.
    pub fn detect(files: &BTreeMap<String, String>) -> Result<Plan, (String, String)> {
        let text = |path: &str| files.get(path).map(String::as_str).unwrap_or_default();
        let pyproject = Pyproject::read(text("pyproject.toml"))
            .map_err(|why| ("pyproject.toml".to_owned(), why))?;
        let settings = TargetSettings::of(pyproject.tool("pipeline"))
            .map_err(|why| ("pyproject.toml".to_owned(), why))?;
        let mut plan = Plan {
            python: pyproject.python(),
            python_wish: text(".python-version")
                .lines()
                .next()
                .map(|it| it.trim().to_owned()),
            source_paths: settings.source_paths,
            ..Plan::default()
        };
        if plan.python.as_str().is_empty() {
            plan.python = legacy::python(text("setup.cfg"), text("setup.py"));
        }
        if !settings.install_command.is_empty() {
            plan.sources
                .push("pyproject.toml [tool.pipeline]".to_owned());
            plan.commands = settings.install_command;
            plan.finish();
            return Ok(plan);
        }
        if files.contains_key("uv.lock") && files.contains_key("pyproject.toml") {
            plan.add_uv_lock(&pyproject);
        } else {
            plan.add_pins(files)?;
            plan.add_pyproject(&pyproject);
            plan.add_legacy(files, &pyproject);
        }
        let tests_declared = plan.add_requirements_files(files, &pyproject);
        if !tests_declared && !plan.declares_tests() {
            plan.add_hints(files);
        }
        plan.finish();
        Ok(plan)
    }

    fn add_uv_lock(&mut self, pyproject: &Pyproject) {
        let locked = Locked {
            extras: pyproject.wanted_extras(),
            groups: pyproject.wanted_groups(),
        };
        self.sources.push(labelled(
            "uv.lock",
            locked.extras.iter().chain(&locked.groups),
        ));
        self.locked = Some(locked);
        if pyproject.is_package() {
            self.projects.push(LocalProject {
                path: String::new(),
                extras: Vec::new(),
                with_dependencies: false,
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
    ) -> bool {
        let asks_setuptools = |path: &&str| {
            files
                .get(*path)
                .is_some_and(|it| it.contains("install_requires"))
        };
        let knows_dependencies = self.locked.is_some()
            || files.contains_key("Pipfile.lock")
            || pyproject.declares_dependencies()
            || ["setup.py", "setup.cfg"].iter().any(asks_setuptools);
        let mut flattened = Flattened::default();
        let mut for_tests = false;
        let all = files
            .keys()
            .filter(|it| is_requirements_file(it) && !it.contains("constraints"));
        let chosen: Vec<&String> = all
            .filter(|it| {
                let plain = matches!(
                    it.as_str(),
                    "requirements.txt" | "requirements/base.txt" | "requirements/main.txt"
                );
                is_for_tests(it) || (plain && !knows_dependencies)
            })
            .collect();
        // A uv.lock fixes versions that other files may contradict.
        if self.locked.is_some() && self.declares_tests() {
            return true;
        }
        for path in chosen {
            for_tests |= is_for_tests(path);
            if !flattened.read.contains(path) {
                self.sources.push(path.clone());
            }
            flattened.add(files, path);
        }
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
    fn add_hints(&mut self, files: &BTreeMap<String, String>) {
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
        let in_locked = self.locked.as_ref();
        in_locked.is_some_and(|it| !it.extras.is_empty() || !it.groups.is_empty())
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
