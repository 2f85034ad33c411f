//! How walks end.

use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use pipeline::{Crew, Stop};
use protocol::{
    Agent, AgentContext, AgentError, ModelError, Prepared, Reason, Report, RunState, Stage, Task,
    WorkspaceError,
};
use testkit::FolderWorkspace;
use tokio::sync::Barrier;

use crate::scene::{Scene, Writer, short};

/// Walks, and shows the end and the text of the file.
async fn check(scene: Scene, want: Expect) {
    let outcome = scene.walk().await.expect("the journal holds");
    want.assert_eq(&format!(
        "{} {:?} {:?} in draft {}: {}\n{:?}\n",
        outcome.stage,
        outcome.state.status,
        outcome.state.reason,
        outcome.state.iteration,
        outcome.explanation,
        scene.work.text("a.py"),
    ));
}

fn fixes_it_at_the_second_try(asked: &str) -> Result<String, ModelError> {
    Ok(match asked {
        "draft 1 after nothing" => "bad\n",
        "draft 2 after `bad\n` is not good" => "good\n",
        _ => "done",
    }
    .to_owned())
}

#[tokio::test]
async fn rejection_leads_back_to_drafting_with_its_words() {
    check(
        Scene::new(fixes_it_at_the_second_try),
        expect![[r#"
            Completed Completed None in draft 2: draft 2 came through the stages that were there, but what it does was not proven by tests and a review (missing: tests)
            "good\n"
        "#]],
    )
    .await;
}

#[tokio::test]
async fn everything_is_written_down_before_it_is_acted_on() {
    let scene = Scene::new(|_| Ok("good\n".to_owned()));
    scene.walk().await.expect("the journal holds");
    let lines = short(&scene.journal);
    // What is prepared runs beside the drafting, so its lines may stand anywhere before its stage.
    let (beside, walk): (Vec<&str>, Vec<&str>) = lines
        .lines()
        .partition(|it| it.contains("blind 0") || it.contains("blind is"));
    assert_eq!(beside.len(), 2, "{lines}");
    expect![[r#"
        opened
        set up
          writer is prepared
          judge is prepared
        Drafting 1: writer
          writer 1 was answered
          writer 1 did write a.py
          writer 1 was answered
          writer says good

        Testing 1: blind
          blind says prepared already
        QA 1: judge
          judge 1 did look
          judge says good
        finished: Completed None"#]]
    .assert_eq(&walk.join("\n"));
}

#[tokio::test]
async fn last_draft_sent_back_fails_the_run() {
    let mut scene = Scene::new(|asked| Ok(format!("bad because {asked}")));
    scene.limits.iterations_max = 2;
    check(
        scene,
        expect![[r#"
            Failed Failed Some(RedraftsExhausted) in draft 2: every one of 2 drafts was sent back
            "bad because draft 2 after `bad because draft 1 after nothing` is not good"
        "#]],
    )
    .await;
}

#[tokio::test]
async fn same_draft_twice_ends_the_run_at_once() {
    check(
        Scene::new(|_| Ok("bad".to_owned())),
        expect![[r#"
            Failed Failed Some(NoProgress) in draft 2: the draft is the same as the one before
            "bad"
        "#]],
    )
    .await;
}

#[tokio::test]
async fn no_change_at_all_is_no_code() {
    check(
        Scene::new(|_| Ok(String::new())),
        expect![[r#"
            Failed Failed Some(NoCode) in draft 1: no coder changed anything in the repository
            "old\n"
        "#]],
    )
    .await;
}

#[tokio::test]
async fn unreachable_vendor_and_spent_budget_interrupt() {
    check(
        Scene::new(|_| {
            Err(ModelError::Busy {
                vendor: "openai".into(),
                tries: 4,
                message: "overloaded".into(),
            })
        }),
        expect![[r#"
            Drafting Running Some(VendorUnavailable) in draft 1: blind could not ask the model: get an answer from openai after 4 tries: overloaded
            "old\n"
        "#]],
    )
    .await;
    check(
        Scene::new(|asked| {
            if asked.starts_with("last word") {
                Err(ModelError::BudgetExhausted {
                    needed: "100 tokens".into(),
                    left: "3 tokens".into(),
                })
            } else {
                Ok("good".to_owned())
            }
        }),
        expect![[r#"
            Drafting Running Some(BudgetExhausted) in draft 1: writer could not ask the model: stay within the budget: the next request may need 100 tokens and 3 tokens is left
            "good"
        "#]],
    )
    .await;
}

#[tokio::test]
async fn stop_interrupts_and_the_journal_ends_with_it() {
    let mut scene = Scene::new(|_| Ok("good".to_owned()));
    let (handle, stop) = Stop::new();
    scene.stop = stop;
    scene.crew = Some(Crew::new().with(Stage::Drafting, Forever));
    let ask = async {
        tokio::task::yield_now().await;
        handle.ask();
    };
    let (outcome, ()) = tokio::join!(scene.walk(), ask);
    let outcome = outcome.expect("the journal holds");
    assert_eq!(outcome.explanation, "the run was cancelled");
    assert!(
        short(&scene.journal).ends_with("interrupted: Cancelled"),
        "{}",
        short(&scene.journal)
    );

    // The same through the store, from another process.
    let mut scene = Scene::new(|_| Ok("good".to_owned()));
    scene.crew = Some(Crew::new().with(Stage::Drafting, Forever));
    scene.journal.cancel();
    check(
        scene,
        expect![[r#"
            Drafting Running Some(Cancelled) in draft 1: the run was cancelled
            "old\n"
        "#]],
    )
    .await;
}

#[tokio::test]
async fn blocked_environment_ends_the_run_and_a_missing_tool_interrupts_it() {
    let mut scene = Scene::new(|_| Ok("good".to_owned()));
    scene.crew = Some(Crew::new().with(
        Stage::Drafting,
        Breaks(|| {
            AgentError::Workspace(WorkspaceError::Blocked {
                command: "uv sync".into(),
                tail: "no such package".into(),
            })
        }),
    ));
    check(
        scene,
        expect![[r#"
            Failed Failed Some(BlockedEnvironment) in draft 1: breaks could not use the workspace: set up the repository's Python environment: `uv sync` failed:
            no such package
            "old\n"
        "#]],
    )
    .await;
    let mut scene = Scene::new(|asked| Ok(asked.to_owned()));
    let model = scene.oracle.clone();
    scene.crew = Some(Crew::new().with_model(Stage::Drafting, Writer, model).with(
        Stage::Formatting,
        Breaks(|| AgentError::Tool {
            program: "ruff".into(),
            why: "it is not installed".into(),
        }),
    ));
    check(
        scene,
        expect![[r#"
            Formatting Running Some(AgentBroke) in draft 1: breaks could not use `ruff`: it is not installed
            "draft 1 after nothing"
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_reviewer_that_can_not_judge_passes_nothing_and_that_is_said() {
    let review = |breaks: fn() -> AgentError| {
        let mut scene = Scene::new(|_| Ok("good".to_owned()));
        let model = scene.oracle.clone();
        scene.crew = Some(
            Crew::new()
                .with_model(Stage::Drafting, Writer, model)
                .with(Stage::Qa, Breaks(breaks)),
        );
        scene
    };
    check(
        review(|| AgentError::UnreadableReply {
            expected: "the JSON of a review",
            instead: "it began \"PASS\"".into(),
        }),
        expect![[r#"
            Failed Failed Some(ReviewUnreadable) in draft 1: breaks could not read the model's reply as the JSON of a review: it began "PASS"; without its review the change is not passed
            "good"
        "#]],
    )
    .await;
    check(
        review(|| {
            AgentError::Model(ModelError::Busy {
                vendor: "gemini".into(),
                tries: 4,
                message: "overloaded".into(),
            })
        }),
        expect![[r#"
            QA Running Some(VendorUnavailable) in draft 1: breaks could not ask the model: get an answer from gemini after 4 tries: overloaded; without its review the change is not passed
            "good"
        "#]],
    )
    .await;
}

#[tokio::test]
async fn what_is_prepared_runs_beside_the_drafting() {
    // Both sides wait for each other, so a walk that does one after the other never ends.
    let meeting = Arc::new(Barrier::new(2));
    let mut scene = Scene::new(|_| Ok("good\n".to_owned()));
    scene.crew = Some(
        Crew::new()
            .with(Stage::Drafting, Meets::while_drafting(&meeting))
            .with(Stage::Testing, Meets::while_preparing(&meeting)),
    );
    let walk = tokio::time::timeout(MEETING_MAX, scene.walk()).await;
    let outcome = walk
        .expect("the preparation begins while the draft is under way")
        .expect("the journal holds");
    assert_eq!(outcome.stage, Stage::Completed, "{}", outcome.explanation);
}

#[tokio::test]
async fn nobody_is_asked_before_the_environment_stands() {
    let blocked = FolderWorkspace::new([("a.py", "old\n")]).that_cannot_be_set_up(|| {
        WorkspaceError::Blocked {
            command: "uv sync".into(),
            tail: "no such package".into(),
        }
    });
    let scene = Scene::new(|_| Ok("good\n".to_owned())).with_work(blocked);
    let outcome = scene.walk().await.expect("the journal holds");
    assert_eq!(outcome.state.reason, Some(Reason::BlockedEnvironment));
    assert!(
        scene.oracle.asked().is_empty(),
        "{:?}",
        scene.oracle.asked()
    );
    expect![[r#"
        opened
        finished: Failed Some(BlockedEnvironment)"#]]
    .assert_eq(&short(&scene.journal));
}

/// How long two sides that should meet are waited for; it only bounds a test that fails.
const MEETING_MAX: Duration = Duration::from_secs(30);

/// Meets another agent, either while it prepares or in its turn.
struct Meets {
    preparing: bool,
    meeting: Arc<Barrier>,
}

impl Meets {
    fn while_drafting(meeting: &Arc<Barrier>) -> Meets {
        Meets {
            preparing: false,
            meeting: meeting.clone(),
        }
    }

    fn while_preparing(meeting: &Arc<Barrier>) -> Meets {
        Meets {
            preparing: true,
            meeting: meeting.clone(),
        }
    }
}

#[async_trait::async_trait]
impl Agent for Meets {
    fn name(&self) -> &str {
        if self.preparing { "author" } else { "drafter" }
    }

    async fn prepare(&self, _: &AgentContext<'_>, _: &Task) -> Result<Prepared, AgentError> {
        if self.preparing {
            self.meeting.wait().await;
        }
        Ok(Prepared::default())
    }

    async fn run(&self, cx: &AgentContext<'_>, _: &RunState) -> Result<Report, AgentError> {
        if !self.preparing {
            self.meeting.wait().await;
            cx.work.write("a.py", b"good\n").await?;
        }
        Ok(Report::passed("met"))
    }
}

/// Never comes back by itself.
struct Forever;

#[async_trait::async_trait]
impl Agent for Forever {
    fn name(&self) -> &str {
        "forever"
    }

    async fn run(&self, _: &AgentContext<'_>, _: &RunState) -> Result<Report, AgentError> {
        std::future::pending().await
    }
}

/// Breaks in this way.
struct Breaks(fn() -> AgentError);

#[async_trait::async_trait]
impl Agent for Breaks {
    fn name(&self) -> &str {
        "breaks"
    }

    async fn run(&self, _: &AgentContext<'_>, _: &RunState) -> Result<Report, AgentError> {
        Err((self.0)())
    }
}
