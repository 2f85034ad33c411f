//! Runs that work in this process: begun, followed while they are written, stopped, and gone on with after the process died.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::metrics::Metrics;
use pipeline::StopHandle;
use protocol::{Entry, Log, RunId, Seat};
use runs::{Claim, Past, Prepared, RunRequest, Runs, RunsError, Watcher};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Runs of an earlier life that are gone on with.
const RUNS_MAX: u32 = 10_000;
/// How long a run of an earlier life is waited for whose holder can't be told to be dead.
const CLAIM_PAUSE: Duration = Duration::from_secs(5);
/// After how long a run that has no event, and that nobody has in their hands, never began.
const UNBEGUN: Duration = Duration::from_secs(60);
/// How often.
const CLAIMS_MAX: u32 = 12;

/// Runs that work in this process.
#[derive(Clone)]
pub(crate) struct Working {
    pub(crate) runs: Runs,
    inner: Arc<Inner>,
}

struct Inner {
    metrics: Metrics,
    at_work: Mutex<HashMap<RunId, AtWork>>,
    places: Arc<Semaphore>,
    /// Places that each caller has.
    taken: Mutex<HashMap<String, usize>>,
    is_ending: AtomicBool,
    /// Whether what works is gone on with by the next server.
    goes_on: AtomicBool,
}

struct AtWork {
    stop: StopHandle,
    /// How many events are written; gone once nobody works on the run any more.
    written: watch::Sender<u64>,
}

/// Which places are all taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// Everybody's.
    OfAll,
    /// Those of the caller.
    OfCaller,
}

/// What became of runs that worked when the server was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// How many worked.
    pub runs: usize,
    /// Whether all of them stopped in time.
    pub in_time: bool,
}

/// A place among the runs that may work at once, and among those of a caller.
pub(crate) struct PlaceAtWork {
    _among_all: OwnedSemaphorePermit,
    caller: String,
    inner: Arc<Inner>,
}

impl Drop for PlaceAtWork {
    fn drop(&mut self) {
        if let Some(taken) = self.inner.taken().get_mut(&self.caller) {
            *taken = taken.saturating_sub(1);
        }
    }
}

/// Tells whoever follows a run of each event.
struct Told {
    inner: Arc<Inner>,
    run: OnceLock<(RunId, Vec<Seat>)>,
}

impl Log for Told {
    fn note(&self, _: protocol::Note) {}
}

impl Watcher for Told {
    fn entry(&self, entry: &Entry) {
        let Some((run, crew)) = self.run.get() else {
            return;
        };
        self.inner.metrics.count(&entry.event, crew);
        if let Some(it) = self.inner.at_work().get(run) {
            it.written.send_replace(entry.seq + 1);
        }
    }
}

impl Inner {
    fn at_work(&self) -> MutexGuard<'_, HashMap<RunId, AtWork>> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Working {
    /// At most so many runs at once.
    pub(crate) fn new(runs: Runs, runs_max: usize) -> Working {
        Working {
            runs,
            inner: Arc::new(Inner {
                metrics: Metrics::default(),
                at_work: Mutex::default(),
                places: Arc::new(Semaphore::new(runs_max)),
                taken: Mutex::default(),
                is_ending: AtomicBool::new(false),
                goes_on: AtomicBool::new(false),
            }),
        }
    }

    /// Figures of this process.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// How many work.
    pub(crate) fn count(&self) -> usize {
        self.inner.at_work().len()
    }

    /// Whether nothing is begun any more.
    pub(crate) fn is_ending(&self) -> bool {
        self.inner.is_ending.load(Ordering::Acquire)
    }

    /// A place for one more run of a caller who may have so many.
    pub(crate) fn place(&self, caller: &str, of_caller_max: usize) -> Result<PlaceAtWork, Full> {
        let among_all = self.inner.places.clone().try_acquire_owned();
        let among_all = among_all.map_err(|_| Full::OfAll)?;
        let mut taken = self.inner.taken();
        let of_caller = taken.entry(caller.to_owned()).or_default();
        if of_caller_max <= *of_caller {
            return Err(Full::OfCaller);
        }
        *of_caller += 1;
        drop(taken);
        Ok(self.placed(among_all, caller))
    }

    fn placed(&self, among_all: OwnedSemaphorePermit, caller: &str) -> PlaceAtWork {
        PlaceAtWork {
            _among_all: among_all,
            caller: caller.to_owned(),
            inner: self.inner.clone(),
        }
    }

    /// How many events of a run are written, while it works here.
    pub(crate) fn written(&self, run: &RunId) -> Option<watch::Receiver<u64>> {
        let at_work = self.inner.at_work();
        at_work.get(run).map(|it| it.written.subscribe())
    }

    /// Asks a run to stop that works here; whether it does.
    pub(crate) fn stop(&self, run: &RunId) -> bool {
        let at_work = self.inner.at_work();
        let found = at_work.get(run);
        found.inspect(|it| it.stop.ask()).is_some()
    }

    /// Opens a new run's repository and lets it work; `begins` is called before it does.
    pub(crate) async fn begin<F, E>(
        &self,
        place: PlaceAtWork,
        request: RunRequest,
        begins: impl FnOnce(RunId) -> F,
    ) -> Result<RunId, E>
    where
        F: Future<Output = Result<(), E>>,
        E: From<RunsError>,
    {
        let (told, stop) = self.watcher();
        let prepared = self
            .runs
            .prepare(request, told.clone(), &stop)
            .await
            .map_err(E::from)?;
        let run = prepared.run().clone();
        if let Err(error) = begins(run.clone()).await {
            prepared.discard().await.map_err(E::from)?;
            return Err(error);
        }
        self.let_work(place, prepared, &told, stop).await?;
        Ok(run)
    }

    /// Goes on with a run that stopped.
    pub(crate) async fn resume(
        &self,
        place: PlaceAtWork,
        claimed: runs::Claimed,
        change: Option<runs::Change>,
    ) -> Result<(), RunsError> {
        let (told, stop) = self.watcher();
        let prepared = claimed.prepare(change, told.clone(), &stop).await?;
        self.let_work(place, prepared, &told, stop).await
    }

    fn watcher(&self) -> (Arc<Told>, StopHandle) {
        let told = Arc::new(Told {
            inner: self.inner.clone(),
            run: OnceLock::new(),
        });
        (told, pipeline::Stop::new().0)
    }

    async fn let_work(
        &self,
        place: PlaceAtWork,
        prepared: Prepared,
        told: &Arc<Told>,
        stop: StopHandle,
    ) -> Result<(), RunsError> {
        let run = prepared.run().clone();
        // A run has one name; a second word about it would say the same.
        let _ = told
            .run
            .set((run.clone(), runs::seats(prepared.settings())));
        let at_work = AtWork {
            stop: stop.clone(),
            written: watch::channel(0).0,
        };
        self.inner.at_work().insert(run.clone(), at_work);
        let handle = match prepared.begin().await {
            Ok(handle) => handle,
            Err(error) => {
                self.inner.at_work().remove(&run);
                return Err(error);
            }
        };
        if self.is_ending() {
            stop.ask();
        }
        let (working, told) = (self.clone(), told.clone());
        tokio::spawn(async move {
            let ended = handle.ended().await;
            working.ended(&run, ended.map(|it| it.past), told).await;
            working.inner.at_work().remove(&run);
            drop(place);
        });
        Ok(())
    }

    /// Delivers what came to its end. What was interrupted because the server ends stays in its hands, so that the next one goes on.
    async fn ended(&self, run: &RunId, past: Result<Past, RunsError>, told: Arc<Told>) {
        let delivered = match &past {
            Ok(past) => {
                let settings = &past.settings;
                self.runs.deliver(past, settings, told).await.map(drop)
            }
            Err(_) => Ok(()),
        };
        let goes_on = self.inner.goes_on.load(Ordering::Acquire);
        let stays =
            goes_on && self.is_ending() && past.as_ref().is_ok_and(|it| !it.is_at_its_end());
        for error in [past.map(drop), delivered]
            .into_iter()
            .filter_map(Result::err)
        {
            tracing::error!(run.id = %run, error = &error as &dyn std::error::Error, "a run broke");
        }
        if !stays {
            self.leave(run).await;
        }
    }

    /// A run is no longer in the server's hands.
    pub(crate) async fn leave(&self, run: &RunId) {
        let left = self.runs.host().store.run_is_served(run, false).await;
        if let Err(error) = left {
            tracing::error!(run.id = %run, %error, "could not write down that a run is no longer served");
        }
    }

    /// Goes on with everything that an earlier life of the server had in its hands.
    pub(crate) async fn go_on(&self) -> Result<(), store::StoreError> {
        self.inner.goes_on.store(true, Ordering::Release);
        tokio::spawn(forget_unbegun(self.runs.clone()));
        for left in self.runs.host().store.served_runs(RUNS_MAX).await? {
            let working = self.clone();
            tokio::spawn(async move {
                let (run, caller) = (left.id, left.caller.unwrap_or_default());
                match working.go_on_with(&run, &caller).await {
                    Ok(()) => {}
                    // Another server has it in its hands; should that one die, the flag is still there.
                    Err(error @ RunsError::TakeUp { .. }) => {
                        tracing::info!(run.id = %run, %error, "somebody else goes on with a run");
                    }
                    Err(error) => {
                        tracing::error!(run.id = %run, error = &error as &dyn std::error::Error, "could not go on with a run");
                        working.leave(&run).await;
                    }
                }
            });
        }
        Ok(())
    }

    async fn go_on_with(&self, run: &RunId, caller: &str) -> Result<(), RunsError> {
        let mut tries = 1;
        let claim = loop {
            match self.runs.claim(run).await {
                Err(RunsError::TakeUp { .. }) if tries < CLAIMS_MAX => {
                    tries += 1;
                    tokio::time::sleep(CLAIM_PAUSE).await;
                }
                // Killed before it began: nothing of it is there, and nothing is lost.
                Err(RunsError::NeverBegan { .. }) => return self.runs.forget(run).await,
                claim => break claim?,
            }
        };
        let claimed = match claim {
            Claim::Taken(claimed) => claimed,
            // It may have been killed before its change was delivered.
            Claim::AtItsEnd(past) => {
                let (told, _) = self.watcher();
                self.ended(run, Ok(*past), told).await;
                return Ok(());
            }
        };
        tracing::info!(run.id = %run, "goes on");
        let Ok(place) = self.inner.places.clone().acquire_owned().await else {
            return Ok(());
        };
        *self.inner.taken().entry(caller.to_owned()).or_default() += 1;
        let place = self.placed(place, caller);
        self.resume(place, *claimed, None).await
    }

    /// Begins nothing any more, stops what works where it can be resumed, and waits for that.
    pub(crate) async fn drain(&self, longest: Duration) -> Drained {
        self.inner.is_ending.store(true, Ordering::Release);
        let runs = self.count();
        for it in self.inner.at_work().values() {
            it.stop.ask();
        }
        let all = async {
            while 0 < self.count() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let in_time = tokio::time::timeout(longest, all).await.is_ok();
        Drained { runs, in_time }
    }
}

/// Takes runs back that never began because the process died before their first event: nothing of them is there.
async fn forget_unbegun(runs: Runs) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let before = now.unwrap_or_default().saturating_sub(UNBEGUN).as_millis();
    let newest = match runs.host().store.runs(RUNS_MAX).await {
        Ok(newest) => newest,
        Err(error) => {
            tracing::warn!(%error, "could not look for runs that never began");
            return;
        }
    };
    let never_began = |it: &store::RunSummary| {
        it.events == 0 && it.holder.is_none() && u128::from(it.created_ms) < before
    };
    for run in newest.into_iter().filter(never_began) {
        if let Err(error) = runs.forget(&run.id).await {
            tracing::info!(run.id = %run.id, %error, "a run that never began stays");
        }
    }
}
