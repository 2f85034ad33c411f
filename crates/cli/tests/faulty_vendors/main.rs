//! Runs in which every fifth request of the vendors fails: real wires, coders and reviewer, and a tree in memory.
//!
//! The faults are those of `fixtures/cases/llm_faults.jsonl` that pass by themselves.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use agents_coding::{Coder, CoderRole, Dialect};
use agents_qa::Reviewer;
use llm::{
    Budget, Connecting, Day, Ledger, OpenAiApi, Patience, Prices, Service, Spent, Traffic, Vendors,
};
use pipeline::{Crew, Run, Stop};
use protocol::{
    Journal, Model, ModelId, RunEvent, ScriptedReply, Silent, Stage, Status, Task, Workspace,
};
use secrecy::SecretString;
use serde_json::json;
use testkit::vendor::{Answer, FakeVendor, Fault, Script, Speaks};
use testkit::{FolderWorkspace, MemoryJournal, limits};

/// Not a key of anybody.
const KEY: &str = "fake-key-3f9c2b7e41d0";
const RUNS: u64 = 50;
/// Of a hundred requests, so many fail.
const FAILING_PERCENT: u64 = 20;

/// Waits so short that a run with many faults is over at once.
const HURRIED: Patience = Patience {
    tries_max: 8,
    first_wait_ms: 1,
    wait_ms_max: 100,
    waits_ms_max: 2_000,
    connect_ms_max: 5_000,
    answer_ms_max: 10_000,
};

/// A fault that passes by itself.
fn fault(number: u64) -> Answer {
    let body = |text: &str| {
        Answer::Fault(Fault::Body {
            kind: "application/json".to_owned(),
            text: text.to_owned(),
        })
    };
    match number % 9 {
        0 => Answer::status_with(429, "retry-after-ms", "5"),
        1 => Answer::status_with(429, "retry-after", "soon"),
        2 => Answer::status(503),
        3 => Answer::Fault(Fault::Status {
            status: 503,
            headers: Vec::new(),
            body: Some(String::new()),
        }),
        4 => body(""),
        5 => body("{\"id\": \"cut"),
        6 => Answer::Fault(Fault::Reset),
        7 => Answer::Fault(Fault::Truncated),
        _ => Answer::status(408),
    }
}

/// Whether the vendor did the work before its answer was lost, and bills for it.
fn is_billed(fault: &Answer) -> bool {
    match fault {
        Answer::Fault(Fault::Status { status, .. }) => *status == 408,
        Answer::Fault(_) => true,
        Answer::Reply(_) | Answer::Json(_) => false,
    }
}

/// What a vendor did.
#[derive(Debug, Default)]
struct Did {
    /// Requests answered in full, by the reply's place in the conversation.
    answered: BTreeMap<usize, u32>,
    failed: u32,
    billed_without_reply: u32,
}

/// A vendor with this conversation, some of whose answers fail, by a generator that is seeded with the run's number.
async fn vendor(
    speaks: Speaks,
    seed: u64,
    replies: Vec<ScriptedReply>,
) -> (FakeVendor, Arc<Mutex<Did>>) {
    let did: Arc<Mutex<Did>> = Arc::default();
    let seen = did.clone();
    let state = AtomicU64::new(seed);
    let script = Script::with(move |received| {
        let chance = next(&state);
        let mut did = seen.lock().expect("nobody panics");
        if chance % 100 < FAILING_PERCENT {
            let fault = fault(chance / 100);
            did.failed += 1;
            did.billed_without_reply += u32::from(is_billed(&fault));
            return fault;
        }
        *did.answered.entry(received.turn).or_default() += 1;
        Answer::Reply(replies[received.turn].clone())
    });
    let fake = FakeVendor::start(speaks, KEY, script).await;
    (fake.expect("a port is free"), did)
}

/// `SplitMix64`: <https://prng.di.unimi.it/splitmix64.c>.
fn next(state: &AtomicU64) -> u64 {
    const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut z = state.fetch_add(GAMMA, Ordering::SeqCst).wrapping_add(GAMMA);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Walks one run and says what is wrong with it. Returns how many requests failed.
async fn run(seed: u64) -> u32 {
    let edit =
        json!({"path": "pages.py", "old_text": "items // size", "new_text": "-(-items // size)"});
    let done = |summary: &str| ScriptedReply::default().call("finish", json!({"summary": summary}));
    let draft = vec![
        ScriptedReply::default().call("read_file", json!({"path": "pages.py"})),
        ScriptedReply::default().call("edit_file", edit),
        done("Rounds up."),
    ];
    let refine = vec![
        ScriptedReply::default().call("read_file", json!({"path": "pages.py"})),
        done("Nothing to add."),
    ];
    let verdict = json!({"verdict": "pass", "summary": "Right.", "findings": []});
    let review = vec![ScriptedReply::text(verdict.to_string())];
    let (openai, drafted) = vendor(Speaks::OpenAi, seed, draft).await;
    let (anthropic, refined) = vendor(Speaks::Anthropic, seed ^ 0xa5a5, refine).await;
    let (gemini, reviewed) = vendor(Speaks::Gemini, seed ^ 0x5a5a, review).await;

    let mut vendors = Vendors {
        openai_api: Some(OpenAiApi::Responses),
        ..Vendors::default()
    };
    for (name, fake) in [
        ("openai", &openai),
        ("anthropic", &anthropic),
        ("gemini", &gemini),
    ] {
        vendors
            .keys
            .insert(name.to_owned(), SecretString::from(KEY));
        vendors
            .base_urls
            .insert(name.to_owned(), fake.base_url().to_owned());
    }
    let ledger = Ledger::open(
        Budget::default(),
        Prices::bundled(),
        "2026-11-29".parse::<Day>().expect("a day"),
        Spent::default(),
    );
    let traffic = Traffic::new();
    let model = |vendor: &str, name: &str| -> Arc<dyn Model> {
        let connecting = Connecting {
            role: "test".to_owned(),
            patience: HURRIED,
            service: Service::Standard,
            cache_key: "pipeline-test".to_owned(),
            log: Arc::new(Silent),
            ledger: ledger.clone(),
            traffic: traffic.clone(),
        };
        llm::connect(&ModelId::new(vendor, name), &vendors, connecting).expect("it has a key")
    };
    let drafter = Coder::new("drafter", CoderRole::Draft, Dialect::Functions);
    let refiner = Coder::new("refiner", CoderRole::Refine, Dialect::Functions);
    let crew = Crew::new()
        .with_model(Stage::Drafting, drafter, model("openai", "gpt-6.1-sol"))
        .with_model(
            Stage::Drafting,
            refiner,
            model("anthropic", "claude-sonnet-5-5"),
        )
        .with_model(
            Stage::Qa,
            Reviewer::new(),
            model("gemini", "gemini-3.8-flash"),
        );

    let work = Arc::new(FolderWorkspace::new([(
        "pages.py",
        "def pages(items, size):\n    return items // size\n",
    )]));
    let task = Task::from_text("The last page is lost\n\n`pages(11, 10)` should be 2.");
    let journal = Arc::new(MemoryJournal::with([RunEvent::Opened {
        task: task.clone(),
        base: work.base().clone(),
        crew: crew.seats(),
        limits: limits(),
        settings: serde_json::Value::Null,
    }]));
    let walk = Run {
        task,
        crew,
        limits: limits(),
        journal: journal.clone() as Arc<dyn Journal>,
        work: work.clone() as Arc<dyn Workspace>,
        base: work.clone() as Arc<dyn Workspace>,
        log: Arc::new(Silent),
        stop: Stop::never(),
    };
    let end = walk
        .walk(&journal.entries())
        .await
        .expect("it can be recorded");
    assert_eq!(
        end.state.status,
        Status::Completed,
        "run {seed}: {}",
        end.explanation
    );
    assert!(work.text("pages.py").contains("-(-items // size)"));

    let events = journal.events();
    let count = |wanted: fn(&RunEvent) -> bool| events.iter().filter(|it| wanted(it)).count();
    assert_eq!(
        count(|it| matches!(it, RunEvent::Replied { .. })),
        6,
        "run {seed}"
    );
    let mut failed = 0;
    let mut billed = 0;
    for (did, replies, fake) in [
        (drafted, 3, &openai),
        (refined, 2, &anthropic),
        (reviewed, 1, &gemini),
    ] {
        assert_eq!(fake.refused(), Vec::<String>::new(), "run {seed}");
        let did = did.lock().expect("nobody panics");
        failed += did.failed;
        billed += did.billed_without_reply;
        let once: BTreeMap<usize, u32> = (0..replies).map(|turn| (turn, 1)).collect();
        assert_eq!(
            did.answered, once,
            "run {seed}: nothing is answered, and paid for, twice"
        );
    }
    // What may have been billed without a reply is on the books, and nothing else is.
    let unanswered = count(|it| matches!(it, RunEvent::Unanswered { .. }));
    assert_eq!(u32::try_from(unanswered), Ok(billed), "run {seed}");
    let reported: u64 = end
        .state
        .usage
        .values()
        .filter_map(|it| it.cost_microusd)
        .sum();
    assert_eq!(ledger.spent().microusd, reported, "run {seed}");
    failed
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_runs_complete_and_nothing_is_paid_for_twice() {
    let mut failed = 0;
    for seed in 0..RUNS {
        failed += run(seed).await;
    }
    // Six replies a run: a fifth of all requests is a quarter of those.
    assert!(RUNS < u64::from(failed), "only {failed} requests failed");
}
