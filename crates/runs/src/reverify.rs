//! A bundle's run walked again without a model.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;

use agents_coding::Dialect;
use agents_test::UserTests;
use git::GitError;
use pipeline::verify::{Misplaced, Verification, Verified, check_order, patches, replies_of};
use pipeline::{Crew, DriveError, Stop};
use protocol::{
    Agent, Base, Entry, Evidence, Kept, Limits, Log, RunEvent, Seat, Stage, Terms, TestComparison,
    Workspace, WorkspaceError,
};
use workspace::checkout::Checkout;

use crate::crew::{self as seating};

/// The run could not be walked again; nothing is said about its figures.
#[derive(Debug, thiserror::Error)]
pub enum ReverifyError {
    /// The journal has no beginning.
    #[error("find the beginning of the run in its journal")]
    Unopened,
    /// No walk could have written the journal.
    #[error(transparent)]
    Order(#[from] Misplaced),
    /// The crew is not one of this program's.
    #[error(
        "seat the crew of the run: it was {then}, and this program seats {now} (was it made by another version?)"
    )]
    Crew {
        /// Who worked on the run.
        then: String,
        /// Who would now.
        now: String,
    },
    /// A patch could not be tried.
    #[error("apply the run's patches")]
    Patches(#[source] GitError),
    /// The base could not be laid out.
    #[error("lay out the base")]
    Base(#[source] WorkspaceError),
    /// The walk broke.
    #[error("walk the run again")]
    Drive(#[from] DriveError),
}

/// What a journal says it starts from, and the bounds that it ends with.
pub fn opening(history: &[Entry]) -> Result<(&Base, &Limits), ReverifyError> {
    match (history.first().map(|it| &it.event), Terms::of(history)) {
        (Some(RunEvent::Opened { base, .. }), Some(terms)) => Ok((base, terms.limits)),
        _ => Err(ReverifyError::Unopened),
    }
}

/// Walks the last drafts of a completed run again on a checkout of its base, and compares every figure.
pub async fn walk_again(
    history: &[Entry],
    checkout: Checkout,
    limits: Limits,
    log: Arc<dyn Log>,
    watch: Arc<dyn Fn(&RunEvent) + Send + Sync>,
    stop: Stop,
) -> Result<Verified, ReverifyError> {
    check_order(history)?;
    let crew = crew(history)?;
    let mut trees = HashMap::new();
    for patch in patches(history) {
        let tree = match checkout.applied_to_base(patch).await {
            Err(error @ GitError::Program(_)) => return Err(ReverifyError::Patches(error)),
            // Whatever git doesn't take is a patch that doesn't apply, and that is for the comparison to say.
            made => made.map_err(|it| told(&it)),
        };
        trees.insert(patch.to_owned(), tree);
    }
    let work: Arc<dyn Workspace> = Arc::new(checkout);
    let base = work
        .fork(&work.base().tree)
        .await
        .map_err(ReverifyError::Base)?;
    let verification = Verification {
        claimed: history,
        crew,
        limits,
        trees,
        work,
        base,
        log,
        watch,
        stop,
    };
    Ok(verification.check().await?)
}

/// The crew that the program makes of everybody who ever sat in the run's, with the journal's replies for models. Each
/// crew that the run had must be one of this program's.
fn crew(history: &[Entry]) -> Result<Crew, ReverifyError> {
    let kept = Kept::of(history);
    for seats in kept.crews() {
        let now = seated(history, &kept, &[seats]).seats();
        if now != seats {
            return Err(ReverifyError::Crew {
                then: in_words(seats),
                now: in_words(&now),
            });
        }
    }
    let crews: Vec<&[Seat]> = kept.crews().collect();
    Ok(seated(history, &kept, &crews))
}

/// Everybody of these crews, as the program seats them.
fn seated(history: &[Entry], kept: &Kept, crews: &[&[Seat]]) -> Crew {
    let model_of = |seat: &Seat| {
        let id = seat.model.clone()?;
        Some((Dialect::of(&id), replies_of(history, &seat.agent, id)))
    };
    let of = |stage| move |it: &&Seat| it.stage == stage && it.model.is_some();
    let coders = |crew: &&[Seat]| crew.iter().filter(of(Stage::Drafting)).count();
    let most_coders = crews.iter().max_by_key(|it| coders(it));
    let one = |stage| {
        let mut found = crews.iter().flat_map(|it| it.iter()).filter(of(stage));
        found.next_back().and_then(model_of).map(|(_, model)| model)
    };
    let stand_ins = crews.iter().flat_map(|it| it.iter()).filter_map(|seat| {
        let id = seat.fallback.clone()?;
        Some((seat.agent.clone(), replies_of(history, &seat.agent, id)))
    });
    seating::crew(seating::Models {
        fallbacks: stand_ins.collect(),
        coders: most_coders
            .into_iter()
            .flat_map(|it| it.iter())
            .filter(of(Stage::Drafting))
            .filter_map(model_of)
            .collect(),
        author: one(Stage::Testing),
        user_tests: crews
            .iter()
            .flat_map(|it| it.iter())
            .any(|it| it.agent == UserTests::new().name()),
        claimed: comparison(history, kept),
        reviewer: one(Stage::Qa),
        figures: Vec::new(),
    })
}

/// Every test on both sides, as the last report on them has it.
fn comparison(history: &[Entry], kept: &Kept) -> Vec<TestComparison> {
    let counted = history.iter().rev().filter(|it| kept.counts(it.seq));
    let reports = counted.filter_map(|it| match &it.event {
        RunEvent::Reported { report, .. } => Some(&report.evidence),
        _ => None,
    });
    let mut comparisons = reports.flatten().filter_map(|it| match it {
        Evidence::Tests { comparison, .. } => Some(comparison.clone()),
        _ => None,
    });
    comparisons.next().unwrap_or_default()
}

/// An error and its causes in one sentence.
fn told(error: &dyn Error) -> String {
    let mut words = format!("could not {error}");
    let mut cause = error.source();
    while let Some(it) = cause {
        words += &format!(": {it}");
        cause = it.source();
    }
    words
}

fn in_words(seats: &[Seat]) -> String {
    let names: Vec<String> = seats
        .iter()
        .map(|it| format!("{} in {}", it.agent, it.stage))
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use protocol::{ModelId, Task, TreeId};

    use super::*;

    #[test]
    fn a_crew_with_stand_ins_is_seated_again() {
        let drafter = Seat {
            stage: Stage::Drafting,
            agent: "drafter".to_owned(),
            model: Some(ModelId::new("a", "m")),
            fallback: Some(ModelId::new("b", "n")),
        };
        let mut seats = seated(&[], &Kept::of(&[]), &[std::slice::from_ref(&drafter)]).seats();
        for seat in &mut seats {
            if seat.agent == drafter.agent {
                seat.clone_from(&drafter);
            }
        }
        let opened = RunEvent::Opened {
            task: Task::from_text("Fix it"),
            base: Base {
                repository: String::new(),
                commit: String::new(),
                tree: TreeId(String::new()),
                uncommitted: false,
            },
            crew: seats.clone(),
            limits: Limits::STANDARD,
            settings: serde_json::Value::Null,
        };
        let history = [Entry {
            seq: 0,
            at_ms: 0,
            event: opened,
        }];
        let now = crew(&history).map(|it| it.seats());
        assert_eq!(now.expect("they are this program's"), seats);
    }
}
