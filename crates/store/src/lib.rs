//! Journals, outputs and the list of runs: SQLite embedded, PostgreSQL shared.
//!
//! A run is an append-only list of events and one row that sums them up. Whoever works on a run holds a
//! [`Lease`]; each claim raises the run's epoch, every write carries it, and a process that lost its lease can't
//! write any more. What [`protocol::Journal::append`] has acknowledged is on the disk.

mod address;
mod blobs;
mod database;
mod error;
mod history;
mod id;
mod inbox;
mod journal;
mod lease;
mod owner;
mod requests;
mod runs;
mod served;
mod tokens;

pub use blobs::BLOB_BYTES_MAX;
pub use error::StoreError;
pub use inbox::{Hint, NewWish, Wish, WishState};
pub use journal::{INLINE_BYTES_MAX, RunJournal};
pub use lease::Lease;
pub use owner::{Liveness, Owner};
pub use requests::Asked;
pub use runs::{Cancellation, Holder, NewRun, RunSummary};
pub use served::Listing;
pub use tokens::Token;

use blobs::Blobs;
use database::Database;

/// The runs of one database. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
    blobs: Blobs,
}

impl Store {
    /// Opens `sqlite:PATH` or `postgres://…`, creating the SQLite file and its folder, and brings the tables up
    /// to date.
    ///
    /// SQLite must be on a local disk: its write-ahead log doesn't work over a network file system.
    ///
    /// # Errors
    /// [`StoreError::Address`] for an address of another kind, [`StoreError::NewerSchema`] when a newer version
    /// of this program has used the database, and [`StoreError::Open`] when it can't be reached.
    pub async fn open(address: &str) -> Result<Store, StoreError> {
        let address = address::Address::parse(address)?;
        let database = Database::open(&address).await?;
        let blobs = match &address {
            address::Address::Sqlite(path) => Blobs::beside(path),
            address::Address::Postgres(_) => Blobs::inside(&database),
        };
        Ok(Store { database, blobs })
    }

    /// Keeps bytes under their SHA-256, once, however often they are put.
    ///
    /// # Errors
    /// [`StoreError::Full`] without space, [`StoreError::TooLarge`] above [`BLOB_BYTES_MAX`].
    pub async fn put_blob(&self, bytes: Vec<u8>) -> Result<String, StoreError> {
        self.blobs.put(bytes).await
    }

    /// Bytes by their SHA-256 in hexadecimal, checked against it.
    ///
    /// # Errors
    /// [`StoreError::MissingBlob`] and [`StoreError::DamagedBlob`].
    pub async fn get_blob(&self, hash: &str) -> Result<Vec<u8>, StoreError> {
        self.blobs.get(hash).await
    }

    /// Closes the connections in good order; what they wrote is safe without it.
    pub async fn close(&self) {
        self.database.close().await;
    }
}
