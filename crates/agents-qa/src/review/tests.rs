//! What reviews come to, and what a model is asked for them.

use expect_test::{Expect, expect};
use protocol::{
    AcceptanceTests, AmendedFile, Amendment, Dispute, Message, Model, ModelReply, Share, Task,
};
use testkit::{FolderWorkspace, SaysModel, TestVisit, assert_each_request_extends_the_last, says};

use super::*;

const PATCH: &str = "\
diff --git a/a.py b/a.py
--- a/a.py
+++ b/a.py
@@ -1 +1 @@
-one
+two
";

fn reply(verdict: &str, findings: &str) -> ModelReply {
    says(format!(
        r#"{{"verdict": "{verdict}", "summary": "Seen.", "findings": [{findings}]}}"#
    ))
}

fn blocking_at(file: &str, line: u32) -> String {
    format!(
        r#"{{"severity": "blocking", "file": "{file}", "line": {line}, "requirement": "", "message": "wrong"}}"#
    )
}

async fn check(patch: &str, replies: Vec<ModelReply>, want: Expect) {
    let files: [(&str, &str); 0] = [];
    let visit = TestVisit::new(SaysModel::new(replies), FolderWorkspace::new(files));
    let mut state = RunState::new(Task::from_text("Count to two"));
    state.proposed_code = patch.to_owned();
    let shown = match Reviewer::new().run(&visit.context(), &state).await {
        Ok(report) => {
            let verdict = report.verdict.feedback().unwrap_or("passed");
            format!("{}\n{verdict}", report.summary)
        }
        Err(error) => format!("could not {error}"),
    };
    let asked = visit.model.asked();
    assert_each_request_extends_the_last(&asked);
    want.assert_eq(&format!("asked {}\n{}", asked.len(), shown.trim_end()));
    assert_eq!(visit.model.replies_left(), 0);
}

#[tokio::test]
async fn a_pass_passes() {
    check(
        PATCH,
        vec![reply("pass", "")],
        expect![[r#"
            asked 1
            Seen.
            passed"#]],
    )
    .await;
}

#[tokio::test]
async fn a_refusal_tells_the_coder_where() {
    check(
        PATCH,
        vec![reply("fail", &blocking_at("a.py", 1))],
        expect![[r#"
            asked 1
            Seen.
            The reviewer sends the change back: Seen.
            - a.py:1 wrong"#]],
    )
    .await;
}

#[tokio::test]
async fn a_reply_that_is_no_verdict_gets_one_more_chance() {
    check(
        PATCH,
        vec![says("PASS"), reply("pass", "")],
        expect![[r#"
            asked 2
            Seen.
            passed"#]],
    )
    .await;
    check(
            PATCH,
            vec![says("This does not PASS."), says("PASS: looks good")],
            expect![[r#"
            asked 2
            could not read the model's reply as the JSON of a review, also when asked once more: it began "PASS: looks good""#]],
        )
        .await;
}

/// Every reason to stop, with words that look like a pass and with a call: only a whole reply is a verdict.
#[tokio::test]
async fn only_a_whole_reply_is_a_verdict() {
    let files: [(&str, &str); 0] = [];
    let mut table = String::new();
    for stop in StopReason::ALL {
        let call = testkit::calls([("pass", serde_json::json!({}))]);
        let both = ModelReply {
            text: reply("pass", "").text,
            ..call.clone()
        };
        for (shape, said) in [("text", reply("pass", "")), ("call", call), ("both", both)] {
            let said = ModelReply {
                stop,
                stop_details: "its own word".into(),
                ..said
            };
            let model = SaysModel::new(vec![said; 3]);
            let visit = TestVisit::new(model, FolderWorkspace::new(files));
            let mut state = RunState::new(Task::from_text("Count to two"));
            state.proposed_code = PATCH.to_owned();
            let shown = match Reviewer::new().run(&visit.context(), &state).await {
                Ok(report) => format!("{:?}", report.verdict),
                Err(error) => format!("could not {error}"),
            };
            let asked = visit.model.asked().len();
            table += &format!("{stop:?}, {shape}: asked {asked}, {shown}\n");
        }
    }
    expect![[r#"
        Done, text: asked 1, Passed
        Done, call: asked 2, could not read the model's reply as the JSON of a review, also when asked once more: it began ""
        Done, both: asked 1, Passed
        TokensMax, text: asked 2, could not read the model's reply as the JSON of a review, also when asked once more: the model was cut off at the longest reply (its own word)
        TokensMax, call: asked 2, could not read the model's reply as the JSON of a review, also when asked once more: the model was cut off at the longest reply (its own word)
        TokensMax, both: asked 2, could not read the model's reply as the JSON of a review, also when asked once more: the model was cut off at the longest reply (its own word)
        ContextFull, text: asked 1, could not read the model's reply as a review: the model had no room left in its context (its own word)
        ContextFull, call: asked 1, could not read the model's reply as a review: the model had no room left in its context (its own word)
        ContextFull, both: asked 1, could not read the model's reply as a review: the model had no room left in its context (its own word)
        Filtered, text: asked 1, could not get a review from test:says: it was stopped by its vendor's filter (its own word)
        Filtered, call: asked 1, could not get a review from test:says: it was stopped by its vendor's filter (its own word)
        Filtered, both: asked 1, could not get a review from test:says: it was stopped by its vendor's filter (its own word)
        Declined, text: asked 1, could not use the reply of test:says: it declined (its own word)
        Declined, call: asked 1, could not use the reply of test:says: it declined (its own word)
        Declined, both: asked 1, could not use the reply of test:says: it declined (its own word)
        Malformed, text: asked 2, could not read the model's reply as the JSON of a review, also when asked once more: the model made a call that can't be read (its own word)
        Malformed, call: asked 2, could not read the model's reply as the JSON of a review, also when asked once more: the model made a call that can't be read (its own word)
        Malformed, both: asked 2, could not read the model's reply as the JSON of a review, also when asked once more: the model made a call that can't be read (its own word)
        Paused, text: asked 2, could not read the model's reply as the JSON of a review, also when asked once more: the model was paused by its vendor (its own word)
        Paused, call: asked 2, could not read the model's reply as the JSON of a review, also when asked once more: the model was paused by its vendor (its own word)
        Paused, both: asked 2, could not read the model's reply as the JSON of a review, also when asked once more: the model was paused by its vendor (its own word)
    "#]].assert_eq(&table);
}

#[tokio::test]
async fn a_refusal_without_a_place_is_asked_for_one_and_stays_a_refusal() {
    check(
        PATCH,
        vec![
            reply("fail", &blocking_at("b.py", 9)),
            reply("fail", &blocking_at("a.py", 1)),
        ],
        expect![[r#"
            asked 2
            Seen.
            The reviewer sends the change back: Seen.
            - a.py:1 wrong"#]],
    )
    .await;
    check(
            PATCH,
            vec![reply("fail", ""), reply("fail", &blocking_at("b.py", 9))],
            expect![[r#"
            asked 2
            Seen.
            The reviewer refuses the change, but named no line of it and no words of the task that can be checked. Look whether there is something in it:
            Seen.
            - b.py:9 wrong"#]],
        )
        .await;
}

#[tokio::test]
async fn a_change_that_can_not_be_shown_whole_is_not_reviewed() {
    let patch = PATCH.replace("+two", &format!("+{}", "x".repeat(CHANGE_BYTES_MAX)));
    check(
            &patch,
            vec![],
            expect![[r#"
            asked 0
            the change is too large to be reviewed as a whole
            The change is 409666 bytes long, and a review takes at most 409600. Keep to what the task asks for: no generated files, no reformatting."#]],
        )
        .await;
}

#[tokio::test]
async fn the_figure_of_its_own_model_goes_along_with_a_review() {
    let files: [(&str, &str); 0] = [];
    let figure = |model: &str| ReviewerFigure {
        model: model.to_owned(),
        effort: None,
        cases: "c".to_owned(),
        day: "2026-05-21".to_owned(),
        caught: Share { hits: 3, of: 4 },
        blocked_otherwise: 0,
        false_blocks: Share { hits: 1, of: 2 },
        no_verdict: 0,
    };
    let known = [figure("another:model"), figure("test:says")];
    for (figures, want) in [(&known[..], Some(&known[1])), (&known[..1], None)] {
        let model = SaysModel::new([reply("pass", "")]);
        assert_eq!(model.id().to_string(), "test:says");
        let visit = TestVisit::new(model, FolderWorkspace::new(files));
        let mut state = RunState::new(Task::from_text("Count to two"));
        state.proposed_code = PATCH.to_owned();
        let reviewer = Reviewer::new().with_figures(figures.to_vec());
        let report = reviewer.run(&visit.context(), &state).await;
        let report = report.expect("it can be read");
        let told = report.evidence.iter().find_map(|it| match it {
            Evidence::ReviewerFigure(figure) => Some(figure),
            _ => None,
        });
        assert_eq!(told, want);
    }
}

fn disputed(granted: bool) -> RunState {
    let file = AmendedFile {
        path: "tests/test_a.py".into(),
        existed: true,
        old_sha256: "1".into(),
        old_text: "def test_a():\n    assert count() == 1\n".into(),
        new_sha256: "2".into(),
        new_text: "def test_a():\n    assert count() == 2\n".into(),
    };
    let mut state = RunState::new(Task::from_text("Count to two"));
    state.proposed_code = PATCH.to_owned();
    state
        .evidence
        .push(Evidence::AcceptanceTests(AcceptanceTests {
            amendment: Some(Box::new(Amendment {
                dispute: Dispute {
                    agent: "drafter".into(),
                    test: "tests/test_a.py::test_a".into(),
                    quote: "Count to two".into(),
                    words: "It wants one.".into(),
                },
                granted,
                answer: "The task says two.".into(),
                files: if granted { vec![file] } else { Vec::new() },
            })),
            ..AcceptanceTests::default()
        }));
    state
}

#[tokio::test]
async fn a_changed_test_is_shown_first_and_can_be_cited() {
    let files: [(&str, &str); 0] = [];
    let asked = async |granted: bool, reply: ModelReply| {
        let visit = TestVisit::new(SaysModel::new([reply]), FolderWorkspace::new(files));
        let (cx, state) = (visit.context(), disputed(granted));
        let report = Reviewer::new().run(&cx, &state).await;
        let report = report.expect("it can be read");
        let Message::User { text } = &visit.model.asked()[0].messages[0] else {
            panic!("the first words are ours");
        };
        let shown = text.split("What the tests showed").next().unwrap_or("");
        (
            shown.to_owned(),
            report.verdict.feedback().map(str::to_owned),
        )
    };
    let (shown, feedback) = asked(true, reply("fail", &blocking_at("tests/test_a.py", 2))).await;
    expect![[r#"
        What was asked:

        [begin task 8a07a25c]
        # Count to two
        [end task 8a07a25c]

        Tests that their author changed after a dispute, without seeing the change below. They are part of what will be merged; judge them first:

        [begin changed tests cc564434]
        tests/test_a.py::test_a was disputed, because the task says: Count to two

        The dispute: It wants one.

        The author of the tests followed it: The task says two.

        diff --git a/tests/test_a.py b/tests/test_a.py
        --- a/tests/test_a.py
        +++ b/tests/test_a.py
        @@ -1,2 +1,2 @@
         def test_a():
        -    assert count() == 1
        +    assert count() == 2
        [end changed tests cc564434]

    "#]].assert_eq(&shown);
    expect![[r#"
        The reviewer sends the change back: Seen.
        - tests/test_a.py:2 wrong
    "#]]
    .assert_eq(&feedback.unwrap_or_default());
    let (shown, _) = asked(false, reply("pass", "")).await;
    assert!(!shown.contains("dispute"), "{shown}");
}
