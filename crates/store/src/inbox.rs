//! The inbox: wishes that were uttered in a tracker, each once, and where webhooks say to look.

use protocol::{RunId, Task};
use serde::{Deserialize, Serialize};

use crate::Store;
use crate::database::on_pool;
use crate::error::StoreError;

/// Longest words kept about a wish, in characters.
const SAID_CHARS_MAX: usize = 600;

/// A wish that was uttered, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Wish {
    /// What was uttered, the same however we heard of it.
    pub id: String,
    /// The issue, as in `owner/repo#7`; its wishes are worked on one after another.
    pub lane: String,
    /// Its repository, as in `owner/repo`.
    pub repository: String,
    /// Who uttered it.
    pub actor: String,
    /// What was wished for, as in `run`.
    pub command: String,
    /// The task as it was then, as JSON.
    pub task: Option<String>,
    /// `waiting`, `working`, `done` or `refused`.
    pub state: String,
    /// The run that works on it, or did.
    pub run: Option<String>,
    /// What was said about it last.
    pub said: String,
    /// What its run has cost, in millionths of a US dollar.
    pub spent_microusd: i64,
    /// When it came in, in milliseconds since 1970-01-01 UTC.
    pub received_ms: i64,
    /// When it changed last, in the same unit.
    pub updated_ms: i64,
}

impl Wish {
    /// The task as it was when the wish was uttered.
    ///
    /// # Errors
    /// When it isn't one; a fault of ours.
    pub fn task(&self) -> Result<Option<Task>, serde_json::Error> {
        self.task.as_deref().map(serde_json::from_str).transpose()
    }
}

/// A wish that comes in.
#[derive(Clone, Debug)]
pub struct NewWish {
    /// As in [`Wish::id`].
    pub id: String,
    /// As in [`Wish::lane`].
    pub lane: String,
    /// As in [`Wish::repository`].
    pub repository: String,
    /// As in [`Wish::actor`].
    pub actor: String,
    /// As in [`Wish::command`].
    pub command: String,
    /// The task as it is now; none for a wish that isn't worked on.
    pub task: Option<Task>,
    /// Why it isn't worked on, if it isn't.
    pub refused: Option<String>,
}

/// How far a wish got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WishState {
    /// It waits for its turn.
    Waiting,
    /// It is worked on.
    Working,
    /// It came to its end, whatever that was.
    Done,
    /// It isn't worked on.
    Refused,
}

impl WishState {
    fn word(self) -> &'static str {
        match self {
            WishState::Waiting => "waiting",
            WishState::Working => "working",
            WishState::Done => "done",
            WishState::Refused => "refused",
        }
    }
}

/// Where a webhook says to look.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Hint {
    /// The delivery's own name.
    pub delivery: String,
    /// The issue, as in `owner/repo#7`.
    pub lane: String,
}

const DOING: &str = "use the inbox";

impl Store {
    /// Keeps where a webhook says to look; whether this delivery is new.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Full`].
    pub async fn hint(&self, delivery: &str, lane: &str) -> Result<bool, StoreError> {
        const INSERT: &str = "INSERT INTO hints (delivery, lane, received_ms) VALUES ($1, $2, $3) \
            ON CONFLICT (delivery) DO NOTHING";
        let now = self.database.now_ms().await?;
        on_pool!(self.database, pool => sqlx::query(INSERT)
            .bind(delivery).bind(lane).bind(now)
            .execute(pool).await.map(|it| it.rows_affected() == 1))
        .map_err(|it| self.database.failed(DOING, it))
    }

    /// The oldest hints that nobody has followed yet, at most so many.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn hints(&self, max: u32) -> Result<Vec<Hint>, StoreError> {
        const OLDEST: &str = "SELECT delivery, lane FROM hints WHERE is_taken = 0 \
            ORDER BY received_ms, delivery LIMIT $1";
        on_pool!(self.database, pool => sqlx::query_as(OLDEST)
            .bind(i64::from(max)).fetch_all(pool).await)
        .map_err(|it| self.database.failed(DOING, it))
    }

    /// Says that all hints of an issue that came in by then were followed.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Full`].
    pub async fn hint_followed(&self, delivery: &str) -> Result<(), StoreError> {
        on_pool!(self.database, pool =>
            sqlx::query("UPDATE hints SET is_taken = 1 WHERE delivery = $1")
                .bind(delivery).execute(pool).await.map(drop))
        .map_err(|it| self.database.failed(DOING, it))
    }

    /// Whether a wish is known already.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn knows_wish(&self, id: &str) -> Result<bool, StoreError> {
        let found: Option<i64> = on_pool!(self.database, pool =>
            sqlx::query_scalar("SELECT received_ms FROM inbox WHERE id = $1")
                .bind(id).fetch_optional(pool).await)
        .map_err(|it| self.database.failed(DOING, it))?;
        Ok(found.is_some())
    }

    /// Takes a wish in; whether it is new. One that is known stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Full`], [`StoreError::Unwritable`].
    pub async fn wish(&self, wish: &NewWish) -> Result<bool, StoreError> {
        const INSERT: &str = "INSERT INTO inbox \
            (id, lane, repository, actor, command, task, state, said, received_ms, updated_ms) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) ON CONFLICT (id) DO NOTHING";
        let unwritable = |source| StoreError::Unwritable { source };
        let task = wish.task.as_ref().map(serde_json::to_string).transpose();
        let task = task.map_err(unwritable)?;
        let state = match wish.refused {
            Some(_) => WishState::Refused,
            None => WishState::Waiting,
        };
        let said = shortened(wish.refused.as_deref().unwrap_or_default());
        let now = self.database.now_ms().await?;
        on_pool!(self.database, pool => sqlx::query(INSERT)
            .bind(&wish.id).bind(&wish.lane).bind(&wish.repository).bind(&wish.actor)
            .bind(&wish.command).bind(&task).bind(state.word()).bind(&said).bind(now)
            .execute(pool).await.map(|it| it.rows_affected() == 1))
        .map_err(|it| self.database.failed(DOING, it))
    }

    /// Takes the oldest waiting wish on whose issue nobody works, among those whose issue isn't in `not_now`; it is worked on
    /// from now on.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Full`].
    pub async fn next_wish(&self, not_now: &[String]) -> Result<Option<Wish>, StoreError> {
        const OLDEST: &str = "SELECT * FROM inbox w WHERE state = 'waiting' AND NOT EXISTS \
            (SELECT 1 FROM inbox o WHERE o.lane = w.lane AND o.state = 'working') \
            ORDER BY received_ms, id LIMIT 100";
        const TAKE: &str = "UPDATE inbox SET state = 'working', updated_ms = $2 \
            WHERE id = $1 AND state = 'waiting'";
        let now = self.database.now_ms().await?;
        let waiting: Vec<Wish> = on_pool!(self.database, pool =>
            sqlx::query_as(OLDEST).fetch_all(pool).await)
        .map_err(|it| self.database.failed(DOING, it))?;
        let next = waiting.into_iter().find(|it| !not_now.contains(&it.lane));
        let Some(wish) = next else { return Ok(None) };
        let taken = on_pool!(self.database, pool => sqlx::query(TAKE)
            .bind(&wish.id).bind(now)
            .execute(pool).await.map(|it| it.rows_affected() == 1))
        .map_err(|it| self.database.failed(DOING, it))?;
        Ok(taken.then_some(wish))
    }

    /// Says which run works on a wish.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Full`].
    pub async fn wish_has_run(&self, id: &str, run: &RunId) -> Result<(), StoreError> {
        on_pool!(self.database, pool =>
            sqlx::query("UPDATE inbox SET run = $2 WHERE id = $1")
                .bind(id).bind(&run.0).execute(pool).await.map(drop))
        .map_err(|it| self.database.failed(DOING, it))
    }

    /// Puts a wish where it is now, with a word about it and what its run has cost.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Full`].
    pub async fn wish_is(
        &self,
        id: &str,
        state: WishState,
        said: &str,
        spent_microusd: u64,
    ) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE inbox SET state = $2, said = $3, spent_microusd = $4, updated_ms = $5 \
            WHERE id = $1";
        let now = self.database.now_ms().await?;
        let spent = i64::try_from(spent_microusd).unwrap_or(i64::MAX);
        on_pool!(self.database, pool => sqlx::query(UPDATE)
            .bind(id).bind(state.word()).bind(shortened(said)).bind(spent).bind(now)
            .execute(pool).await.map(drop))
        .map_err(|it| self.database.failed(DOING, it))
    }

    /// The wishes in a state, the oldest first, at most so many.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn wishes(&self, state: WishState, max: u32) -> Result<Vec<Wish>, StoreError> {
        const OLDEST: &str =
            "SELECT * FROM inbox WHERE state = $1 ORDER BY received_ms, id LIMIT $2";
        on_pool!(self.database, pool => sqlx::query_as(OLDEST)
            .bind(state.word()).bind(i64::from(max)).fetch_all(pool).await)
        .map_err(|it| self.database.failed(DOING, it))
    }

    /// The wishes that changed last, the newest first, at most so many.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn newest_wishes(&self, max: u32) -> Result<Vec<Wish>, StoreError> {
        const NEWEST: &str = "SELECT * FROM inbox ORDER BY updated_ms DESC, id DESC LIMIT $1";
        on_pool!(self.database, pool => sqlx::query_as(NEWEST)
            .bind(i64::from(max)).fetch_all(pool).await)
        .map_err(|it| self.database.failed(DOING, it))
    }

    /// What the runs of all wishes that came in since a moment have cost, in millionths of a US dollar; of one repository, or of
    /// all.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn spent_since(
        &self,
        since_ms: i64,
        repository: Option<&str>,
    ) -> Result<u64, StoreError> {
        const SUM: &str = "SELECT CAST(coalesce(sum(spent_microusd), 0) AS BIGINT) FROM inbox \
            WHERE received_ms >= $1 AND ($2 = '' OR repository = $2)";
        let sum: i64 = on_pool!(self.database, pool => sqlx::query_scalar(SUM)
            .bind(since_ms).bind(repository.unwrap_or_default()).fetch_one(pool).await)
        .map_err(|it| self.database.failed(DOING, it))?;
        Ok(sum.unsigned_abs())
    }
}

fn shortened(said: &str) -> String {
    said.chars().take(SAID_CHARS_MAX).collect()
}
