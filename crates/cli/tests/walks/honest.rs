//! Real fixes of real packages, with the tests that came with them: none may be sent back.

use std::collections::BTreeSet;
use std::sync::Arc;

use protocol::{Evidence, RunEvent, TestClass, TestComparison};
use testkit::Honest;

use crate::scene::{Walked, every};

/// Fewer would say little about the gates.
const FIXES_MIN: usize = 12;
/// Of these, so many have tests that fail for reasons of their own.
const UNTIDY_MIN: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn no_real_fix_is_sent_back() {
    let all = Arc::new(Honest::all());
    let untidy = |it: &&Honest| !(it.origin.pre_existing.is_empty() && it.origin.flaky.is_empty());
    let untidy = all.iter().filter(untidy).count();
    assert!(
        FIXES_MIN <= all.len() && UNTIDY_MIN <= untidy,
        "{} fixes, {untidy} of them with tests that fail anyway",
        all.len()
    );
    let fixtures = all.iter().map(|it| it.fixture.clone()).collect();
    let honest = all.clone();
    every(fixtures, move |fixture, walked| {
        let one = honest.iter().find(|it| it.fixture.name == fixture.name);
        check(one.expect("it is one of them"), walked)
    })
    .await;
    println!("false rejections: 0 of {}", all.len());
}

fn check(honest: &Honest, walked: &Walked) -> Vec<String> {
    let mut found = sent_back(walked);
    found.extend(honest.fixture.differences_of_the_end(&walked.state));
    let comparison = comparison(walked);
    let of = |class: TestClass| -> BTreeSet<&str> {
        let of_class = comparison.iter().filter(|it| it.class == class);
        of_class.map(|it| it.id.as_str()).collect()
    };
    // A test that is up to chance may fail on both sides.
    let known = [&honest.origin.pre_existing[..], &honest.origin.flaky].concat();
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
    println!(
        "{}: {:?}, {} tests, {} fixed, {} failing anyway, {} up to chance",
        honest.fixture.name,
        walked.state.tier,
        comparison.len(),
        of(TestClass::Fixed).len(),
        pre_existing.len(),
        flaky.len()
    );
    found
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

/// Each time that an agent sent the fix back, with its words.
fn sent_back(walked: &Walked) -> Vec<String> {
    let words = |event: &RunEvent| match event {
        RunEvent::Reported { agent, report, .. } => {
            let feedback = report.verdict.feedback()?;
            Some(format!("false rejection by {agent}: {feedback}"))
        }
        _ => None,
    };
    walked
        .history
        .iter()
        .filter_map(|it| words(&it.event))
        .collect()
}

/// Every test on both sides, from the last run with the change.
fn comparison(walked: &Walked) -> &[TestComparison] {
    let comparison = |it| match it {
        &Evidence::Tests { ref comparison, .. } => Some(&comparison[..]),
        _ => None,
    };
    let last = walked.state.evidence.iter().rev().find_map(comparison);
    last.unwrap_or_default()
}

/// Files that changed and shouldn't have, or the other way round. Ruff may have formatted what the fix touches.
fn changes(honest: &Honest, walked: &Walked) -> Vec<String> {
    let before = &honest.fixture.before;
    let mut found = Vec::new();
    for (path, bytes) in &walked.tree {
        let changed = before.get(path) != Some(bytes);
        let wanted = honest.fixed.contains(path) || honest.tests.contains_key(path);
        if changed != wanted {
            found.push(format!("{path} changed: {changed}, and should: {wanted}"));
        }
    }
    for (path, bytes) in &honest.tests {
        if walked.tree.get(path) != Some(bytes) {
            found.push(format!("{path} isn't what its author handed in"));
        }
    }
    found
}
