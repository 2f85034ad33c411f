//! A test that sent the change back may be disputed.

use super::*;

/// Sent back by an acceptance test.
fn not_accepted() -> RunState {
    let tests = AcceptanceTests {
        on_base: vec![protocol::TestResult {
            id: WANTED.to_owned(),
            outcome: protocol::TestOutcome::Failed,
            phase: "call".to_owned(),
            exception: String::new(),
            message: String::new(),
        }],
        ..AcceptanceTests::default()
    };
    RunState {
        evidence: vec![Evidence::AcceptanceTests(tests)],
        ..redraft()
    }
}

fn dispute(quote: &str) -> (&'static str, Value) {
    let arguments = json!({"test": WANTED, "quote": quote, "words": "It wants another sum."});
    ("dispute_test", arguments)
}

#[test]
fn a_test_that_sent_the_change_back_may_be_disputed_once() {
    let coder = Coder::new("coder", CoderRole::Draft, Dialect::Functions);
    let replies = || {
        [
            calls([dispute("It should subtract.")]),
            calls([dispute("It should add."), dispute("It should add.")]),
            finish(),
        ]
    };
    let disputes = |report: &Report| -> Vec<Evidence> {
        let all = report.evidence.iter();
        all.filter(|it| matches!(it, Evidence::Dispute(_)))
            .cloned()
            .collect()
    };
    let answers = |visit: &TestVisit<SaysModel, FolderWorkspace>| {
        let asked = visit.model.asked();
        let of_tools = |it: &Message| match it {
            Message::ToolAnswer { text, .. } => Some(text.clone()),
            _ => None,
        };
        let last = asked.last().expect("it was asked");
        last.messages
            .iter()
            .filter_map(of_tools)
            .collect::<Vec<_>>()
    };

    let (report, seen) = visit(&coder, &not_accepted(), replies());
    let offered = |visit: &TestVisit<SaysModel, FolderWorkspace>| {
        let tools = &visit.model.asked()[0].tools;
        tools.iter().any(|it| it.name == "dispute_test")
    };
    assert!(offered(&seen));
    let text = first_message(&seen.model.asked()[0]).to_owned();
    assert!(text.contains("`dispute_test`"), "{text}");
    expect![[r#"[Dispute(Dispute { agent: "coder", test: "tests/test_new.py::test_add", quote: "It should add.", words: "It wants another sum." })]"#]].assert_eq(&format!("{:?}", disputes(&report)));
    expect![[r#"
        could not dispute a test: the quote is no line of the task (copy it word for word, from one line)
        noted: the author of the tests decides when your draft is tested. Leave the test as it is, and make the change that the task asks for
        could not dispute a test: one test is disputed already, and there is one dispute in a run"#]].assert_eq(&answers(&seen).join("\n"));

    let (report, seen) = visit(&coder, &redraft(), replies());
    assert!(!offered(&seen));
    assert_eq!(disputes(&report), []);
    expect!["could not dispute a test: nothing may be disputed now (only a test that sent the change back, and one in a run)"].assert_eq(&answers(&seen)[0]);
}
