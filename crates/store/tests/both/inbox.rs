//! What a store promises of the inbox: each wish once, those of one issue one after another.

use protocol::Task;
use store::{NewWish, Store, WishState};

use crate::bench::*;

fn wish(id: &str, lane: &str) -> NewWish {
    NewWish {
        id: id.to_owned(),
        lane: lane.to_owned(),
        repository: "o/r".to_owned(),
        actor: "ada".to_owned(),
        command: "run".to_owned(),
        task: Some(Task::from_text("Fix it")),
        refused: None,
    }
}

/// The wish that is taken next.
async fn next(store: &Store, not_now: &[&str]) -> Option<String> {
    let not_now: Vec<String> = not_now.iter().map(|it| (*it).to_owned()).collect();
    let taken = store.next_wish(&not_now).await.unwrap();
    taken.map(|it| it.id)
}

pub(crate) async fn a_wish_is_taken_once_and_one_at_a_time_of_an_issue(bench: Bench) {
    let store = bench.open().await;
    for (id, lane) in [
        ("1", "o/r#1"),
        ("2", "o/r#1"),
        ("3", "o/r#2"),
        ("1", "o/r#1"),
    ] {
        let is_new = store.wish(&wish(id, lane)).await.unwrap();
        assert_eq!(is_new, id != "1" || !store.knows_wish("2").await.unwrap());
    }
    let refused = NewWish {
        refused: Some("not you".to_owned()),
        task: None,
        ..wish("4", "o/r#3")
    };
    assert!(store.wish(&refused).await.unwrap());
    assert_eq!(next(&store, &[]).await.as_deref(), Some("1"));
    assert_eq!(
        next(&store, &["o/r#2"]).await,
        None,
        "2 waits for 1, 3 is for later"
    );
    assert_eq!(next(&store, &[]).await.as_deref(), Some("3"));
    assert_eq!(next(&store, &[]).await, None);
    let run = protocol::RunId("20260101-0000-abcde".to_owned());
    store.wish_has_run("1", &run).await.unwrap();
    store
        .wish_is("1", WishState::Done, "there", 70)
        .await
        .unwrap();
    assert_eq!(next(&store, &[]).await.as_deref(), Some("2"));
    store.wish_is("2", WishState::Done, "", 5).await.unwrap();
    assert_eq!(store.spent_since(0, None).await.unwrap(), 75);
    assert_eq!(store.spent_since(0, Some("o/r")).await.unwrap(), 75);
    assert_eq!(store.spent_since(0, Some("o/other")).await.unwrap(), 0);
    assert_eq!(store.spent_since(i64::MAX, None).await.unwrap(), 0);
    let working = store.wishes(WishState::Working, 10).await.unwrap();
    assert_eq!(working.len(), 1);
    assert_eq!(working[0].task().unwrap(), Some(Task::from_text("Fix it")));
    let all = store.newest_wishes(10).await.unwrap();
    let told = |id: &str| all.iter().find(|it| it.id == id).unwrap();
    assert_eq!(told("1").run.as_deref(), Some(run.0.as_str()));
    assert_eq!(
        (told("4").state.as_str(), told("4").said.as_str()),
        ("refused", "not you")
    );
}

pub(crate) async fn a_delivery_is_a_hint_once_until_it_is_followed(bench: Bench) {
    let store = bench.open().await;
    assert!(store.hint("a", "o/r#1").await.unwrap());
    assert!(!store.hint("a", "o/r#1").await.unwrap());
    assert!(store.hint("b", "o/r#1").await.unwrap());
    assert_eq!(store.hints(1).await.unwrap().len(), 1);
    assert_eq!(store.hints(10).await.unwrap().len(), 2);
    store.hint_followed("a").await.unwrap();
    let left = store.hints(10).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(
        (left[0].delivery.as_str(), left[0].lane.as_str()),
        ("b", "o/r#1")
    );
    assert!(
        !store.hint("a", "o/r#1").await.unwrap(),
        "it is known for ever"
    );
}
