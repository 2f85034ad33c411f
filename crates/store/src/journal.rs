//! Appending to a run: one event, one place, one transaction.

use async_trait::async_trait;
use protocol::{Entry, Journal, JournalError, Reason, RunEvent, RunId, Stage, Status, Tier};
use serde::Serialize;
use serde_json::Value;

use crate::Store;
use crate::database::{now_ms, on_pool};
use crate::error::StoreError;
use crate::lease::Lease;

/// Longest event that is kept in the database itself; a longer one is a blob.
pub const INLINE_BYTES_MAX: usize = 16 * 1024;

const DOING: &str = "write down an event of the run";
const INSERT: &str =
    "INSERT INTO events (run, seq, at_ms, kind, json, blob) VALUES ($1, $2, $3, $4, $5, $6)";

/// The journal of a run that this process holds. Dropping it gives the run back.
#[derive(Debug)]
pub struct RunJournal {
    lease: Lease,
}

impl Store {
    /// The journal to write to, for whoever holds the run.
    pub fn journal(&self, lease: Lease) -> RunJournal {
        RunJournal { lease }
    }
}

impl RunJournal {
    /// The run.
    pub fn run(&self) -> &RunId {
        self.lease.run()
    }

    /// Whether this process still holds the run, as far as the heartbeat knows; asks nobody.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] says how it was lost.
    pub fn check_held(&self) -> Result<(), StoreError> {
        self.lease.check()
    }

    /// Gives the run back and waits until that is written down.
    pub async fn release(self) {
        self.lease.release().await;
    }

    /// Appends one event and tells its place.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when this process no longer holds the run, [`StoreError::Ended`] when the run
    /// is at its end and the event is no delivery, [`StoreError::Full`] without space. The event is then not in the journal.
    pub async fn write(&self, event: &RunEvent) -> Result<u64, StoreError> {
        self.check_held()?;
        let kind = kind(event);
        let (json, blob) = self.kept(event).await?;
        let seq = self.insert(event, kind, json, blob).await?;
        tracing::debug!(run.id = %self.lease.run, seq, kind, "wrote down an event");
        Ok(seq)
    }

    async fn insert(
        &self,
        event: &RunEvent,
        kind: &'static str,
        json: Option<String>,
        blob: Option<String>,
    ) -> Result<u64, StoreError> {
        const TAKE_PLACE: &str = "UPDATE runs SET next_seq = next_seq + 1, updated_ms = $3, \
            status = coalesce($4, status), stage = coalesce($5, stage), tier = coalesce($6, tier), \
            reason = CASE WHEN $7 THEN $8 ELSE reason END \
            WHERE id = $1 AND epoch = $2 AND (status = 'running') = $9 RETURNING next_seq - 1";
        let Lease {
            store, run, epoch, ..
        } = &self.lease;
        let row = RowChange::of(event);
        let now = now_ms();
        let seq: Option<i64> = on_pool!(store.database, pool => {
            let mut transaction = pool.begin().await?;
            let seq: Option<i64> = sqlx::query_scalar(TAKE_PLACE)
                .bind(&run.0).bind(epoch).bind(now)
                .bind(row.status).bind(row.stage).bind(row.tier).bind(row.sets_reason).bind(row.reason)
                .bind(!event.is_delivery())
                .fetch_optional(&mut *transaction).await?;
            if let Some(seq) = seq {
                sqlx::query(INSERT)
                    .bind(&run.0).bind(seq).bind(now).bind(kind).bind(json).bind(blob)
                    .execute(&mut *transaction).await?;
                transaction.commit().await?;
            }
            Ok(seq)
        })
        .map_err(|it| store.database.failed(DOING, it))?;
        match seq {
            Some(seq) => Ok(seq.unsigned_abs()),
            None => Err(self.refused(event.is_delivery()).await?),
        }
    }

    /// Begins the run as another one: takes over its first `copied` events as they are, and appends `reopened`, which
    /// says so. All of it is there afterwards, or nothing.
    ///
    /// The other run is only read, whoever works on it. Outputs are shared by their SHA-256, so this run needs nothing of
    /// the other one later.
    ///
    /// # Errors
    /// [`StoreError::Begun`] when the run has events already, [`StoreError::Gap`] when the other one has fewer, and those
    /// of [`RunJournal::write`].
    pub async fn begin_as(
        &self,
        from: &RunId,
        copied: &[Entry],
        reopened: &RunEvent,
    ) -> Result<u64, StoreError> {
        const COPY: &str = "INSERT INTO events (run, seq, at_ms, kind, json, blob) \
            SELECT CAST($1 AS TEXT), seq, at_ms, kind, json, blob FROM events WHERE run = $2 AND seq < $3";
        const TAKE_PLACES: &str = "UPDATE runs SET next_seq = $3 + 1, updated_ms = $4, stage = $5 \
            WHERE id = $1 AND epoch = $2 AND status = 'running' AND next_seq = 0";
        self.check_held()?;
        let Lease {
            store, run, epoch, ..
        } = &self.lease;
        let (json, blob) = self.kept(reopened).await?;
        let count = i64::try_from(copied.len()).unwrap_or(i64::MAX);
        let changes = copied.iter().map(|it| RowChange::of(&it.event));
        let stage = changes.filter_map(|it| it.stage).next_back();
        let now = now_ms();
        let (taken, found) = on_pool!(store.database, pool => {
            let mut transaction = pool.begin().await?;
            let taken = sqlx::query(TAKE_PLACES)
                .bind(&run.0).bind(epoch).bind(count).bind(now).bind(&stage)
                .execute(&mut *transaction).await?.rows_affected();
            let mut found = 0;
            if taken == 1 {
                found = sqlx::query(COPY).bind(&run.0).bind(&from.0).bind(count)
                    .execute(&mut *transaction).await?.rows_affected();
            }
            if taken == 1 && found == copied.len() as u64 {
                sqlx::query(INSERT)
                    .bind(&run.0).bind(count).bind(now).bind(kind(reopened)).bind(json).bind(blob)
                    .execute(&mut *transaction).await?;
                transaction.commit().await?;
            }
            Ok((taken, found))
        })
        .map_err(|it| store.database.failed("begin a run as another one", it))?;
        if taken == 0 {
            return Err(self.refused(false).await?);
        }
        if found != copied.len() as u64 {
            return Err(StoreError::Gap {
                run: from.clone(),
                expected: found,
                found: format!("though {} were read", copied.len()),
            });
        }
        Ok(count.unsigned_abs())
    }

    /// An event as a row keeps it: itself, or the name of a blob.
    async fn kept(&self, event: &RunEvent) -> Result<(Option<String>, Option<String>), StoreError> {
        let json =
            serde_json::to_string(event).map_err(|source| StoreError::Unwritable { source })?;
        if json.len() <= INLINE_BYTES_MAX {
            return Ok((Some(json), None));
        }
        // First the bytes, then the row that names them: a crash in between leaves only an unused file.
        let blob = self.lease.store.blobs.put(json.into_bytes()).await?;
        Ok((None, Some(blob)))
    }

    /// Why no row took the event.
    async fn refused(&self, is_delivery: bool) -> Result<StoreError, StoreError> {
        let row = self.lease.store.row(&self.lease.run).await?;
        let status = row.status()?;
        if status != Status::Running && !is_delivery {
            return Ok(StoreError::Ended {
                run: self.lease.run.clone(),
                status,
            });
        }
        if row.epoch == self.lease.epoch {
            let run = self.lease.run.clone();
            return Ok(match is_delivery {
                true => StoreError::NotEnded { run },
                false => StoreError::Begun { run },
            });
        }
        Ok(self.lease.lose("another process has taken it over"))
    }

    async fn is_cancel_requested(&self) -> Result<bool, StoreError> {
        self.check_held()?;
        let Lease {
            store, run, epoch, ..
        } = &self.lease;
        let asked: Option<bool> = on_pool!(store.database, pool =>
            sqlx::query_scalar("SELECT cancel_ms IS NOT NULL FROM runs WHERE id = $1 AND epoch = $2")
                .bind(&run.0).bind(epoch).fetch_optional(pool).await)
        .map_err(|it| store.database.failed("see whether the run was asked to stop", it))?;
        asked.ok_or_else(|| self.lease.lose("another process has taken it over"))
    }
}

#[async_trait]
impl Journal for RunJournal {
    async fn append(&self, event: &RunEvent) -> Result<(), JournalError> {
        match self.write(event).await {
            Ok(_) => Ok(()),
            Err(error) => Err(JournalError(Box::new(error))),
        }
    }

    async fn cancel_requested(&self) -> Result<bool, JournalError> {
        self.is_cancel_requested()
            .await
            .map_err(|error| JournalError(Box::new(error)))
    }
}

/// What an event changes in the run's row; `None` leaves a column as it is.
#[derive(Default)]
struct RowChange {
    status: Option<String>,
    stage: Option<String>,
    tier: Option<String>,
    sets_reason: bool,
    reason: Option<String>,
}

impl RowChange {
    fn of(event: &RunEvent) -> RowChange {
        match event {
            RunEvent::Reopened { .. } => RowChange {
                sets_reason: true,
                ..RowChange::default()
            },
            RunEvent::Started { stage, .. } => RowChange {
                stage: Some(word(stage)),
                // An interruption is over once somebody works again.
                sets_reason: true,
                ..RowChange::default()
            },
            RunEvent::Reported { stage, .. } => RowChange {
                stage: Some(word(stage)),
                ..RowChange::default()
            },
            RunEvent::Interrupted { reason, .. } => RowChange {
                sets_reason: true,
                reason: Some(word::<Reason>(reason)),
                ..RowChange::default()
            },
            RunEvent::Finished {
                status,
                reason,
                tier,
                ..
            } => RowChange {
                status: Some(word(status)),
                stage: Some(word(match status {
                    Status::Completed => &Stage::Completed,
                    Status::Failed | Status::Running => &Stage::Failed,
                })),
                tier: tier.as_ref().map(word::<Tier>),
                sets_reason: true,
                reason: reason.as_ref().map(word::<Reason>),
            },
            RunEvent::Opened { .. }
            | RunEvent::SetUp { .. }
            | RunEvent::Replied { .. }
            | RunEvent::Unanswered { .. }
            | RunEvent::Stepped { .. }
            | RunEvent::Prepared { .. }
            | RunEvent::Delivering { .. }
            | RunEvent::Delivered { .. } => RowChange::default(),
        }
    }
}

/// A word of the protocol as serde writes it.
fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(text)) => text,
        other => unreachable!("the protocol's enums without fields are strings, not {other:?}"),
    }
}

/// The event's kind, as in its JSON.
fn kind(event: &RunEvent) -> &'static str {
    match event {
        RunEvent::Opened { .. } => "opened",
        RunEvent::Reopened { .. } => "reopened",
        RunEvent::SetUp { .. } => "set_up",
        RunEvent::Started { .. } => "started",
        RunEvent::Replied { .. } => "replied",
        RunEvent::Unanswered { .. } => "unanswered",
        RunEvent::Stepped { .. } => "stepped",
        RunEvent::Prepared { .. } => "prepared",
        RunEvent::Reported { .. } => "reported",
        RunEvent::Interrupted { .. } => "interrupted",
        RunEvent::Finished { .. } => "finished",
        RunEvent::Delivering { .. } => "delivering",
        RunEvent::Delivered { .. } => "delivered",
    }
}
