//! From declarations to tests that run: what is installed, how often, and whose code is imported.

use std::sync::Arc;

use protocol::{Workspace, WorkspaceError};

use crate::world::{World, run, says};

const PROJECT: &str = "[project]\nname = 'shapes'\nversion = '1.2'\nrequires-python = '>=3.8'\ndependencies = ['iniconfig']\n\
    [project.optional-dependencies]\ntest = ['pytest', 'six']\n[project.scripts]\nshapes = 'shapes:main'\n\
    [build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n";

#[tokio::test]
async fn an_environment_is_installed_once_and_later_runs_start_nothing() {
    let world = World::with(&[
        ("requirements.txt", "iniconfig\n"),
        (
            "test_a.py",
            "import iniconfig\nimport subprocess, sys\ndef test_a(): pass\n\
             def test_pip(): subprocess.run([sys.executable, '-m', 'pip', '--version'], check=True)\n",
        ),
    ])
    .await;
    let first = world.checkout("one", world.environments().await).await;
    let environment = first.set_up().await.expect("it can be installed");
    assert!(!environment.cached);
    assert_eq!(environment.sources, ["requirements.txt"]);
    assert!(
        says(&first, &["python", "-m", "pytest", "-q"])
            .await
            .contains("2 passed"),
        "pip is there as in any environment, though nobody declares it"
    );
    assert!(
        says(&first, &["ruff", "--version"])
            .await
            .starts_with("ruff ")
    );

    let places = world.places().await;
    let later = Arc::new(world.environments_in(places));
    let second = world.checkout("two", later).await;
    let again = second.set_up().await.expect("it is there");
    assert!(again.cached);
    assert_eq!(again.key, environment.key);
    assert_eq!(
        world.doors_asked_for(),
        0,
        "nothing is found out or installed"
    );
    assert!(
        says(&second, &["python", "-m", "pytest", "-q"])
            .await
            .contains("2 passed")
    );
}

#[tokio::test]
async fn two_runs_at_once_install_one_environment() {
    let world = World::with(&[("requirements.txt", "six\n")]).await;
    let one = world.checkout("one", world.environments().await).await;
    let two = world.checkout("two", world.environments().await).await;
    let (one, two) = tokio::join!(one.set_up(), two.set_up());
    let (one, two) = (one.expect("one is ready"), two.expect("two is ready"));
    assert_eq!(one.key, two.key);
    assert_ne!(one.cached, two.cached, "one waits for the other");
}

#[tokio::test]
async fn each_tree_imports_its_own_code_and_metadata_is_there() {
    let world = World::with(&[
        ("pyproject.toml", PROJECT),
        (
            "src/shapes/__init__.py",
            "from shapes.area import AREA\ndef main(): print(AREA)\n",
        ),
        ("src/shapes/area.py", "AREA = 1\n"),
        (
            "tests/test_shapes.py",
            "from shapes import AREA\ndef test_area(): assert AREA == 1\n",
        ),
    ])
    .await;
    let base = world.checkout("one", world.environments().await).await;
    let environment = base.set_up().await.expect("it can be installed");
    assert_eq!(environment.sources, ["pyproject.toml [test]"]);
    let tree = base.snapshot().await.expect("a snapshot");
    let work = base.fork(&tree).await.expect("a fork");
    work.write("src/shapes/area.py", b"AREA = 2\n")
        .await
        .expect("a write");
    work.write("src/shapes/more.py", b"MORE = 3\n")
        .await
        .expect("a write");

    let area = ["python", "-c", "import shapes; print(shapes.AREA)"];
    assert_eq!(says(&base, &area).await, "1");
    assert_eq!(says(&*work, &area).await, "2");
    assert_eq!(says(&*work, &["shapes"]).await, "2", "its scripts too");
    assert_eq!(
        says(
            &*work,
            &[
                "python",
                "-I",
                "-c",
                "from shapes.more import MORE; print(MORE)"
            ]
        )
        .await,
        "3"
    );
    let version = [
        "python",
        "-c",
        "import importlib.metadata as m; print(m.version('shapes'))",
    ];
    assert_eq!(says(&*work, &version).await, "1.2");
    assert!(says(&base, &["pytest", "-q"]).await.contains("1 passed"));
    assert!(!run(&*work, &["pytest", "-q"]).await.succeeded());
    // A module that a change deletes is gone, whatever was installed.
    work.delete("src/shapes/area.py").await.expect("a deletion");
    assert!(
        run(&*work, &area)
            .await
            .stderr
            .text
            .contains("No module named 'shapes.area'")
    );
}

#[tokio::test]
async fn files_that_only_the_build_makes_are_found_beside_the_trees_own() {
    let script = "from setuptools import setup\nfrom setuptools.command.build_py import build_py\nimport os\n\
        class Build(build_py):\n    def run(self):\n        super().run()\n\
        \x20       open(os.path.join(self.build_lib, 'flat', '_made.py'), 'w').write('MADE = 7\\n')\n\
        setup(name='flat', version='0.1', packages=['flat'], cmdclass={'build_py': Build}, install_requires=['iniconfig'])\n";
    let world = World::with(&[("setup.py", script), ("flat/__init__.py", "")]).await;
    let base = world.checkout("one", world.environments().await).await;
    let environment = base.set_up().await.expect("it can be installed");
    assert_eq!(environment.sources, ["setup.py"]);
    let made = [
        "python",
        "-c",
        "import flat._made, flat, iniconfig, os; print(flat._made.MADE, os.path.relpath(flat.__file__))",
    ];
    let said = says(&base, &made).await;
    // Relative to where it ran, so that it is of this very tree.
    assert_eq!(said, "7 flat/__init__.py");
}

#[tokio::test]
async fn a_requirement_that_does_not_exist_blocks_with_the_command_and_the_words_of_uv() {
    let world = World::with(&[("requirements.txt", "iniconfig==999.0\n")]).await;
    let checkout = world.checkout("one", world.environments().await).await;
    let error = checkout.set_up().await;
    let Err(WorkspaceError::Blocked { command, tail }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(command, "uv pip install iniconfig==999.0 pytest");
    assert!(tail.contains("iniconfig==999.0"), "{tail}");
}

#[tokio::test]
async fn a_repository_with_a_uv_lock_gets_what_the_lock_fixes() {
    let lock = include_str!("../../../../fixtures/python/uv.lock");
    let project = "[project]\nname = 'locked'\nversion = '1'\nrequires-python = '>=3.8'\ndependencies = ['iniconfig']\n";
    let world = World::with(&[
        ("pyproject.toml", project),
        ("uv.lock", lock),
        ("locked.py", "X = 1\n"),
    ])
    .await;
    let checkout = world.checkout("one", world.environments().await).await;
    let environment = checkout.set_up().await.expect("it can be installed");
    assert_eq!(environment.sources, ["uv.lock"]);
    let version = [
        "python",
        "-c",
        "import locked, importlib.metadata as m; print(m.version('iniconfig'))",
    ];
    assert_eq!(says(&checkout, &version).await, "2.0.0");
}

#[tokio::test]
async fn the_repositorys_own_command_installs_instead() {
    let world = World::with(&[
        ("pyproject.toml", "[tool.pipeline]\ninstall_command = 'pip install -q -e .'\n"),
        ("setup.py", "from setuptools import setup\nsetup(name='own', version='3', package_dir={'': 'lib'}, packages=['own'])\n"),
        ("lib/own/__init__.py", "X = 5\n"),
    ])
    .await;
    let checkout = world.checkout("one", world.environments().await).await;
    let environment = checkout.set_up().await.expect("it can be installed");
    assert_eq!(environment.sources, ["pyproject.toml [tool.pipeline]"]);
    let own = "import own, os; print(own.X, os.path.relpath(own.__file__))";
    let said = says(&checkout, &["python", "-c", own]).await;
    assert_eq!(said, "5 lib/own/__init__.py");
}

#[tokio::test]
async fn a_build_reaches_neither_the_shared_downloads_nor_anything_else_of_ours() {
    let script = "import os, pathlib\n\
        cache = pathlib.Path(os.environ['VIRTUAL_ENV']).parent.parent\n\
        seen = [p for p in ('downloads', 'tools', 'environments') if (cache / p).is_dir() and os.access(cache / p, os.W_OK)]\n\
        keys = [k for k in os.environ if 'KEY' in k or 'TOKEN' in k]\n\
        home = os.path.exists('/root/.ssh') or os.path.exists('/etc/shadow')\n\
        from setuptools import setup\n\
        setup(name='nosy', version='1', py_modules=['nosy'], description=f'{seen}{keys}{home}')\n";
    let world = World::with(&[("setup.py", script), ("nosy.py", "")]).await;
    let checkout = world.checkout("one", world.environments().await).await;
    checkout.set_up().await.expect("it can be installed");
    let summary = [
        "python",
        "-c",
        "import importlib.metadata as m; print(m.metadata('nosy')['Summary'])",
    ];
    assert_eq!(says(&checkout, &summary).await, "[][]False");
}

/// A package whose `.pth` file runs whenever its environment's Python starts, and then tries to change the
/// downloads that the environments of all repositories are made from.
const POISON: &str = r#"
import zipfile
code = "import os, pathlib; c = pathlib.Path(os.environ.get('VIRTUAL_ENV', '/none')).parent.parent / 'downloads'; c.is_dir() and os.access(c, os.W_OK) and (c / 'poisoned').touch()\n"
with zipfile.ZipFile('evil-1-py3-none-any.whl', 'w') as wheel:
    wheel.writestr('evil.pth', code)
    wheel.writestr('evil.py', 'X = 7')
    wheel.writestr('evil-1.dist-info/METADATA', 'Metadata-Version: 2.1\nName: evil\nVersion: 1\n')
    wheel.writestr('evil-1.dist-info/WHEEL', 'Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
    wheel.writestr('evil-1.dist-info/RECORD', 'evil.pth,,\nevil.py,,\nevil-1.dist-info/METADATA,,\nevil-1.dist-info/WHEEL,,\nevil-1.dist-info/RECORD,,\n')
"#;

#[tokio::test]
async fn code_of_a_ready_made_package_does_not_reach_the_shared_downloads() {
    let world = World::with(&[]).await;
    world.prepare("python3", &["-c", POISON]);
    let wheel = "evil @ ./evil-1-py3-none-any.whl\niniconfig\n";
    world.commit(&[("requirements.txt", wheel)]);
    let checkout = world.checkout("one", world.environments().await).await;
    checkout.set_up().await.expect("it can be installed");
    assert_eq!(
        says(&checkout, &["python", "-c", "import evil; print(evil.X)"]).await,
        "7"
    );
    let downloads = world.path("cache/downloads");
    assert!(downloads.is_dir(), "ready-made packages come from there");
    assert!(!downloads.join("poisoned").exists());
}

#[tokio::test]
async fn after_a_repositorys_own_commands_nothing_is_shared() {
    let command = "[tool.pipeline]\ninstall_command = 'pip install -q ./evil-1-py3-none-any.whl'\n";
    let world = World::with(&[("pyproject.toml", command)]).await;
    world.prepare("python3", &["-c", POISON]);
    world.commit(&[]);
    let checkout = world.checkout("one", world.environments().await).await;
    checkout.set_up().await.expect("it can be installed");
    assert_eq!(
        says(&checkout, &["python", "-c", "import evil; print(evil.X)"]).await,
        "7"
    );
    assert!(!world.path("cache/downloads/poisoned").exists());
}

#[tokio::test]
async fn code_of_one_repository_runs_in_no_other_repositorys_environment() {
    let files = [
        (
            "setup.py",
            "from setuptools import setup\nimport helper\nsetup(name='own', version='1', py_modules=['helper'])\n",
        ),
        ("helper.py", ""),
    ];
    let (one, other) = (World::with(&files).await, World::with(&files).await);
    let mut keys = Vec::new();
    for world in [&one, &one, &other] {
        let environments = Arc::new(world.environments_in(one.places().await));
        let run = format!("run-{}", keys.len());
        let checkout = world.checkout(&run, environments).await;
        keys.push(checkout.set_up().await.expect("it can be installed").key);
    }
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[0], keys[2]);
}

#[tokio::test]
async fn what_developers_need_besides_is_left_out_where_it_can_not_be_installed() {
    let check = async |files: &[(&str, &str)], sources: &[&str]| {
        let tests = ("test_a.py", "import six\ndef test_a(): pass\n");
        let world = World::with(&[files, &[tests]].concat()).await;
        let checkout = world.checkout("one", world.environments().await).await;
        let environment = checkout.set_up().await.expect("its tests need no more");
        assert_eq!(environment.sources, sources);
        let [note] = &environment.notes[..] else {
            panic!("{:?}", environment.notes);
        };
        assert!(
            note.contains("with the newest releases of what tests need"),
            "{note}"
        );
        assert!(note.contains("iniconfig"), "{note}");
        let tested = says(&checkout, &["python", "-m", "pytest", "-q"]).await;
        assert!(tested.contains("1 passed"), "{tested}");
    };
    check(
        &[(
            "pyproject.toml",
            "[dependency-groups]\ntest = ['pytest', 'six']\ndocs = ['iniconfig>=999']\n\
             dev = [{ include-group = 'test' }, { include-group = 'docs' }]\n",
        )],
        &["pyproject.toml [test]"],
    )
    .await;
    check(
        &[
            ("requirements-test.txt", "pytest\nsix\n"),
            (
                "requirements-dev.txt",
                "-r requirements-test.txt\niniconfig>=999\n",
            ),
        ],
        &["requirements-test.txt"],
    )
    .await;
}
