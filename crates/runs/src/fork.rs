//! A new run that begins as an old one.

use std::sync::Arc;

use pipeline::{StopHandle, fork};
use protocol::{Entry, Fork, Limits, Log, RunEvent, RunId, TreeId};
use workspace::checkout::Checkout;

use crate::checkouts::Checkouts;
use crate::empty::{create, forget};
use crate::error::RunsError;
use crate::host::Host;
use crate::journal::Watcher;
use crate::models;
use crate::past::Past;
use crate::prepared::{Beginning, Prepared};
use crate::runs::Runs;
use crate::settings::{ModelSource, Settings};
use crate::terms::{can_be_paid, can_go_on, other_scripts, replaced, with, written};

/// A fork that is about to begin: an old run's events up to one, and what is different from there on.
#[derive(Clone, Debug)]
pub struct ForkRequest {
    old: Past,
    settings: Settings,
    limits: Limits,
    /// The event after which it begins.
    pub at: u64,
    /// The last event after which it could begin.
    pub last: u64,
    /// The journal as it will be.
    pub future: Vec<Entry>,
}

impl ForkRequest {
    /// A fork of a run under other settings and limits, after an event; without one, as late as what is different allows.
    ///
    /// # Errors
    /// [`RunsError::NoSuchEvent`], and when the run can't go on under these terms.
    pub fn of(
        old: Past,
        at: Option<u64>,
        mut settings: Settings,
        limits: Limits,
    ) -> Result<ForkRequest, RunsError> {
        let crew = models::seats(&settings);
        let other_scripts = other_scripts(&old.settings.source, &settings.source);
        let latest = || {
            let replaced = replaced(&old.crew, &crew, other_scripts);
            fork::place_for(&old.history, &crew, &replaced)
        };
        let last = fork::last_place(&old.history).unwrap_or(0);
        let at = at.or_else(latest).unwrap_or(last);
        let past = copied(&old.run, &old.history, at)?;
        let then = Past::of(&old.run, past.to_vec(), "fork")?;
        if let ModelSource::Scripts { since, .. } = &mut settings.source
            && other_scripts
        {
            *since = at + 1;
        }
        let reopened = RunEvent::Reopened {
            fork: Some(Fork {
                run: old.run.clone(),
                at,
            }),
            replaced: replaced(&then.crew, &crew, other_scripts),
            crew,
            limits: limits.clone(),
            settings: written(&settings)?,
        };
        let future = with(past, &reopened);
        can_be_paid(past, &settings)?;
        can_go_on(&future, &settings, &limits)?;
        Ok(ForkRequest {
            old,
            settings,
            limits,
            at,
            last,
            future,
        })
    }

    /// The settings of the fork.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The events that it takes over.
    pub fn past(&self) -> &[Entry] {
        self.future.split_last().map_or(&[], |(_, past)| past)
    }
}

impl Runs {
    /// Makes a new run that begins as an old one, and takes over what that one keeps; nothing is paid. The old run is only
    /// read, whoever works on it.
    ///
    /// # Errors
    /// When the crew has no usable model, or what the old run keeps can't be taken over. No run is left then.
    pub async fn prepare_fork(
        &self,
        request: ForkRequest,
        watcher: Arc<dyn Watcher>,
        stop: &StopHandle,
    ) -> Result<Prepared, RunsError> {
        let host = self.host();
        let log: Arc<dyn Log> = watcher.clone();
        let settings = &request.settings;
        // Before anything is written: a missing key is said at once.
        let crew = models::crew(settings, host, request.past(), &log)?;
        let checkouts = Checkouts::of(host, &request.limits, settings.unconfined, log).await?;
        let lease = create(host, &request.old.task, settings).await?;
        let checkout = match take_over(host, &request, lease.run(), &checkouts).await {
            Ok(checkout) => checkout,
            Err(error) => {
                // Nothing has happened yet, so nothing is left to resume.
                forget(host, lease).await?;
                return Err(error);
            }
        };
        let mut past = request.future;
        let reopened = past.pop().map(|it| Box::new(it.event));
        let beginning = match reopened {
            Some(reopened) => Beginning::Fork(request.old.run, past, reopened),
            None => Beginning::Resumed(None),
        };
        Ok(Prepared {
            host: host.clone(),
            lease,
            settings: request.settings,
            limits: request.limits,
            task: request.old.task,
            crew,
            checkout,
            beginning,
            notes: Vec::new(),
            watcher,
            stop: stop.clone(),
        })
    }
}

async fn take_over(
    host: &Host,
    request: &ForkRequest,
    run: &RunId,
    checkouts: &Checkouts,
) -> Result<Checkout, RunsError> {
    let old = &request.old;
    let from = host.folders.run(&old.run);
    Checkout::take_over(
        &from,
        &host.folders.run(run),
        &old.base,
        trees(request.past()),
    )
    .await
    .map_err(|source| RunsError::TakeOver {
        run: old.run.clone(),
        folder: from.clone(),
        source,
    })?;
    checkouts.reopen(run, &old.base).await
}

/// The events up to one of them, that one included.
fn copied<'a>(run: &RunId, history: &'a [Entry], at: u64) -> Result<&'a [Entry], RunsError> {
    let last = fork::last_place(history).unwrap_or(0);
    if last < at {
        let end = match history.get(usize::try_from(at).unwrap_or(usize::MAX)) {
            Some(_) => format!("event {at} is its end, and nothing follows an end"),
            None => format!("it has no event {at}"),
        };
        return Err(RunsError::NoSuchEvent {
            run: run.clone(),
            why: end,
            last,
        });
    }
    let count = usize::try_from(at).unwrap_or(usize::MAX).saturating_add(1);
    Ok(history.get(..count).unwrap_or(history))
}

/// Every tree that events name.
fn trees(past: &[Entry]) -> Vec<TreeId> {
    let mut trees: Vec<TreeId> = Vec::new();
    for entry in past {
        let tree = match &entry.event {
            RunEvent::Stepped { tree, .. } => tree.as_ref(),
            RunEvent::Reported { tree, .. } => Some(tree),
            _ => None,
        };
        trees.extend(tree.filter(|it| !trees.contains(it)).cloned());
    }
    trees
}
