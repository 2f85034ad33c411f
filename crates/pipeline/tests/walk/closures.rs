//! Generate, test, fix with plain closures instead of models.

use expect_test::{Expect, expect};
use pipeline::{Crew, FnCoder, Written};
use protocol::{
    Agent, AgentContext, AgentError, Evidence, Exit, Report, RunEvent, RunState, Stage,
    TestOutcome, TestResult, TestRun,
};
use testkit::{FolderWorkspace, journal_text};

use crate::scene::Scene;

/// Stands for pytest: every draft is looked at, and what is there is counted as a test run.
struct Tests;

#[async_trait::async_trait]
impl Agent for Tests {
    fn name(&self) -> &str {
        "tests"
    }

    async fn run(&self, cx: &AgentContext<'_>, _: &RunState) -> Result<Report, AgentError> {
        let text = String::from_utf8_lossy(&cx.work.read("a.py").await?).into_owned();
        let good = text.contains("return 2");
        let report = match good {
            true => Report::passed("1 passed"),
            false => Report::rejected("1 failed", format!("it must return 2, not: {text}")),
        };
        Ok(report.with(Evidence::Tests {
            run: TestRun {
                results: vec![TestResult {
                    id: "t.py::test_two".to_owned(),
                    outcome: match good {
                        true => TestOutcome::Passed,
                        false => TestOutcome::Failed,
                    },
                    phase: "call".to_owned(),
                    exception: String::new(),
                    message: String::new(),
                }],
                collected: Vec::new(),
                collection_errors: Vec::new(),
                exit: Exit::Code(i32::from(!good)),
                finished: true,
                wall_ms: 0,
                cached: false,
                tail: String::new(),
            },
            comparison: Vec::new(),
            reruns: Vec::new(),
            scope: None,
        }))
    }
}

fn scene(coder: FnCoder, drafts_max: u8) -> Scene {
    let mut scene = Scene::new(|_| panic!("no model is asked"))
        .with_work(FolderWorkspace::new([("a.py", "old\n"), ("gone.py", "")]));
    scene.limits.iterations_max = drafts_max;
    let crew = Crew::new().with(Stage::Drafting, coder);
    scene.crew = Some(crew.with(Stage::Testing, Tests));
    scene
}

async fn check(scene: Scene, want: Expect) {
    let outcome = scene.walk().await.expect("the journal is in memory");
    want.assert_eq(&format!(
        "{}\n{:?}: {}\na.py: {:?}\n",
        journal_text(&scene.journal.entries()),
        outcome.state.status,
        outcome.explanation,
        scene.work.text("a.py")
    ));
}

#[tokio::test]
async fn a_draft_that_fails_is_fixed() {
    let coder = FnCoder::new("mine", |state, work| async move {
        let before = work.read("a.py").await?;
        // What is tried out in the private checkout doesn't stay.
        work.write("scratch.py", &before).await?;
        assert_eq!((state.iteration, state.feedback), (1, None));
        Ok(Written::new("a first try")
            .file("a.py", "return 1\n")
            .without("gone.py"))
    })
    .fixing(|state, work| async move {
        let feedback = state.feedback.expect("a fix follows a rejection");
        assert!(feedback.starts_with("it must return 2"), "{feedback}");
        assert_eq!(work.read("a.py").await?, b"return 1\n");
        Ok(Written::new("returns two").replace("a.py", "return 1", "return 2"))
    });
    check(scene(coder, 3), expect![[r#"
        opened: make it good (writer, blind, judge)
        set up
        Drafting 1: mine begins
        Drafting 1: mine passed, showing a draft
        Testing 1: tests begins
        Testing 1: tests sent back, showing tests: 1, red: 1
        Drafting 2: mine begins
        Drafting 2: mine passed, showing a draft
        Testing 2: tests begins
        Testing 2: tests passed, showing tests: 1, red: 0
        finished: Completed, Unverified

        Completed: draft 2 came through the stages that were there, but what it does was not proven by tests and a review
        a.py: "return 2\n"
    "#]]).await;
}

#[tokio::test]
async fn the_last_fix_is_tested_before_the_run_ends() {
    for drafts_max in 1..=3 {
        let coder = FnCoder::new("mine", |state, _| async move {
            Ok(Written::new("tries").file("a.py", format!("return {}\n", 10 + state.iteration)))
        });
        let scene = scene(coder, drafts_max);
        let outcome = scene.walk().await.expect("the journal is in memory");
        assert_eq!(outcome.stage, Stage::Failed);
        let reports: Vec<Stage> = scene
            .journal
            .events()
            .into_iter()
            .filter_map(|it| match it {
                RunEvent::Reported { stage, .. } => Some(stage),
                _ => None,
            })
            .collect();
        let each_draft = [Stage::Drafting, Stage::Testing];
        assert_eq!(reports, each_draft.repeat(drafts_max.into()));
    }
}

#[tokio::test]
async fn an_edit_that_does_not_fit_is_named() {
    let coder = FnCoder::new("mine", |_, _| async move {
        Ok(Written::new("")
            .replace("a.py", "l", "L")
            .replace("a.py", "x", "y"))
    });
    check(scene(coder, 3), expect![[r#"
        opened: make it good (writer, blind, judge)
        set up
        Drafting 1: mine begins
        interrupted: AgentBroke

        Running: mine could not use `mine`: the piece to replace occurs 0 times in `a.py`, and must occur once
        a.py: "oLd\n"
    "#]]).await;
}
