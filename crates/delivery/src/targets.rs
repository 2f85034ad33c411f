//! Where a change can be handed over to: one target, one file.

pub(crate) mod answers;
pub(crate) mod branch;
pub(crate) mod check;
pub(crate) mod comment;
pub(crate) mod patch;
pub(crate) mod pull_request;
pub(crate) mod push;
pub(crate) mod ticket;

use std::fmt::Debug;

use async_trait::async_trait;
use git::{Identity, Store};
use protocol::{Destination, Entry, RunId};

use crate::error::DeliveryError;

/// What is handed over: the end of a run, and the trees that belong to it.
#[derive(Clone, Debug)]
pub struct Change {
    /// The run.
    pub run: RunId,
    /// Its journal up to its end.
    pub history: Vec<Entry>,
    /// Where its trees are kept.
    pub trees: Store,
    /// Who signs commits.
    pub signers: Signers,
    /// What an earlier delivery to the same place came to.
    pub delivered: Option<String>,
}

/// Who signs the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signers {
    /// Who is named as the author of the change.
    pub author: Identity,
    /// Who made the commit.
    pub committer: Identity,
}

/// One place that a change can be handed over to.
#[async_trait]
pub trait Target: Debug + Send + Sync {
    /// The place, as the journal names it.
    fn destination(&self) -> Destination;

    /// Hands the change over, and says what it is called there. What is there already from an earlier try is found and not
    /// made again.
    ///
    /// # Errors
    ///
    /// When the place refuses; the run keeps its change, and the next try goes on from what is there by then.
    async fn hand_over(&self, change: &Change) -> Result<String, DeliveryError>;
}

/// Runs work that blocks on a thread that may.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DeliveryError> + Send + 'static,
) -> Result<T, DeliveryError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(DeliveryError::Stopped),
        },
    }
}
