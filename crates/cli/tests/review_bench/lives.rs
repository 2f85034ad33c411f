//! A bench that asks a vendor is stopped, killed and started again: no answer is paid for twice, and all that was paid counts.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use expect_test::expect;
use protocol::ScriptedReply;
use review_bench::version;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use testkit::vendor::{Answer, FakeVendor, Script, Speaks};

use crate::review;
use crate::world::{Ended, World};

const KEY: &str = "AIza-2b97c3e6a4";
/// Less than all cases take, at two thousand tokens an answer.
const TOKENS_FOR_SOME: &str = "80000";

/// A bench with a vendor: asks, and says what the vendor was asked in all.
struct Bench {
    world: World,
    vendor: FakeVendor,
}

impl Bench {
    async fn new(answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Bench {
        let asked = AtomicUsize::new(0);
        let script = Script::with(move |_| answer(asked.fetch_add(1, Ordering::SeqCst)));
        let vendor = FakeVendor::start(Speaks::Gemini, KEY, script).await;
        let vendor = vendor.expect("a port of this machine is free");
        let world = World::new()
            .variable("GOOGLE_GEMINI_BASE_URL", vendor.base_url())
            .variable("GOOGLE_API_KEY", KEY)
            .variable("PIPELINE_PATIENCE__FIRST_WAIT_MS", "1")
            .variable("PIPELINE_PATIENCE__TRIES_MAX", "1");
        Bench { world, vendor }
    }

    fn go(&self, arguments: &[&str]) -> Ended {
        let bench = ["review-bench", "--json", "--out", "[WORLD]/out"];
        let ended = self.world.pipeline(&[&bench, arguments].concat());
        assert_eq!(self.vendor.refused(), Vec::<String>::new());
        ended
    }

    fn asked(&self) -> usize {
        self.vendor.received().len()
    }

    fn known(&self) -> String {
        let file = self.world.path("home/.local/state/pipeline/reviewers.toml");
        fs::read_to_string(file).unwrap_or_default()
    }
}

fn passes() -> Answer {
    Answer::Reply(ScriptedReply {
        output: Some(review("pass", &[])),
        usage: protocol::TokenUsage {
            input_tokens: 1_500,
            output_tokens: 500,
            ..protocol::TokenUsage::default()
        },
        ..ScriptedReply::default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bench_that_stopped_goes_on_and_no_answer_is_paid_for_twice() {
    let bench = Bench::new(|_| passes()).await;

    let stopped = bench.go(&["--token-budget", TOKENS_FOR_SOME]);
    assert_eq!(stopped.code, 12, "{}", stopped.stderr);
    assert!(
        stopped.stderr.contains("nothing of that is lost"),
        "{}",
        stopped.stderr
    );
    let first = bench.asked();
    assert!((1..60).contains(&first), "{first} were asked");
    assert_eq!(bench.known(), "", "a part of a bench is no figure");

    let ended = bench.go(&[]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(bench.asked(), 60, "each case was asked about once");
    let result: Value = serde_json::from_str(&ended.stdout).expect("it is one object");
    let counts = |result: &Value| {
        json!([
            result["caught"]["hits"],
            result["caught"]["of"],
            result["false_blocks"]["of"]
        ])
    };
    assert_eq!(counts(&result), json!([0, 40, 20]));
    assert_eq!(result["tokens"], 60 * 2_000);
    let kept = fs::read_to_string(bench.world.path("out/bench.json")).expect("it was kept");
    let kept: Value = serde_json::from_str(&kept).expect("it is one object");
    assert_eq!(kept, result);
    assert!(bench.known().contains(&version()), "{}", bench.known());

    // Nothing is left to ask, and what was paid still counts.
    let again = bench.go(&["--token-budget", "200000"]);
    assert_eq!((again.code, bench.asked()), (0, 60), "{}", again.stderr);
    assert_eq!(again.stdout, ended.stdout);
    let replayed = bench
        .world
        .pipeline(&["review-bench", "--json", "--replay", "[WORLD]/out"]);
    // Whose answers they are stands in the folder.
    assert_eq!(
        (replayed.code, bench.asked()),
        (0, 60),
        "{}",
        replayed.stderr
    );
    let replayed: Value = serde_json::from_str(&replayed.stdout).expect("it is one object");
    assert_eq!(counts(&replayed), counts(&result));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bench_ends_before_it_could_cost_more_than_its_budget() {
    let mut bench = Bench::new(|_| passes()).await;
    bench.world = bench.world.file(
        "here/pipeline.toml",
        "[prices.\"gemini:gemini-3.8-flash\"]\ninput = 1.0\ncached = 1.0\ncache_write = 0.0\noutput = 4.0\n",
    );
    let stopped = bench.go(&["--budget", "0.25", "--jobs", "1"]);
    assert_eq!(stopped.code, 12, "{}", stopped.stderr);
    let asked = bench.asked();
    assert!((1..60).contains(&asked), "{asked} were asked");
    let paid = format!("for {:.1} k tokens and", asked as f64 * 2.0);
    assert!(stopped.stderr.contains(&paid), "{}", stopped.stderr);
    assert!(
        stopped.stderr.contains("cap         $0.25"),
        "{}",
        stopped.stderr
    );
    let ended = bench.go(&["--budget", "1.00"]);
    assert_eq!((ended.code, bench.asked()), (0, 60), "{}", ended.stderr);
    let result: Value = serde_json::from_str(&ended.stdout).expect("it is one object");
    // Fifteen hundred tokens at a dollar a million, and five hundred at four.
    assert_eq!(result["cost_microusd"], 60 * 3_500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_is_away_ends_the_bench_where_it_can_go_on() {
    let bench = Bench::new(|asked| match asked {
        0..5 => passes(),
        5 => Answer::status(500),
        _ => passes(),
    })
    .await;
    let stopped = bench.go(&["--jobs", "1"]);
    assert_eq!(stopped.code, 16, "{}", stopped.stderr);
    assert_eq!(bench.asked(), 6, "nothing is begun after that");
    let ended = bench.go(&["--cases", "8"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(bench.asked(), 6 + 3, "what came is not asked for again");
    assert_eq!(bench.known(), "", "a part of the cases is no figure");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_under_way_when_a_bench_was_killed_counts_at_its_worst() {
    let bench = Bench::new(|_| passes()).await;
    let spent = |ended: &Ended| -> u64 {
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let result: Value = serde_json::from_str(&ended.stdout).expect("it is one object");
        result["tokens"].as_u64().expect("tokens are counted")
    };
    assert_eq!(spent(&bench.go(&["--cases", "3"])), 3 * 2_000);
    let mark = bench.world.path("out/under_way/boltons.clean");
    fs::write(&mark, "").expect("the folder is there");
    let with_the_worst = spent(&bench.go(&["--cases", "3"]));
    // Nobody knows what that request cost: at most a whole reply.
    assert!(3 * 2_000 + 16_000 < with_the_worst, "{with_the_worst}");
    assert!(!mark.exists());
    // It is booked once.
    assert_eq!(spent(&bench.go(&["--cases", "4"])), with_the_worst + 2_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_another_way_of_asking_are_not_taken() {
    let bench = Bench::new(|_| passes()).await;
    let ended = bench.go(&["--cases", "1"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let refused = bench.go(&["--cases", "1", "--effort", "high"]);
    assert_eq!(refused.code, 2);
    let why = refused.stderr.lines().find(|it| it.starts_with("error: "));
    expect!["error: could not go on with the bench in [WORLD]/out: it asks gemini:gemini-3.8-flash with the usual effort (choose another --out)"].assert_eq(&bench.world.masked(why.unwrap_or_default()));
    assert_eq!(bench.asked(), 1);
}

/// Sends the bench, which wrote its number down, a signal; and leaves it a moment to hear of it.
fn signal(number: &Path, signal: Signal) {
    let number = fs::read_to_string(number).expect("it was written down");
    let number = number.trim().parse().ok().and_then(Pid::from_raw);
    kill_process(number.expect("it is a number"), signal).expect("it is there");
    std::thread::sleep(Duration::from_millis(300));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bench_that_is_interrupted_keeps_its_answers_and_one_that_is_killed_loses_what_was_under_way()
 {
    let number = Arc::new(OnceLock::<PathBuf>::new());
    let known = number.clone();
    let bench = Bench::new(move |asked| {
        match asked {
            3 => signal(known.get().expect("it is set"), Signal::INT),
            10 => signal(known.get().expect("it is set"), Signal::TERM),
            20 => signal(known.get().expect("it is set"), Signal::KILL),
            _ => {}
        }
        passes()
    })
    .await;
    number.get_or_init(|| bench.world.path("number"));
    let go = || {
        bench.world.apart(
            "\"$PIPELINE\" review-bench --json --jobs 1 --out ../out & echo $! > ../number; wait $!",
        )
    };
    for (asked, code) in [(4, 15), (11, 15), (21, 137)] {
        let ended = go();
        assert_eq!(ended.code, code, "{}", ended.stderr);
        assert_eq!(bench.asked(), asked, "nothing is begun after that");
        assert_eq!(ended.stdout, "");
        if code == 15 {
            let kept = format!("{asked} of 60 cases are answered for ");
            assert!(ended.stderr.contains(&kept), "{}", ended.stderr);
        }
    }
    let ended = go();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(bench.asked(), 61, "only what was killed is asked for again");
    let result: Value = serde_json::from_str(&ended.stdout).expect("it is one object");
    let tokens = result["tokens"].as_u64().expect("tokens are counted");
    // Nobody knows what the killed one cost: at most a whole reply.
    assert!(60 * 2_000 + 16_000 < tokens, "{tokens}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_benches_do_not_work_in_one_folder() {
    let bench = Bench::new(|_| passes()).await;
    fs::create_dir(bench.world.path("out")).expect("a folder can be made");
    let lock = fs::File::create(bench.world.path("out/lock")).expect("a file can be made");
    lock.lock().expect("nobody has it");
    let refused = bench.go(&["--cases", "1"]);
    expect![[r#"
        exit 2
        --- stderr
        error: could not work in [WORLD]/out: another bench does so now (wait for it, or choose another --out)
    "#]].assert_eq(&bench.world.seen(&refused));
    assert_eq!(bench.asked(), 0);
    drop(lock);
    assert_eq!(bench.go(&["--cases", "1"]).code, 0);
}
