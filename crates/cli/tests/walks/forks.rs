//! Fixtures forked at every one of their events: the fork ends as the fixture must, and asks for nothing that it has.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use agents_coding::Dialect;
use futures::{StreamExt, stream};
use llm::ScriptedModel;
use pipeline::Crew;
use protocol::{Entry, Fork, Kept, Model, ModelId, RunEvent, RunId, Workspace};
use runs::crew;
use tempfile::TempDir;
use testkit::{Fixture, MemoryJournal, files};
use workspace::checkout::Checkout;

use crate::scene::{Walked, opening, walk_in, walk_on};
use crate::verify;

/// The roles of a fixture and the agents that ask for them, in the order of the crew.
const ROLES: [(&str, &str); 4] = [
    ("draft", "drafter"),
    ("refine", "refiner"),
    ("author", "test-author"),
    ("review", "reviewer"),
];

/// Whose model is another one in a fork; each takes another row.
const OTHERS: &[&[&str]] = &[
    &["drafter"],
    &["test-author"],
    &["reviewer"],
    &["refiner", "reviewer"],
    &["drafter", "refiner", "test-author", "reviewer"],
];

/// A run at its end, whose folder is still there.
struct Old {
    fixture: Fixture,
    world: TempDir,
    walked: Walked,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixture_forked_at_every_event_ends_as_it_says() {
    check("off_by_one", 1, |_| &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixture_forked_with_other_models_ends_as_it_says() {
    check("review_rejects_once", 7, |at| OTHERS[at % OTHERS.len()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixture_with_a_dispute_is_forked_around_it() {
    check("dispute_granted", 11, |at| OTHERS[at % OTHERS.len()]).await;
}

/// One fork in so many is verified as well, which walks its drafts once more.
const VERIFIED: usize = 6;

/// Forks the fixture at each event, or `every` so many.
async fn check(name: &str, every: usize, others: fn(usize) -> &'static [&'static str]) {
    let fixture = Fixture::load(&Fixture::root().join("tasks").join(name));
    let world = TempDir::new().expect("a folder for the test");
    let walked = walk_in(&fixture, world.path()).await;
    let end = walked.history.len() - 1;
    let old = Arc::new(Old {
        fixture,
        world,
        walked,
    });
    let before = files(old.world.path());
    let at_once = thread::available_parallelism().map_or(1, NonZero::get);
    // The last event is the end, after which nothing comes.
    let forks = stream::iter((0..end).step_by(every)).map(|at| {
        let old = old.clone();
        async move {
            let verified = every != 1 || at % VERIFIED == 0;
            let forked = tokio::spawn(async move { fork(&old, at, others(at), verified).await });
            forked
                .await
                .unwrap_or_else(|broken| vec![broken.to_string()])
                .into_iter()
                .map(|it| format!("forked at {at} with others as {:?}: {it}", others(at)))
                .collect::<Vec<_>>()
        }
    });
    let wrong: Vec<String> = forks
        .buffer_unordered(at_once)
        .flat_map(stream::iter)
        .collect()
        .await;
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
    assert_eq!(files(old.world.path()), before, "the old run is as it was");
}

/// What is wrong with a fork.
async fn fork(old: &Old, at: usize, others: &[&str], verified: bool) -> Vec<String> {
    let fixture = &old.fixture;
    let past = &old.walked.history[..=at];
    let world = TempDir::new().expect("a folder for the test");
    let checkout = take_over(old, past, world.path()).await;
    let reopened = |crew: &Crew| RunEvent::Reopened {
        fork: Some(Fork {
            run: RunId("old".to_owned()),
            at: at as u64,
        }),
        crew: crew.seats(),
        replaced: others.iter().map(|it| (*it).to_owned()).collect(),
        limits: fixture.limits.clone(),
        settings: serde_json::Value::Null,
    };
    // Which replies are kept depends on who is replaced, and the scripts go on after those.
    let mut history = past.to_vec();
    history.push(Entry {
        seq: history.len() as u64,
        at_ms: 0,
        event: reopened(&crew(fixture, others, &BTreeMap::new()).0),
    });
    let kept = replies(&history);
    let (crew, scripts) = crew(fixture, others, &kept);
    let events = history.iter().map(|it| it.event.clone());
    let walked = walk_on(fixture, checkout, crew, MemoryJournal::with(events)).await;

    let mut wrong = fixture.differences(&walked.state, &walked.tree);
    for (agent, script) in &scripts {
        let due = replies(&old.walked.history)[*agent] - kept.get(*agent).unwrap_or(&0);
        if script.asked().len() != due {
            let asked = script.asked().len();
            wrong.push(format!("{agent} asked {asked} times, and {due} were due"));
        }
    }
    if walked.history[..=at]
        .iter()
        .zip(past)
        .any(|(new, old)| new.event != old.event)
    {
        wrong.push("the copied part was changed".to_owned());
    }
    if verified {
        wrong.extend(verify::differences(fixture, &walked));
    }
    wrong
}

/// A checkout in a folder of its own, with what the old run keeps of its past.
async fn take_over(old: &Old, past: &[Entry], world: &Path) -> Checkout {
    let Some(RunEvent::Opened { base, .. }) = past.first().map(|it| &it.event) else {
        unreachable!("a run begins with its opening");
    };
    let trees = past.iter().filter_map(|it| match &it.event {
        RunEvent::Stepped { tree, .. } => tree.clone(),
        RunEvent::Reported { tree, .. } => Some(tree.clone()),
        _ => None,
    });
    let (from, into) = (old.world.path().join("run"), world.join("run"));
    Checkout::take_over(&from, &into, base, trees.collect())
        .await
        .expect("the old run's folder is there");
    let checkout = Checkout::reopen(opening(&old.fixture, world).await, base).await;
    let checkout = checkout.expect("it was just taken over");
    assert_eq!(checkout.base(), base);
    checkout
}

/// Replies that count, by agent.
fn replies(history: &[Entry]) -> BTreeMap<String, usize> {
    let kept = Kept::of(history);
    let mut found = BTreeMap::new();
    for entry in history.iter().filter(|it| kept.counts(it.seq)) {
        if let RunEvent::Replied { agent, .. } = &entry.event {
            *found.entry(agent.clone()).or_default() += 1;
        }
    }
    found
}

/// The fixture's crew, some of it under another name, each script gone on with after what is kept of it.
fn crew(
    fixture: &Fixture,
    others: &[&str],
    kept: &BTreeMap<String, usize>,
) -> (Crew, Vec<(&'static str, Arc<ScriptedModel>)>) {
    let mut scripts = Vec::new();
    let mut model = |role: usize| -> Option<Arc<dyn Model>> {
        let (role, agent) = ROLES[role];
        let replies = fixture.replies.get(role)?.clone();
        let vendor = if others.contains(&agent) {
            "other"
        } else {
            "scripted"
        };
        let given = kept.get(agent).copied().unwrap_or(0);
        let script = ScriptedModel::new(ModelId::new(vendor, role), replies).after(given);
        let script = Arc::new(script);
        scripts.push((agent, script.clone()));
        Some(script)
    };
    let coders = [0, 1].into_iter().filter_map(&mut model);
    let coders = coders.map(|it| (Dialect::Functions, it)).collect();
    let models = crew::Models {
        fallbacks: Vec::new(),
        coders,
        author: model(2),
        claimed: Vec::new(),
        user_tests: false,
        reviewer: model(3),
        figures: Vec::new(),
    };
    (crew::crew(models), scripts)
}
