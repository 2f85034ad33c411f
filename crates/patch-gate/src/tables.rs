//! Files of which only some tables are protected: `pyproject.toml` and `setup.cfg`.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// What a table of dependencies is. People call it by many names, and the file's is one of them.
pub(crate) const INSTALLED: &str = "a declaration of what is built or installed";

/// Tables of `pyproject.toml`, and what they are. A table protects all below it.
const TABLES: &[(&[&str], &str)] = &[
    (&["tool", "pytest"], "configuration of the test runner"),
    (&["tool", "pipeline"], "configuration of the test runner"),
    (&["tool", "coverage"], "configuration of the test runner"),
    (&["tool", "tox"], "configuration of the test runner"),
    (&["tool", "nox"], "configuration of the test runner"),
    (
        &["project", "entry-points", "pytest11"],
        "a plugin of the test runner",
    ),
    (
        &["tool", "poetry", "plugins", "pytest11"],
        "a plugin of the test runner",
    ),
    (&["tool", "ruff"], "configuration of the linter"),
    (&["tool", "black"], "configuration of the linter"),
    (&["tool", "isort"], "configuration of the linter"),
    (&["tool", "flake8"], "configuration of the linter"),
    (&["tool", "mypy"], "configuration of the linter"),
    (&["tool", "pyright"], "configuration of the linter"),
    (&["tool", "basedpyright"], "configuration of the linter"),
    (&["tool", "pylint"], "configuration of the linter"),
    (&["tool", "bandit"], "configuration of the linter"),
    // With it, code of the tree builds the package wherever that is installed; other backends are packages.
    (&["build-system", "backend-path"], "what builds the package"),
    (&["tool", "uv", "index"], "where packages come from"),
    (&["tool", "uv", "index-url"], "where packages come from"),
    (
        &["tool", "uv", "extra-index-url"],
        "where packages come from",
    ),
    (&["tool", "uv", "pip"], "where packages come from"),
    (&["tool", "poetry", "source"], "where packages come from"),
    (&["tool", "pdm", "source"], "where packages come from"),
    (&["project", "dependencies"], INSTALLED),
    (&["project", "optional-dependencies"], INSTALLED),
    (&["dependency-groups"], INSTALLED),
    (&["build-system", "requires"], INSTALLED),
    (&["build-system", "build-backend"], INSTALLED),
    (&["tool", "poetry", "dependencies"], INSTALLED),
    (&["tool", "poetry", "dev-dependencies"], INSTALLED),
    (&["tool", "poetry", "group"], INSTALLED),
    (&["tool", "poetry", "build"], INSTALLED),
    (&["tool", "hatch", "build", "hooks"], INSTALLED),
    (&["tool", "uv", "sources"], INSTALLED),
];

/// Sections of `setup.cfg` by the beginning of their name.
const SECTIONS: &[(&str, &str)] = &[
    ("tool:pytest", "configuration of the test runner"),
    ("aliases", "configuration of the test runner"),
    ("coverage:", "configuration of the test runner"),
    ("tox:", "configuration of the test runner"),
    ("flake8", "configuration of the linter"),
    ("mypy", "configuration of the linter"),
    ("isort", "configuration of the linter"),
    ("pylint", "configuration of the linter"),
    ("pycodestyle", "configuration of the linter"),
    ("pydocstyle", "configuration of the linter"),
    ("options.extras_require", INSTALLED),
    ("easy_install", "where packages come from"),
];

/// A protected table that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChangedTable {
    /// As in `tool.pytest` or `tool:pytest`: the word by which a task asks for it.
    pub(crate) name: String,
    /// What it is.
    pub(crate) kind: &'static str,
}

/// A file that can't be read as what its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// The protected tables of a `pyproject.toml` that aren't what they were. No text stands for no file.
///
/// A base that can't be read has no tables; a draft that can't be read is [`Unreadable`].
pub(crate) fn of_pyproject(before: &str, now: &str) -> Result<Vec<ChangedTable>, Unreadable> {
    let before: Table = before.parse().unwrap_or_default();
    let now: Table = now.parse().map_err(|_| Unreadable)?;
    let differs = |path: &&(&[&str], &'static str)| at(&before, path.0) != at(&now, path.0);
    let changed = TABLES
        .iter()
        .filter(differs)
        .map(|(path, kind)| ChangedTable {
            name: path.join("."),
            kind,
        });
    Ok(changed.collect())
}

fn at<'t>(table: &'t Table, path: &[&str]) -> Option<&'t Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(table.get(*first)?, |value, key| value.get(*key))
}

/// The protected sections of a `setup.cfg` that aren't what they were.
pub(crate) fn of_setup_cfg(before: &str, now: &str) -> Vec<ChangedTable> {
    let (before, now) = (sections(before), sections(now));
    let names = before.keys().chain(now.keys());
    let mut changed: Vec<ChangedTable> = Vec::new();
    for name in names.filter(|it| before.get(*it) != now.get(*it)) {
        let listed = SECTIONS.iter().find(|(start, _)| name.starts_with(start));
        // Plugins of the test runner are announced below a heading of their own.
        let differs = |key: &str| block(before.get(name), key) != block(now.get(name), key);
        let plugin = name == "options.entry_points" && differs("pytest11");
        let requires = ["install_requires", "setup_requires", "tests_require"];
        let installed = name == "options" && requires.iter().any(|it| differs(it));
        let kind = match listed {
            Some((_, kind)) => kind,
            None if plugin => "a plugin of the test runner",
            None if installed => INSTALLED,
            None => continue,
        };
        let table = ChangedTable {
            name: name.clone(),
            kind,
        };
        if !changed.contains(&table) {
            changed.push(table);
        }
    }
    changed
}

/// Sections by name, each as its lines without comments, blank lines and blanks at their ends.
fn sections(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut name = String::new();
    for line in text.lines().map(str::trim_end) {
        let heading = line.strip_prefix('[').and_then(|it| it.split_once(']'));
        if let Some((heading, _)) = heading {
            name = heading.trim().to_lowercase();
            found.entry(name.clone()).or_default();
        } else if !line.trim().is_empty() && !line.trim_start().starts_with(['#', ';']) {
            found.entry(name.clone()).or_default().push(line.to_owned());
        }
    }
    found
}

/// The lines of a key and below it, such as `pytest11 =`, of a section.
fn block<'s>(section: Option<&'s Vec<String>>, key: &str) -> Vec<&'s str> {
    let lines = section.into_iter().flatten().map(String::as_str);
    lines
        .skip_while(|it| !it.starts_with(key))
        .enumerate()
        .take_while(|(number, it)| *number == 0 || it.starts_with(char::is_whitespace))
        .map(|(_, it)| it)
        .collect()
}

/// The patterns of test files that a configuration of pytest gives; none when it says nothing about them.
///
/// `name` is the file's name, `text` its content.
pub(crate) fn test_file_patterns(name: &str, text: &str) -> Option<Vec<String>> {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    if name.ends_with(".toml") {
        let table: Table = text.parse().ok()?;
        let paths: [&[&str]; 4] = [
            &["tool", "pytest", "ini_options", "python_files"],
            &["tool", "pytest", "python_files"],
            &["pytest", "python_files"],
            &["python_files"],
        ];
        return match paths.iter().find_map(|it| at(&table, it))? {
            Value::String(text) => Some(words(text)),
            Value::Array(all) => Some(
                all.iter()
                    .filter_map(|it| it.as_str().map(str::to_owned))
                    .collect(),
            ),
            _ => None,
        };
    }
    let sections = sections(text);
    let lines = ["pytest", "tool:pytest"]
        .iter()
        .find_map(|it| sections.get(*it))?;
    let key = |line: &str| {
        line.split_once('=')
            .is_some_and(|(key, _)| key.trim() == "python_files")
    };
    let from = lines.iter().position(|it| key(it))?;
    let first = lines[from].split_once('=').map_or("", |it| it.1);
    let more = lines[from + 1..]
        .iter()
        .take_while(|it| it.starts_with(char::is_whitespace));
    let text: Vec<&str> = [first]
        .into_iter()
        .chain(more.map(String::as_str))
        .collect();
    Some(words(&text.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(changed: &[ChangedTable]) -> Vec<&str> {
        changed.iter().map(|it| it.name.as_str()).collect()
    }

    #[test]
    fn only_protected_tables_of_a_project_count() {
        let base = "[project]\nname = 'a'\nversion = '1'\n[tool.ruff]\nline-length = 88\n";
        let check = |now: &str, want: &[&str]| {
            let changed = of_pyproject(base, now).expect("it is TOML");
            assert_eq!(names(&changed), want, "{now}");
        };
        check(base, &[]);
        check(
            "# A comment, another order, other quotes.\n[tool]\nruff = {line-length = 88}\n[project]\nname = \"a\"\nversion = '2'\ndescription = 'x'\n",
            &[],
        );
        check(
            &base.replace(
                "version = '1'",
                "dependencies = ['x @ https://evil.example/x.whl']",
            ),
            &["project.dependencies"],
        );
        check("[tool.ruff]\nline-length = 99\n", &["tool.ruff"]);
        check("", &["tool.ruff"]);
        check(
            &format!("{base}[tool.pytest.ini_options]\naddopts = '--deselect tests/test_a.py'\n"),
            &["tool.pytest"],
        );
        check(
            &format!("{base}[project.entry-points.pytest11]\nx = 'a.plugin'\n"),
            &["project.entry-points.pytest11"],
        );
        check(
            &format!("{base}[[tool.uv.index]]\nurl = 'x'\n"),
            &["tool.uv.index"],
        );
        check(
            &format!(
                "{base}[build-system]\nrequires = ['hatchling']\nbuild-backend = 'hatchling.build'\n"
            ),
            &["build-system.requires", "build-system.build-backend"],
        );
        check(
            &format!("{base}[build-system]\nbuild-backend = 'backend'\nbackend-path = ['.']\n"),
            &["build-system.backend-path", "build-system.build-backend"],
        );
        assert_eq!(of_pyproject(base, "[tool.ruff"), Err(Unreadable));
        assert_eq!(
            of_pyproject("[broken", "[project]\nname = 'a'\n"),
            Ok(vec![])
        );
    }

    #[test]
    fn only_protected_sections_of_a_setup_count() {
        let base = "[metadata]\nname = a\n[tool:pytest]\naddopts = -q\n[options.entry_points]\nconsole_scripts =\n    a = a:main\n";
        let check = |now: &str, want: &[&str]| {
            assert_eq!(names(&of_setup_cfg(base, now)), want, "{now}");
        };
        check(base, &[]);
        check(&base.replace("name = a", "name = b\n# [flake8]"), &[]);
        check(&base.replace("-q", "-k nothing"), &["tool:pytest"]);
        check(&format!("{base}[flake8]\nignore = E\n"), &["flake8"]);
        check(&format!("{base}    b = a:other\n"), &[]);
        check(
            &format!("{base}pytest11 =\n    x = a.plugin\n"),
            &["options.entry_points"],
        );
        check(
            &format!("{base}[options]\ninstall_requires =\n    x\n"),
            &["options"],
        );
        check(&format!("{base}[options]\npackages = find:\n"), &[]);
        check("", &["tool:pytest"]);
    }

    #[test]
    fn patterns_of_test_files_are_read_from_every_kind_of_file() {
        let check = |name: &str, text: &str, want: Option<&[&str]>| {
            let want = want.map(|it| it.iter().map(|it| (*it).to_owned()).collect());
            assert_eq!(test_file_patterns(name, text), want, "{text}");
        };
        check(
            "pytest.ini",
            "[pytest]\npython_files = check_*.py *_spec.py\n",
            Some(&["check_*.py", "*_spec.py"]),
        );
        check(
            "setup.cfg",
            "[tool:pytest]\npython_files =\n    a.py\n    b.py\nother = 1\n",
            Some(&["a.py", "b.py"]),
        );
        check(
            "pyproject.toml",
            "[tool.pytest.ini_options]\npython_files = ['a.py']\n",
            Some(&["a.py"]),
        );
        check(
            "pyproject.toml",
            "[tool.pytest]\npython_files = 'a.py b.py'\n",
            Some(&["a.py", "b.py"]),
        );
        check("tox.ini", "[tox]\npython_files = a.py\n", None);
        check("pytest.ini", "[pytest]\naddopts = -q\n", None);
    }
}
