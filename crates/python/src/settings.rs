//! What a repository may say to us itself, in `[tool.pipeline]` of its `pyproject.toml`.

use serde::Deserialize;
use toml::Value;

/// How to set the repository up and test it; nothing else is its business.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TargetSettings {
    /// Command lines that install everything tests need, instead of what we would find out; judged by the
    /// policy, run with the package index within reach.
    #[serde(deserialize_with = "one_or_more")]
    pub install_command: Vec<String>,
    /// The command line that runs the tests, instead of pytest.
    pub test_command: Option<String>,
    /// Folders that hold the packages' sources, relative to the root, as in `src`.
    pub source_paths: Vec<String>,
}

impl TargetSettings {
    /// Reads the table, if there is one.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn of(table: Option<&Value>) -> Result<TargetSettings, String> {
        let settings: TargetSettings = match table {
            Some(table) => table
                .clone()
                .try_into()
                .map_err(|it: toml::de::Error| format!("[tool.pipeline]: {}", it.message()))?,
            None => TargetSettings::default(),
        };
        let leaves = |it: &&String| it.starts_with('/') || it.split('/').any(|it| it == "..");
        match settings.source_paths.iter().find(leaves) {
            Some(path) => Err(format!(
                "[tool.pipeline] source_paths: `{path}` is outside the repository"
            )),
            None => Ok(settings),
        }
    }
}

fn one_or_more<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Lines {
        One(String),
        More(Vec<String>),
    }
    Ok(match Lines::deserialize(from)? {
        Lines::One(line) => vec![line],
        Lines::More(lines) => lines,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Expect) {
        let table: toml::Table = text.parse().expect("TOML");
        let shown = match TargetSettings::of(Some(&Value::Table(table))) {
            Ok(it) => format!(
                "{:?} {:?} {:?}",
                it.install_command, it.test_command, it.source_paths
            ),
            Err(why) => why,
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn set_up_and_test_may_be_said_and_nothing_else() {
        check("", expect![[r#"[] None []"#]]);
        check(
            "install_command = 'uv pip install -e .'\ntest_command = 'pytest -q'\nsource_paths = ['lib']",
            expect![[r#"["uv pip install -e ."] Some("pytest -q") ["lib"]"#]],
        );
        check(
            "install_command = ['pip install -e .', 'pip install x']",
            expect![[r#"["pip install -e .", "pip install x"] None []"#]],
        );
        check(
            "model = 'x'",
            expect![
                "[tool.pipeline]: unknown field `model`, expected one of `install_command`, `test_command`, `source_paths`"
            ],
        );
        check(
            "test_command = 3",
            expect!["[tool.pipeline]: invalid type: integer `3`, expected a string"],
        );
        check(
            "source_paths = ['../x']",
            expect!["[tool.pipeline] source_paths: `../x` is outside the repository"],
        );
    }
}
