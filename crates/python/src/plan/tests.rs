//! What is detected in repositories of many kinds.

use expect_test::{Expect, expect};

mod layouts;

use super::*;
use crate::declared::gather;

#[track_caller]
fn check(files: &[(&str, &str)], expected: Expect) {
    let files = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    let declared = {
        let all: BTreeMap<String, String> = files.collect();
        gather(all.keys().cloned(), |it| {
            all.get(it).map(|it| it.clone().into_bytes())
        })
    };
    let shown = match Plan::of(&declared, None) {
        Ok(plan) => show(&plan),
        Err((path, why)) => format!("{path}: {why}\n"),
    };
    expected.assert_eq(&shown);
}

fn show(plan: &Plan) -> String {
    let mut text = format!("from     {}\n", plan.sources.join(", "));
    let mut line = |name: &str, values: &[String]| {
        if !values.is_empty() {
            text += &format!("{name:8} {}\n", values.join(" | "));
        }
    };
    line("command", &plan.commands);
    line("needs", &plan.requirements);
    line("fixed", &plan.constraints);
    let projects: Vec<String> = plan
        .projects
        .iter()
        .map(|it| {
            let how = if it.with_dependencies {
                "and what it needs"
            } else {
                "alone"
            };
            format!("{:?}{:?} {how}", it.path, it.extras)
        })
        .collect();
    line("builds", &projects);
    for locked in &plan.locked {
        line(
            "locked",
            &[format!(
                "extras {:?} groups {:?}",
                locked.extras, locked.groups
            )],
        );
    }
    line(
        "python",
        &[plan.python.as_str().to_owned()]
            .map(|it| it)
            .into_iter()
            .filter(|it| !it.is_empty())
            .collect::<Vec<_>>(),
    );
    line("wish", &plan.python_wishes);
    let tested = plan.python_tested.iter();
    line(
        "tested",
        &tested
            .map(|it| format!("{}.{}", it.0, it.1))
            .collect::<Vec<_>>(),
    );
    line("folders", &plan.folders);
    line(
        "tests in",
        plan.test_folder
            .split_inclusive('\n')
            .map(str::to_owned)
            .collect::<Vec<_>>()
            .as_slice(),
    );
    line("notes", &plan.notes);
    line("paths", &plan.source_paths);
    text
}

#[test]
fn a_folder_of_code_gets_pytest_alone() {
    check(
        &[],
        expect![[r#"
        from     nothing declared, so pytest alone
        needs    pytest
    "#]],
    );
    check(
        &[("README.md", "x"), ("a.py", "import os")],
        expect![[r#"
        from     nothing declared, so pytest alone
        needs    pytest
    "#]],
    );
}

#[test]
fn the_standard_tables_of_pyproject() {
    check(
        &[(
            "pyproject.toml",
            "[project]\nname='my.pkg'\nversion='1'\nrequires-python='>=3.9'\ndependencies=['attrs>=20']\n\
            [project.optional-dependencies]\ntest=['pytest>=7','hypothesis']\ndocs=['sphinx']\ndev=['my_pkg[test,lint]','tox']\nlint=['ruff']\n\
            [build-system]\nrequires=['hatchling']\nbuild-backend='hatchling.build'\n",
        )],
        expect![[r#"
            from     pyproject.toml [dev, test]
            needs    attrs>=20 | pytest>=7 | hypothesis | tox | ruff
            builds   ""[] alone
            python   >=3.9
        "#]],
    );
    check(
        &[(
            "pyproject.toml",
            "[project]\nname='a'\nversion='1'\ndependencies=['six']\n[dependency-groups]\ntest=['pytest',{include-group='typing'}]\n\
            typing=['mypy',{include-group='test'}]\ndocs=['sphinx']\n",
        )],
        expect![[r#"
            from     pyproject.toml [test]
            needs    six | pytest | mypy
        "#]],
    );
    check(
        &[(
            "pyproject.toml",
            "[project]\nname='a'\ndynamic=['version','dependencies']\n[project.optional-dependencies]\ntests=['pytest']\n\
            [build-system]\nrequires=['setuptools','Cython>=3']\n",
        )],
        expect![[r#"
            from     pyproject.toml [tests]
            needs    pytest
            builds   ""["tests"] and what it needs
        "#]],
    );
}

#[test]
fn a_uv_lock_comes_before_everything_else() {
    check(
        &[
            (
                "pyproject.toml",
                "[project]\nname='a'\nversion='1'\n[project.optional-dependencies]\ntest=['six']\n[dependency-groups]\ndev=['pytest']\n[build-system]\nrequires=['hatchling']\n",
            ),
            ("uv.lock", "version = 1\n"),
            ("requirements-dev.txt", "black\n"),
        ],
        expect![[r#"
            from     uv.lock [test, dev]
            needs    pytest
            builds   ""[] alone
            locked   extras ["test"] groups ["dev"]
        "#]],
    );
    check(
        &[
            (
                "pyproject.toml",
                "[project]\nname='a'\nversion='1'\n[tool.uv]\npackage=false\n[build-system]\nrequires=['hatchling']\n",
            ),
            ("uv.lock", "version = 1\n"),
        ],
        expect![[r#"
            from     uv.lock
            needs    pytest
            locked   extras [] groups []
        "#]],
    );
}

#[test]
fn poetry_with_and_without_its_lock() {
    let project = "[tool.poetry]\nname='a'\nversion='1'\n[tool.poetry.dependencies]\npython='^3.9'\nattrs='^23.1'\nredis={version='^5',optional=true}\n\
        [tool.poetry.group.dev.dependencies]\npytest='^8.0'\n[tool.poetry.group.docs.dependencies]\nsphinx='*'\n[build-system]\nrequires=['poetry-core']\n";
    check(
        &[("pyproject.toml", project)],
        expect![[r#"
        from     pyproject.toml
        needs    attrs>=23.1,<24 | pytest>=8.0,<9
        builds   ""[] alone
        python   ^3.9
    "#]],
    );
    check(
        &[
            ("pyproject.toml", project),
            (
                "poetry.lock",
                "[[package]]\nname='attrs'\nversion='23.2.0'\n[[package]]\nname='pytest'\nversion='8.0.1'\n",
            ),
        ],
        expect![[r#"
            from     poetry.lock, pyproject.toml
            needs    attrs>=23.1,<24 | pytest>=8.0,<9
            fixed    attrs==23.2.0 | pytest==8.0.1
            builds   ""[] alone
            python   ^3.9
        "#]],
    );
    check(
        &[(
            "pyproject.toml",
            "[tool.poetry]\nname='a'\npackage-mode=false\n[tool.poetry.dev-dependencies]\npytest='*'\n[build-system]\nrequires=['poetry-core']\n",
        )],
        expect![[r#"
            from     pyproject.toml
            needs    pytest
        "#]],
    );
}

#[test]
fn the_development_groups_of_other_tools() {
    check(
        &[(
            "pyproject.toml",
            "[project]\nname='a'\nversion='1'\n[tool.pdm.dev-dependencies]\ntest=['pytest','-e file:///x']\ndoc=['sphinx']\n\
            [tool.uv]\ndev-dependencies=['mypy']\n[tool.hatch.envs.test]\ndependencies=['hypothesis','a @ {root:uri}']\n",
        )],
        expect![[r#"
            from     pyproject.toml
            needs    mypy | pytest | hypothesis
        "#]],
    );
    check(
        &[(
            "Pipfile.lock",
            r#"{"default": {"six": {"version": "==1.16.0"}}, "develop": {"pytest": {"version": "==8.0.0"}}}"#,
        )],
        expect![[r#"
            from     Pipfile.lock
            needs    six==1.16.0 | pytest==8.0.0
        "#]],
    );
}

#[test]
fn requirements_files_by_their_names() {
    check(
        &[
            ("requirements.txt", "six\n"),
            (
                "requirements-dev.txt",
                "-r requirements.txt\npytest\nblack\n",
            ),
            ("requirements-docs.txt", "sphinx\n"),
        ],
        expect![[r#"
            from     requirements-dev.txt
            needs    six | pytest | black
        "#]],
    );
    check(
        &[
            ("requirements/base.txt", "six\n"),
            (
                "requirements/test.txt",
                "-r base.txt\n-c ../constraints.txt\npytest\n",
            ),
            ("constraints.txt", "six<2\n"),
        ],
        expect![[r#"
            from     requirements/base.txt, requirements/test.txt
            needs    six | pytest
            fixed    six<2
        "#]],
    );
    check(
        &[
            ("setup.py", "setup(name='a')"),
            ("requirements.txt", "pinned==1\n"),
            ("dev_requirements.txt", "-e .[all]\nmock\n"),
        ],
        expect![[r#"
            from     setup.py, dev_requirements.txt, requirements.txt
            needs    mock | pinned==1 | pytest
            builds   ""["all"] and what it needs
        "#]],
    );
    check(
        &[
            ("tests/requirements.txt", "mock\n"),
            ("pkg/requirements.txt", "no\n"),
        ],
        expect![[r#"
            from     tests/requirements.txt
            needs    mock | pytest
        "#]],
    );
}

#[test]
fn requirements_txt_counts_where_nothing_else_says_what_the_code_needs() {
    let files = |script| [("setup.py", script), ("requirements.txt", "six\n")];
    check(
        &files("setup(name='a')"),
        expect![[r#"
            from     setup.py, requirements.txt
            needs    six | pytest
            builds   ""[] and what it needs
        "#]],
    );
    check(
        &files("setup(name='a', install_requires=['x'])"),
        expect![[r#"
        from     setup.py
        needs    pytest
        builds   ""[] and what it needs
    "#]],
    );
    check(
        &[
            ("pyproject.toml", "[project]\nname='a'\ndependencies=[]\n"),
            ("requirements.txt", "six\n"),
        ],
        expect![[r#"
            from     nothing declared, so pytest alone
            needs    pytest
        "#]],
    );
}

#[test]
fn packages_that_setup_py_or_setup_cfg_describes() {
    check(
        &[(
            "setup.py",
            "from setuptools import setup\nsetup(name='a', python_requires='>=3.7', extras_require={'test': ['x'], \"docs\": ['y']}, tests_require=['mock', \"nose\"])",
        )],
        expect![[r#"
            from     setup.py [test]
            needs    mock | nose | pytest
            builds   ""["test"] and what it needs
            python   >=3.7
        "#]],
    );
    check(
        &[
            (
                "setup.cfg",
                "[metadata]\nname = a\n[options]\npython_requires = >=3.8\ntests_require =\n  mock\n  # no\n  six # yes\n[options.extras_require]\ntesting =\n  pytest\nall =\n  test\n",
            ),
            (
                "pyproject.toml",
                "[build-system]\nrequires=['setuptools']\n[tool.black]\n",
            ),
        ],
        expect![[r#"
            from     setup.cfg [testing]
            needs    mock | six | pytest
            builds   ""["testing"] and what it needs
            python   >=3.8
        "#]],
    );
    check(
        &[("setup.cfg", "[flake8]\nmax-line-length = 100\n")],
        expect![[r#"
        from     nothing declared, so pytest alone
        needs    pytest
    "#]],
    );
    check(
        &[("setup.py", "setup(ext_modules=[Extension('a', ['a.c'])])")],
        expect![[r#"
        from     setup.py
        needs    pytest
        builds   ""[] and what it needs
    "#]],
    );
}

#[test]
fn tox_and_nox_are_asked_where_nothing_else_speaks_of_tests() {
    let tox = "[tox]\nenvlist = py311\n[testenv]\ndeps =\n    pytest\n    py37: old\n    -rtests/needs.txt\n    {env:X}\n    -r{toxinidir}/more.txt\nextras = fast\ncommands = pytest\n[testenv:docs]\ndeps = sphinx\n";
    check(
        &[
            ("setup.py", "setup(name='a')"),
            ("tox.ini", tox),
            ("tests/needs.txt", "mock\n"),
            ("more.txt", "six\n"),
        ],
        expect![[r#"
            from     setup.py, tox.ini
            needs    pytest | mock | six
            builds   ""["fast"] and what it needs
            tested   3.11
        "#]],
    );
    check(
        &[("tox.ini", tox), ("requirements-test.txt", "pytest\n")],
        expect![[r#"
            from     requirements-test.txt
            needs    pytest
            tested   3.11
        "#]],
    );
    check(
        &[(
            "noxfile.py",
            "import nox\n@nox.session\ndef docs(session):\n    session.install('sphinx')\n@nox.session\ndef tests(session):\n    session.install('-e', '.', 'pytest', \"mock\")\n    session.run('pytest')\n",
        )],
        expect![[r#"
            from     noxfile.py
            needs    pytest | mock
            builds   ""[] and what it needs
        "#]],
    );
}

#[test]
fn the_repositorys_own_word_comes_first() {
    check(
        &[
            (
                "pyproject.toml",
                "[project]\nname='a'\n[tool.pipeline]\ninstall_command='pip install -e .[x]'\nsource_paths=['lib']\n",
            ),
            ("uv.lock", ""),
        ],
        expect![[r#"
            from     pyproject.toml [tool.pipeline]
            command  pip install -e .[x]
            needs    pytest
            paths    lib
        "#]],
    );
    check(
        &[("pyproject.toml", "[tool.pipeline]\nbudget=3\n")],
        expect![[r#"
        pyproject.toml: [tool.pipeline]: unknown field `budget`, expected one of `install_command`, `test_command`, `source_paths`
    "#]],
    );
    check(
        &[("pyproject.toml", "[project\n")],
        expect![[r#"
        pyproject.toml: unclosed table, expected `]`
    "#]],
    );
    check(
        &[("poetry.lock", "{")],
        expect![[r#"
        poetry.lock: invalid key-value pair, expected key
    "#]],
    );
    check(
        &[(".python-version", "3.12\n"), ("a.py", "")],
        expect![[r#"
        from     nothing declared, so pytest alone
        needs    pytest
        wish     3.12
    "#]],
    );
}

#[test]
fn declarations_nested_beyond_reason_are_told_and_overflow_nothing() {
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    for path in ["pyproject.toml", "uv.lock", "poetry.lock", "Pipfile"] {
        let text = format!("x = {open}{close}\n");
        let _either = Plan::of(&one(path, text), None);
        let text = format!("{}x = 1\n", "a.".repeat(100_000));
        let _either = Plan::of(&one(path, text), None);
    }
}

fn one(path: &str, text: String) -> Declared {
    Declared {
        files: BTreeMap::from([(path.to_owned(), text)]),
        tests: Vec::new(),
    }
}
