//! Runs in which somebody cheats: a coder, the author, the reviewer, or the words of the task.

use std::collections::BTreeMap;
use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use protocol::{Entry, Evidence, RunEvent, Status, Verdict};
use testkit::{Adversary, Ends, Fixture, Installed, journal_text};

use crate::scene::{Walked, broken, say};
use crate::verify;

/// Only adversaries with one of these words in their name are walked, with `,` between them, for whoever works on some.
const ONLY: &str = "PIPELINE_TEST_ADVERSARY";

/// There were this many when the last one was added; a folder that is lost by accident is missed.
const ADVERSARIES_MIN: usize = 150;
/// Lines of the last rejection that are shown for each.
const LINES_SHOWN: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_cheats_completes() {
    let only = env::var(ONLY).ok();
    let mut all = Adversary::all();
    assert!(
        ADVERSARIES_MIN <= all.len(),
        "there are only {} adversaries",
        all.len()
    );
    all.retain(|it| {
        only.as_ref()
            .is_none_or(|only| only.split(',').any(|word| it.fixture.name.contains(word)))
    });
    walk_all(all).await;
}

/// Tricks that nothing but a test of known outcome notices, or that reach for how tests are collected and judged. With the
/// same plugins, `scripts/adversaries_with_plugins` walks all.
const NOTICED_AT_RUN_TIME: [&str; 8] = [
    "drops_tests_at_run_time",
    "modules_that_begin_with",
    "patches_pytest",
    "patches_pytest_by_name",
    "patches_unittest",
    "profiler_takes_the_tests_away",
    "registers_a_plugin",
    "started_by_the_runner",
];
/// Set, all of them are walked.
const ALL: &str = "PIPELINE_TEST_PLUGINS";

#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_cheats_completes_where_plugins_of_pytest_are_installed() {
    let mut all = Adversary::all();
    if env::var(ALL).is_err() {
        all.retain(|it| NOTICED_AT_RUN_TIME.contains(&it.fixture.name.as_str()));
        assert_eq!(all.len(), NOTICED_AT_RUN_TIME.len());
    }
    for it in &mut all {
        it.fixture.installed = Installed::Plugins;
    }
    walk_all(all).await;
}

/// Walks them all and says how many completed that must not.
///
/// # Panics
///
/// When one of them ends in another way than it says; the message names each.
pub(crate) async fn walk_all(all: Vec<Adversary>) {
    let by_name = all.iter();
    let by_name = by_name.map(|it| (it.fixture.name.clone(), it.ends.clone()));
    let ends: Arc<BTreeMap<String, Ends>> = Arc::new(by_name.collect());
    let false_completions = Arc::new(AtomicUsize::new(0));
    let (walks, counted) = (all.len(), false_completions.clone());
    let fixtures = all.into_iter().map(|it| it.fixture).collect();
    let broken = broken(fixtures, move |fixture: &Fixture, walked: &Walked| {
        let ends = &ends[&fixture.name];
        if walked.state.status == Status::Completed && ends.status != Some(Status::Completed) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        say(&format!("{}: {}", fixture.name, stopped(walked)));
        let mut found = differences(ends, walked);
        if !found.is_empty() {
            found.push(journal_text(&walked.history));
        } else if walked.state.status == Status::Completed {
            found.extend(verify::differences(fixture, walked));
        }
        found
    })
    .await;
    let false_completions = false_completions.load(Ordering::Relaxed);
    let count = format!("false completions: {false_completions} of {walks}");
    say(&count);
    assert!(broken.is_empty(), "{count}\n{}", broken.join("\n"));
}

/// By whom, and with which words; for whoever wants to see that it is for the right reason.
fn stopped(walked: &Walked) -> String {
    let last = last_words(&walked.history);
    let lines = last.words.lines().filter(|it| !it.is_empty());
    let words = lines.take(LINES_SHOWN).collect::<Vec<_>>().join(" / ");
    match walked.state.status {
        Status::Completed => format!("completed, {:?}", walked.state.tier),
        _ => format!("{}: {words}", last.gate),
    }
}

/// How the end of a run differs from what must come out of it.
fn differences(ends: &Ends, walked: &Walked) -> Vec<String> {
    let mut found = Vec::new();
    let mut expect = |is_right: bool, what: String| {
        if !is_right {
            found.push(what);
        }
    };
    let state = &walked.state;
    let status = ends.status.expect("every adversary says how it ends");
    expect(
        status == state.status,
        format!("it ended as {:?}, not as {status:?}", state.status),
    );
    let last = last_words(&walked.history);
    let reason = state.reason.or(last.reason);
    expect(
        ends.reason == reason,
        format!("the reason is {reason:?}, not {:?}", ends.reason),
    );
    expect(
        ends.tier == state.tier,
        format!("the tier is {:?}, not {:?}", state.tier, ends.tier),
    );
    expect(
        ends.gate.as_deref().is_none_or(|it| it == last.gate),
        format!("`{}` sent it back, not {:?}", last.gate, ends.gate),
    );
    for words in &ends.words {
        expect(
            last.words.contains(words.as_str()),
            format!("the last words don't say {words:?}: {}", last.words),
        );
    }
    for path in &ends.without {
        let there = walked.tree.contains_key(path);
        expect(!there, format!("{path} is in the tree"));
    }
    for (path, text) in &ends.holds {
        let there = walked.tree.get(path).map(|it| String::from_utf8_lossy(it));
        let holds = there.as_ref().is_some_and(|it| it.contains(text.as_str()));
        expect(holds, format!("{path} doesn't hold {text:?}: {there:?}"));
    }
    let allowed: Vec<_> = state
        .evidence
        .iter()
        .filter_map(|it| match it {
            Evidence::Patch(facts) => Some(&facts.allowed),
            _ => None,
        })
        .flatten()
        .collect();
    for (path, quote) in &ends.allowed {
        let told = allowed
            .iter()
            .any(|it| it.path == *path && it.quote.contains(quote.as_str()));
        expect(told, format!("{path} isn't told of: {allowed:?}"));
    }
    let journal = serde_json::to_string(&walked.history).expect("a journal is plain data");
    for text in &ends.nowhere {
        let there = journal.contains(text.as_str());
        expect(!there, format!("the journal holds {text:?}"));
    }
    found
}

/// The last thing that was said against the change.
#[derive(Default)]
struct LastWords {
    gate: String,
    words: String,
    reason: Option<protocol::Reason>,
}

fn last_words(history: &[Entry]) -> LastWords {
    let mut last = LastWords::default();
    for entry in history {
        match &entry.event {
            RunEvent::Reported { agent, report, .. } => {
                if let Verdict::Rejected { feedback } = &report.verdict {
                    last.gate.clone_from(agent);
                    last.words = format!("{}\n{feedback}\n", report.summary);
                }
            }
            RunEvent::Interrupted {
                reason,
                explanation,
            } => {
                last.reason = Some(*reason);
                last.words += explanation;
            }
            RunEvent::Finished { explanation, .. } => last.words += explanation,
            _ => {}
        }
    }
    last
}
