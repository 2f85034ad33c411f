//! Walks a completed run's drafts again without any model, and says of each gate whether its figures still hold.
//!
//! Nothing here judges: the agents that judged the run judge it again. Coders are stood in for by what the journal says
//! they left behind, and the other roles' models hand back the replies that the journal holds.

mod afresh;
mod compare;
mod figures;
mod gate;
mod order;
mod replies;
mod stand_in;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use protocol::{
    Entry, Environment, Evidence, Journal, JournalError, Kept, Limits, Log, RunEvent, Stage,
    Status, Task, TreeId, Workspace, walked,
};

use crate::crew::Crew;
use crate::run::{DriveError, Run};
use crate::stop::Stop;

pub use compare::{Checked, Word};
pub use gate::Gate;
pub use order::{Misplaced, check_order};
pub use replies::replies_of;

/// Everything that walking a run's last drafts again takes.
pub struct Verification<'a> {
    /// The run's journal.
    pub claimed: &'a [Entry],
    /// Everybody who ever sat in the crew of the run; its models are never asked for drafts.
    pub crew: Crew,
    /// The bounds to keep to.
    pub limits: Limits,
    /// The tree that each of [`patches`] makes of the base, or why it doesn't apply.
    pub trees: HashMap<String, Result<TreeId, String>>,
    /// A tree for the walk.
    pub work: Arc<dyn Workspace>,
    /// The base.
    pub base: Arc<dyn Workspace>,
    /// Where live progress goes.
    pub log: Arc<dyn Log>,
    /// Sees every event of the walk, as a journal would.
    pub watch: Arc<dyn Fn(&RunEvent) + Send + Sync>,
    /// How the walk learns that it should stop.
    pub stop: Stop,
}

/// What came of it.
#[derive(Debug)]
pub struct Verified {
    /// A word for every gate, in their order.
    pub gates: Vec<Checked>,
    /// The environment that the run says it had, and the one that was made here.
    pub environments: (Option<Environment>, Option<Environment>),
    /// What could not be compared, and why.
    pub notes: Vec<String>,
}

/// Whether a journal ends with a change that claims something.
pub fn claims_something(claimed: &[Entry]) -> bool {
    matches!(
        walked(claimed).last().map(|it| &it.event),
        Some(RunEvent::Finished {
            status: Status::Completed,
            ..
        })
    )
}

/// The events that the run went on from.
fn counted(claimed: &[Entry]) -> impl Iterator<Item = &Entry> {
    let kept = Kept::of(claimed);
    claimed.iter().filter(move |it| kept.counts(it.seq))
}

/// Every change that is needed to walk a run's last drafts again, without repetitions.
pub fn patches(claimed: &[Entry]) -> Vec<&str> {
    let mut patches = Vec::new();
    for entry in counted(claimed) {
        let patch = match &entry.event {
            RunEvent::Reported { proposed_code, .. } | RunEvent::Finished { proposed_code, .. } => {
                proposed_code.as_str()
            }
            _ => continue,
        };
        if !patches.contains(&patch) {
            patches.push(patch);
        }
    }
    patches
}

/// The draft to begin with: the last one, or the first one that changed what counts for all later ones.
pub fn first_draft(claimed: &[Entry]) -> u8 {
    let mut last = 1;
    let mut first = u8::MAX;
    for entry in counted(claimed) {
        if let RunEvent::Reported {
            iteration, report, ..
        } = &entry.event
        {
            last = last.max(*iteration);
            let counts_later =
                |it: &Evidence| it.is_about_the_base() || matches!(it, Evidence::Dispute(_));
            if report.evidence.iter().any(counts_later) {
                first = first.min(*iteration);
            }
        }
    }
    first.min(last)
}

impl Verification<'_> {
    /// Walks the drafts again and compares.
    ///
    /// # Errors
    ///
    /// When the pipeline itself breaks. A gate that doesn't hold, and a walk that ends elsewhere, are values.
    pub async fn check(self) -> Result<Verified, DriveError> {
        let first = first_draft(self.claimed);
        let told = figures::Told::read(self.claimed, first);
        if let Some(why) = self.unfaithful_patch() {
            return Ok(Verified {
                gates: compare::broken_off_at(Gate::Patch, &why),
                environments: (told.environment, None),
                notes: Vec::new(),
            });
        }
        let Some((task, past)) = self.past(first) else {
            return Err(DriveError::Finished);
        };
        let crew = self.crew_of_the_time(first, told.last_draft);
        let notebook = Arc::new(Notebook {
            events: Mutex::default(),
            watch: self.watch,
        });
        let limits = Limits {
            iterations_max: told.last_draft,
            ..self.limits
        };
        let outcome = Run {
            task,
            crew,
            limits,
            journal: notebook.clone(),
            work: Arc::new(afresh::Afresh(self.work)),
            base: Arc::new(afresh::Afresh(self.base)),
            log: self.log,
            stop: self.stop,
        }
        .walk(&past)
        .await?;
        let found = figures::Told::read(&notebook.entries(), first);
        let (gates, notes) = compare::compare(&told, &found, &outcome.explanation);
        Ok(Verified {
            gates,
            environments: (told.environment, found.environment),
            notes,
        })
    }

    /// A tree in the journal that isn't what its patch makes of the base.
    fn unfaithful_patch(&self) -> Option<String> {
        counted(self.claimed).find_map(|entry| {
            let (whose, tree, patch) = match &entry.event {
                RunEvent::Reported {
                    agent,
                    iteration,
                    tree,
                    proposed_code,
                    ..
                } => (
                    format!("draft {iteration} as {agent} left it"),
                    tree,
                    proposed_code,
                ),
                RunEvent::Finished {
                    tree,
                    proposed_code,
                    ..
                } => ("patch.diff".to_owned(), tree, proposed_code),
                _ => return None,
            };
            match self.trees.get(patch) {
                None => Some(format!("{whose} was not tried on the base")),
                Some(Err(why)) => Some(format!("{whose} doesn't apply to the base: {why}")),
                Some(Ok(made)) if made != tree => Some(format!(
                    "{whose} gives the tree {}, and the journal says {}",
                    made.0, tree.0
                )),
                Some(Ok(_)) => None,
            }
        })
    }

    /// The task, and the journal up to the draft that the walk begins with. What was prepared isn't in it: it is
    /// prepared again.
    fn past(&self, first: u8) -> Option<(Task, Vec<Entry>)> {
        let opened = self.claimed.first()?;
        let RunEvent::Opened { task, .. } = &opened.event else {
            return None;
        };
        let mut past = vec![opened.clone()];
        let earlier = |it: &&Entry| match &it.event {
            RunEvent::Reopened { .. } => true,
            RunEvent::Reported { iteration, .. } => *iteration < first,
            _ => false,
        };
        past.extend(counted(self.claimed).filter(earlier).cloned());
        Some((task.clone(), past))
    }

    /// The crew with stand-ins for coders, each in the drafts that it worked in or was seated for.
    fn crew_of_the_time(&self, first: u8, last: u8) -> Crew {
        let kept = Kept::of(self.claimed);
        let reported: BTreeSet<(Stage, u8, &str)> = counted(self.claimed)
            .filter_map(|it| match &it.event {
                RunEvent::Reported {
                    stage,
                    iteration,
                    agent,
                    ..
                } => Some((*stage, *iteration, agent.as_str())),
                _ => None,
            })
            .collect();
        let drafts_of = |stage, agent: &str| {
            let seated = |draft| {
                let mut crew = kept.crew_of(stage, draft).iter();
                crew.any(|it| it.stage == stage && it.agent == agent)
            };
            (1..=last)
                .filter(|draft| seated(*draft) || reported.contains(&(stage, *draft, agent)))
                .collect()
        };
        stand_in::for_coders(&self.crew, self.claimed, first).working_in(drafts_of)
    }
}

/// A journal that is forgotten afterwards.
struct Notebook {
    events: Mutex<Vec<RunEvent>>,
    watch: Arc<dyn Fn(&RunEvent) + Send + Sync>,
}

impl Notebook {
    fn entries(&self) -> Vec<Entry> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = |(seq, event): (u64, &RunEvent)| Entry {
            seq,
            at_ms: 0,
            event: event.clone(),
        };
        (0..).zip(events.iter()).map(entry).collect()
    }
}

#[async_trait]
impl Journal for Notebook {
    async fn append(&self, event: &RunEvent) -> Result<(), JournalError> {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(event.clone());
        (self.watch)(event);
        Ok(())
    }
}

/// The gate that a stage is, when nothing more exact is known.
fn gate_of(stage: Stage) -> Gate {
    match stage {
        Stage::Drafting => Gate::Patch,
        Stage::Formatting => Gate::Format,
        Stage::Testing => Gate::Regression,
        Stage::Qa => Gate::Review,
        Stage::Completed | Stage::Failed => Gate::End,
    }
}
