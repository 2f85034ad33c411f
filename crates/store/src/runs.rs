//! The list of runs: creating, finding, showing and asking one to stop.

use std::fmt;

use protocol::{Reason, RunId, Stage, Status, Tier};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Store;
use crate::database::{now_ms, on_pool};
use crate::error::StoreError;
use crate::id;
use crate::owner::{Liveness, Owner};

/// Longest title kept in the list; the whole task is in the journal.
const TITLE_CHARS_MAX: usize = 200;
/// Names tried for a new run; a second is needed once in some ten million runs a minute.
const NAMES_MAX: u32 = 5;
/// Runs named in the answer to an ambiguous name.
const CANDIDATES_MAX: i64 = 10;

/// The columns of [`RunRow`], all of the table's.
const NEWEST: &str = "SELECT * FROM runs ORDER BY created_ms DESC, id DESC LIMIT $1";
const BY_ID: &str = "SELECT * FROM runs WHERE id = $1";

/// A run that is about to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRun {
    /// The task's first line; cut and cleaned for the list.
    pub title: String,
    /// The repository's address or path, without credentials.
    pub repository: String,
}

/// What the list says about a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Its name.
    pub id: RunId,
    /// When it was created, in milliseconds since 1970-01-01 UTC.
    pub created_ms: u64,
    /// When its last event was written, in the same unit.
    pub updated_ms: u64,
    /// The task's first line.
    pub title: String,
    /// The repository's address or path.
    pub repository: String,
    /// Whether it is under way; a run that was interrupted is, too, and has no holder.
    pub status: Status,
    /// Where it stands, once an agent has begun.
    pub stage: Option<Stage>,
    /// Why it failed or was interrupted.
    pub reason: Option<Reason>,
    /// What was proven.
    pub tier: Option<Tier>,
    /// Events in its journal.
    pub events: u64,
    /// Who works on it now.
    pub holder: Option<Holder>,
    /// Whether somebody asked it to stop, and it hasn't yet.
    pub cancel_requested: bool,
    /// Who asked for it over HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
}

/// Who works on a run, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub owner: Owner,
    /// Since when, in milliseconds since 1970-01-01 UTC.
    pub since_ms: u64,
    /// How long ago that was when we looked, in seconds.
    pub held_seconds: u64,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pid, host, seconds) = (self.owner.pid, &self.owner.host, self.held_seconds);
        write!(f, "process {pid} on {host} has held it for {seconds} s")
    }
}

/// What became of the wish to stop a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cancellation {
    /// The process that works on it will see the wish.
    Asked(Box<Holder>),
    /// Nobody works on it, so there is nothing to stop. It can be resumed.
    Idle,
    /// It is at its end.
    Ended(Status),
}

impl Store {
    /// Puts a run into the list, with no events and nobody at work on it.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Database`].
    pub async fn create(&self, run: &NewRun) -> Result<RunId, StoreError> {
        self.insert(run, None).await
    }

    /// Puts a run into the list; `lease` is its holder as JSON with the beginning and the end of the lease.
    pub(crate) async fn insert(
        &self,
        run: &NewRun,
        lease: Option<(&str, i64, i64)>,
    ) -> Result<RunId, StoreError> {
        let title = for_the_list(&run.title);
        let repository = for_the_list(&run.repository);
        let epoch = i64::from(lease.is_some());
        let (owner, since, until) = match lease {
            Some((owner, since, until)) => (Some(owner), since, until),
            None => (None, 0, 0),
        };
        let mut name = 1;
        loop {
            let now = now_ms();
            let id = id::new(now);
            let inserted = on_pool!(self.database, pool => sqlx::query(
                "INSERT INTO runs (id, created_ms, updated_ms, title, repository, lease_owner, lease_since_ms, lease_until_ms, epoch) \
                 VALUES ($1, $2, $2, $3, $4, $5, $6, $7, $8)")
                .bind(&id.0).bind(now).bind(&title).bind(&repository)
                .bind(owner).bind(since).bind(until).bind(epoch)
                .execute(pool).await.map(|_| ()));
            match inserted {
                Ok(()) => return Ok(id),
                Err(it) if is_taken(&it) && name < NAMES_MAX => name += 1,
                Err(it) => return Err(self.database.failed("put a run into the list", it)),
            }
        }
    }

    /// The newest runs, newest first.
    ///
    /// # Errors
    /// [`StoreError::Database`], and [`StoreError::UnreadableRow`] for a row of another version.
    pub async fn runs(&self, runs_max: u32) -> Result<Vec<RunSummary>, StoreError> {
        let rows: Vec<RunRow> = on_pool!(self.database, pool =>
            sqlx::query_as(NEWEST).bind(i64::from(runs_max)).fetch_all(pool).await)
        .map_err(|it| self.database.failed("list the runs", it))?;
        let now = self.database.now_ms().await?;
        let me = Owner::this_process();
        rows.into_iter().map(|it| it.summary(&me, now)).collect()
    }

    /// One run by its whole name.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`], and those of [`Store::runs`].
    pub async fn run(&self, run: &RunId) -> Result<RunSummary, StoreError> {
        let row = self.row(run).await?;
        let now = self.database.now_ms().await?;
        row.summary(&Owner::this_process(), now)
    }

    pub(crate) async fn row(&self, run: &RunId) -> Result<RunRow, StoreError> {
        let row: Option<RunRow> = on_pool!(self.database, pool =>
            sqlx::query_as(BY_ID).bind(&run.0).fetch_optional(pool).await)
        .map_err(|it| self.database.failed("look up a run", it))?;
        row.ok_or_else(|| StoreError::UnknownRun {
            name: run.0.clone(),
        })
    }

    /// The run whose name begins with `name`, or whose random letters do.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`] when none fits and [`StoreError::Ambiguous`] when several do; a whole name is
    /// never ambiguous.
    pub async fn find(&self, name: &str) -> Result<RunId, StoreError> {
        const FITTING: &str = "SELECT id FROM runs WHERE substr(id, 1, length($1)) = $1 \
            OR substr(id, 15, length($1)) = $1 ORDER BY id DESC LIMIT $2";
        let unknown = || StoreError::UnknownRun {
            name: name.to_owned(),
        };
        let wanted = name.trim().to_ascii_lowercase();
        let is_name = |it: u8| it == b'-' || it.is_ascii_alphanumeric();
        if wanted.is_empty() || !wanted.bytes().all(is_name) {
            return Err(unknown());
        }
        let mut fitting: Vec<String> = on_pool!(self.database, pool =>
            sqlx::query_scalar(FITTING).bind(&wanted).bind(CANDIDATES_MAX).fetch_all(pool).await)
        .map_err(|it| self.database.failed("look up a run", it))?;
        if fitting.contains(&wanted) {
            return Ok(RunId(wanted));
        }
        match fitting.len() {
            0 => Err(unknown()),
            1 => Ok(RunId(fitting.remove(0))),
            _ => Err(StoreError::Ambiguous {
                name: name.to_owned(),
                candidates: fitting.into_iter().map(RunId).collect(),
            }),
        }
    }

    /// Asks whoever works on a run to stop it; the run stays resumable.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`] and [`StoreError::Database`].
    pub async fn request_cancel(&self, run: &RunId) -> Result<Cancellation, StoreError> {
        let summary = self.run(run).await?;
        if summary.status != Status::Running {
            return Ok(Cancellation::Ended(summary.status));
        }
        let Some(holder) = summary.holder else {
            return Ok(Cancellation::Idle);
        };
        on_pool!(self.database, pool =>
            sqlx::query("UPDATE runs SET cancel_ms = $2 WHERE id = $1 AND status = 'running'")
                .bind(&run.0).bind(now_ms()).execute(pool).await.map(|_| ()))
        .map_err(|it| self.database.failed("ask a run to stop", it))?;
        Ok(Cancellation::Asked(Box::new(holder)))
    }
}

/// One row of the table.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct RunRow {
    id: String,
    created_ms: i64,
    updated_ms: i64,
    title: String,
    repository: String,
    status: String,
    stage: Option<String>,
    reason: Option<String>,
    tier: Option<String>,
    pub(crate) next_seq: i64,
    pub(crate) lease_owner: Option<String>,
    pub(crate) lease_since_ms: i64,
    pub(crate) lease_until_ms: i64,
    pub(crate) epoch: i64,
    cancel_ms: Option<i64>,
    caller: Option<String>,
}

impl RunRow {
    pub(crate) fn status(&self) -> Result<Status, StoreError> {
        self.word("status", &self.status)
    }

    /// Who works on the run, unless its lease is over or the process is known to be dead.
    pub(crate) fn holder(&self, observer: &Owner, now_ms: i64) -> Option<Holder> {
        let owner: Owner = serde_json::from_str(self.lease_owner.as_deref()?).ok()?;
        if self.lease_until_ms <= now_ms || owner.liveness(observer) == Liveness::Dead {
            return None;
        }
        Some(Holder {
            owner,
            since_ms: self.lease_since_ms.unsigned_abs(),
            held_seconds: (now_ms - self.lease_since_ms).max(0).unsigned_abs() / 1000,
        })
    }

    pub(crate) fn summary(self, observer: &Owner, now_ms: i64) -> Result<RunSummary, StoreError> {
        let status = self.status()?;
        let holder = self.holder(observer, now_ms);
        let (stage, reason, tier) = (
            self.stage.as_deref(),
            self.reason.as_deref(),
            self.tier.as_deref(),
        );
        Ok(RunSummary {
            created_ms: self.created_ms.unsigned_abs(),
            updated_ms: self.updated_ms.unsigned_abs(),
            status,
            stage: stage.map(|it| self.word("stage", it)).transpose()?,
            reason: reason.map(|it| self.word("reason", it)).transpose()?,
            tier: tier.map(|it| self.word("tier", it)).transpose()?,
            events: self.next_seq.unsigned_abs(),
            cancel_requested: self.cancel_ms.is_some() && holder.is_some(),
            holder,
            caller: self.caller,
            id: RunId(self.id),
            title: self.title,
            repository: self.repository,
        })
    }

    /// Reads a word of the protocol as serde writes it.
    fn word<T: DeserializeOwned>(&self, column: &'static str, text: &str) -> Result<T, StoreError> {
        serde_json::from_value(Value::from(text)).map_err(|_| StoreError::UnreadableRow {
            run: RunId(self.id.clone()),
            column,
            value: text.to_owned(),
        })
    }
}

/// One line, of bounded length, without the control characters that PostgreSQL or a terminal would choke on.
fn for_the_list(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let clean = line
        .chars()
        .map(|it| if it.is_control() { ' ' } else { it });
    let mut cut: String = clean.clone().take(TITLE_CHARS_MAX).collect();
    if TITLE_CHARS_MAX < clean.count() {
        cut.push('…');
    }
    cut
}

fn is_taken(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|it| it.is_unique_violation())
}
