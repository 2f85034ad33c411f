//! A recording that the command line replays: what it says of its run.

use llm::RecordedRun;

use crate::args::RunArgs;
use crate::config::Config;
use crate::failure::Failure;
use crate::surroundings::Surroundings;
use crate::task::Asked;

/// This program's version.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// The run that the recording is of which is to be replayed; none for a recording that doesn't say.
pub(crate) fn to_replay(
    args: &RunArgs,
    surroundings: &Surroundings,
) -> Result<Option<RecordedRun>, Failure> {
    let Some(folder) = &args.crew.replay else {
        return Ok(None);
    };
    let folder = surroundings.absolute(folder);
    Ok(runs::read_recorded(&folder)?)
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
        continues: None,
        notes,
    }))
}
