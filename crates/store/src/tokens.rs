//! Who may ask over HTTP: names with the SHA-256 of their tokens. The tokens themselves are nowhere here.

use serde::Serialize;

use crate::Store;
use crate::database::on_pool;
use crate::error::StoreError;

const DOING: &str = "use the list of tokens";

/// Somebody who may ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Token {
    /// The name.
    pub name: String,
    /// 1 for one who sees and steers everybody's runs.
    #[serde(skip)]
    is_admin: i64,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub created_ms: i64,
    /// When it was taken back, in the same unit.
    pub revoked_ms: Option<i64>,
}

impl Token {
    /// Whether it sees and steers everybody's runs.
    pub fn is_admin(&self) -> bool {
        self.is_admin != 0
    }
}

impl Store {
    /// Lets somebody ask; false when the name is taken, also by one who may no more.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Full`].
    pub async fn add_token(
        &self,
        name: &str,
        sha256: &str,
        is_admin: bool,
    ) -> Result<bool, StoreError> {
        const INSERT: &str = "INSERT INTO tokens (name, sha256, is_admin, created_ms) \
            VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        let now = self.database.now_ms().await?;
        on_pool!(self.database, pool => sqlx::query(INSERT)
            .bind(name).bind(sha256).bind(i64::from(is_admin)).bind(now)
            .execute(pool).await.map(|it| it.rows_affected() == 1))
        .map_err(|it| self.database.failed(DOING, it))
    }

    /// Lets somebody ask no more, from now on; false when nobody of that name may.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Full`].
    pub async fn revoke_token(&self, name: &str) -> Result<bool, StoreError> {
        const REVOKE: &str =
            "UPDATE tokens SET revoked_ms = $2 WHERE name = $1 AND revoked_ms IS NULL";
        let now = self.database.now_ms().await?;
        on_pool!(self.database, pool => sqlx::query(REVOKE)
            .bind(name).bind(now)
            .execute(pool).await.map(|it| it.rows_affected() == 1))
        .map_err(|it| self.database.failed(DOING, it))
    }

    /// All of them, those who may no more included, by name.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        const ALL: &str = "SELECT name, is_admin, created_ms, revoked_ms FROM tokens ORDER BY name";
        on_pool!(self.database, pool => sqlx::query_as(ALL).fetch_all(pool).await)
            .map_err(|it| self.database.failed(DOING, it))
    }

    /// Who has the token with this SHA-256 and may ask.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn token_by_sha256(&self, sha256: &str) -> Result<Option<Token>, StoreError> {
        const ONE: &str = "SELECT name, is_admin, created_ms, revoked_ms FROM tokens \
            WHERE sha256 = $1 AND revoked_ms IS NULL";
        on_pool!(self.database, pool => sqlx::query_as(ONE)
            .bind(sha256).fetch_optional(pool).await)
        .map_err(|it| self.database.failed(DOING, it))
    }

    /// Whoever has this name and may ask.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn token_by_name(&self, name: &str) -> Result<Option<Token>, StoreError> {
        const ONE: &str = "SELECT name, is_admin, created_ms, revoked_ms FROM tokens \
            WHERE name = $1 AND revoked_ms IS NULL";
        on_pool!(self.database, pool => sqlx::query_as(ONE)
            .bind(name).fetch_optional(pool).await)
        .map_err(|it| self.database.failed(DOING, it))
    }
}
