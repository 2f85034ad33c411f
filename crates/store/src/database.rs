//! One enum over the two pools, so that a query is written once and runs on both.

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};

use crate::address::Address;
use crate::error::StoreError;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Longest wait for another process that writes to the same SQLite file.
const BUSY_SECONDS_MAX: u64 = 10;
/// Longest wait for other processes that open the same SQLite file.
const OPEN_SECONDS_MAX: u64 = 10;
/// Longest wait for a PostgreSQL connection.
const CONNECT_SECONDS_MAX: u64 = 10;
/// Connections to PostgreSQL of one process.
const POSTGRES_CONNECTIONS_MAX: u32 = 8;

/// The two kinds of database.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pub(crate) pool: Pool,
    /// Where it is, without a password.
    pub(crate) address: String,
}

/// The connections.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Runs the same sqlx code on whichever pool there is. The code is an async block that gives `sqlx::Result`.
macro_rules! on_pool {
    ($database:expr, $pool:ident => $body:expr) => {
        match &$database.pool {
            $crate::database::Pool::Sqlite($pool) => {
                let result: sqlx::Result<_> = async { $body }.await;
                result
            }
            $crate::database::Pool::Postgres($pool) => {
                let result: sqlx::Result<_> = async { $body }.await;
                result
            }
        }
    };
}
pub(crate) use on_pool;

impl Database {
    pub(crate) async fn open(address: &Address) -> Result<Database, StoreError> {
        let pool = match address {
            Address::Sqlite(path) => open_sqlite(path, address).await?,
            Address::Postgres(options) => open_postgres(options, address).await?,
        };
        Ok(Database {
            pool,
            address: address.to_string(),
        })
    }

    /// Now, in milliseconds since 1970-01-01 UTC, by the clock that all holders of leases share.
    pub(crate) async fn now_ms(&self) -> Result<i64, StoreError> {
        match &self.pool {
            Pool::Sqlite(_) => Ok(now_ms()),
            Pool::Postgres(pool) => {
                sqlx::query_scalar("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")
                    .fetch_one(pool)
                    .await
                    .map_err(|it| self.failed("ask the database for its time", it))
            }
        }
    }

    /// Says what was being done, and whether it failed for want of space.
    pub(crate) fn failed(&self, doing: &'static str, source: sqlx::Error) -> StoreError {
        if is_full(&source) {
            return StoreError::Full {
                doing,
                address: self.address.clone(),
                source: Box::new(source),
            };
        }
        StoreError::Database { doing, source }
    }

    pub(crate) async fn close(&self) {
        match &self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

/// Now, in milliseconds since 1970-01-01 UTC, by this machine's clock.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |it| i64::try_from(it.as_millis()).unwrap_or(i64::MAX))
}

/// SQLite and PostgreSQL each have a code for a disk without space.
fn is_full(error: &sqlx::Error) -> bool {
    const SQLITE_FULL: &str = "13";
    const POSTGRES_DISK_FULL: &str = "53100";
    let Some(code) = error.as_database_error().and_then(|it| it.code()) else {
        return false;
    };
    code == SQLITE_FULL || code == POSTGRES_DISK_FULL
}

async fn open_sqlite(path: &Path, address: &Address) -> Result<Pool, StoreError> {
    let file = path.to_owned();
    let guard = tokio::task::spawn_blocking(move || sole_opener(&file))
        .await
        .expect("the task doesn't panic and isn't aborted")?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // Power loss must not take back what was acknowledged; NORMAL would allow that.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(BUSY_SECONDS_MAX))
        .foreign_keys(true);
    // SQLite has one writer. Queueing for one connection is faster than polling for a lock from several.
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options)
        .await
        .map_err(|source| StoreError::Open {
            address: address.to_string(),
            source,
        })?;
    migrated(SQLITE.run(&pool).await, &SQLITE, address)?;
    drop(guard);
    Ok(Pool::Sqlite(pool))
}

async fn open_postgres(options: &PgConnectOptions, address: &Address) -> Result<Pool, StoreError> {
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS_MAX)
        .acquire_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
        .connect_with(options.clone())
        .await
        .map_err(|source| StoreError::Open {
            address: address.to_string(),
            source,
        })?;
    migrated(POSTGRES.run(&pool).await, &POSTGRES, address)?;
    Ok(Pool::Postgres(pool))
}

/// Creates the folder, private to the user because runs contain source code, and keeps other processes from
/// opening the same file meanwhile: neither the switch to the write-ahead log nor a migration bears company.
fn sole_opener(path: &Path) -> Result<File, StoreError> {
    let failed = |path: &Path, source| StoreError::Create {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|it| failed(folder, it))?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push("-open");
    let lock_path = PathBuf::from(name);
    let lock = File::options()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&lock_path)
        .map_err(|it| failed(&lock_path, it))?;
    // The file must not be readable by others either; SQLite would create it by the umask alone.
    File::options()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(|it| failed(path, it))?;
    let begin = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::Error(it)) => return Err(failed(&lock_path, it)),
            Err(TryLockError::WouldBlock) if begin.elapsed().as_secs() < OPEN_SECONDS_MAX => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::OpenBusy {
                    seconds: OPEN_SECONDS_MAX,
                });
            }
        }
    }
}

fn migrated(
    result: Result<(), MigrateError>,
    known: &Migrator,
    address: &Address,
) -> Result<(), StoreError> {
    let newest = known.iter().map(|it| it.version).max().unwrap_or(0);
    match result {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(found)) if newest < found => {
            Err(StoreError::NewerSchema {
                found,
                known: newest,
            })
        }
        Err(MigrateError::Execute(source)) => Err(StoreError::Open {
            address: address.to_string(),
            source,
        }),
        Err(source) => Err(StoreError::Migrate { source }),
    }
}
