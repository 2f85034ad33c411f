//! Large outputs by their SHA-256: in a folder beside a SQLite file, or in a table of PostgreSQL.

use protocol::sha256;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::PgPool;

use crate::database::{Database, Pool};
use crate::error::StoreError;

/// Largest output that is kept: the whole of it is held in memory on its way.
pub const BLOB_BYTES_MAX: usize = 256 * 1024 * 1024;

const PUT: &str = "store an output";
const GET: &str = "read a stored output";

/// Where large outputs are.
#[derive(Clone, Debug)]
pub(crate) enum Blobs {
    /// Files named `ab/cdef…`.
    Folder(PathBuf),
    /// The table `blobs`.
    Table { database: Database, pool: PgPool },
}

impl Blobs {
    pub(crate) fn beside(file: &Path) -> Blobs {
        Blobs::Folder(file.with_file_name("blobs"))
    }

    pub(crate) fn inside(database: &Database) -> Blobs {
        match &database.pool {
            Pool::Postgres(pool) => Blobs::Table {
                database: database.clone(),
                pool: pool.clone(),
            },
            Pool::Sqlite(_) => unreachable!("outputs of SQLite are beside it"),
        }
    }

    pub(crate) async fn put(&self, bytes: Vec<u8>) -> Result<String, StoreError> {
        if BLOB_BYTES_MAX < bytes.len() {
            return Err(StoreError::TooLarge {
                bytes: bytes.len(),
                bytes_max: BLOB_BYTES_MAX,
            });
        }
        let hash = sha256(&bytes);
        match self {
            Blobs::Folder(folder) => {
                let path = file(folder, &hash);
                let folder = folder.clone();
                tokio::task::spawn_blocking(move || write(&folder, &path, &bytes))
                    .await
                    .expect("the task doesn't panic and isn't aborted")?;
            }
            Blobs::Table { database, pool } => {
                sqlx::query(
                    "INSERT INTO blobs (hash, bytes) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                )
                .bind(&hash)
                .bind(bytes)
                .execute(pool)
                .await
                .map_err(|it| database.failed(PUT, it))?;
            }
        }
        Ok(hash)
    }

    pub(crate) async fn get(&self, wanted: &str) -> Result<Vec<u8>, StoreError> {
        let is_hash = wanted.len() == 64
            && wanted
                .bytes()
                .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
        let place = self.place(wanted, is_hash);
        let missing = || StoreError::MissingBlob {
            hash: wanted.to_owned(),
            place: place.clone(),
        };
        // A path is only made of what can't lead out of the folder.
        if !is_hash {
            return Err(missing());
        }
        let bytes = match self {
            Blobs::Folder(folder) => {
                let path = file(folder, wanted);
                match tokio::fs::read(&path).await {
                    Ok(bytes) => bytes,
                    Err(it) if it.kind() == io::ErrorKind::NotFound => return Err(missing()),
                    Err(it) => return Err(failed(GET, &path, it)),
                }
            }
            Blobs::Table { database, pool } => {
                sqlx::query_scalar("SELECT bytes FROM blobs WHERE hash = $1")
                    .bind(wanted)
                    .fetch_optional(pool)
                    .await
                    .map_err(|it| database.failed(GET, it))?
                    .ok_or_else(missing)?
            }
        };
        if sha256(&bytes) != wanted {
            return Err(StoreError::DamagedBlob {
                hash: wanted.to_owned(),
                place,
            });
        }
        Ok(bytes)
    }

    fn place(&self, hash: &str, is_hash: bool) -> String {
        match self {
            Blobs::Folder(folder) if is_hash => file(folder, hash).display().to_string(),
            Blobs::Folder(folder) => folder.display().to_string(),
            Blobs::Table { .. } => "table blobs".to_owned(),
        }
    }
}

fn file(folder: &Path, hash: &str) -> PathBuf {
    folder.join(&hash[..2]).join(&hash[2..])
}

/// Writes a file so that it is either there as a whole, for good, or not at all.
fn write(folder: &Path, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    // Also repairs a damaged file: only one with the right content is left alone.
    if fs::read(path).is_ok_and(|it| it == bytes) {
        return Ok(());
    }
    let shelf = path.parent().expect("a blob's path has a folder");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(shelf)
        .map_err(|it| failed(PUT, shelf, it))?;
    let unique = COUNTER.fetch_add(1, Ordering::Relaxed);
    let draft = folder.join(format!(".draft-{}-{unique}", std::process::id()));
    let written = write_through(&draft, bytes).and_then(|()| fs::rename(&draft, path));
    if let Err(error) = written {
        // Space matters most when there is none; a leftover that can't be removed is only untidy.
        let _ = fs::remove_file(&draft);
        return Err(failed(PUT, path, error));
    }
    // The names must survive a power loss as well as the content.
    for named in [shelf, folder] {
        File::open(named)
            .and_then(|it| it.sync_all())
            .map_err(|it| failed(PUT, named, it))?;
    }
    Ok(())
}

fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn failed(doing: &'static str, path: &Path, source: io::Error) -> StoreError {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    if matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge) {
        return StoreError::Full {
            doing,
            address: format!("`{}`", path.display()),
            source: Box::new(source),
        };
    }
    StoreError::BlobFile {
        doing,
        path: path.to_owned(),
        source,
    }
}
