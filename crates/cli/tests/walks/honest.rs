//! Real fixes of real packages, with the tests that came with them: none may be sent back.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use protocol::{Evidence, RunEvent, Stage, Status, TestClass, TestComparison};
use review_bench::Case;
use testkit::{Honest, Share};

use crate::scene::{Walked, broken, say};
use crate::verify;

/// Which of the fixes are walked: `even`, `odd`, `all` or names with commas; half of them unless somebody says more.
const SHARE: &str = "PIPELINE_TEST_FIXES";

/// Lines that Ruff may change around a small fix, because they belong to the same statements.
const FORMATTED_LINES_MAX: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn no_real_fix_is_sent_back() {
    let share = env::var(SHARE).unwrap_or_else(|_| "even".to_owned());
    say(&format!(
        "fixes: {share} ({SHARE}=even, odd, all or names says which; scripts/fixes walks all)"
    ));
    let all = Arc::new(Honest::some(&Share::of(&share)));
    assert!(!all.is_empty(), "there are no such fixes");
    let fixtures = all.iter().map(|it| it.fixture.clone()).collect();
    let honest = all.clone();
    let false_rejections = Arc::new(AtomicUsize::new(0));
    let counted = false_rejections.clone();
    let broken = broken(fixtures, move |fixture, walked| {
        let one = honest.iter().find(|it| it.fixture.name == fixture.name);
        let one = one.expect("it is one of them");
        if walked.state.status != Status::Completed || !sent_back(one, walked).is_empty() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        check(one, walked)
    })
    .await;
    let false_rejections = false_rejections.load(Ordering::Relaxed);
    let count = format!("false rejections: {false_rejections} of {}", all.len());
    say(&count);
    assert!(broken.is_empty(), "{count}\n{}", broken.join("\n"));
}

fn check(honest: &Honest, walked: &Walked) -> Vec<String> {
    let mut found = sent_back(honest, walked);
    if let Some(differs) = honest.fixture.differences_of_the_end(&walked.state) {
        found.push(format!("{differs}: {}", explanation(walked)));
    }
    let comparison = comparison(walked);
    let of = |class: TestClass| -> BTreeSet<&str> {
        let of_class = comparison.iter().filter(|it| it.class == class);
        of_class.map(|it| it.id.as_str()).collect()
    };
    let origin = &honest.origin;
    // A test that is up to chance may fail on both sides.
    let known = [&origin.pre_existing[..], &origin.by_python, &origin.flaky].concat();
    // For some it is known that they can't run here at all.
    let pre_existing = &of(TestClass::PreExisting) | &of(TestClass::Environment);
    found.extend(unknown("fails anyway", &pre_existing, &known));
    let flaky = of(TestClass::Flaky);
    found.extend(unknown("is up to chance", &flaky, &honest.origin.flaky));
    for pattern in &honest.origin.pre_existing {
        if !pre_existing.iter().any(|id| names(pattern, id)) {
            found.push(format!("{pattern} doesn't fail any more"));
        }
    }
    found.extend(changes(honest, walked));
    if honest.fixture.folder.join("review").exists() {
        found.extend(shown_otherwise(honest, walked));
    }
    if found.is_empty() {
        let differing = verify::differences(&honest.fixture, walked).into_iter();
        found.extend(differing.map(|it| format!("walked again: {it}")));
    }
    say(&format!(
        "{}: {:?}, {} tests, {} fixed, {} failing anyway, {} up to chance",
        honest.fixture.name,
        walked.state.tier,
        comparison.len(),
        of(TestClass::Fixed).len(),
        pre_existing.len(),
        flaky.len()
    ));
    found
}

/// How what the reviewer was shown differs from what the review bench shows of the same fix, before it puts right what
/// the authors got wrong.
fn shown_otherwise(honest: &Honest, walked: &Walked) -> Vec<String> {
    static CASES: LazyLock<Vec<Case>> =
        LazyLock::new(|| review_bench::cases().expect("they come with the program"));
    let name = format!("{}/clean", honest.fixture.name);
    let case = CASES.iter().find(|it| it.name == name);
    let Some(case) = case else {
        return vec![format!("the review bench has no case {name}")];
    };
    let mut found = Vec::new();
    let (change, tests) = before_the_review(walked);
    let made = review_bench::as_its_authors_made_it(&honest.fixture.name);
    let made = made.expect("it comes with the program");
    if without_ids(change) != without_ids(&made) {
        found.push(format!(
            "the review bench shows another change than this:\n{change}"
        ));
    }
    if accepted(tests) != accepted(&case.state.test_output) {
        found.push(format!(
            "the review bench shows other tests than these:\n{tests}"
        ));
    }
    if walked.state.task != case.state.task {
        found.push("the review bench shows another task".to_owned());
    }
    found
}

/// The change and the words about the tests, as they stood when the reviewer was asked last.
fn before_the_review(walked: &Walked) -> (&str, &str) {
    let (mut change, mut tests) = ("", "");
    for entry in &walked.history {
        if let RunEvent::Reported {
            stage: Stage::Testing,
            report,
            proposed_code,
            ..
        } = &entry.event
        {
            change = proposed_code;
            if report.evidence.iter().any(Evidence::is_test_run) {
                tests = &report.summary;
            }
        }
    }
    (change, tests)
}

/// A diff without the identifiers of whole files, which a case hasn't.
fn without_ids(patch: &str) -> Vec<&str> {
    let lines = patch.lines();
    lines.filter(|it| !it.starts_with("index ")).collect()
}

/// What is said of the acceptance tests. How many others there are, and which fail anyway, hangs on the machine.
fn accepted(tests: &str) -> &str {
    let first = tests.lines().next().unwrap_or_default();
    first.rsplit("; ").next().unwrap_or_default()
}

/// Tests that none of these patterns names.
fn unknown(does: &str, ids: &BTreeSet<&str>, patterns: &[String]) -> Vec<String> {
    ids.iter()
        .filter(|id| !patterns.iter().any(|it| names(it, id)))
        .map(|id| format!("{id} {does}, which nobody said"))
        .collect()
}

/// Whether a pattern names a test: by its whole name, or by its beginning, with a star.
fn names(pattern: &str, id: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => id.starts_with(beginning),
        None => pattern == id,
    }
}

/// Each time that an agent sent the fix back, with its words; but once it must be sent back for a test that its authors
/// changed with it.
fn sent_back(honest: &Honest, walked: &Walked) -> Vec<String> {
    let words = |event: &RunEvent| match event {
        RunEvent::Reported { agent, report, .. } => {
            let feedback = report.verdict.feedback()?;
            Some(format!("false rejection by {agent}: {feedback}"))
        }
        _ => None,
    };
    let events = walked.history.iter().map(|it| &it.event);
    let mut found: Vec<String> = events.filter_map(words).collect();
    if let Some(disputed) = &honest.origin.dispute {
        match found.iter().position(|it| it.contains(&disputed.test)) {
            Some(place) => _ = found.remove(place),
            None => found.push(format!("{} didn't fail", disputed.test)),
        }
    }
    found
}

/// The words of the end.
fn explanation(walked: &Walked) -> &str {
    match walked.history.last().map(|it| &it.event) {
        Some(RunEvent::Finished { explanation, .. }) => explanation,
        _ => "it came to no end",
    }
}

/// Every test on both sides, from the last run with the change.
fn comparison(walked: &Walked) -> &[TestComparison] {
    let evidence = walked.state.evidence.iter().rev();
    let mut comparisons = evidence.filter_map(|it| match it {
        Evidence::Tests { comparison, .. } => Some(&comparison[..]),
        _ => None,
    });
    comparisons.next().unwrap_or_default()
}

/// Files that changed and shouldn't have, or the other way round. Ruff may have formatted what the fix touches.
fn changes(honest: &Honest, walked: &Walked) -> Vec<String> {
    let before = &honest.fixture.before;
    let mut found = Vec::new();
    for (path, bytes) in &walked.tree {
        let changed = before.get(path) != Some(bytes);
        let theirs = honest.tests.contains_key(path) || honest.amended.contains_key(path);
        let wanted = theirs || honest.fixed.contains_key(path);
        if changed != wanted {
            found.push(format!("{path} changed: {changed}, and should: {wanted}"));
        }
    }
    for (path, fixed) in &honest.fixed {
        let nothing = Vec::new();
        let old = before.get(path).unwrap_or(&nothing);
        let fixed = fixed.as_ref().unwrap_or(&nothing);
        let found_there = walked.tree.get(path).unwrap_or(&nothing);
        let (by_ruff, by_the_fix) = (new_lines(fixed, found_there), new_lines(old, fixed));
        if 3 * by_the_fix + FORMATTED_LINES_MAX < by_ruff {
            found.push(format!(
                "{path}: Ruff changed {by_ruff} lines where the fix changed {by_the_fix}"
            ));
        }
    }
    for (path, bytes) in honest.tests.iter().chain(&honest.amended) {
        if walked.tree.get(path) != Some(bytes) {
            found.push(format!("{path} isn't what its author handed in"));
        }
    }
    found
}

/// How many lines of the second text the first one hasn't.
fn new_lines(old: &[u8], new: &[u8]) -> usize {
    let mut left: BTreeMap<&[u8], usize> = BTreeMap::new();
    for line in old.split(|it| *it == b'\n') {
        *left.entry(line).or_default() += 1;
    }
    let mut new_ones = 0;
    for line in new.split(|it| *it == b'\n') {
        match left.get_mut(line) {
            Some(count) if 0 < *count => *count -= 1,
            _ => new_ones += 1,
        }
    }
    new_ones
}
