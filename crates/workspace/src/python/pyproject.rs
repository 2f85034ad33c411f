//! `pyproject.toml`: the standard tables, and those of Poetry, PDM, uv and Hatch.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::plan::WANTED;
use super::poetry;
use super::requirements::normalized;
use super::version::Specifiers;

/// How deep groups and extras may include each other.
const DEPTH_MAX: usize = 8;

/// The tables of a `pyproject.toml`; none when there is no such file.
#[derive(Clone, Debug, Default)]
pub(super) struct Pyproject {
    root: Table,
}

impl Pyproject {
    pub(super) fn read(text: &str) -> Result<Pyproject, String> {
        let root = text
            .trim_start_matches('\u{feff}')
            .parse()
            .map_err(|it: toml::de::Error| it.message().to_owned())?;
        Ok(Pyproject { root })
    }

    /// `[tool.NAME]`.
    pub(super) fn tool(&self, name: &str) -> Option<&Value> {
        self.root.get("tool")?.get(name)
    }

    fn project(&self) -> Option<&Table> {
        self.root.get("project")?.as_table()
    }

    fn poetry(&self) -> Option<&Value> {
        self.tool("poetry")
    }

    /// The package's name.
    pub(super) fn name(&self) -> Option<&str> {
        let of_project = self.project().and_then(|it| it.get("name"));
        let of_poetry = || self.poetry()?.get("name");
        of_project.or_else(of_poetry)?.as_str()
    }

    /// Which versions of Python the project takes.
    pub(super) fn python(&self) -> Specifiers {
        let of_project = self.project().and_then(|it| it.get("requires-python"));
        let of_poetry = || self.poetry()?.get("dependencies")?.get("python");
        let text = of_project.or_else(of_poetry).and_then(Value::as_str);
        Specifiers::new(text.unwrap_or_default())
    }

    /// Whether the tables here describe a package, so that `setup.py` is at most its build script.
    pub(super) fn describes_package(&self) -> bool {
        self.project().is_some() || self.poetry().is_some_and(|it| it.get("name").is_some())
    }

    /// Whether there is a package to build. As uv has it, a project without a build system is a folder of code.
    pub(super) fn is_package(&self) -> bool {
        let flag = |table: Option<&Value>, key: &str| table?.get(key)?.as_bool();
        self.root.contains_key("build-system")
            && self.describes_package()
            && flag(self.tool("uv"), "package") != Some(false)
            && flag(self.poetry(), "package-mode") != Some(false)
    }

    /// Whether the file says itself what the package needs, without a build.
    pub(super) fn is_static(&self) -> bool {
        let Some(project) = self.project() else {
            return self.poetry().is_some();
        };
        let dynamic = project.get("dynamic").and_then(Value::as_array);
        let left_open = dynamic.into_iter().flatten().filter_map(Value::as_str);
        let from_poetry = self
            .poetry()
            .is_some_and(|it| it.get("dependencies").is_some());
        !left_open
            .filter(|_| !from_poetry)
            .any(|it| it == "dependencies" || it == "optional-dependencies")
    }

    /// Whether the file says what the code needs, or who does.
    pub(super) fn declares_dependencies(&self) -> bool {
        let in_project = self.project().is_some_and(|it| {
            it.contains_key("dependencies")
                || strings(it.get("dynamic")).any(|it| it == "dependencies")
        });
        in_project
            || self
                .poetry()
                .is_some_and(|it| it.get("dependencies").is_some())
    }

    /// Extras that hold what tests need.
    pub(super) fn wanted_extras(&self) -> Vec<String> {
        let of_project = self
            .project()
            .and_then(|it| it.get("optional-dependencies"));
        let of_poetry = self.poetry().and_then(|it| it.get("extras"));
        wanted_keys(of_project.or(of_poetry))
    }

    /// Dependency groups that hold what tests need (PEP 735).
    pub(super) fn wanted_groups(&self) -> Vec<String> {
        wanted_keys(self.root.get("dependency-groups"))
    }

    /// Everything the code and its tests need, as far as the file says so itself.
    pub(super) fn requirements(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.is_static() || !self.is_package() {
            self.add_project(&mut lines);
        }
        for group in self.wanted_groups() {
            self.add_group(&group, 0, &mut lines);
        }
        self.add_poetry(&mut lines);
        for tool in ["uv", "pdm"] {
            match self.tool(tool).and_then(|it| it.get("dev-dependencies")) {
                Some(Value::Table(groups)) => {
                    for (_, group) in groups.iter().filter(|(name, _)| is_wanted(name)) {
                        lines.extend(strings(Some(group)).map(str::to_owned));
                    }
                }
                list => lines.extend(strings(list).map(str::to_owned)),
            }
        }
        self.add_hatch(&mut lines);
        // A folder of the tree in place of a name can't be looked up.
        lines.retain(|it| !it.trim_start().starts_with("-e"));
        lines
    }

    fn add_project(&self, lines: &mut Vec<String>) {
        let Some(project) = self.project() else {
            return;
        };
        lines.extend(strings(project.get("dependencies")).map(str::to_owned));
        let own_name = project.get("name").and_then(Value::as_str);
        let own_name = normalized(own_name.unwrap_or_default());
        let extras = project
            .get("optional-dependencies")
            .and_then(Value::as_table);
        let mut wanted = self.wanted_extras();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        while let Some(extra) = wanted.pop() {
            if !seen.insert(normalized(&extra)) {
                continue;
            }
            let of_extra = extras
                .into_iter()
                .flatten()
                .filter(|(name, _)| normalized(name) == normalized(&extra));
            for line in of_extra.flat_map(|(_, it)| strings(Some(it))) {
                // `project[other]` stands for another extra.
                match line.split_once('[') {
                    Some((name, rest)) if normalized(name.trim()) == own_name => {
                        let names = rest.split(']').next().unwrap_or_default().split(',');
                        wanted.extend(names.map(|it| it.trim().to_owned()));
                    }
                    _ => lines.push(line.to_owned()),
                }
            }
        }
    }

    fn add_group(&self, name: &str, depth: usize, lines: &mut Vec<String>) {
        let groups = self.root.get("dependency-groups").and_then(Value::as_table);
        let same = |it: &&str| normalized(it) == normalized(name);
        let of_group = groups
            .into_iter()
            .flatten()
            .find(|(it, _)| same(&it.as_str()))
            .and_then(|(_, it)| it.as_array());
        for item in of_group.into_iter().flatten() {
            match item {
                Value::String(line) => lines.push(line.clone()),
                Value::Table(table) if depth < DEPTH_MAX => {
                    if let Some(other) = table.get("include-group").and_then(Value::as_str) {
                        self.add_group(other, depth + 1, lines);
                    }
                }
                _ => {}
            }
        }
    }

    fn add_poetry(&self, lines: &mut Vec<String>) {
        let Some(poetry) = self.poetry() else { return };
        let table = |of: Option<&Value>| of.and_then(Value::as_table).cloned().unwrap_or_default();
        let mut all = vec![
            table(poetry.get("dependencies")),
            table(poetry.get("dev-dependencies")),
        ];
        for (name, group) in table(poetry.get("group")) {
            if is_wanted(&name) {
                all.push(table(group.get("dependencies")));
            }
        }
        let optional_wanted: Vec<String> = table(poetry.get("extras"))
            .iter()
            .filter(|(name, _)| is_wanted(name))
            .flat_map(|(_, it)| strings(Some(it)).map(normalized).collect::<Vec<_>>())
            .collect();
        for (name, value) in all.into_iter().flatten() {
            let is_optional = value.get("optional").and_then(Value::as_bool) == Some(true);
            if name != "python" && (!is_optional || optional_wanted.contains(&normalized(&name))) {
                lines.extend(poetry::requirements(&name, &value));
            }
        }
    }

    fn add_hatch(&self, lines: &mut Vec<String>) {
        let environments = self.tool("hatch").and_then(|it| it.get("envs"));
        for name in ["hatch-test", "test", "tests", "testing", "dev"] {
            let environment = environments.and_then(|it| it.get(name));
            for key in ["dependencies", "extra-dependencies"] {
                let list = environment.and_then(|it| it.get(key));
                // `{root:uri}` and its kin mean nothing outside Hatch.
                let plain = strings(list).filter(|it| !it.contains('{'));
                lines.extend(plain.map(str::to_owned));
            }
        }
    }
}

fn is_wanted(name: &str) -> bool {
    WANTED.contains(&normalized(name).as_str())
}

fn wanted_keys(table: Option<&Value>) -> Vec<String> {
    let keys = table.and_then(Value::as_table).into_iter().flatten();
    let names = keys.map(|(name, _)| name.clone());
    names.filter(|it| is_wanted(it)).collect()
}

fn strings(list: Option<&Value>) -> impl Iterator<Item = &str> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str)
}
