//! Talks with models that do well, badly and worse.

use expect_test::{Expect, expect};
use protocol::{
    Agent, AgentError, Execution, Exit, Limits, Message, ModelReply, Report, RunState, StopReason,
    Task, Workspace, WorkspaceError,
};
use serde_json::{Value, json};
use testkit::{
    FolderWorkspace, MemorySteps, SaysModel, TestVisit, assert_each_request_extends_the_last,
    calls, cut_off, exits, limits, says,
};

use crate::{Coder, CoderRole, Dialect};

mod odd_calls;
mod stops;

type Visit = TestVisit<SaysModel, FolderWorkspace>;

const CALC: &str = "def add(a, b):\n    return a - b\n\n\ndef sub(a, b):\n    return a - b\n";

fn tree() -> FolderWorkspace {
    let work = FolderWorkspace::new([("calc.py", CALC.as_bytes()), ("logo.png", b"\x89PNG\0")]);
    std::os::unix::fs::symlink("/etc/passwd", work.root().join("link.py"))
        .expect("a link can be made");
    work
}

fn visit(replies: impl IntoIterator<Item = ModelReply>) -> Visit {
    TestVisit::new(SaysModel::new(replies), tree())
}

fn now<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime can be made")
        .block_on(work)
}

fn draft(visit: &Visit) -> Result<Report, AgentError> {
    let coder = Coder::new("coder", CoderRole::Draft, Dialect::Functions);
    let state = RunState::new(Task::from_text("`add` subtracts"));
    now(coder.run(&visit.context(), &state))
}

/// The talk after the first message, how it ended, and the lines that changed.
fn shown(visit: &Visit, report: &Report) -> String {
    let requests = visit.model.asked();
    assert_each_request_extends_the_last(&requests);
    let mut text = String::new();
    let talk = requests.last().map(|it| &it.messages[1..]);
    for message in talk.unwrap_or_default() {
        match message {
            Message::User { text: words } => text += &format!("user: {words}\n"),
            Message::Assistant { reply } => {
                let tools: Vec<&str> = reply.tool_calls.iter().map(|it| &*it.tool).collect();
                text += &format!("model: {}{}\n", reply.text, tools.join(" "));
            }
            Message::ToolAnswer {
                text: words,
                is_error,
                ..
            } => text += &format!("{}: {words}\n", if *is_error { "no" } else { "ok" }),
        }
    }
    text += &format!("end: {}\n", report.summary);
    let change = now(visit.work.change()).expect("a folder has a difference");
    let changed = |it: &&str| it.starts_with(['+', '-']) && !it.starts_with("---");
    for line in change.patch.lines().filter(changed) {
        text += &format!("{line}\n");
    }
    text
}

#[track_caller]
fn check_visit(visit: &Visit, want: &Expect) {
    let report = draft(visit).expect("the coder reports");
    want.assert_eq(&shown(visit, &report));
    assert_eq!(visit.model.replies_left(), 0, "replies nobody asked for");
}

#[track_caller]
fn check(replies: impl IntoIterator<Item = ModelReply>, want: &Expect) {
    check_visit(&visit(replies), want);
}

fn finish(summary: &str) -> ModelReply {
    calls([("finish", json!({ "summary": summary }))])
}

fn edit(old: &str, new: &str) -> (&'static str, Value) {
    let arguments = json!({ "path": "calc.py", "old_text": old, "new_text": new });
    ("edit_file", arguments)
}

fn fixing() -> (&'static str, Value) {
    edit(
        "def add(a, b):\n    return a - b",
        "def add(a, b):\n    return a + b",
    )
}

#[test]
fn a_model_that_looks_edits_and_finishes() {
    check(
        [
            calls([("search", json!({ "pattern": "def add" }))]),
            calls([("read_file", json!({ "path": "calc.py", "end_line": 2 }))]),
            calls([fixing()]),
            finish("add adds"),
        ],
        &expect![[r#"
            model: search
            ok: calc.py:1: def add(a, b):

            model: read_file
            ok: 1	def add(a, b):
            2	    return a - b
            [the file has 6 lines]

            model: edit_file
            ok: edited calc.py
            end: add adds
            +++ b/calc.py
            -    return a - b
            +    return a + b
        "#]],
    );
}

#[test]
fn an_end_declared_beside_a_failed_edit_is_refused() {
    check(
        [
            calls([
                edit("return a * b", "return a + b"),
                ("finish", json!({ "summary": "fixed" })),
            ]),
            calls([fixing(), ("finish", json!({ "summary": "fixed" }))]),
        ],
        &expect![[r#"
            model: edit_file finish
            no: could not edit `calc.py`: the old text does not occur in it (copy it exactly, indentation included, without line numbers)
            The nearest lines are:
            2	    return a - b
            no: could not finish: an earlier call of the same reply failed (set it right first)
            end: fixed
            +++ b/calc.py
            -    return a - b
            +    return a + b
        "#]],
    );
}

#[test]
fn empty_replies_are_nudged_a_few_times() {
    check(
        [says(""), finish("done")],
        &expect![[r#"
        user: Your reply contains no tool call, so nothing happened. Go on with a tool, or call `finish` if the change is complete.
        end: done
    "#]],
    );
    check(
        [says(""), says("hm"), says(""), says("well")],
        &expect![[r#"
        user: Your reply contains no tool call, so nothing happened. Go on with a tool, or call `finish` if the change is complete.
        model: hm
        user: Your reply contains no tool call, so nothing happened. Go on with a tool, or call `finish` if the change is complete.
        user: Your reply contains no tool call, so nothing happened. Go on with a tool, or call `finish` if the change is complete.
        end: stopped before it finished: 4 replies held nothing that could be carried out
    "#]],
    );
}

#[test]
fn words_after_an_edit_end_the_visit() {
    check(
        [calls([fixing()]), says("`add` adds now.")],
        &expect![[r#"
        model: edit_file
        ok: edited calc.py
        end: `add` adds now.
        +++ b/calc.py
        -    return a - b
        +    return a + b
    "#]],
    );
}

#[test]
fn a_reply_that_was_cut_off_is_not_carried_out() {
    check(
        [cut_off(calls([fixing()])), finish("gave up")],
        &expect![[r#"
        model: edit_file
        no: Your reply was cut off at its length limit, and nothing in it was carried out. Go on in smaller steps: one edit to a call.
        end: gave up
    "#]],
    );
    check(
        [cut_off(says("```python calc.py\nx")), finish("gave up")],
        &expect![[r#"
        model: ```python calc.py
        x
        user: Your reply was cut off at its length limit, and nothing in it was carried out. Go on in smaller steps: one edit to a call.
        end: gave up
    "#]],
    );
}

#[test]
fn a_model_that_declines_ends_the_visit_in_its_own_words() {
    let declined = ModelReply {
        stop: StopReason::Declined,
        stop_details: "refusal: cyber".into(),
        ..says("I can't help with that.")
    };
    let error = draft(&visit([declined])).expect_err("nothing was drafted");
    expect!["use the reply of test:says: it declined (refusal: cyber): I can't help with that."]
        .assert_eq(&error.to_string());
}

#[test]
fn files_in_prose_are_written_when_no_tool_was_used() {
    check(
        [says(
            "```python calc.py\ndef add(a, b):\n    return a + b\n```",
        )],
        &expect![[r#"
        end: edited calc.py
        (written in prose)
        +++ b/calc.py
        -    return a - b
        -
        -
        -def sub(a, b):
        -    return a - b
        +    return a + b
    "#]],
    );
    check(
        [
            says(r#"{"../x.py": "x = 1\n"}"#),
            says(r#"{"x.py": "x = 1\n"}"#),
        ],
        &expect![[r#"
            model: {"../x.py": "x = 1\n"}
            user: could not use `../x.py`: it is outside the repository or passes through a symbolic link (paths start at the root of the repository, as in `src/app.py`)
            end: created x.py
            (written in prose)
            +++ b/x.py
            +x = 1
        "#]],
    );
}

#[test]
fn files_in_prose_after_tools_are_only_quoted() {
    check(
        [
            calls([("read_file", json!({ "path": "calc.py", "end_line": 1 }))]),
            says("```python calc.py\ndef add(a, b): ...\n```"),
            finish("nothing to do"),
        ],
        &expect![[r#"
            model: read_file
            ok: 1	def add(a, b):
            [the file has 6 lines]

            model: ```python calc.py
            def add(a, b): ...
            ```
            user: Your reply contains no tool call, so nothing happened. Go on with a tool, or call `finish` if the change is complete.
            end: nothing to do
        "#]],
    );
}

/// Runs one command whose program ends like this.
#[track_caller]
fn check_run(answer: Result<Execution, WorkspaceError>, want: &Expect) {
    let answer = std::sync::Mutex::new(Some(answer));
    let work = tree().running(move |_, _| {
        let answer = answer.lock().expect("no other user").take();
        async { answer.expect("one command only") }
    });
    let run = calls([("run", json!({ "command": "pytest -q" }))]);
    check_visit(
        &TestVisit::new(SaysModel::new([run, finish("done")]), work),
        want,
    );
}

#[test]
fn commands_answer_with_their_end() {
    check_run(
        Ok(exits(1, "F\n1 failed in 0.12s\n")),
        &expect![[r#"
        model: run
        ok: exit code 1
        --- stdout
        F
        1 failed in …s

        end: done
    "#]],
    );
    let slow = Execution {
        exit: Exit::TooSlow,
        ..exits(0, "")
    };
    check_run(
        Ok(slow),
        &expect![[r#"
        model: run
        ok: stopped: it ran longer than 60 seconds

        end: done
    "#]],
    );
    let denied = WorkspaceError::Denied {
        line: "curl x".to_owned(),
        why: "`curl` is not on the list".to_owned(),
    };
    check_run(
        Err(denied),
        &expect![[r#"
        model: run
        no: could not run `curl x`: `curl` is not on the list
        end: done
    "#]],
    );
}

#[test]
fn a_workspace_that_breaks_breaks_the_visit() {
    let work =
        tree().running(|_, _| async { Err(WorkspaceError::failed("start it", "no memory")) });
    let run = calls([("run", json!({ "command": "pytest" }))]);
    let error = draft(&TestVisit::new(SaysModel::new([run]), work)).unwrap_err();
    assert!(matches!(error, AgentError::Workspace(_)), "{error:?}");
}

/// The same endless model within other limits.
#[track_caller]
fn check_bound(bound: impl FnOnce(&mut Limits), want: &Expect) {
    let look = calls([("list_files", json!({ "glob": "*.py" }))]);
    let mut visit = visit(vec![look; 3]);
    bound(&mut visit.limits);
    check_visit(&visit, want);
}

#[test]
fn requests_and_tokens_are_bounded() {
    check_bound(
        |it| it.turns_max = 3,
        &expect![[r#"
            model: list_files
            ok: calc.py
            link.py

            [2 replies left: complete the change and call `finish`]
            model: list_files
            ok: calc.py
            link.py

            end: stopped before it finished: it made 3 requests, as many as a visit may
        "#]],
    );
    check_bound(
        |it| it.visit_tokens_max = 300,
        &expect![[r#"
            model: list_files
            ok: calc.py
            link.py

            model: list_files
            ok: calc.py
            link.py

            end: stopped before it finished: it used 330 tokens, and a visit may use 300
        "#]],
    );
}

#[test]
fn no_time_is_no_request() {
    let mut visit = visit([]);
    visit.limits.visit_seconds_max = 0;
    check_visit(
        &visit,
        &expect![[r#"
        end: stopped before it finished: it worked longer than 0 seconds
    "#]],
    );
}

#[test]
fn a_second_life_takes_every_step_from_the_first() {
    let replies = || {
        [
            calls([fixing(), ("run", json!({ "command": "pytest" }))]),
            calls([("read_file", json!({ "path": "calc.py" }))]),
            finish("add adds"),
        ]
    };
    let first = TestVisit::new(
        SaysModel::new(replies()),
        tree().answering(|_| exits(0, "ok")),
    );
    let first_report = draft(&first).expect("the coder reports");
    let steps = first.steps.recorded();
    let named: Vec<(&str, bool)> = steps
        .iter()
        .map(|it| (&*it.name, it.changes_tree))
        .collect();
    expect![[r#"
        [
            (
                "overview",
                false,
            ),
            (
                "1.1 edit_file",
                true,
            ),
            (
                "1.2 run",
                true,
            ),
            (
                "2.1 read_file",
                false,
            ),
        ]
    "#]]
    .assert_debug_eq(&named);

    // Nothing is there for a second life to work in, so it can only go by what was recorded.
    let second = TestVisit {
        steps: MemorySteps::after(steps),
        ..TestVisit::new(
            SaysModel::new(replies()),
            FolderWorkspace::new([("other.py", "")]),
        )
    };
    let second_report = draft(&second).expect("the coder reports");
    assert_eq!(first_report, second_report);
    assert_eq!(first.model.asked(), second.model.asked());
    assert_eq!(second.work.ran(), []);
    assert_eq!(
        second.log.notes(),
        [],
        "a step that is recalled is not news"
    );
}
