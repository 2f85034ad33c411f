//! Places where a change can't be put: it is kept, and delivered on the next try.

use std::fs;

use expect_test::{Expect, expect};

use crate::world::{PAGES, ROUND_UP, World};

/// Names a place that refuses before anything is begun, then for a change that is there already; lets `mend` clear it, and
/// delivers once more.
#[track_caller]
fn check(
    world: World,
    place: &[&str],
    early: Expect,
    late: Expect,
    mend: impl FnOnce(&World),
    delivered: Expect,
) {
    let ended = world.walk(place);
    early.assert_eq(&world.seen(&ended));
    let runs = world.pipeline(&["runs", "--json"]).stdout;
    assert_eq!(runs, "", "a run was begun");
    assert_eq!(world.walk(&[]).code, 0);
    let deliver = [&["resume", "20", "--quiet"], place].concat();
    let ended = world.pipeline(&deliver);
    late.assert_eq(&world.seen(&ended));
    mend(&world);
    let ended = world.pipeline(&deliver);
    delivered.assert_eq(&world.seen(&ended));
}

fn drafted() -> World {
    World::with_repository(PAGES).says("draft", &[ROUND_UP])
}

#[test]
fn evidence_is_not_mixed_with_strangers_files() {
    let mend =
        |world: &World| fs::remove_file(world.path("here/out/mine.txt")).expect("it is there");
    check(
        drafted().file("here/out/mine.txt", "mine"),
        &["--out", "out"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not write the bundle to `[WORLD]/here/out`: it holds `mine.txt`, which isn't ours (choose an empty or a new folder)
              what to do: Nothing was begun: choose another place, and run the task again.
        "#]],
        expect![[r#"
            exit 17
            --- stderr
            error: could not write the evidence of [RUN] to [WORLD]/here/out
              because: write the bundle to `[WORLD]/here/out`: it holds `mine.txt`, which isn't ours (choose an empty or a new folder)
              what to do: The change is kept: `pipeline diff [RUN]` prints it, and `pipeline resume [RUN]` tries again.
        "#]],
        mend,
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test
            run         [RUN]
            change      ~pages.py
            evidence    [WORLD]/here/out/report.html
            verify      pipeline verify [WORLD]/here/out
            cost        0 tokens, $0.0000
            next        git apply [WORLD]/here/out/patch.diff
        "#]],
    );
    let mend = |world: &World| fs::remove_file(world.path("here/out")).expect("it is there");
    check(
        drafted().file("here/out", "a file"),
        &["--out", "out"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not look into `[WORLD]/here/out` (is there space, and may you write there?)
              because: Not a directory (os error 20)
              what to do: Nothing was begun: choose another place, and run the task again.
        "#]],
        expect![[r#"
            exit 17
            --- stderr
            error: could not write the evidence of [RUN] to [WORLD]/here/out
              because: look into `[WORLD]/here/out` (is there space, and may you write there?)
              because: Not a directory (os error 20)
              what to do: The change is kept: `pipeline diff [RUN]` prints it, and `pipeline resume [RUN]` tries again.
        "#]],
        mend,
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test
            run         [RUN]
            change      ~pages.py
            evidence    [WORLD]/here/out/report.html
            verify      pipeline verify [WORLD]/here/out
            cost        0 tokens, $0.0000
            next        git apply [WORLD]/here/out/patch.diff
        "#]],
    );
}

#[test]
fn a_patch_needs_a_folder_and_a_name_of_its_own() {
    let mend = |world: &World| fs::create_dir(world.path("here/none")).expect("it can be made");
    check(
        drafted(),
        &["--patch", "none/change.patch"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not write the patch to `[WORLD]/here/none/change.patch`: there is no such folder (make it, or choose another)
              what to do: Nothing was begun: choose another place, and run the task again.
        "#]],
        expect![[r#"
            exit 17
            --- stderr
            error: could not write the patch of [RUN]
              because: write the patch to `[WORLD]/here/none/change.patch`: there is no such folder (make it, or choose another)
              what to do: The change is kept: `pipeline diff [RUN]` prints it, and `pipeline resume [RUN]` delivers it again.
        "#]],
        mend,
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test
            run         [RUN]
            change      ~pages.py
            patch       [WORLD]/here/none/change.patch  (git apply [WORLD]/here/none/change.patch)
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        0 tokens, $0.0000
            next        Read the report, then merge.
        "#]],
    );
    let mend = |world: &World| fs::remove_file(world.path("here/notes.md")).expect("it is there");
    check(
        drafted().file("here/notes.md", "mine"),
        &["--patch", "notes.md"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not write the patch to `[WORLD]/here/notes.md`: there is a file already that is no patch (choose another name)
              what to do: Nothing was begun: choose another place, and run the task again.
        "#]],
        expect![[r#"
            exit 17
            --- stderr
            error: could not write the patch of [RUN]
              because: write the patch to `[WORLD]/here/notes.md`: there is a file already that is no patch (choose another name)
              what to do: The change is kept: `pipeline diff [RUN]` prints it, and `pipeline resume [RUN]` delivers it again.
        "#]],
        mend,
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test
            run         [RUN]
            change      ~pages.py
            patch       [WORLD]/here/notes.md  (git apply [WORLD]/here/notes.md)
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        0 tokens, $0.0000
            next        Read the report, then merge.
        "#]],
    );
    let mend = |world: &World| fs::remove_dir(world.path("here/folder")).expect("it is there");
    let world = drafted();
    fs::create_dir(world.path("here/folder")).expect("it can be made");
    check(
        world,
        &["--patch", "folder"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not look at `[WORLD]/here/folder` (is there space, and may you write there?)
              because: Is a directory (os error 21)
              what to do: Nothing was begun: choose another place, and run the task again.
        "#]],
        expect![[r#"
            exit 17
            --- stderr
            error: could not write the patch of [RUN]
              because: look at `[WORLD]/here/folder` (is there space, and may you write there?)
              because: Is a directory (os error 21)
              what to do: The change is kept: `pipeline diff [RUN]` prints it, and `pipeline resume [RUN]` delivers it again.
        "#]],
        mend,
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test
            run         [RUN]
            change      ~pages.py
            patch       [WORLD]/here/folder  (git apply [WORLD]/here/folder)
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        0 tokens, $0.0000
            next        Read the report, then merge.
        "#]],
    );
}

#[test]
fn a_repository_that_refuses_the_branch_keeps_the_change() {
    let world = drafted();
    let refs = world.path("repo/.git/refs/heads/pipeline");
    fs::write(&refs, "in the way").expect("it can be written");
    // What git itself refuses is only known when it is asked.
    let ended = world.walk(&["--commit"]);
    expect![[r#"
        exit 17
        --- stderr
        error: could not commit the change of [RUN]
          because: commit the change
          because: create the branch
          because: could not remove directory '[WORLD]/repo/.git/refs/heads/pipeline/count-the-last-page-[RUN]': parent is not directory: Not a directory; class=Os (2)
          what to do: The change is kept: `pipeline diff [RUN]` prints it, and `pipeline resume [RUN]` delivers it again.
    "#]]
    .assert_eq(&world.seen(&ended));
    fs::remove_file(refs).expect("it is there");
    let ended = world.pipeline(&["resume", "20", "--quiet"]);
    expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test
            run         [RUN]
            change      ~pages.py
            branch      pipeline/count-the-last-page-[RUN] at [COMMIT] in [WORLD]/repo
                        git -C [WORLD]/repo show pipeline/count-the-last-page-[RUN]
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        0 tokens, $0.0000
            next        Read the report, then merge.
        "#]]
    .assert_eq(&world.seen(&ended));
}

#[test]
fn less_than_required_is_not_delivered() {
    let world = drafted();
    let ended = world.walk(&["--require", "proven", "--patch", "change.patch"]);
    expect![[r#"
        exit 10
        --- stdout

        completed   unverified
                    the change is unverified, and --require asks for proven; it is not delivered
        run         [RUN]
        change      ~pages.py
        evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
        verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
        cost        0 tokens, $0.0000
        next        Read the report; if the change is good enough for you: git apply [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff
    "#]]
    .assert_eq(&world.seen(&ended));
    assert!(!world.path("here/change.patch").exists());
}
