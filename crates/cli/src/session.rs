//! One run from the command line: opened or gone on with, watched, delivered, and told in its last lines.

use std::sync::Arc;

use protocol::{Entry, RunId, RunState};
use runs::{Past, Prepared, RunHandle, RunRequest, Runs, Settings, Watcher};

use crate::ended::Ended;
use crate::ending;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::{Home, store_failure};
use crate::progress::{Mode, Progress};
use crate::rehearsal;
use crate::signals::Signals;

/// How the user wants to see a run.
pub(crate) fn mode(home: &Home, quiet: bool, json: bool) -> Mode {
    // Lines that change and lines of diagnostics would write over each other.
    let is_alone = !tracing::enabled!(tracing::Level::INFO);
    match (json, quiet, home.surroundings.watched && is_alone) {
        (true, _, _) => Mode::Json,
        (_, true, _) => Mode::Quiet,
        (_, _, true) => Mode::Live,
        _ => Mode::Plain,
    }
}

/// A run that is about to begin.
pub(crate) struct Plan {
    pub(crate) request: RunRequest,
    /// Remarks for the user.
    pub(crate) notes: Vec<String>,
    /// Whether it ends before anything is paid.
    pub(crate) dry_run: bool,
    /// Whether the user is asked before a run that may cost much.
    pub(crate) asks: bool,
}

/// Opens a run for a task and walks it.
pub(crate) async fn begin(home: &Home, plan: Plan, mode: Mode) -> Result<Exit, Failure> {
    let progress = Arc::new(Progress::new(mode));
    for note in &plan.notes {
        progress.say(&format!("note        {note}"));
    }
    let runs = home.runs()?;
    let mut signals = Signals::obey(&progress);
    let prepared = runs
        .prepare(plan.request, progress.clone(), &signals.stop)
        .await?;
    for note in prepared.notes() {
        progress.say(&format!("note        {note}"));
    }
    let lack = match prepared.lack().await {
        Ok(lack) => lack,
        Err(error) => {
            prepared.discard().await?;
            return Err(error.into());
        }
    };
    let settings = prepared.settings();
    if plan.dry_run {
        let (task, base) = (prepared.task(), prepared.base());
        let told = rehearsal::told(home, settings, task, base, lack, mode);
        prepared.discard().await?;
        return told;
    }
    if let Some(lack) = lack {
        progress.remark(lack.about());
    }
    if settings.source.is_paid() {
        let briefing = rehearsal::briefing(home, settings, &[]);
        let question = (plan.asks && mode == Mode::Live)
            .then(|| rehearsal::question(home, &briefing, lack))
            .flatten();
        if let Some(question) = question {
            // Whoever is asked sees first who would work, and at which prices.
            progress.brief(&briefing);
            if !agreed(&progress, &question, &mut signals).await {
                prepared.discard().await?;
                return Err(Failure::plain(
                    Exit::Cancelled,
                    "begin without your leave: no model was asked, nothing is paid, and no run is left (--budget bounds what a run may cost, --yes asks nothing)",
                ));
            }
        } else {
            progress.brief_once_opened(briefing);
        }
    }
    progress.follow(prepared.run(), &[]);
    signals.begin(prepared.run());
    go_on(&runs, prepared, &progress).await
}

/// Asks, and waits for the answer or for Ctrl-C, which is a no.
async fn agreed(progress: &Progress, question: &str, signals: &mut Signals) -> bool {
    progress.ask(question);
    let mut stopped = signals.stop.listener();
    tokio::select! {
        agreed = rehearsal::agreed() => {
            progress.answered();
            agreed
        }
        () = stopped.asked() => false,
    }
}

/// Lets a run work, and tells how it ended.
pub(crate) async fn go_on(
    runs: &Runs,
    prepared: Prepared,
    progress: &Arc<Progress>,
) -> Result<Exit, Failure> {
    let handle: RunHandle = prepared.begin().await?;
    let ended = handle.ended().await;
    progress.close();
    let ended = ended?;
    let settings = ended.past.settings.clone();
    let state = &ended.state;
    tell(
        runs,
        &ended.past,
        &settings,
        state,
        &ended.explanation,
        progress,
    )
    .await
}

/// Delivers a run that is at its end, and tells so.
pub(crate) async fn deliver(
    runs: &Runs,
    past: &Past,
    settings: &Settings,
    progress: &Arc<Progress>,
) -> Result<Exit, Failure> {
    let state = past.state()?;
    tell(runs, past, settings, &state, past.explanation(), progress).await
}

/// Writes the evidence and whatever was asked for, and says where everything is.
async fn tell(
    runs: &Runs,
    past: &Past,
    settings: &Settings,
    state: &RunState,
    explanation: &str,
    progress: &Arc<Progress>,
) -> Result<Exit, Failure> {
    let watcher: Arc<dyn Watcher> = progress.clone();
    let delivered = runs.deliver(past, settings, watcher).await?;
    let held_back = delivered.held_back.map(ending::held_back);
    let lines: Vec<String> = delivered.deliveries.iter().map(ending::delivered).collect();
    let ended = Ended {
        run: &past.run,
        settings,
        state,
        explanation: held_back.as_deref().unwrap_or(explanation),
        bundle: &delivered.bundle,
        delivered: &lines,
        files: delivered.deliveries.iter().find_map(ending::files),
        held_back: held_back.is_some(),
    };
    let exit = ending::tell(&ended, progress.mode());
    Ok(match held_back {
        Some(_) => Exit::Failed,
        None => exit,
    })
}

pub(crate) fn fold(history: &[Entry]) -> Result<RunState, Failure> {
    RunState::fold(history).map_err(|it| Failure::broken("make sense of the run's journal", it))
}

pub(crate) async fn history(home: &Home, run: &RunId) -> Result<Vec<Entry>, Failure> {
    home.store
        .history(run)
        .await
        .map_err(|it| store_failure("read the run's journal", it))
}
