//! A run that goes on as another one from any of its events: with the same crew, with other models, with others in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use expect_test::{Expect, expect};
use pipeline::Crew;
use pipeline::verify::check_order;
use protocol::{
    Agent, AgentContext, AgentError, Entry, Fork, Kept, Message, ModelError, ModelRequest, Report,
    RunEvent, RunId, RunState, Seat, Stage, Workspace,
};
use testkit::MemoryJournal;

use crate::scene::{Blind, Judge, Oracle, Scene, Writer, short};

fn two_drafts(asked: &str) -> Result<String, ModelError> {
    Ok(match asked {
        "draft 1 after nothing" => "bad\n",
        asked if asked.starts_with("draft ") => "good\n",
        _ => "done",
    }
    .to_owned())
}

/// Asks its model for a word about the draft, and changes nothing.
struct Polisher;

#[async_trait]
impl Agent for Polisher {
    fn name(&self) -> &str {
        "polisher"
    }

    async fn run(&self, cx: &AgentContext<'_>, state: &RunState) -> Result<Report, AgentError> {
        let request = ModelRequest {
            system: "polisher".to_owned(),
            messages: vec![Message::user(format!("polish {}", state.iteration))],
            ..ModelRequest::default()
        };
        Ok(Report::passed(cx.model.ask(&request).await?.text))
    }
}

/// The crews that runs are forked with: who has another model in them, who is new, and who is gone.
const OTHERS: &[&[&str]] = &[
    &[],
    &["writer"],
    &["blind"],
    &["writer", "blind"],
    &["polisher"],
    &["polisher", "blind"],
    &["without blind"],
];

/// A run of the usual crew, as it came to its end, and how it went on from one of its events.
struct Forked {
    /// The events that the fork began with, and that it is one.
    past: Vec<Entry>,
    all: Vec<Entry>,
    scene: Scene,
    other: Arc<Oracle>,
    state: RunState,
}

async fn fork(whole: &Scene, at: usize, others: &[&str]) -> Forked {
    let other = Oracle::named("other", two_drafts);
    let mut scene = Scene::new(two_drafts);
    let crew = crew(&scene, &other, others);
    let without = |it: &&str| it.starts_with("without ");
    let replaced = others.iter().map(|it| match without(it) {
        true => it.replacen("without ", "", 1),
        false => (*it).to_owned(),
    });
    let mut events = whole.journal.events();
    events.truncate(at + 1);
    events.push(RunEvent::Reopened {
        fork: Some(Fork {
            run: RunId("whole".to_owned()),
            at: at as u64,
        }),
        crew: crew.seats(),
        replaced: replaced.collect(),
        limits: scene.limits.clone(),
        settings: serde_json::Value::Null,
    });
    scene = scene.with_journal(MemoryJournal::with(events));
    scene.work = whole.work.clone();
    let half = scene.work.write("a.py", b"half a wri").await;
    half.expect("the folder is there");
    scene.crew = Some(crew);
    let past = scene.journal.entries();
    let outcome = scene.walk_fork().await;
    let outcome = outcome.unwrap_or_else(|error| panic!("forked at {at}: {error}"));
    Forked {
        past,
        all: scene.journal.entries(),
        state: outcome.state,
        scene,
        other,
    }
}

fn crew(scene: &Scene, other: &Arc<Oracle>, others: &[&str]) -> Crew {
    let model = |agent: &str| match others.contains(&agent) {
        true => other.clone(),
        false => scene.oracle.clone(),
    };
    let mut crew = Crew::new().with_model(Stage::Drafting, Writer, model("writer"));
    if others.contains(&"polisher") {
        crew = crew.with_model(Stage::Drafting, Polisher, other.clone());
    }
    if !others.contains(&"without blind") {
        crew = crew.with_model(Stage::Testing, Blind, model("blind"));
    }
    crew.with(Stage::Qa, Judge(scene.looks.clone()))
}

/// Replies by agent and draft.
fn replies(entries: &[Entry], kept: &Kept) -> BTreeMap<(String, u8), usize> {
    let mut found = BTreeMap::new();
    for entry in entries.iter().filter(|it| kept.counts(it.seq)) {
        if let RunEvent::Replied {
            agent, iteration, ..
        } = &entry.event
        {
            *found.entry((agent.clone(), *iteration)).or_default() += 1;
        }
    }
    found
}

/// What has to hold wherever a run is forked.
fn check_one(forked: &Forked, at: &str) {
    let Forked {
        past,
        all,
        scene,
        other,
        state,
    } = forked;
    assert_eq!(&all[..past.len()], past, "the copied part stays: {at}");
    assert_eq!(scene.work.text("a.py"), "good\n", "{at}");
    assert_eq!(state.status, protocol::Status::Completed, "{at}");

    let kept = Kept::of(past);
    let mut folded = RunState::fold(all).expect("it is a whole run");
    let mut walked = state.clone();
    // What was prepared may be taken in later than it was finished.
    folded.evidence.sort_by_key(|it| format!("{it:?}"));
    walked.evidence.sort_by_key(|it| format!("{it:?}"));
    assert_eq!(folded, walked, "{at}");

    // Every visit gets each of its replies once, in the old run or in this one.
    let paid = replies(past, &kept);
    let now = replies(&all[past.len()..], &kept);
    let asked = [&scene.oracle, other].map(|it| it.asked().values().sum::<usize>());
    assert_eq!(
        asked.iter().sum::<usize>(),
        now.values().sum::<usize>(),
        "{at}"
    );
    for ((agent, draft), replies) in &now {
        let earlier = paid.get(&(agent.clone(), *draft)).copied();
        let wanted = if agent == "writer" { 2 } else { 1 };
        assert_eq!(
            earlier.unwrap_or(0) + replies,
            wanted,
            "{agent} {draft}: {at}"
        );
    }
    check_turns(all, at);
}

/// Nobody works in a stage that was over, and nobody judges before whoever comes before it.
fn check_turns(all: &[Entry], at: &str) {
    assert_eq!(check_order(all), Ok(()), "{at}");
    let kept = Kept::of(all);
    let mut last = (0, Stage::Drafting, 0);
    for entry in all.iter().filter(|it| kept.counts(it.seq)) {
        let RunEvent::Reported {
            stage,
            iteration,
            agent,
            ..
        } = &entry.event
        else {
            continue;
        };
        let order = ["writer", "polisher", "blind", "judge"];
        let place = order.iter().position(|it| it == agent);
        let here = (*iteration, *stage, place.expect("it is one of them"));
        assert!(
            last < here,
            "{agent} in draft {iteration} comes too late: {at}"
        );
        last = here;
    }
}

#[tokio::test]
async fn a_run_forked_at_every_event_ends_well_and_pays_for_nothing_twice() {
    let whole = Scene::new(two_drafts);
    whole.walk().await.expect("the journal holds");
    let before = whole.journal.text();
    let events = whole.journal.events().len();
    assert!(15 < events, "{}", short(&whole.journal));
    for others in OTHERS {
        // The last one is the end, after which nothing comes.
        for at in 0..events - 1 {
            let forked = fork(&whole, at, others).await;
            let told = format!(
                "forked at {at} with others as {others:?}:\n{}",
                short(&forked.scene.journal)
            );
            check_one(&forked, &told);
            assert_eq!(whole.journal.text(), before, "the old run is as it was");
        }
    }
}

#[tokio::test]
async fn a_fork_that_is_killed_anywhere_goes_on() {
    let whole = Scene::new(two_drafts);
    whole.walk().await.expect("the journal holds");
    for (at, others) in [(5, &["writer"][..]), (9, &["blind"]), (14, &["polisher"])] {
        let forked = fork(&whole, at, others).await;
        for cut in forked.past.len()..forked.all.len() {
            let events = forked.all[..cut].iter().map(|it| it.event.clone());
            let mut scene = Scene::new(two_drafts).with_journal(MemoryJournal::with(events));
            let other = Oracle::named("other", two_drafts);
            scene.crew = Some(crew(&scene, &other, others));
            scene.work = whole.work.clone();
            let again = scene.walk().await.expect("the journal holds");
            let told = format!("forked at {at}, cut at {cut}:\n{}", short(&scene.journal));
            assert_eq!(again.state.usage, forked.state.usage, "{told}");
            assert_eq!(again.state.status, forked.state.status, "{told}");
            check_turns(&scene.journal.entries(), &told);
        }
    }
}

#[tokio::test]
async fn a_fork_of_a_fork_knows_both() {
    let whole = Scene::new(two_drafts);
    whole.walk().await.expect("the journal holds");
    let first = fork(&whole, 6, &["writer"]).await;
    let events = first.all.len();
    for at in 0..events - 1 {
        let forked = fork(&first.scene, at, &["writer", "blind"]).await;
        check_turns(&forked.all, &short(&forked.scene.journal));
        let kept = Kept::of(&forked.all);
        assert_eq!(
            kept.crews().count(),
            if at < first.past.len() - 1 { 2 } else { 3 }
        );
        assert_eq!(forked.scene.work.text("a.py"), "good\n");
    }
}

/// The journal after the fork, without preparations, whose place varies.
#[track_caller]
fn check(forked: &Forked, want: Expect) {
    let kept = Kept::of(&forked.all);
    let events = forked.all.iter().map(|it| match kept.counts(it.seq) {
        true => it.event.clone(),
        false => RunEvent::Stepped {
            agent: "-".to_owned(),
            iteration: 9,
            step: "nothing that counts".to_owned(),
            value: serde_json::Value::Null,
            tree: None,
        },
    });
    let told = short(&MemoryJournal::with(events));
    let walk = told
        .lines()
        .filter(|it| !it.contains("blind 0") && !it.contains(" is prepared"));
    want.assert_eq(&walk.collect::<Vec<_>>().join("\n"));
}

#[tokio::test]
async fn another_model_begins_its_visit_anew() {
    let whole = Scene::new(two_drafts);
    whole.walk().await.expect("the journal holds");
    let wrote =
        |it: &RunEvent| matches!(it, RunEvent::Stepped { step, .. } if step == "write a.py");
    let last = whole.journal.events().iter().rposition(wrote);
    let forked = fork(&whole, last.expect("it wrote"), &["writer"]).await;
    let asked: Vec<String> = forked.other.asked().into_keys().collect();
    assert_eq!(
        asked,
        [
            "writer: draft 2 after `bad\n` is not good",
            "writer: last word of 2"
        ]
    );
    assert_eq!(
        forked.state.usage["writer"].calls, 5,
        "what was begun is paid for"
    );
    check(
        &forked,
        expect![[r#"
        opened
        set up
        Drafting 1: writer
          writer 1 was answered
          writer 1 did write a.py
          writer 1 was answered
          writer says done
        Testing 1: blind
          blind says prepared already
        QA 1: judge
          judge 1 did look
          judge says bad
          - 9 did nothing that counts
          - 9 did nothing that counts
          - 9 did nothing that counts
        reopened without writer
        Drafting 2: writer
          writer 2 was answered
          writer 2 did write a.py
          writer 2 was answered
          writer says done
        Testing 2: blind
          blind says prepared already
        QA 2: judge
          judge 2 did look
          judge says good
        finished: Completed None"#]],
    );
}

/// Adds a line to what it finds, in two replies.
struct Adds;

#[async_trait]
impl Agent for Adds {
    fn name(&self) -> &str {
        "writer"
    }

    async fn run(&self, cx: &AgentContext<'_>, _: &RunState) -> Result<Report, AgentError> {
        for number in 1..=2 {
            let request = ModelRequest {
                system: "adds".to_owned(),
                messages: vec![Message::user(format!("line {number}"))],
                ..ModelRequest::default()
            };
            let line = cx.model.ask(&request).await?.text;
            cx.once("add", true, async {
                let mut text = cx.work.read("a.py").await?;
                text.extend_from_slice(line.as_bytes());
                Ok(cx.work.write("a.py", &text).await?)
            })
            .await?;
        }
        Ok(Report::passed("added"))
    }
}

#[tokio::test]
async fn another_model_finds_the_tree_that_the_one_before_had_found() {
    let walk = async |events: Vec<RunEvent>, answers: fn(&str) -> Result<String, ModelError>| {
        let mut scene = Scene::new(answers).with_journal(MemoryJournal::with(events));
        let model = scene.oracle.clone();
        scene.crew = Some(Crew::new().with_model(Stage::Drafting, Adds, model));
        scene.walk().await.expect("the journal holds");
        scene
    };
    let opened = Scene::new(two_drafts).opened();
    let whole = walk(vec![opened], |asked| Ok(format!("{asked} of one\n"))).await;
    assert_eq!(
        whole.work.text("a.py"),
        "old\nline 1 of one\nline 2 of one\n"
    );
    let mut events = whole.journal.events();
    let added = |it: &RunEvent| matches!(it, RunEvent::Stepped { .. });
    events.truncate(1 + events.iter().position(added).expect("it added a line"));
    events.push(RunEvent::Reopened {
        fork: None,
        crew: Vec::new(),
        replaced: vec!["writer".to_owned()],
        limits: whole.limits.clone(),
        settings: serde_json::Value::Null,
    });
    let again = walk(events, |asked| Ok(format!("{asked} of another\n"))).await;
    assert_eq!(
        again.work.text("a.py"),
        "old\nline 1 of another\nline 2 of another\n"
    );
}

#[tokio::test]
async fn drafts_that_led_nowhere_are_not_held_against_another_model() {
    fn stuck(asked: &str) -> Result<String, ModelError> {
        Ok(if asked.starts_with("draft ") {
            "bad\n"
        } else {
            "done"
        }
        .to_owned())
    }
    let whole = Scene::new(stuck);
    let end = whole.walk().await.expect("the journal holds");
    assert_eq!(end.state.reason, Some(protocol::Reason::NoProgress));
    let last = whole.journal.events().len() - 2;
    // The same model would only do it again.
    let same = fork(&whole, last, &[]).await;
    assert_eq!(same.state.reason, Some(protocol::Reason::NoProgress));
    let forked = fork(&whole, last, &["writer"]).await;
    assert_eq!(forked.state.status, protocol::Status::Completed);
    assert_eq!(forked.state.iteration, 3);
}

#[test]
fn a_fork_is_where_it_says() {
    let scene = Scene::new(two_drafts);
    let crew: Vec<Seat> = Vec::new();
    let reopened = RunEvent::Reopened {
        fork: Some(Fork {
            run: RunId("whole".to_owned()),
            at: 3,
        }),
        crew,
        replaced: Vec::new(),
        limits: scene.limits.clone(),
        settings: serde_json::Value::Null,
    };
    let journal = MemoryJournal::with([scene.opened(), reopened]);
    let error = RunState::fold(&journal.entries()).expect_err("two of its events are missing");
    assert_eq!(error, protocol::FoldError::Misplaced { seq: 1 });
}
