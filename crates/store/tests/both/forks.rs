//! What is promised about a run that begins as another one.

use protocol::Stage;
use store::{INLINE_BYTES_MAX, StoreError};

use crate::bench::*;

pub(crate) async fn a_run_begins_as_another_one_and_leaves_that_as_it_was(bench: Bench) {
    let (store, journal) = begun(&bench).await;
    let old = journal.run().clone();
    for event in [
        opened("a"),
        started(Stage::Drafting),
        stepped("x".repeat(2 * INLINE_BYTES_MAX)),
        started(Stage::Testing),
        interrupted(),
        finished(),
    ] {
        journal.write(&event).await.unwrap();
    }
    journal.release().await;
    let before = bench.dump(&old).await;
    let history = store.history(&old).await.unwrap();
    assert_eq!(before.len(), 1 + history.len());

    for count in 1..history.len() {
        let journal = begin(&store, "the same again").await;
        let new = journal.run().clone();
        let reopened = forked(&old, count as u64 - 1);
        let seq = journal.begin_as(&old, &history[..count], &reopened).await;
        assert_eq!(seq.unwrap(), count as u64);
        let next = journal.write(&stepped("on")).await.unwrap();
        assert_eq!(
            next,
            count as u64 + 1,
            "it goes on behind what it began with"
        );
        journal.release().await;

        let copied = bench.dump(&new).await;
        assert_eq!(copied[1..=count], before[1..=count], "to the byte");
        let read = store.history(&new).await.unwrap();
        assert_eq!(read[..count], history[..count]);
        assert_eq!(read[count].event, reopened);
        let row = store.run(&new).await.unwrap();
        let stage = match count {
            1 => None,
            2 | 3 => Some(Stage::Drafting),
            _ => Some(Stage::Testing),
        };
        assert_eq!((row.stage, row.reason), (stage, None));
        assert_eq!(bench.dump(&old).await, before);
    }
}

pub(crate) async fn a_run_that_is_worked_on_lends_its_beginning(bench: Bench) {
    let (store, held) = begun(&bench).await;
    held.write(&opened("a")).await.unwrap();
    held.write(&started(Stage::Drafting)).await.unwrap();
    let history = store.history(held.run()).await.unwrap();
    held.write(&stepped("more")).await.unwrap();
    let before = bench.dump(held.run()).await;

    let journal = begin(&store, "the same again").await;
    let reopened = forked(held.run(), 1);
    journal
        .begin_as(held.run(), &history, &reopened)
        .await
        .unwrap();

    assert_eq!(bench.dump(held.run()).await, before);
    held.write(&stepped("and more")).await.unwrap();
    assert_eq!(store.history(journal.run()).await.unwrap().len(), 3);
}

pub(crate) async fn a_beginning_that_is_not_there_is_not_taken_over(bench: Bench) {
    let (store, old) = begun(&bench).await;
    old.write(&opened("a")).await.unwrap();
    old.write(&started(Stage::Drafting)).await.unwrap();
    let history = store.history(old.run()).await.unwrap();

    let journal = begin(&store, "the same again").await;
    let nothing = bench.dump(journal.run()).await;
    let mut longer = history.clone();
    longer.push(history[1].clone());
    let missing = journal
        .begin_as(old.run(), &longer, &forked(old.run(), 2))
        .await;
    assert!(
        matches!(missing, Err(StoreError::Gap { .. })),
        "{missing:?}"
    );
    assert_eq!(bench.dump(journal.run()).await, nothing, "all or nothing");

    let reopened = forked(old.run(), 1);
    journal
        .begin_as(old.run(), &history, &reopened)
        .await
        .unwrap();
    let twice = journal.begin_as(old.run(), &history, &reopened).await;
    assert!(matches!(twice, Err(StoreError::Begun { .. })), "{twice:?}");
    assert_eq!(store.history(journal.run()).await.unwrap().len(), 3);

    // Whoever lost the run meanwhile begins nothing.
    let lost = begin(&store, "the same again").await;
    let run = lost.run().clone();
    bench
        .tamper("UPDATE runs SET epoch = epoch + 1, lease_owner = NULL WHERE next_seq = 0")
        .await;
    let fenced = lost.begin_as(old.run(), &history, &reopened).await;
    assert!(
        matches!(fenced, Err(StoreError::LeaseLost { .. })),
        "{fenced:?}"
    );
    assert_eq!(store.history(&run).await.unwrap().len(), 0);
}
