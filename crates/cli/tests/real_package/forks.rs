//! Runs gone on with by other models, over HTTP: as forks and resumed; nobody is asked twice, and the old run stays.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use testkit::Package;
use testkit::vendor::{Answer, Script};

use crate::life::Moment;
use crate::vendors::Vendors;
use crate::world::{Ended, World, end_of, every_file};

/// Another vendor's model than the last coder's, which can review.
const OTHER_REVIEWER: &str = "openai:gpt-6.1-sol";

/// A world in which OpenAI can draft and review, and Gemini reviews as this script says.
async fn world(gemini: impl FnOnce(&Package) -> Script) -> World {
    let package = Package::load("inflection");
    let replies = |role: &str| package.replies[role].clone();
    let reviews = package.replies["review"].clone();
    let drafts = Script::conversations(vec![replies("draft")]);
    let review = Script::conversations(vec![reviews]);
    let openai = Script::with(move |received| {
        // The reviewer's request is the one that wants a verdict as JSON.
        match received.raw.contains("json_schema") {
            true => review.answer_to(received),
            false => drafts.answer_to(received),
        }
    });
    let anthropic = Script::conversations(vec![replies("refine"), replies("author")]);
    let vendors = Vendors::saying(openai, anthropic, gemini(&package)).await;
    World::with(package, vendors)
}

fn at_work(package: &Package) -> Script {
    Script::conversations(vec![package.replies["review"].clone()])
}

/// Requests that each vendor got.
fn asked(world: &World) -> [usize; 3] {
    let vendors = &world.vendors;
    [&vendors.openai, &vendors.anthropic, &vendors.gemini].map(|it| it.received().len())
}

#[track_caller]
fn completed(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
}

/// What the program keeps of a run: its folder, its evidence, and what its journal and the list say.
async fn kept(world: &World, run: &str) -> (BTreeMap<PathBuf, Vec<u8>>, Vec<Value>, String) {
    let state = world.path("home/.local/state/pipeline");
    let mut files = BTreeMap::new();
    for folder in ["runs", "evidence"] {
        files.extend(every_file(&state.join(folder).join(run)));
    }
    let listed = world.run(&["runs", "--json"]).await.stdout;
    let row = listed.lines().find(|it| it.contains(run));
    (
        files,
        world.log(run).await,
        row.expect("it is listed").to_owned(),
    )
}

fn place(log: &[Value], wanted: impl Fn(&Value) -> bool) -> usize {
    let place = log.iter().position(|it| wanted(&it["event"]));
    place.expect("it happened")
}

fn usage(world: &World, run: &str) -> Value {
    let path = world.path("home/.local/state/pipeline/evidence").join(run);
    let text = fs::read_to_string(path.join("usage.json")).expect("the bundle has it");
    serde_json::from_str(&text).expect("it is JSON")
}

#[tokio::test]
async fn another_reviewer_reviews_the_last_draft_and_nothing_else_is_asked() {
    let world = world(at_work).await;
    completed(&world.run(&world.run_arguments()).await);
    let old = world.runs().await.remove(0);
    let before = kept(&world, &old).await;
    let asked_before = asked(&world);
    let patch = world.path("other.patch").display().to_string();
    let fork = [
        "fork",
        &old,
        "--reviewer",
        OTHER_REVIEWER,
        "--patch",
        &patch,
        "--json",
    ];

    completed(&world.run(&fork).await);

    assert_eq!(world.vendors.refused(), Vec::<String>::new());
    let [openai, anthropic, gemini] = asked_before;
    assert_eq!(asked(&world), [openai + 1, anthropic, gemini]);
    assert_eq!(kept(&world, &old).await, before, "the old run is as it was");
    let change = fs::read_to_string(world.path("other.patch")).expect("it was asked for");
    expect_test::expect_file![world.package.change_file()].assert_eq(&change);

    let new = world.runs().await.remove(0);
    let log = world.log(&new).await;
    let began = place(&before.1, |it| {
        it["kind"] == "started" && it["agent"] == "reviewer"
    });
    let entries = |log: &[Value]| -> Vec<(Value, Value, Value)> {
        let of = |it: &Value| (it["seq"].clone(), it["at_ms"].clone(), it["event"].clone());
        log.iter().take(began).map(of).collect()
    };
    assert_eq!(
        entries(&log),
        entries(&before.1),
        "it begins as the old one"
    );
    let reopened = &log[began]["event"];
    assert_eq!(
        (
            &reopened["kind"],
            &reopened["fork"]["run"],
            &reopened["fork"]["at"]
        ),
        (&"reopened".into(), &old.into(), &(began - 1).into())
    );
    assert_eq!(reopened["replaced"], serde_json::json!(["reviewer"]));
    let usage = usage(&world, &new);
    let calls = |part: &Value| part["calls"].as_u64().expect("a count");
    assert_eq!(
        calls(&usage["forked"]["inherited"]),
        (openai + anthropic) as u64
    );
    assert_eq!(calls(&usage["forked"]["own"]), 1);

    let state = world.path("home/.local/state/pipeline/evidence").join(&new);
    let verified = world.run(&["verify", &state.display().to_string()]).await;
    completed(&verified);
}

#[tokio::test]
async fn a_dead_vendor_is_resumed_from_with_another_one() {
    let world = world(|_| Script::with(|_| Answer::status(503))).await;
    let stopped = world.run(&world.run_arguments()).await;
    assert_eq!(stopped.code, Some(16), "{}", stopped.stderr);
    let run = world.runs().await.remove(0);
    let asked_before = asked(&world);

    let refused = world
        .run(&["resume", &run, "--reviewer", "anthropic:claude-sonnet-5-5"])
        .await;
    assert_eq!(
        refused.code,
        Some(2),
        "its own kind reviews nobody: {}",
        refused.stderr
    );
    // The rule holds for who wrote the draft, also when that coder is gone.
    let coder = [
        "--coder",
        "gemini:gemini-3.8-flash",
        "--reviewer",
        "anthropic:claude-sonnet-5-5",
    ];
    let refused = world.run(&[&["resume", &run], &coder[..]].concat()).await;
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
    assert!(
        refused.stderr.contains("wrote before"),
        "{}",
        refused.stderr
    );

    completed(
        &world
            .run(&["resume", &run, "--reviewer", OTHER_REVIEWER])
            .await,
    );

    let [openai, anthropic, gemini] = asked_before;
    assert_eq!(asked(&world), [openai + 1, anthropic, gemini]);
    world.check_change();
    let log = world.log(&run).await;
    let reopened = place(&log, |it| it["kind"] == "reopened");
    assert_eq!(log[reopened]["event"]["fork"], Value::Null);
}

#[tokio::test]
async fn a_budget_holds_over_a_run_and_its_fork() {
    let world = world(at_work).await;
    completed(&world.run(&world.run_arguments()).await);
    let old = world.runs().await.remove(0);
    let total = &usage(&world, &old)["total"];
    let tokens = [
        "input_tokens",
        "cached_tokens",
        "cache_write_tokens",
        "output_tokens",
    ];
    let used: u64 = tokens.iter().filter_map(|it| total[it].as_u64()).sum();
    let asked_before = asked(&world);
    let fork = |cap: u64| {
        let cap = cap.to_string();
        let world = &world;
        let old = &old;
        async move {
            let arguments = [
                "fork",
                old,
                "--reviewer",
                OTHER_REVIEWER,
                "--token-budget",
                &cap,
            ];
            world.run(&arguments).await
        }
    };
    let refused = fork(1).await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("both count"), "{}", refused.stderr);
    assert_eq!(world.runs().await.len(), 1, "nothing was begun");
    let stopped = fork(used + 1).await;
    assert_eq!(
        stopped.code,
        Some(12),
        "{}{}",
        stopped.stdout,
        stopped.stderr
    );
    assert_eq!(asked(&world), asked_before, "nobody could be paid");
    let new = world.runs().await.remove(0);
    let resume = format!("pipeline resume {new} --token-budget {}", 2 * (used + 1));
    assert!(stopped.stdout.contains(&resume), "{}", stopped.stdout);
    completed(
        &world
            .run(&["resume", &new, "--token-budget", "9000000"])
            .await,
    );
    let [openai, anthropic, gemini] = asked_before;
    assert_eq!(asked(&world), [openai + 1, anthropic, gemini]);
}

#[tokio::test]
async fn a_fork_that_is_killed_goes_on_and_asks_nobody_twice() {
    let world = world(at_work).await;
    completed(&world.run(&world.run_arguments()).await);
    let old = world.runs().await.remove(0);
    let before = kept(&world, &old).await;
    let [openai, anthropic, gemini] = asked(&world);
    let began = place(&before.1, |it| {
        it["kind"] == "started" && it["agent"] == "refiner"
    });
    let at = (began - 1).to_string();
    for events in [1, 4, 9] {
        let fork = [
            "fork",
            &old,
            "--at",
            &at,
            "--reviewer",
            OTHER_REVIEWER,
            "--json",
        ];
        let mut life = world.start(&fork);
        life.wait_for(Moment::Events(events, 0)).await;
        assert_eq!(life.kill().await, None, "it was still at work");
        let new = world.runs().await.remove(0);
        assert_ne!(new, old);
        completed(&world.run(&["resume", &new]).await);
        let log = world.log(&new).await;
        let last = end_of(&log);
        assert_eq!(last["status"], "completed");
        let replied = |agent: &str| {
            let of =
                |it: &&Value| it["event"]["kind"] == "replied" && it["event"]["agent"] == agent;
            log.iter().filter(of).count()
        };
        assert_eq!(replied("reviewer"), 1);
        assert_eq!(kept(&world, &old).await, before, "the old run is as it was");
    }
    let [openai_now, anthropic_now, gemini_now] = asked(&world);
    assert_eq!(gemini_now, gemini, "the old reviewer is asked by nobody");
    // Each fork needs one review, and the refiner's talk again; a kill may lose one request in flight.
    assert!((3..=6).contains(&(openai_now - openai)), "{openai_now}");
    assert!(anthropic < anthropic_now);
}

#[tokio::test]
async fn a_run_that_is_worked_on_is_forked() {
    let silent =
        || Script::with(|_| Answer::Fault(testkit::vendor::Fault::Slow { wait_ms: 600_000 }));
    let vendors = Vendors::saying(silent(), silent(), silent()).await;
    let world = World::with(Package::load("inflection"), vendors);
    let mut life = world.start(&world.run_arguments());
    life.until("started").await;
    let old = world.runs().await.remove(0);
    let scripts = world.package.task_file().with_file_name("replies");
    let scripts = scripts.display().to_string();

    completed(
        &world
            .run(&["fork", &old, "--scripted", &scripts, "--json"])
            .await,
    );

    let new = world.runs().await.remove(0);
    assert_ne!(new, old);
    life.signal(rustix::process::Signal::INT);
    assert_eq!(
        life.end().await,
        Some(15),
        "the old one was at work all the time"
    );
}

#[tokio::test]
async fn a_recorded_fork_is_replayed_as_the_same_fork() {
    let mut world = world(at_work).await;
    completed(&world.run(&world.run_arguments()).await);
    let old = world.runs().await.remove(0);
    let recording = world.path("recording").display().to_string();
    let fork = ["fork", &old, "--reviewer", OTHER_REVIEWER];
    completed(
        &world
            .run(&[&fork[..], &["--record", &recording]].concat())
            .await,
    );
    let recorded = every_file(&world.path("recording"));
    assert_eq!(recorded.len(), 1, "{:?}", recorded.keys());
    let asked_before = asked(&world);
    for (name, _) in crate::vendors::KEYS {
        world.configuration.push((name, String::new()));
    }
    completed(
        &world
            .run(&[&fork[..], &["--replay", &recording]].concat())
            .await,
    );
    assert_eq!(asked(&world), asked_before, "a replay asks no vendor");
}
