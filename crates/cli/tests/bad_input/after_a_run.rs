//! What a person does once a run has ended: look, take the change, tidy up.

use std::fs;

use expect_test::{Expect, expect};

use crate::world::{PAGES, ROUND_UP, World};

#[track_caller]
fn check(world: &World, folder: &str, arguments: &[&str], want: Expect) {
    let ended = world.pipeline_in(folder, arguments);
    want.assert_eq(&world.seen(&ended));
}

/// A world in which one run has completed.
fn after_a_run() -> World {
    let world = World::with_repository(PAGES).says("draft", &[ROUND_UP]);
    let ended = world.walk(&[]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    world
}

#[test]
fn the_newest_run_is_meant_and_its_change_can_be_seen_taken_and_opened() {
    let world = after_a_run();
    check(
        &world,
        "here",
        &["show"],
        expect![[r#"
        exit 0
        --- stdout
        run         [RUN]
        status      completed, unverified
        change      ~pages.py
        evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
        next        pipeline open [RUN], then pipeline apply [RUN]

        task        Count the last page
        repository  [WORLD]/repo
        draft       1
          · Rounds up instead of down.
          · a patch of 1 file
          · ruff 0.17.5: 0 files formatted, 0 new findings
          · the base's own suite: 1 test, 0 failing
          · 1 test, 1 passed, 0 failing
          · 8 canary tests did what they must
          · 1 hunk reverted one by one, 0 noticed by a test
        used        drafter: 1 request, 0 tokens, $0.0000
    "#]],
    );
    check(
        &world,
        "here",
        &["diff"],
        expect![[r#"
        exit 0
        --- stdout
        diff --git a/pages.py b/pages.py
        index [COMMIT]..[COMMIT] 100644
        --- a/pages.py
        +++ b/pages.py
        @@ -1,2 +1,2 @@
         def page_count(items: int, size: int) -> int:
        -    return items // size
        +    return -(-items // size)
    "#]],
    );
    check(
        &world,
        "here",
        &["open"],
        expect![[r#"
        exit 0
        --- stderr
        note        there is no desktop here to open it on
        --- stdout
        report      file://[WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
    "#]],
    );
    let events = world.pipeline(&["log", "--follow"]).stdout;
    assert_eq!(events, world.pipeline(&["log"]).stdout);
    assert!(events.contains("finished"), "{events}");
    check(
        &world,
        "here",
        &["apply"],
        expect![[r#"
        exit 0
        --- stdout
        applied     [RUN] in [WORLD]/repo
          pages.py
        next        Look at it with `git diff`, then commit it; nothing is staged.
    "#]],
    );
    assert_eq!(
        world.git("repo", &["status", "--short"]).trim(),
        "M pages.py"
    );
    // A second time it doesn't fit any more, and nothing is lost.
    check(
        &world,
        "here",
        &["apply"],
        expect![[r#"
        exit 17
        --- stderr
        error: could not apply the change in `[WORLD]/repo`: `pages.py`: hunk at line 1 did not apply (nothing was changed; has the file changed since the run's base?)
    "#]],
    );
}

#[test]
fn without_any_run_there_is_nothing_to_look_at() {
    for command in ["show", "log", "diff", "apply", "open"] {
        check(
            &World::new(),
            "here",
            &[command],
            expect![[r#"
                exit 2
                --- stderr
                error: could not find the newest run: there are no runs yet
                  what to do: `pipeline demo` makes one without a key.
            "#]],
        );
    }
}

#[test]
fn a_draft_that_did_not_hold_is_not_applied_by_mistake() {
    let world = World::with_repository(PAGES).says(
        "draft",
        &[&ROUND_UP.replace("-(-items // size)", "items / size / size")],
    );
    assert_ne!(world.walk(&["--max-iterations", "1"]).code, 0);
    check(
        &world,
        "here",
        &["apply"],
        expect![[r#"
        exit 2
        --- stderr
        error: could not apply the change of [RUN]: it isn't completed
          what to do: `pipeline diff [RUN]` prints its last draft; --unfinished applies it all the same.
    "#]],
    );
    assert_eq!(world.git("repo", &["status", "--short"]), "");
    assert_eq!(world.pipeline(&["apply", "--unfinished"]).code, 0);
    assert_eq!(
        world.git("repo", &["status", "--short"]).trim(),
        "M pages.py"
    );
}

#[test]
fn what_takes_up_space_goes_only_when_asked() {
    let world = after_a_run();
    let runs = world.path("home/.local/state/pipeline/runs");
    let count = || fs::read_dir(&runs).expect("there are runs").count();
    let kept = world.pipeline(&["clean"]);
    assert!(
        kept.stdout.starts_with("runs        0 bytes, 0 folders"),
        "{}",
        kept.stdout
    );
    let told = world.pipeline(&["clean", "--days", "0"]);
    assert!(told.stdout.contains("--yes does it"), "{}", told.stdout);
    assert_eq!(count(), 1);
    let done = world.pipeline(&["clean", "--days", "0", "--yes"]);
    assert_eq!((done.code, count()), (0, 0), "{}", done.stderr);
    // What happened in it, and its change, are still there.
    assert!(
        world
            .pipeline(&["diff"])
            .stdout
            .contains("+    return -(-items")
    );
    // In this world the environments are a link to what others use.
    fs::remove_file(world.path("cache/pipeline/python")).expect("it is a link");
    let cache = world.pipeline(&["clean", "--cache", "--yes"]);
    assert_eq!(cache.code, 0, "{}", cache.stderr);
    assert!(!world.path("cache/pipeline").exists());
}

#[test]
fn the_suite_of_a_repository_is_run_without_any_task() {
    let world = World::with_repository(
        &[
            PAGES,
            &[(
                "tests/test_more.py",
                "import pytest\n\nfrom pages import page_count\n\n\n@pytest.mark.parametrize('size', [10, 3])\n\
                 def test_rest(size):\n    assert page_count(21, size) == 7\n\n\ndef test_one():\n    assert page_count(1, 1) == 1\n",
            )],
        ]
        .concat(),
    );
    check(
        &world,
        "repo",
        &["test", "--quiet"],
        expect![[r#"
        exit 10
        --- stdout
        ✗ tests/test_more.py::test_rest[10]
            tests/test_more.py:8: in test_rest
                assert page_count(21, size) == 7
            E   assert 2 == 7
            E    +  where 2 = page_count(21, 10)
        4 found: 1 failed, 3 passed in [TIME], by python -m pytest
    "#]],
    );
    check(
        &world,
        "repo/tests",
        &["test", "--quiet", "test_pages.py"],
        expect![[r#"
            exit 0
            --- stdout
            1 found: 1 passed in [TIME], by python -m pytest
        "#]],
    );
    check(
        &world,
        "repo",
        &["test", "--quiet", "tests/test_more.py::test_one"],
        expect![[r#"
            exit 0
            --- stdout
            1 found: 1 passed in [TIME], by python -m pytest
        "#]],
    );
    check(
        &world,
        "repo",
        &["test", "--quiet", "tests/nowhere.py"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not find a test in tests/nowhere.py of [WORLD]/repo
              what to do: Paths are those of test files, folders or ids, as in tests/test_a.py::test_b.
        "#]],
    );
    check(
        &world,
        "here",
        &["test"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not tell which repository is meant: the working folder belongs to none
              what to do: Name one with --repo URL|PATH.
        "#]],
    );
    let told = world.pipeline_in("repo", &["test", "--json", "tests/test_more.py::test_rest"]);
    let told: serde_json::Value = serde_json::from_str(&told.stdout).expect("it is JSON");
    let outcomes: Vec<String> = told["run"]["results"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| format!("{} {}", it["id"], it["outcome"]))
        .collect();
    assert_eq!(
        outcomes,
        [
            r#""tests/test_more.py::test_rest[10]" "failed""#,
            r#""tests/test_more.py::test_rest[3]" "passed""#
        ]
    );
}

#[test]
fn a_configuration_is_begun_shown_and_found() {
    let world = World::new()
        .variable("PIPELINE_LIMITS__ITERATIONS_MAX", "5")
        .variable(
            "PIPELINE_DATABASE_URL",
            "postgres://me:secret@localhost/runs",
        );
    check(
        &world,
        "here",
        &["config", "path"],
        expect![[r#"
        exit 0
        --- stdout
        [WORLD]/here/pipeline.toml  (isn't there)
        [WORLD]/home/.config/pipeline/pipeline.toml  (isn't there)
    "#]],
    );
    check(
        &world,
        "here",
        &["config", "init", "--here"],
        expect![[r#"
        exit 0
        --- stdout
        written     [WORLD]/here/pipeline.toml
        next        Take the `#` away from what you want to set; `pipeline config show` says what holds.
    "#]],
    );
    check(
        &world,
        "here",
        &["config", "init", "--here"],
        expect![[r#"
        exit 2
        --- stderr
        error: could not write [WORLD]/here/pipeline.toml
          because: File exists (os error 17)
          what to do: It stays as it is; `pipeline config show` says what it sets.
    "#]],
    );
    check(
        &world,
        "here",
        &["config", "path"],
        expect![[r#"
        exit 0
        --- stdout
        [WORLD]/here/pipeline.toml  (is read)
        [WORLD]/home/.config/pipeline/pipeline.toml  (isn't there)
    "#]],
    );
    let world = world.file(
        "here/pipeline.toml",
        "budget = 2.5\n[patience]\ntries_max = 2\n",
    );
    let shown = world.pipeline(&["config", "show"]);
    assert!(!shown.stdout.contains("secret"), "{}", shown.stdout);
    let set: Vec<&str> = shown
        .stdout
        .lines()
        .take_while(|it| !it.is_empty())
        .collect();
    expect![[r#"
        budget                = 2.5   ([WORLD]/here/pipeline.toml)
        database_url          = "postgres://me:%E2%80%A6@localhost/runs"   (the variable PIPELINE_DATABASE_URL)
        limits.iterations_max = 5   (the variable PIPELINE_LIMITS__ITERATIONS_MAX)
        patience.tries_max    = 2   ([WORLD]/here/pipeline.toml)"#]].assert_eq(&world.masked(&set.join("\n")));
    let told = world.pipeline(&["config", "show", "--json"]);
    assert!(!told.stdout.contains("secret"), "{}", told.stdout);
    let told: serde_json::Value = serde_json::from_str(&told.stdout).expect("it is JSON");
    assert_eq!(told["configuration"]["patience"]["tries_max"], 2);
    let typo = world.file("here/pipeline.toml", "budgett = 2\n");
    assert_eq!(typo.pipeline(&["config", "show"]).code, 2);
}

#[test]
fn what_people_look_up_is_told_in_both_ways() {
    let world = World::new();
    for (topic, words) in [
        (
            "exit-codes",
            "  12  the next request could have passed the cap",
        ),
        ("environment", "PIPELINE_TRUSTED_FOLDERS"),
        ("configuration", "limits.iterations_max"),
    ] {
        let told = world.pipeline(&[topic]).stdout;
        assert!(told.contains(words), "{told}");
        let helped = world.pipeline(&["help", topic]).stdout;
        let words = |it: &str| it.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&helped), words(&told));
    }
    let pages = world.path("pages");
    assert_eq!(world.pipeline(&["man", "[WORLD]/pages"]).code, 0);
    let page = fs::read_to_string(pages.join("pipeline-run.1")).expect("it was written");
    assert!(page.contains(".TH"), "{page}");
}
