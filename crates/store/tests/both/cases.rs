//! The promises themselves, one function each.

use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use protocol::{Journal, RunId, Stage};
use store::{Cancellation, INLINE_BYTES_MAX, NewRun, Owner, Store, StoreError};

use crate::bench::*;
pub(crate) use crate::deliveries::*;
pub(crate) use crate::forks::*;
pub(crate) use crate::inbox::*;
pub(crate) use crate::served::*;

/// The error's words, with the parts that differ from run to run replaced.
pub(crate) fn check_error<T: std::fmt::Debug>(
    result: Result<T, StoreError>,
    run: &RunId,
    expected: Expect,
) {
    let words = result.unwrap_err().to_string().replace(&run.0, "RUN");
    let pid = format!("process {} ", std::process::id());
    let host = format!("on {} ", Owner::this_process().host);
    expected.assert_eq(
        &words
            .replace(&pid, "process PID ")
            .replace(&host, "on HOST "),
    );
}

/// What the list says, in one line.
async fn check_row(store: &Store, run: &RunId, expected: Expect) {
    let it = store.run(run).await.unwrap();
    expected.assert_eq(&format!(
        "{:?} {:?} {:?} {:?} {} events, held {}, to stop {}",
        it.status,
        it.stage,
        it.reason,
        it.tier,
        it.events,
        it.holder.is_some(),
        it.cancel_requested
    ));
}

pub(crate) async fn a_history_is_what_was_appended(bench: Bench) {
    let (store, journal) = begun(&bench).await;
    let run = journal.run().clone();
    let events = [
        opened("a"),
        started(Stage::Drafting),
        stepped("x"),
        interrupted(),
    ];
    for event in &events {
        journal.append(event).await.unwrap();
    }
    drop(journal);
    store.close().await;
    let read = bench.open().await.history(&run).await.unwrap();
    assert_eq!(
        read.iter().map(|it| it.seq).collect::<Vec<_>>(),
        [0, 1, 2, 3]
    );
    assert_eq!(
        read.into_iter().map(|it| it.event).collect::<Vec<_>>(),
        events
    );
}

pub(crate) async fn a_row_follows_its_events(bench: Bench) {
    let (store, journal) = begun(&bench).await;
    let run = journal.run().clone();
    check_row(
        &store,
        &run,
        expect!["Running None None None 0 events, held true, to stop false"],
    )
    .await;
    journal.write(&opened("a")).await.unwrap();
    journal.write(&started(Stage::Testing)).await.unwrap();
    check_row(
        &store,
        &run,
        expect!["Running Some(Testing) None None 2 events, held true, to stop false"],
    )
    .await;
    journal.write(&interrupted()).await.unwrap();
    check_row(
        &store,
        &run,
        expect!["Running Some(Testing) Some(Cancelled) None 3 events, held true, to stop false"],
    )
    .await;
    journal.write(&started(Stage::Qa)).await.unwrap();
    check_row(
        &store,
        &run,
        expect!["Running Some(Qa) None None 4 events, held true, to stop false"],
    )
    .await;
    journal.write(&finished()).await.unwrap();
    journal.release().await;
    check_row(&store, &run, expect!["Completed Some(Completed) None Some(RegressionSafe) 5 events, held false, to stop false"]).await;
}

pub(crate) async fn places_have_no_gaps_when_many_append_at_once(bench: Bench) {
    let (store, journal) = begun(&bench).await;
    let journal = Arc::new(journal);
    let writers: Vec<_> = (0..40)
        .map(|it| {
            let journal = journal.clone();
            tokio::spawn(async move { journal.write(&stepped(it.to_string())).await.unwrap() })
        })
        .collect();
    let mut places = Vec::new();
    for writer in writers {
        places.push(writer.await.unwrap());
    }
    places.sort_unstable();
    assert_eq!(places, (0..40).collect::<Vec<u64>>());
    assert_eq!(store.history(journal.run()).await.unwrap().len(), 40);
}

pub(crate) async fn a_large_event_is_kept_outside_and_comes_back(bench: Bench) {
    let (store, journal) = begun(&bench).await;
    let event = stepped("é\u{0}".repeat(INLINE_BYTES_MAX));
    journal.write(&event).await.unwrap();
    assert_eq!(store.history(journal.run()).await.unwrap()[0].event, event);
    bench
        .tamper("UPDATE events SET blob = 'ab/../../secret' WHERE blob IS NOT NULL")
        .await;
    let error = store.history(journal.run()).await.unwrap_err();
    assert!(matches!(error, StoreError::MissingBlob { .. }), "{error}");
}

pub(crate) async fn equal_outputs_are_kept_once(bench: Bench) {
    let store = bench.open().await;
    let one = store.put_blob(b"same".to_vec()).await.unwrap();
    let two = store.put_blob(b"same".to_vec()).await.unwrap();
    let three = store.put_blob(b"other".to_vec()).await.unwrap();
    expect!["0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5"].assert_eq(&one);
    assert_eq!(one, two);
    assert_ne!(one, three);
}

pub(crate) async fn an_output_comes_back_or_says_that_it_is_missing(bench: Bench) {
    let store = bench.open().await;
    let bytes = vec![0_u8, 255, 10, 13];
    let hash = store.put_blob(bytes.clone()).await.unwrap();
    assert_eq!(store.get_blob(&hash).await.unwrap(), bytes);
    for absent in [
        "0".repeat(64),
        "../../../etc/passwd".to_owned(),
        String::new(),
    ] {
        let error = store.get_blob(&absent).await.unwrap_err();
        assert!(matches!(error, StoreError::MissingBlob { .. }), "{error}");
    }
}

pub(crate) async fn a_missing_event_is_noticed(bench: Bench) {
    let (store, journal) = begun(&bench).await;
    let run = journal.run().clone();
    for it in 0..4 {
        journal.write(&stepped(it.to_string())).await.unwrap();
    }
    bench.tamper("DELETE FROM events WHERE seq = 3").await;
    check_error(
        store.history(&run).await,
        &run,
        expect![
            "read run RUN: event 3 is missing, though 4 were written (the database was damaged or edited; restore it from a backup)"
        ],
    );
    bench.tamper("DELETE FROM events WHERE seq = 1").await;
    check_error(
        store.history(&run).await,
        &run,
        expect![
            "read run RUN: event 1 is missing, event 2 follows (the database was damaged or edited; restore it from a backup)"
        ],
    );
    bench
        .tamper("UPDATE events SET json = '{\"kind\":\"teleported\"}' WHERE seq = 0")
        .await;
    check_error(
        store.history(&run).await,
        &run,
        expect![
            "understand event 0 of run RUN (was it written by another version of this program?)"
        ],
    );
}

pub(crate) async fn a_run_is_found_by_any_unambiguous_beginning(bench: Bench) {
    let store = bench.open().await;
    begin(&store, "a").await;
    begin(&store, "b").await;
    bench
        .tamper("UPDATE runs SET id = '20260101-0900-k7m2q' WHERE title = 'a'")
        .await;
    bench
        .tamper("UPDATE runs SET id = '20260101-0901-p3x9z' WHERE title = 'b'")
        .await;
    let found = async |name: &str| match store.find(name).await {
        Ok(run) => run.0,
        Err(error) => error.to_string(),
    };
    expect!["20260101-0900-k7m2q"].assert_eq(&found("20260101-0900-k7m2q").await);
    expect!["20260101-0901-p3x9z"].assert_eq(&found(" 20260101-0901 ").await);
    expect!["20260101-0900-k7m2q"].assert_eq(&found("K7M").await);
    expect![
        "choose between the runs that `2026` stands for: 20260101-0901-p3x9z, 20260101-0900-k7m2q"
    ]
    .assert_eq(&found("2026").await);
    expect!["find a run whose name begins with `zz`"].assert_eq(&found("zz").await);
    expect!["find a run whose name begins with `%`"].assert_eq(&found("%").await);
    expect!["find a run whose name begins with ``"].assert_eq(&found("").await);
}

pub(crate) async fn the_list_is_newest_first_and_bounded(bench: Bench) {
    let store = bench.open().await;
    for title in ["first", "second", "third"] {
        begin(&store, title).await;
    }
    bench.tamper("UPDATE runs SET created_ms = CASE title WHEN 'first' THEN 1 WHEN 'second' THEN 2 ELSE 3 END").await;
    let titles: Vec<String> = store
        .runs(2)
        .await
        .unwrap()
        .into_iter()
        .map(|it| it.title)
        .collect();
    assert_eq!(titles, ["third", "second"]);
}

pub(crate) async fn text_that_a_database_chokes_on_is_kept(bench: Bench) {
    let (store, journal) = begun(&bench).await;
    let event = stepped("NUL \u{0}, lone 'quote', \u{1f600}, \u{202e}");
    journal.write(&event).await.unwrap();
    assert_eq!(store.history(journal.run()).await.unwrap()[0].event, event);
    let run = NewRun {
        title: format!("a\u{0}b\u{1b}[31m\nsecond line {}", "x".repeat(500)),
        repository: "r".repeat(300),
    };
    let id = store.create(&run).await.unwrap();
    let listed = store.run(&id).await.unwrap();
    expect!["a b [31m"].assert_eq(&listed.title);
    assert_eq!(listed.repository.chars().count(), 201);
}

pub(crate) async fn a_held_run_is_refused_to_others(bench: Bench) {
    let (store, journal) = begun(&bench).await;
    let run = journal.run().clone();
    let here = store.claim(&run, &Owner::this_process(), LONG).await;
    check_error(
        here,
        &run,
        expect![
            "take over run RUN: process PID on HOST has held it for 0 s, and is alive (cancel the run, or wait for it)"
        ],
    );
    let there = store.claim(&run, &stranger(7), LONG).await;
    assert!(matches!(there, Err(StoreError::Held { .. })));
    let stranger_first = store
        .create(&NewRun {
            title: "b".into(),
            repository: "r".into(),
        })
        .await
        .unwrap();
    let _lease = store
        .claim(&stranger_first, &stranger(7), LONG)
        .await
        .unwrap();
    let here = store
        .claim(&stranger_first, &Owner::this_process(), LONG)
        .await;
    check_error(
        here,
        &stranger_first,
        expect![
            "take over run RUN: process 7 on elsewhere has held it for 0 s, and is alive (cancel the run, or wait for it)"
        ],
    );
    journal.write(&opened("still mine")).await.unwrap();
}

pub(crate) async fn a_lease_that_ran_out_is_taken_over_and_its_holder_is_fenced(bench: Bench) {
    let (store, journal) = begun(&bench).await;
    let run = journal.run().clone();
    journal.write(&opened("a")).await.unwrap();
    bench.tamper("UPDATE runs SET lease_until_ms = 1").await;
    let other = store.claim(&run, &stranger(7), LONG).await.unwrap();
    check_error(
        journal.write(&stepped("late")).await,
        &run,
        expect![
            "write to run RUN: this process no longer holds it (another process has taken it over)"
        ],
    );
    check_error(
        journal.write(&stepped("later")).await,
        &run,
        expect![
            "write to run RUN: this process no longer holds it (another process has taken it over)"
        ],
    );
    assert!(journal.cancel_requested().await.is_err());
    drop(journal);
    store
        .journal(other)
        .write(&stepped("in time"))
        .await
        .unwrap();
    assert_eq!(store.history(&run).await.unwrap().len(), 2);
}

pub(crate) async fn a_dead_process_loses_its_run_at_once(bench: Bench) {
    let (store, journal) = begun(&bench).await;
    let run = journal.run().clone();
    let mut dead = Owner::this_process();
    dead.started_ticks += 1;
    drop(journal);
    let lease = store.claim(&run, &dead, LONG).await.unwrap();
    assert_eq!(store.run(&run).await.unwrap().holder, None);
    let mine = store
        .claim(&run, &Owner::this_process(), LONG)
        .await
        .unwrap();
    assert!(store.run(&run).await.unwrap().holder.is_some());
    drop((lease, mine));
}

pub(crate) async fn a_released_run_can_be_claimed(bench: Bench) {
    let (store, journal) = begun(&bench).await;
    let run = journal.run().clone();
    journal.release().await;
    assert_eq!(store.run(&run).await.unwrap().holder, None);
    store.claim(&run, &stranger(7), LONG).await.unwrap();
}

pub(crate) async fn a_dropped_run_can_be_claimed_at_once_in_the_same_process(bench: Bench) {
    let (store, journal) = begun(&bench).await;
    let run = journal.run().clone();
    drop(journal);
    let lease = store
        .claim(&run, &Owner::this_process(), LONG)
        .await
        .unwrap();
    store.journal(lease).write(&opened("again")).await.unwrap();
}

pub(crate) async fn a_heartbeat_keeps_a_lease_alive(bench: Bench) {
    let store = bench.open().await;
    let run = store
        .create(&NewRun {
            title: "a".into(),
            repository: "r".into(),
        })
        .await
        .unwrap();
    let _lease = store
        .claim(&run, &stranger(7), Duration::from_millis(300))
        .await
        .unwrap();
    bench.tamper("UPDATE runs SET lease_until_ms = 1").await;
    // Only a renewal brings the holder back.
    while store.run(&run).await.unwrap().holder.is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) async fn a_heartbeat_notices_that_the_lease_is_gone(bench: Bench) {
    let store = bench.open().await;
    let run = store
        .create(&NewRun {
            title: "a".into(),
            repository: "r".into(),
        })
        .await
        .unwrap();
    let lease = store
        .claim(&run, &stranger(7), Duration::from_millis(30))
        .await
        .unwrap();
    let journal = store.journal(lease);
    bench.tamper("UPDATE runs SET epoch = epoch + 1").await;
    while journal.check_held().is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Even if the epoch were to come back, what was lost stays lost.
    bench.tamper("UPDATE runs SET epoch = epoch - 1").await;
    check_error(
        journal.write(&opened("a")).await,
        &run,
        expect![
            "write to run RUN: this process no longer holds it (another process has taken it over)"
        ],
    );
}

pub(crate) async fn a_wish_to_stop_reaches_the_holder_and_is_forgotten_afterwards(bench: Bench) {
    let (store, journal) = begun(&bench).await;
    let run = journal.run().clone();
    assert!(!journal.cancel_requested().await.unwrap());
    assert!(matches!(
        store.request_cancel(&run).await.unwrap(),
        Cancellation::Asked(_)
    ));
    assert!(journal.cancel_requested().await.unwrap());
    journal.write(&interrupted()).await.unwrap();
    check_row(
        &store,
        &run,
        expect!["Running None Some(Cancelled) None 1 events, held true, to stop true"],
    )
    .await;
    journal.release().await;
    assert_eq!(
        store.request_cancel(&run).await.unwrap(),
        Cancellation::Idle
    );
    let lease = store
        .claim(&run, &Owner::this_process(), LONG)
        .await
        .unwrap();
    let journal = store.journal(lease);
    assert!(!journal.cancel_requested().await.unwrap());
    journal.write(&finished()).await.unwrap();
    let ended = store.request_cancel(&run).await.unwrap();
    assert_eq!(ended, Cancellation::Ended(protocol::Status::Completed));
}

pub(crate) async fn an_unknown_run_is_an_error_everywhere(bench: Bench) {
    let store = bench.open().await;
    let run = unknown();
    check_error(
        store.history(&run).await,
        &run,
        expect!["find a run whose name begins with `RUN`"],
    );
    check_error(
        store.run(&run).await,
        &run,
        expect!["find a run whose name begins with `RUN`"],
    );
    check_error(
        store.request_cancel(&run).await,
        &run,
        expect!["find a run whose name begins with `RUN`"],
    );
    check_error(
        store.claim(&run, &stranger(1), LONG).await,
        &run,
        expect!["find a run whose name begins with `RUN`"],
    );
}

pub(crate) async fn a_newer_schema_is_refused(bench: Bench) {
    bench.open().await.close().await;
    bench.tamper("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
        SELECT 9000, 'of the future', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1").await;
    check_error(
        Store::open(&bench.address).await,
        &unknown(),
        expect![
            "use the database: a newer version of this program has changed it (its schema is 9000, this version knows up to 3; update the program or choose another database)"
        ],
    );
}

pub(crate) async fn opening_twice_at_once_is_fine(bench: Bench) {
    let openers: Vec<_> = (0..8)
        .map(|_| {
            let address = bench.address.clone();
            tokio::spawn(async move { Store::open(&address).await.map(|_| ()) })
        })
        .collect();
    for opener in openers {
        opener.await.unwrap().unwrap();
    }
    drop(bench.folder);
}
