//! What was asked for under a key of the caller's own: asked once more, it is the same run.

use protocol::RunId;

use crate::Store;
use crate::database::on_pool;
use crate::error::StoreError;

const DOING: &str = "use the list of requests";

/// What is known of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It is new, and was written down.
    New,
    /// The same was asked before; its run, once it has one.
    Before(Option<RunId>),
    /// Something else was asked under this key.
    Otherwise,
}

impl Store {
    /// Writes a request down, unless it is known.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Full`].
    pub async fn ask(
        &self,
        caller: &str,
        key: &str,
        body_sha256: &str,
    ) -> Result<Asked, StoreError> {
        const INSERT: &str = "INSERT INTO requests (caller, name, body_sha256, received_ms) \
            VALUES ($1, $2, $3, $4) ON CONFLICT (caller, name) DO NOTHING";
        const KNOWN: &str = "SELECT body_sha256, run FROM requests WHERE caller = $1 AND name = $2";
        let now = self.database.now_ms().await?;
        let is_new = on_pool!(self.database, pool => sqlx::query(INSERT)
            .bind(caller).bind(key).bind(body_sha256).bind(now)
            .execute(pool).await.map(|it| it.rows_affected() == 1))
        .map_err(|it| self.database.failed(DOING, it))?;
        if is_new {
            return Ok(Asked::New);
        }
        let known: Option<(String, Option<String>)> = on_pool!(self.database, pool =>
            sqlx::query_as(KNOWN).bind(caller).bind(key).fetch_optional(pool).await)
        .map_err(|it| self.database.failed(DOING, it))?;
        Ok(match known {
            Some((body, run)) if body == body_sha256 => Asked::Before(run.map(RunId)),
            Some(_) => Asked::Otherwise,
            // Taken back between the two looks.
            None => Asked::Before(None),
        })
    }

    /// Says which run a request has.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Full`].
    pub async fn request_has_run(
        &self,
        caller: &str,
        key: &str,
        run: &RunId,
    ) -> Result<(), StoreError> {
        on_pool!(self.database, pool =>
            sqlx::query("UPDATE requests SET run = $3 WHERE caller = $1 AND name = $2")
                .bind(caller).bind(key).bind(&run.0).execute(pool).await.map(drop))
        .map_err(|it| self.database.failed(DOING, it))
    }

    /// Takes a request back that has no run, or whose run is gone: nothing came of it, so it may be asked again.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Full`].
    pub async fn forget_request(&self, caller: &str, key: &str) -> Result<(), StoreError> {
        const FORGET: &str = "DELETE FROM requests WHERE caller = $1 AND name = $2 \
            AND (run IS NULL OR NOT EXISTS (SELECT 1 FROM runs WHERE id = run))";
        on_pool!(self.database, pool => sqlx::query(FORGET)
            .bind(caller).bind(key).execute(pool).await.map(drop))
        .map_err(|it| self.database.failed(DOING, it))
    }
}
