//! The reviewer: shows a model the task, the change and what the tests showed, and takes its verdict under rules.

use async_trait::async_trait;
use prompts::{ReviewChange, ReviewRepair, ReviewSystem};
use protocol::{
    Agent, AgentContext, AgentError, Evidence, Finding, Message, ModelError, ModelReply,
    ModelRequest, Report, Review, ReviewVerdict, RunState, StopReason,
};

use crate::amended::Amended;
use crate::places::Places;
use crate::verdict::{Judged, blocking, judge, read};
use crate::{schema, shown};

/// Largest change that is reviewed. A change that was cut for the prompt would be passed half unseen.
const CHANGE_BYTES_MAX: usize = 400 * 1024;
/// Characters of an unreadable reply that are told in the error.
const BEGAN_CHARS_MAX: usize = 200;

/// Reads a change the way a reviewer would, with a model of another vendor than the last coder's.
///
/// Without a verdict that can be read, after one more chance, there is no review and so no pass: that is an error.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reviewer;

impl Reviewer {
    /// A reviewer.
    pub fn new() -> Reviewer {
        Reviewer
    }
}

#[async_trait]
impl Agent for Reviewer {
    fn name(&self) -> &str {
        "reviewer"
    }

    async fn run(&self, cx: &AgentContext<'_>, state: &RunState) -> Result<Report, AgentError> {
        let change = shown::without_binary_bodies(&state.proposed_code);
        if CHANGE_BYTES_MAX < change.len() {
            return Ok(Report::rejected(
                "the change is too large to be reviewed as a whole",
                format!(
                    "The change is {} bytes long, and a review takes at most {CHANGE_BYTES_MAX}. \
                     Keep to what the task asks for: no generated files, no reformatting.",
                    change.len()
                ),
            ));
        }
        let judged = review(cx, state, &change).await?;
        Ok(report(judged))
    }
}

/// Asks, and once more when the answer can't be read or refuses without a reason that can be checked.
async fn review(
    cx: &AgentContext<'_>,
    state: &RunState,
    change: &str,
) -> Result<Judged, AgentError> {
    let task = state.task.as_markdown();
    let amended = Amended::of(state);
    let places = Places::of(&format!("{}{}", state.proposed_code, amended.patch));
    let mut request = ModelRequest {
        system: ReviewSystem.render(),
        messages: vec![Message::user(
            ReviewChange {
                task: &task,
                amendments: &amended.shown(),
                tests: tests(state),
                change,
            }
            .render(),
        )],
        tools: Vec::new(),
        output: Some(schema::review()),
        reply_tokens_max: cx.limits.reply_tokens_max,
        effort: None,
    };
    let first = ask(cx, &request).await?;
    let unreadable = match verdict_in(&first) {
        Ok(review) => {
            let judged = judge(review, &places, &task);
            if !judged.refuses_without_a_reason() {
                return Ok(judged);
            }
            None
        }
        Err(why) => Some(why),
    };
    let cut_off = first.stop == StopReason::TokensMax;
    let paused = first.stop == StopReason::Paused;
    // No tool was on offer, so a call can't be answered and mustn't be sent back.
    if !first.text.is_empty() && first.tool_calls.is_empty() {
        request.messages.push(Message::Assistant { reply: first });
    }
    // What was paused goes on by itself when it is sent back as it is.
    if !paused {
        let unreadable = unreadable.as_deref();
        request.messages.push(Message::user(
            ReviewRepair {
                cut_off,
                unreadable,
            }
            .render(),
        ));
    }
    let second = ask(cx, &request).await?;
    let review = verdict_in(&second).map_err(|why| AgentError::UnreadableReply {
        expected: "the JSON of a review, also when asked once more",
        instead: match second.stop {
            StopReason::Done => {
                let began: String = second.text.chars().take(BEGAN_CHARS_MAX).collect();
                format!("it began {began:?}")
            }
            _ => why,
        },
    })?;
    Ok(judge(review, &places, &task))
}

/// Asks, and judges why the model stopped before anybody looks at its words.
async fn ask(cx: &AgentContext<'_>, request: &ModelRequest) -> Result<ModelReply, AgentError> {
    let model = || cx.model.id().to_string();
    let reply = match cx.model.ask(request).await {
        Err(ModelError::ContextFull { message, .. }) => {
            return Err(unreviewed(StopReason::ContextFull, message));
        }
        asked => asked?,
    };
    let told = reply.stop_told();
    match reply.stop {
        StopReason::Done | StopReason::TokensMax | StopReason::Malformed | StopReason::Paused => {
            Ok(reply)
        }
        StopReason::ContextFull => Err(unreviewed(reply.stop, reply.stop_details)),
        StopReason::Filtered => Err(AgentError::ReviewFiltered {
            model: model(),
            told,
        }),
        StopReason::Declined => Err(AgentError::Stopped {
            model: model(),
            stop: reply.stop,
            told,
        }),
    }
}

/// No review, because the model could not read all that it was asked to judge.
fn unreviewed(stop: StopReason, details: String) -> AgentError {
    AgentError::UnreadableReply {
        expected: "a review",
        instead: match details.as_str() {
            "" => format!("the model {}", stop.told()),
            details => format!("the model {} ({details})", stop.told()),
        },
    }
}

/// The review in a reply, or why there is none. Only a whole reply can be one, whatever its words look like.
fn verdict_in(reply: &ModelReply) -> Result<Review, String> {
    match reply.stop {
        StopReason::Done => read(&reply.text).map_err(|it| it.to_string()),
        _ => Err(format!("the model {}", reply.stop_told())),
    }
}

fn tests(state: &RunState) -> &str {
    if state.test_output.is_empty() {
        "no tests were run"
    } else {
        &state.test_output
    }
}

fn report(judged: Judged) -> Report {
    let review = judged.review;
    let report = match review.verdict {
        ReviewVerdict::Pass => Report::passed(review.summary.clone()),
        ReviewVerdict::Fail => Report::rejected(review.summary.clone(), feedback(&review)),
    };
    report.with(Evidence::Review(review))
}

/// A refusal stays a refusal even when nothing of it can be checked: the gate asks for a pass.
fn feedback(review: &Review) -> String {
    let founded: Vec<String> = blocking(review).map(in_words).collect();
    if founded.is_empty() {
        let all: Vec<String> = review.findings.iter().map(in_words).collect();
        return format!(
            "The reviewer refuses the change, but named no line of it and no words of the task that can be checked. \
             Look whether there is something in it:\n{}\n{}",
            review.summary,
            all.concat()
        );
    }
    format!(
        "The reviewer sends the change back: {}\n{}",
        review.summary,
        founded.concat()
    )
}

fn in_words(finding: &Finding) -> String {
    let mut place = String::new();
    if !finding.file.is_empty() {
        place = format!("{}:{} ", finding.file, finding.line);
    }
    if !finding.requirement.is_empty() {
        place += &format!("(the task says: \"{}\") ", finding.requirement);
    }
    format!("- {place}{}\n", finding.message)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use protocol::{AcceptanceTests, AmendedFile, Amendment, Dispute, Message, ModelReply, Task};
    use testkit::{
        FolderWorkspace, SaysModel, TestVisit, assert_each_request_extends_the_last, says,
    };

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
        let (shown, feedback) =
            asked(true, reply("fail", &blocking_at("tests/test_a.py", 2))).await;
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
}
