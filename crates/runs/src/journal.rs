//! A run's journal that also tells whoever watches.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use protocol::{Entry, Journal, JournalError, Log, RunEvent, RunId, Silent, Verdict};
use store::{RunJournal, Store};
use tokio::sync::watch;

use crate::error::RunsError;

/// Sees what happens while it happens: every event that was written down, and notes that are kept nowhere.
pub trait Watcher: Log {
    /// Takes an event that was just written down; must not block.
    fn entry(&self, entry: &Entry);
}

impl Watcher for Silent {
    fn entry(&self, _: &Entry) {}
}

/// The journal of a run at work.
pub(crate) struct WatchedJournal {
    run: RunId,
    journal: RunJournal,
    watcher: Arc<dyn Watcher>,
    /// How many events are written.
    written: watch::Sender<u64>,
}

impl WatchedJournal {
    pub(crate) fn new(
        run: &RunId,
        journal: RunJournal,
        watcher: Arc<dyn Watcher>,
        written: watch::Sender<u64>,
    ) -> WatchedJournal {
        WatchedJournal {
            run: run.clone(),
            journal,
            watcher,
            written,
        }
    }

    /// Gives the run back and waits until that is written down.
    pub(crate) async fn release(self) {
        self.journal.release().await;
    }

    /// Tells whoever watches of an event that was written down.
    pub(crate) fn tell(&self, seq: u64, event: &RunEvent) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.watcher.entry(&Entry {
            seq,
            at_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            event: event.clone(),
        });
        self.log(event);
        self.written.send_replace(seq + 1);
    }

    /// One line of diagnostics for a verdict, a model's call and an end. No text of a model or a repository is in one.
    fn log(&self, event: &RunEvent) {
        let run = &self.run;
        match event {
            RunEvent::Reported {
                stage,
                iteration,
                agent,
                report,
                ..
            } => {
                let passed = matches!(report.verdict, Verdict::Passed);
                tracing::info!(run.id = %run, %stage, iteration, agent, passed, "a verdict");
            }
            RunEvent::Replied {
                agent,
                iteration,
                reply,
                ..
            } => {
                let (tokens, cost) = (reply.usage.total(), reply.cost_microusd);
                tracing::info!(run.id = %run, agent, iteration, tokens, cost_microusd = ?cost, "a model answered");
            }
            RunEvent::Unanswered { agent, .. } => {
                tracing::info!(run.id = %run, agent, "a model was paid and gave no answer");
            }
            RunEvent::Interrupted { reason, .. } => {
                tracing::info!(run.id = %run, ?reason, "stopped");
            }
            RunEvent::Finished { status, reason, .. } => {
                tracing::info!(run.id = %run, ?status, ?reason, "is at its end");
            }
            RunEvent::Opened { .. }
            | RunEvent::Reopened { .. }
            | RunEvent::SetUp { .. }
            | RunEvent::Started { .. }
            | RunEvent::Stepped { .. }
            | RunEvent::Prepared { .. }
            | RunEvent::Delivering { .. } => {}
            RunEvent::Delivered { to, .. } => {
                tracing::info!(run.id = %run, ?to, "delivered");
            }
        }
    }

    /// Writes an event down and tells it.
    pub(crate) async fn write(&self, event: &RunEvent) -> Result<(), store::StoreError> {
        let seq = self.journal.write(event).await?;
        self.tell(seq, event);
        Ok(())
    }
}

#[async_trait]
impl Journal for WatchedJournal {
    async fn append(&self, event: &RunEvent) -> Result<(), JournalError> {
        self.write(event)
            .await
            .map_err(|it| JournalError(Box::new(it)))
    }

    async fn cancel_requested(&self) -> Result<bool, JournalError> {
        self.journal.cancel_requested().await
    }
}

/// Every event of a run.
pub(crate) async fn history(store: &Store, run: &RunId) -> Result<Vec<Entry>, RunsError> {
    store.history(run).await.map_err(|source| RunsError::Store {
        doing: "read the run's journal",
        source,
    })
}
