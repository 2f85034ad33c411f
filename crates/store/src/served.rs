//! Runs that somebody asked for over HTTP: whose they are, which a server has in its hands, and lists of them in pages.

use protocol::{RunId, Status};

use crate::Store;
use crate::database::on_pool;
use crate::error::StoreError;
use crate::owner::Owner;
use crate::runs::{RunRow, RunSummary};

const DOING: &str = "keep whose a run is";

/// Which runs a page of the list has.
#[derive(Clone, Debug, Default)]
pub struct Listing<'a> {
    /// Only those of this caller.
    pub caller: Option<&'a str>,
    /// Only those of this status.
    pub status: Option<Status>,
    /// Only those that are older than this run.
    pub before: Option<&'a RunId>,
    /// At most so many.
    pub runs_max: u32,
}

impl Store {
    /// Says whose a run is, and that a server has it in its hands.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Full`].
    pub async fn run_is_of(&self, run: &RunId, caller: &str) -> Result<(), StoreError> {
        on_pool!(self.database, pool =>
            sqlx::query("UPDATE runs SET caller = $2, is_served = 1 WHERE id = $1")
                .bind(&run.0).bind(caller).execute(pool).await.map(drop))
        .map_err(|it| self.database.failed(DOING, it))
    }

    /// Says whether a server has a run in its hands. Whoever serves next goes on with those that one had when it died.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Full`].
    pub async fn run_is_served(&self, run: &RunId, is_served: bool) -> Result<(), StoreError> {
        on_pool!(self.database, pool =>
            sqlx::query("UPDATE runs SET is_served = $2 WHERE id = $1")
                .bind(&run.0).bind(i64::from(is_served)).execute(pool).await.map(drop))
        .map_err(|it| self.database.failed(DOING, it))
    }

    /// The runs that a server had in its hands, oldest first, at most so many.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::UnreadableRow`].
    pub async fn served_runs(&self, runs_max: u32) -> Result<Vec<RunSummary>, StoreError> {
        const SERVED: &str =
            "SELECT * FROM runs WHERE is_served = 1 ORDER BY created_ms, id LIMIT $1";
        let rows: Vec<RunRow> = on_pool!(self.database, pool =>
            sqlx::query_as(SERVED).bind(i64::from(runs_max)).fetch_all(pool).await)
        .map_err(|it| self.database.failed("list the runs", it))?;
        self.summaries(rows).await
    }

    /// A page of the list, newest first.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::UnreadableRow`].
    pub async fn page(&self, listing: &Listing<'_>) -> Result<Vec<RunSummary>, StoreError> {
        const PAGE: &str = "SELECT * FROM runs WHERE ($1 = '' OR caller = $1) AND ($2 = '' OR status = $2) \
            AND ($3 = '' OR (created_ms, id) < (SELECT created_ms, id FROM runs WHERE id = $3)) \
            ORDER BY created_ms DESC, id DESC LIMIT $4";
        let status = match listing.status {
            None => "",
            Some(Status::Running) => "running",
            Some(Status::Completed) => "completed",
            Some(Status::Failed) => "failed",
        };
        let before = listing.before.map_or("", |it| it.0.as_str());
        let rows: Vec<RunRow> = on_pool!(self.database, pool => sqlx::query_as(PAGE)
            .bind(listing.caller.unwrap_or_default()).bind(status).bind(before)
            .bind(i64::from(listing.runs_max))
            .fetch_all(pool).await)
        .map_err(|it| self.database.failed("list the runs", it))?;
        self.summaries(rows).await
    }

    async fn summaries(&self, rows: Vec<RunRow>) -> Result<Vec<RunSummary>, StoreError> {
        let now = self.database.now_ms().await?;
        let me = Owner::this_process();
        rows.into_iter().map(|it| it.summary(&me, now)).collect()
    }
}
