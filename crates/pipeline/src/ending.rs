//! How a run ends: what a broken agent means for it, what was proven, and in which words.

use std::error::Error;

use protocol::{AgentError, Evidence, ModelError, Reason, RunState, Tier, WorkspaceError};

/// What an agent's error means for the run.
pub(crate) enum Trouble {
    /// The run is over.
    Fatal(Reason),
    /// The run can go on once the cause is gone.
    Passing(Reason),
}

/// Judges an agent's error.
///
/// Fatal is what would come out the same when the run went on: the journal hands back the same replies.
pub(crate) fn judge(error: &AgentError) -> Trouble {
    match error {
        AgentError::Model(model) => match model {
            ModelError::BudgetExhausted { .. } => Trouble::Fatal(Reason::BudgetExhausted),
            ModelError::Refused { .. }
            | ModelError::Busy { .. }
            | ModelError::Unreachable { .. }
            | ModelError::Unreadable { .. } => Trouble::Passing(Reason::VendorUnavailable),
            ModelError::NoModel | ModelError::ScriptEnded { .. } | ModelError::Diverged { .. } => {
                Trouble::Fatal(Reason::AgentBroke)
            }
            ModelError::Unrecorded { .. } => Trouble::Passing(Reason::AgentBroke),
        },
        AgentError::Workspace(WorkspaceError::Blocked { .. }) => {
            Trouble::Fatal(Reason::BlockedEnvironment)
        }
        AgentError::UnreadableReply { .. } => Trouble::Fatal(Reason::AgentBroke),
        AgentError::Workspace(_)
        | AgentError::Tool { .. }
        | AgentError::Recorded { .. }
        | AgentError::Diverged { .. }
        | AgentError::Journal(_) => Trouble::Passing(Reason::AgentBroke),
    }
}

/// An error and its causes in one sentence: "could not …: because …".
pub(crate) fn in_words(error: &dyn Error) -> String {
    let mut words = format!("could not {error}");
    let mut cause = error.source();
    while let Some(it) = cause {
        words += &format!(": {it}");
        cause = it.source();
    }
    words
}

/// What was proven of a change that came through every stage.
pub fn tier_of(state: &RunState) -> Tier {
    let tested = state.tests_passed == Some(true);
    let reviewed = state.qa_passed == Some(true);
    let red_before = state
        .acceptance_tests()
        .is_some_and(|it| !it.red_on_base.is_empty());
    let green_before = state
        .baseline()
        .is_some_and(|it| it.results.iter().any(|test| test.outcome.is_green()))
        || state
            .acceptance_tests()
            .is_some_and(|it| it.on_base.iter().any(|test| test.outcome.is_green()));
    if tested && reviewed && red_before {
        Tier::Proven
    } else if tested && reviewed && green_before {
        Tier::RegressionSafe
    } else {
        Tier::Unverified
    }
}

/// The last words of a completed run.
pub(crate) fn completed_in_words(state: &RunState) -> String {
    let drafts = match state.iteration {
        1 => "the first draft".to_owned(),
        n => format!("draft {n}"),
    };
    let missing: Vec<&str> = state
        .evidence
        .iter()
        .filter_map(|it| match it {
            Evidence::Missing { what, .. } => Some(what.as_str()),
            _ => None,
        })
        .collect();
    let mut words = match state.tier.unwrap_or(Tier::Unverified) {
        Tier::Proven => format!(
            "{drafts} came through every stage, and a blind test that was red before is green now"
        ),
        Tier::RegressionSafe => format!(
            "{drafts} came through every stage; nothing that passed before fails now, but no test was red before it"
        ),
        Tier::Unverified => format!(
            "{drafts} came through the stages that were there, but what it does was not proven by tests and a review"
        ),
    };
    if !missing.is_empty() {
        words += &format!(" (missing: {})", missing.join(", "));
    }
    words
}

#[cfg(test)]
mod tests {
    use protocol::{AcceptanceTests, Exit, Task, TestOutcome, TestResult, TestRun};

    use super::*;

    fn test(outcome: TestOutcome) -> TestResult {
        TestResult {
            id: "tests/test_a.py::test_a".into(),
            outcome,
            phase: "call".into(),
            exception: String::new(),
            message: String::new(),
        }
    }

    fn check(
        baseline: &[TestOutcome],
        red_on_base: usize,
        tested: Option<bool>,
        reviewed: Option<bool>,
        want: Tier,
    ) {
        let mut state = RunState::new(Task::from_text("t"));
        state.evidence.push(Evidence::Baseline(TestRun {
            results: baseline.iter().copied().map(test).collect(),
            collected: Vec::new(),
            collection_errors: Vec::new(),
            exit: Exit::Code(0),
            finished: true,
            wall_ms: 0,
            tail: String::new(),
            cached: false,
        }));
        state
            .evidence
            .push(Evidence::AcceptanceTests(AcceptanceTests {
                files: Vec::new(),
                on_base: Vec::new(),
                red_on_base: vec!["a".into(); red_on_base],
                ..AcceptanceTests::default()
            }));
        state.tests_passed = tested;
        state.qa_passed = reviewed;
        assert_eq!(tier_of(&state), want);
    }

    #[test]
    fn red_before_and_green_now_is_proven_only_with_a_review() {
        use TestOutcome::{Failed, Passed};
        check(&[Passed], 1, Some(true), Some(true), Tier::Proven);
        check(&[], 1, Some(true), Some(true), Tier::Proven);
        check(&[Passed], 1, Some(true), None, Tier::Unverified);
        check(&[Passed], 1, None, Some(true), Tier::Unverified);
        check(&[Passed], 0, Some(true), Some(true), Tier::RegressionSafe);
        check(&[Failed], 0, Some(true), Some(true), Tier::Unverified);
        check(&[], 0, Some(true), Some(true), Tier::Unverified);
    }
}
