//! Vendors in trouble: what passes is sat out, what stays ends with its own exit code and can be gone on with.

use protocol::ScriptedReply;
use serde_json::json;
use testkit::Package;
use testkit::vendor::{Answer, Fault, Script};

use crate::vendors::{Vendors, troubled};
use crate::world::{Ended, World};

/// The exit code of a run whose vendor is no help.
const VENDOR: i32 = 16;

/// Who drafts in these worlds, each speaking its own interface.
const CODERS: [&str; 3] = [
    "openai:gpt-6.1-sol",
    "anthropic:claude-sonnet-5-5",
    "gemini:gemini-3.8-flash",
];

/// The whole change in one reply.
fn fix() -> ScriptedReply {
    let edit = json!({
        "path": "inflection/__init__.py",
        "old_text": "    if number in (11, 12, 13):",
        "new_text": "    if number % 100 in (11, 12, 13):",
    });
    ScriptedReply::default()
        .call("edit_file", edit)
        .call("finish", json!({"summary": "The last two digits decide."}))
}

/// A world in which one coder works alone, and each vendor is in this trouble before it answers.
async fn world(troubles: &[Answer]) -> World {
    let script = || troubled(troubles.to_vec(), fix());
    let vendors = Vendors::saying(script(), script(), script()).await;
    World::with(Package::load("inflection"), vendors)
}

async fn run(world: &World, coder: &str) -> Ended {
    let mut arguments = world.run_arguments();
    arguments.retain(|it| it != "--json");
    let alone = [
        "--coder",
        coder,
        "--test-author",
        "none",
        "--reviewer",
        "none",
    ];
    arguments.extend(alone.map(str::to_owned));
    world.run(&arguments).await
}

#[tokio::test]
async fn what_passes_is_sat_out() {
    for coder in CODERS {
        let world = world(&[
            Answer::status_with(429, "retry-after", "1"),
            Answer::Fault(Fault::Truncated),
        ])
        .await;
        let ended = run(&world, coder).await;
        assert_eq!(
            ended.code,
            Some(0),
            "{coder}: {}\n{}",
            ended.stdout,
            ended.stderr
        );
        assert!(
            ended.stderr.contains("status 429"),
            "{coder}: {}",
            ended.stderr
        );
        assert!(
            ended.stderr.contains("cut off"),
            "{coder}: {}",
            ended.stderr
        );
        assert!(world.patch().exists(), "{coder}: there is no patch");
    }
}

/// The vendor is in trouble for good; once it is well, the run goes on to its end.
async fn check_gives_up(coder: &str, trouble: &Answer, tries: usize, words: &[&str]) {
    let world = world(&vec![trouble.clone(); tries]).await;
    let ended = run(&world, coder).await;
    assert_eq!(
        ended.code,
        Some(VENDOR),
        "{coder}: {}\n{}",
        ended.stdout,
        ended.stderr
    );
    let told = format!("{}{}", ended.stdout, ended.stderr);
    let name = world.runs().await.remove(0);
    let resume = format!("pipeline resume {name}");
    for words in words.iter().chain([&&*resume]) {
        assert!(
            told.contains(words),
            "{coder}: `{words}` is missing in {told}"
        );
    }

    let resumed = world.run(&["resume", &name]).await;
    assert_eq!(
        resumed.code,
        Some(0),
        "{coder}: {}\n{}",
        resumed.stdout,
        resumed.stderr
    );
    assert!(world.patch().exists(), "{coder}: there is no patch");
}

#[tokio::test]
async fn a_vendor_that_stays_busy_ends_the_run_until_later() {
    for coder in CODERS {
        let words = ["after 3 tries", "status 529"];
        check_gives_up(coder, &Answer::status(529), 3, &words).await;
    }
}

#[tokio::test]
async fn a_refused_key_is_named_by_its_variable() {
    for (coder, variable) in
        CODERS
            .iter()
            .zip(["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY"])
    {
        let words = ["status 401", variable];
        check_gives_up(coder, &Answer::status(401), 1, &words).await;
    }
}

#[tokio::test]
async fn a_vendor_that_cannot_be_reached_is_named_by_its_address() {
    for coder in CODERS {
        let words = ["after 3 tries", "127.0.0.1"];
        check_gives_up(coder, &Answer::Fault(Fault::Reset), 3, &words).await;
    }
}

#[tokio::test]
async fn a_vendor_that_asks_for_an_hour_is_not_waited_for_and_the_user_hears_when_to_come_back() {
    let busy = Answer::status_with(429, "retry-after", "3600");
    let words = ["3600 s", "60 s at most", "(come back after "];
    check_gives_up(CODERS[0], &busy, 1, &words).await;
}

#[tokio::test]
async fn another_vendors_model_stands_in_while_one_is_down() {
    let down = || Script::with(|_| Answer::status(503));
    let there = || troubled(Vec::new(), fix());
    let vendors = Vendors::saying(down(), there(), down()).await;
    let world = World::with(Package::load("inflection"), vendors);
    let mut arguments = world.run_arguments();
    arguments.retain(|it| it != "--json");
    let crew = "--coder openai:gpt-6.1-sol --test-author none --reviewer none --fallback draft=anthropic:claude-sonnet-5-5";
    arguments.extend(crew.split(' ').map(str::to_owned));
    let ended = world.run(&arguments).await;
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.code, Some(0), "{told}");
    for words in [
        "anthropic:claude-sonnet-5-5 stands in for draft while its vendor is down",
        "drafter: anthropic:claude-sonnet-5-5 stands in for openai:gpt-6.1-sol: could not get an answer from",
    ] {
        assert!(told.contains(words), "`{words}` is missing in {told}");
    }
    assert!(world.patch().exists(), "there is no patch");
}

#[tokio::test]
async fn a_vendor_that_is_not_there_is_said_before_anything_is_lost() {
    let mut world = world(&[]).await;
    // A port that nobody listens on: it was free a moment ago.
    let gone = Vendors::saying(
        Script::in_order([]),
        Script::in_order([]),
        Script::in_order([]),
    )
    .await
    .openai
    .base_url()
    .to_owned();
    world.configuration.push(("OPENAI_BASE_URL", gone));
    let ended = run(&world, CODERS[0]).await;
    assert_eq!(
        ended.code,
        Some(VENDOR),
        "{}\n{}",
        ended.stdout,
        ended.stderr
    );
    let name = world.runs().await.remove(0);
    world.configuration.clear();
    let resumed = world.run(&["resume", &name]).await;
    assert_eq!(
        resumed.code,
        Some(0),
        "{}\n{}",
        resumed.stdout,
        resumed.stderr
    );
}
