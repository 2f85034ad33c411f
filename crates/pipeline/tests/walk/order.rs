//! The journal of a real walk, and what nobody can do to it unseen.

use pipeline::verify::check_order;
use protocol::{Entry, ModelError, RunEvent};

use crate::scene::Scene;

fn two_drafts(asked: &str) -> Result<String, ModelError> {
    Ok(match asked {
        "draft 1 after nothing" => "bad\n",
        asked if asked.starts_with("draft 2") => "good\n",
        _ => "done",
    }
    .to_owned())
}

/// Numbered anew, as a forger would.
fn entries(events: &[RunEvent]) -> Vec<Entry> {
    let entry = |(seq, event): (u64, &RunEvent)| Entry {
        seq,
        at_ms: 0,
        event: event.clone(),
    };
    (0..).zip(events).map(entry).collect()
}

/// What somebody does within a visit. How often is for the gates to say, which walk the visit again.
fn is_within_a_visit(event: &RunEvent) -> bool {
    matches!(event, RunEvent::Replied { .. } | RunEvent::Stepped { .. })
}

/// Who begins and who reports, in order. Whoever begins once more before it has reported goes on after a crash.
fn turns(events: &[RunEvent]) -> Vec<&RunEvent> {
    let is_turn =
        |it: &&RunEvent| matches!(it, RunEvent::Started { .. } | RunEvent::Reported { .. });
    let mut turns: Vec<&RunEvent> = events.iter().filter(is_turn).collect();
    turns.dedup_by(|it, before| it == before && matches!(it, RunEvent::Started { .. }));
    turns
}

#[tokio::test]
async fn no_event_can_stand_twice_or_be_missing() {
    let scene = Scene::new(two_drafts);
    scene.walk().await.expect("the journal holds");
    let events = scene.journal.events();
    check_order(&entries(&events)).expect("a walk wrote it");
    let mut tried = 0;
    for (from, event) in events
        .iter()
        .enumerate()
        .filter(|(_, it)| !is_within_a_visit(it))
    {
        let mut without = events.clone();
        without.remove(from);
        // The start of a journal is a journal.
        if from + 1 < events.len() {
            check_order(&entries(&without)).expect_err("one is missing");
        }
        for place in 0..=events.len() {
            let mut more = events.clone();
            more.insert(place, event.clone());
            let is_start = matches!(event, RunEvent::Started { .. });
            if is_start && turns(&more) == turns(&events) {
                continue;
            }
            let told = format!("{event:?} once more in place {place}");
            check_order(&entries(&more)).expect_err(&told);
            tried += 1;
        }
    }
    assert!(100 < tried, "{tried}");
}

#[tokio::test]
async fn no_two_events_can_change_places() {
    let scene = Scene::new(two_drafts);
    scene.walk().await.expect("the journal holds");
    let events = scene.journal.events();
    let steps = |it: &RunEvent| is_within_a_visit(it) || matches!(it, RunEvent::Prepared { .. });
    for (first, event) in events.iter().enumerate().filter(|(_, it)| !steps(it)) {
        for (second, other) in events.iter().enumerate().skip(first + 1) {
            if steps(other) || event == other {
                continue;
            }
            let mut swapped = events.clone();
            swapped.swap(first, second);
            let told = format!("{first} and {second} in each other's place");
            check_order(&entries(&swapped)).expect_err(&told);
        }
    }
}
