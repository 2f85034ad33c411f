//! A run gone on with: where it stopped, or as a new one from any of its events; with other models, bounds, destinations.

use std::sync::Arc;

use pipeline::fork;
use protocol::{
    Base, Entry, Fork, Journal, Limits, Log, RunEvent, RunId, Seat, Task, Terms, TreeId,
};
use store::{NewRun, StoreError};
use workspace::checkout::Checkout;

use crate::changes::{self, Changes, can_be_paid, can_go_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ground::Ground;
use crate::home::{Home, LEASE_MAX, store_failure};
use crate::progress::{Mode, Progress};
use crate::reopened::tell;
use crate::session::{self, Announcing, Scene};
use crate::settings::{ModelSource, Settings};
use crate::signals::Signals;
use crate::{rehearsal, wiring, words};

/// A run as its journal has it.
struct Opened {
    task: Task,
    base: Base,
    settings: Settings,
    limits: Limits,
    crew: Vec<Seat>,
}

impl Opened {
    fn read(run: &RunId, history: &[Entry], doing: &str) -> Result<Opened, Failure> {
        let (Some(RunEvent::Opened { task, base, .. }), Some(terms)) =
            (history.first().map(|it| &it.event), Terms::of(history))
        else {
            return Err(Failure::plain_usage(format!(
                "{doing} {run}: it never got as far as its first event (run the task again)"
            )));
        };
        let settings = serde_json::from_value(terms.settings.clone()).map_err(|it| {
            Failure::usage(
                format!("understand the settings of {run} (was it made by another version?)"),
                it,
            )
        })?;
        Ok(Opened {
            task: task.clone(),
            base: base.clone(),
            settings,
            limits: terms.limits.clone(),
            crew: terms.crew.to_vec(),
        })
    }
}

/// Goes on with a run that stopped. One at its end is delivered, again or elsewhere.
pub(crate) async fn resume(
    home: &Home,
    run: &RunId,
    changes: &Changes<'_>,
    mode: Mode,
) -> Result<Exit, Failure> {
    let history = session::history(home, run).await?;
    Opened::read(run, &history, "resume")?;
    let progress = Arc::new(Progress::new(mode));
    let claimed = home.store.claim(run, &home.owner, LEASE_MAX).await;
    // Read again: whoever held the run until now may have gone on with it since.
    let history = session::history(home, run).await?;
    let opened = Opened::read(run, &history, "resume")?;
    let settings = changes.resumed(&opened.settings, &home.surroundings)?;
    let lease = match claimed {
        Ok(lease) => lease,
        Err(StoreError::Ended { .. }) if changes.concern_the_walk() => {
            return Err(Failure::plain_usage(format!(
                "go on with {run}: it is at its end"
            ))
            .advise(format!(
                "`pipeline fork {run}` with the same options begins a new run as this one, and goes on with that."
            )));
        }
        Err(StoreError::Ended { .. }) => {
            // The walk is over, but whoever walked it may have been stopped before the change was delivered.
            let state = session::fold(&history)?;
            return session::deliver(home, run, &settings, &state, &history, mode).await;
        }
        Err(error) => return Err(Failure::usage(format!("take up {run}"), error)),
    };
    let limits = changes.limits(&opened.limits);
    let seats = match changes.names_models() {
        true => wiring::seats(&settings),
        false => opened.crew.clone(),
    };
    let reopened = RunEvent::Reopened {
        fork: None,
        replaced: changes::replaced(&opened.crew, &seats, false),
        crew: seats,
        limits: limits.clone(),
        settings: written(&settings)?,
    };
    let is_other = limits != opened.limits || written(&settings)? != written(&opened.settings)?;
    if is_other {
        let future = with(&history, &reopened);
        if changes.cap() {
            can_be_paid(&history, &settings)?;
        }
        can_go_on(&future, &settings, &limits)?;
        tell(&progress, &future, &settings);
    }
    let signals = Signals::obey(&progress, run);
    let log: Arc<dyn Log> = progress.clone();
    let crew = wiring::crew(&settings, &home.config, &home.surroundings, &history, &log)?;
    let ground = Ground::find(home, settings.unconfined, &progress).await?;
    let checkout = ground.reopen(home, run, &opened.base).await?;
    progress.follow(run, &history);
    if settings.source.is_paid() {
        progress.brief(&rehearsal::briefing(home, &settings, &history));
    }
    let journal = Announcing::new(home, lease, progress.clone());
    if is_other {
        let kept = journal.append(&reopened).await;
        kept.map_err(|it| Failure::broken("write down what is different from now on", it))?;
    }
    let scene = Scene {
        run: run.clone(),
        settings,
        task: opened.task,
        crew,
        journal,
        checkout,
        progress,
        signals,
        new_fork: false,
    };
    let history = session::history(home, run).await?;
    session::go_on(home, scene, &history).await
}

/// Begins a run as an old one, and goes on with it. The old one is only read, whoever works on it.
pub(crate) async fn fork(
    home: &Home,
    old: &RunId,
    at: Option<u64>,
    changes: &Changes<'_>,
    mode: Mode,
) -> Result<Exit, Failure> {
    let history = session::history(home, old).await?;
    let opened = Opened::read(old, &history, "fork")?;
    let mut settings = changes.forked(&opened.settings, &home.surroundings)?;
    let limits = changes.limits(&opened.limits);
    let seats = wiring::seats(&settings);
    let other_scripts = changes::other_scripts(&opened.settings.source, &settings.source);
    if at.is_none() && !changes.concern_the_walk() && ended(&history) {
        return Err(Failure::plain_usage(format!(
            "fork {old}: from its end it would end the same way again"
        ))
        .advise(
            "Say what shall be different: other models (--coder, --test-author, --reviewer), more drafts (--max-iterations), \
             a higher --budget; or with --at from which of its events on its models shall try again.",
        ));
    }
    let place = |crew: &[Seat]| {
        let replaced = changes::replaced(crew, &seats, other_scripts);
        fork::place_for(&history, &seats, &replaced)
    };
    let last = fork::last_place(&history).unwrap_or(0);
    let at = at.or_else(|| place(&opened.crew)).unwrap_or(last);
    let past = copied(old, &history, at)?;
    let then = Opened::read(old, past, "fork")?;
    if let ModelSource::Scripts { since, .. } = &mut settings.source
        && other_scripts
    {
        *since = at + 1;
    }
    let reopened = RunEvent::Reopened {
        fork: Some(Fork {
            run: old.clone(),
            at,
        }),
        replaced: changes::replaced(&then.crew, &seats, other_scripts),
        crew: seats,
        limits: limits.clone(),
        settings: written(&settings)?,
    };
    let future = with(past, &reopened);
    can_be_paid(past, &settings)?;
    can_go_on(&future, &settings, &limits)?;
    let progress = Arc::new(Progress::new(mode));
    progress.say(&format!(
        "fork        {old} after event {at} (of 0 to {last}): {}",
        past.last()
            .map(|it| words::event(&it.event))
            .unwrap_or_default()
    ));
    tell(&progress, &future, &settings);
    let log: Arc<dyn Log> = progress.clone();
    // Before anything is written: a missing key is said at once.
    let crew = wiring::crew(&settings, &home.config, &home.surroundings, past, &log)?;
    let ground = Ground::find(home, settings.unconfined, &progress).await?;
    let lease = home
        .store
        .start(
            &NewRun {
                title: opened.task.title.clone(),
                repository: settings.repo.clone().unwrap_or_default(),
            },
            &home.owner,
            LEASE_MAX,
        )
        .await
        .map_err(|it| store_failure("create the run", it))?;
    let run = lease.run().clone();
    let signals = Signals::obey(&progress, &run);
    let folders = (home.run_folder(old), home.run_folder(&run));
    let taken = Checkout::take_over(&folders.0, &folders.1, &opened.base, trees(past)).await;
    if let Err(error) = taken {
        // Nothing has happened yet, so nothing is left to resume.
        rehearsal::forget(home, lease).await?;
        return Err(Failure::usage(
            format!("take over what {old} keeps in {}", folders.0.display()),
            error,
        ));
    }
    let journal = home.store.journal(lease);
    let seq = journal
        .begin_as(old, past, &reopened)
        .await
        .map_err(|it| store_failure("write down the run's beginning", it))?;
    progress.follow(&run, past);
    let journal = Announcing::of(journal, progress.clone());
    journal.tell(seq, &reopened);
    progress.say(&format!("run         {run}"));
    if settings.source.is_paid() {
        progress.brief(&rehearsal::briefing(home, &settings, past));
    }
    let checkout = ground.reopen(home, &run, &opened.base).await?;
    let scene = Scene {
        run: run.clone(),
        settings,
        task: opened.task,
        crew,
        journal,
        checkout,
        progress,
        signals,
        new_fork: true,
    };
    let history = session::history(home, &run).await?;
    session::go_on(home, scene, &history).await
}

fn ended(history: &[Entry]) -> bool {
    matches!(
        history.last().map(|it| &it.event),
        Some(RunEvent::Finished { .. })
    )
}

fn written(settings: &Settings) -> Result<serde_json::Value, Failure> {
    serde_json::to_value(settings).map_err(|it| Failure::broken("write down the settings", it))
}

/// The events up to one of them, that one included.
fn copied<'a>(run: &RunId, history: &'a [Entry], at: u64) -> Result<&'a [Entry], Failure> {
    let last = fork::last_place(history).unwrap_or(0);
    if last < at {
        let end = match history.get(usize::try_from(at).unwrap_or(usize::MAX)) {
            Some(_) => format!("event {at} is its end, and nothing follows an end"),
            None => format!("it has no event {at}"),
        };
        return Err(Failure::plain_usage(format!(
            "fork {run}: {end} (--at takes 0 to {last}; `pipeline log {run}` numbers the events)"
        )));
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
fn with(past: &[Entry], reopened: &RunEvent) -> Vec<Entry> {
    let last = past.last();
    let mut future = past.to_vec();
    future.push(Entry {
        seq: last.map_or(0, |it| it.seq + 1),
        at_ms: last.map_or(0, |it| it.at_ms),
        event: reopened.clone(),
    });
    future
}
