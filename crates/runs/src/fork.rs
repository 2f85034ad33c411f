//! A new run that begins as an old one, and what a run can't go on with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pipeline::{StopHandle, fork};
use protocol::{Entry, Fork, Kept, Limits, Log, RunEvent, RunId, Seat, TreeId};
use workspace::checkout::Checkout;

use crate::checkouts::Checkouts;
use crate::error::RunsError;
use crate::host::Host;
use crate::journal::Watcher;
use crate::models;
use crate::past::Past;
use crate::prepared::{Beginning, Prepared, forget};
use crate::runs::{Runs, create};
use crate::settings::{ModelSource, Settings};

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

/// Settings as they are written into an event.
pub(crate) fn written(settings: &Settings) -> Result<serde_json::Value, RunsError> {
    serde_json::to_value(settings).map_err(RunsError::Settings)
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

/// The journal as it will be.
pub(crate) fn with(past: &[Entry], reopened: &RunEvent) -> Vec<Entry> {
    let last = past.last();
    let mut future = past.to_vec();
    future.push(Entry {
        seq: last.map_or(0, |it| it.seq + 1),
        at_ms: last.map_or(0, |it| it.at_ms),
        event: reopened.clone(),
    });
    future
}

/// Agents that have another model in `after`, are new there, or are gone. The names of scripts say nothing of what is in
/// them, so other scripts are other models.
pub(crate) fn replaced(before: &[Seat], after: &[Seat], other_scripts: bool) -> Vec<String> {
    let in_crew = |crew: &[Seat], agent: &str| -> Option<Seat> {
        crew.iter().find(|it| it.agent == agent).cloned()
    };
    let mut replaced: Vec<String> = Vec::new();
    for seat in before.iter().chain(after) {
        let other = in_crew(before, &seat.agent) != in_crew(after, &seat.agent)
            || (other_scripts && seat.model.is_some());
        if other && !replaced.contains(&seat.agent) {
            replaced.push(seat.agent.clone());
        }
    }
    replaced
}

/// Refuses terms that a run can't go on under; `history` ends with the event that makes them known.
pub(crate) fn can_go_on(
    history: &[Entry],
    settings: &Settings,
    limits: &Limits,
) -> Result<(), RunsError> {
    let kept = Kept::of(history);
    let drafts = history.iter().filter_map(|it| match &it.event {
        RunEvent::Started { iteration, .. } if kept.counts(it.seq) => Some(*iteration),
        _ => None,
    });
    let begun = drafts.max().unwrap_or(0);
    if limits.iterations_max < begun {
        return Err(RunsError::DraftsBegun {
            max: limits.iterations_max,
            begun,
        });
    }
    let (Some(coder), Some(reviewer)) = (fork::last_coder(history), &settings.reviewer) else {
        return Ok(());
    };
    if settings.source.asks_vendors() && coder.vendor == reviewer.vendor {
        return Err(RunsError::ReviewsItsOwn {
            reviewer: reviewer.clone(),
            coder: coder.clone(),
        });
    }
    Ok(())
}

/// Refuses a cap that is reached already: nobody could be asked.
pub(crate) fn can_be_paid(history: &[Entry], settings: &Settings) -> Result<(), RunsError> {
    let spent = models::spent(history);
    let budget = settings.budget();
    let over = |cap: Option<u64>, spent: u64| cap.filter(|it| *it <= spent);
    if let Some(cap) = over(budget.tokens_max, spent.tokens) {
        return Err(RunsError::TokensSpent {
            cap,
            used: spent.tokens,
        });
    }
    if let Some(cap) = over(budget.microusd_max, spent.microusd) {
        return Err(RunsError::MoneySpent {
            cap_microusd: cap,
            spent_microusd: spent.microusd,
        });
    }
    Ok(())
}

/// Whether two sources of replies are other scripts.
pub fn other_scripts(before: &ModelSource, after: &ModelSource) -> bool {
    let folder = |it: &ModelSource| -> Option<PathBuf> {
        match it {
            ModelSource::Scripts { folder, .. } => Some(folder.clone()),
            ModelSource::Demo => Some(Path::new("").to_owned()),
            ModelSource::Vendors { .. } | ModelSource::Replay { .. } => None,
        }
    };
    folder(after).is_some() && folder(before) != folder(after)
}
