//! What a store promises a server: whose runs are, who may ask, and that a request asked twice is one.

use protocol::{RunId, Status};
use store::{Asked, Listing, NewRun, Store};

use crate::bench::*;

fn new_run(title: &str) -> NewRun {
    NewRun {
        title: title.to_owned(),
        repository: String::new(),
    }
}

async fn names(store: &Store, listing: Listing<'_>) -> Vec<String> {
    let listing = Listing {
        runs_max: 10,
        ..listing
    };
    let page = store.page(&listing).await.unwrap();
    page.into_iter().map(|it| it.title).collect()
}

pub(crate) async fn a_list_has_pages_and_each_caller_their_own(bench: Bench) {
    let store = bench.open().await;
    let mut made: Vec<RunId> = Vec::new();
    for (title, caller) in [
        ("a", Some("ada")),
        ("b", None),
        ("c", Some("ada")),
        ("d", Some("bob")),
    ] {
        let run = store.create(&new_run(title)).await.unwrap();
        if let Some(caller) = caller {
            store.run_is_of(&run, caller).await.unwrap();
        }
        made.push(run);
    }
    // Those of one millisecond are in the order of their names.
    let all = store
        .page(&Listing {
            runs_max: 10,
            ..Listing::default()
        })
        .await
        .unwrap();
    assert_eq!(all.len(), 4);
    let mut paged = Vec::new();
    let mut before: Option<RunId> = None;
    loop {
        let listing = Listing {
            before: before.as_ref(),
            runs_max: 1,
            ..Listing::default()
        };
        let Some(run) = store.page(&listing).await.unwrap().pop() else {
            break;
        };
        before = Some(run.id.clone());
        paged.push(run.id);
    }
    assert_eq!(
        paged,
        all.iter().map(|it| it.id.clone()).collect::<Vec<_>>()
    );
    let mut of_ada = names(
        &store,
        Listing {
            caller: Some("ada"),
            ..Listing::default()
        },
    )
    .await;
    of_ada.sort();
    assert_eq!(of_ada, ["a", "c"]);
    assert_eq!(
        names(
            &store,
            Listing {
                status: Some(Status::Failed),
                ..Listing::default()
            }
        )
        .await,
        [""; 0]
    );
    assert_eq!(
        all.iter()
            .find(|it| it.title == "d")
            .unwrap()
            .caller
            .as_deref(),
        Some("bob")
    );
    let served = |runs: Vec<store::RunSummary>| -> Vec<String> {
        runs.into_iter().map(|it| it.title).collect()
    };
    assert_eq!(served(store.served_runs(10).await.unwrap()).len(), 3);
    store.run_is_served(&made[0], false).await.unwrap();
    assert_eq!(served(store.served_runs(10).await.unwrap()).len(), 2);
}

pub(crate) async fn a_token_is_known_by_its_hash_until_it_is_revoked(bench: Bench) {
    let store = bench.open().await;
    assert!(store.add_token("ada", "1111", true).await.unwrap());
    assert!(
        !store.add_token("ada", "2222", false).await.unwrap(),
        "the name is taken"
    );
    assert!(
        !store.add_token("bob", "1111", false).await.unwrap(),
        "the token is taken"
    );
    assert!(store.add_token("bob", "3333", false).await.unwrap());
    let ada = store.token_by_sha256("1111").await.unwrap().unwrap();
    assert_eq!((ada.name.as_str(), ada.is_admin()), ("ada", true));
    assert!(store.token_by_sha256("2222").await.unwrap().is_none());
    assert!(
        !store
            .token_by_name("bob")
            .await
            .unwrap()
            .unwrap()
            .is_admin()
    );
    assert!(store.revoke_token("ada").await.unwrap());
    assert!(!store.revoke_token("ada").await.unwrap());
    assert!(!store.revoke_token("eve").await.unwrap());
    assert!(store.token_by_sha256("1111").await.unwrap().is_none());
    assert!(store.token_by_name("ada").await.unwrap().is_none());
    assert!(
        !store.add_token("ada", "4444", true).await.unwrap(),
        "a name isn't given twice"
    );
    let all = store.tokens().await.unwrap();
    let told: Vec<_> = all
        .iter()
        .map(|it| (it.name.as_str(), it.revoked_ms.is_some()))
        .collect();
    assert_eq!(told, [("ada", true), ("bob", false)]);
}

pub(crate) async fn a_request_asked_twice_is_one(bench: Bench) {
    let store = bench.open().await;
    assert_eq!(store.ask("ada", "k", "1").await.unwrap(), Asked::New);
    assert_eq!(
        store.ask("ada", "k", "1").await.unwrap(),
        Asked::Before(None)
    );
    assert_eq!(store.ask("ada", "k", "2").await.unwrap(), Asked::Otherwise);
    assert_eq!(store.ask("bob", "k", "2").await.unwrap(), Asked::New);
    store.forget_request("ada", "k").await.unwrap();
    assert_eq!(store.ask("ada", "k", "2").await.unwrap(), Asked::New);
    let run = store.create(&new_run("a")).await.unwrap();
    store.request_has_run("ada", "k", &run).await.unwrap();
    store.forget_request("ada", "k").await.unwrap();
    assert_eq!(
        store.ask("ada", "k", "2").await.unwrap(),
        Asked::Before(Some(run))
    );
    let gone = RunId("20260101-0000-abcde".to_owned());
    store.request_has_run("ada", "k", &gone).await.unwrap();
    store.forget_request("ada", "k").await.unwrap();
    assert_eq!(store.ask("ada", "k", "2").await.unwrap(), Asked::New);
}
