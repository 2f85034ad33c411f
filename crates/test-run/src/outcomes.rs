//! What became of a test, in words.

use protocol::{TestOutcome, TestResult};

/// An outcome, with the place where it happened.
pub fn in_words(result: &TestResult) -> &'static str {
    match (result.outcome, result.phase.as_str()) {
        (TestOutcome::Passed, _) => "passed",
        (TestOutcome::Failed, _) => "failed",
        (TestOutcome::Error, "collect") => "could not be imported",
        (TestOutcome::Error, "teardown") => "failed while it cleaned up",
        (TestOutcome::Error, _) => "failed in a fixture, before its own body ran",
        (TestOutcome::Skipped, _) => "was skipped",
        (TestOutcome::Xfailed, _) => "is marked as expected to fail, and failed",
        (TestOutcome::Xpassed, _) => "is marked as expected to fail, and passed",
    }
}
