//! Every statement of a repository about the Python it is used with: which one its authors use, and on which ones they
//! test it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

/// A minor version, as in `(3, 11)`.
pub(super) type Minor = (u16, u16);

/// What a repository says about the versions of Python that it is used with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Statements {
    /// Versions that its authors use, as in `3.11` or `3.11.4`, the first one first.
    pub(super) wishes: Vec<String>,
    /// Minor versions that it is tested on, or said to run on.
    pub(super) tested: BTreeSet<Minor>,
}

/// Whether a file is read for statements alone, so that it changes nothing of what is installed.
pub(super) fn is_statement(path: &str) -> bool {
    const NAMED: &[&str] = &[
        ".travis.yml",
        ".gitlab-ci.yml",
        "azure-pipelines.yml",
        ".circleci/config.yml",
        "appveyor.yml",
        "Dockerfile",
        "runtime.txt",
        ".tool-versions",
        "Pipfile",
        ".python-version",
        "environment.yml",
    ];
    let workflow = path
        .strip_prefix(".github/workflows/")
        .is_some_and(|it| !it.contains('/') && (it.ends_with(".yml") || it.ends_with(".yaml")));
    NAMED.contains(&path) || workflow
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is written here")
}

/// Reads them all, from files by path.
pub(super) fn of(files: &BTreeMap<String, String>) -> Statements {
    let mut said = Statements::default();
    for (path, text) in files {
        let name = path.rsplit('/').next().unwrap_or(path);
        match name {
            ".python-version" => said.wishes.extend(python_version_file(text)),
            "runtime.txt" => said.wishes.extend(after(text, "python-")),
            ".tool-versions" => said.wishes.extend(after(text, "python ")),
            "Pipfile" => said.wishes.extend(pipfile(text)),
            "pyproject.toml" | "setup.py" | "setup.cfg" => said.tested.extend(classifiers(text)),
            "tox.ini" => said.tested.extend(tox(text)),
            "noxfile.py" => said.tested.extend(nox(text)),
            "Dockerfile" => said.tested.extend(images(text)),
            _ if is_statement(path) => {
                said.tested.extend(matrices(text));
                said.tested.extend(images(text));
            }
            _ => {}
        }
    }
    said
}

/// The versions of a `.python-version`, one a line; comments and other implementations are left out.
fn python_version_file(text: &str) -> Vec<String> {
    let lines = text
        .lines()
        .map(|it| it.split('#').next().unwrap_or_default().trim());
    let plain = lines.map(|it| {
        it.trim_start_matches("cpython-")
            .trim_start_matches("python-")
    });
    plain
        .flat_map(str::split_whitespace)
        .filter(|it| it.starts_with(|it: char| it.is_ascii_digit()))
        .map(str::to_owned)
        .collect()
}

fn after(text: &str, beginning: &str) -> Vec<String> {
    let values = text
        .lines()
        .filter_map(|it| it.trim().strip_prefix(beginning));
    values.flat_map(python_version_file).collect()
}

fn pipfile(text: &str) -> Option<String> {
    let table: toml::Table = text.parse().ok()?;
    let requires = table.get("requires")?;
    let version = requires
        .get("python_full_version")
        .or(requires.get("python_version"))?;
    version.as_str().map(str::to_owned)
}

/// `3.11` anywhere in a text.
fn minors(text: &str) -> Vec<Minor> {
    static MINOR: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b3\.(\d{1,2})\b"));
    MINOR
        .captures_iter(text)
        .filter_map(|it| Some((3, it[1].parse().ok()?)))
        .collect()
}

fn classifiers(text: &str) -> Vec<Minor> {
    static ONE: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"Programming Language :: Python :: (3\.\d+)"));
    ONE.captures_iter(text)
        .flat_map(|it| minors(&it[1]))
        .collect()
}

/// `py38`, `py3{8,9}`, `py{38,39}`, `3.8` in the list of environments.
fn tox(text: &str) -> Vec<Minor> {
    static LIST: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?m)^(?:env_?list|basepython)\s*=(.*(?:\n[ \t]+.*)*)"));
    static PLAIN: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bpy3(\d{1,2})\b"));
    static BRACES: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bpy(3?)\.?\{([^}]*)\}"));
    let mut found = Vec::new();
    for list in LIST.captures_iter(text) {
        let list = &list[1];
        found.extend(minors(list));
        found.extend(
            PLAIN
                .captures_iter(list)
                .filter_map(|it| Some((3, it[1].parse().ok()?))),
        );
        for braces in BRACES.captures_iter(list) {
            for item in braces[2].split(',').map(str::trim) {
                let minor = match &braces[1] {
                    "3" => Some(item),
                    _ => item.strip_prefix('3'),
                };
                found.extend(minor.and_then(|it| Some((3, it.parse().ok()?))));
            }
        }
    }
    found
}

fn nox(text: &str) -> Vec<Minor> {
    static LIST: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"(?i)python\w*\s*=\s*(\[[^\]]*\]|"[^"]*"|'[^']*')"#));
    LIST.captures_iter(text)
        .flat_map(|it| minors(&it[1]))
        .collect()
}

/// The versions of a matrix: `python-version: [...]`, `python:` with a list below, `versionSpec: '3.8'`.
fn matrices(text: &str) -> Vec<Minor> {
    static KEY: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r#"(?im)^[\s-]*["']?(?:python[\w.-]*|versionspec|toxenv)["']?\s*[:=](.*)$"#)
    });
    let mut found = Vec::new();
    for key in KEY.captures_iter(text) {
        found.extend(minors(&key[1]));
        let end = key.get(0).map_or(0, |it| it.end());
        // A list goes on below its key, in items or between brackets.
        let is_item = |line: &&str| {
            line.trim_start()
                .starts_with(['-', '"', '\'', '[', ']', '#'])
                || line.trim().is_empty()
        };
        let below = text[end..].lines().skip(1).take_while(is_item);
        let versions = below.filter(|it| !it.contains(':'));
        found.extend(versions.flat_map(minors));
    }
    found
}

/// `FROM python:3.8-slim`, `image: python:3.8`, `cimg/python:3.8.1`.
fn images(text: &str) -> Vec<Minor> {
    static IMAGE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bpython:(3\.\d+)"));
    IMAGE
        .captures_iter(text)
        .flat_map(|it| minors(&it[1]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, text: &str, wishes: &[&str], tested: &[u16]) {
        let said = of(&BTreeMap::from([(path.to_owned(), text.to_owned())]));
        assert_eq!(said.wishes, wishes, "{path}: {text}");
        let minors: Vec<u16> = said.tested.iter().map(|it| it.1).collect();
        assert_eq!(minors, tested, "{path}: {text}");
    }

    #[test]
    fn what_the_authors_use_is_read_without_comments() {
        check(".python-version", "# pinned\n\n3.12\n", &["3.12"], &[]);
        check(
            ".python-version",
            "3.12.1  # newest\n3.11\n",
            &["3.12.1", "3.11"],
            &[],
        );
        check(".python-version", "pypy3.9\ncpython-3.9\n", &["3.9"], &[]);
        check(".python-version", "", &[], &[]);
        check("runtime.txt", "python-3.8.10\n", &["3.8.10"], &[]);
        check(
            ".tool-versions",
            "nodejs 18\npython 3.10.4 3.9\n",
            &["3.10.4", "3.9"],
            &[],
        );
        check(
            "Pipfile",
            "[requires]\npython_version = '3.8'\n",
            &["3.8"],
            &[],
        );
    }

    #[test]
    fn what_it_is_tested_on_is_read_everywhere() {
        check(
            "setup.py",
            "'Programming Language :: Python :: 3.8', 'Programming Language :: Python :: 3 :: Only'",
            &[],
            &[8],
        );
        check(
            "tox.ini",
            "[tox]\nenvlist = py37,py38-django{32,42}\n",
            &[],
            &[7, 8],
        );
        check(
            "tox.ini",
            "[tox]\nenv_list =\n    py{39,310}\n    py3{11,12}-x\n    3.13\n[testenv]\ndeps = pytest==3.10\n",
            &[],
            &[9, 10, 11, 12, 13],
        );
        check(
            "noxfile.py",
            "@nox.session(python=['3.8', '3.10'])",
            &[],
            &[8, 10],
        );
        check(
            ".travis.yml",
            "language: python\npython: \"3.8\"\n",
            &[],
            &[8],
        );
        check(
            ".travis.yml",
            "python:\n  - 3.6\n  - \"3.7\"\nenv:\n  - A=3.9\n",
            &[],
            &[6, 7],
        );
        check(
            ".github/workflows/ci.yml",
            "matrix:\n  python-version: ['3.9', \"3.10\"]\n  os: [ubuntu-22.04]\n",
            &[],
            &[9, 10],
        );
        check(
            ".github/workflows/ci.yml",
            "python-version:\n  [\n    \"3.9\",\n  ]\nsteps:\n  - x: 3.11\n",
            &[],
            &[9],
        );
        check(".gitlab-ci.yml", "image: python:3.8-slim\n", &[], &[8]);
        check(
            "Dockerfile",
            "FROM python:3.8\nRUN pip install x==3.9\n",
            &[],
            &[8],
        );
        check("README.md", "python: 3.8", &[], &[]);
    }
}
