//! Every fixture of `fixtures/tasks`, and the demo, from its first event to its last.

use expect_test::expect_file;
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
        found.extend(verify::differences(fixture, walked));
    } else {
        found.push(happened);
    }
    found
}
