//! Events of a journal in words, as a refusal says them.

use protocol::{Evidence, RunEvent, Stage, Status, visible};

/// Characters of a name that are shown; who wrote it may be a stranger.
const NAME_CHARS_MAX: usize = 60;

/// A name as it can be shown.
pub(super) fn named(name: &str) -> String {
    let shown: String = name.chars().take(NAME_CHARS_MAX).collect();
    visible(&shown).into_owned()
}

/// That an agent begins.
pub(super) fn begins(stage: Stage, draft: u8, agent: &str) -> String {
    format!("{} begins in {stage} of draft {draft}", named(agent))
}

/// What an event says.
pub(super) fn told(event: &RunEvent) -> String {
    let in_visit = |agent: &str, draft: u8, does: &str| match draft {
        0 => format!("{} {does} while it gets ready", named(agent)),
        _ => format!("{} {does} in draft {draft}", named(agent)),
    };
    match event {
        RunEvent::Opened { .. } => "a run is opened".to_owned(),
        RunEvent::Reopened { fork: Some(it), .. } => {
            format!("the run goes on as a fork after event {}", it.at)
        }
        RunEvent::Reopened { fork: None, .. } => "the run goes on under other terms".to_owned(),
        RunEvent::SetUp { .. } => "the environment is set up".to_owned(),
        RunEvent::Started {
            stage,
            iteration,
            agent,
        } => begins(*stage, *iteration, agent),
        RunEvent::Replied {
            agent, iteration, ..
        } => in_visit(agent, *iteration, "gets an answer of a model"),
        RunEvent::Unanswered {
            agent, iteration, ..
        } => in_visit(agent, *iteration, "gets no answer of a model"),
        RunEvent::Stepped {
            agent,
            iteration,
            step,
            ..
        } => in_visit(agent, *iteration, &format!("does `{}`", named(step))),
        RunEvent::Prepared { agent, .. } => format!("{} is prepared", named(agent)),
        RunEvent::Reported {
            stage,
            iteration,
            agent,
            ..
        } => format!("{} reports in {stage} of draft {iteration}", named(agent)),
        RunEvent::Interrupted { .. } => "the run is interrupted".to_owned(),
        RunEvent::Finished { status, reason, .. } => {
            let status = match status {
                Status::Running => "running",
                Status::Completed => "completed",
                Status::Failed => "failed",
            };
            match reason {
                Some(reason) => format!("the run ends as {status} ({reason:?})"),
                None => format!("the run ends as {status}"),
            }
        }
        RunEvent::Delivering { .. } | RunEvent::Delivered { .. } => {
            "the change is delivered".to_owned()
        }
    }
}

/// What a piece of evidence is.
pub(super) fn kind_of(evidence: &Evidence) -> &'static str {
    match evidence {
        Evidence::Draft { .. } => "a draft",
        Evidence::Format { .. } => "what was formatted",
        Evidence::Baseline(_) => "a test run on the base",
        Evidence::AcceptanceTests(_) => "acceptance tests",
        Evidence::Tests { .. } => "a test run",
        Evidence::Patch(_) => "a patch",
        Evidence::Dispute(_) => "a dispute",
        Evidence::Integrity(_) => "a word on integrity",
        Evidence::Bite(_) => "an ablation",
        Evidence::Review(_) => "a review",
        Evidence::Guidance { .. } => "guidance",
        Evidence::ReviewerFigure(_) => "a reviewer's figure",
        Evidence::Missing { .. } => "what is missing",
    }
}
