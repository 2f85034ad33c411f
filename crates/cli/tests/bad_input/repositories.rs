//! Repositories that aren't there, that aren't Python, and whose tests misbehave.

use std::fs;

use expect_test::{Expect, expect};

use crate::world::{PAGES, ROUND_UP, World};

/// Walks the task on `repo` and compares what a person sees.
#[track_caller]
fn check(world: &World, more: &[&str], want: Expect) {
    let ended = world.walk(more);
    want.assert_eq(&world.seen(&ended));
}

fn pages_with(more: &[(&str, &str)]) -> World {
    World::with_repository(&[PAGES, more].concat()).says("draft", &[ROUND_UP])
}

#[test]
fn what_is_no_repository_is_refused_and_leaves_no_run() {
    let world = World::new().file("file", "").says("draft", &[ROUND_UP]);
    fs::create_dir(world.path("folder")).expect("a folder can be made");
    fs::create_dir(world.path("empty")).expect("a folder can be made");
    world.git("empty", &["init", "--quiet"]);
    check(
        &world,
        &["--repo", "[WORLD]/nowhere"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not find the repository folder `[WORLD]/nowhere` (is the path right?)
        "#]],
    );
    check(
        &world,
        &["--repo", "[WORLD]/file"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not open `[WORLD]/file` as a git repository: it is a file
        "#]],
    );
    check(
        &world,
        &["--repo", "[WORLD]/folder"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not open `[WORLD]/folder` as a git repository: there is none (run `git init` and commit, or leave the repository out)
        "#]],
    );
    check(
        &world,
        &["--repo", "[WORLD]/empty"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not start from `[WORLD]/empty`: it has no commit yet (commit something first)
        "#]],
    );
    check(
        &world,
        &["--repo", "https://127.0.0.1:9/a/b"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not reach the host of `https://127.0.0.1:9/a/b` (is the network up, and the host's name right?): fatal: unable to access 'https://127.0.0.1:9/a/b/': Failed to connect to 127.0.0.1 port 9 after [TIME]: Couldn't connect to server
        "#]],
    );
    check(
        &world,
        &["--repo", "ftp://127.0.0.1/a/b"],
        expect![[r#"
        exit 2
        --- stderr
        error: could not use `ftp://127.0.0.1/a/b` as a repository: this way to clone isn't supported (use https, ssh or a folder)
    "#]],
    );
    check(
        &world,
        &["--repo=--upload-pack=touch"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not use `--upload-pack=touch` as a repository: git would read it as an option (write `./` before the name of a folder)
        "#]],
    );
    check(
        &world,
        &["--repo", ""],
        expect![[r#"
        exit 2
        --- stderr
        error: could not use `` as a repository: it is empty (give an address or a folder)
    "#]],
    );
    assert_eq!(world.pipeline(&["runs", "--json"]).stdout, "");
}

#[test]
fn a_base_that_is_not_there_is_named() {
    let world = pages_with(&[]);
    check(
        &world,
        &["--base", "no-such-branch"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not find the branch, tag or commit `no-such-branch` in `[WORLD]/repo`
        "#]],
    );
    check(
        &world,
        &["--base=--output=x"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not use `--output=x` as a branch, tag or commit: it looks like an option
        "#]],
    );
}

#[test]
fn a_bare_repository_has_an_address() {
    let world = pages_with(&[]);
    world.git("", &["clone", "--quiet", "--bare", "repo", "bare"]);
    check(
        &world,
        &["--repo", "file://[WORLD]/bare"],
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test
            run         [RUN]
            change      ~pages.py
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        0 tokens, $0.0000
            next        git apply [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff
        "#]],
    );
    check(
        &world,
        &["--repo", "[WORLD]/bare"],
        expect![[r#"
            exit 2
            --- stderr
            error: could not open `[WORLD]/bare` as a git repository: it is a bare repository (give its address as file://[WORLD]/bare)
        "#]],
    );
}

#[test]
fn uncommitted_changes_are_named_or_taken_along() {
    let world = pages_with(&[("notes.md", "")])
        .file("repo/notes.md", "mine")
        .file("repo/new.md", "new");
    check(
        &world,
        &[],
        expect![[r#"
            exit 2
            --- stderr
            error: could not start from `[WORLD]/repo`: it has changes that aren't committed: `new.md`, `notes.md` (commit or stash them, or take them along with --include-dirty)
        "#]],
    );
    check(
        &world,
        &["--include-dirty"],
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test
            run         [RUN]
            change      ~pages.py
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        0 tokens, $0.0000
            next        git apply [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff
        "#]],
    );
    assert_eq!(
        world.git("repo", &["status", "--short"]),
        "M notes.md\n?? new.md"
    );
}

#[test]
fn without_tests_the_change_is_unverified() {
    let readme = "[[call]]\ntool = 'write_file'\npath = 'README.md'\ntext = 'Pages, counted.'\n\
                  [[call]]\ntool = 'finish'\nsummary = 'Says what it is.'";
    let world = World::with_repository(&[("README.md", "Pages.\n")]).says("draft", &[readme]);
    check(
        &world,
        &[],
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 0 of 1 hunks exercised by no test, 1 not tried (missing: existing tests)
            run         [RUN]
            missing     existing tests: pytest found none in the repository
            change      ~README.md
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        0 tokens, $0.0000
            next        git apply [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff
        "#]],
    );
    let world = World::with_repository(&[PAGES[0]]).says("draft", &[ROUND_UP]);
    check(
        &world,
        &[],
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 0 of 1 hunks exercised by no test, 1 not tried (missing: existing tests)
            run         [RUN]
            missing     existing tests: pytest found none in the repository
            change      ~pages.py
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        0 tokens, $0.0000
            next        git apply [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff
        "#]],
    );
}

#[test]
fn what_failed_before_is_listed_and_not_blamed_on_the_change() {
    let world = pages_with(&[("tests/test_old.py", "def test_old():\n    assert False\n")]);
    check(
        &world,
        &[],
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test
            run         [RUN]
            change      ~pages.py
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        0 tokens, $0.0000
            next        git apply [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff
        "#]],
    );
    let report = world.walk(&["--out", "out"]);
    assert_eq!(report.code, 0);
    let report = fs::read_to_string(world.path("here/out/report.md")).expect("it was written");
    let about: Vec<&str> = report
        .lines()
        .filter(|it| it.contains("test_old"))
        .collect();
    expect![[r#"
        | `tests/test_old.py::test_old` | **failed** | **failed** | pre-existing |
        | 2 | test | 1 | `pytest` | `tests/test_old.py, tests/test_pages.py` | `1 passed, 1 failed (tests/test_old.py::test_old)` |"#]]
    .assert_eq(&world.masked(&about.join("\n")));
}

#[test]
fn a_suite_that_hangs_is_stopped() {
    let hangs = "import time\n\n\ndef test_hangs():\n    time.sleep(3600)\n";
    let world = pages_with(&[("tests/test_hangs.py", hangs)])
        .file("here/pipeline.toml", "[limits]\ntest_run_seconds_max = 4\n");
    check(
        &world,
        &[],
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test (missing: a complete run of the existing tests)
            run         [RUN]
            missing     a complete run of the existing tests: on the base commit they did not end within 4 seconds, so with a change only those run that it can affect
            change      ~pages.py
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        0 tokens, $0.0000
            next        git apply [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff
        "#]],
    );
}

#[test]
fn a_suite_that_prints_without_end_is_stopped() {
    let floods = "import os\n\n\ndef test_floods():\n    block = b'x' * (1 << 20)\n    for _ in range(1024):\n        os.write(1, block)\n        os.write(2, block)\n";
    let at_the_end = "import os\n\n\ndef pytest_unconfigure():\n    block = b'y' * (1 << 20)\n    for _ in range(1024):\n        os.write(1, block)\n";
    check(
        &pages_with(&[("tests/test_floods.py", floods)]),
        &[],
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test (missing: a complete run of the existing tests)
            run         [RUN]
            missing     a complete run of the existing tests: on the base commit they printed too much
            change      ~pages.py
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        0 tokens, $0.0000
            next        git apply [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff
        "#]],
    );
    check(
        &pages_with(&[("tests/conftest.py", at_the_end)]),
        &[],
        expect![[r#"
            exit 0
            --- stdout

            completed   unverified
                        the first draft came through the stages that were there, but what it does was not proven by tests and a review; 1 of 1 hunks exercised by no test
            run         [RUN]
            change      ~pages.py
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
            cost        0 tokens, $0.0000
            next        git apply [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff
        "#]],
    );
}

#[test]
fn a_suite_that_forks_without_end_meets_a_wall() {
    let forks = "import os\n\n\ndef test_forks():\n    while True:\n        if os.fork() == 0:\n            while True:\n                try:\n                    os.fork()\n                except OSError:\n                    os._exit(0)\n";
    let world = pages_with(&[("tests/test_forks.py", forks)]).file(
        "here/pipeline.toml",
        "[limits]\ntest_run_seconds_max = 5\nprocesses_max = 64\n",
    );
    // Which process is refused its next fork is up to the kernel: where it is pytest's own, the run breaks off, and
    // where it is always a child, which then makes room for the next, the run lasts until its time is up. Which tests
    // had an outcome before differs as well, and so may the verdict on the change. That a wall was met, and that the
    // program came to its end, may not.
    let ended = world.walk(&[]);
    let seen = world.seen(&ended);
    let on_the_base = "a complete run of the existing tests: on the base commit they";
    assert!(
        ["broke off", "did not end within 5 seconds"]
            .iter()
            .any(|wall| seen.contains(&format!("{on_the_base} {wall}"))),
        "{seen}"
    );
    assert!(seen.contains("change      ~pages.py"), "{seen}");
}

#[test]
fn a_suite_that_cannot_start_blocks_the_run_and_its_last_words_are_shown() {
    let world = pages_with(&[("tests/conftest.py", "import no_such_module\n")]);
    check(
        &world,
        &[],
        expect![[r#"
            exit 13
            --- stdout

            failed      blocked environment
                        could not use the workspace: set up the repository's Python environment: `python -m pytest --collect-only` failed:
                        ImportError while loading conftest '[ENVIRONMENTS]/environments/choices/[KEY].trial/tests/conftest.py'.
                        tests/conftest.py:1: in <module>
                            import no_such_module
                        E   ModuleNotFoundError: No module named 'no_such_module'
                        (tried: Python [VERSION] with the newest releases: no test can be collected; Python [VERSION] with the releases of [DAY]: no test can be collected. Say in `pyproject.toml` how the repository is set up for its tests:
                        [tool.pipeline]
                        install_command = "uv pip install -e . pytest")
            run         [RUN]
            change      none
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            cost        0 tokens, $0.0000
            next        Make the command above work in a fresh checkout (a missing system package, a Python version), or say how in `[tool.pipeline]` of pyproject.toml; then run it again.
        "#]],
    );
}

#[test]
fn requirements_that_cannot_be_met_block_the_run_with_the_installer_s_words() {
    let project = |requirement: &str| {
        format!(
            "[project]\nname = \"pages\"\nversion = \"1\"\ndependencies = [\"{requirement}\"]\n"
        )
    };
    let world = pages_with(&[("pyproject.toml", &project("not a requirement !!"))]);
    check(
        &world,
        &[],
        expect![[r#"
            exit 13
            --- stdout

            failed      blocked environment
                        could not use the workspace: set up the repository's Python environment: `uv pip install not a requirement !! pytest` failed:
                        error: Couldn't parse requirement in `[ENVIRONMENTS]/environments/[KEY].workshop/requirements.txt` at position 0
                          cause: Expected one of `@`, `(`, `<`, `=`, `>`, `~`, `!`, `;`, found `a`
                                 not a requirement !!
                                     ^
                        (tried: Python [VERSION] with the newest releases: `uv pip install not a requirement !! pytest` failed: not a requirement !!; Python [VERSION] with the releases of [DAY]: `uv pip install not a requirement !! pytest` failed: not a requirement !!. Say in `pyproject.toml` how the repository is set up for its tests:
                        [tool.pipeline]
                        install_command = "uv pip install -e . pytest")
            run         [RUN]
            change      none
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            cost        0 tokens, $0.0000
            next        Make the command above work in a fresh checkout (a missing system package, a Python version), or say how in `[tool.pipeline]` of pyproject.toml; then run it again.
        "#]],
    );
    let world = pages_with(&[("pyproject.toml", "[project\n")]);
    check(
        &world,
        &[],
        expect![[r#"
            exit 13
            --- stdout

            failed      blocked environment
                        could not use the workspace: set up the repository's Python environment: `read pyproject.toml` failed:
                        unclosed table, expected `]`
            run         [RUN]
            change      none
            evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
            cost        0 tokens, $0.0000
            next        Make the command above work in a fresh checkout (a missing system package, a Python version), or say how in `[tool.pipeline]` of pyproject.toml; then run it again.
        "#]],
    );
}

#[test]
fn a_repository_is_looked_at_without_any_model() {
    let world = World::with_repository(&[
        ("pages.py", "def pages(): return 1\n"),
        (
            "test_pages.py",
            "from pages import pages\ndef test_one(): assert pages() == 1\ndef test_two(): assert pages() == 2\n",
        ),
    ]);
    let doctor = world.pipeline(&["doctor", "--repo", "[WORLD]/repo"]);
    expect![[r#"
        exit 0
        --- stdout
        ✓ repository     [WORLD]/repo
        ✓ commit         [COMMIT]
        ✓ interpreter    Python [VERSION]
        ✓ packages       from nothing declared, so pytest alone
        ✓ set up in      [TIME]
        ✓ suite          python -m pytest in the root, with no configuration
        ✓ tests          2 found: 1 failed, 1 passed
        ✓ ran for        [TIME]
        ✓ ready          its tests can be run here as a run would run them
    "#]]
    .assert_eq(&world.seen(&doctor));
}

#[test]
fn a_repository_whose_tests_can_not_be_collected_is_told_what_was_tried_and_what_to_write() {
    let world = World::with_repository(&[("test_pages.py", "import nowhere_to_be_found\n")]);
    let doctor = world.pipeline(&["doctor", "--repo", "[WORLD]/repo"]);
    let seen = world.seen(&doctor);
    for words in [
        "exit 13\n",
        "✗ blocked        `python -m pytest --collect-only` failed:\n",
        "No module named 'nowhere_to_be_found'\n",
        "(tried: Python [VERSION] with the newest releases: no test can be collected; ",
        "\n  [tool.pipeline]\n  install_command = ",
    ] {
        assert!(seen.contains(words), "{words}: {seen}");
    }
}
