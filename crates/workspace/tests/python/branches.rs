//! Code of one branch runs in no other branch's environment, and starts in none.

use protocol::{Workspace, WorkspaceError};

use crate::world::{World, says};

/// A build that tries to leave a start-up file in the environment that it is built for.
const POISONING: &str = "import os, pathlib\nfrom setuptools import setup\n\
    for site in pathlib.Path(os.environ['VIRTUAL_ENV']).glob('lib/*/site-packages'):\n\
    \x20   try:\n\
    \x20       (site / 'evil.pth').write_text('import os; os.environ[\\'EVIL\\'] = \\'1\\'\\n')\n\
    \x20   except OSError:\n\
    \x20       pass\n\
    setup(name='own', version='1', py_modules=['own'])\n";
const HONEST: &str =
    "from setuptools import setup\nsetup(name='own', version='1', py_modules=['own'])\n";
const IS_EVIL: [&str; 3] = ["python", "-c", "import os; print(os.environ.get('EVIL'))"];

#[tokio::test]
async fn what_one_branch_builds_reaches_no_other_branch() {
    let world = World::with(&[("setup.py", POISONING), ("own.py", "A = 1\n")]).await;
    let poisoned = world.checkout("poisoned", world.environments().await).await;
    let first = poisoned.set_up().await.expect("it can be installed");
    assert_eq!(says(&poisoned, &IS_EVIL).await, "None");
    // The same declarations, another tree.
    world.commit(&[("own.py", "A = 2\n")]);
    let other = world.checkout("other", world.environments().await).await;
    let second = other.set_up().await.expect("it can be installed");
    assert_ne!(first.key, second.key);
    world.commit(&[("setup.py", HONEST)]);
    let honest = world.checkout("honest", world.environments().await).await;
    honest.set_up().await.expect("it can be installed");
    assert_eq!(says(&honest, &IS_EVIL).await, "None");
}

#[tokio::test]
async fn an_environment_without_code_of_the_tree_is_shared_by_branches() {
    let world = World::with(&[("requirements.txt", "iniconfig\n"), ("own.py", "")]).await;
    let one = world.checkout("one", world.environments().await).await;
    let first = one.set_up().await.expect("it can be installed");
    world.commit(&[("own.py", "A = 2\n")]);
    let two = world.checkout("two", world.environments().await).await;
    let second = two.set_up().await.expect("it is there");
    assert_eq!(first.key, second.key);
    assert!(second.cached);
}

#[tokio::test]
async fn a_start_up_file_that_nobody_declared_is_refused() {
    let command = "[tool.pipeline]\ninstall_command = 'python plant.py'\n";
    for (file, text) in [("evil.pth", "import os"), ("sitecustomize.py", "X = 1")] {
        let plant = format!(
            "import site, pathlib\n(pathlib.Path(site.getsitepackages()[0]) / '{file}').write_text('{text}')\n"
        );
        let world = World::with(&[("pyproject.toml", command), ("plant.py", &plant)]).await;
        let checkout = world.checkout("one", world.environments().await).await;
        match checkout.set_up().await {
            Err(WorkspaceError::Blocked { tail, .. }) => {
                assert!(tail.contains(&format!("`{file}` runs whenever")), "{tail}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn packages_that_come_as_source_are_built_where_the_environment_can_not_be_written() {
    // The index has this release as source only.
    let world = World::with(&[("requirements.txt", "docopt==0.6.2\n")]).await;
    let checkout = world.checkout("one", world.environments().await).await;
    checkout.set_up().await.expect("it can be installed");
    let said = says(
        &checkout,
        &["python", "-c", "import docopt; print(docopt.__version__)"],
    )
    .await;
    assert_eq!(said, "0.6.2");
}
