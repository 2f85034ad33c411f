//! Every test on both sides, in groups by what the pair of outcomes means.

use protocol::{TestClass, TestOutcome};
use serde_json::{Value, json};

use crate::outcomes::{Outcomes, Row};
use crate::record::Record;
use crate::words;

/// Rows of one group; all are in `outcomes.json`.
const ROWS_MAX: usize = 5000;
/// Failures that are shown with their words.
const FAILURES_MAX: usize = 20;

/// The classes, those first that a reviewer looks at first; whether a group is unfolded; its name and its meaning.
const CLASSES: &[(TestClass, bool, &str, &str)] = &[
    (
        TestClass::Regressed,
        true,
        "regressed",
        "green on the base, not with the change",
    ),
    (
        TestClass::NewRed,
        true,
        "new and red",
        "new with the change, and failing",
    ),
    (
        TestClass::Fixed,
        true,
        "fixed",
        "red on the base, green with the change",
    ),
    (
        TestClass::Flaky,
        true,
        "flaky",
        "different outcomes on the same tree",
    ),
    (
        TestClass::PreExisting,
        true,
        "pre-existing",
        "red on both sides, not this change's doing",
    ),
    (
        TestClass::Environment,
        true,
        "can't run here",
        "on either side",
    ),
    (
        TestClass::New,
        false,
        "new",
        "new with the change, and green",
    ),
    (TestClass::Kept, false, "kept", "green on both sides"),
    (
        TestClass::Idle,
        false,
        "idle",
        "skipped, or expected to fail, on both sides",
    ),
];

pub(super) fn groups(outcomes: &Outcomes) -> Vec<Value> {
    let one_side = (None, false, "one side only", "no outcome to compare with");
    let known = CLASSES.iter().map(|it| (Some(it.0), it.1, it.2, it.3));
    let (unmet, others): (Vec<&Row>, Vec<&Row>) =
        outcomes.tests.iter().partition(|it| it.is_unmet());
    // Red on both sides like a failure of before, and yet it says that the task isn't done.
    let unmet = (
        "bad",
        true,
        "not accepted",
        "acceptance tests that the change doesn't meet",
        unmet,
    );
    let by_class = known.chain([one_side]).map(|(class, open, name, meaning)| {
        let rows: Vec<&Row> = others
            .iter()
            .copied()
            .filter(|it| it.class == class)
            .collect();
        (mark(class), open, name, meaning, rows)
    });
    [unmet]
        .into_iter()
        .chain(by_class)
        .filter_map(|(mark, open, name, meaning, rows)| {
            if rows.is_empty() {
                return None;
            }
            Some(json!({
                "name": name,
                "mark": mark,
                "meaning": meaning,
                "open": open,
                "count": rows.len(),
                "left_out": rows.len().saturating_sub(ROWS_MAX),
                "rows": rows.iter().take(ROWS_MAX).map(|it| row(it)).collect::<Vec<_>>(),
            }))
        })
        .collect()
}

fn mark(class: Option<TestClass>) -> &'static str {
    match class {
        Some(TestClass::Regressed | TestClass::NewRed) => "bad",
        Some(TestClass::Fixed | TestClass::New | TestClass::Kept) => "good",
        Some(TestClass::Flaky | TestClass::PreExisting | TestClass::Environment) => "odd",
        Some(TestClass::Idle) | None => "idle",
    }
}

fn row(row: &Row) -> Value {
    json!({
        "id": row.id,
        "acceptance": row.acceptance,
        "base": side(row.base),
        "patch": side(row.patch),
    })
}

fn side(outcome: Option<TestOutcome>) -> Value {
    let (mark, word) = match outcome {
        None => ("idle", "–"),
        Some(it) if it.is_red() => ("bad", words::outcome(it)),
        Some(it @ TestOutcome::Passed) => ("good", words::outcome(it)),
        Some(it) => ("idle", words::outcome(it)),
    };
    json!({"mark": mark, "word": word})
}

/// What was run again, and what was not run.
pub(super) fn around(record: &Record) -> Value {
    let (reruns, scope) = record.around_the_tests();
    let outcomes =
        |of: &[TestOutcome]| -> Vec<Value> { of.iter().map(|it| side(Some(*it))).collect() };
    let reruns: Vec<Value> = reruns
        .iter()
        .map(|it| {
            json!({
                "id": it.id,
                "on_base": outcomes(&it.on_base),
                "with_change": outcomes(&it.with_change),
                "excuse": it.excuse,
            })
        })
        .collect();
    json!({"reruns": reruns, "scope": scope})
}

/// Failures that are the change's doing, in the runner's words.
pub(super) fn failures(outcomes: &Outcomes) -> Value {
    let is_red = |it: &&Row| {
        it.patch.is_some_and(TestOutcome::is_red)
            && !it.message.is_empty()
            && it.class != Some(TestClass::PreExisting)
    };
    let red: Vec<&Row> = outcomes.tests.iter().filter(is_red).collect();
    let shown = red.iter().take(FAILURES_MAX);
    json!({
        "shown": shown.map(|it| json!({"id": it.id, "message": super::cut(&it.message)})).collect::<Vec<_>>(),
        "left_out": red.len().saturating_sub(FAILURES_MAX),
    })
}
