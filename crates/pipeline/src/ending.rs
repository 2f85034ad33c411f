//! How a run ends: what a broken agent means for it, what was proven, and in which words.

use std::error::Error;

use protocol::{
    AgentError, Bite, Evidence, HunkVerdict, ModelError, Reason, RunState, TestOrigin, Tier,
    WorkspaceError,
};

/// What an agent's error means for the run.
pub(crate) enum Trouble {
    /// The run is over.
    Fatal(Reason),
    /// The run can go on once the cause is gone.
    Passing(Reason),
}

/// Judges an agent's error.
///
/// Fatal is what would come out the same when the run went on: the journal hands back the same replies. A cap is raised
/// from outside, so what ran into it goes on.
pub(crate) fn judge(error: &AgentError) -> Trouble {
    match error {
        AgentError::Model(model) => match model {
            ModelError::BudgetExhausted { .. } => Trouble::Passing(Reason::BudgetExhausted),
            ModelError::Refused { .. }
            | ModelError::Busy { .. }
            | ModelError::Unreachable { .. }
            | ModelError::Unreadable { .. }
            | ModelError::ContextFull { .. } => Trouble::Passing(Reason::VendorUnavailable),
            ModelError::NoModel | ModelError::ScriptEnded { .. } | ModelError::Diverged { .. } => {
                Trouble::Fatal(Reason::AgentBroke)
            }
            ModelError::Unrecorded { .. } => Trouble::Passing(Reason::AgentBroke),
        },
        AgentError::Workspace(WorkspaceError::Blocked { .. }) => {
            Trouble::Fatal(Reason::BlockedEnvironment)
        }
        AgentError::UnreadableReply { .. } => Trouble::Fatal(Reason::ReviewUnreadable),
        AgentError::ReviewFiltered { .. } => Trouble::Fatal(Reason::ReviewFiltered),
        AgentError::Stopped { .. } => Trouble::Fatal(Reason::ModelDeclined),
        AgentError::Given { .. } => Trouble::Fatal(Reason::NeedsInput),
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
    let is_missing = |it: &str| {
        let mut all = state.evidence.iter().filter_map(Evidence::missing);
        all.any(|(what, _)| what == it)
    };
    let tested = state.tests_passed == Some(true) && !is_missing(Evidence::OWN_TESTS);
    let reviewed = state.qa_passed == Some(true) && !is_missing(Evidence::INDEPENDENT_REVIEW);
    let red_before = state
        .acceptance_tests()
        .is_some_and(|it| !it.red_on_base.is_empty());
    let green_before = state
        .baseline()
        .is_some_and(|it| it.results.iter().any(|test| test.outcome.is_green()))
        || state
            .acceptance_tests()
            .is_some_and(|it| it.on_base.iter().any(|test| test.outcome.is_green()));
    if tested && reviewed && red_before && !state.contradicts_itself() {
        Tier::Proven
    } else if tested && reviewed && (green_before || red_before) {
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
            "{drafts} came through every stage, and {} that was red before is green now",
            match state.acceptance_tests().map(|it| it.origin) {
                Some(TestOrigin::User) => "a test of yours",
                _ => "a blind test",
            }
        ),
        Tier::RegressionSafe if state.contradicts_itself() => format!(
            "{drafts} came through every stage; a test that was red before is green now, but no test notices when the change is taken back, so nothing shows that it is the change's doing"
        ),
        Tier::RegressionSafe => format!(
            "{drafts} came through every stage; nothing that passed before fails now, but no test was red before it"
        ),
        Tier::Unverified => format!(
            "{drafts} came through the stages that were there, but what it does was not proven by tests and a review"
        ),
    };
    words += &hunks_in_words(state);
    if !missing.is_empty() {
        words += &format!(" (missing: {})", missing.join(", "));
    }
    words
}

/// How many hunks the tests would not miss; empty when that wasn't measured.
fn hunks_in_words(state: &RunState) -> String {
    let mut bites = state.evidence.iter().rev();
    let bite = bites.find_map(|it| match it {
        Evidence::Bite(bite) => Some(bite),
        _ => None,
    });
    bite.map(bite_in_words).unwrap_or_default()
}

/// What an explanation says of an ablation.
pub(crate) fn bite_in_words(bite: &Bite) -> String {
    let hunks = &bite.hunks;
    let of =
        |wanted: fn(&HunkVerdict) -> bool| hunks.iter().filter(|it| wanted(&it.verdict)).count();
    let unexercised = of(|it| *it == HunkVerdict::Unexercised);
    let untried = of(|it| matches!(it, HunkVerdict::Untried { .. }));
    let all = hunks.len();
    match (unexercised, untried) {
        (0, 0) if all == 0 => String::new(),
        (0, 0) => "; each of its hunks is exercised by a test".to_owned(),
        (n, 0) => format!("; {n} of {all} hunks exercised by no test"),
        (n, untried) => {
            format!("; {n} of {all} hunks exercised by no test, {untried} not tried")
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{AcceptanceTests, Bite, Exit, HunkBite, Task, TestOutcome, TestResult, TestRun};

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

    #[test]
    fn tests_of_the_repository_that_nobody_ran_leave_all_unverified() {
        let mut state = RunState::new(Task::from_text("x"));
        state.tests_passed = Some(true);
        state.qa_passed = Some(true);
        let acceptance = AcceptanceTests {
            red_on_base: vec!["a".into()],
            ..AcceptanceTests::default()
        };
        state.evidence.push(Evidence::AcceptanceTests(acceptance));
        assert_eq!(tier_of(&state), Tier::Proven);
        state.evidence.push(Evidence::Missing {
            what: Evidence::OWN_TESTS.to_owned(),
            why: "`check.py` holds some".to_owned(),
        });
        assert_eq!(tier_of(&state), Tier::Unverified);
    }

    #[test]
    fn green_although_no_test_notices_the_change_is_no_proof() {
        let untried = |why: &str| HunkVerdict::Untried { why: why.into() };
        let check = |verdicts: &[HunkVerdict], want: Tier| {
            let mut state = RunState::new(Task::from_text("t"));
            (state.tests_passed, state.qa_passed) = (Some(true), Some(true));
            let acceptance = AcceptanceTests {
                red_on_base: vec!["a".into()],
                ..AcceptanceTests::default()
            };
            state.evidence.push(Evidence::AcceptanceTests(acceptance));
            let hunks = verdicts.iter().map(|verdict| HunkBite {
                path: "a.py".into(),
                header: "@@ -1 +1 @@".into(),
                verdict: verdict.clone(),
            });
            state.evidence.push(Evidence::Bite(Bite {
                hunks: hunks.collect(),
                wall_ms: 0,
            }));
            assert_eq!(tier_of(&state), want, "{verdicts:?}");
            state.tier = Some(want);
            let says_why = completed_in_words(&state).contains("when the change is taken back");
            assert_eq!(says_why, want == Tier::RegressionSafe, "{verdicts:?}");
        };
        let (noticed, unnoticed) = (
            HunkVerdict::Exercised { by: "a".into() },
            HunkVerdict::Unexercised,
        );
        check(std::slice::from_ref(&unnoticed), Tier::RegressionSafe);
        check(
            &[unnoticed.clone(), untried(HunkVerdict::OF_THE_TESTS)],
            Tier::RegressionSafe,
        );
        check(&[unnoticed.clone(), noticed], Tier::Proven);
        check(&[unnoticed, untried("it is binary")], Tier::Proven);
        check(&[untried(HunkVerdict::NO_CODE)], Tier::Proven);
        check(&[], Tier::Proven);
    }

    #[test]
    fn hunks_that_no_test_exercises_are_counted_in_the_last_words() {
        use HunkVerdict::Unexercised;
        let exercised = || HunkVerdict::Exercised { by: "a".into() };
        let untried = || HunkVerdict::Untried { why: "b".into() };
        let check = |verdicts: Vec<HunkVerdict>, want: &str| {
            let mut state = RunState::new(Task::from_text("t"));
            let hunks = verdicts.into_iter().map(|verdict| HunkBite {
                path: "a.py".into(),
                header: "@@ -1 +1 @@".into(),
                verdict,
            });
            state.evidence.push(Evidence::Bite(Bite {
                hunks: hunks.collect(),
                wall_ms: 0,
            }));
            let words = completed_in_words(&state);
            assert!(words.ends_with(want), "{words}");
        };
        check(
            vec![exercised(), exercised()],
            "and a review; each of its hunks is exercised by a test",
        );
        check(
            vec![exercised(), Unexercised],
            "; 1 of 2 hunks exercised by no test",
        );
        check(
            vec![untried(), Unexercised, exercised()],
            "; 1 of 3 hunks exercised by no test, 1 not tried",
        );
        check(vec![], "and a review");
        let unmeasured = RunState::new(Task::from_text("t"));
        assert!(completed_in_words(&unmeasured).ends_with("and a review"));
    }
}
