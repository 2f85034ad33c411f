//! Runs that somebody stops: by Ctrl-C, by SIGTERM, from another process; and runs that somebody else holds.

use rustix::process::Signal;
use testkit::Package;
use testkit::vendor::{Answer, Fault, Script};

use crate::life::Life;
use crate::vendors::Vendors;
use crate::world::{World, end_of};

/// The exit code of a stopped run.
const CANCELLED: i32 = 15;

/// Stops a run in the middle of its work; it must say so, and go on later to the end it would have had.
async fn check(stop: impl AsyncFnOnce(&World, &Life)) {
    let world = World::new().await;
    let mut life = world.start(&world.run_arguments());
    life.until("replied").await;
    stop(&world, &life).await;
    assert_eq!(life.end().await, Some(CANCELLED));

    let run = world.runs().await.remove(0);
    let log = world.log(&run).await;
    let last = end_of(&log);
    assert_eq!(
        (&last["kind"], &last["reason"]),
        (&"interrupted".into(), &"cancelled".into())
    );
    let shown = world.run(&["show", &run]).await;
    assert!(shown.stdout.contains("resume"), "{}", shown.stdout);

    let resumed = world.run(&["resume", &run]).await;
    assert_eq!(
        resumed.code,
        Some(0),
        "{}\n{}",
        resumed.stdout,
        resumed.stderr
    );
    world.check_change();
}

#[tokio::test]
async fn ctrl_c_stops_a_run_that_goes_on_later() {
    check(async |_, life| life.signal(Signal::INT)).await;
}

#[tokio::test]
async fn sigterm_stops_a_run_that_goes_on_later() {
    check(async |_, life| life.signal(Signal::TERM)).await;
}

#[tokio::test]
async fn another_process_stops_a_run_that_goes_on_later() {
    check(async |world, _| {
        let run = world.runs().await.remove(0);
        let cancelled = world.run(&["cancel", &run]).await;
        assert_eq!(cancelled.code, Some(0), "{}", cancelled.stderr);
        assert!(cancelled.stdout.contains(&run), "{}", cancelled.stdout);
    })
    .await;
}

/// A world in which no model answers for ten minutes.
async fn silent_world() -> World {
    let silent = || Script::with(|_| Answer::Fault(Fault::Slow { wait_ms: 600_000 }));
    let vendors = Vendors::saying(silent(), silent(), silent()).await;
    World::with(Package::load("inflection"), vendors)
}

#[tokio::test]
async fn a_run_that_another_process_holds_is_left_to_it() {
    let world = silent_world().await;
    let mut life = world.start(&world.run_arguments());
    life.until("started").await;
    let run = world.runs().await.remove(0);

    let refused = world.run(&["resume", &run]).await;

    assert_eq!(
        refused.code,
        Some(2),
        "{}\n{}",
        refused.stdout,
        refused.stderr
    );
    let holder = format!("process {}", life.pid());
    assert!(refused.stderr.contains(&run), "{}", refused.stderr);
    assert!(refused.stderr.contains(&holder), "{}", refused.stderr);
    life.signal(Signal::INT);
    assert_eq!(
        life.end().await,
        Some(CANCELLED),
        "a request in flight is not waited for"
    );
}

#[tokio::test]
async fn ctrl_c_again_stops_at_once() {
    let world = silent_world().await;
    let mut life = world.start(&world.run_arguments());
    life.until("started").await;
    life.signal(Signal::INT);
    life.signal(Signal::INT);
    assert_eq!(life.end().await, Some(CANCELLED));
}
