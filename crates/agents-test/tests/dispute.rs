//! The dispute about a test with scripted words and the real pytest, and what the tests then say of a change.

use agents_test::TestAuthor;
use expect_test::{Expect, expect};
use protocol::{
    AcceptanceTests, Agent, AgentContext, Dispute, Evidence, Message, ModelReply, Report, RunState,
    Stage, Task, Workspace,
};
use serde_json::{Value, json};
use test_gates::PytestRunner;
use testkit::{
    FolderWorkspace, MemorySteps, RecordingLog, SaysModel, TestVisit,
    assert_each_request_extends_the_last, calls, limits, run_for_real, says,
};

const CODE: (&str, &str) = ("app.py", "def count():\n    return 0\n");
const OLD: &str = "tests/test_old.py";
const OLD_TESTS: &str = "\
import app
import pytest


def test_starts_at_zero():
    assert app.count() == 0


def test_is_a_number():
    assert isinstance(app.count(), int)


@pytest.mark.skip
def test_skipped():
    pass


def test_red():
    assert app.count() == 7
";
const NEW: &str = "tests/test_new.py";
const NEW_TESTS: &str =
    "import app\n\n\ndef test_counts_from_two():\n    assert app.count() == 2\n";

/// A run in its second draft: the base is measured, the author's tests are frozen, a coder disputes a test.
async fn disputed(test: &str) -> RunState {
    let mut state = RunState::new(Task::from_text("Count\n\nCount from one, not from zero."));
    let submit = json!({"files": [{"path": NEW, "text": NEW_TESTS}]});
    let visit = visit(vec![calls([("submit_tests", submit)])]);
    let cx = visit.context();
    for prepared in [
        TestAuthor::new().prepare(&cx, &state.task).await,
        PytestRunner::new()
            .prepare(&visit_of_nobody(&visit), &state.task)
            .await,
    ] {
        state.absorb_prepared(&prepared.expect("the base can be tested"));
    }
    let dispute = Dispute {
        agent: "drafter-of-some-vendor".to_owned(),
        test: test.to_owned(),
        quote: "Count from one, not from zero.".to_owned(),
        words: "It wants another number.".to_owned(),
    };
    state.iteration = 2;
    state.proposed_code = "the patch that nobody may see".to_owned();
    state.evidence.push(Evidence::Dispute(dispute));
    state
}

fn visit(replies: Vec<ModelReply>) -> TestVisit<SaysModel, FolderWorkspace> {
    let work = FolderWorkspace::new([CODE, (OLD, OLD_TESTS)]).running(run_for_real);
    TestVisit::new(SaysModel::new(replies), work)
}

/// The same visit with a memory of its own.
fn visit_of_nobody(visit: &TestVisit<SaysModel, FolderWorkspace>) -> AgentContext<'_> {
    AgentContext {
        steps: &testkit::NoSteps,
        ..visit.context()
    }
}

fn decide(granted: bool, files: &[(&str, &str)]) -> ModelReply {
    let files: Vec<Value> = files
        .iter()
        .map(|(path, text)| json!({"path": path, "text": text}))
        .collect();
    let answer = "The task says one.";
    calls([(
        "decide_dispute",
        json!({"granted": granted, "answer": answer, "files": files}),
    )])
}

fn shown(report: &Report) -> String {
    let [Evidence::AcceptanceTests(tests)] = &report.evidence[..] else {
        return report.summary.clone();
    };
    let mut text = format!("{}\n", report.summary);
    for result in &tests.on_base {
        let red = if tests.red_on_base.contains(&result.id) {
            " for the right reason"
        } else {
            ""
        };
        text += &format!("{} {:?}{red}\n", result.id, result.outcome);
    }
    let amendment = tests.amendment.as_ref().expect("it was decided");
    text += &format!("answer: {}\n", amendment.answer);
    for file in &amendment.files {
        let known = tests
            .files
            .iter()
            .any(|it| it.sha256 == file.new_sha256 && it.text == file.new_text);
        assert!(known && file.old_text != file.new_text && file.old_sha256 != file.new_sha256);
        text += &format!("amended: {} (existed: {})\n", file.path, file.existed);
    }
    text
}

async fn check(test: &str, replies: Vec<ModelReply>, want: Expect) -> RunState {
    let mut state = disputed(test).await;
    let visit = visit(replies.clone());
    let report = TestAuthor::new().run(&visit.context(), &state).await;
    let report = report.expect("it is decided");
    assert_eq!(visit.model.replies_left(), 0);
    let asked = visit.model.asked();
    assert_each_request_extends_the_last(&asked);
    let mut text = shown(&report);
    for message in &asked[asked.len() - 1].messages {
        if let Message::ToolAnswer { text: answer, .. } = message {
            let before_output = answer.split("\n\nThe end of pytest's output").next();
            text += &format!("> {}\n", before_output.unwrap_or("").replace('\n', "\n> "));
        }
    }
    want.assert_eq(&text);

    let second = TestVisit {
        steps: MemorySteps::after(visit.steps.recorded()),
        ..self::visit(replies)
    };
    let again = TestAuthor::new().run(&second.context(), &state).await;
    assert_eq!(again.expect("it is decided"), report);
    assert_eq!(second.work.ran(), [], "after a crash nothing runs again");

    state.absorb(Stage::Testing, &report);
    state
}

fn new_tests(number: u8) -> String {
    NEW_TESTS
        .replace("two", "one")
        .replace("== 2", &format!("== {number}"))
}

#[tokio::test]
async fn a_dispute_without_reason_leaves_the_test_as_it_is() {
    let test = format!("{NEW}::test_counts_from_two");
    let state = check(
        &test,
        vec![decide(false, &[])],
        expect![[r#"
        tests/test_new.py::test_counts_from_two was disputed and stands
        tests/test_new.py::test_counts_from_two Failed for the right reason
        answer: The task says one.
    "#]],
    )
    .await;
    let tests = state.acceptance_tests().expect("they stand");
    assert_eq!(tests.files[0].text, NEW_TESTS);
}

#[tokio::test]
async fn an_acceptance_test_is_changed_by_its_author_alone() {
    let test = format!("{NEW}::test_counts_from_two");
    let text = new_tests(1);
    let state = check(
        &test,
        vec![decide(true, &[(NEW, &text)])],
        expect![[r#"
        tests/test_new.py::test_counts_from_two was disputed and changed
        tests/test_new.py::test_counts_from_one Failed for the right reason
        answer: The task says one.
        amended: tests/test_new.py (existed: false)
    "#]],
    )
    .await;
    let tests = state.acceptance_tests().expect("they stand");
    assert_eq!(tests.files.len(), 1);
    assert_eq!(tests.files[0].text, text);
}

#[tokio::test]
async fn a_test_of_the_repository_is_changed_and_laid_over_the_tree() {
    let text = OLD_TESTS
        .replace("test_starts_at_zero", "test_starts_at_one")
        .replace("== 0", "== 1");
    let state = check(
        &format!("{OLD}::test_starts_at_zero"),
        vec![decide(true, &[(OLD, &text)])],
        expect![[r#"
            tests/test_old.py::test_starts_at_zero was disputed and changed
            tests/test_new.py::test_counts_from_two Failed for the right reason
            tests/test_old.py::test_starts_at_one Failed for the right reason
            tests/test_old.py::test_is_a_number Passed
            answer: The task says one.
            amended: tests/test_old.py (existed: true)
        "#]],
    )
    .await;
    // The author's other test wants two, which the task doesn't; it is not what this is about.
    let right = verdict(&state, "def count():\n    return 1\n").await;
    let wrong = verdict(&state, "def count():\n    return 0\n").await;
    expect![[r#"
        4 tests: 1 fixed, 1 failing before and now, 1 kept, 1 skipped or expected to fail; 2 of 3 acceptance tests passed
        not accepted: tests/test_new.py::test_counts_from_two
        not held against the change (failed before the change too): tests/test_old.py::test_red

        3 tests: 1 failing before and now, 1 kept, 1 skipped or expected to fail; 1 of 3 acceptance tests passed
        not accepted: tests/test_new.py::test_counts_from_two, tests/test_old.py::test_starts_at_one
        not held against the change (failed before the change too): tests/test_old.py::test_red"#]].assert_eq(&format!("{right}\n\n{wrong}"));
}

/// What the tests say of this code.
async fn verdict(state: &RunState, code: &str) -> String {
    let visit = visit(Vec::new());
    let (base, steps, log) = (visit.work, MemorySteps::default(), RecordingLog::default());
    let work = FolderWorkspace::new([CODE, (OLD, OLD_TESTS)]).running(run_for_real);
    work.write(CODE.0, code.as_bytes())
        .await
        .expect("it is written");
    let cx = AgentContext {
        model: &visit.model,
        work: &work,
        base: &base,
        steps: &steps,
        limits: &limits(),
        log: &log,
    };
    let report = PytestRunner::new().run(&cx, state).await.expect("it runs");
    report.summary
}

#[tokio::test]
async fn a_decision_that_changes_more_or_proves_nothing_goes_back() {
    let elsewhere = [("tests/test_else.py", NEW_TESTS)];
    let unchanged = [(OLD, OLD_TESTS)];
    let gone = OLD_TESTS.replace("test_is_a_number", "is_a_number");
    let changed = OLD_TESTS.replace("== 0", "== 1");
    let skips = changed.replace("def test_starts", "@pytest.mark.skip\ndef test_starts");
    let toothless = OLD_TESTS.replace("assert app.count() == 0", "app.count()");
    let test = format!("{OLD}::test_starts_at_zero");
    check(
        &test,
        vec![
            decide(true, &elsewhere),
            decide(true, &[]),
            decide(true, &unchanged),
        ],
        expect![[r#"
            tests/test_old.py::test_starts_at_zero was disputed and stands
            tests/test_new.py::test_counts_from_two Failed for the right reason
            answer: nothing was decided, so the test stands: no decision of the author could be taken (last: tests/test_old.py: nothing in it changed)
            > This can't be taken as it is:
            > 
            > [begin problems 8d98341e]
            > - tests/test_else.py: the disputed test is in tests/test_old.py
            > [end problems 8d98341e]
            > 
            > Decide again with `decide_dispute`. You have 2 tries left.
            > This can't be taken as it is:
            > 
            > [begin problems 759d0372]
            > - you follow the dispute with 0 files; hand in the one file tests/test_old.py, whole
            > [end problems 759d0372]
            > 
            > Decide again with `decide_dispute`. This is your last try; without a file that can be taken the test stands as it is.
        "#]],
    )
    .await;
    check(
        &test,
        vec![
            decide(true, &[(OLD, &gone)]),
            decide(true, &[(OLD, &skips)]),
            decide(true, &[(OLD, &toothless)]),
        ],
        expect![[r#"
            tests/test_old.py::test_starts_at_zero was disputed and stands
            tests/test_new.py::test_counts_from_two Failed for the right reason
            answer: nothing was decided, so the test stands: no decision of the author could be taken (last: tests/test_old.py::test_starts_at_zero: it asserts nothing)
            > This can't be taken as it is:
            > 
            > [begin problems 7266d7f4]
            > - tests/test_old.py::test_is_a_number: it is gone; change the disputed test only
            > [end problems 7266d7f4]
            > This can't be taken as it is:
            > 
            > [begin problems 6c81394e]
            > - tests/test_old.py::test_starts_at_zero: it was skipped
            > [end problems 6c81394e]
        "#]],
    )
    .await;
    check(
        &test,
        vec![says("It is wrong."), says("Yes."), says("Done.")],
        expect![[r#"
            tests/test_old.py::test_starts_at_zero was disputed and stands
            tests/test_new.py::test_counts_from_two Failed for the right reason
            answer: nothing was decided, so the test stands: the author answered without handing in any test
        "#]],
    )
    .await;
}

#[tokio::test]
async fn what_a_plugin_adds_to_a_file_is_no_test_that_could_be_gone() {
    let test = format!("{OLD}::test_starts_at_zero");
    let mut state = disputed(&test).await;
    // As plugins for linters and types add one for each file; sessions that judge single files go without them.
    for evidence in &mut state.evidence {
        if let Evidence::Baseline(base) = evidence {
            let mut verdict = base.results[0].clone();
            verdict.id = format!("{OLD}::LINT");
            base.collected.push(verdict.id.clone());
            base.results.push(verdict);
        }
    }
    let changed = OLD_TESTS.replace("count() == 0", "count() == 1");
    let visit = visit(vec![decide(true, &[(OLD, &changed)])]);
    let report = TestAuthor::new().run(&visit.context(), &state).await;
    let told = shown(&report.expect("it is decided"));
    assert!(told.contains("amended: tests/test_old.py"), "{told}");
}

#[tokio::test]
async fn the_author_sees_neither_the_change_nor_who_made_it_and_decides_once() {
    let mut state = disputed(&format!("{NEW}::test_counts_from_two")).await;
    let visit = visit(vec![decide(false, &[])]);
    let report = TestAuthor::new().run(&visit.context(), &state).await;
    let asked = format!("{:?}", visit.model.asked());
    for hidden in ["the patch that nobody may see", "drafter", "vendor"] {
        assert!(!asked.contains(hidden), "{hidden}: {asked}");
    }
    for shown in ["It wants another number.", "not from zero", "== 2"] {
        assert!(asked.contains(shown), "{shown}: {asked}");
    }
    state.absorb(Stage::Testing, &report.expect("it is decided"));
    // Another draft disputes once more; the model has nothing left to say.
    let again = TestAuthor::new().run(&visit.context(), &state).await;
    assert_eq!(again.expect("nothing is asked").evidence, []);
    state.begin_redraft();
    let kept = state
        .acceptance_tests()
        .and_then(|it| it.amendment.as_ref());
    assert!(kept.is_some(), "the decision holds for every draft");
}

#[tokio::test]
async fn without_acceptance_tests_the_author_can_still_judge_the_repositorys_own() {
    let mut state = disputed(&format!("{OLD}::test_starts_at_zero")).await;
    state
        .evidence
        .retain(|it| !matches!(it, Evidence::AcceptanceTests(_)));
    let text = OLD_TESTS.replace("== 0", "== 1");
    let visit = visit(vec![decide(true, &[(OLD, &text)])]);
    let report = TestAuthor::new().run(&visit.context(), &state).await;
    let report = report.expect("it is decided");
    let [Evidence::AcceptanceTests(AcceptanceTests { red_on_base, .. })] = &report.evidence[..]
    else {
        panic!("{report:?}");
    };
    assert_eq!(*red_on_base, [format!("{OLD}::test_starts_at_zero")]);
}
