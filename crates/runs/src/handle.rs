//! A run that works.

use futures::Stream;
use pipeline::StopHandle;
use protocol::{Entry, RunId, RunState};
use store::Store;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::RunsError;
use crate::events;
use crate::past::Past;

/// A run that works. It goes on by itself: dropping this stops nothing.
#[derive(Debug)]
pub struct RunHandle {
    pub(crate) run: RunId,
    pub(crate) store: Store,
    pub(crate) stop: StopHandle,
    pub(crate) written: watch::Receiver<u64>,
    pub(crate) walking: JoinHandle<Result<Ended, RunsError>>,
}

/// Where a run is when nobody works on it any more.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The run with its whole journal.
    pub past: Past,
    /// Where it stands: at its end, or where it can be resumed.
    pub state: RunState,
    /// Why, in words for a person.
    pub explanation: String,
}

impl RunHandle {
    /// The run.
    pub fn id(&self) -> &RunId {
        &self.run
    }

    /// Every event from `first` on, each once and in order, until nobody works on the run any more.
    ///
    /// # Errors
    /// An item is [`RunsError::Store`] when the journal can't be read; nothing follows it.
    pub fn events(
        &self,
        first: u64,
    ) -> impl Stream<Item = Result<Entry, RunsError>> + Send + use<> {
        events::follow(
            self.store.clone(),
            self.run.clone(),
            self.written.clone(),
            first,
        )
    }

    /// Asks it to stop where it can be resumed.
    pub fn stop(&self) {
        self.stop.ask();
    }

    /// Waits until nobody works on it any more.
    ///
    /// # Errors
    /// [`RunsError::Walk`] when the run broke; it can be resumed. [`RunsError::Store`] when its journal can't be read.
    pub async fn ended(self) -> Result<Ended, RunsError> {
        match self.walking.await {
            Ok(ended) => ended,
            Err(source) => Err(RunsError::Panicked {
                run: self.run,
                source,
            }),
        }
    }
}
