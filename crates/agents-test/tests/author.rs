//! The test author with scripted words and the real pytest.

use agents_test::TestAuthor;
use expect_test::{Expect, expect};
use protocol::{Agent, AgentError, Evidence, Message, ModelReply, Prepared, RunState, Stage, Task};
use serde_json::{Value, json};
use testkit::{
    FolderWorkspace, MemorySteps, NoModel, SaysModel, TestVisit,
    assert_each_request_extends_the_last, calls, run_for_real, says,
};

const FILES: [(&str, &str); 2] = [
    ("app.py", "def count():\n    return 0\n"),
    ("tests/test_old.py", "def test_old():\n    pass\n"),
];
const RED: &str = "import app\n\ndef test_one():\n    assert app.count() == 1\n";
const GREEN: &str = "import app\n\ndef test_number():\n    assert isinstance(app.count(), int)\n";
const BROKEN: &str =
    "import nosuchmodule\n\ndef test_one():\n    assert nosuchmodule.count() == 1\n";

fn submit(files: &[(&str, &str)], no_behaviour_change: bool) -> ModelReply {
    let files: Vec<Value> = files
        .iter()
        .map(|(path, text)| json!({"path": path, "text": text}))
        .collect();
    let arguments = json!({
        "files": files, "no_behaviour_change": no_behaviour_change, "note": "",
    });
    calls([("submit_tests", arguments)])
}

fn task() -> Task {
    Task::from_text("Count from one")
}

fn shown(prepared: &Prepared) -> String {
    let mut shown = String::new();
    for evidence in &prepared.evidence {
        match evidence {
            Evidence::AcceptanceTests(tests) => {
                for result in &tests.on_base {
                    let red = if tests.red_on_base.contains(&result.id) {
                        " and red for the right reason"
                    } else {
                        ""
                    };
                    shown += &format!("{} {:?}{red}\n", result.id, result.outcome);
                }
                shown += &tests.note;
            }
            Evidence::Missing { what, why } => shown += &format!("missing {what}: {why}"),
            other => shown += &format!("{other:?}"),
        }
    }
    shown.trim_end().to_owned()
}

/// Prepares with these replies; shows what came of it, and the answers that the author got.
async fn check(replies: Vec<ModelReply>, want: Expect) {
    let work = FolderWorkspace::new(FILES).running(run_for_real);
    let visit = TestVisit::new(SaysModel::new(replies), work);
    let prepared = TestAuthor::new().prepare(&visit.context(), &task()).await;
    let prepared = prepared.expect("the author's visit ends");
    let asked = visit.model.asked();
    assert_each_request_extends_the_last(&asked);
    assert_eq!(visit.model.replies_left(), 0);
    let mut text = shown(&prepared);
    for message in &asked[asked.len() - 1].messages[1..] {
        if let Message::ToolAnswer { text: answer, .. } = message {
            let before_output = answer.split("\n\nThe end of pytest's output").next();
            text += &format!("\n> {}", before_output.unwrap_or("").replace('\n', "\n> "));
        }
    }
    want.assert_eq(&text);
}

#[tokio::test]
async fn a_test_that_fails_in_its_own_body_is_taken() {
    check(
        vec![
            calls([("read_file", json!({"path": "app.py"}))]),
            submit(&[("tests/test_new.py", &format!("{RED}\n{GREEN}"))], false),
        ],
        expect![[r#"
            tests/test_new.py::test_one Failed and red for the right reason
            tests/test_new.py::test_number Passed
            >     1  def count():
            >     2      return 0"#]],
    )
    .await;
}

#[tokio::test]
async fn a_test_that_can_not_fail_goes_back() {
    let text = "\
import app
import pytest


def test_red():
    assert app.count() == 1


def test_asserts_nothing():
    app.count()


def test_asserts_a_constant():
    assert (app.count() == 1, \"counts from one\")


@pytest.mark.parametrize(\"start\", [0, 1])
def test_swallows(start):
    try:
        assert app.count() == start
    except AssertionError:
        pass


def test_raises_around_nothing():
    with pytest.raises(ValueError):
        pass


def test_skips_when_it_matters():
    if app.count() == 1:
        pytest.skip(\"not now\")
    assert app.count() == 1
";
    check(
        vec![
            submit(&[("tests/test_new.py", text)], false),
            submit(&[("tests/test_new.py", RED)], false),
        ],
        expect![[r#"
            tests/test_new.py::test_one Failed and red for the right reason
            > These tests can't be taken as they are:
            > 
            > [begin problems 4e24422d]
            > - tests/test_new.py::test_raises_around_nothing: nothing that could raise stands inside of its `raises`
            > - tests/test_new.py::test_skips_when_it_matters: it may skip or be expected to fail, and then it judges nothing
            > - tests/test_new.py::test_asserts_nothing: it asserts nothing
            > - tests/test_new.py::test_asserts_a_constant: what it asserts is true whatever the code does, or is never reached
            > - tests/test_new.py::test_swallows[0]: what it asserts is true whatever the code does, or is never reached
            > - tests/test_new.py::test_swallows[1]: what it asserts is true whatever the code does, or is never reached
            > [end problems 4e24422d]"#]],
    )
    .await;
}

#[tokio::test]
async fn every_way_to_assert_is_known() {
    let text = "\
import unittest

import app
import pytest
from unittest import mock


def check(want):
    compare(app.count(), want)


def compare(one, other):
    assert one == other


def test_by_functions_of_the_file():
    check(0)


def test_call_that_raises():
    pytest.raises(TypeError, app.count, 1)


def test_block_that_raises():
    with pytest.raises(TypeError):
        app.count(1)


def test_fails_unless_it_raises():
    try:
        app.count(1)
    except TypeError:
        pass
    else:
        pytest.fail(\"it takes an argument\")


def test_mock():
    count = mock.Mock(return_value=app.count())
    count()
    count.assert_called_once_with()


class TestCount(unittest.TestCase):
    def test_method(self):
        self.assertEqual(app.count(), 0)


@pytest.mark.parametrize(\"number\", range(2))
def test_in_a_loop(number):
    for _ in range(number + 1):
        assert app.count() == 0, number
";
    check(
        vec![submit(&[("tests/test_new.py", text)], true)],
        expect![[r#"
            tests/test_new.py::test_by_functions_of_the_file Passed
            tests/test_new.py::test_call_that_raises Passed
            tests/test_new.py::test_block_that_raises Passed
            tests/test_new.py::test_fails_unless_it_raises Passed
            tests/test_new.py::test_mock Passed
            tests/test_new.py::TestCount::test_method Passed
            tests/test_new.py::test_in_a_loop[0] Passed
            tests/test_new.py::test_in_a_loop[1] Passed
            the author says that the task asks for no change of behaviour"#]],
    )
    .await;
}

#[tokio::test]
async fn a_test_that_is_red_and_green_by_turns_goes_back() {
    // What one run leaves behind outside of its checkout, the next one finds.
    let outside = FolderWorkspace::new([("a.py", "")]);
    let text = "\
import pathlib

import app


def test_by_turns():
    mark = pathlib.Path(\"OUTSIDE/mark\")
    if mark.exists():
        mark.unlink()
    else:
        mark.touch()
        assert app.count() == 1
"
    .replace("OUTSIDE", &outside.root().display().to_string());
    check(
        vec![
            submit(&[("tests/test_new.py", &text)], false),
            submit(&[("tests/test_new.py", RED)], false),
        ],
        expect![[r#"
            tests/test_new.py::test_one Failed and red for the right reason
            > These tests can't be taken as they are:
            > 
            > [begin problems 62a26de1]
            > - tests/test_new.py::test_by_turns: it is not deterministic: run twice on the same code it failed, then it passed
            > [end problems 62a26de1]"#]],
    )
    .await;
}

#[tokio::test]
async fn red_by_a_fixture_alone_goes_back() {
    let text = "\
import app
import pytest


@pytest.fixture
def one():
    assert app.count() == 1


def test_one(one):
    assert app.count() == 1
";
    let fixture = || submit(&[("tests/test_new.py", text)], false);
    check(vec![fixture(), fixture(), fixture()], expect![[r#"
        missing acceptance tests: none of the tests that the author handed in showed anything on the base (last: tests/test_new.py::test_one: it failed in a fixture, before its own body ran)
        > These tests can't be taken as they are:
        > 
        > [begin problems e9aa9170]
        > - tests/test_new.py::test_one: it failed in a fixture, before its own body ran
        > [end problems e9aa9170]
        > These tests can't be taken as they are:
        > 
        > [begin problems e9aa9170]
        > - tests/test_new.py::test_one: it failed in a fixture, before its own body ran
        > [end problems e9aa9170]"#]]).await;
}

#[tokio::test]
async fn what_was_tried_before_a_crash_is_not_tried_again() {
    let replies = || vec![submit(&[("tests/test_new.py", RED)], false)];
    let work = || FolderWorkspace::new(FILES).running(run_for_real);
    let first = TestVisit::new(SaysModel::new(replies()), work());
    let prepared = TestAuthor::new().prepare(&first.context(), &task()).await;
    let mut second = TestVisit::new(SaysModel::new(replies()), work());
    second.steps = MemorySteps::after(first.steps.recorded());
    let again = TestAuthor::new().prepare(&second.context(), &task()).await;
    assert_eq!(again.expect("it ends"), prepared.expect("it ends"));
    assert_eq!(second.work.ran(), []);
}

#[tokio::test]
async fn an_import_error_is_not_red_and_goes_back() {
    check(
        vec![
            submit(&[("tests/test_new.py", BROKEN)], false),
            submit(&[("tests/test_new.py", RED)], false),
        ],
        expect![[r#"
            tests/test_new.py::test_one Failed and red for the right reason
            > These tests can't be taken as they are:
            > 
            > [begin problems b5070458]
            > - tests/test_new.py: it could not be imported
            > [end problems b5070458]"#]],
    )
    .await;
}

#[tokio::test]
async fn a_set_without_anything_red_goes_back_and_is_kept_in_the_end() {
    let green = || submit(&[("tests/test_new.py", GREEN)], false);
    check(vec![green(), green(), green()], expect![[r#"
        tests/test_new.py::test_number Passed
        every test passes on the base already
        > Every test passes on the code as it is now, so none of them shows what the task asks for. Add at least one that fails now, in its own body, and will pass when the task is done; or set `no_behaviour_change` if the task asks for none.
        > Every test passes on the code as it is now, so none of them shows what the task asks for. Add at least one that fails now, in its own body, and will pass when the task is done; or set `no_behaviour_change` if the task asks for none."#]]).await;
}

#[tokio::test]
async fn a_task_without_a_change_of_behaviour_gets_tests_that_guard_it() {
    check(
        vec![
            submit(&[("tests/test_new.py", RED)], true),
            submit(&[("tests/test_new.py", GREEN)], true),
        ],
        expect![[r#"
            tests/test_new.py::test_number Passed
            the author says that the task asks for no change of behaviour
            > These tests can't be taken as they are:
            > 
            > [begin problems a1b162df]
            > - tests/test_new.py::test_one: it fails, and you say that the task asks for no change of behaviour
            > [end problems a1b162df]"#]],
    )
    .await;
}

#[tokio::test]
async fn what_is_good_is_kept_when_no_try_is_left() {
    let files = [("tests/test_new.py", RED), ("tests/test_broken.py", BROKEN)];
    let both = || submit(&files, false);
    check(
        vec![both(), both(), both()],
        expect![[r#"
        tests/test_new.py::test_one Failed and red for the right reason
        > These tests can't be taken as they are:
        > 
        > [begin problems da3e0ba3]
        > - tests/test_broken.py: it could not be imported
        > [end problems da3e0ba3]
        > These tests can't be taken as they are:
        > 
        > [begin problems da3e0ba3]
        > - tests/test_broken.py: it could not be imported
        > [end problems da3e0ba3]"#]],
    )
    .await;
}

#[tokio::test]
async fn a_file_in_the_wrong_place_is_never_written() {
    check(
        vec![
            submit(
                &[("tests/conftest.py", ""), ("app.py", ""), ("../x.py", "")],
                false,
            ),
            submit(&[("tests/test_old.py", RED)], false),
            submit(&[], false),
        ],
        expect![[r#"
            missing acceptance tests: none of the tests that the author handed in showed anything on the base (last: there is no file in it)
            > These tests can't be taken as they are:
            > 
            > [begin problems 21c9b373]
            > - tests/conftest.py: its name must be like `test_….py`
            > - app.py: it must stand in `tests/`
            > - ../x.py: it must stand in `tests/`
            > [end problems 21c9b373]
            > 
            > Hand in the whole set again with `submit_tests`. You have 2 tries left.
            > These tests can't be taken as they are:
            > 
            > [begin problems 35d736a3]
            > - tests/test_old.py: the repository has it already; choose a new name
            > [end problems 35d736a3]
            > 
            > Hand in the whole set again with `submit_tests`. This is your last try."#]],
    )
    .await;
}

#[tokio::test]
async fn an_author_that_hands_in_nothing_leaves_a_gap_that_is_said() {
    check(
        vec![says("Done!"), says("Really."), says("Yes.")],
        expect!["missing acceptance tests: the author answered without handing in any test"],
    )
    .await;
    check(
        vec![
            calls([("run", json!({"command": "ls"}))]),
            calls([("submit_tests", json!("{\"files\": ["))]),
            says(""),
            says(""),
            says(""),
        ],
        expect![[r#"
            missing acceptance tests: the author answered without handing in any test (last: could not read the arguments: EOF while parsing a list at line 1 column 11)
            > could not use `run`: there is no such tool (there are: list_files, search, read_file, submit_tests)
            > These tests can't be taken as they are:
            > 
            > [begin problems 17665f53]
            > - could not read the arguments: EOF while parsing a list at line 1 column 11
            > [end problems 17665f53]
            > 
            > Hand in the whole set again with `submit_tests`. You have 2 tries left."#]],
    )
    .await;
}

#[tokio::test]
async fn without_a_model_there_are_no_acceptance_tests_and_the_run_goes_on() {
    let visit = TestVisit::new(NoModel::default(), FolderWorkspace::new(FILES));
    let prepared = TestAuthor::new().prepare(&visit.context(), &task()).await;
    assert_eq!(
        shown(&prepared.expect("no author is no error")),
        "missing acceptance tests: there is no test author"
    );
}

#[tokio::test]
async fn a_vendor_that_can_not_be_reached_stops_the_run_so_that_it_can_go_on_later() {
    let visit = TestVisit::new(SaysModel::new([]), FolderWorkspace::new(FILES));
    let prepared = TestAuthor::new().prepare(&visit.context(), &task()).await;
    assert!(
        matches!(prepared, Err(AgentError::Model(_))),
        "{prepared:?}"
    );
}

#[tokio::test]
async fn the_authors_own_report_is_no_test_run() {
    let visit = TestVisit::new(SaysModel::new([]), FolderWorkspace::new(FILES));
    let mut state = RunState::new(task());
    let report = TestAuthor::new().run(&visit.context(), &state).await;
    state.absorb(Stage::Testing, &report.expect("it only says what it did"));
    assert_eq!(state.tests_passed, None);
}
