//! What is detected in repositories with several projects, and in groups with names of their own.

use super::*;
use crate::declared::gather;

#[test]
fn members_of_a_workspace_with_a_virtual_root_are_installed() {
    let member = |name: &str, needs: &str| {
        format!(
            "[project]\nname='{name}'\nversion='1'\ndependencies=['{needs}']\n[build-system]\nrequires=['hatchling']\n[tool.uv.sources]\ntally={{workspace=true}}\n"
        )
    };
    let (tally, ledger) = (member("tally", "attrs"), member("ledger", "tally"));
    let root = "[tool.uv.workspace]\nmembers=['packages/*']\nexclude=['packages/old']\n[dependency-groups]\ndev=['pytest>=7']\n";
    let files = [
        ("pyproject.toml", root),
        ("packages/tally/pyproject.toml", tally.as_str()),
        ("packages/ledger/pyproject.toml", ledger.as_str()),
        ("packages/old/pyproject.toml", tally.as_str()),
        ("packages/tally/tests/test_a.py", ""),
    ];
    check(
        &files,
        expect![[r#"
        from     pyproject.toml [dev], packages/ledger/pyproject.toml, packages/tally/pyproject.toml
        needs    pytest>=7 | tally | attrs
        builds   "packages/ledger"[] alone | "packages/tally"[] alone
        tests in packages/tally
    "#]],
    );
    check(
        &[&files[..], &[("uv.lock", "version = 1\n")]].concat(),
        expect![[r#"
        from     uv.lock [dev]
        needs    pytest
        builds   "packages/ledger"[] alone | "packages/tally"[] alone
        locked   extras [] groups ["dev"]
        tests in packages/tally
    "#]],
    );
}

#[test]
fn the_project_below_the_root_that_has_the_tests_is_set_up() {
    let backend = "[project]\nname='app'\nversion='1'\ndependencies=['attrs']\n[dependency-groups]\ndev=['pytest']\n";
    let other = "[project]\nname='other'\nversion='1'\ndependencies=['six']\n";
    check(
        &[
            ("backend/pyproject.toml", backend),
            ("backend/tests/test_a.py", ""),
            ("worker/pyproject.toml", other),
            ("docs/pyproject.toml", other),
        ],
        expect![[r#"
            from     backend/pyproject.toml [dev]
            needs    attrs | pytest
            folders  backend
            tests in backend
        "#]],
    );
    check(
        &[("backend/pyproject.toml", backend), ("backend/a.py", "")],
        expect![[r#"
            from     backend/pyproject.toml [dev]
            needs    attrs | pytest
            folders  backend
            tests in backend
        "#]],
    );
    check(
        &[
            ("backend/pyproject.toml", backend),
            ("backend/tests/test_a.py", ""),
            ("worker/requirements/test.txt", "six\npytest\n"),
            ("worker/test_b.py", ""),
        ],
        expect![[r#"
            from     backend/pyproject.toml [dev], worker/requirements/test.txt
            needs    attrs | pytest | six
            folders  backend | worker
        "#]],
    );
    check(
        &[
            ("requirements.txt", "django\n"),
            ("site_/manage.py", ""),
            ("site_/shop/tests.py", ""),
        ],
        expect![[r#"
            from     requirements.txt
            needs    django | pytest
            folders  site_
            tests in site_
        "#]],
    );
    // A package at the root is the project, whatever else lies below it.
    check(
        &[
            ("setup.py", "setup()"),
            ("tools/x/pyproject.toml", backend),
            ("tools/x/test_a.py", ""),
        ],
        expect![[r#"
            from     setup.py
            needs    pytest
            builds   ""[] and what it needs
        "#]],
    );
}

#[test]
fn groups_and_extras_are_known_by_what_they_hold() {
    check(
        &[(
            "pyproject.toml",
            "[project]\nname='a'\nversion='1'\n[project.optional-dependencies]\nqa=['pytest','six']\ndocs=['sphinx']\n",
        )],
        expect![[r#"
            from     pyproject.toml [qa]
            needs    pytest | six
        "#]],
    );
    check(
        &[(
            "pyproject.toml",
            "[project]\nname='a'\nversion='1'\n[dependency-groups]\ndev=['ruff']\nchecks=[{include-group='unit'}]\nunit=['pytest-cov']\n",
        )],
        expect![[r#"
            from     pyproject.toml [checks, dev, unit]
            needs    pytest-cov | ruff | pytest
        "#]],
    );
    check(
        &[(
            "pyproject.toml",
            "[tool.poetry]\nname='a'\nversion='1'\n[tool.poetry.dependencies]\npython='~3.11'\n[tool.poetry.group.unit-tests.dependencies]\npytest='*'\nattrs='*'\n[tool.poetry.group.docs.dependencies]\nsphinx='*'\n",
        )],
        expect![[r#"
            from     pyproject.toml
            needs    attrs | pytest
            python   ~3.11
        "#]],
    );
    check(
        &[(
            "setup.py",
            "setup(name='a', extras_require={'quality': ['pytest', 'six'], 'docs': ['sphinx']})",
        )],
        expect![[r#"
            from     setup.py [quality]
            needs    pytest
            builds   ""["quality"] and what it needs
        "#]],
    );
    check(
        &[(
            "setup.cfg",
            "[metadata]\nname = a\n[options.extras_require]\nquality =\n    pytest\ndocs =\n    sphinx\n",
        )],
        expect![[r#"
            from     setup.cfg [quality]
            needs    pytest
            builds   ""["quality"] and what it needs
        "#]],
    );
    check(
        &[
            ("ci-requirements.txt", "pytest\nsix\n"),
            ("requirements-docs.txt", "sphinx\n"),
        ],
        expect![[r#"
            from     ci-requirements.txt
            needs    pytest | six
        "#]],
    );
    check(
        &[(
            "pyproject.toml",
            "[tool.hatch.envs.unit]\ndependencies=['pytest']\n[tool.hatch.envs.docs]\ndependencies=['mkdocs']\n",
        )],
        expect![[r#"
            from     pyproject.toml
            needs    pytest
        "#]],
    );
}

#[test]
fn a_package_in_a_folder_of_the_tree_is_built_from_there() {
    check(
        &[
            (
                "pyproject.toml",
                "[project]\nname='a'\nversion='1'\ndependencies=['lib']\n[tool.uv.sources]\nlib={path='libs/lib'}\n",
            ),
            (
                "libs/lib/pyproject.toml",
                "[project]\nname='lib'\nversion='1'\n[build-system]\nrequires=[]\n",
            ),
        ],
        expect![[r#"
            from     pyproject.toml
            needs    lib | pytest
            builds   "libs/lib"[] and what it needs
        "#]],
    );
}

#[test]
fn statements_about_python_are_kept_for_the_choice() {
    check(
        &[
            (".python-version", "# pinned\n3.12\n"),
            ("tox.ini", "[tox]\nenvlist = py37,py38\n"),
            (".github/workflows/ci.yml", "python-version: [3.9]\n"),
        ],
        expect![[r#"
            from     nothing declared, so pytest alone
            needs    pytest
            wish     3.12
            tested   3.7 | 3.8 | 3.9
        "#]],
    );
}

#[test]
fn included_files_are_gathered_and_others_are_not() {
    let files = BTreeMap::from([
        ("tox.ini", "[testenv]\ndeps = -r{toxinidir}/deep/tox.txt\n"),
        ("deep/tox.txt", "six\n"),
        (
            "requirements.txt",
            "-r deep/more.txt\n-r ../out.txt\n-r requirements.txt\n",
        ),
        ("deep/more.txt", "-c pins.txt\n"),
        ("deep/pins.txt", "six<2\n"),
        ("deep/other.txt", "no"),
        ("docs/pyproject.toml", "no"),
        ("notes.txt", "no"),
    ]);
    let paths = files.keys().map(|it| (*it).to_owned());
    let gathered = gather(paths, |it| files.get(it).map(|it| it.as_bytes().to_vec()));
    let names: Vec<&String> = gathered.files.keys().collect();
    assert_eq!(
        names,
        [
            "deep/more.txt",
            "deep/pins.txt",
            "deep/tox.txt",
            "requirements.txt",
            "tox.ini"
        ]
    );
}
