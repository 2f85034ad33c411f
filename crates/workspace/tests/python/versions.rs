//! Versions from git: handed to each tool by name, and there to be asked for.

use git::Address;
use protocol::Workspace;
use workspace::checkout::Origin;

use crate::world::{World, says};

const SCM: &str = "[build-system]\nrequires = ['setuptools>=64', 'setuptools_scm>=8']\nbuild-backend = 'setuptools.build_meta'\n\
    [project]\nname = 'Tally.Counter'\ndynamic = ['version']\n[tool.setuptools]\npackages = ['tally']\n";
const VERSION: [&str; 3] = [
    "python",
    "-c",
    "import importlib.metadata as m; print(m.version('tally-counter'))",
];

async fn world(pyproject: &str) -> World {
    World::with(&[("pyproject.toml", pyproject), ("tally/__init__.py", "")]).await
}

#[tokio::test]
async fn a_version_from_git_is_that_of_the_tag() {
    let world = world(&format!("{SCM}[tool.setuptools_scm]\n")).await;
    world.git(&["tag", "v2.1.0"]);
    let checkout = world.checkout("one", world.environments().await).await;
    let environment = checkout.set_up().await.expect("it can be installed");
    assert_eq!(says(&checkout, &VERSION).await, "2.1.0");
    assert_eq!(environment.notes, [""; 0]);
}

#[tokio::test]
async fn commits_after_the_tag_are_counted_in_a_folder_and_over_the_network() {
    let world = world(&format!("{SCM}[tool.setuptools_scm]\n")).await;
    world.git(&["tag", "-a", "-m", "two", "v2.1.0"]);
    world.commit(&[("a.py", "")]);
    world.commit(&[("b.py", "")]);
    let near = world.checkout("one", world.environments().await).await;
    near.set_up().await.expect("it can be installed");
    let version = says(&near, &VERSION).await;
    assert!(version.starts_with("2.1.1.dev2+g"), "{version}");

    let address = format!("file://{}", world.path("repo").display());
    let origin = Origin::Address(Address::parse(&address).expect("an address"));
    let environments = world.environments().await;
    let far = world
        .checkout_of(&origin, Some("main"), "two", environments)
        .await;
    far.set_up().await.expect("it can be installed");
    assert_eq!(says(&far, &VERSION).await, version);
    // What runs in the tree may ask as well.
    let described = says(&far, &["git", "describe", "--tags"]).await;
    assert!(described.starts_with("v2.1.0-2-g"), "{described}");
    // Tools warn of a clone that isn't whole, and a warning can be what a test fails for.
    let is_shallow = ["git", "rev-parse", "--is-shallow-repository"];
    for checkout in [&near, &far] {
        assert_eq!(says(checkout, &is_shallow).await, "false");
        let count = says(checkout, &["git", "rev-list", "--count", "HEAD"]).await;
        assert_eq!(count, "3");
    }
}

#[tokio::test]
async fn a_build_that_asks_git_itself_gets_the_commit_and_its_tags() {
    let script = "import subprocess\nfrom setuptools import setup\n\
        said = subprocess.run(['git', 'describe', '--tags', '--dirty'], capture_output=True, text=True)\n\
        setup(name='tally-counter', version=said.stdout.strip().split('-g')[0].replace('-', '.post'), packages=['tally'])\n";
    let world = World::with(&[("setup.py", script), ("tally/__init__.py", "")]).await;
    world.git(&["tag", "3.4"]);
    world.commit(&[("tally/a.py", "")]);
    let checkout = world.checkout("one", world.environments().await).await;
    checkout.set_up().await.expect("it can be installed");
    assert_eq!(says(&checkout, &VERSION).await, "3.4.post1");
}

#[tokio::test]
async fn without_any_tag_the_version_is_nothing_and_that_is_said() {
    let world = world(&format!("{SCM}[tool.setuptools_scm]\n")).await;
    let checkout = world.checkout("one", world.environments().await).await;
    let environment = checkout.set_up().await.expect("it can be installed");
    assert_eq!(says(&checkout, &VERSION).await, "0.0.0");
    assert!(
        environment.notes.iter().any(|it| it.contains("0.0.0")),
        "{:?}",
        environment.notes
    );
}

#[tokio::test]
async fn a_file_that_a_build_writes_into_a_flat_package_is_found_by_pytest() {
    let project = format!("{SCM}[tool.setuptools_scm]\nversion_file = 'tally/_version.py'\n");
    let world = World::with(&[
        ("pyproject.toml", &project),
        (".gitignore", "tally/_version.py\n"),
        (
            "tally/__init__.py",
            "from tally._version import version as __version__\n",
        ),
        (
            "tests/test_a.py",
            "import tally\ndef test_a(): assert tally.__version__ == '2.1.0'\n",
        ),
    ])
    .await;
    world.git(&["tag", "v2.1.0"]);
    let checkout = world.checkout("one", world.environments().await).await;
    checkout.set_up().await.expect("it can be installed");
    // The way in which our own sessions put the tree in front.
    let script = "import os, sys; sys.path.insert(0, os.getcwd()); r = os.environ.pop('R')\n\
        os.environ['PIPELINE_TREE_ROOTS'] = r; import pipeline_tree; pipeline_tree._lay()\n\
        import pytest; sys.exit(pytest.main(['-q', 'tests']))";
    let line = format!(
        "R=$PIPELINE_TREE_ROOTS; unset PIPELINE_TREE_ROOTS; export R; python -c \"{script}\""
    );
    let said = says(&checkout, &["sh", "-c", &line]).await;
    assert!(said.contains("1 passed"), "{said}");
}
