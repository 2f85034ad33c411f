//! A run whose repository is open and of which nothing is paid yet.

use std::sync::Arc;

use pipeline::{Crew, Run, StopHandle};
use protocol::{Base, Entry, Journal, Limits, Log, RunEvent, RunId, Task, Workspace};
use store::Lease;
use tokio::sync::watch;
use tracing::Instrument;
use workspace::checkout::Checkout;

use crate::empty::forget;
use crate::error::RunsError;
use crate::handle::{Ended, RunHandle};
use crate::host::Host;
use crate::journal::{self, WatchedJournal, Watcher};
use crate::lacks::Lack;
use crate::past::Past;
use crate::settings::Settings;

/// A run whose repository is open and of which nothing is paid yet. It begins, or is discarded.
#[expect(missing_debug_implementations, reason = "a crew has none")]
pub struct Prepared {
    pub(crate) host: Arc<Host>,
    pub(crate) lease: Lease,
    pub(crate) settings: Settings,
    pub(crate) limits: Limits,
    pub(crate) task: Task,
    pub(crate) crew: Crew,
    pub(crate) checkout: Checkout,
    pub(crate) beginning: Beginning,
    /// Remarks for whoever asked.
    pub(crate) notes: Vec<String>,
    pub(crate) watcher: Arc<dyn Watcher>,
    pub(crate) stop: StopHandle,
}

/// What is written down first.
pub(crate) enum Beginning {
    /// The first event of a new run.
    New(Box<RunEvent>),
    /// What is different from now on, if anything is.
    Resumed(Option<Box<RunEvent>>),
    /// An old run's events up to one, and what makes a new run of them.
    Fork(RunId, Vec<Entry>, Box<RunEvent>),
}

impl Prepared {
    /// The run.
    pub fn run(&self) -> &RunId {
        self.lease.run()
    }

    /// What was asked, with the tests that were given.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// What it starts from.
    pub fn base(&self) -> &Base {
        self.checkout.base()
    }

    /// What was chosen for it.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Remarks for whoever asked.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What the repository lacks that would tell whether a change is right.
    ///
    /// # Errors
    /// [`RunsError::Files`].
    pub async fn lack(&self) -> Result<Option<Lack>, RunsError> {
        match self.settings.repo {
            Some(_) => Lack::of(&self.checkout, self.settings.user_tests)
                .await
                .map_err(RunsError::Files),
            None => Ok(None),
        }
    }

    /// Takes a new run back in which nothing has happened, with its folder.
    ///
    /// # Errors
    /// [`RunsError::Store`], [`RunsError::Remove`].
    pub async fn discard(self) -> Result<(), RunsError> {
        drop(self.checkout);
        forget(&self.host, self.lease).await
    }

    /// Writes the beginning down and lets the run work by itself.
    ///
    /// # Errors
    /// When the beginning can't be written down; nothing is done then.
    pub async fn begin(self) -> Result<RunHandle, RunsError> {
        let run = self.lease.run().clone();
        let (written, watched) = watch::channel(0);
        let journal = self.host.store.journal(self.lease);
        let mut is_new_fork = false;
        let journal = match self.beginning {
            Beginning::New(opened) => {
                let journal = WatchedJournal::new(&run, journal, self.watcher.clone(), written);
                let kept = journal.write(&opened).await;
                kept.map_err(RunsError::Beginning)?;
                journal
            }
            Beginning::Resumed(reopened) => {
                let journal = WatchedJournal::new(&run, journal, self.watcher.clone(), written);
                if let Some(reopened) = reopened {
                    let kept = journal.write(&reopened).await;
                    kept.map_err(RunsError::Difference)?;
                }
                journal
            }
            Beginning::Fork(old, past, reopened) => {
                is_new_fork = true;
                let seq = journal.begin_as(&old, &past, &reopened).await;
                let seq = seq.map_err(RunsError::Beginning)?;
                let journal = WatchedJournal::new(&run, journal, self.watcher.clone(), written);
                journal.tell(seq, &reopened);
                journal
            }
        };
        // What the walk starts has the run's name in its diagnostics, however deep it is.
        let span = tracing::info_span!("run", id = %run);
        let walk = Walking {
            host: self.host.clone(),
            run: run.clone(),
            task: self.task,
            crew: self.crew,
            limits: self.limits,
            journal: Arc::new(journal),
            checkout: self.checkout,
            watcher: self.watcher,
            stop: self.stop.clone(),
            is_new_fork,
        };
        Ok(RunHandle {
            run,
            store: self.host.store.clone(),
            stop: self.stop,
            written: watched,
            walking: tokio::spawn(walk.walk().instrument(span)),
        })
    }
}

struct Walking {
    host: Arc<Host>,
    run: RunId,
    task: Task,
    crew: Crew,
    limits: Limits,
    journal: Arc<WatchedJournal>,
    checkout: Checkout,
    watcher: Arc<dyn Watcher>,
    stop: StopHandle,
    is_new_fork: bool,
}

impl Walking {
    /// Walks on from what the journal holds.
    async fn walk(self) -> Result<Ended, RunsError> {
        let history = journal::history(&self.host.store, &self.run).await?;
        let work: Arc<dyn Workspace> = Arc::new(self.checkout);
        let base = work
            .fork(&work.base().tree)
            .await
            .map_err(RunsError::Base)?;
        // While the first reply is waited for, and not when everything is done.
        tokio::task::spawn_blocking(delivery::prepare_page);
        let run = Run {
            task: self.task,
            crew: self.crew,
            limits: self.limits,
            journal: self.journal as Arc<dyn Journal>,
            work,
            base,
            log: self.watcher as Arc<dyn Log>,
            stop: self.stop.listener(),
        };
        let walked = match self.is_new_fork {
            true => run.walk_fork(&history).await,
            false => run.walk(&history).await,
        };
        let outcome = walked.map_err(|source| RunsError::Walk {
            run: self.run.clone(),
            source,
        })?;
        let history = journal::history(&self.host.store, &self.run).await?;
        Ok(Ended {
            past: Past::of(&self.run, history, "read")?,
            state: outcome.state,
            explanation: outcome.explanation,
        })
    }
}
