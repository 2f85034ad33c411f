//! Which test files can notice a change: those that import what it touches, at any distance.

use std::collections::{BTreeSet, HashSet};

use protocol::{Command, ToolFile, Workspace, WorkspaceError};
use serde::Deserialize;
use test_run::tree_files::read_bytes;

use crate::imports::{FileFacts, Imports};

/// Reads the imports of a tree; see there.
const SCRIPT: &str = include_str!("../plugin/pipeline_imports.py");
const SCRIPT_FILE: &str = "pipeline_imports.py";
/// Wall time for reading a tree's imports. A tree that takes longer isn't worth a choice.
const READING_SECONDS_MAX: u64 = 60;
/// Python imports these by itself, in whatever folder on its path they are.
const IMPORTED_BY_PYTHON: [&str; 2] = ["sitecustomize.py", "usercustomize.py"];
/// Texts for people. Tests that read one mention its name.
const PROSE: [&str; 3] = [".md", ".rst", ".txt"];
/// Where a repository may say which plugins its tests are run with.
const CONFIGURATIONS: [&str; 9] = [
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "tox.ini",
    "pytest.ini",
    ".pytest.ini",
    "pytest.toml",
    ".pytest.toml",
    "conftest.py",
];

/// Test files that can notice a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Affected {
    /// Any test may.
    Everything {
        /// Why that can't be told more closely.
        why: String,
    },
    /// These, sorted.
    Files(Vec<String>),
}

/// What a tree imports, read once for any number of questions.
#[derive(Debug)]
pub(crate) struct Reach {
    /// Why nothing is known.
    unknown: Option<String>,
    imports: Imports,
    /// Plugins of the test runner; whatever they import holds for every test.
    plugins: Vec<usize>,
    /// The Python files that are there.
    there: HashSet<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    File(FileFacts),
    End { files: usize },
}

impl Reach {
    /// Reads the imports of a tree, of which nothing is run or imported.
    ///
    /// `changed` are all paths that will be asked about; those that the tree doesn't have count as well.
    pub(crate) async fn read(
        tree: &dyn Workspace,
        changed: &[String],
    ) -> Result<Reach, WorkspaceError> {
        // Neither the tree nor the packages of its environment are on the path of this Python.
        let script = format!("{{tools}}/{SCRIPT_FILE}");
        let mut command = Command::new(["python", "-I", "-S", &script], READING_SECONDS_MAX);
        command.report = true;
        command.writes_tree = false;
        command.tools = vec![ToolFile {
            name: SCRIPT_FILE.to_owned(),
            text: SCRIPT.to_owned(),
        }];
        let execution = tree.run(&command).await?;
        let Some(facts) = facts(&execution.report) else {
            return Ok(Reach::unknown(format!(
                "the imports of the repository could not be read ({:?})",
                execution.exit
            )));
        };
        let imports = Imports::new(&facts, changed);
        let mut plugins = Vec::new();
        for name in CONFIGURATIONS {
            let Some(text) = text_of(tree, name).await? else {
                continue;
            };
            if text.contains("pytest11") {
                return Ok(Reach::unknown(
                    "the repository is a plugin of the test runner itself".to_owned(),
                ));
            }
            plugins.extend(
                plugins_in(&text)
                    .iter()
                    .flat_map(|it| imports.of_module(it)),
            );
        }
        Ok(Reach {
            unknown: None,
            imports,
            plugins,
            there: facts.into_iter().map(|it| it.path).collect(),
        })
    }

    fn unknown(why: String) -> Reach {
        Reach {
            unknown: Some(why),
            imports: Imports::default(),
            plugins: Vec::new(),
            there: HashSet::new(),
        }
    }

    /// Which of `tests`, and of the changed files that look like tests, can notice a change of these paths. Files
    /// that the tree doesn't have are left out.
    pub(crate) fn affected(&self, tests: &BTreeSet<String>, changed: &[&str]) -> Affected {
        let everything = |why: String| Affected::Everything { why };
        if let Some(why) = &self.unknown {
            return everything(why.clone());
        }
        for path in changed {
            let is_prose = PROSE.iter().any(|it| path.ends_with(it));
            let name = path.rsplit('/').next().unwrap_or(path);
            if IMPORTED_BY_PYTHON.contains(&name) {
                return everything(format!("Python itself imports `{path}`"));
            }
            let can_be_told = path.ends_with(".py")
                || tests.contains(*path)
                || is_prose && !self.imports.mentions(path);
            if !can_be_told {
                return everything(format!("any test may read `{path}`"));
            }
        }
        let reached: HashSet<usize> = self.imports.reaching(changed);
        if self.plugins.iter().any(|it| reached.contains(it)) {
            return everything("the test runner itself is run with it".to_owned());
        }
        let changed_tests = changed.iter().filter(|it| looks_like_a_test(it));
        let candidates: BTreeSet<&str> = tests
            .iter()
            .map(String::as_str)
            .chain(changed_tests.copied())
            .collect();
        let files = candidates
            .into_iter()
            .filter(|it| self.there.contains(*it) || !it.ends_with(".py"))
            .filter(|it| changed.contains(it) || self.imports.holds_for(it, &reached));
        Affected::Files(files.map(str::to_owned).collect())
    }
}

/// As pytest sees it, unless a repository says otherwise.
fn looks_like_a_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with("_test.py") || name.starts_with("test_") && name.ends_with(".py")
}

/// Nothing, when the script didn't come to its end.
fn facts(report: &[u8]) -> Option<Vec<FileFacts>> {
    let mut found = Vec::new();
    for line in report.split(|it| *it == b'\n') {
        match serde_json::from_slice(line) {
            Ok(Line::File(facts)) => found.push(facts),
            Ok(Line::End { files }) => return (files == found.len()).then_some(found),
            Err(_) => return None,
        }
    }
    None
}

async fn text_of(tree: &dyn Workspace, path: &str) -> Result<Option<String>, WorkspaceError> {
    let bytes = read_bytes(tree, path).await?;
    Ok(bytes.map(|it| String::from_utf8_lossy(&it).into_owned()))
}

/// Modules after `-p`, as options of the test runner name its plugins.
fn plugins_in(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let is_between = |it: char| it.is_whitespace() || "\"',=[]".contains(it);
    let mut words = text.split(is_between).filter(|it| !it.is_empty());
    while let Some(word) = words.next() {
        if let Some(name) = word.strip_prefix("-p") {
            let name = if name.is_empty() {
                words.next().unwrap_or_default()
            } else {
                name
            };
            found.push(name.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use testkit::{FolderWorkspace, run_for_real};

    use super::*;

    /// Files as `path: text`, changed paths, and which tests can notice.
    async fn check(files: &[(&str, &str)], changed: &[&str], want: Expect) {
        let tree = FolderWorkspace::new(files.iter().copied()).running(run_for_real);
        let paths: Vec<String> = changed.iter().map(|it| (*it).to_owned()).collect();
        let reach = Reach::read(&tree, &paths).await.expect("Python is there");
        let tests = files.iter().map(|(path, _)| *path);
        let tests = tests.filter(|it| it.contains("test_") || it.ends_with("doc.rst"));
        let tests: BTreeSet<String> = tests.map(str::to_owned).collect();
        want.assert_eq(&match reach.affected(&tests, changed) {
            Affected::Everything { why } => format!("everything: {why}"),
            Affected::Files(files) => files.join(" "),
        });
    }

    /// Two packages in a src-layout, and tests that import them in many ways.
    const TREE: &[(&str, &str)] = &[
        ("src/app/__init__.py", ""),
        ("src/app/low.py", ""),
        ("src/app/mid.py", "from . import low\n"),
        ("src/app/web/__init__.py", ""),
        ("src/app/web/view.py", "from ..mid import thing\n"),
        ("src/app/json.py", ""),
        ("src/other/__init__.py", "import json\n"),
        ("tests/conftest.py", ""),
        ("tests/test_low.py", "import app.low\n"),
        (
            "tests/test_view.py",
            "def test():\n    from app.web import view\n",
        ),
        ("tests/test_other.py", "import other\n"),
        ("tests/unit/conftest.py", "import shared\n"),
        ("tests/unit/shared.py", ""),
        ("tests/unit/test_unit.py", ""),
    ];

    #[tokio::test]
    async fn imports_are_followed_at_any_distance() {
        check(
            TREE,
            &["src/app/low.py"],
            expect!["tests/test_low.py tests/test_view.py"],
        )
        .await;
        check(
            TREE,
            &["src/app/web/view.py"],
            expect!["tests/test_view.py"],
        )
        .await;
        check(
            TREE,
            &["src/other/__init__.py"],
            expect!["tests/test_other.py"],
        )
        .await;
        check(
            TREE,
            &["src/app/web/view.py", "src/other/__init__.py"],
            expect!["tests/test_other.py tests/test_view.py"],
        )
        .await;
    }

    #[tokio::test]
    async fn a_package_runs_before_its_modules_and_hides_them_from_others() {
        check(
            TREE,
            &["src/app/__init__.py"],
            expect!["tests/test_low.py tests/test_view.py"],
        )
        .await;
        // `json` is Python's own wherever it isn't a neighbour.
        check(TREE, &["src/app/json.py"], expect![""]).await;
    }

    #[tokio::test]
    async fn a_conftest_holds_for_all_tests_below_it() {
        check(
            TREE,
            &["tests/conftest.py"],
            expect![
                "tests/test_low.py tests/test_other.py tests/test_view.py tests/unit/test_unit.py"
            ],
        )
        .await;
        check(
            TREE,
            &["tests/unit/shared.py"],
            expect!["tests/unit/test_unit.py"],
        )
        .await;
    }

    #[tokio::test]
    async fn a_changed_test_is_affected_unless_it_is_gone() {
        check(TREE, &["tests/test_low.py"], expect!["tests/test_low.py"]).await;
        check(
            TREE,
            &["tests/test_gone.py", "src/app/gone.py"],
            expect![""],
        )
        .await;
        let new = [("app.py", ""), ("deep/test_new.py", "")];
        check(&new, &["deep/test_new.py"], expect!["deep/test_new.py"]).await;
    }

    #[tokio::test]
    async fn an_import_of_a_file_that_is_gone_counts() {
        let tree = [
            ("app/__init__.py", ""),
            ("test_a.py", "from app import gone\n"),
            ("test_b.py", "import app\n"),
        ];
        check(&tree, &["app/gone.py"], expect!["test_a.py"]).await;
        check(
            &tree[1..],
            &["app/__init__.py"],
            expect!["test_a.py test_b.py"],
        )
        .await;
    }

    #[tokio::test]
    async fn what_is_imported_by_its_name_as_text_counts() {
        let app = [
            ("pkg/__init__.py", ""),
            ("pkg/a.py", ""),
            ("pkg/b.py", ""),
            ("tool.py", ""),
        ];
        for (text, want) in [
            ("importlib.import_module('pkg.a')", "test_it.py"),
            ("importlib.import_module('.a', package='pkg')", "test_it.py"),
            ("__import__('pkg.a')", "test_it.py"),
            ("mock.patch('pkg.a.name.part')", "test_it.py"),
            ("TABLE = {'x': 'pkg.a:main'}", "test_it.py"),
            ("run([sys.executable, '-m', 'pkg.a'])", "test_it.py"),
            ("run([sys.executable, 'pkg/a.py'])", "test_it.py"),
            ("pytest_plugins = ['pkg.a']", "test_it.py"),
            ("importlib.import_module(f'pkg.{name}')", "test_it.py"),
            ("importlib.import_module('pkg.' + name)", "test_it.py"),
            ("importlib.import_module(name)", "test_it.py"),
            ("from pkg import *", "test_it.py"),
            ("importlib.import_module('pkg.b')", ""),
            ("run([sys.executable, '-m', 'tool'])", ""),
            ("'see pkg.a for more'", ""),
            ("import pkg.b", ""),
            ("def broken(:", ""),
        ] {
            let mut files = app.to_vec();
            files.push(("test_it.py", text));
            let tree = FolderWorkspace::new(files).running(run_for_real);
            let reach = Reach::read(&tree, &[]).await.expect("Python is there");
            let tests = BTreeSet::from(["test_it.py".to_owned()]);
            let Affected::Files(found) = reach.affected(&tests, &["pkg/a.py"]) else {
                panic!("{text}: everything");
            };
            assert_eq!(found.join(" "), want, "{text}");
        }
    }

    #[tokio::test]
    async fn neighbours_and_namespaces_are_found() {
        let tree = [
            ("tests/__init__.py", ""),
            ("tests/tools.py", ""),
            ("tests/test_a.py", "import tools\n"),
            ("lib/space/part/mod.py", ""),
            ("tests/test_b.py", "import space.part.mod\n"),
            ("tests/test_c.py", "from space.part import mod\n"),
        ];
        check(&tree, &["tests/tools.py"], expect!["tests/test_a.py"]).await;
        check(
            &tree,
            &["lib/space/part/mod.py"],
            expect!["tests/test_b.py tests/test_c.py"],
        )
        .await;
        check(
            &tree,
            &["tests/__init__.py"],
            expect!["tests/test_a.py tests/test_b.py tests/test_c.py"],
        )
        .await;
    }

    #[tokio::test]
    async fn data_may_be_read_by_any_test_and_prose_by_those_that_name_it() {
        let tree = [
            ("app.py", ""),
            ("test_a.py", "import app\n"),
            ("doc.rst", ""),
        ];
        check(
            &tree,
            &["data.json"],
            expect!["everything: any test may read `data.json`"],
        )
        .await;
        check(&tree, &["CHANGES.md", "app.py"], expect!["test_a.py"]).await;
        check(&tree, &["doc.rst"], expect!["doc.rst"]).await;
        let reads = [("app.py", "open('docs/CHANGES.md')\n"), ("test_a.py", "")];
        check(
            &reads,
            &["CHANGES.md"],
            expect!["everything: any test may read `CHANGES.md`"],
        )
        .await;
        check(
            &tree,
            &["lib/sitecustomize.py"],
            expect!["everything: Python itself imports `lib/sitecustomize.py`"],
        )
        .await;
    }

    #[tokio::test]
    async fn a_plugin_of_the_test_runner_holds_for_every_test() {
        let tree = [
            ("setup.cfg", "[tool:pytest]\naddopts = -q -p app.plugin\n"),
            ("app/plugin.py", "import app.low\n"),
            ("app/low.py", ""),
            ("app/high.py", ""),
            ("test_a.py", ""),
        ];
        check(
            &tree,
            &["app/low.py"],
            expect!["everything: the test runner itself is run with it"],
        )
        .await;
        check(&tree, &["app/high.py"], expect![""]).await;
        let entry = [
            (
                "pyproject.toml",
                "[project.entry-points.pytest11]\na = 'a'\n",
            ),
            ("a.py", ""),
        ];
        check(
            &entry,
            &["a.py"],
            expect!["everything: the repository is a plugin of the test runner itself"],
        )
        .await;
    }

    #[tokio::test]
    async fn a_tree_that_can_not_be_read_says_so() {
        let tree = FolderWorkspace::new([("a.py", "")]);
        let reach = Reach::read(&tree, &[])
            .await
            .expect("a program that is missing ends");
        let found = reach.affected(&BTreeSet::new(), &["a.py"]);
        assert!(matches!(found, Affected::Everything { .. }), "{found:?}");
        let half = br#"{"path": "a.py", "imports": [], "words": [], "below": [], "open": false}"#;
        assert!(facts(half).is_none());
        assert!(facts(&[&half[..], b"\n{\"files\": 2}\n"].concat()).is_none());
        assert!(facts(&[&half[..], b"\n{\"files\": 1}\n"].concat()).is_some());
    }
}
