//! What a repository says about how its tests are run: pytest's configuration file and `[tool.pipeline]`.

use std::collections::BTreeSet;

use protocol::{ListQuery, Workspace, WorkspaceError};
use toml::Table;

/// Where pytest's configuration comes from, in pytest's own order of precedence
/// (<https://docs.pytest.org/en/stable/reference/customize.html>).
const CANDIDATES: [(&str, Holds); 7] = [
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
enum Holds {
    Always,
    /// With `[tool.pytest]` or `[tool.pytest.ini_options]`.
    IfTable,
    IfSection(&'static str),
}

/// How the tests of a repository are run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Its configuration of pytest, relative to its root; none means pytest's defaults.
    pub(crate) config: Option<&'static str>,
    /// Its own command, from `[tool.pipeline] test_command`; none means plain pytest.
    pub(crate) test_command: Option<String>,
    /// Modules that it has where Python looks for them: one of them may have the name of a module that pytest needs.
    pub(crate) modules: Vec<String>,
}

impl Settings {
    /// Reads them from the base, so that no change can steer its own test run.
    pub(crate) async fn read(base: &dyn Workspace) -> Result<Settings, WorkspaceError> {
        let mut config = None;
        for (name, holds) in CANDIDATES {
            if let Some(text) = read_text(base, name).await?
                && is_config(&text, holds)
            {
                config = Some(name);
                break;
            }
        }
        let project = read_text(base, "pyproject.toml").await?.unwrap_or_default();
        Ok(Settings {
            config,
            test_command: test_command(&project),
            modules: modules(base).await?,
        })
    }
}

async fn modules(base: &dyn Workspace) -> Result<Vec<String>, WorkspaceError> {
    let query = ListQuery {
        path: String::new(),
        glob: Some("**/*.py".to_owned()),
        items_max: usize::MAX,
    };
    let files = base.list(&query).await?.items;
    let mut modules: BTreeSet<&str> = BTreeSet::new();
    for file in &files {
        for root in ROOTS {
            let first = file.strip_prefix(root).and_then(|it| it.split('/').next());
            modules.extend(first.map(|it| it.strip_suffix(".py").unwrap_or(it)));
        }
    }
    let named = modules.into_iter().take(MODULES_MAX).map(str::to_owned);
    Ok(named.collect())
}

/// A file's text; none when it isn't there, is no regular file or isn't UTF-8.
async fn read_text(base: &dyn Workspace, name: &str) -> Result<Option<String>, WorkspaceError> {
    match base.read(name).await {
        Ok(bytes) => Ok(String::from_utf8(bytes).ok()),
        Err(error) if error.is_the_callers_fault() => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_config(text: &str, holds: Holds) -> bool {
    match holds {
        Holds::Always => true,
        Holds::IfSection(section) => text.lines().any(|it| it.trim() == section),
        Holds::IfTable => tool_table(text, "pytest").is_some(),
    }
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
        assert_eq!(settings.config, config, "{files:?}");
        assert_eq!(settings.test_command.as_deref(), test_command, "{files:?}");
    }
}
