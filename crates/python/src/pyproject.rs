//! `pyproject.toml`: the standard tables, and those of Poetry, PDM, uv and Hatch.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::plan::WANTED;
use super::poetry;
use super::requirements::{FOR_DEVELOPERS, holds_tests, normalized};
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
        let extras = self.extras();
        self.wanted(extras.as_ref(), |name| {
            lines(extras.as_ref().and_then(|it| it.get(name)))
        })
    }

    /// Dependency groups that hold what tests need (PEP 735).
    pub(super) fn wanted_groups(&self) -> Vec<String> {
        self.wanted(self.groups(), |name| self.group(name))
    }

    /// What a dependency group holds, with those that it includes.
    pub(super) fn group(&self, name: &str) -> Vec<String> {
        let mut lines = Vec::new();
        self.add_group(name, 0, &mut lines);
        lines
    }

    /// The file without the extras and groups that are for developers, where others hold a test runner; none where
    /// there is nothing to leave out.
    pub(super) fn for_tests_alone(&self) -> Option<String> {
        let is_wide = |name: &str| FOR_DEVELOPERS.contains(&normalized(name).as_str());
        let is_narrow = |name: &String| is_wanted(name) && !is_wide(name);
        let extras = self.extras().unwrap_or_default();
        let of_groups = self.groups().into_iter().flatten().map(|it| it.0);
        let kept_groups: Vec<&String> = of_groups.filter(|it| is_narrow(it)).collect();
        let kept_extras: Vec<&String> = extras.keys().filter(|it| is_narrow(it)).collect();
        let in_groups = kept_groups.iter().flat_map(|it| self.group(it));
        let in_extras = kept_extras.iter().flat_map(|it| lines(extras.get(*it)));
        if !in_groups.chain(in_extras).any(|it| holds_tests(&it)) {
            return None;
        }
        let mut root = self.root.clone();
        if let Some(Value::Table(groups)) = root.get_mut("dependency-groups") {
            groups.retain(|name, _| !is_wide(name));
        }
        let project = root.get_mut("project").and_then(Value::as_table_mut);
        let extras = project.and_then(|it| it.get_mut("optional-dependencies"));
        if let Some(Value::Table(extras)) = extras {
            extras.retain(|name, _| !is_wide(name));
        }
        (root != self.root).then(|| root.to_string())
    }

    fn extras(&self) -> Option<Table> {
        let of_project = self
            .project()
            .and_then(|it| it.get("optional-dependencies"));
        let of_poetry = self.poetry().and_then(|it| it.get("extras"));
        of_project.or(of_poetry)?.as_table().cloned()
    }

    fn groups(&self) -> Option<&Table> {
        self.root.get("dependency-groups")?.as_table()
    }

    /// The keys of a table that have the name of tests; where nothing of such a name holds a test runner, those that
    /// hold one whatever their name.
    fn wanted(&self, table: Option<&Table>, holds: impl Fn(&str) -> Vec<String>) -> Vec<String> {
        let by_content = !self.is_named_as_it_is();
        let held = |name: &str| by_content && holds(name).iter().any(|it| holds_tests(it));
        let names = table.into_iter().flatten().map(|(name, _)| name.clone());
        names.filter(|it| is_wanted(it) || held(it)).collect()
    }

    /// Whether anything that has the name of tests holds a test runner.
    fn is_named_as_it_is(&self) -> bool {
        let extras = self.extras().unwrap_or_default();
        let extras = extras
            .iter()
            .filter(|(name, _)| is_wanted(name))
            .flat_map(|(_, it)| lines(Some(it)));
        let groups = self.groups().into_iter().flatten();
        let groups = groups
            .filter(|(name, _)| is_wanted(name))
            .flat_map(|(name, _)| self.group(name));
        let of_poetry = self.poetry_groups().into_iter();
        let of_poetry = of_poetry
            .filter(|(name, _)| is_wanted(name))
            .flat_map(|(_, it)| it.into_iter().map(|it| it.0));
        let of_tools = ["uv", "pdm"].into_iter().flat_map(|tool| {
            let all = self.tool(tool).and_then(|it| it.get("dev-dependencies"));
            match all {
                Some(Value::Table(groups)) => groups
                    .iter()
                    .filter(|(name, _)| is_wanted(name))
                    .flat_map(|(_, it)| lines(Some(it)))
                    .collect(),
                list => lines(list),
            }
        });
        let mut all = extras.chain(groups).chain(of_poetry).chain(of_tools);
        all.any(|it| holds_tests(&it))
    }

    /// Poetry's groups with their dependencies; those of its older table have the name `dev`.
    fn poetry_groups(&self) -> Vec<(String, Table)> {
        let Some(poetry) = self.poetry() else {
            return Vec::new();
        };
        let table = |of: Option<&Value>| of.and_then(Value::as_table).cloned().unwrap_or_default();
        let mut groups = vec![("dev".to_owned(), table(poetry.get("dev-dependencies")))];
        for (name, group) in table(poetry.get("group")) {
            groups.push((name, table(group.get("dependencies"))));
        }
        groups
    }

    /// The patterns of a workspace's members, and of folders that are none.
    pub(super) fn workspace_members(&self) -> (Vec<String>, Vec<String>) {
        let workspace = self.tool("uv").and_then(|it| it.get("workspace"));
        let list = |key: &str| lines(workspace.and_then(|it| it.get(key)));
        (list("members"), list("exclude"))
    }

    /// Folders that packages come from in place of an index, relative to the file.
    pub(super) fn path_sources(&self) -> Vec<String> {
        let tables = [
            self.tool("uv").and_then(|it| it.get("sources")),
            self.poetry().and_then(|it| it.get("dependencies")),
        ];
        let mut sources =
            tables.map(|it| it.and_then(Value::as_table).cloned().unwrap_or_default());
        let of_groups = self.poetry_groups().into_iter().flat_map(|(_, it)| it);
        sources[1].extend(of_groups);
        let values = sources.into_iter().flatten();
        values
            .filter_map(|(_, it)| Some(it.get("path")?.as_str()?.to_owned()))
            .filter(|it| !it.ends_with(".whl") && !it.ends_with(".tar.gz"))
            .collect()
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
                    for name in self.wanted(Some(groups), |it| self::lines(groups.get(it))) {
                        lines.extend(self::lines(groups.get(&name)));
                    }
                }
                list => lines.extend(self::lines(list)),
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
        let groups = self.groups();
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
        let groups = self.poetry_groups();
        let by_name: Table = groups
            .iter()
            .map(|(name, it)| (name.clone(), Value::Table(it.clone())))
            .collect();
        let held = |name: &str| {
            let group = by_name.get(name).and_then(Value::as_table);
            group.into_iter().flatten().map(|it| it.0.clone()).collect()
        };
        let wanted = self.wanted(Some(&by_name), held);
        let mut all = vec![table(poetry.get("dependencies"))];
        all.extend(
            groups
                .into_iter()
                .filter(|it| wanted.contains(&it.0))
                .map(|it| it.1),
        );
        let wanted_extras = self.wanted_extras();
        let optional_wanted: Vec<String> = table(poetry.get("extras"))
            .iter()
            .filter(|(name, _)| wanted_extras.contains(name))
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
        let Some(environments) = environments.and_then(Value::as_table) else {
            return;
        };
        let held = |name: &str| {
            let environment = environments.get(name);
            let keys = ["dependencies", "extra-dependencies"];
            let all = keys.map(|it| self::lines(environment.and_then(|of| of.get(it))));
            // `{root:uri}` and its kin mean nothing outside Hatch.
            all.concat()
                .into_iter()
                .filter(|it| !it.contains('{'))
                .collect::<Vec<_>>()
        };
        let named = |it: &str| it == "hatch-test" || is_wanted(it);
        let is_named_as_it_is = self.is_named_as_it_is()
            || environments
                .keys()
                .any(|it| named(it) && held(it).iter().any(|it| holds_tests(it)));
        for name in environments.keys() {
            let by_content = !is_named_as_it_is && held(name).iter().any(|it| holds_tests(it));
            if named(name) || by_content {
                lines.extend(held(name));
            }
        }
    }
}

fn is_wanted(name: &str) -> bool {
    WANTED.contains(&normalized(name).as_str())
}

fn lines(list: Option<&Value>) -> Vec<String> {
    strings(list).map(str::to_owned).collect()
}

fn strings(list: Option<&Value>) -> impl Iterator<Item = &str> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str)
}
