//! A bundle's run walked again on its own base.

use std::path::PathBuf;
use std::sync::Arc;

use git::{Address, GitError};
use pipeline::StopHandle;
use pipeline::verify::Verified;
use protocol::{Base, Entry, Limits, Log, RunEvent, Workspace};
use workspace::checkout::{Checkout, Origin};

use crate::checkouts::Checkouts;
use crate::error::RunsError;
use crate::journal::Watcher;
use crate::reverify::{opening, walk_again};
use crate::runs::Runs;

/// What is verified, and how.
#[derive(Clone, Debug)]
pub struct Verification {
    /// The journal of the bundle.
    pub history: Vec<Entry>,
    /// Where its repository is now, where that is somewhere else.
    pub repository: Option<String>,
    /// The bounds of this machine.
    pub limits: Limits,
    /// Whether programs may run without a sandbox where there is none.
    pub unconfined: bool,
}

impl Runs {
    /// Executes the gates of a bundle again, without any model, and compares every figure.
    ///
    /// # Errors
    /// When the bundle can't be walked again here: its repository is gone, or there is no sandbox. A figure that doesn't hold is
    /// no error.
    pub async fn verify(
        &self,
        verification: &Verification,
        watcher: Arc<dyn Watcher>,
        stop: &StopHandle,
    ) -> Result<Verified, RunsError> {
        let history = &verification.history;
        let (base, recorded) = opening(history)?;
        let limits = bounded(recorded.clone(), &verification.limits);
        let log: Arc<dyn Log> = watcher.clone();
        let unconfined = verification.unconfined;
        let checkouts = Checkouts::of(self.host(), &limits, unconfined, log.clone()).await?;
        let scratch = tempfile::Builder::new()
            .prefix("verify-")
            .tempdir_in(&self.host().folders.cache)
            .map_err(RunsError::Verification)?;
        let place = Place {
            checkouts: &checkouts,
            folder: scratch.path().to_owned(),
        };
        let repository = verification.repository.as_deref();
        let checkout = place.open(repository, base, &*log).await?;
        let watch = Arc::new(move |event: &RunEvent| {
            watcher.entry(&Entry {
                seq: 0,
                at_ms: 0,
                event: event.clone(),
            });
        });
        let stop = stop.listener();
        Ok(walk_again(history, checkout, limits, log, watch, stop).await?)
    }
}

/// What judges stays as it was in the run. What the machine must bear is for whoever owns it to say: a bundle may come
/// from a stranger.
fn bounded(recorded: Limits, own: &Limits) -> Limits {
    Limits {
        install_seconds_max: own.install_seconds_max,
        cpu_seconds_max: own.cpu_seconds_max,
        memory_bytes_max: own.memory_bytes_max,
        file_bytes_max: own.file_bytes_max,
        processes_max: own.processes_max,
        output_bytes_max: own.output_bytes_max,
        output_flood_bytes_max: own.output_flood_bytes_max,
        ..recorded
    }
}

/// Where the verification works.
struct Place<'a> {
    checkouts: &'a Checkouts,
    folder: PathBuf,
}

impl Place<'_> {
    /// The base, which must be the very tree that the run started from.
    async fn open(
        &self,
        named: Option<&str>,
        base: &Base,
        log: &dyn Log,
    ) -> Result<Checkout, RunsError> {
        let repository = named.unwrap_or(&base.repository).to_owned();
        let origin = match &*repository {
            "" => Origin::Nothing,
            repository => Checkouts::origin(repository)?,
        };
        let checkout = if base.uncommitted {
            self.with_uncommitted(&origin, base, log).await?
        } else {
            self.at_commit(&origin, base, log).await?
        };
        let there = checkout.base();
        if there.tree == base.tree {
            return Ok(checkout);
        }
        if base.uncommitted {
            return Err(RunsError::UncommittedGone { repository });
        }
        Err(RunsError::OtherBase {
            commit: base.commit.clone(),
            repository,
            found: there.tree.clone(),
            claimed: base.tree.clone(),
        })
    }

    async fn at_commit(
        &self,
        origin: &Origin,
        base: &Base,
        log: &dyn Log,
    ) -> Result<Checkout, RunsError> {
        let commit = match origin {
            Origin::Nothing => None,
            _ => Some(base.commit.as_str()),
        };
        let reaching = self.checkouts.clone().reaching(origin).await?;
        let opening = reaching.opening(&self.folder);
        let opened = Checkout::open(opening, origin, commit, false, log).await;
        let opened = match (opened, origin) {
            // What lies in the folder beside its commits is of no interest, so it is read like a remote one.
            (Err(GitError::Uncommitted { .. }), Origin::Folder(folder)) => {
                let address = Address::parse(&format!("file://{}", folder.display()))
                    .map_err(RunsError::VerifiedBase)?;
                let origin = Origin::Address(address);
                Checkout::open(self.opening(), &origin, commit, false, log).await
            }
            (opened, _) => opened,
        };
        opened.map_err(RunsError::VerifiedBase)
    }

    async fn with_uncommitted(
        &self,
        origin: &Origin,
        base: &Base,
        log: &dyn Log,
    ) -> Result<Checkout, RunsError> {
        let Origin::Folder(_) = origin else {
            return Err(RunsError::UncommittedElsewhere {
                repository: base.repository.clone(),
            });
        };
        Checkout::open(self.opening(), origin, None, true, log)
            .await
            .map_err(RunsError::Open)
    }

    fn opening(&self) -> workspace::checkout::Opening {
        self.checkouts.opening(&self.folder)
    }
}
