//! What a store promises of a run at its end: only deliveries follow.

use expect_test::expect;
use protocol::{Destination, RunEvent};
use store::{Owner, StoreError};

use crate::bench::*;
use crate::cases::check_error;

fn delivering() -> RunEvent {
    RunEvent::Delivering {
        to: Destination::Comment {
            on: "ABC-1".to_owned(),
        },
    }
}

pub(crate) async fn a_run_at_its_end_takes_deliveries_of_one_at_a_time(bench: Bench) {
    let (store, journal) = begun(&bench).await;
    let run = journal.run().clone();
    let here = Owner::this_process();
    check_error(
        journal.write(&delivering()).await,
        &run,
        expect!["deliver run RUN: it isn't at its end (resume it first)"],
    );
    check_error(
        store.claim_ended(&run, &here, LONG).await,
        &run,
        expect!["deliver run RUN: it isn't at its end (resume it first)"],
    );
    journal.write(&finished()).await.unwrap();
    journal.release().await;
    let first = store.claim_ended(&run, &here, LONG).await.unwrap();
    let second = store.claim_ended(&run, &stranger(7), LONG).await;
    assert!(matches!(second, Err(StoreError::Held { .. })), "{second:?}");
    let journal = store.journal(first);
    journal.write(&delivering()).await.unwrap();
    check_error(
        journal.write(&stepped("more")).await,
        &run,
        expect!["go on with run RUN: it is at its end (completed)"],
    );
    journal.release().await;
    let row = store.run(&run).await.unwrap();
    assert_eq!(row.status, protocol::Status::Completed);
    let history = store.history(&run).await.unwrap();
    assert_eq!(history.last().unwrap().event, delivering());
}

pub(crate) async fn a_run_at_its_end_takes_nothing_more(bench: Bench) {
    let (store, journal) = begun(&bench).await;
    let run = journal.run().clone();
    journal.write(&finished()).await.unwrap();
    check_error(
        journal.write(&stepped("more")).await,
        &run,
        expect!["go on with run RUN: it is at its end (completed)"],
    );
    journal.release().await;
    check_error(
        store.claim(&run, &Owner::this_process(), LONG).await,
        &run,
        expect!["go on with run RUN: it is at its end (completed)"],
    );
    assert_eq!(store.history(&run).await.unwrap().len(), 1);
}
