//! Whether a redraft brought anything new.

use std::collections::BTreeSet;

use protocol::{Evidence, Report, TestClass, TreeId};

/// A draft that was sent back.
pub(crate) struct Rejection {
    /// The draft.
    pub(crate) tree: TreeId,
    /// The tests that spoke against it; none when something else did.
    pub(crate) failing: BTreeSet<String>,
    /// The words that it was sent back with.
    pub(crate) feedback: String,
}

/// All drafts that were sent back so far.
#[derive(Default)]
pub(crate) struct Rejections(Vec<Rejection>);

impl Rejections {
    /// Takes a rejection in, and says why the drafting leads nowhere, if it does: the same tree as any draft before, or
    /// the same failing tests with the same words as the draft just before.
    pub(crate) fn why_no_progress(&mut self, rejection: Rejection) -> Option<String> {
        let last = self.0.last();
        let why = if last.is_some_and(|it| it.tree == rejection.tree) {
            Some("the draft is the same as the one before".to_owned())
        } else if let Some(place) = self.0.iter().position(|it| it.tree == rejection.tree) {
            Some(format!(
                "the draft is the same as one that was sent back before (rejection {})",
                place + 1
            ))
        } else if last
            .is_some_and(|it| it.failing == rejection.failing && it.feedback == rejection.feedback)
        {
            Some("the draft was sent back for the same as the one before".to_owned())
        } else {
            None
        };
        self.0.push(rejection);
        why
    }
}

/// The tests that speak against the draft of a report.
pub(crate) fn failing(report: &Report) -> BTreeSet<String> {
    report
        .evidence
        .iter()
        .filter_map(|it| match it {
            Evidence::Tests { comparison, .. } => Some(comparison),
            _ => None,
        })
        .flatten()
        .filter(|it| {
            it.class != TestClass::Flaky
                && (it.class == TestClass::Regressed || it.patch.is_some_and(|it| it.is_red()))
        })
        .map(|it| it.id.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each rejection as `tree failing,tests words`; `-` stands for no failing test.
    #[track_caller]
    fn check(rejections: &[&str], want: &[&str]) {
        let mut before = Rejections::default();
        let found: Vec<String> = rejections
            .iter()
            .map(|it| {
                let mut parts = it.split(' ');
                let mut next = || parts.next().unwrap_or_default().to_owned();
                let rejection = Rejection {
                    tree: TreeId(next()),
                    failing: next()
                        .split(',')
                        .filter(|it| *it != "-")
                        .map(str::to_owned)
                        .collect(),
                    feedback: next(),
                };
                before.why_no_progress(rejection).unwrap_or_default()
            })
            .collect();
        assert_eq!(found, want);
    }

    #[test]
    fn a_new_tree_with_other_failures_or_other_words_is_progress() {
        check(&["t1 a words", "t2 b words", "t3 b more"], &["", "", ""]);
        check(&["t1 a,b words", "t2 a words"], &["", ""]);
        check(&["t1 - lint1", "t2 - lint2"], &["", ""]);
    }

    #[test]
    fn the_same_tree_is_none() {
        check(
            &["t1 a words", "t1 b other"],
            &["", "the draft is the same as the one before"],
        );
    }

    #[test]
    fn going_back_and_forth_is_none() {
        check(
            &["t1 a words", "t2 b other", "t1 a words"],
            &[
                "",
                "",
                "the draft is the same as one that was sent back before (rejection 1)",
            ],
        );
    }

    #[test]
    fn the_same_failures_with_the_same_words_are_none() {
        let same = "the draft was sent back for the same as the one before";
        check(&["t1 a words", "t2 a words"], &["", same]);
        check(&["t1 - words", "t2 - words"], &["", same]);
        check(&["t1 a words", "t2 b other", "t3 a words"], &["", "", ""]);
    }
}
