//! The format agent with the real Ruff.

use agents_format::RuffAgent;
use expect_test::{Expect, expect};
use protocol::{
    Agent, AgentContext, Command, Evidence, Exit, RunState, Task, TestFile, Workspace,
    WorkspaceError,
};
use testkit::{FolderWorkspace, MemorySteps, NoModel, RecordingLog, exits, limits, run_for_real};

/// Whoever configures Ruff, however little, chose its rules.
const OWN_RULES: (&str, &str) = ("ruff.toml", "line-length = 88\n");

/// Runs the agent on a change from `before` to `after` (an empty text is no file), and shows its verdict, its
/// words and the files it changed.
async fn check(before: &[(&str, &str)], after: &[(&str, &str)], want: Expect) {
    let base = FolderWorkspace::new(before.iter().copied()).running(run_for_real);
    let work = FolderWorkspace::new(before.iter().copied()).running(run_for_real);
    want.assert_eq(&shown(&base, &work, after).await);
}

async fn shown(base: &FolderWorkspace, work: &FolderWorkspace, after: &[(&str, &str)]) -> String {
    let after: Vec<(&str, &[u8])> = after.iter().map(|it| (it.0, it.1.as_bytes())).collect();
    shown_bytes(base, work, &after).await
}

async fn shown_bytes(
    base: &FolderWorkspace,
    work: &FolderWorkspace,
    after: &[(&str, &[u8])],
) -> String {
    for (path, bytes) in after {
        if bytes.is_empty() {
            work.delete(path).await.expect("the file was there");
        } else {
            work.write(path, bytes)
                .await
                .expect("it is an ordinary path");
        }
    }
    let (limits, steps, log) = (limits(), MemorySteps::default(), RecordingLog::default());
    let cx = AgentContext {
        model: &NoModel::default(),
        work,
        base,
        steps: &steps,
        limits: &limits,
        log: &log,
    };
    let mut state = RunState::new(Task::from_text("Tidy up"));
    state.task.tests = vec![TestFile {
        path: "test_of_the_user.py".to_owned(),
        text: String::new(),
        sha256: String::new(),
    }];
    let report = match RuffAgent::new().run(&cx, &state).await {
        Ok(report) => report,
        Err(error) => return format!("could not {error}"),
    };
    let mut shown = match report.verdict.feedback() {
        None => "passed\n".to_owned(),
        Some(feedback) => format!("rejected: {feedback}"),
    };
    for evidence in &report.evidence {
        if let Evidence::Missing { what, why } = evidence {
            shown += &format!("no {what}: {why}\n");
        }
        let Evidence::Format {
            changed,
            unformatted,
            ..
        } = evidence
        else {
            continue;
        };
        for file in unformatted {
            shown += &format!("left: {}: {}\n", file.path, file.why);
        }
        for path in changed {
            shown += &format!("--- {path}\n{}", work.text(path));
        }
    }
    shown
}

#[tokio::test]
async fn the_users_own_tests_are_left_as_they_are() {
    check(
        &[],
        &[
            ("a.py", "x  =  1\n"),
            ("test_of_the_user.py", "import os\nx  =  undefined\n"),
        ],
        expect![[r#"
            passed
            --- a.py
            x = 1
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_file_that_was_formatted_is_formatted_again() {
    check(
        &[("a.py", "x = 1\n")],
        &[("a.py", "x = 1\ny = {  'b':2 }\n")],
        expect![[r#"
            passed
            --- a.py
            x = 1
            y = {"b": 2}
        "#]],
    )
    .await;
}

/// As `check`, for files in another encoding; what came of `a.py` is shown with its bytes.
async fn check_bytes(before: &[u8], after: &[u8], want: Expect) {
    let of = || FolderWorkspace::new([("a.py", before)]).running(run_for_real);
    let (base, work) = (of(), of());
    let after = [("a.py", after)];
    let said = shown_bytes(&base, &work, &after).await;
    let said: String = said
        .lines()
        .filter(|it| !it.is_empty())
        .take(3)
        .map(|it| format!("{it}\n"))
        .collect();
    let bytes = work.read("a.py").await.expect("it is there");
    want.assert_eq(&format!(
        "{}{}",
        said.split("---").next().unwrap_or_default(),
        bytes.escape_ascii()
    ));
}

#[tokio::test]
async fn a_file_in_a_declared_encoding_is_formatted_in_it() {
    check_bytes(
        b"# coding: latin-1\nx = \"\xe9\"\n",
        b"# coding: latin-1\nx = \"\xe9\"\nimport os\ny = {  '\xe8\x85':2 }\n",
        expect![[r#"
            passed
            # coding: latin-1\nx = \"\xe9\"\ny = {\"\xe8\x85\": 2}\n"#]],
    )
    .await;
    // Only what changed, where the rest isn't formatted.
    check_bytes(
        b"# coding: cp1251\nx  =  '\xe9'\n\n\ndef f():\n    return 1\n",
        b"# coding: cp1251\nx  =  '\xe9'\n\n\ndef f():\n    return  '\xe8'\n",
        expect![[r#"
            passed
            # coding: cp1251\nx  =  \'\xe9\'\n\n\ndef f():\n    return \"\xe8\"\n"#]],
    )
    .await;
    check_bytes(
        b"# coding: cp1252\nx = 1\n",
        b"# coding: cp1252\nx  =  '\x81'\n",
        expect![[r#"
            passed
            # coding: cp1252\nx  =  \'\x81\'\n"#]],
    )
    .await;
}

#[tokio::test]
async fn a_file_that_was_not_formatted_is_formatted_only_where_it_changed() {
    check(
        &[("a.py", "x = {  'a':1 }\n\n\n\ny = 1\nz = {  'c':3 }\n")],
        &[(
            "a.py",
            "x = {  'a':1 }\n\n\n\ny = {  'b':2 }\nz = {  'c':3 }\n",
        )],
        expect![[r#"
            passed
            --- a.py
            x = {  'a':1 }



            y = {"b": 2}
            z = {  'c':3 }
        "#]],
    )
    .await;
}

#[tokio::test]
async fn the_last_line_of_an_unformatted_file_is_formatted_too() {
    check(
        &[("a.py", "x = {  'a':1 }\n")],
        &[("a.py", "x = {  'a':1 }\ny = {  'b':2 }")],
        expect![[r#"
            passed
            --- a.py
            x = {  'a':1 }
            y = {"b": 2}"#]],
    )
    .await;
}

#[tokio::test]
async fn safe_fixes_are_applied_to_what_is_new_and_nothing_else() {
    check(
        &[("a.py", "import os\n\nx = 1\n")],
        &[("a.py", "import os\nimport re\n\nx = 1\n")],
        expect![[r#"
            passed
            --- a.py
            import os

            x = 1
        "#]],
    )
    .await;
}

#[tokio::test]
async fn what_can_not_be_fixed_safely_goes_back() {
    check(
        &[OWN_RULES, ("a.py", "def f():\n    old = 1\n")],
        &[("a.py", "def f():\n    old = 1\n    new = missing\n")],
        expect![[r#"
            rejected: Ruff, with the repository's own configuration, finds what the code didn't have before your change:
            - a.py:3 F841 Local variable `new` is assigned to but never used
            - a.py:3 F821 Undefined name `missing`
        "#]],
    )
    .await;
}

#[tokio::test]
async fn where_nobody_chose_rules_only_what_breaks_the_code_goes_back() {
    check(
        &[("a.py", "def f():\n    old = 1\n")],
        &[("a.py", "def f():\n    old = 1\n    new = missing\n")],
        expect![[r#"
            rejected: Ruff finds what the code didn't have before your change:
            - a.py:3 F821 Undefined name `missing`
        "#]],
    )
    .await;
    // An unused variable, and a way of formatting that newer rules don't like.
    check(
        &[("a.py", "def f():\n    old = 1\n")],
        &[("a.py", "def f():\n    old = 1\n    new = \"%s\" % (1,)\n")],
        expect![[r#"
            passed
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_comment_that_keeps_all_of_a_file_quiet_hides_nothing_new() {
    for comment in ["# ruff: noqa", "#flake8:noqa", "# ruff: noqa: F821"] {
        let now = format!("{comment}\nold()  # noqa\nnew()\n");
        let start = || FolderWorkspace::new([("app.py", "old()  # noqa\n")]).running(run_for_real);
        let (base, work) = (start(), start());
        let shown = shown(&base, &work, &[("app.py", &now)]).await;
        assert!(shown.contains("Undefined name `new`"), "{comment}: {shown}");
        assert!(
            !shown.contains("Undefined name `old`"),
            "{comment}: {shown}"
        );
    }
}

#[tokio::test]
async fn a_finding_stays_with_its_line_when_the_line_is_edited() {
    let rules = ("ruff.toml", "lint.select = [\"UP031\"]\n");
    let before = "a = 1\nprint(\"%s and %s\" % (a, a))\n";
    check(
        &[rules, ("a.py", before)],
        &[("a.py", "a = 1\nprint(\"%s or %s\" % (a, a))\n")],
        expect![[r#"
            passed
        "#]],
    )
    .await;
    let twice = "a = 1\nprint(\"%s or %s\" % (a, a))\nprint(\"%s nor %s\" % (a, a))\n";
    check(
        &[rules, ("a.py", before)],
        &[("a.py", twice)],
        expect![[r#"
            rejected: Ruff, with the repository's own configuration, finds what the code didn't have before your change:
            - a.py:3 UP031 Use format specifiers instead of percent format
        "#]],
    )
    .await;
}

#[tokio::test]
async fn code_that_is_indented_otherwise_is_not_rewritten_for_one_line() {
    let body = |last: &str| {
        let lines: String = (0..40).map(|n| format!("\tx{n} = {n}\n")).collect();
        format!("class A:\n{lines}\n\tdef f(self):\n\t\treturn {last}\n")
    };
    check(
        &[("a.py", &body("1"))],
        &[("a.py", &body("2"))],
        expect![[r#"
            passed
        "#]],
    )
    .await;
}

#[tokio::test]
async fn text_that_is_not_python_goes_back_with_its_place() {
    check(
        &[("a.py", "x = 1\n")],
        &[("a.py", "x = 1\ndef f(:\n    pass\n")],
        expect![[r#"
            rejected: Ruff finds what the code didn't have before your change:
            - a.py:2 invalid-syntax Expected a parameter or the end of the parameter list
            - a.py:2 invalid-syntax Expected `)`, found newline
        "#]],
    )
    .await;
}

#[tokio::test]
async fn the_repositorys_own_configuration_is_obeyed() {
    let config = (
        "pyproject.toml",
        "[tool.ruff]\nline-length = 40\nextend-exclude = [\"gen\"]\n[tool.ruff.lint]\nselect = [\"E501\"]\n[tool.ruff.format]\nquote-style = \"single\"\n",
    );
    check(
        &[config, ("a.py", "x = 1\n"), ("gen/b.py", "x = 1\n")],
        &[
            ("a.py", "import os\n\nx = \"a\"\n# a comment that is much longer than forty characters\n"),
            ("gen/b.py", "x = {  }\n"),
        ],
        expect![[r#"
            rejected: Ruff, with the repository's own configuration, finds what the code didn't have before your change:
            - a.py:4 E501 Line too long (53 > 40)
            --- a.py
            import os

            x = 'a'
            # a comment that is much longer than forty characters
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_moved_file_brings_its_old_findings_along() {
    check(
        &[("old.py", "import os\n")],
        &[("old.py", ""), ("new.py", "import os\n")],
        expect!["passed\n"],
    )
    .await;
}

#[tokio::test]
async fn a_change_without_python_needs_no_ruff() {
    let tree = || FolderWorkspace::new([("notes.md", "a\n")]);
    let shown = shown(&tree(), &tree(), &[("notes.md", "b\n")]).await;
    assert_eq!(shown, "passed\n");
}

#[tokio::test]
async fn a_configuration_that_the_change_breaks_goes_back() {
    let tree = || FolderWorkspace::new([("a.py", "x = 1\n")]).running(run_for_real);
    let after = [("a.py", "x = 2\n"), ("ruff.toml", "no-such-option = 1\n")];
    let shown = shown(&tree(), &tree(), &after).await;
    assert!(
        shown.starts_with("rejected: Ruff could not read its configuration"),
        "{shown}"
    );
    assert!(shown.contains("unknown field `no-such-option`"), "{shown}");
}

#[tokio::test]
async fn a_ruff_that_does_not_work_is_never_a_pass() {
    let answers = [exits(127, ""), exits(0, "ruff 0.0.0")];
    for answer in answers {
        let tree = || {
            let answer = answer.clone();
            FolderWorkspace::new([("a.py", "x = 1\n")]).answering(move |_| answer.clone())
        };
        let shown = shown(&tree(), &tree(), &[("a.py", "x = 2\n")]).await;
        assert!(shown.starts_with("could not use `ruff`: "), "{shown}");
        assert!(shown.contains("pipeline doctor"), "{shown}");
    }
    let broken = || {
        FolderWorkspace::new([("a.py", "x = 1\n")]).running(|_, command: Command| async move {
            let why = format!("{} is not there", command.argv[0]);
            Err(WorkspaceError::failed("start a program", why))
        })
    };
    let shown = shown(&broken(), &broken(), &[("a.py", "x = 2\n")]).await;
    assert!(
        shown.contains("start a program: ruff is not there"),
        "{shown}"
    );
    let hangs = || {
        FolderWorkspace::new([("a.py", "x = 1\n")]).answering(|_| protocol::Execution {
            exit: Exit::TooSlow,
            ..exits(0, "")
        })
    };
    let shown = self::shown(&hangs(), &hangs(), &[("a.py", "x = 2\n")]).await;
    assert!(shown.contains("did not end in time"), "{shown}");
}

#[tokio::test]
async fn a_configuration_for_another_ruff_leaves_the_change_unformatted_and_says_so() {
    let base = |configuration| [("ruff.toml", configuration), ("a.py", "x  =  1\n")];
    let change = [("a.py", "x  =  2\n")];
    check(&base("show-source = true\n"), &change, expect![[r#"
        passed
        no formatting: Ruff can't read the configuration of the base: ruff failed: Failed to load configuration `ruff.toml`: Failed to parse ruff.toml: TOML parse error at line 1, column 1: unknown field `show-source`
    "#]]).await;
    check(
        &base("required-version = '==0.0.1'\n"),
        &change,
        expect![[r#"
            passed
            no formatting: Ruff can't read the configuration of the base: ruff failed: Failed to load configuration `ruff.toml`: Required version `==0.0.1` does not match the running version `0.17.5`
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_configuration_that_the_change_breaks_is_sent_back() {
    check(
        &[OWN_RULES, ("a.py", "x = 1\n")],
        &[("ruff.toml", "show-source = true\n"), ("a.py", "x = 2\n")],
        expect![[r#"
            rejected: Ruff could not read its configuration after your change:

            ruff failed
              Cause: Failed to load configuration `ruff.toml`
              Cause: Failed to parse ruff.toml
              Cause: TOML parse error at line 1, column 1
              |
            1 | show-source = true
              | ^
            unknown field `show-source`"#]],
    )
    .await;
}

#[tokio::test]
async fn what_ruff_cannot_format_keeps_its_bytes_and_is_named() {
    // Ruff panics where it formats lines of a file that begins with a byte order mark.
    check(
        &[OWN_RULES, ("a.py", "\u{feff}x = 1\n\n\ny = f( 1 )\n")],
        &[("a.py", "\u{feff}x = 1\n\n\ny = f( 2 )\n")],
        expect![[r#"
            passed
            left: a.py: Ruff could not format it: Panicked while formatting a.py: This indicates a bug in Ruff. If you could open an issue at:
        "#]],
    )
    .await;
    check(
        &[OWN_RULES, ("a.py", "x  = 1\r\n\n\ny = f( 1 )\n")],
        &[("a.py", "x  = 1\r\n\n\ny = f( 2 )\n")],
        expect![[r#"
            passed
            left: a.py: its lines end in different ways, and Ruff would make them alike
        "#]],
    )
    .await;
}

#[tokio::test]
async fn endings_of_lines_and_a_last_line_without_one_are_kept() {
    let text = |value: &str| format!("x  = 1\r\n\r\n\r\ny = {value}\r\nz  = 1");
    let before = text("len( [] )");
    let files = [OWN_RULES, ("a.py", before.as_str())];
    let base = FolderWorkspace::new(files).running(run_for_real);
    let work = FolderWorkspace::new(files).running(run_for_real);
    shown(&base, &work, &[("a.py", &text("len( [1] )"))]).await;
    assert_eq!(work.text("a.py"), text("len([1])"));
}
