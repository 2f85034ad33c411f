//! Whose rules a change is held to: the repository's own, or, where it has none, those that only broken code offends.

use protocol::{Workspace, WorkspaceError};
use serde::{Deserialize, Serialize};

use crate::findings::SYNTAX_ERROR;

/// Files that Ruff takes its configuration from.
pub(crate) const CONFIGURATION: [&str; 3] = ["pyproject.toml", "ruff.toml", ".ruff.toml"];

/// What Ruff looks for where nobody chose: mistakes, not taste. Its own defaults change with its versions, and an old
/// code base offends them with every line that an honest fix touches.
const MISTAKES: &str = "E9,F";
/// Of these, what breaks the code: the choice of flake8's own authors for stopping a build
/// (<https://docs.github.com/en/actions/tutorials/build-and-test-code/python>).
const BREAKS: [&str; 4] = ["E9", "F63", "F7", "F82"];

/// Whose rules these are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rules {
    /// The repository configures Ruff, and every new finding counts.
    #[default]
    Own,
    /// It doesn't. Mistakes are looked for and mended, and only what breaks the code counts.
    Mistakes,
}

impl Rules {
    /// Those of the base, so that no change chooses its own.
    pub(crate) async fn of(
        base: &dyn Workspace,
        paths: &[String],
    ) -> Result<Rules, WorkspaceError> {
        let mut folders: Vec<&str> = paths.iter().flat_map(|it| folders_above(it)).collect();
        folders.sort_unstable();
        folders.dedup();
        for folder in folders {
            for name in CONFIGURATION {
                let text = match base.read(&format!("{folder}{name}")).await {
                    Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                    Err(error) if error.is_the_callers_fault() => continue,
                    Err(error) => return Err(error),
                };
                // Ruff passes over a pyproject.toml that doesn't speak of it.
                let speaks = |line: &str| line.trim_start().starts_with("[tool.ruff");
                if name != "pyproject.toml" || text.lines().any(speaks) {
                    return Ok(Rules::Own);
                }
            }
        }
        Ok(Rules::Mistakes)
    }

    /// For `ruff check`; nothing where the configuration says it.
    pub(crate) fn selected(self) -> Option<&'static str> {
        match self {
            Rules::Own => None,
            Rules::Mistakes => Some(MISTAKES),
        }
    }

    /// Whether a new finding of this rule sends a change back.
    pub(crate) fn holds(self, rule: &str) -> bool {
        match self {
            Rules::Own => true,
            Rules::Mistakes => rule == SYNTAX_ERROR || BREAKS.iter().any(|it| rule.starts_with(it)),
        }
    }
}

/// The folders that a file is in, the root first, each with its slash.
fn folders_above(path: &str) -> impl Iterator<Item = &str> {
    let slashes = path.match_indices('/').map(|(at, _)| &path[..=at]);
    [""].into_iter().chain(slashes)
}

#[cfg(test)]
mod tests {
    use testkit::FolderWorkspace;

    use super::*;

    async fn check(files: &[(&str, &str)], want: Rules) {
        let base = FolderWorkspace::new(files.iter().copied());
        let rules = Rules::of(&base, &["src/pkg/a.py".to_owned()]).await;
        assert_eq!(rules.expect("the folder can be read"), want, "{files:?}");
    }

    #[tokio::test]
    async fn rules_are_the_repositorys_own_where_it_speaks_of_ruff() {
        check(&[], Rules::Mistakes).await;
        check(&[("pyproject.toml", "[tool.black]\n")], Rules::Mistakes).await;
        check(&[("pyproject.toml", "[tool.ruff.lint]\n")], Rules::Own).await;
        check(&[("src/pkg/ruff.toml", "")], Rules::Own).await;
        check(&[(".ruff.toml", "")], Rules::Own).await;
        check(&[("docs/ruff.toml", "")], Rules::Mistakes).await;
    }

    #[test]
    fn where_nobody_chose_only_what_breaks_the_code_counts() {
        for rule in ["invalid-syntax", "E999", "F821", "F632", "F706"] {
            assert!(Rules::Mistakes.holds(rule), "{rule}");
        }
        for rule in ["F401", "F811", "F841", "UP031", "SIM102", "E501"] {
            assert!(
                !Rules::Mistakes.holds(rule) && Rules::Own.holds(rule),
                "{rule}"
            );
        }
    }
}
