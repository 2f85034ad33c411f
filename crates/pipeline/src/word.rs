//! What reports make of a run: the word of a stage, and where the machine goes with it.
//!
//! A walk under way asks this, and so does whoever reads a journal to see whether a walk wrote it.

use protocol::{Evidence, Reason, RunState, Stage, Verdict};

use crate::machine::{Event, Rules};
use crate::past::Reported;
use crate::progress::{Rejection, Rejections, failing};

/// The machine, with the number of redrafts that are left.
pub(crate) type Machine = statig::blocking::StateMachine<Rules>;

/// Why nothing that follows can be completed, in words as well.
pub(crate) type NoWay = (Reason, String);

/// Takes in what an agent reported; a rejection is the word of its stage.
pub(crate) fn take_in(
    state: &mut RunState,
    rejections: &mut Rejections,
    stage: Stage,
    reported: &Reported,
) -> Result<Option<Event>, NoWay> {
    state.proposed_code.clone_from(&reported.proposed_code);
    state.absorb(stage, &reported.report);
    let Verdict::Rejected { feedback } = &reported.report.verdict else {
        return Ok(None);
    };
    // Another draft after one that brought nothing new would only cost.
    let why = rejections.why_no_progress(Rejection {
        tree: reported.tree.clone(),
        failing: failing(&reported.report),
        feedback: feedback.clone(),
    });
    // A dispute changes what is asked rather than the draft, and there is only one in a run.
    let disputed = state
        .evidence
        .iter()
        .any(|it| matches!(it, Evidence::Dispute(_)));
    match why.filter(|_| !disputed && !reported.others_since) {
        Some(why) => Err((Reason::NoProgress, why)),
        None => Ok(Some(Event::Judged(reported.report.verdict.clone()))),
    }
}

/// The word of a stage in which everybody has passed the draft.
pub(crate) fn of_all(state: &RunState, stage: Stage) -> Result<Event, NoWay> {
    if stage == Stage::Drafting && state.task.is_only_tests(&state.proposed_code) {
        let why = "no coder changed anything in the repository".to_owned();
        return Err((Reason::NoCode, why));
    }
    Ok(Event::Judged(Verdict::Passed))
}

/// Moves the machine, and begins the next draft where it says so.
pub(crate) fn say(machine: &mut Machine, state: &mut RunState, event: &Event) {
    machine.handle(event);
    if *machine.state() == Stage::Drafting {
        state.begin_redraft();
    }
}
