//! Where a Django project says which module holds its settings, without which none of its models can be imported.

use serde::{Deserialize, Serialize};

/// The variable with which a Django project names its settings.
const SETTINGS: &str = "DJANGO_SETTINGS_MODULE";
/// Programs that start Django, by name, and the file in which tox sets variables; the first one is believed most.
const NAMES: [&str; 4] = ["manage.py", "runtests.py", "run_tests.py", "tox.ini"];

/// A Django project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DjangoProject {
    /// The folder from which its modules are imported, relative to the root of the tree; empty for the root itself.
    pub folder: String,
    /// The module with its settings.
    pub settings: String,
}

impl DjangoProject {
    /// Those of these paths whose files may say it, in the order in which they are believed: the highest one first.
    pub fn candidates<'p>(paths: impl IntoIterator<Item = &'p str>) -> Vec<&'p str> {
        let mut found: Vec<(usize, usize, usize, &str)> = paths
            .into_iter()
            .filter_map(|path| {
                let name = NAMES.iter().position(|it| *it == split(path).1)?;
                Some((path.matches('/').count(), name, path.len(), path))
            })
            .collect();
        found.sort();
        found.into_iter().map(|it| it.3).collect()
    }

    /// What such a file says.
    pub fn of(path: &str, text: &str) -> Option<DjangoProject> {
        let (folder, name) = split(path);
        let settings = match name {
            "tox.ini" => assigned(text),
            _ => quoted(text),
        }?;
        let is_plain = |it: char| it.is_alphanumeric() || it == '_' || it == '.';
        let is_module = !settings.is_empty() && settings.chars().all(is_plain);
        is_module.then(|| DjangoProject {
            folder: folder.to_owned(),
            settings: settings.to_owned(),
        })
    }
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The text behind the variable's name: `os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site.settings")`.
fn quoted(text: &str) -> Option<&str> {
    let (_, after) = text.split_once(SETTINGS)?;
    let after = after.strip_prefix(['"', '\''])?;
    let (_, quoted) = after.split_once(['"', '\''])?;
    quoted.split_once(['"', '\'']).map(|it| it.0)
}

/// The word behind the variable's name: `DJANGO_SETTINGS_MODULE = site.settings`.
fn assigned(text: &str) -> Option<&str> {
    let (_, after) = text.split_once(SETTINGS)?;
    after
        .trim_start_matches(' ')
        .strip_prefix('=')?
        .split_whitespace()
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_those_that_a_program_names() {
        let check = |path: &str, text: &str, want: Option<(&str, &str)>| {
            let found = DjangoProject::of(path, text);
            let found = found.as_ref();
            let found = found.map(|it| (it.folder.as_str(), it.settings.as_str()));
            assert_eq!(found, want, "{path} {text}");
        };
        let set =
            "import os\nos.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"site_.settings\")\n";
        check("manage.py", set, Some(("", "site_.settings")));
        check("www/manage.py", set, Some(("www", "site_.settings")));
        let item = "os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'\n";
        check("runtests.py", item, Some(("", "tests.settings")));
        let tox = "[testenv]\nsetenv =\n    DJANGO_SETTINGS_MODULE = tests.settings\n    A=b\n";
        check("tox.ini", tox, Some(("", "tests.settings")));
        check(
            "tox.ini",
            "setenv = DJANGO_SETTINGS_MODULE=a",
            Some(("", "a")),
        );
        check("tox.ini", "passenv = DJANGO_SETTINGS_MODULE\n", None);
        check("tox.ini", "DJANGO_SETTINGS_MODULE={env:X}", None);
        check("manage.py", "print(1)\n", None);
        check("manage.py", "X = 'DJANGO_SETTINGS_MODULE'\n", None);
    }

    #[test]
    fn the_highest_program_is_believed_first() {
        let paths = [
            "example/manage.py",
            "tests/runtests.py",
            "tox.ini",
            "a/b/manage.py",
            "runtests.py",
            "manage.pyc",
        ];
        assert_eq!(
            DjangoProject::candidates(paths),
            [
                "runtests.py",
                "tox.ini",
                "example/manage.py",
                "tests/runtests.py",
                "a/b/manage.py",
            ]
        );
    }
}
