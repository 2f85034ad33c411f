//! What requests cost that gave no reply is in the journal, and so in every sum that is made from it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pipeline::Crew;
use protocol::{
    Bill, Fork, Model, ModelError, ModelId, ModelReply, ModelRequest, Reason, RunEvent, RunId,
    Stage, TokenUsage, Unanswered,
};
use testkit::MemoryJournal;

use crate::scene::{Scene, Writer, short};

/// A model whose every request fails once, and is paid for, before it is answered.
struct Costly {
    model: Arc<dyn Model>,
    unanswered: Mutex<Vec<Unanswered>>,
    lost: AtomicUsize,
}

impl Costly {
    fn pay(&self, why: &str) {
        self.unanswered
            .lock()
            .expect("nobody panics")
            .push(Unanswered {
                usage: TokenUsage {
                    input_tokens: 1000,
                    ..TokenUsage::default()
                },
                cost_microusd: Some(7),
                why: why.to_owned(),
            });
    }
}

#[async_trait]
impl Model for Costly {
    fn id(&self) -> &ModelId {
        self.model.id()
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelReply, ModelError> {
        self.pay("reset");
        self.model.ask(request).await
    }

    fn bill(&self) -> Option<&dyn Bill> {
        Some(self)
    }
}

impl Bill for Costly {
    fn take_unanswered(&self) -> Vec<Unanswered> {
        std::mem::take(&mut *self.unanswered.lock().expect("nobody panics"))
    }

    fn book_lost(&self, _: &ModelRequest) {
        self.lost.fetch_add(1, Ordering::SeqCst);
        self.pay("killed");
    }
}

fn scene(
    journal: MemoryJournal,
    says: fn(&str) -> Result<String, ModelError>,
) -> (Scene, Arc<Costly>) {
    let mut scene = Scene::new(says).with_journal(journal);
    let costly = Arc::new(Costly {
        model: scene.oracle.clone(),
        unanswered: Mutex::default(),
        lost: AtomicUsize::new(0),
    });
    scene.crew = Some(Crew::new().with_model(Stage::Drafting, Writer, costly.clone()));
    (scene, costly)
}

fn unanswered(events: &[RunEvent]) -> usize {
    let is = |it: &&RunEvent| matches!(it, RunEvent::Unanswered { .. });
    events.iter().filter(is).count()
}

#[tokio::test]
async fn a_try_without_a_reply_is_written_down_and_counted() {
    let (scene, _) = scene(MemoryJournal::default(), |_| Ok("good\n".to_owned()));
    let end = scene.walk().await.expect("the journal holds");
    let events = scene.journal.events();
    assert_eq!(unanswered(&events), 2, "{}", short(&scene.journal));
    let used = end.state.usage["writer"];
    assert_eq!(used.calls, 2);
    assert_eq!(
        used.tokens.input_tokens,
        2 * 1000 + used.tokens.input_tokens % 1000
    );
    // Two tries without a reply at 7 and two replies at 5.
    assert_eq!(used.cost_microusd, Some(24));
}

#[tokio::test]
async fn a_request_that_fails_for_good_is_written_down_before_the_last_word() {
    let (scene, _) = scene(MemoryJournal::default(), |_| {
        Err(ModelError::Busy {
            vendor: "v".into(),
            tries: 1,
            message: "no".into(),
        })
    });
    let end = scene.walk().await.expect("the journal holds");
    assert_eq!(end.state.reason, Some(Reason::VendorUnavailable));
    assert_eq!(end.state.usage["writer"].cost_microusd, Some(7));
    let events = scene.journal.events();
    let [
        ..,
        RunEvent::Unanswered { .. },
        RunEvent::Interrupted { .. },
    ] = &events[..]
    else {
        panic!("{}", short(&scene.journal));
    };
}

#[tokio::test]
async fn a_killed_life_may_have_lost_one_request_and_a_stopped_one_has_not() {
    let (whole, _) = scene(MemoryJournal::default(), |_| Ok("good\n".to_owned()));
    whole.walk().await.expect("the journal holds");
    let events = whole.journal.events();
    let began = events
        .iter()
        .position(|it| matches!(it, RunEvent::Started { .. }))
        .expect("the writer began");
    let resume = async |history: Vec<RunEvent>| {
        let (again, costly) = scene(MemoryJournal::with(history), |_| Ok("good\n".to_owned()));
        again.walk().await.expect("the journal holds");
        costly.lost.load(Ordering::SeqCst)
    };
    assert_eq!(
        resume(events[..began].to_vec()).await,
        0,
        "it had not begun"
    );
    assert_eq!(resume(events[..=began].to_vec()).await, 1);
    let mut stopped = events[..=began].to_vec();
    stopped.push(RunEvent::Interrupted {
        reason: Reason::Cancelled,
        explanation: String::new(),
    });
    assert_eq!(resume(stopped).await, 0);
}

#[tokio::test]
async fn a_new_fork_has_lost_nothing_and_a_reopened_run_what_its_last_life_may_have() {
    let opened = Scene::new(|_| Ok(String::new())).opened();
    let (whole, _) = scene(MemoryJournal::with([opened]), |_| Ok("good\n".to_owned()));
    whole.walk().await.expect("the journal holds");
    let mut begun = whole.journal.events();
    let began = begun
        .iter()
        .position(|it| matches!(it, RunEvent::Started { .. }))
        .expect("the writer began");
    begun.truncate(began + 1);
    let reopened = |fork: bool, replaced: &[&str]| RunEvent::Reopened {
        fork: fork.then(|| Fork {
            run: RunId("whole".to_owned()),
            at: began as u64,
        }),
        crew: whole.crew.as_ref().expect("it has one").seats(),
        replaced: replaced.iter().map(|it| (*it).to_owned()).collect(),
        limits: whole.limits.clone(),
        settings: serde_json::Value::Null,
    };
    let lost = async |more: &[RunEvent], new_fork: bool| {
        let history = [&begun[..], more].concat();
        let (again, costly) = scene(MemoryJournal::with(history), |_| Ok("good\n".to_owned()));
        match new_fork {
            true => again.walk_fork().await,
            false => again.walk().await,
        }
        .expect("the journal holds");
        costly.lost.load(Ordering::SeqCst)
    };
    let stopped = RunEvent::Interrupted {
        reason: Reason::Cancelled,
        explanation: String::new(),
    };
    for replaced in [&[][..], &["writer"]] {
        let fork = reopened(true, replaced);
        assert_eq!(lost(std::slice::from_ref(&fork), true).await, 0);
        assert_eq!(lost(&[fork], false).await, 1, "the fork itself was killed");
        let same = reopened(false, replaced);
        assert_eq!(lost(std::slice::from_ref(&same), false).await, 1);
        assert_eq!(lost(&[stopped.clone(), same], false).await, 0);
    }
}
