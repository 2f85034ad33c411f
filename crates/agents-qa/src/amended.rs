//! Tests that were changed after a dispute, as a reviewer is shown them.

use protocol::{AmendedFile, RunState};
use similar::TextDiff;

/// The decision that changed tests, and the difference it made, in the form of a patch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amended {
    /// What was disputed, and why its author followed; empty when no test was changed.
    pub(crate) words: String,
    /// The difference.
    pub(crate) patch: String,
}

impl Amended {
    /// What a run says of it.
    pub(crate) fn of(state: &RunState) -> Amended {
        let tests = state.acceptance_tests();
        let Some(amendment) = tests.and_then(|it| it.amendment.as_deref()) else {
            return Amended::default();
        };
        if !amendment.granted {
            return Amended::default();
        }
        let dispute = &amendment.dispute;
        Amended {
            words: format!(
                "{} was disputed, because the task says: {}\n\nThe dispute: {}\n\nThe author of the tests followed it: {}\n",
                dispute.test, dispute.quote, dispute.words, amendment.answer
            ),
            patch: amendment.files.iter().map(difference).collect(),
        }
    }

    /// Both together; empty when no test was changed.
    pub(crate) fn shown(&self) -> String {
        if self.words.is_empty() {
            return String::new();
        }
        format!("{}\n{}", self.words, self.patch)
    }
}

fn difference(file: &AmendedFile) -> String {
    let (path, old, new) = (&file.path, &file.old_text, &file.new_text);
    let lines = TextDiff::from_lines(old.as_str(), new.as_str());
    let mut unified = lines.unified_diff();
    let unified = unified.header(&format!("a/{path}"), &format!("b/{path}"));
    format!("diff --git a/{path} b/{path}\n{unified}")
}
