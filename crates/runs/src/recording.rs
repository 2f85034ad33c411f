//! Recordings as runs make and take them: what must not be in one, and whether one fits the run at hand.

use std::path::Path;
use std::sync::Arc;

use llm::{RecordedRun, Recording};
use protocol::{Base, RunEvent, Task};

use crate::error::RunsError;
use crate::host::Host;
use crate::settings::Settings;

/// This program's version.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// The recording that the settings ask for. It never holds a key or a path of whoever records.
pub(crate) fn open(settings: &Settings, host: &Host) -> Result<Option<Arc<Recording>>, RunsError> {
    let Some(folder) = settings.source.record() else {
        return Ok(None);
    };
    Recording::open(folder, host.guard.clone())
        .map(Some)
        .map_err(|source| RunsError::Record {
            folder: folder.to_owned(),
            source: Box::new(source),
        })
}

/// Writes down what a run is, beside its replies, for whoever replays it.
pub(crate) fn begin(settings: &Settings, host: &Host, opened: &RunEvent) -> Result<(), RunsError> {
    let RunEvent::Opened {
        task,
        base,
        crew,
        limits,
        ..
    } = opened
    else {
        return Ok(());
    };
    let Some(recording) = open(settings, host)? else {
        return Ok(());
    };
    let mut run = RecordedRun::new(PROGRAM, task, base, crew, limits);
    run.tokens_max = settings.tokens_max;
    run.money_microusd_max = settings.money_microusd_max;
    recording
        .begin(&run)
        .map_err(|it| RunsError::BeginRecording(Box::new(it)))
}

/// What a recording says of its run; none for a recording that doesn't say.
///
/// # Errors
/// [`RunsError::Replay`].
pub fn read_recorded(folder: &Path) -> Result<Option<RecordedRun>, RunsError> {
    RecordedRun::read(folder).map_err(|source| RunsError::Replay {
        folder: folder.to_owned(),
        source: Box::new(source),
    })
}

/// Refuses a run that the recording isn't of, before anything is done. `task` has its tests.
///
/// # Errors
/// [`RunsError::OtherTask`], [`RunsError::OtherFiles`].
pub fn fits(recorded: &RecordedRun, task: &Task, base: &Base) -> Result<(), RunsError> {
    if !recorded.asks_for(task) {
        let (then, now) = (&recorded.task.title, &task.title);
        let difference = match then == now {
            true => "its description, labels, comments or tests differ".to_owned(),
            false => format!("it was `{then}`, and this is `{now}`"),
        };
        return Err(RunsError::OtherTask { difference });
    }
    let then = &recorded.base;
    if then.tree == base.tree {
        return Ok(());
    }
    Err(RunsError::OtherFiles {
        then: Box::new(then.clone()),
        now: Box::new(base.clone()),
    })
}
