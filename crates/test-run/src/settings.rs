//! What a repository says about how its tests are run: pytest's configuration file and `[tool.pipeline]`.

use std::collections::BTreeSet;

use protocol::{DjangoProject, ListQuery, Workspace, WorkspaceError};
use toml::Table;

use crate::tree_files::read_text;
use crate::unusual;

/// Where pytest's configuration comes from, in pytest's own order of precedence
/// (<https://docs.pytest.org/en/stable/reference/customize.html>).
pub(crate) const CANDIDATES: [(&str, Holds); 7] = [
    ("pytest.toml", Holds::Always),
    (".pytest.toml", Holds::Always),
    ("pytest.ini", Holds::Always),
    (".pytest.ini", Holds::Always),
    ("pyproject.toml", Holds::IfTable),
    ("tox.ini", Holds::IfSection("[pytest]")),
    ("setup.cfg", Holds::IfSection("[tool:pytest]")),
];

/// Folders in which Python looks for a repository's modules, in most repositories.
const ROOTS: [&str; 3] = ["", "src/", "lib/"];
/// Modules that are looked at.
const MODULES_MAX: usize = 2000;

/// When a file counts as pytest's configuration.
#[derive(Clone, Copy)]
pub(crate) enum Holds {
    Always,
    /// With `[tool.pytest]` or `[tool.pytest.ini_options]`.
    IfTable,
    IfSection(&'static str),
}

/// How the tests of a repository are run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The folder in which its tests are run; empty for its root.
    pub folder: String,
    /// Its configuration of pytest, relative to its root; none means pytest's defaults.
    pub config: Option<String>,
    /// Its own command, from `[tool.pipeline] test_command`; none means plain pytest.
    pub test_command: Option<String>,
    /// What is needed to run the tests of a Django project without a plugin; none where there is none.
    pub django: Option<DjangoProject>,
    /// Names of files that pytest is to look into besides its own: they hold tests of `unittest` or `nose`.
    pub further_names: Vec<String>,
    /// Modules that it has where Python looks for them: one of them may have the name of a module that pytest needs.
    pub modules: Vec<String>,
}

impl Settings {
    /// Reads them from the base, so that no change can steer its own test run.
    ///
    /// # Errors
    /// [`WorkspaceError`] when the base can't be read or its environment can't be set up.
    pub async fn read(base: &dyn Workspace) -> Result<Settings, WorkspaceError> {
        let mut folder = String::new();
        let mut config = config_in(base, &folder).await?;
        if config.is_none() {
            // What configures tests at the root is meant for all of them; otherwise the project that has them counts.
            folder = base.set_up().await?.test_folder;
            config = config_in(base, &folder).await?;
        }
        let project = read_text(base, "pyproject.toml").await?.unwrap_or_default();
        let test_command = test_command(&project);
        let files = python_files(base, &folder).await?;
        let (mut django, mut further_names) = (None, Vec::new());
        // Whoever has a configuration has said what is to be run, and how.
        if test_command.is_none() && config.is_none() {
            django = django_in(base, &folder, &files).await?;
            further_names = unusual::further_names(base, &files, django.is_some()).await?;
        }
        Ok(Settings {
            config,
            test_command,
            django,
            further_names,
            modules: modules(&files, &folder),
            folder,
        })
    }

    /// A path of the tree, as a program in the folder of the tests names it.
    pub(crate) fn inside(&self, path: &str) -> String {
        if self.folder.is_empty() {
            return path.to_owned();
        }
        match path
            .strip_prefix(&self.folder)
            .and_then(|it| it.strip_prefix('/'))
        {
            Some(inside) => inside.to_owned(),
            None => "../".repeat(self.folder.split('/').count()) + path,
        }
    }

    /// A path or a test's id from the folder of the tests, as it is named from the root of the tree.
    pub(crate) fn outside(&self, path: &str) -> String {
        let mut above: Vec<&str> = self.folder.split('/').filter(|it| !it.is_empty()).collect();
        let mut rest = path;
        while let Some(up) = rest.strip_prefix("../").filter(|_| !above.is_empty()) {
            above.pop();
            rest = up;
        }
        above.push(rest);
        above.join("/")
    }
}

/// The configuration in a folder, relative to the root.
async fn config_in(base: &dyn Workspace, folder: &str) -> Result<Option<String>, WorkspaceError> {
    for (name, holds) in CANDIDATES {
        let path = match folder {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        };
        if let Some(text) = read_text(base, &path).await?
            && is_config(&text, holds)
        {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// The Django project whose tests these are.
async fn django_in(
    base: &dyn Workspace,
    folder: &str,
    files: &[String],
) -> Result<Option<DjangoProject>, WorkspaceError> {
    let tox = match folder {
        "" => "tox.ini".to_owned(),
        folder => format!("{folder}/tox.ini"),
    };
    for path in DjangoProject::candidates(files.iter().chain([&tox]).map(String::as_str)) {
        let text = read_text(base, path).await?.unwrap_or_default();
        if let Some(found) = DjangoProject::of(path, &text) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The first file that holds tests, whatever its name: for when a runner has found none.
pub(crate) async fn a_file_with_tests(
    base: &dyn Workspace,
) -> Result<Option<String>, WorkspaceError> {
    unusual::a_file_with_tests(base, &python_files(base, "").await?).await
}

async fn python_files(base: &dyn Workspace, folder: &str) -> Result<Vec<String>, WorkspaceError> {
    let query = ListQuery {
        path: folder.to_owned(),
        glob: Some("**/*.py".to_owned()),
        items_max: usize::MAX,
    };
    Ok(base.list(&query).await?.items)
}

fn modules(files: &[String], folder: &str) -> Vec<String> {
    let mut modules: BTreeSet<&str> = BTreeSet::new();
    let inside = files.iter().filter_map(|it| match folder {
        "" => Some(it.as_str()),
        folder => it.strip_prefix(folder)?.strip_prefix('/'),
    });
    for file in inside {
        for root in ROOTS {
            let first = file.strip_prefix(root).and_then(|it| it.split('/').next());
            modules.extend(first.map(|it| it.strip_suffix(".py").unwrap_or(it)));
        }
    }
    let named = modules.into_iter().take(MODULES_MAX).map(str::to_owned);
    named.collect()
}

fn is_config(text: &str, holds: Holds) -> bool {
    match holds {
        Holds::Always => true,
        Holds::IfSection(section) => text.lines().any(|it| it.trim() == section),
        Holds::IfTable => tool_table(text, "pytest").is_some(),
    }
}

/// What a file says about pytest, in a form that can be compared; empty where it says nothing.
pub(crate) fn pytest_part(path: &str, text: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let section = match CANDIDATES.iter().find(|it| it.0 == name) {
        Some((_, Holds::IfSection(section))) => *section,
        Some((_, Holds::IfTable)) => {
            let tables = ["pytest", "pipeline"].map(|tool| tool_table(text, tool));
            return match &tables {
                [None, None] => String::new(),
                tables => format!("{tables:?}"),
            };
        }
        _ => return text.to_owned(),
    };
    let inside = text.lines().skip_while(|it| it.trim() != section);
    let mut lines = inside.enumerate();
    lines
        .by_ref()
        .take_while(|(at, line)| *at == 0 || !line.starts_with('['))
        .map(|(_, line)| line.trim_end())
        .filter(|it| !it.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

fn tool_table(text: &str, tool: &str) -> Option<Table> {
    let project: Table = text.parse().ok()?;
    project.get("tool")?.get(tool)?.as_table().cloned()
}

fn test_command(project: &str) -> Option<String> {
    let line = tool_table(project, "pipeline")?
        .get("test_command")?
        .as_str()?
        .trim()
        .to_owned();
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use testkit::FolderWorkspace;

    use super::*;

    #[tokio::test]
    async fn the_configuration_is_found_where_pytest_finds_it() {
        check(&[], None, None).await;
        check(&[("pytest.ini", "")], Some("pytest.ini"), None).await;
        check(
            &[
                ("pytest.ini", ""),
                ("pyproject.toml", "[tool.pytest.ini_options]"),
            ],
            Some("pytest.ini"),
            None,
        )
        .await;
        check(
            &[
                ("pyproject.toml", "[project]\nname = 'a'"),
                ("setup.cfg", "[tool:pytest]\n"),
            ],
            Some("setup.cfg"),
            None,
        )
        .await;
        check(&[("tox.ini", "[tox]\n# [pytest]\n")], None, None).await;
        check(&[("pyproject.toml", "[tool.pytest\n")], None, None).await;
    }

    #[test]
    fn paths_are_named_from_the_root_and_from_the_folder_of_the_tests() {
        let check = |folder: &str, outside: &str, inside: &str| {
            let settings = Settings {
                folder: folder.to_owned(),
                ..Settings::default()
            };
            assert_eq!(settings.inside(outside), inside);
            assert_eq!(settings.outside(inside), outside);
        };
        check("", "tests/a.py::b", "tests/a.py::b");
        check(
            "backend",
            "backend/tests/a.py::b[../x]",
            "tests/a.py::b[../x]",
        );
        check("a/b", "tests/c.py", "../../tests/c.py");
    }

    #[test]
    fn only_what_is_said_about_pytest_counts() {
        let check = |name: &str, before: &str, after: &str, same: bool| {
            let same_part = pytest_part(name, before) == pytest_part(name, after);
            assert_eq!(same_part, same, "{before} -> {after}");
        };
        let cfg = "[metadata]\nversion = 1\n[tool:pytest]\naddopts = -q\n[flake8]\n";
        check("setup.cfg", cfg, &cfg.replace("= 1", "= 2"), true);
        check("setup.cfg", cfg, &cfg.replace("-q", "-x"), false);
        check("setup.cfg", "", cfg, false);
        let toml = "[project]\nversion = '1'\n[tool.pytest.ini_options]\naddopts = '-q'\n";
        check("pyproject.toml", toml, &toml.replace("'1'", "'2'"), true);
        check("pyproject.toml", toml, &toml.replace("-q", "-x"), false);
        check("pyproject.toml", "[project]", "[tool.black]", true);
    }

    #[tokio::test]
    async fn the_repositorys_own_command_is_taken() {
        check(
            &[(
                "pyproject.toml",
                "[tool.pipeline]\ntest_command = ' make test '\n",
            )],
            None,
            Some("make test"),
        )
        .await;
        check(
            &[("pyproject.toml", "[tool.pipeline]\ntest_command = ''\n")],
            None,
            None,
        )
        .await;
        check(
            &[("pyproject.toml", "[tool.pipeline]\ntest_command = 3\n")],
            None,
            None,
        )
        .await;
    }

    async fn check(files: &[(&str, &str)], config: Option<&str>, test_command: Option<&str>) {
        let base = FolderWorkspace::new(files.iter().copied());
        let settings = Settings::read(&base).await.expect("the folder can be read");
        assert_eq!(settings.config.as_deref(), config, "{files:?}");
        assert_eq!(settings.test_command.as_deref(), test_command, "{files:?}");
    }
}
