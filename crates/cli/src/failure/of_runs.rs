//! What could not be done with a run, in the words and with the exit code of the command line.

use llm::LlmError;
use runs::RunsError;
use runs::reverify::ReverifyError;

use super::Failure;
use crate::exit::Exit;
use crate::{task, words};

impl From<RunsError> for Failure {
    fn from(error: RunsError) -> Failure {
        match error {
            RunsError::Unfilled { refused, scripts } => unfilled(refused, scripts.as_deref()),
            RunsError::GivenTests(error) => task::refused(error),
            RunsError::TokensSpent { cap, used } => Failure::plain_usage(format!(
                "go on with a budget of {}: what was done before has used {} (both count; give a higher --token-budget)",
                words::tokens(cap),
                words::tokens(used)
            )),
            RunsError::MoneySpent { .. } => {
                Failure::plain_usage(format!("{error} (both count; give a higher --budget)"))
            }
            error => {
                let advice = advice(&error);
                let failure = Failure::told(exit(&error), error);
                match advice {
                    Some(advice) => failure.advise(advice),
                    None => failure,
                }
            }
        }
    }
}

fn exit(error: &RunsError) -> Exit {
    match error {
        RunsError::NoSandbox(_) | RunsError::Tools(_) => Exit::Blocked,
        RunsError::Stopped => Exit::Cancelled,
        RunsError::Bundle { .. } | RunsError::Deliver { .. } | RunsError::Forge { .. } => {
            Exit::Delivery
        }
        RunsError::Scratch { .. }
        | RunsError::Files(_)
        | RunsError::TestsPlace(_)
        | RunsError::Demo(_)
        | RunsError::Plant { .. }
        | RunsError::Store { .. }
        | RunsError::Settings(_)
        | RunsError::Beginning(_)
        | RunsError::Difference(_)
        | RunsError::Base(_)
        | RunsError::Walk { .. }
        | RunsError::Panicked { .. }
        | RunsError::Journal(_)
        | RunsError::Remove { .. }
        | RunsError::Verification(_) => Exit::Broken,
        RunsError::Reverify(error) => match error {
            ReverifyError::Order(_) => Exit::Failed,
            ReverifyError::Crew { .. } | ReverifyError::Unopened => Exit::Usage,
            ReverifyError::Patches(_) | ReverifyError::Base(_) | ReverifyError::Drive(_) => {
                Exit::Broken
            }
        },
        RunsError::Repository { .. }
        | RunsError::Open(_)
        | RunsError::OpenAgain(_)
        | RunsError::TakeOver { .. }
        | RunsError::GivenTests(_)
        | RunsError::Unfilled { .. }
        | RunsError::NoReviewer
        | RunsError::Replay { .. }
        | RunsError::NothingRecorded { .. }
        | RunsError::Record { .. }
        | RunsError::BeginRecording(_)
        | RunsError::OtherTask { .. }
        | RunsError::OtherFiles { .. }
        | RunsError::TakeUp { .. }
        | RunsError::AtItsEnd { .. }
        | RunsError::StrangeSettings { .. }
        | RunsError::NeverBegan { .. }
        | RunsError::NoSuchEvent { .. }
        | RunsError::DraftsBegun { .. }
        | RunsError::ReviewsItsOwn { .. }
        | RunsError::TokensSpent { .. }
        | RunsError::MoneySpent { .. }
        | RunsError::Place(_)
        | RunsError::Objects { .. }
        | RunsError::NoRemote { .. }
        | RunsError::NoForge { .. }
        | RunsError::Credential { .. }
        | RunsError::NoTracker
        | RunsError::VerifiedBase(_)
        | RunsError::UncommittedGone { .. }
        | RunsError::UncommittedElsewhere { .. }
        | RunsError::OtherBase { .. } => Exit::Usage,
    }
}

fn advice(error: &RunsError) -> Option<String> {
    let fixed = match error {
        RunsError::Scratch { .. } => "Set XDG_CACHE_HOME to a folder that you may write to.",
        RunsError::NoSandbox(_) => {
            "Install bubblewrap (`apt-get install bubblewrap`) and allow user namespaces, or accept the risk with --unconfined. \
             `pipeline doctor` shows what this machine allows."
        }
        RunsError::Plant { .. } => "Delete that folder and try again.",
        RunsError::OtherTask { .. } => "Leave the task out: the recording holds it.",
        RunsError::OtherFiles { then, .. } => match then.uncommitted {
            true => {
                "Ask whoever recorded it for the changes, and take them along with --include-dirty."
            }
            false => "Give the repository that holds that commit, and no other --base.",
        },
        RunsError::ReviewsItsOwn { .. } => {
            "Give a --reviewer of another vendor, or go on from before the draft was written (`pipeline fork RUN --at EVENT`; \
             `pipeline log RUN` numbers the events)."
        }
        RunsError::Beginning(_) => {
            "Nothing has been done yet: once the cause is gone, run the task again."
        }
        RunsError::Place(_)
        | RunsError::Objects { .. }
        | RunsError::NoRemote { .. }
        | RunsError::NoForge { .. }
        | RunsError::NoTracker => {
            "Nothing was begun: choose another place, and run the task again."
        }
        RunsError::VerifiedBase(_) => {
            "Say with --repo where the repository is now; the commit of base.json must be in it."
        }
        RunsError::Walk { run, .. } | RunsError::Panicked { run, .. } => {
            return Some(format!(
                "Nothing that was written down is lost: `pipeline resume {run}` goes on once the cause is gone."
            ));
        }
        RunsError::Bundle { run, .. } => {
            return Some(format!(
                "The change is kept: `pipeline diff {run}` prints it, and `pipeline resume {run}` tries again."
            ));
        }
        RunsError::Deliver { run, .. } | RunsError::Forge { run, .. } => {
            return Some(format!(
                "The change is kept: `pipeline diff {run}` prints it, and `pipeline resume {run}` delivers it again."
            ));
        }
        _ => return None,
    };
    Some(fixed.to_owned())
}

/// Roles without a usable model, and what to do about the first kind of trouble.
fn unfilled(mut refused: Vec<LlmError>, scripts: Option<&std::path::Path>) -> Failure {
    let advice = refused.iter().find_map(|it| match (it, scripts) {
        (LlmError::KeyMissing { .. }, _) => Some(
            "`pipeline doctor` shows which keys are set; `pipeline demo` needs none.".to_owned(),
        ),
        (LlmError::PriceUnknown { model }, _) => Some(format!(
            "Put [prices.\"{model}\"] with input, cached, cache_write and output, in US dollars per million tokens, \
             into pipeline.toml; or use --token-budget. `pipeline models` lists the models whose price is known."
        )),
        (LlmError::Script { .. }, Some(folder)) => {
            Some(format!("The scripts are in {}.", folder.display()))
        }
        _ => None,
    });
    let failure = if refused.len() == 1 {
        Failure::told(Exit::Usage, refused.remove(0))
    } else {
        let doing = format!("fill {} of the roles", refused.len());
        Failure::all_of(Exit::Usage, doing, refused)
    };
    match advice {
        Some(advice) => failure.advise(advice),
        None => failure,
    }
}
