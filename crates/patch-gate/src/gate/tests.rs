//! Drafts at the gate: what goes back, with which words, and what is let through because the task names it.

use std::os::unix::fs::{PermissionsExt, symlink};

use expect_test::{Expect, expect};
use protocol::{AcceptanceTests, AmendedFile, Amendment, Dispute, Task, TestFile, Verdict};
use testkit::{FolderWorkspace, NoModel, TestVisit};

use super::*;

const BASE: &[(&str, &str)] = &[
    ("pages.py", "def page_count(a, b):\n    return a // b\n"),
    ("tests/test_pages.py", "def test_a(): ...\n"),
    ("tests/data/pages.json", "{}\n"),
    ("checks/check_all.py", "def check_a(): ...\n"),
    ("web/test/client.py", "class Client: ...\n"),
    ("test/old_test.py", "def test_b(): ...\n"),
    ("test/words.txt", "one\n"),
    ("conftest.py", ""),
    (
        "setup.cfg",
        "[tool:pytest]\npython_files = check_*.py\n[metadata]\nname = a\n",
    ),
    (
        "pyproject.toml",
        "[project]\nname = 'a'\n[tool.ruff]\nline-length = 99\n",
    ),
    ("Makefile", "test:\n\tpytest\n"),
];

const TASK: &str = "The last page is lost\n\n`page_count(21, 10)` should say 3.";

/// What a draft does to the base.
enum Edit {
    Write(&'static str, &'static str),
    Bytes(&'static str, &'static [u8]),
    Delete(&'static str),
    Link(&'static str, &'static str),
    Program(&'static str, &'static str),
}
use Edit::{Bytes, Delete, Link, Program, Write};

fn state(task: &str) -> RunState {
    RunState::new(Task::from_text(task))
}

fn judged(state: &RunState, limits: Option<Limits>, edits: &[Edit]) -> Report {
    let base = FolderWorkspace::new(BASE.iter().copied());
    let mut visit = TestVisit::new(
        NoModel::default(),
        FolderWorkspace::new(BASE.iter().copied()),
    );
    visit.limits = limits.unwrap_or(visit.limits);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime can be made");
    runtime.block_on(async {
        let root = visit.work.root().to_owned();
        for edit in edits {
            match edit {
                Write(path, text) => visit.work.write(path, text.as_bytes()).await.unwrap(),
                Bytes(path, bytes) => visit.work.write(path, bytes).await.unwrap(),
                Delete(path) => visit.work.delete(path).await.unwrap(),
                Link(path, target) => symlink(target, root.join(path)).unwrap(),
                Program(path, text) => {
                    visit.work.write(path, text.as_bytes()).await.unwrap();
                    let mode = std::fs::Permissions::from_mode(0o755);
                    std::fs::set_permissions(root.join(path), mode).unwrap();
                }
            }
        }
        let context = AgentContext {
            base: &base,
            ..visit.context()
        };
        PatchGate::new()
            .run(&context, state)
            .await
            .expect("the gate reports")
    })
}

/// What is said of these edits, without what is said of every draft; nothing when they are let through.
#[track_caller]
fn check(edits: &[Edit], want: Expect) {
    let report = judged(&state(TASK), None, edits);
    want.assert_eq(objections(&report));
    if report.verdict == Verdict::Passed {
        let [Evidence::Patch(facts)] = &report.evidence[..] else {
            panic!("a draft that passes has its facts: {:?}", report.evidence);
        };
        assert!(facts.allowed.is_empty(), "{facts:?}");
        assert!(0 < facts.bytes && 0 < facts.files, "{facts:?}");
    }
}

fn objections(report: &Report) -> &str {
    let feedback = report.verdict.feedback().unwrap_or_default();
    feedback.split_once("\n\n").map_or(feedback, |it| it.1)
}

/// What the task lets through by its words, as `path, kind: quote`.
#[track_caller]
fn check_asked(task: &str, edits: &[Edit], want: Expect) {
    let report = judged(&state(task), None, edits);
    let shown = match &report.evidence[..] {
        [Evidence::Patch(facts)] => facts
            .allowed
            .iter()
            .map(|it| format!("{}, {}: {}", it.path, it.kind, it.quote))
            .collect::<Vec<_>>()
            .join("\n"),
        _ => objections(&report).to_owned(),
    };
    want.assert_eq(&shown);
}

#[test]
fn a_plain_change_passes() {
    check(
        &[
            Write("pages.py", "def page_count(a, b):\n    return -(-a // b)\n"),
            Write("tests/test_new.py", "def test_c(): ...\n"),
            Write("pkg/__init__.py", ""),
            Write("pkg/json.py", "x = 1\n"),
            Write("web/test/client.py", "class Client:\n    x = 1\n"),
            Write(
                "setup.cfg",
                "[tool:pytest]\npython_files = check_*.py\n[metadata]\nname = b\n",
            ),
            Write(
                "pyproject.toml",
                "[project]\nname = 'a'\nversion = '2'\n[tool.ruff]\nline-length = 99\n",
            ),
            Write(".gitignore", "build/\n"),
            Program("bin/run", "#!/bin/sh\n"),
        ],
        expect![""],
    );
}

#[test]
fn nothing_is_passed_on_without_words() {
    let report = judged(&state(TASK), None, &[]);
    assert_eq!(report.verdict, Verdict::Passed);
    assert!(report.evidence.is_empty());
}

#[test]
fn existing_tests_stay_whatever_the_task_says() {
    check(
        &[
            Write("tests/test_pages.py", "def test_a(): assert True\n"),
            Write("tests/data/pages.json", "[]\n"),
            Write("test/words.txt", "two\n"),
            Delete("checks/check_all.py"),
        ],
        expect![[r#"
            - `checks/check_all.py`: it is one of the existing tests, and only the test author changes those. Write it again as it was: its lines that begin with `-` in the change are the old ones.
            - `test/words.txt`: it is one of the existing tests, and only the test author changes those. Put it back as it was: its lines that begin with `-` in the change are the old ones.
            - `tests/data/pages.json`: it is one of the existing tests, and only the test author changes those. Put it back as it was: its lines that begin with `-` in the change are the old ones.
            - `tests/test_pages.py`: it is one of the existing tests, and only the test author changes those. Put it back as it was: its lines that begin with `-` in the change are the old ones.

            If a test contradicts the task, leave it and dispute it with `dispute_test`: name the test and quote the task. New tests belong into a new file."#]],
    );
    check_asked(
        "Update tests/test_pages.py",
        &[Delete("tests/test_pages.py")],
        expect![[r#"
            - `tests/test_pages.py`: it is one of the existing tests, and only the test author changes those. Write it again as it was: its lines that begin with `-` in the change are the old ones.

            If a test contradicts the task, leave it and dispute it with `dispute_test`: name the test and quote the task. New tests belong into a new file."#]],
    );
}

#[test]
fn a_renamed_test_is_a_test_that_is_gone() {
    check(
        &[
            Delete("tests/test_pages.py"),
            Write("tests/pages_checks.py", "def test_a(): ...\n"),
        ],
        expect![[r#"
            - `tests/test_pages.py`: it is one of the existing tests, and only the test author changes those. Write it again as it was: its lines that begin with `-` in the change are the old ones.

            If a test contradicts the task, leave it and dispute it with `dispute_test`: name the test and quote the task. New tests belong into a new file."#]],
    );
}

#[test]
fn paths_that_steer_the_judge_are_named() {
    check(
        &[
            Write("conftest.py", "import pytest\n"),
            Write("tests/conftest.py", ""),
            Write("Makefile", "test:\n\ttrue\n"),
            Write(".github/workflows/ci.yml", "on: push\n"),
            Write(".pre-commit-config.yaml", "repos: []\n"),
            Write("pytest.ini", "[pytest]\naddopts = -k nothing\n"),
            Write("uv.lock", "x\n"),
            Write("sitecustomize.py", "x = 1\n"),
            Write("evil.pth", "import os\n"),
        ],
        expect![[r#"
            - `.github/workflows/ci.yml`: it is part of the continuous integration, and the task doesn't ask for it by name. Delete it again.
            - `.pre-commit-config.yaml`: it is a hook, or says which ones run, and the task doesn't ask for it by name. Delete it again.
            - `Makefile`: it is a file of build commands, and the task doesn't ask for it by name. Put it back as it was: its lines that begin with `-` in the change are the old ones.
            - `conftest.py`: it is code that every test goes through, and the task doesn't ask for it by name. Put it back as it was: its lines that begin with `-` in the change are the old ones.
            - `evil.pth`: it is run by Python at every start (never taken, whatever the task says). Delete it again.
            - `pytest.ini`: it is configuration of the test runner, and the task doesn't ask for it by name. Delete it again.
            - `sitecustomize.py`: it is run by Python at every start (never taken, whatever the task says). Delete it again.
            - `tests/conftest.py`: it is code that every test goes through, and the task doesn't ask for it by name. Delete it again.
            - `uv.lock`: it is a lock file, and the task doesn't ask for it by name. Delete it again."#]],
    );
}

#[test]
fn tables_that_steer_the_judge_are_named() {
    check(
        &[
            Write(
                "pyproject.toml",
                "[project]\nname = 'a'\n[tool.pytest.ini_options]\naddopts = '-k x'\n",
            ),
            Write("setup.cfg", "[tool:pytest]\naddopts = --collect-only\n"),
        ],
        expect![[r#"
            - `pyproject.toml [tool.pytest]`: it is configuration of the test runner, and the task doesn't ask for it by name. Put it back as it was: its lines that begin with `-` in the change are the old ones.
            - `setup.cfg [tool:pytest]`: it is configuration of the test runner, and the task doesn't ask for it by name. Put it back as it was: its lines that begin with `-` in the change are the old ones."#]],
    );
    check(
        &[Write("pyproject.toml", "[project\n")],
        expect![
            "- `pyproject.toml`: it can't be read as TOML any more (never taken, whatever the task says). Put it back as it was: its lines that begin with `-` in the change are the old ones."
        ],
    );
    check(
        &[Delete("pyproject.toml"), Delete("setup.cfg")],
        expect![[r#"
            - `pyproject.toml [tool.ruff]`: it is configuration of the linter, and the task doesn't ask for it by name. Write it again as it was: its lines that begin with `-` in the change are the old ones.
            - `setup.cfg [tool:pytest]`: it is configuration of the test runner, and the task doesn't ask for it by name. Write it again as it was: its lines that begin with `-` in the change are the old ones."#]],
    );
}

#[test]
fn what_git_would_not_show_is_named() {
    check(
        &[Write(".gitattributes", "*.py -diff\n")],
        expect![
            "- `.gitattributes`: its line `*.py -diff` keeps changes from being shown (never taken, whatever the task says). Delete it again."
        ],
    );
    check_asked(
        "Add .gitattributes",
        &[Write(
            ".gitattributes",
            "* text=auto\n*.py linguist-generated\n",
        )],
        expect![
            "- `.gitattributes`: its line `*.py linguist-generated` keeps changes from being shown (never taken, whatever the task says). Delete it again."
        ],
    );
    check(
        &[Bytes("logo.png", &[0x89, b'P', 0, 1])],
        expect![
            "- `logo.png`: it is a binary file, which nobody can review, and the task doesn't ask for it by name. Delete it again."
        ],
    );
    check(
        &[Write("pages.py", "level = 'user\u{202e}'\n")],
        expect![[r#"
            - `pages.py`: line 1 holds the hidden character U+202E. Write plain characters there; a string that needs such a character gets its escape, as in `\u200b`."#]],
    );
    check(
        &[Write("tool", "#!/usr/bin/env python3\n# coding: utf-7\n")],
        expect![
            "- `tool`: line 2 declares the encoding `utf-7`, so Python reads other code than what is shown. Leave the declaration out: files are UTF-8."
        ],
    );
    check(
        &[Write("pages.py", "def p\u{430}ge_count(a, b): ...\n")],
        expect![[r#"
            - `pages.py`: line 1 has the name `pаge_count`, whose letter U+0430 looks like another one. Write plain characters there; a string that needs such a character gets its escape, as in `\u200b`."#]],
    );
}

#[test]
fn links_modes_and_strange_names_are_named() {
    check(
        &[
            Link("docs", "/"),
            Program("pages.py", "x = 1\n"),
            Program("tool", "echo\n"),
            Write("p\u{430}ges.py", "x = 1\n"),
            Write("Pages.py", "x = 1\n"),
            Write("--output=x.py", "x = 1\n"),
            Write("zero\u{200b}.py", "x = 1\n"),
        ],
        expect![[r#"
            - `--output=x.py`: its name begins like an option of a program (never taken, whatever the task says). Delete it again.
            - `Pages.py`: its name differs from `pages.py` in case only (never taken, whatever the task says). Delete it again.
            - `docs`: it is a symbolic link, which leads out of the repository (never taken, whatever the task says). Delete it again.
            - `pages.py`: its mode changes (never taken, whatever the task says). Give it back the mode it had, or none that runs it.
            - `pаges.py`: its name looks like `pages.py` (never taken, whatever the task says). Delete it again.
            - `tool`: it is marked as a program without saying which one runs it (never taken, whatever the task says). Give it back the mode it had, or none that runs it.
            - `zero\u{200b}.py`: its name holds the hidden character U+200B (never taken, whatever the task says). Delete it again."#]],
    );
}

#[test]
fn a_link_that_leads_out_is_told_from_one_that_stays() {
    for (path, target) in [
        ("tests", "/"),
        ("docs", "~/x"),
        ("docs", ".."),
        ("web/up", "../../x"),
        ("web/up", "a/../../.."),
        ("hooks", ".git/hooks"),
        ("empty", ""),
    ] {
        assert!(leads_out(path, target), "{path} -> {target}");
    }
    for (path, target) in [
        ("more", "tests"),
        ("web/up", "../tests/./a.py"),
        ("a/b/c", "../.."),
    ] {
        assert!(!leads_out(path, target), "{path} -> {target}");
    }
}

#[test]
fn a_module_that_takes_anothers_place_is_named() {
    check(
        &[
            Write("json.py", "x = 1\n"),
            Write("tests/pytest.py", "x = 1\n"),
            Write("_pytest/__init__.py", "x = 1\n"),
        ],
        expect![[r#"
            - `_pytest/__init__.py`: it is a module that takes the place of `_pytest` for everything that imports it, and the task doesn't ask for it by name. Delete it again.
            - `json.py`: it is a module that takes the place of `json` for everything that imports it, and the task doesn't ask for it by name. Delete it again.
            - `tests/pytest.py`: it is a module that takes the place of `pytest` for everything that imports it, and the task doesn't ask for it by name. Delete it again."#]],
    );
}

#[test]
fn what_the_task_names_is_let_through_and_said() {
    check_asked(
        "Tidy up\n\n- Add a `lint` target to `Makefile`\n- Set line-length to 88 in [tool.ruff] of pyproject.toml.\n- Add logo.png.",
        &[
            Write("Makefile", "test:\n\tpytest\nlint:\n\truff check\n"),
            Write(
                "pyproject.toml",
                "[project]\nname = 'a'\n[tool.ruff]\nline-length = 88\n",
            ),
            Bytes("logo.png", &[0x89, b'P', 0, 1]),
        ],
        expect![[r#"
            Makefile, a file of build commands: - Add a `lint` target to `Makefile`
            logo.png, a binary file, which nobody can review: - Add logo.png.
            pyproject.toml [tool.ruff], configuration of the linter: - Set line-length to 88 in [tool.ruff] of pyproject.toml."#]],
    );
    check_asked(
        "Bump the version in pyproject.toml",
        &[Write(
            "pyproject.toml",
            "[project]\nname = 'a'\n[tool.ruff]\nline-length = 88\n",
        )],
        expect![
            "- `pyproject.toml [tool.ruff]`: it is configuration of the linter, and the task doesn't ask for it by name. Put it back as it was: its lines that begin with `-` in the change are the old ones."
        ],
    );
}

#[test]
fn what_no_task_may_ask_for_is_refused_even_by_its_name() {
    check_asked(
        "Add sitecustomize.py, .gitmodules, evil.pth and the link docs",
        &[
            Write("sitecustomize.py", "x = 1\n"),
            Write(".gitmodules", "x\n"),
            Write("evil.pth", "x\n"),
            Link("docs", "/etc"),
        ],
        expect![[r#"
            - `.gitmodules`: it is a list of submodules (never taken, whatever the task says). Delete it again.
            - `docs`: it is a symbolic link, which leads out of the repository (never taken, whatever the task says). Delete it again.
            - `evil.pth`: it is run by Python at every start (never taken, whatever the task says). Delete it again.
            - `sitecustomize.py`: it is run by Python at every start (never taken, whatever the task says). Delete it again."#]],
    );
}

#[test]
fn too_much_is_refused_by_its_size() {
    let limits = |bytes, files| Limits {
        patch_bytes_max: bytes,
        patch_files_max: files,
        ..testkit::limits()
    };
    let edits = [Write("a.py", "x = 1\n"), Write("b.py", "x = 1\n")];
    let words = |limits| {
        let report = judged(&state(TASK), Some(limits), &edits);
        objections(&report).to_owned()
    };
    expect![
        "- the patch is 184 bytes long, and 20 are taken. Take out what the task doesn't need."
    ]
    .assert_eq(&words(limits(20, 10)));
    expect!["- the patch touches 2 files, and 1 are taken. Take out what the task doesn't need."]
        .assert_eq(&words(limits(10_000, 1)));
    assert_eq!(words(limits(10_000, 2)), "");
}

#[test]
fn many_objections_are_told_in_part() {
    let edits: Vec<Edit> = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r",
        "s", "t", "u", "v",
    ]
    .map(|it| Write(Box::leak(format!("{it}.pth").into_boxed_str()), "x\n"))
    .into();
    let report = judged(&state(TASK), None, &edits);
    let last = objections(&report).lines().last().unwrap_or_default();
    expect!["- And 2 more files of the same kinds."].assert_eq(last);
    expect!["refused: `a.pth`: it is run by Python at every start (never taken, whatever the task says); and 21 more"].assert_eq(&report.summary);
}

fn frozen(path: &str, text: &str) -> TestFile {
    TestFile {
        path: path.to_owned(),
        text: text.to_owned(),
        sha256: sha256(text.as_bytes()),
    }
}

#[test]
fn a_frozen_test_may_only_stand_as_it_was_frozen() {
    let mut state = state(TASK);
    state.task.tests = vec![frozen("tests/test_user.py", "def test_u(): ...\n")];
    state.task.test_ids = vec!["web/test/client.py::test_c".to_owned()];
    state
        .evidence
        .push(Evidence::AcceptanceTests(AcceptanceTests {
            files: vec![frozen("tests/test_wanted.py", "def test_w(): ...\n")],
            ..AcceptanceTests::default()
        }));
    let words = |edits: &[Edit]| objections(&judged(&state, None, edits)).to_owned();
    assert_eq!(
        words(&[
            Write("tests/test_user.py", "def test_u(): ...\n"),
            Write("tests/test_wanted.py", "def test_w(): ...\n"),
        ]),
        ""
    );
    expect![[r#"
        - `tests/test_user.py`: it is a test that was frozen before the first draft, and it isn't what was frozen. Delete it again.
        - `tests/test_wanted.py`: it is a test that was frozen before the first draft, and it isn't what was frozen. Delete it again.
        - `web/test/client.py`: it is one of the existing tests, and only the test author changes those. Put it back as it was: its lines that begin with `-` in the change are the old ones.

        If a test contradicts the task, leave it and dispute it with `dispute_test`: name the test and quote the task. New tests belong into a new file."#]].assert_eq(&words(&[
        Write("tests/test_user.py", "def test_u(): assert True\n"),
        Write("tests/test_wanted.py", "def test_w(): assert True\n"),
        Write("web/test/client.py", "x = 1\n"),
    ]));
}

#[test]
fn an_existing_test_may_stand_as_its_author_amended_it() {
    let text = "def test_a(): assert 3\n";
    let mut state = state(TASK);
    let amended = AmendedFile {
        path: "tests/test_pages.py".to_owned(),
        existed: true,
        old_sha256: String::new(),
        old_text: String::new(),
        new_sha256: sha256(text.as_bytes()),
        new_text: text.to_owned(),
    };
    let dispute = Dispute {
        agent: "drafter".to_owned(),
        test: "tests/test_pages.py::test_a".to_owned(),
        quote: "should say 3".to_owned(),
        words: String::new(),
    };
    state
        .evidence
        .push(Evidence::AcceptanceTests(AcceptanceTests {
            amendment: Some(Box::new(Amendment {
                dispute,
                granted: true,
                answer: String::new(),
                files: vec![amended],
            })),
            ..AcceptanceTests::default()
        }));
    let verdict = |text| judged(&state, None, &[Write("tests/test_pages.py", text)]).verdict;
    assert_eq!(verdict(text), Verdict::Passed);
    assert_ne!(verdict("def test_a(): assert 4\n"), Verdict::Passed);
}
