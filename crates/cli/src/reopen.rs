//! A run gone on with: where it stopped, or as a new one from any of its events; with other models, bounds, destinations.

use std::sync::Arc;

use protocol::RunId;
use runs::{Claim, ForkRequest, Said};

use crate::changes::Changes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::Home;
use crate::progress::{Mode, Progress};
use crate::reopened::tell;
use crate::signals::Signals;
use crate::{rehearsal, session, words};

/// Goes on with a run that stopped. One at its end is delivered, again or elsewhere.
pub(crate) async fn resume(
    home: &Home,
    run: &RunId,
    changes: &Changes<'_>,
    mode: Mode,
) -> Result<Exit, Failure> {
    let runs = home.runs()?;
    let progress = Arc::new(Progress::new(mode));
    let claim = runs.claim(run).await?;
    let settings = changes.resumed(&claim.past().settings, &home.surroundings)?;
    let claimed = match claim {
        Claim::Taken(claimed) => claimed,
        Claim::AtItsEnd(_) if changes.concern_the_walk() => {
            return Err(Failure::plain_usage(format!(
                "go on with {run}: it is at its end"
            ))
            .advise(format!(
                "`pipeline fork {run}` with the same options begins a new run as this one, and goes on with that."
            )));
        }
        // The walk is over, but whoever walked it may have been stopped before the change was delivered.
        Claim::AtItsEnd(past) => {
            progress.follow(run, &past.history);
            return session::deliver(&runs, &past, &settings, &progress).await;
        }
    };
    let limits = changes.limits(&claimed.past.limits);
    let said = Said {
        models: changes.names_models(),
        cap: changes.cap(),
    };
    let change = claimed.change(settings.clone(), limits, said)?;
    if let Some(change) = &change {
        tell(&progress, &change.future, &settings);
    }
    let signals = Signals::obey(&progress);
    signals.begin(run);
    let history = claimed.past.history.clone();
    let prepared = claimed
        .prepare(change, progress.clone(), &signals.stop)
        .await?;
    progress.follow(run, &history);
    if settings.source.is_paid() {
        progress.brief(&rehearsal::briefing(home, &settings, &history));
    }
    session::go_on(&runs, prepared, &progress).await
}

/// Begins a run as an old one, and goes on with it. The old one is only read, whoever works on it.
pub(crate) async fn fork(
    home: &Home,
    old: &RunId,
    at: Option<u64>,
    changes: &Changes<'_>,
    mode: Mode,
) -> Result<Exit, Failure> {
    let runs = home.runs()?;
    let past = runs.past(old, "fork").await?;
    let settings = changes.forked(&past.settings, &home.surroundings)?;
    if at.is_none() && !changes.concern_the_walk() && past.is_at_its_end() {
        return Err(Failure::plain_usage(format!(
            "fork {old}: from its end it would end the same way again"
        ))
        .advise(
            "Say what shall be different: other models (--coder, --test-author, --reviewer), more drafts (--max-iterations), \
             a higher --budget; or with --at from which of its events on its models shall try again.",
        ));
    }
    let limits = changes.limits(&past.limits);
    let request = ForkRequest::of(past, at, settings, limits)?;
    let progress = Arc::new(Progress::new(mode));
    progress.say(&format!(
        "fork        {old} after event {} (of 0 to {}): {}",
        request.at,
        request.last,
        request
            .past()
            .last()
            .map(|it| words::event(&it.event))
            .unwrap_or_default()
    ));
    let settings = request.settings().clone();
    tell(&progress, &request.future, &settings);
    let taken_over = request.past().to_vec();
    let signals = Signals::obey(&progress);
    let prepared = runs
        .prepare_fork(request, progress.clone(), &signals.stop)
        .await?;
    let run = prepared.run();
    signals.begin(run);
    progress.follow(run, &taken_over);
    progress.say(&format!("run         {run}"));
    if settings.source.is_paid() {
        progress.brief(&rehearsal::briefing(home, &settings, &taken_over));
    }
    session::go_on(&runs, prepared, &progress).await
}
