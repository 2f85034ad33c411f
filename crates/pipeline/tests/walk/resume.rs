//! A walk that is cut anywhere goes on to the same end, and pays for nothing twice.

use std::sync::atomic::Ordering;

use pipeline::DriveError;
use pipeline::verify::check_order;
use protocol::{ModelError, Reason, RunEvent, Status, Workspace};
use testkit::MemoryJournal;

use crate::scene::{Scene, short};

fn two_drafts(asked: &str) -> Result<String, ModelError> {
    Ok(match asked {
        "draft 1 after nothing" => "bad\n",
        asked if asked.starts_with("draft 2") => "good\n",
        _ => "done",
    }
    .to_owned())
}

#[tokio::test]
async fn a_run_cut_anywhere_ends_the_same() {
    let whole = Scene::new(two_drafts);
    let end = whole.walk().await.expect("the journal holds");
    let events = whole.journal.events();
    let replies = |events: &[RunEvent]| {
        events
            .iter()
            .filter(|it| matches!(it, RunEvent::Replied { .. }))
            .count()
    };
    let looks = |events: &[RunEvent]| {
        events
            .iter()
            .filter(|it| matches!(it, RunEvent::Stepped { step, .. } if step == "look"))
            .count()
    };
    assert_eq!(replies(&events), 5, "{}", short(&whole.journal));

    for cut in 1..events.len() {
        let mut again =
            Scene::new(two_drafts).with_journal(MemoryJournal::with(events[..cut].to_vec()));
        // The folder of the run that was killed, in whatever state it was left.
        again.work = whole.work.clone();
        again
            .work
            .write("a.py", b"half a wri")
            .await
            .expect("the folder is there");
        let resumed = again
            .walk()
            .await
            .unwrap_or_else(|error| panic!("cut after event {cut}: {error}"));

        let at = format!("cut after event {cut}:\n{}", short(&again.journal));
        assert_eq!(resumed.stage, end.stage, "{at}");
        assert_eq!(resumed.state, end.state, "{at}");
        assert_eq!(check_order(&again.journal.entries()), Ok(()), "{at}");
        assert_eq!(again.work.text("a.py"), "good\n", "{at}");
        let asked: usize = again.oracle.asked().values().sum();
        assert_eq!(asked, replies(&events) - replies(&events[..cut]), "{at}");
        let looked = again.looks.load(Ordering::SeqCst);
        assert_eq!(looked, looks(&events) - looks(&events[..cut]), "{at}");
    }
}

#[tokio::test]
async fn a_full_disk_stops_the_run_and_loses_nothing_that_was_kept() {
    let whole = Scene::new(two_drafts);
    whole.walk().await.expect("the journal holds");
    let events = whole.journal.events();
    for kept in 1..events.len() {
        let journal = MemoryJournal::full_after(kept);
        let scene = Scene::new(two_drafts);
        let opened = scene.opened();
        let scene = scene.with_journal(journal);
        protocol::Journal::append(&*scene.journal, &opened)
            .await
            .expect("there is room for the first");
        let error = scene.walk().await.expect_err("the journal is full");
        assert!(matches!(error, DriveError::Journal(_)), "{error}");
        assert_eq!(scene.journal.events().len(), kept);
    }
}

#[tokio::test]
async fn a_finished_run_is_not_walked_again() {
    let scene = Scene::new(two_drafts);
    scene.walk().await.expect("the journal holds");
    let error = scene.walk().await.expect_err("it is at its end");
    assert!(matches!(error, DriveError::Finished), "{error}");
}

#[tokio::test]
async fn a_journal_of_another_crew_is_refused_rather_than_guessed_at() {
    let whole = Scene::new(two_drafts);
    whole.walk().await.expect("the journal holds");
    let mut events = whole.journal.events();
    let place = events
        .iter()
        .position(|it| matches!(it, RunEvent::Stepped { .. }))
        .expect("the writer wrote");
    events.truncate(place + 1);
    if let Some(RunEvent::Stepped { step, .. }) = events.last_mut() {
        *step = "write b.py".to_owned();
    }
    let mut scene = Scene::new(two_drafts).with_journal(MemoryJournal::with(events));
    scene.work = whole.work.clone();
    let outcome = scene
        .walk()
        .await
        .expect("an outcome, resumable by the right version");
    assert_eq!(
        outcome.explanation,
        "writer could not go on from the journal: it holds `write b.py` where `write a.py` is due"
    );
    assert_eq!(scene.oracle.asked().values().sum::<usize>(), 0);
}

#[tokio::test]
async fn a_run_that_ran_out_of_budget_goes_on_with_more_and_asks_nobody_twice() {
    let whole = Scene::new(two_drafts);
    let end = whole.walk().await.expect("the journal holds");
    let poor = Scene::new(|asked| match asked {
        "last word of 2" => Err(ModelError::BudgetExhausted {
            needed: "11 tokens".to_owned(),
            left: "3 tokens".to_owned(),
        }),
        asked => two_drafts(asked),
    });
    let stopped = poor.walk().await.expect("the journal holds");
    assert_eq!(stopped.state.reason, Some(Reason::BudgetExhausted));
    assert_eq!(stopped.state.status, Status::Running);

    let mut rich = Scene::new(two_drafts).with_journal(MemoryJournal::with(poor.journal.events()));
    rich.work = poor.work.clone();
    let resumed = rich.walk().await.expect("the journal holds");
    assert_eq!(resumed.state, end.state);
    assert_eq!(check_order(&rich.journal.entries()), Ok(()));
    let asked: Vec<String> = rich.oracle.asked().into_keys().collect();
    assert_eq!(asked, ["writer: last word of 2"]);
}
