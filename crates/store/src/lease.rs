//! Leases: who may write to a run, kept alive by a heartbeat and fenced by an epoch.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use protocol::RunId;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::Store;
use crate::database::on_pool;
use crate::error::StoreError;
use crate::owner::Owner;
use crate::runs::{NewRun, RunRow};
use protocol::Status;

/// Tries of a claim that another process gets in the way of.
const CLAIMS_MAX: u32 = 3;
/// Renewals due in the time of one lease, so that one that fails doesn't end it.
const RENEWALS_PER_LEASE: u32 = 3;

/// The right to write to a run. It is renewed in the background and given back when dropped.
#[derive(Debug)]
pub struct Lease {
    pub(crate) store: Store,
    pub(crate) run: RunId,
    pub(crate) epoch: i64,
    /// Why the right is gone, once it is.
    lost: Arc<OnceLock<String>>,
    /// Dropping the sender, or sending, ends the heartbeat.
    stop: Option<oneshot::Sender<()>>,
    heartbeat: Option<JoinHandle<()>>,
}

impl Store {
    /// Takes a run back that never got as far as its first event.
    ///
    /// # Errors
    /// [`StoreError::Database`]. A run that has events stays.
    pub async fn discard(&self, lease: Lease) -> Result<(), StoreError> {
        const DISCARD: &str = "DELETE FROM runs WHERE id = $1 AND epoch = $2 \
            AND NOT EXISTS (SELECT 1 FROM events WHERE run = $1)";
        let (run, epoch) = (lease.run.clone(), lease.epoch);
        lease.release().await;
        on_pool!(self.database, pool => sqlx::query(DISCARD)
            .bind(&run.0).bind(epoch)
            .execute(pool).await.map(drop))
        .map_err(|it| self.database.failed("take a run back", it))
    }

    /// Creates a run that `owner` works on from the beginning: [`Store::create`] and [`Store::claim`] in one
    /// write.
    ///
    /// # Errors
    /// Those of [`Store::create`].
    pub async fn start(
        &self,
        run: &NewRun,
        owner: &Owner,
        lease_max: Duration,
    ) -> Result<Lease, StoreError> {
        let now = self.database.now_ms().await?;
        let json = json(owner)?;
        let run = self
            .insert(run, Some((&json, now, until(now, lease_max))))
            .await?;
        Ok(Lease::begin(self, run, 1, lease_max))
    }

    /// Takes a run that isn't at its end, for `lease_max` at a time, so that nobody else can write to it.
    ///
    /// A lease that ran out, or whose process is known to be dead, is taken over at once; whatever its old
    /// holder may still try to write is refused. A wish to cancel the run is forgotten.
    ///
    /// # Errors
    /// [`StoreError::Held`] while another process that lives holds the run, [`StoreError::Ended`] when the run
    /// is at its end, [`StoreError::UnknownRun`].
    pub async fn claim(
        &self,
        run: &RunId,
        owner: &Owner,
        lease_max: Duration,
    ) -> Result<Lease, StoreError> {
        self.take(run, owner, lease_max, false).await
    }

    /// Takes a run that is at its end, so that nobody else delivers it meanwhile; as [`Store::claim`] otherwise.
    ///
    /// # Errors
    /// [`StoreError::Held`] while another process that lives holds the run, [`StoreError::NotEnded`] when the run
    /// isn't at its end, [`StoreError::UnknownRun`].
    pub async fn claim_ended(
        &self,
        run: &RunId,
        owner: &Owner,
        lease_max: Duration,
    ) -> Result<Lease, StoreError> {
        self.take(run, owner, lease_max, true).await
    }

    async fn take(
        &self,
        run: &RunId,
        owner: &Owner,
        lease_max: Duration,
        is_at_its_end: bool,
    ) -> Result<Lease, StoreError> {
        const CLAIM: &str = "UPDATE runs SET lease_owner = $3, lease_since_ms = $4, lease_until_ms = $5, \
            epoch = epoch + 1, cancel_ms = NULL WHERE id = $1 AND epoch = $2";
        let json = json(owner)?;
        for _ in 0..CLAIMS_MAX {
            let row = self.row(run).await?;
            let now = self.database.now_ms().await?;
            refuse_if_held(run, &row, owner, now, is_at_its_end)?;
            let claimed = on_pool!(self.database, pool => sqlx::query(CLAIM)
                .bind(&run.0).bind(row.epoch).bind(&json).bind(now).bind(until(now, lease_max))
                .execute(pool).await.map(|it| it.rows_affected()))
            .map_err(|it| self.database.failed("claim a run", it))?;
            if claimed == 1 {
                return Ok(Lease::begin(self, run.clone(), row.epoch + 1, lease_max));
            }
        }
        Err(lost(run, "other processes keep claiming it"))
    }
}

fn refuse_if_held(
    run: &RunId,
    row: &RunRow,
    owner: &Owner,
    now: i64,
    is_at_its_end: bool,
) -> Result<(), StoreError> {
    match (row.status()?, is_at_its_end) {
        (Status::Running, true) => return Err(StoreError::NotEnded { run: run.clone() }),
        (Status::Running, false) | (_, true) => {}
        (status, false) => {
            return Err(StoreError::Ended {
                run: run.clone(),
                status,
            });
        }
    }
    match row.holder(owner, now) {
        Some(it) if it.owner != Owner::this_process() || is_held_here(run, row.epoch) => {
            Err(StoreError::Held {
                run: run.clone(),
                holder: Box::new(it),
            })
        }
        _ => Ok(()),
    }
}

impl Lease {
    fn begin(store: &Store, run: RunId, epoch: i64, lease_max: Duration) -> Lease {
        held_here().insert((run.0.clone(), epoch));
        tracing::info!(run.id = %run, epoch, "took the run");
        let lost = Arc::new(OnceLock::new());
        let (stop, stopped) = oneshot::channel();
        let pulse = Pulse {
            store: store.clone(),
            run: run.clone(),
            epoch,
            lease_max,
            lost: lost.clone(),
        };
        Lease {
            store: store.clone(),
            run,
            epoch,
            lost,
            stop: Some(stop),
            heartbeat: Some(tokio::spawn(pulse.beat(stopped))),
        }
    }

    /// The run it is for.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Gives the run back and waits until that is written down.
    pub async fn release(mut self) {
        self.stop.take();
        if let Some(heartbeat) = self.heartbeat.take() {
            // It ends by itself; a panic in it was reported by tokio, and the lease then runs out.
            let _ = heartbeat.await;
            tracing::info!(run.id = %self.run, epoch = self.epoch, "gave the run back");
        }
    }

    /// Whether the heartbeat has found the lease gone.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        match self.lost.get() {
            None => Ok(()),
            Some(why) => Err(lost(&self.run, why)),
        }
    }

    /// Remembers that the lease is gone.
    pub(crate) fn lose(&self, why: &str) -> StoreError {
        let why = self.lost.get_or_init(|| why.to_owned());
        lost(&self.run, why)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        held_here().remove(&(self.run.0.clone(), self.epoch));
    }
}

/// The heartbeat of one lease.
struct Pulse {
    store: Store,
    run: RunId,
    epoch: i64,
    lease_max: Duration,
    lost: Arc<OnceLock<String>>,
}

impl Pulse {
    async fn beat(self, mut stopped: oneshot::Receiver<()>) {
        let mut good_until = Instant::now() + self.lease_max;
        loop {
            tokio::select! {
                _ = &mut stopped => break,
                () = tokio::time::sleep(self.lease_max / RENEWALS_PER_LEASE) => {}
            }
            let begin = Instant::now();
            match self.renew().await {
                Ok(true) => good_until = begin + self.lease_max,
                Ok(false) => return self.lose("another process has taken it over"),
                Err(error) => {
                    tracing::warn!(run.id = %self.run, %error, "the lease could not be renewed");
                    if good_until <= Instant::now() {
                        return self.lose("its lease could not be renewed in time");
                    }
                }
            }
        }
        if let Err(error) = self.give_back().await {
            tracing::debug!(run.id = %self.run, %error, "the lease was not given back and will run out");
        }
    }

    fn lose(&self, why: &str) {
        self.lost.get_or_init(|| why.to_owned());
    }

    async fn renew(&self) -> Result<bool, StoreError> {
        let now = self.store.database.now_ms().await?;
        self.set_end(until(now, self.lease_max)).await
    }

    async fn give_back(&self) -> Result<bool, StoreError> {
        self.set_end(0).await
    }

    async fn set_end(&self, until_ms: i64) -> Result<bool, StoreError> {
        let database = &self.store.database;
        on_pool!(database, pool =>
            sqlx::query("UPDATE runs SET lease_until_ms = $3 WHERE id = $1 AND epoch = $2")
                .bind(&self.run.0).bind(self.epoch).bind(until_ms)
                .execute(pool).await.map(|it| it.rows_affected() == 1))
        .map_err(|it| database.failed("renew a lease", it))
    }
}

/// The leases that live in this process. The database only knows that the process lives; a run that was dropped
/// here a moment ago can be claimed again at once.
fn held_here() -> MutexGuard<'static, BTreeSet<(String, i64)>> {
    static HELD: Mutex<BTreeSet<(String, i64)>> = Mutex::new(BTreeSet::new());
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_held_here(run: &RunId, epoch: i64) -> bool {
    held_here().contains(&(run.0.clone(), epoch))
}

fn json(owner: &Owner) -> Result<String, StoreError> {
    serde_json::to_string(owner).map_err(|source| StoreError::Unwritable { source })
}

fn until(now_ms: i64, lease_max: Duration) -> i64 {
    now_ms.saturating_add(i64::try_from(lease_max.as_millis()).unwrap_or(i64::MAX))
}

fn lost(run: &RunId, why: &str) -> StoreError {
    StoreError::LeaseLost {
        run: run.clone(),
        why: why.to_owned(),
    }
}
