//! What the store could not do.

use std::path::PathBuf;

use protocol::{RunId, Status};

use crate::runs::Holder;

/// What the store could not do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address of the database has no form we know.
    #[error(
        "understand the database address `{address}`: {why} (use `sqlite:PATH` or `postgres://USER@HOST/NAME`)"
    )]
    Address {
        /// The address, without its password.
        address: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The folder or the lock file of the database can't be created.
    #[error("create `{}` for the database (may this user write there?)", path.display())]
    Create {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Other processes kept opening the database at the same time.
    #[error("open the database: other processes have been busy opening it for {seconds} s")]
    OpenBusy {
        /// How long we waited.
        seconds: u64,
    },
    /// The database can't be opened.
    #[error("open the database {address} (is it there, and a database of this program?)")]
    Open {
        /// The address, without its password.
        address: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The database was changed by a later version of this program.
    #[error(
        "use the database: a newer version of this program has changed it (its schema is {found}, this version knows up to {known}; update the program or choose another database)"
    )]
    NewerSchema {
        /// The schema in the database.
        found: i64,
        /// The newest schema this version knows.
        known: i64,
    },
    /// The tables can't be brought up to date.
    #[error("bring the tables of the database up to date")]
    Migrate {
        /// Why.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// There is no such run.
    #[error("find a run whose name begins with `{name}`")]
    UnknownRun {
        /// What was asked for.
        name: String,
    },
    /// Several runs fit a name.
    #[error(
        "choose between the runs that `{name}` stands for: {}",
        listed(candidates)
    )]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// The first of the runs it fits.
        candidates: Vec<RunId>,
    },
    /// Somebody else works on the run.
    #[error("take over run {run}: {holder}, and is alive (cancel the run, or wait for it)")]
    Held {
        /// The run.
        run: RunId,
        /// Who, and since when.
        holder: Box<Holder>,
    },
    /// The run is at its end; nothing can be added.
    #[error("go on with run {run}: it is at its end ({})", ended(*status))]
    Ended {
        /// The run.
        run: RunId,
        /// How it ended.
        status: Status,
    },
    /// The run isn't at its end; there is nothing to deliver.
    #[error("deliver run {run}: it isn't at its end (resume it first)")]
    NotEnded {
        /// The run.
        run: RunId,
    },
    /// A run that has events can't begin as another one.
    #[error("begin run {run} as another one: it has begun already")]
    Begun {
        /// The run.
        run: RunId,
    },
    /// This process no longer holds the run.
    #[error("write to run {run}: this process no longer holds it ({why})")]
    LeaseLost {
        /// The run.
        run: RunId,
        /// What happened.
        why: String,
    },
    /// No space left.
    #[error(
        "{doing}: the disk is full (make space where {address} is, then resume the run; nothing that was written down is lost)"
    )]
    Full {
        /// What was being done.
        doing: &'static str,
        /// Where the data is.
        address: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database refused.
    #[error("{doing}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// Bytes too many for one blob.
    #[error("keep an output of {bytes} bytes (at most {bytes_max})")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The largest allowed.
        bytes_max: usize,
    },
    /// A blob can't be written or read.
    #[error("{doing} `{}`", path.display())]
    BlobFile {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The journal names a blob that isn't there.
    #[error("find the stored output {hash} (was `{place}` removed or restored without it?)")]
    MissingBlob {
        /// Its SHA-256.
        hash: String,
        /// Where it should be.
        place: String,
    },
    /// A blob isn't what was stored.
    #[error(
        "trust the stored output {hash}: its content has changed (restore `{place}` from a backup)"
    )]
    DamagedBlob {
        /// Its SHA-256.
        hash: String,
        /// Where it is.
        place: String,
    },
    /// Events of a run are missing.
    #[error(
        "read run {run}: event {expected} is missing, {found} (the database was damaged or edited; restore it from a backup)"
    )]
    Gap {
        /// The run.
        run: RunId,
        /// The place that should come next.
        expected: u64,
        /// What is there instead.
        found: String,
    },
    /// An event can't be understood.
    #[error(
        "understand event {seq} of run {run} (was it written by another version of this program?)"
    )]
    Unreadable {
        /// The run.
        run: RunId,
        /// The event's place.
        seq: u64,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A value of a run's row can't be understood.
    #[error(
        "understand `{column}` of run {run}: `{value}` (was it written by another version of this program?)"
    )]
    UnreadableRow {
        /// The run.
        run: RunId,
        /// The column.
        column: &'static str,
        /// Its content.
        value: String,
    },
    /// An event can't be turned into JSON.
    #[error("put an event into JSON")]
    Unwritable {
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

fn listed(candidates: &[RunId]) -> String {
    let names: Vec<&str> = candidates.iter().map(|it| it.0.as_str()).collect();
    names.join(", ")
}

fn ended(status: Status) -> &'static str {
    match status {
        Status::Running => "running",
        Status::Completed => "completed",
        Status::Failed => "failed",
    }
}
