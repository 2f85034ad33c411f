//! A model whose vendor is down has another one stand in, and what really answered decides whether a review counts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use pipeline::Crew;
use protocol::{
    Agent, AgentContext, AgentError, Message, Model, ModelError, ModelId, ModelReply, ModelRequest,
    Reason, Report, RunEvent, RunState, Stage, Status,
};
use testkit::MemoryJournal;

use crate::scene::{Scene, Writer};

/// Answers until it is down.
struct Vendor {
    id: ModelId,
    answers: usize,
    asked: AtomicUsize,
}

impl Vendor {
    /// `openai` is always there, `openai!` never, `openai!1` gives one answer.
    fn new(words: &str) -> Arc<Vendor> {
        let (vendor, answers) = match words.split_once('!') {
            None => (words, usize::MAX),
            Some((vendor, answers)) => (vendor, answers.parse().unwrap_or(0)),
        };
        Arc::new(Vendor {
            id: ModelId::new(vendor, "model"),
            answers,
            asked: AtomicUsize::new(0),
        })
    }
}

#[async_trait]
impl Model for Vendor {
    fn id(&self) -> &ModelId {
        &self.id
    }

    async fn ask(&self, _: &ModelRequest) -> Result<ModelReply, ModelError> {
        if self.answers <= self.asked.fetch_add(1, Ordering::SeqCst) {
            return Err(ModelError::Busy {
                vendor: self.id.vendor.clone(),
                tries: 6,
                message: "status 503: overloaded".to_owned(),
            });
        }
        Ok(ModelReply {
            text: "good\n".to_owned(),
            ..ModelReply::default()
        })
    }
}

/// Passes everything that its model answers to.
struct Reviews;

#[async_trait]
impl Agent for Reviews {
    fn name(&self) -> &str {
        "reviews"
    }

    async fn run(&self, cx: &AgentContext<'_>, _: &RunState) -> Result<Report, AgentError> {
        let request = ModelRequest {
            system: "reviews".to_owned(),
            messages: vec![Message::user("look")],
            ..ModelRequest::default()
        };
        Ok(Report::passed(cx.model.ask(&request).await?.text))
    }
}

/// A coder and a reviewer, each as `openai` or as `openai! anthropic`, where the second one stands in.
fn crew(coder: &str, reviewer: &str) -> Crew {
    let both = |words: &str| {
        let mut models = words.split_whitespace().map(Vendor::new);
        (models.next().expect("a model"), models.next())
    };
    let (model, second) = both(coder);
    let mut crew = Crew::new().with_model(Stage::Drafting, Writer, model);
    if let Some(second) = second {
        crew = crew.with_fallback("writer", second);
    }
    let (model, second) = both(reviewer);
    crew = crew.with_model(Stage::Qa, Reviews, model);
    if let Some(second) = second {
        crew = crew.with_fallback("reviews", second);
    }
    crew
}

fn scene(coder: &str, reviewer: &str, past: Vec<RunEvent>) -> Scene {
    let mut scene = Scene::new(|_| unreachable!("nobody asks the oracle"));
    if !past.is_empty() {
        scene = scene.with_journal(MemoryJournal::with(past));
    }
    scene.crew = Some(crew(coder, reviewer));
    scene
}

/// Who answered each agent, in order.
fn answered(scene: &Scene) -> String {
    let mut by_agent: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in scene.journal.events() {
        if let RunEvent::Replied { agent, reply, .. } = event {
            let by = reply
                .answered_by
                .map_or("its own".to_owned(), |it| it.vendor);
            by_agent.entry(agent).or_default().push(by);
        }
    }
    let line = |(agent, by): (&String, &Vec<String>)| format!("{agent}: {}", by.join(", "));
    by_agent.iter().map(line).collect::<Vec<_>>().join("; ")
}

async fn check(coder: &str, reviewer: &str, want_answered: &str, want_missing: &[&str]) {
    let scene = scene(coder, reviewer, Vec::new());
    let end = scene.walk().await.expect("the journal holds");
    assert_eq!(end.state.status, Status::Completed, "{coder} / {reviewer}");
    assert_eq!(answered(&scene), want_answered, "{coder} / {reviewer}");
    let missing: Vec<&str> = end.state.missing().iter().map(|it| it.1).collect();
    assert_eq!(missing, want_missing, "{coder} / {reviewer}");
    let folded = RunState::fold(&scene.journal.entries()).expect("it is a run");
    assert_eq!(folded.stand_ins, end.state.stand_ins);
}

#[tokio::test]
async fn another_vendor_answers_where_one_is_down_and_goes_on_to_the_end_of_the_conversation() {
    check(
        "openai anthropic",
        "gemini",
        "reviews: its own; writer: its own, its own",
        &[],
    )
    .await;
    check(
        "openai! anthropic",
        "gemini",
        "reviews: its own; writer: anthropic, anthropic",
        &[],
    )
    .await;
    check(
        "openai!1 anthropic",
        "gemini",
        "reviews: its own; writer: its own, anthropic",
        &[],
    )
    .await;
    check(
        "openai",
        "gemini! anthropic",
        "reviews: anthropic; writer: its own, its own",
        &[],
    )
    .await;
}

#[tokio::test]
async fn who_coded_by_standing_in_does_not_review_where_there_is_another() {
    // The reviewer's own vendor coded, so its second one reviews, which it would not otherwise.
    check(
        "openai! gemini",
        "gemini anthropic",
        "reviews: anthropic; writer: gemini, gemini",
        &[],
    )
    .await;
    check(
        "openai!1 gemini",
        "gemini openai",
        "reviews: its own; writer: its own, gemini",
        &["models of gemini answered for writer and for reviews, because another vendor was down"],
    )
    .await;
}

#[tokio::test]
async fn a_review_by_the_vendor_that_coded_is_told_as_none() {
    check(
        "openai! gemini",
        "gemini",
        "reviews: its own; writer: gemini, gemini",
        &["models of gemini answered for writer and for reviews, because another vendor was down"],
    )
    .await;
    check(
        "openai",
        "gemini! openai",
        "reviews: openai; writer: its own, its own",
        &["models of openai answered for writer and for reviews, because another vendor was down"],
    )
    .await;
    // What never answered has nothing to do with it.
    check(
        "openai! anthropic",
        "gemini! openai",
        "reviews: openai; writer: anthropic, anthropic",
        &[],
    )
    .await;
}

#[tokio::test]
async fn when_nobody_answers_the_run_waits_to_be_resumed_and_then_pays_for_nothing_twice() {
    let first = scene("openai! anthropic!1", "gemini", Vec::new());
    let end = first.walk().await.expect("the journal holds");
    assert_eq!(end.state.status, Status::Running);
    assert_eq!(end.state.reason, Some(Reason::VendorUnavailable));
    assert_eq!(answered(&first), "writer: anthropic");

    // The conversation goes on with who began it, also when the first choice is back.
    let mut again = scene("openai anthropic", "gemini", first.journal.events());
    again.work = first.work.clone();
    let end = again.walk().await.expect("the journal holds");
    assert_eq!(end.state.status, Status::Completed);
    assert_eq!(
        answered(&again),
        "reviews: its own; writer: anthropic, anthropic"
    );
}
