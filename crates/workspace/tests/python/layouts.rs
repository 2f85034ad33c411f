//! Repositories of many shapes: what is set up, where the tests are run, and what is said where that can't be.

use protocol::{Workspace, WorkspaceError};

use crate::world::{World, says};

const MEMBER: &str =
    "[build-system]\nrequires = ['hatchling']\nbuild-backend = 'hatchling.build'\n";

#[tokio::test]
async fn the_members_of_a_workspace_are_installed_and_import_each_other() {
    let tally =
        format!("{MEMBER}[project]\nname = 'tally'\nversion = '1'\ndependencies = ['six']\n");
    let ledger = format!(
        "{MEMBER}[project]\nname = 'ledger'\nversion = '1'\ndependencies = ['tally']\n[tool.uv.sources]\ntally = {{ workspace = true }}\n"
    );
    let world = World::with(&[
        (
            "pyproject.toml",
            "[tool.uv.workspace]\nmembers = ['packages/*']\n[dependency-groups]\ndev = ['pytest']\n",
        ),
        ("packages/tally/pyproject.toml", &tally),
        ("packages/tally/src/tally/__init__.py", "import six\nONE = 1\n"),
        ("packages/tally/tests/test_tally.py", "import tally\ndef test_a(): assert tally.ONE == 1\n"),
        ("packages/ledger/pyproject.toml", &ledger),
        ("packages/ledger/src/ledger/__init__.py", "from tally import ONE\n"),
        ("packages/ledger/tests/test_ledger.py", "import ledger\ndef test_a(): assert ledger.ONE == 1\n"),
    ])
    .await;
    let checkout = world.checkout("one", world.environments().await).await;
    let environment = checkout.set_up().await.expect("it can be installed");
    assert_eq!(environment.test_folder, "");
    let said = says(&checkout, &["python", "-m", "pytest", "-q"]).await;
    assert!(said.contains("2 passed"), "{said}");
    let own = ["python", "-c", "import tally; print(tally.__file__)"];
    let place = "packages/tally/src/tally/__init__.py";
    assert_eq!(says(&checkout, &own).await, place, "the tree's own");
}

#[tokio::test]
async fn the_project_below_the_root_that_has_the_tests_is_set_up_there() {
    let world = World::with(&[
        (
            "backend/pyproject.toml",
            "[project]\nname = 'app'\nversion = '1'\ndependencies = ['six', 'pytest-asyncio']\n[tool.pytest.ini_options]\nasyncio_mode = 'auto'\n",
        ),
        ("backend/app/__init__.py", "import six\n"),
        ("backend/tests/test_a.py", "import app\nasync def test_a(): pass\n"),
        ("frontend/package.json", "{}"),
    ])
    .await;
    let checkout = world.checkout("one", world.environments().await).await;
    let environment = checkout.set_up().await.expect("it can be installed");
    assert_eq!(environment.test_folder, "backend");
    assert_eq!(environment.sources, ["backend/pyproject.toml"]);
}

#[tokio::test]
async fn a_suite_that_can_not_be_collected_blocks_before_anything_is_paid() {
    let world = World::with(&[(
        "test_a.py",
        "import nowhere_to_be_found\ndef test_a(): pass\n",
    )])
    .await;
    let checkout = world.checkout("one", world.environments().await).await;
    match checkout.set_up().await {
        Err(WorkspaceError::Blocked { command, tail }) => {
            assert_eq!(command, "python -m pytest --collect-only");
            for words in [
                "nowhere_to_be_found",
                "tried: Python 3.",
                "install_command = ",
            ] {
                assert!(tail.contains(words), "{tail}");
            }
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_old_base_gets_the_releases_of_its_day_when_those_of_today_do_not_do() {
    let world = World::with(&[]).await;
    std::fs::write(world.path("repo/requirements.txt"), "packaging\npytest\n").expect("a file");
    let test =
        "from packaging.version import LegacyVersion\ndef test_a(): assert LegacyVersion('x')\n";
    std::fs::write(world.path("repo/test_a.py"), test).expect("a file");
    world.git(&["add", "-A"]);
    let date = "2021-05-03T12:00:00Z";
    let dates = ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"].map(|it| format!("{it}={date}"));
    let commit = [
        "-c",
        "user.name=Ada",
        "-c",
        "user.email=ada@example.org",
        "commit",
        "-qm",
        "old",
    ];
    let arguments = [&[dates[0].as_str(), &dates[1], "git"][..], &commit].concat();
    world.prepare("env", &arguments);
    let checkout = world.checkout("one", world.environments().await).await;
    let environment = checkout.set_up().await.expect("it can be installed");
    let said = says(&checkout, &["python", "-m", "pytest", "-q"]).await;
    assert!(said.contains("1 passed"), "{said}");
    let notes = environment.notes.join("\n");
    assert!(notes.contains("with the releases of 2021-05-03"), "{notes}");
    assert!(notes.contains("no test can be collected"), "{notes}");
}

#[tokio::test]
async fn a_pytest_that_can_not_be_spoken_with_is_refused_in_words() {
    let world = World::with(&[("requirements.txt", "pytest==5.4.3\n")]).await;
    let checkout = world.checkout("one", world.environments().await).await;
    match checkout.set_up().await {
        Err(WorkspaceError::Blocked { tail, .. }) => {
            assert!(tail.contains("asks for pytest 5.4.3"), "{tail}");
            assert!(tail.contains("install_command"), "{tail}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_the_base_does_not_hold_is_said() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    let world = World::with(&[
        (".gitattributes", "*.bin filter=lfs\n"),
        ("data/a.bin", pointer),
        ("environment.yml", "dependencies:\n  - numpy\n"),
    ])
    .await;
    world.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        "160000,4b825dc642cb6eb9a060e54bf8d69288fbee4904,vendor/lib",
    ]);
    world.git(&[
        "-c",
        "user.name=A",
        "-c",
        "user.email=a@example.org",
        "commit",
        "-qm",
        "a submodule",
    ]);
    let checkout = world.checkout("one", world.environments().await).await;
    let notes = checkout
        .set_up()
        .await
        .expect("it can be installed")
        .notes
        .join("\n");
    for words in [
        "`vendor/lib`",
        "`data/a.bin`",
        "`environment.yml` asks for conda",
    ] {
        assert!(notes.contains(words), "{notes}");
    }
}

#[tokio::test]
async fn a_django_project_gets_an_environment_whatever_its_test_files_are_called() {
    let settings = "SECRET_KEY = 'x'\nINSTALLED_APPS = ['shop']\n\
        DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'db.sqlite3'}}\n";
    let set = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'pages.settings')\n";
    let model = "from django.db import models\nclass Item(models.Model):\n    name = models.CharField(max_length=9)\n";
    let test = "from django.test import TestCase\nfrom shop.models import Item\n\n\
        class A(TestCase):\n    def test_a(self):\n        assert Item.objects.count() == 0\n";
    let world = World::with(&[
        ("manage.py", set),
        ("requirements.txt", "django\n"),
        ("pages/__init__.py", ""),
        ("pages/settings.py", settings),
        ("shop/__init__.py", ""),
        ("shop/models.py", model),
        ("shop/tests/__init__.py", ""),
        ("shop/tests/test_items.py", test),
    ])
    .await;
    let checkout = world.checkout("one", world.environments().await).await;
    let environment = checkout.set_up().await;
    environment.expect("its tests can be collected once Django has its settings");
}
