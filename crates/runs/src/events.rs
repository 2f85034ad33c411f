//! The events of a run as they are written down, for whoever follows it.

use std::collections::VecDeque;

use futures::Stream;
use futures::stream;
use protocol::{Entry, RunId};
use store::Store;
use tokio::sync::watch;

use crate::error::RunsError;

struct Following {
    store: Store,
    run: RunId,
    written: watch::Receiver<u64>,
    next: u64,
    read: VecDeque<Entry>,
    is_over: bool,
}

/// Every event of a run from `first` on, each once and in order, until nobody works on it any more. They are read from the
/// store, so whoever is slow loses none and holds nobody up.
pub(crate) fn follow(
    store: Store,
    run: RunId,
    written: watch::Receiver<u64>,
    first: u64,
) -> impl Stream<Item = Result<Entry, RunsError>> + Send {
    let following = Following {
        store,
        run,
        written,
        next: first,
        read: VecDeque::new(),
        is_over: false,
    };
    stream::try_unfold(following, |mut it| async move {
        loop {
            if let Some(entry) = it.read.pop_front() {
                it.next = entry.seq + 1;
                return Ok(Some((entry, it)));
            }
            if it.is_over {
                return Ok(None);
            }
            let next = it.next;
            // Over once the journal is dropped; what it wrote last is read all the same.
            it.is_over = it
                .written
                .wait_for(|written| next < *written)
                .await
                .is_err();
            it.read = it
                .store
                .history_from(&it.run, it.next)
                .await
                .map_err(|source| RunsError::Store {
                    doing: "read the run's journal",
                    source,
                })?
                .into();
        }
    })
}
