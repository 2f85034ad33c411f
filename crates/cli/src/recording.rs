//! Recordings as the command line makes and takes them: what must not be in one, and whether it fits the run at hand.

use std::path::Path;
use std::sync::Arc;

use llm::{Guard, RecordedRun, Recording, Vendors};
use protocol::{Base, RunEvent, Task};

use crate::args::RunArgs;
use crate::config::Config;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::surroundings::Surroundings;
use crate::task::Asked;

/// This program's version.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// The recording that the settings ask for. It never holds a key or a path of whoever records.
pub(crate) fn open(
    settings: &Settings,
    surroundings: &Surroundings,
) -> Result<Option<Arc<Recording>>, Failure> {
    let Some(folder) = settings.source.record() else {
        return Ok(None);
    };
    let vendors = Vendors::from_variables(|it| surroundings.variable(it).map(str::to_owned));
    let mut guard = Guard::default();
    for (vendor, key) in &vendors.keys {
        guard = guard.key(format!("the key of {vendor}"), key);
    }
    for name in ["GITHUB_TOKEN", "JIRA_API_TOKEN"] {
        if let Some(key) = surroundings.secret(name) {
            guard = guard.key(format!("the value of {name}"), &key);
        }
    }
    for path in surroundings.personal_paths() {
        guard = guard.path("a path of your home folder", &path);
    }
    Recording::open(folder, guard)
        .map(Some)
        .map_err(|it| Failure::usage(format!("record into {}", folder.display()), it))
}

/// Writes down what a run is, beside its replies, for whoever replays it.
pub(crate) fn begin(
    settings: &Settings,
    surroundings: &Surroundings,
    opened: &RunEvent,
) -> Result<(), Failure> {
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
    let Some(recording) = open(settings, surroundings)? else {
        return Ok(());
    };
    let mut run = RecordedRun::new(PROGRAM, task, base, crew, limits);
    run.tokens_max = settings.tokens_max;
    run.money_microusd_max = settings.money_microusd_max;
    recording
        .begin(&run)
        .map_err(|it| Failure::usage("begin the recording", it))
}

/// The run that the recording is of which is to be replayed; none for a recording that doesn't say.
pub(crate) fn to_replay(
    args: &RunArgs,
    surroundings: &Surroundings,
) -> Result<Option<RecordedRun>, Failure> {
    let Some(folder) = &args.crew.replay else {
        return Ok(None);
    };
    let folder = surroundings.absolute(folder);
    RecordedRun::read(&folder).map_err(|it| refused(&folder, it))
}

/// The bounds of a replayed run are those of the recorded one: requests tell of some of them.
pub(crate) fn bound(config: &mut Config, recorded: &RecordedRun) {
    config.limits = recorded.limits.clone();
}

/// The task of a replayed run, when the command line names none.
pub(crate) fn asked(
    args: &RunArgs,
    surroundings: &Surroundings,
    recorded: &RecordedRun,
) -> Result<Option<Asked>, Failure> {
    let source = &args.source;
    let names_one = args.task.is_some()
        || source.task_file.is_some()
        || source.github.is_some()
        || source.jira.is_some();
    if names_one {
        return Ok(None);
    }
    let mut notes = vec![format!(
        "the task is the recorded one: {}",
        recorded.task.title
    )];
    if recorded.program != PROGRAM {
        notes.push(format!(
            "it was recorded by version {}, and this is {PROGRAM}: requests may be worded otherwise",
            recorded.program
        ));
    }
    let base = &recorded.base;
    let repository = match &source.repo {
        Some(named) => Some(crate::task::place(surroundings, named)?),
        None if base.repository.is_empty() => None,
        None if base.is_address => Some(crate::task::place(surroundings, &base.repository)?),
        None => {
            return Err(Failure::plain_usage(format!(
                "replay without the repository `{}`: it was a folder of whoever recorded, at the commit {}",
                base.repository, base.commit
            ))
            .advise("Say where it is now: --repo URL|PATH."));
        }
    };
    Ok(Some(Asked {
        task: recorded.task.clone(),
        repository,
        notes,
    }))
}

/// Refuses a run that the recording isn't of, before anything is done. `task` has its tests.
pub(crate) fn fits(recorded: &RecordedRun, task: &Task, base: &Base) -> Result<(), Failure> {
    if !recorded.asks_for(task) {
        let (then, now) = (&recorded.task.title, &task.title);
        let difference = match then == now {
            true => "its description, labels, comments or tests differ".to_owned(),
            false => format!("it was `{then}`, and this is `{now}`"),
        };
        return Err(Failure::plain_usage(format!(
            "replay another task than the recorded one: {difference}"
        ))
        .advise("Leave the task out: the recording holds it."));
    }
    let then = &recorded.base;
    if then.tree == base.tree {
        return Ok(());
    }
    let uncommitted = match then.uncommitted {
        true => " with uncommitted changes",
        false => "",
    };
    Err(Failure::plain_usage(format!(
        "replay on other files than the recorded ones: it was recorded on the commit {}{uncommitted} (tree {}), and this is the commit {} (tree {})",
        then.commit, then.tree.0, base.commit, base.tree.0
    ))
    .advise(match then.uncommitted {
        true => "Ask whoever recorded it for the changes, and take them along with --include-dirty.",
        false => "Give the repository that holds that commit, and no other --base.",
    }))
}

fn refused(folder: &Path, source: llm::LlmError) -> Failure {
    Failure::usage(format!("replay {}", folder.display()), source)
}
