//! A run that stopped, taken so that nobody else goes on with it.

use std::sync::Arc;

use pipeline::StopHandle;
use protocol::{Entry, Limits, Log, RunEvent, Seat};
use store::Lease;

use crate::checkouts::Checkouts;
use crate::error::RunsError;
use crate::host::Host;
use crate::journal::Watcher;
use crate::models;
use crate::past::Past;
use crate::prepared::{Beginning, Prepared};
use crate::settings::Settings;
use crate::terms::{can_be_paid, can_go_on, replaced, with, written};

/// What came of taking a run.
#[derive(Debug)]
pub enum Claim {
    /// It is ours.
    Taken(Box<Claimed>),
    /// It is at its end: its change can be delivered, but nobody goes on with it.
    AtItsEnd(Box<Past>),
}

impl Claim {
    /// The run as its journal has it.
    pub fn past(&self) -> &Past {
        match self {
            Claim::Taken(claimed) => &claimed.past,
            Claim::AtItsEnd(past) => past,
        }
    }
}

/// A run that is ours.
#[derive(Debug)]
pub struct Claimed {
    pub(crate) host: Arc<Host>,
    pub(crate) lease: Lease,
    /// The run as its journal has it.
    pub past: Past,
}

/// Other terms from now on.
#[derive(Clone, Debug)]
pub struct Change {
    /// What is chosen from now on.
    pub settings: Settings,
    /// The bounds from now on.
    pub limits: Limits,
    /// The event that says so.
    pub reopened: RunEvent,
    /// The journal as it will be.
    pub future: Vec<Entry>,
}

/// What somebody said about other terms, beside the terms themselves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Said {
    /// That a role shall have another model, or none.
    pub models: bool,
    /// A cap, be it the one of before.
    pub cap: bool,
}

impl Claimed {
    /// What other settings and limits make different, if they do.
    ///
    /// # Errors
    /// When the run can't go on under these terms: [`RunsError::DraftsBegun`], [`RunsError::ReviewsItsOwn`],
    /// [`RunsError::TokensSpent`], [`RunsError::MoneySpent`].
    pub fn change(
        &self,
        settings: Settings,
        limits: Limits,
        said: Said,
    ) -> Result<Option<Change>, RunsError> {
        let past = &self.past;
        let is_other = limits != past.limits || written(&settings)? != written(&past.settings)?;
        if !is_other {
            return Ok(None);
        }
        let crew: Vec<Seat> = match said.models {
            true => models::seats(&settings),
            false => past.crew.clone(),
        };
        let reopened = RunEvent::Reopened {
            fork: None,
            replaced: replaced(&past.crew, &crew, false),
            crew,
            limits: limits.clone(),
            settings: written(&settings)?,
        };
        let future = with(&past.history, &reopened);
        if said.cap {
            can_be_paid(&past.history, &settings)?;
        }
        can_go_on(&future, &settings, &limits)?;
        Ok(Some(Change {
            settings,
            limits,
            reopened,
            future,
        }))
    }

    /// Opens what the run left; nothing is paid.
    ///
    /// # Errors
    /// When the crew has no usable model, or what the run left can't be opened. The run stays where it was.
    pub async fn prepare(
        self,
        change: Option<Change>,
        watcher: Arc<dyn Watcher>,
        stop: &StopHandle,
    ) -> Result<Prepared, RunsError> {
        let Claimed { host, lease, past } = self;
        let (settings, limits, reopened) = match change {
            Some(it) => (it.settings, it.limits, Some(Box::new(it.reopened))),
            None => (past.settings, past.limits, None),
        };
        let log: Arc<dyn Log> = watcher.clone();
        let crew = models::crew(&settings, &host, &past.history, &log)?;
        let checkouts = Checkouts::of(&host, &limits, settings.unconfined, log).await?;
        let checkout = checkouts.reopen(lease.run(), &past.base).await?;
        Ok(Prepared {
            host,
            lease,
            settings,
            limits,
            task: past.task,
            crew,
            checkout,
            beginning: Beginning::Resumed(reopened),
            notes: Vec::new(),
            watcher,
            stop: stop.clone(),
        })
    }
}
