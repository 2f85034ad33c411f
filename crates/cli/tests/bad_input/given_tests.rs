//! Tests of the user's own: what can't be taken is said before anything is asked, and what is taken decides.

use expect_test::{Expect, expect};

use crate::world::{PAGES, ROUND_UP, World};

const RED: &str =
    "from pages import page_count\n\n\ndef test_last_page():\n    assert page_count(21, 10) == 3\n";
const REVIEW: &str = "[json]\nverdict = 'pass'\nsummary = 'Good.'\nfindings = []";

#[track_caller]
fn check(world: &World, arguments: &[&str], want: Expect) {
    let ended = world.walk(arguments);
    want.assert_eq(&world.seen(&ended));
}

fn pages() -> World {
    World::with_repository(PAGES)
        .says("draft", &[ROUND_UP])
        .says("review", &[REVIEW])
}

#[test]
fn tests_that_cannot_be_taken_are_named_and_no_run_is_begun() {
    let world = pages()
        .file("here/test_new.py", RED)
        .file("here/notes.txt", "no test")
        .file("here/tests/test_pages.py", RED);
    check(
        &world,
        &["--tests", "test_gone.py"],
        expect![[r#"
        exit 14
        --- stderr
        error: could not take `test_gone.py` for the tests: there is no such file or folder
    "#]],
    );
    check(
        &world,
        &["--tests", "notes.txt"],
        expect![[r#"
        exit 14
        --- stderr
        error: could not take `notes.txt` for the tests: it is neither a folder nor a Python file
    "#]],
    );
    check(
        &world,
        &["--tests", "tests/test_pages.py"],
        expect![[r#"
        exit 14
        --- stderr
        error: could not take `[WORLD]/here/tests/test_pages.py` for the tests: it would stand at tests/test_pages.py, where the repository has another file (give it another name)
    "#]],
    );
    check(
        &world,
        &["--tests", "tests/test_old.py::test_a"],
        expect![[r#"
            exit 14
            --- stderr
            error: could not take `tests/test_old.py::test_a` for the tests: the repository has no file tests/test_old.py
        "#]],
    );
    let runs = world.pipeline(&["runs", "--json"]).stdout;
    assert_eq!(runs, "", "a run was begun");
    let author = [
        "run",
        "x",
        "--new",
        "--tests",
        "test_new.py",
        "--test-author",
        "claude-opus-5",
    ];
    expect![[r#"
        exit 2
        --- stderr
        error: could not use --tests together with --test-author: the tests that you give are the acceptance tests (leave one of them out)
    "#]].assert_eq(&world.seen(&world.pipeline(&author)));
}

#[test]
fn a_test_that_pytest_does_not_find_ends_the_run() {
    let world = pages().file("here/test_new.py", "def test_a(:\n    pass\n");
    // How far the drafting came meanwhile is a matter of luck, so not all of the last lines are looked at.
    let refused = |given: &str, words: &str| {
        let ended = world.walk(&["--tests", given]);
        assert_eq!(ended.code, 14, "{}", ended.stdout);
        assert!(
            ended.stdout.contains("failed      needs input"),
            "{}",
            ended.stdout
        );
        assert!(ended.stdout.contains(words), "{}", ended.stdout);
    };
    refused(
        "tests/test_pages.py::test_gone",
        "user-tests could not use the test `tests/test_pages.py::test_gone`: pytest finds no such test in that file",
    );
    refused(
        "test_new.py",
        "user-tests could not use the test `tests/test_new.py`: Python can't read the file:\n            E     File",
    );
}

#[test]
fn tests_outside_and_inside_the_repository_decide() {
    let world = pages().file("here/test_new.py", RED);
    check(
        &world,
        &["--tests", "test_new.py"],
        expect![[r#"
        exit 0
        --- stdout

        completed   proven
                    the first draft came through every stage, and a test of yours that was red before is green now; 0 of 2 hunks exercised by no test, 1 not tried
        run         [RUN]
        change      ~pages.py, +tests/test_new.py
        evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
        verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
        cost        0 tokens, $0.0000
        next        git apply [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff
    "#]],
    );
    let world = pages();
    check(
        &world,
        &["--tests", "tests/test_pages.py::test_full_pages"],
        expect![[r#"
            exit 0
            --- stdout

            completed   regression-safe
                        the first draft came through every stage; nothing that passed before fails now, but no test was red before it; 1 of 1 hunks exercised by no test
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
fn a_coder_that_writes_nothing_has_written_no_code() {
    let world = World::with_repository(PAGES)
        .says("draft", &["[[call]]\ntool = 'finish'\nsummary = 'Done.'"])
        .file("here/test_new.py", RED);
    check(
        &world,
        &["--tests", "test_new.py"],
        expect![[r#"
        exit 10
        --- stdout

        failed      no code
                    no coder changed anything in the repository
        run         [RUN]
        change      +tests/test_new.py
        kept        [WORLD]/home/.local/state/pipeline/evidence/[RUN]/patch.diff  (the last draft)
        evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
        cost        0 tokens, $0.0000
        next        Say in the task what should be different afterwards, and where, and run it again. `pipeline log [RUN]` shows what the models did.
    "#]],
    );
}

#[test]
fn without_a_repository_the_files_are_what_is_left() {
    let world = World::new()
        .says(
            "draft",
            &["[[call]]\ntool = 'write_file'\npath = 'sieve.py'\n\
               text = '''def primes(limit):\n    return [2, 3]\n'''\n\n\
               [[call]]\ntool = 'finish'\nsummary = 'Done.'"],
        )
        .says("review", &[REVIEW])
        .file(
            "here/test_sieve.py",
            "from sieve import primes\n\n\ndef test_primes():\n    assert primes(5) == [2, 3]\n",
        );
    let run = |more: &str| {
        world.pipeline(&[
            "run",
            "Implement a prime sieve",
            "--new",
            "--tests",
            "test_sieve.py",
            "--scripted",
            "[WORLD]/replies",
            more,
        ])
    };
    let ended = run("--max-iterations=1");
    expect![[r#"

        completed   proven
                    the first draft came through every stage, and a test of yours that was red before is green now; 0 of 2 hunks exercised by no test, 1 not tried (missing: existing tests)
        run         [RUN]
        missing     existing tests: pytest found none in the repository
        change      +sieve.py, +test_sieve.py
        files       [WORLD]/home/.local/state/pipeline/files/[RUN]
        evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
        verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
        cost        0 tokens, $0.0000
        next        cp -r [WORLD]/home/.local/state/pipeline/files/[RUN]/. .  copies the files here
    "#]].assert_eq(&world.masked(&ended.stdout));
    for line in [
        "  step 1, generate (draft 1, drafter): 1 file; +sieve.py",
        "  step 2, test (draft 1, pytest): 1 passed, 0 failed; test_sieve.py",
    ] {
        assert!(
            ended.stderr.lines().any(|it| it == line),
            "{}",
            ended.stderr
        );
    }
    let files = ended
        .stdout
        .lines()
        .find_map(|it| it.strip_prefix("files       "))
        .expect("the last lines say where the files are");
    let written = std::fs::read_to_string(std::path::Path::new(files).join("sieve.py"));
    assert!(written.expect("it is there").contains("return [2, 3]"));
    let report = files.replace("/files/", "/evidence/") + "/report.md";
    let report = std::fs::read_to_string(report).expect("there is a report");
    assert!(
        report.contains("**proven**: a test of the user's own was red"),
        "{report}"
    );

    let shown = world.pipeline(&["show", "20"]).stdout;
    assert!(
        shown.contains("repository  none: the run started from nothing"),
        "{shown}"
    );

    let lines = run("--json").stdout;
    let mut steps = Vec::new();
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
        assert!(
            line["run"].as_str().is_some_and(|it| it.starts_with("20")),
            "{line}"
        );
        assert!(line["seq"].is_number(), "{line}");
        if let Some(kind) = line["step"]["kind"].as_str() {
            steps.push(kind.to_owned());
        }
    }
    assert_eq!(steps, ["generate", "test"]);
}

/// A draft of `sieve.py`, as a coder replies it.
fn sieve(body: &str) -> String {
    format!(
        "[[call]]\ntool = 'write_file'\npath = 'sieve.py'\n\
         text = \"\"\"def primes(limit):\n    {body}\n\"\"\"\n\n\
         [[call]]\ntool = 'finish'\nsummary = 'Done.'"
    )
}

/// The steps of a run from nothing with these drafts, and its last lines.
#[track_caller]
fn check_steps(drafts: &[&str], more: &[&str], want: Expect) {
    let drafts: Vec<String> = drafts.iter().map(|it| sieve(it)).collect();
    let drafts: Vec<&str> = drafts.iter().map(String::as_str).collect();
    let world = World::new()
        .says("draft", &drafts)
        .says("review", &[REVIEW])
        .file(
            "here/test_sieve.py",
            "from sieve import primes\n\n\ndef test_few():\n    assert primes(5) == [2, 3]\n\n\n\
             def test_more():\n    assert primes(8) == [2, 3, 5, 7]\n",
        );
    let mut arguments = vec!["run", "Implement a prime sieve", "--new"];
    arguments.extend(["--tests", "test_sieve.py"]);
    arguments.extend(["--scripted", "[WORLD]/replies"]);
    arguments.extend(more);
    let ended = world.pipeline(&arguments);
    let steps: Vec<&str> = ended
        .stderr
        .lines()
        .filter(|it| it.starts_with("  step"))
        .collect();
    let last = ended.stdout.lines().skip(1).take(2);
    let seen = [steps, last.collect()].concat().join("\n");
    want.assert_eq(&format!("exit {}\n{}", ended.code, world.masked(&seen)));
}

#[test]
fn the_last_fix_is_tested_before_the_run_ends() {
    let drafts = [
        "return []",
        "return [2, 3]",
        "return [2, 3, 5, 7][:limit // 2]",
    ];
    check_steps(
        &drafts,
        &["--max-iterations=1"],
        expect![[r#"
        exit 10
          step 1, generate (draft 1, drafter): 1 file; +sieve.py
          step 2, test (draft 1, pytest): 0 passed, 2 failed, sent back (test_sieve.py::test_few, test_sieve.py::test_more); test_sieve.py
        failed      redrafts exhausted
                    the only draft was sent back"#]],
    );
    check_steps(
        &drafts,
        &["--max-iterations=2"],
        expect![[r#"
        exit 10
          step 1, generate (draft 1, drafter): 1 file; +sieve.py
          step 2, test (draft 1, pytest): 0 passed, 2 failed, sent back (test_sieve.py::test_few, test_sieve.py::test_more); test_sieve.py
          step 3, fix (draft 2, drafter): 1 file; ~sieve.py
          step 4, test (draft 2, pytest): 1 passed, 1 failed, sent back (test_sieve.py::test_more); test_sieve.py
        failed      redrafts exhausted
                    every one of 2 drafts was sent back"#]],
    );
    check_steps(
        &drafts,
        &["--max-iterations=3"],
        expect![[r#"
        exit 0
          step 1, generate (draft 1, drafter): 1 file; +sieve.py
          step 2, test (draft 1, pytest): 0 passed, 2 failed, sent back (test_sieve.py::test_few, test_sieve.py::test_more); test_sieve.py
          step 3, fix (draft 2, drafter): 1 file; ~sieve.py
          step 4, test (draft 2, pytest): 1 passed, 1 failed, sent back (test_sieve.py::test_more); test_sieve.py
          step 5, fix (draft 3, drafter): 1 file; ~sieve.py
          step 6, check (draft 3, ruff): 1 file; ~sieve.py
          step 7, test (draft 3, pytest): 2 passed, 0 failed; test_sieve.py
        completed   proven
                    draft 3 came through every stage, and a test of yours that was red before is green now; 0 of 2 hunks exercised by no test, 1 not tried (missing: existing tests)"#]],
    );
}

#[test]
fn a_draft_without_an_end_is_stopped_and_fixed() {
    let drafts = [
        "while 6 < limit:\n        pass\n    return [2, 3]",
        "return [2, 3, 5, 7][:limit // 2]",
    ];
    check_steps(
        &drafts,
        &["--test-seconds=3"],
        expect![[r#"
            exit 0
              step 1, generate (draft 1, drafter): 1 file; +sieve.py
              step 2, test (draft 1, pytest): 1 passed, 0 failed, 1 without an end, stopped by its time limit of 3 s, in test_sieve.py::test_more, sent back; test_sieve.py
              step 3, fix (draft 2, drafter): 1 file; ~sieve.py
              step 4, check (draft 2, ruff): 1 file; ~sieve.py
              step 5, test (draft 2, pytest): 2 passed, 0 failed; test_sieve.py
            completed   proven
                        draft 2 came through every stage, and a test of yours that was red before is green now; 0 of 2 hunks exercised by no test, 1 not tried (missing: existing tests)"#]],
    );
}
