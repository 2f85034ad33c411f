//! Every fixture of `fixtures/tasks`, and the demo, from its first event to its last.

use expect_test::expect_file;
use protocol::{Entry, RunId, RunState};
use tempfile::TempDir;
use testkit::{Fixture, journal_text};

use crate::scene::{Walked, every};
use crate::verify;

#[tokio::test(flavor = "multi_thread")]
async fn every_fixture_ends_as_it_says() {
    every(Fixture::all(), check).await;
}

fn check(fixture: &Fixture, walked: &Walked) -> Vec<String> {
    let mut found = fixture.differences(&walked.state, &walked.tree);
    let happened = journal_text(&walked.history);
    if found.is_empty() {
        expect_file![fixture.journal_file()].assert_eq(&happened);
        let entries = check_bundle(fixture, walked);
        found.extend(verify::differences(fixture, &entries));
    } else {
        found.push(happened);
    }
    found
}

/// What the bundle says is what came out. Hands back the journal that was read from it.
fn check_bundle(fixture: &Fixture, walked: &Walked) -> Vec<Entry> {
    let folder = TempDir::new().expect("a folder for the test");
    let out = folder.path().join("bundle");
    delivery::Bundle::of(&RunId("r".into()), &walked.history)
        .and_then(|it| it.write_to(&out))
        .unwrap_or_else(|error| panic!("{}: could not {error}", fixture.name));
    let (_, entries) = delivery::read_bundle(&out).expect("nobody changed it");
    let mut folded = RunState::fold(&entries).expect("it is a whole run");
    let mut walked = walked.state.clone();
    // What was prepared may be taken in later than it was finished.
    folded.evidence.clear();
    walked.evidence.clear();
    assert_eq!(folded, walked, "{}: fold and walk disagree", fixture.name);
    entries
}
