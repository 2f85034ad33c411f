//! What each gate measured of the last draft, in a line.

use protocol::{Canaries, Evidence, HunkVerdict, Stage, TestClass};
use serde::Serialize;

use crate::outcomes::{Outcomes, Row};
use crate::record::Record;
use crate::words;

/// What a gate measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GateFact {
    /// Its name.
    pub name: &'static str,
    /// `good`, `odd` (for a person to look at), `bad`, or `none` when it measured nothing.
    pub mark: &'static str,
    /// In words.
    pub fact: String,
}

/// One line for each gate: whether it holds, and the figure that says so.
pub(crate) fn gates(record: &Record, outcomes: &Outcomes) -> Vec<GateFact> {
    let gate = |name, (mark, fact)| GateFact { name, mark, fact };
    vec![
        gate("Patch", patch(record)),
        gate("Format", format(record)),
        gate("Integrity", believed(record)),
        gate("Regression", regression(record, outcomes)),
        gate("Acceptance", accepted(record, outcomes)),
        gate("Hunks", bitten(record)),
        gate("Review", reviewed(record)),
    ]
}

type Fact = (&'static str, String);

fn patch(record: &Record) -> Fact {
    match record.patch_facts() {
        None if record.state.proposed_code.trim().is_empty() => ("none", "no change".to_owned()),
        None => ("none", "not measured".to_owned()),
        Some(facts) => {
            let size = format!(
                "{}, {} bytes",
                words::counted(facts.files as usize, "file"),
                words::number(facts.bytes)
            );
            match facts.allowed.len() {
                0 => ("good", format!("{size}; no protected path")),
                count => (
                    "odd",
                    format!(
                        "{size}; {} that the task names",
                        words::counted(count, "protected path")
                    ),
                ),
            }
        }
    }
}

fn format(record: &Record) -> Fact {
    let found = record.state.evidence.iter().find_map(|it| match it {
        Evidence::Format {
            tool, new_findings, ..
        } => Some((tool, new_findings.len())),
        _ => None,
    });
    match found {
        None => ("none", "not measured".to_owned()),
        Some((tool, 0)) => ("good", format!("{tool}: nothing new found")),
        Some((tool, count)) => (
            "bad",
            format!("{tool}: {}", words::counted(count, "new finding")),
        ),
    }
}

fn believed(record: &Record) -> Fact {
    let Some(found) = record.integrity() else {
        return ("none", "not measured".to_owned());
    };
    let against = found.missing.len() + found.marked.len() + found.tricks.len();
    match (&found.canaries, against) {
        (Canaries::Broken { .. }, _) => (
            "bad",
            "the canaries did not come out as they must".to_owned(),
        ),
        (_, 1..) => (
            "bad",
            format!("{} against it", words::counted(against, "sign")),
        ),
        (Canaries::Silent { .. }, 0) => ("odd", "the canaries say nothing here".to_owned()),
        (Canaries::Held { tests }, 0) => (
            "good",
            format!(
                "{} held; nothing was skipped or lost",
                words::counted(*tests as usize, "canary test")
            ),
        ),
    }
}

fn regression(record: &Record, outcomes: &Outcomes) -> Fact {
    // What the task asks for is the next gate's business.
    let own = |class: TestClass| move |it: &&Row| it.class == Some(class) && !it.is_unmet();
    let count = |class| outcomes.tests.iter().filter(own(class)).count();
    let against = count(TestClass::Regressed) + count(TestClass::NewRed);
    let mut fact = format!("{} kept", words::number(count(TestClass::Kept) as u64));
    for (class, word) in [
        (TestClass::Regressed, "regressed"),
        (TestClass::NewRed, "new and red"),
        (TestClass::PreExisting, "failing before and now"),
        (TestClass::Flaky, "flaky"),
    ] {
        if 0 < count(class) {
            fact += &format!(", {} {word}", words::number(count(class) as u64));
        }
    }
    match record.tests() {
        None => ("none", "not run".to_owned()),
        Some(_) if 0 < against => ("bad", fact),
        Some(_) => ("good", fact),
    }
}

fn accepted(record: &Record, outcomes: &Outcomes) -> Fact {
    let Some(tests) = record.state.acceptance_tests() else {
        return ("none", "there are no acceptance tests".to_owned());
    };
    let of = outcomes.tests.iter().filter(|it| it.acceptance);
    let passing = of
        .filter(|it| it.patch.is_some_and(protocol::TestOutcome::is_green))
        .count();
    let fact = format!(
        "{passing} of {} pass, {} red before",
        tests.on_base.len(),
        tests.red_on_base.len()
    );
    match (record.tests().is_some(), passing == tests.on_base.len()) {
        (false, _) => (
            "none",
            format!(
                "not run with the change; {} red before",
                tests.red_on_base.len()
            ),
        ),
        (true, false) => ("bad", fact),
        (true, true) if tests.red_on_base.is_empty() => ("odd", fact),
        (true, true) => ("good", fact),
    }
}

fn bitten(record: &Record) -> Fact {
    let Some(bite) = record.bite() else {
        return ("none", "not measured".to_owned());
    };
    let exercised = |it: &&protocol::HunkBite| matches!(it.verdict, HunkVerdict::Exercised { .. });
    let noticed = bite.hunks.iter().filter(exercised).count();
    let unnoticed = bite
        .hunks
        .iter()
        .any(|it| it.verdict == HunkVerdict::Unexercised);
    let fact = format!(
        "{noticed} of {} noticed by a test",
        words::counted(bite.hunks.len(), "hunk")
    );
    (if unnoticed { "odd" } else { "good" }, fact)
}

fn reviewed(record: &Record) -> Fact {
    match record.state.qa_passed {
        Some(true) => ("good", "passed".to_owned()),
        Some(false) => ("bad", "sent back".to_owned()),
        None if record.has_seat(Stage::Qa) => ("none", "not made".to_owned()),
        None => ("none", "nobody was asked".to_owned()),
    }
}
