//! Counts what a reviewer's answers were worth.

use std::collections::BTreeMap;

use protocol::{Effort, ReviewerFigure, Share};

use crate::cases::Case;
use crate::defect::Kind;
use crate::grade::{NoVerdict, Outcome};

/// The counts of one bench. Cases without a verdict are in no share: such a review ends a run, and neither lets a defect
/// through nor sends a fix back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Changes with a defect that were blocked for it: the recall.
    pub caught: Share,
    /// The same, of those that no test notices.
    pub caught_unseen: Share,
    /// The same, by kind.
    pub caught_by_kind: BTreeMap<Kind, Share>,
    /// Changes with a defect that were blocked for another reason only.
    pub blocked_otherwise: u32,
    /// Changes without a defect that were blocked.
    pub false_blocks: Share,
    /// Cases without a verdict, by the reason.
    pub no_verdict: BTreeMap<NoVerdict, u32>,
}

impl Tally {
    /// Counts one case.
    pub fn count(&mut self, case: &Case, outcome: Outcome) {
        if let Outcome::NoVerdict(why) = outcome {
            *self.no_verdict.entry(why).or_default() += 1;
            return;
        }
        let Some(defect) = &case.defect else {
            self.false_blocks.count(outcome == Outcome::FalselyBlocked);
            return;
        };
        let caught = outcome == Outcome::Caught;
        self.caught.count(caught);
        if defect.unseen {
            self.caught_unseen.count(caught);
        }
        let kind = self.caught_by_kind.entry(defect.kind).or_default();
        kind.count(caught);
        self.blocked_otherwise += u32::from(outcome == Outcome::BlockedOtherwise);
    }

    /// Cases without a verdict.
    pub fn without_verdict(&self) -> u32 {
        self.no_verdict.values().sum()
    }

    /// What is kept of it.
    pub fn figure(
        &self,
        model: &str,
        effort: Option<Effort>,
        cases: &str,
        day: &str,
    ) -> ReviewerFigure {
        ReviewerFigure {
            model: model.to_owned(),
            effort,
            cases: cases.to_owned(),
            day: day.to_owned(),
            caught: self.caught,
            blocked_otherwise: self.blocked_otherwise,
            false_blocks: self.false_blocks,
            no_verdict: self.without_verdict(),
        }
    }
}
