//! What can be done with runs.

use std::sync::Arc;

use intake::GivenTests;
use llm::RecordedRun;
use pipeline::StopHandle;
use protocol::{Limits, ListQuery, Log, RunEvent, RunId, Task, Workspace};
use store::StoreError;
use workspace::checkout::Checkout;

use crate::checkouts::{self, Checkouts};
use crate::claim::{Claim, Claimed};
use crate::destinations;
use crate::empty::{create, forget};
use crate::error::RunsError;
use crate::handle::RunHandle;
use crate::host::{Host, LEASE_MAX};
use crate::journal::{Watcher, history};
use crate::models;
use crate::past::Past;
use crate::prepared::{Beginning, Prepared};
use crate::recording;
use crate::settings::Settings;

/// What a new run is asked to do.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// The task.
    pub task: Task,
    /// Tests that are given with it.
    pub tests: GivenTests,
    /// Everything that was chosen for it: repository, crew, budget, deliveries.
    pub settings: Settings,
    /// Its bounds.
    pub limits: Limits,
    /// The run whose replies are replayed, when their recording says what it was.
    pub recorded: Option<RecordedRun>,
}

/// Runs on one host. Many can work at once.
#[derive(Clone, Debug)]
pub struct Runs {
    host: Arc<Host>,
}

impl Runs {
    /// Runs on this host.
    pub fn new(host: Host) -> Runs {
        Runs {
            host: Arc::new(host),
        }
    }

    /// What they stand on.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// Opens the repository of a new run; nothing is paid, and nothing but an empty run is written.
    ///
    /// # Errors
    /// When the crew has no usable model, the repository can't be opened, the given tests have no place in it, the recording is
    /// of another run, or `stop` is asked first. No run is left then.
    pub async fn prepare(
        &self,
        request: RunRequest,
        watcher: Arc<dyn Watcher>,
        stop: &StopHandle,
    ) -> Result<Prepared, RunsError> {
        let RunRequest {
            mut task,
            tests,
            settings,
            limits,
            recorded,
        } = request;
        let host = &self.host;
        let log: Arc<dyn Log> = watcher.clone();
        // Before anything is fetched or written: a missing key is said at once.
        let crew = models::crew(&settings, host, &[], &log)?;
        let unconfined = settings.unconfined;
        let checkouts = Checkouts::of(host, &limits, unconfined, log.clone()).await?;
        checkouts::origin(&settings)?;
        destinations::check(host, &settings, &task)?;
        let lease = create(host, &task, &settings).await?;
        let open = async {
            let checkout = checkouts.open(lease.run(), &settings, &*log).await?;
            let notes = freeze(tests, &mut task, &checkout).await?;
            if let Some(recorded) = &recorded {
                recording::fits(recorded, &task, checkout.base())?;
            }
            let opened = RunEvent::Opened {
                task: task.clone(),
                base: checkout.base().clone(),
                crew: crew.seats(),
                limits: limits.clone(),
                settings: serde_json::to_value(&settings).map_err(RunsError::Settings)?,
            };
            recording::begin(&settings, host, &opened)?;
            Ok((checkout, notes, opened))
        };
        let mut stopped = stop.listener();
        let opened = tokio::select! {
            opened = open => opened,
            () = stopped.asked() => Err(RunsError::Stopped),
        };
        let (checkout, notes, opened) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                // Nothing has happened yet, so nothing is left to resume.
                forget(host, lease).await?;
                return Err(error);
            }
        };
        Ok(Prepared {
            host: host.clone(),
            lease,
            settings,
            limits,
            task,
            crew,
            checkout,
            beginning: Beginning::New(Box::new(opened)),
            notes,
            watcher,
            stop: stop.clone(),
        })
    }

    /// Opens a new run and lets it work.
    ///
    /// # Errors
    /// Those of [`Runs::prepare`] and [`Prepared::begin`].
    pub async fn start(
        &self,
        request: RunRequest,
        watcher: Arc<dyn Watcher>,
    ) -> Result<RunHandle, RunsError> {
        let (stop, _) = pipeline::Stop::new();
        self.prepare(request, watcher, &stop).await?.begin().await
    }

    /// A run as its journal has it.
    ///
    /// # Errors
    /// [`RunsError::NeverBegan`], [`RunsError::StrangeSettings`], [`RunsError::Store`].
    pub async fn past(&self, run: &RunId, doing: &'static str) -> Result<Past, RunsError> {
        Past::of(run, history(&self.host.store, run).await?, doing)
    }

    /// Takes a run that stopped, so that nobody else goes on with it.
    ///
    /// # Errors
    /// [`RunsError::TakeUp`] when somebody else works on it, and those of [`Runs::past`].
    pub async fn claim(&self, run: &RunId) -> Result<Claim, RunsError> {
        const DOING: &str = "resume";
        self.past(run, DOING).await?;
        let claimed = self
            .host
            .store
            .claim(run, &self.host.owner, LEASE_MAX)
            .await;
        // Read now: whoever held the run until now may have gone on with it since.
        let past = self.past(run, DOING).await?;
        match claimed {
            Ok(lease) => Ok(Claim::Taken(Box::new(Claimed {
                host: self.host.clone(),
                lease,
                past,
            }))),
            Err(StoreError::Ended { .. }) => Ok(Claim::AtItsEnd(Box::new(past))),
            Err(source) => Err(RunsError::TakeUp {
                run: run.clone(),
                source,
            }),
        }
    }

    /// Takes a run back that never began, with its folder.
    ///
    /// # Errors
    /// [`RunsError::TakeUp`] when somebody else works on it, [`RunsError::Store`], [`RunsError::Remove`]. A run that has events stays.
    pub async fn forget(&self, run: &RunId) -> Result<(), RunsError> {
        let host = &self.host;
        let claimed = host.store.claim(run, &host.owner, LEASE_MAX).await;
        let lease = claimed.map_err(|source| RunsError::TakeUp {
            run: run.clone(),
            source,
        })?;
        forget(host, lease).await
    }

    /// Goes on with a run that stopped, as it was.
    ///
    /// # Errors
    /// Those of [`Runs::claim`] and [`Claimed::prepare`]; [`RunsError::AtItsEnd`].
    pub async fn resume(
        &self,
        run: &RunId,
        watcher: Arc<dyn Watcher>,
    ) -> Result<RunHandle, RunsError> {
        let (stop, _) = pipeline::Stop::new();
        match self.claim(run).await? {
            Claim::Taken(claimed) => {
                let prepared = claimed.prepare(None, watcher, &stop).await?;
                prepared.begin().await
            }
            Claim::AtItsEnd(_) => Err(RunsError::AtItsEnd { run: run.clone() }),
        }
    }
}

/// Gives the tests their place in the base and freezes them into the task; remarks for whoever asked.
async fn freeze(
    given: GivenTests,
    task: &mut Task,
    base: &Checkout,
) -> Result<Vec<String>, RunsError> {
    if given.is_empty() {
        return Ok(Vec::new());
    }
    let everything = ListQuery {
        path: String::new(),
        glob: None,
        items_max: usize::MAX,
    };
    let listed = base
        .list(&everything)
        .await
        .map_err(RunsError::TestsPlace)?;
    let existing = listed.items;
    let mut there = std::collections::BTreeMap::new();
    for place in given.places(&existing) {
        match base.read(&place).await {
            Ok(bytes) => {
                there.insert(place, bytes);
            }
            Err(error) if error.is_the_callers_fault() => {}
            Err(error) => return Err(RunsError::TestsPlace(error)),
        }
    }
    given
        .freeze_into(task, &existing, &there)
        .map_err(RunsError::GivenTests)
}
