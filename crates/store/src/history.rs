//! Reading a run back: every event, in order, or an error that says what is missing.

use protocol::{Entry, RunEvent, RunId};

use crate::Store;
use crate::database::on_pool;
use crate::error::StoreError;

#[derive(sqlx::FromRow)]
struct EventRow {
    seq: i64,
    at_ms: i64,
    json: Option<String>,
    blob: Option<String>,
}

impl Store {
    /// All events of a run.
    ///
    /// # Errors
    /// [`StoreError::Gap`] when events are missing, [`StoreError::MissingBlob`] and [`StoreError::DamagedBlob`]
    /// when the folder beside the database has suffered, [`StoreError::Unreadable`] for events of another
    /// version, [`StoreError::UnknownRun`].
    pub async fn history(&self, run: &RunId) -> Result<Vec<Entry>, StoreError> {
        self.history_from(run, 0).await
    }

    /// The events of a run from a place on, for whoever follows it.
    ///
    /// # Errors
    /// Those of [`Store::history`].
    pub async fn history_from(&self, run: &RunId, first: u64) -> Result<Vec<Entry>, StoreError> {
        const EVENTS: &str =
            "SELECT seq, at_ms, json, blob FROM events WHERE run = $1 AND seq >= $2 ORDER BY seq";
        // Asked for before the events: more may be added meanwhile, but none may be fewer.
        let written = self.row(run).await?.next_seq.unsigned_abs();
        let from = i64::try_from(first).unwrap_or(i64::MAX);
        let rows: Vec<EventRow> = on_pool!(self.database, pool =>
            sqlx::query_as(EVENTS).bind(&run.0).bind(from).fetch_all(pool).await)
        .map_err(|it| self.database.failed("read the events of a run", it))?;
        let gap = |expected, found| StoreError::Gap {
            run: run.clone(),
            expected,
            found,
        };
        let mut entries = Vec::with_capacity(rows.len());
        let mut expected = first;
        for row in rows {
            let seq = row.seq.unsigned_abs();
            if seq != expected {
                return Err(gap(expected, format!("event {seq} follows")));
            }
            entries.push(self.entry(run, seq, row).await?);
            expected += 1;
        }
        if expected < written {
            return Err(gap(expected, format!("though {written} were written")));
        }
        Ok(entries)
    }

    async fn entry(&self, run: &RunId, seq: u64, row: EventRow) -> Result<Entry, StoreError> {
        let event: Result<RunEvent, _> = match (row.json, row.blob) {
            (Some(json), _) => serde_json::from_str(&json),
            (None, Some(hash)) => serde_json::from_slice(&self.blobs.get(&hash).await?),
            (None, None) => {
                return Err(StoreError::Gap {
                    run: run.clone(),
                    expected: seq,
                    found: "its row is empty".to_owned(),
                });
            }
        };
        let event = event.map_err(|source| StoreError::Unreadable {
            run: run.clone(),
            seq,
            source,
        })?;
        Ok(Entry {
            seq,
            at_ms: row.at_ms.unsigned_abs(),
            event,
        })
    }
}
