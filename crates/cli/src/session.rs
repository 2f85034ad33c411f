//! One run from the command line: opened or gone on with, watched, walked, delivered, and told in its last lines.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use delivery::Bundle;
use intake::GivenTests;
use llm::RecordedRun;
use pipeline::{Crew, Outcome, Run};
use protocol::{
    Entry, Journal, JournalError, Log, RunEvent, RunId, RunState, Status, Task, Terms, Workspace,
};
use store::{Lease, NewRun, RunJournal};
use workspace::checkout::Checkout;

use crate::ending::{self, Ended};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ground::Ground;
use crate::home::{Home, LEASE_MAX, store_failure};
use crate::lacks::Lack;
use crate::progress::{Mode, Progress};
use crate::settings::Settings;
use crate::signals::Signals;
use crate::{recording, rehearsal, task, wiring};

/// How the user wants to see a run.
pub(crate) fn mode(home: &Home, quiet: bool, json: bool) -> Mode {
    match (json, quiet, home.surroundings.watched) {
        (true, _, _) => Mode::Json,
        (_, true, _) => Mode::Quiet,
        (_, _, true) => Mode::Live,
        _ => Mode::Plain,
    }
}

/// A run that is about to begin.
pub(crate) struct Plan {
    pub(crate) task: Task,
    /// Tests that the user gives with it.
    pub(crate) given: GivenTests,
    pub(crate) settings: Settings,
    /// Remarks for the user.
    pub(crate) notes: Vec<String>,
    /// Whether it ends before anything is paid.
    pub(crate) dry_run: bool,
    /// Whether the user is asked before a run that may cost much.
    pub(crate) asks: bool,
    /// The run whose replies are replayed, when their recording says what it was.
    pub(crate) recorded: Option<RecordedRun>,
}

/// Opens a run for a task and walks it.
pub(crate) async fn begin(home: &Home, plan: Plan, mode: Mode) -> Result<Exit, Failure> {
    let Plan {
        mut task,
        given,
        settings,
        notes,
        dry_run,
        asks,
        recorded,
    } = plan;
    let progress = Arc::new(Progress::new(mode));
    for note in &notes {
        progress.say(&format!("note        {note}"));
    }
    let log: Arc<dyn Log> = progress.clone();
    // Before anything is fetched or written: a missing key is said at once.
    let crew = wiring::crew(&settings, &home.config, &home.surroundings, &[], &log)?;
    let ground = Ground::find(home, settings.unconfined, &progress).await?;
    let origin = ground.origin(&settings)?;
    let lease = home
        .store
        .start(
            &NewRun {
                title: task.title.clone(),
                repository: settings.repo.clone().unwrap_or_default(),
            },
            &home.owner,
            LEASE_MAX,
        )
        .await
        .map_err(|it| store_failure("create the run", it))?;
    let run = lease.run().clone();
    let mut signals = Signals::before(&progress, &run);
    let open = async {
        let checkout = ground.open(home, &run, &settings, &origin, &*log).await?;
        for note in task::freeze(given, &mut task, &checkout).await? {
            progress.say(&format!("note        {note}"));
        }
        if let Some(recorded) = &recorded {
            recording::fits(recorded, &task, checkout.base())?;
        }
        let opened = RunEvent::Opened {
            task: task.clone(),
            base: checkout.base().clone(),
            crew: crew.seats(),
            limits: home.config.limits.clone(),
            settings: serde_json::to_value(&settings)
                .map_err(|it| Failure::broken("write down the settings", it))?,
        };
        recording::begin(&settings, &home.surroundings, &opened)?;
        Ok((checkout, opened))
    };
    let opened = tokio::select! {
        opened = open => opened,
        () = signals.stop.asked() => Err(Failure::plain(
            Exit::Cancelled,
            "open the repository: somebody stopped it first (nothing was begun; run the task again)",
        )),
    };
    let (checkout, opened) = match opened {
        Ok(opened) => opened,
        Err(failure) => {
            // Nothing has happened yet, so nothing is left to resume.
            rehearsal::forget(home, lease).await?;
            return Err(failure);
        }
    };
    let lack = match settings.repo {
        Some(_) => Lack::of(&checkout, settings.user_tests).await,
        None => Ok(None),
    };
    let lack = lack.map_err(|it| Failure::broken("look at the repository's files", it))?;
    if dry_run {
        let told = rehearsal::told(home, &settings, &task, checkout.base(), lack, mode);
        drop(checkout);
        rehearsal::forget(home, lease).await?;
        return told;
    }
    if let Some(lack) = lack {
        progress.remark(lack.about());
    }
    let briefing = settings
        .source
        .is_paid()
        .then(|| rehearsal::briefing(home, &settings, &[]));
    let question = briefing.as_ref().and_then(|it| {
        let is_asked = asks && mode == Mode::Live;
        is_asked.then(|| rehearsal::question(home, it, lack))?
    });
    if let (Some(question), Some(briefing)) = (&question, &briefing) {
        // Whoever is asked sees first who would work, and at which prices.
        progress.brief(briefing);
        progress.ask(question);
        let agreed = tokio::select! {
            agreed = rehearsal::agreed() => {
                progress.answered();
                agreed
            }
            () = signals.stop.asked() => false,
        };
        if !agreed {
            drop(checkout);
            rehearsal::forget(home, lease).await?;
            return Err(Failure::plain(
                Exit::Cancelled,
                "begin without your leave: no model was asked, nothing is paid, and no run is left (--budget bounds what a run may cost, --yes asks nothing)",
            ));
        }
    }
    progress.follow(&run, &[]);
    let journal = Announcing::new(home, lease, progress.clone());
    journal.append(&opened).await.map_err(|it| {
        Failure::broken("write down the run's beginning", it)
            .advise("Nothing has been done yet: once the cause is gone, run the task again.")
    })?;
    signals.begin();
    if let (None, Some(briefing)) = (&question, &briefing) {
        progress.brief(briefing);
    }
    let history = history(home, &run).await?;
    go_on(
        home,
        Scene {
            run,
            settings,
            task,
            crew,
            journal,
            checkout,
            progress,
            signals,
            new_fork: false,
        },
        &history,
    )
    .await
}

/// Everything a walk on the command line needs.
pub(crate) struct Scene {
    pub(crate) run: RunId,
    pub(crate) settings: Settings,
    pub(crate) task: Task,
    pub(crate) crew: Crew,
    pub(crate) journal: Arc<Announcing>,
    pub(crate) checkout: Checkout,
    pub(crate) progress: Arc<Progress>,
    pub(crate) signals: Signals,
    /// Whether it is a fork in its first life.
    pub(crate) new_fork: bool,
}

/// Walks on from what the journal holds, and tells how it ended.
pub(crate) async fn go_on(home: &Home, scene: Scene, history: &[Entry]) -> Result<Exit, Failure> {
    let broken = |what: &str, it| Failure::broken(what.to_owned(), it);
    let work: Arc<dyn Workspace> = Arc::new(scene.checkout);
    let base = work
        .fork(&work.base().tree)
        .await
        .map_err(|it| broken("lay out the base", it))?;
    let limits = Terms::of(history).map_or(&home.config.limits, |it| it.limits);
    // While the first reply is waited for, and not when everything is done.
    tokio::task::spawn_blocking(delivery::prepare_page);
    let run = Run {
        task: scene.task,
        crew: scene.crew,
        limits: limits.clone(),
        journal: scene.journal.clone() as Arc<dyn Journal>,
        work,
        base,
        log: scene.progress.clone() as Arc<dyn Log>,
        stop: scene.signals.stop.clone(),
    };
    let walked = match scene.new_fork {
        true => run.walk_fork(history).await,
        false => run.walk(history).await,
    };
    scene.progress.close();
    let outcome: Outcome = walked.map_err(|it| {
        Failure::broken(format!("go on with the run {}", scene.run), it).advise(format!(
            "Nothing that was written down is lost: `pipeline resume {}` goes on once the cause is gone.",
            scene.run
        ))
    })?;
    let history = self::history(home, &scene.run).await?;
    let mode = scene.progress.mode();
    if outcome.state.status == Status::Running {
        let bundle = write_bundle(home, &scene.run, &scene.settings, &history)?;
        let ended = Ended {
            run: &scene.run,
            settings: &scene.settings,
            state: &outcome.state,
            explanation: &outcome.explanation,
            bundle: &bundle,
            delivered: &[],
            files: None,
            held_back: false,
        };
        return Ok(ending::tell(&ended, mode));
    }
    deliver(
        home,
        &scene.run,
        &scene.settings,
        &outcome.state,
        &history,
        mode,
    )
    .await
}

/// Writes the bundle and whatever was asked for, and says where everything is.
pub(crate) async fn deliver(
    home: &Home,
    run: &RunId,
    settings: &Settings,
    state: &RunState,
    history: &[Entry],
    mode: Mode,
) -> Result<Exit, Failure> {
    let bundle = write_bundle(home, run, settings, history)?;
    let explanation = match history.last().map(|it| &it.event) {
        Some(RunEvent::Finished { explanation, .. }) => explanation.clone(),
        _ => String::new(),
    };
    let mut delivered = Vec::new();
    let refused = ending::below_required(state, settings.require);
    if state.status == Status::Completed && refused.is_none() {
        delivered = ending::deliver(home, run, settings, state, history).await?;
    }
    let ended = Ended {
        run,
        settings,
        state,
        explanation: refused.as_deref().unwrap_or(&explanation),
        bundle: &bundle,
        delivered: &delivered,
        files: (settings.repo.is_none() && !delivered.is_empty()).then(|| home.files_folder(run)),
        held_back: refused.is_some(),
    };
    let exit = ending::tell(&ended, mode);
    Ok(if refused.is_some() {
        Exit::Failed
    } else {
        exit
    })
}

fn write_bundle(
    home: &Home,
    run: &RunId,
    settings: &Settings,
    history: &[Entry],
) -> Result<PathBuf, Failure> {
    let folder = settings
        .out
        .clone()
        .unwrap_or_else(|| home.bundle_folder(run));
    let failed = |it| {
        Failure::new(
            Exit::Delivery,
            format!("write the evidence of {run} to {}", folder.display()),
            it,
        )
        .advise(format!(
            "The change is kept: `pipeline diff {run}` prints it, and `pipeline resume {run}` tries again."
        ))
    };
    let bundle = Bundle::of(run, history).map_err(failed)?;
    bundle.write_to(Path::new(&folder)).map_err(failed)?;
    Ok(folder)
}

/// Where the evidence of a run is: where its last settings say, or in its folder.
pub(crate) fn bundle_of(home: &Home, run: &RunId, history: &[Entry]) -> PathBuf {
    let settings = Terms::of(history)
        .and_then(|it| serde_json::from_value::<Settings>(it.settings.clone()).ok());
    settings
        .and_then(|it| it.out)
        .unwrap_or_else(|| home.bundle_folder(run))
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

/// The run's journal, which also tells whoever watches.
pub(crate) struct Announcing {
    journal: RunJournal,
    progress: Arc<Progress>,
}

impl Announcing {
    pub(crate) fn new(home: &Home, lease: Lease, progress: Arc<Progress>) -> Arc<Announcing> {
        Announcing::of(home.store.journal(lease), progress)
    }

    pub(crate) fn of(journal: RunJournal, progress: Arc<Progress>) -> Arc<Announcing> {
        Arc::new(Announcing { journal, progress })
    }

    /// Tells whoever watches of an event that was written down elsewhere.
    pub(crate) fn tell(&self, seq: u64, event: &RunEvent) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.progress.event(&Entry {
            seq,
            at_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            event: event.clone(),
        });
    }
}

#[async_trait]
impl Journal for Announcing {
    async fn append(&self, event: &RunEvent) -> Result<(), JournalError> {
        let seq = self
            .journal
            .write(event)
            .await
            .map_err(|it| JournalError(Box::new(it)))?;
        self.tell(seq, event);
        Ok(())
    }

    async fn cancel_requested(&self) -> Result<bool, JournalError> {
        self.journal.cancel_requested().await
    }
}
