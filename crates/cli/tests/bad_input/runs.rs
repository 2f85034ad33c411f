//! Runs that aren't there, and commits of what can't be committed.

use expect_test::{Expect, expect};

use crate::world::World;

#[track_caller]
fn check(world: &World, arguments: &[&str], want: Expect) {
    let ended = world.pipeline(arguments);
    want.assert_eq(&world.seen(&ended));
}

#[test]
fn a_run_that_is_not_there_is_said_so_with_where_to_look() {
    let world = World::new();
    check(
        &world,
        &["resume", "20260101-0000-00000"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not find a run whose name begins with `[RUN]`
              what to do: `pipeline runs` lists them all.
        "#]],
    );
    check(
        &world,
        &["show", "nothing"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not find a run whose name begins with `nothing`
              what to do: `pipeline runs` lists them all.
        "#]],
    );
    check(
        &world,
        &["log", ""],
        expect![[r#"
            exit 2
            --- stderr
            error: could not find a run whose name begins with ``
              what to do: `pipeline runs` lists them all.
        "#]],
    );
    check(
        &world,
        &["cancel", "%"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not find a run whose name begins with `%`
              what to do: `pipeline runs` lists them all.
        "#]],
    );
    check(
        &world,
        &["runs"],
        expect![[r#"
        exit 0
        --- stdout
        No runs yet. `pipeline demo` makes one without a key.
    "#]],
    );
}

#[test]
fn the_beginning_of_a_name_stands_for_one_run_only() {
    let world = World::with_repository(&[("README.md", "")]).says(
        "draft",
        &["[[call]]\ntool = 'finish'\nsummary = 'Nothing to do.'"],
    );
    for _ in 0..2 {
        world.pipeline(&[
            "run",
            "Fix it",
            "--quiet",
            "--repo",
            "[WORLD]/repo",
            "--scripted",
            "[WORLD]/replies",
        ]);
    }
    check(
        &world,
        &["show", "20"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not choose between the runs that `20` stands for: [RUN], [RUN]
              what to do: `pipeline runs` lists them all.
        "#]],
    );
    check(
        &world,
        &["cancel", "20"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not choose between the runs that `20` stands for: [RUN], [RUN]
              what to do: `pipeline runs` lists them all.
        "#]],
    );
}

#[test]
fn only_changed_paths_of_the_repository_are_committed() {
    let world = World::with_repository(&[("a.py", "a = 1\n"), ("b.py", "b = 1\n")]);
    let world = world
        .file("outside.py", "")
        .file("repo/a.py", "a = 2\n")
        .file("home/.gitconfig", "");
    let in_repo = |world: &World, arguments: &[&str], want: Expect| {
        let ended = world.pipeline_in("repo", &[&["commit"], arguments].concat());
        want.assert_eq(&world.seen(&ended));
    };
    in_repo(
        &world,
        &["../outside.py", "-m", "no"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not commit `../outside.py`: it is outside the repository
        "#]],
    );
    in_repo(
        &world,
        &["/etc/passwd", "-m", "no"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not commit `/etc/passwd`: it is outside the repository
        "#]],
    );
    in_repo(
        &world,
        &[".git/config", "-m", "no"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not commit `.git/config`: it belongs to git
        "#]],
    );
    in_repo(
        &world,
        &["missing.py", "-m", "no"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not commit `missing.py`: there is no such file (is the path right?)
        "#]],
    );
    in_repo(
        &world,
        &["b.py", "-m", "no"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not commit the given paths: nothing about them has changed since the last commit
        "#]],
    );
    in_repo(
        &world,
        &["a.py", "-m", " "],
        expect![[r#"
            exit 2
            --- stderr
            error: could not commit without a message (say with -m what the commit does)
        "#]],
    );
    in_repo(
        &world,
        &["-m", "no"],
        expect![[r#"
        exit 2
        --- stderr
        error: the following required arguments were not provided:
          <PATH>...

        Usage: pipeline commit --message <MESSAGE> <PATH>...

        For more information, try '--help'.
    "#]],
    );
    check(
        &world,
        &["commit", "a.py", "-m", "no"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not open `[WORLD]/here` as a git repository: there is none here or above
        "#]],
    );
    assert_eq!(
        world.git("repo", &["rev-list", "--count", "HEAD"]).trim(),
        "1"
    );
    in_repo(
        &world,
        &["a.py", "-m", "Two is more"],
        expect![[r#"
        exit 0
        --- stdout
        committed   [COMMIT] on main
          a.py
    "#]],
    );
    assert_eq!(world.git("repo", &["status", "--short"]), "");
}
