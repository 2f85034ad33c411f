//! One lane, on a clock that only moves when everybody waits.

use expect_test::{Expect, expect};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::*;
use crate::fault::Cause;

const LONGEST: Duration = Duration::from_secs(60);

fn headers(given: &[(&'static str, &str)]) -> HeaderMap {
    let header = |(name, value): &(&'static str, &str)| {
        let value = HeaderValue::from_str(value).unwrap();
        (HeaderName::from_static(name), value)
    };
    given.iter().map(header).collect()
}

fn lane() -> Arc<Lane> {
    Traffic::new().lane("acme", "https://acme")
}

fn fault() -> Fault {
    Fault::new(Cause::Status(503), "overloaded", Again::Later(None))
}

/// Milliseconds until a turn came, or the words of the fault.
async fn waited(lane: &Arc<Lane>, model: &str, tokens: u64) -> String {
    let before = Instant::now();
    match lane.turn(model, tokens, LONGEST).await {
        Ok(_) => format!("after {} ms", before.elapsed().as_millis()),
        Err(fault) => fault.told(),
    }
}

async fn check(lane: &Arc<Lane>, model: &str, tokens: u64, want: Expect) {
    want.assert_eq(&waited(lane, model, tokens).await);
}

#[test]
fn a_vendor_has_one_lane_at_each_address() {
    let traffic = Traffic::new();
    let one = traffic.lane("acme", "https://acme");
    assert!(Arc::ptr_eq(
        &one,
        &traffic.clone().lane("acme", "https://acme")
    ));
    assert!(!Arc::ptr_eq(&one, &traffic.lane("acme", "https://other")));
}

#[tokio::test(start_paused = true)]
async fn what_is_left_is_counted_down_and_then_waited_for() {
    let lane = lane();
    check(&lane, "m", 100, expect!["after 0 ms"]).await;
    let told = headers(&[
        ("x-ratelimit-limit-requests", "60"),
        ("x-ratelimit-remaining-requests", "2"),
        ("x-ratelimit-reset-requests", "7s"),
    ]);
    lane.learn("m", &told, SystemTime::UNIX_EPOCH);
    check(&lane, "m", 100, expect!["after 0 ms"]).await;
    check(&lane, "m", 100, expect!["after 0 ms"]).await;
    check(&lane, "other", 100, expect!["after 0 ms"]).await;
    check(&lane, "m", 100, expect!["after 117 ms"]).await;
}

#[tokio::test(start_paused = true)]
async fn tokens_are_waited_for_unless_no_reset_makes_room() {
    let lane = lane();
    let told = headers(&[
        ("x-ratelimit-limit-tokens", "1000"),
        ("x-ratelimit-remaining-tokens", "400"),
        ("x-ratelimit-reset-tokens", "3s"),
    ]);
    lane.learn("m", &told, SystemTime::UNIX_EPOCH);
    check(&lane, "m", 300, expect!["after 0 ms"]).await;
    check(&lane, "m", 300, expect!["after 667 ms"]).await;
    lane.learn("m", &told, SystemTime::UNIX_EPOCH);
    // As much as there ever is.
    check(&lane, "m", 5000, expect!["after 3000 ms"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_far_off_is_asked_for_after_the_longest_wait_all_the_same() {
    let lane = lane();
    let told = headers(&[
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "2h"),
    ]);
    lane.learn("m", &told, SystemTime::UNIX_EPOCH);
    // How long it really takes is the vendor's to say.
    check(&lane, "m", 1, expect!["after 60000 ms"]).await;
}

#[tokio::test(start_paused = true)]
async fn room_comes_back_little_by_little_until_all_of_it_is_there() {
    let lane = lane();
    let told = headers(&[
        ("x-ratelimit-limit-tokens", "100000"),
        ("x-ratelimit-remaining-tokens", "0"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    ]);
    lane.learn("m", &told, SystemTime::UNIX_EPOCH);
    check(&lane, "m", 10_000, expect!["after 36000 ms"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_one_model_is_told_to_wait_all_wait() {
    let lane = lane();
    lane.hold(Duration::from_secs(5));
    lane.hold(Duration::from_secs(2));
    check(&lane, "m", 1, expect!["after 5000 ms"]).await;
    lane.hold(Duration::MAX);
    check(&lane, "m", 1, expect!["after 0 ms"]).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_learns_at_once_that_the_vendor_is_down() {
    let lane = lane();
    let waits = {
        let lane = lane.clone();
        tokio::spawn(async move {
            let before = Instant::now();
            let end = lane.sleep(LONGEST).await;
            (before.elapsed(), end)
        })
    };
    lane.hold(LONGEST);
    let queues = {
        let lane = lane.clone();
        tokio::spawn(async move { waited(&lane, "m", 1).await })
    };
    tokio::time::sleep(Duration::from_secs(3)).await;
    lane.down(&fault(), 6, None);
    let (after, end) = waits.await.unwrap();
    assert_eq!(after, Duration::from_secs(3));
    assert_eq!(end.unwrap_err().again, Again::Down { tries: 6 });
    assert!(queues.await.unwrap().starts_with("status 503: overloaded"));
    assert!(lane.sleep(LONGEST).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_is_down_is_asked_by_one_when_it_should_be_back() {
    let lane = lane();
    lane.down(&fault(), 6, Some(Duration::from_secs(30)));
    let down = |it: Result<Turn, Fault>| it.is_err_and(|it| matches!(it.again, Again::Down { .. }));
    assert!(down(lane.turn("m", 1, LONGEST).await));
    tokio::time::sleep(Duration::from_secs(30)).await;
    let probe = lane.turn("m", 1, LONGEST).await.unwrap();
    assert!(down(lane.turn("m", 1, LONGEST).await), "one is enough");
    // Given up, without an answer: another one may find out.
    drop(probe);
    let probe = lane.turn("m", 1, LONGEST).await.unwrap();
    probe.answered();
    check(&lane, "m", 1, expect!["after 0 ms"]).await;
    check(&lane, "m", 1, expect!["after 0 ms"]).await;
}
