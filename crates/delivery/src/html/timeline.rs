//! The walk through the stages: who worked when, what it took, what it came to.

use protocol::{Evidence, Stage, Status};
use serde_json::{Value, json};

use crate::record::{Place, Record, Visit, Word};
use crate::words;

/// Visits that are shown; all events are in the journal.
const VISITS_MAX: usize = 400;
/// The whole walk, in hundredths of a percent.
const WHOLE: u64 = 10_000;
/// A bar narrower than this can't be seen.
const WIDTH_MIN: u64 = 60;

pub(super) fn visits(record: &Record) -> Vec<Value> {
    let visits = record.visits.iter().take(VISITS_MAX);
    visits.map(|it| visit(record, it)).collect()
}

/// Every generate, test and fix.
pub(super) fn trace(record: &Record) -> Value {
    let steps: Vec<Value> = record
        .trace
        .iter()
        .take(VISITS_MAX)
        .map(|it| {
            json!({
                "number": it.number,
                "kind": it.kind.name(),
                "draft": it.draft,
                "agent": it.agent,
                "files": it.files_in_words(),
                "mark": match (it.passed, &it.tests) {
                    (false, _) => "bad",
                    (true, Some(_)) => "good",
                    (true, None) => "",
                },
                "result": it.result(),
            })
        })
        .collect();
    json!({ "left_out": record.trace.len() - steps.len(), "steps": steps })
}

fn visit(record: &Record, visit: &Visit) -> Value {
    let whole = record.last_ms.saturating_sub(record.opened_ms).max(1);
    let began = visit.started_ms.saturating_sub(record.opened_ms).min(whole);
    let ended = visit.ended_ms.unwrap_or(record.last_ms);
    let took = ended.saturating_sub(visit.started_ms);
    let (left, width) = bar(began, took, whole);
    let (stage, draft) = place(visit.place);
    let (mark, word) = match &visit.word {
        Word::Unfinished => ("odd", "not finished"),
        Word::SetAside => ("idle", "set aside"),
        Word::Prepared => ("good", "prepared"),
        Word::Passed => ("good", "passed"),
        Word::Rejected(_) => ("bad", "sent back"),
    };
    json!({
        "stage": stage,
        "colour": colour(visit.place),
        "draft": draft,
        "agent": visit.agent,
        "model": visit.models(),
        "mark": mark,
        "word": word,
        "summary": super::cut(&visit.summary),
        "left": percent(left),
        "width": percent(width),
        "began": match visit.inherited {
            true => "before the fork".to_owned(),
            false => format!("began after {}", words::duration(began)),
        },
        "took": visit.ended_ms.map(|_| words::duration(took)),
        "calls": visit.calls,
        "tokens": words::number(visit.tokens.total()),
        "money": (0 < visit.tokens.total()).then(|| words::money(visit.cost_microusd)),
    })
}

/// Where a bar begins and how wide it is. It can be seen, and stays on its track.
fn bar(began: u64, took: u64, whole: u64) -> (u64, u64) {
    let share = |part: u64| part.saturating_mul(WHOLE) / whole;
    let left = share(began).min(WHOLE - WIDTH_MIN);
    (left, share(took).max(WIDTH_MIN).min(WHOLE - left))
}

fn percent(share: u64) -> String {
    format!("{}.{:02}", share / 100, share % 100)
}

fn place(place: Place) -> (String, Option<u8>) {
    match place {
        Place::Preparation => ("Preparation".to_owned(), None),
        Place::Stage(stage, draft) => (stage.to_string(), Some(draft)),
    }
}

fn colour(place: Place) -> &'static str {
    match place {
        Place::Preparation => "prepare",
        Place::Stage(Stage::Drafting, _) => "draft",
        Place::Stage(Stage::Formatting, _) => "format",
        Place::Stage(Stage::Testing, _) => "test",
        Place::Stage(..) => "review",
    }
}

/// Why drafts were sent back.
pub(super) fn sent_back(record: &Record) -> Vec<Value> {
    let rejected = record.visits.iter().filter_map(|it| match &it.word {
        Word::Rejected(feedback) => {
            let (stage, draft) = place(it.place);
            Some(json!({
                "agent": it.agent,
                "stage": stage,
                "draft": draft,
                "feedback": super::cut(feedback),
            }))
        }
        _ => None,
    });
    rejected.collect()
}

/// Why the last draft of a run that failed was sent back.
pub(super) fn last_rejection(record: &Record) -> Option<Value> {
    let failed = record.state.status == Status::Failed;
    sent_back(record).pop().filter(|_| failed)
}

/// What the coders said of the last draft.
pub(super) fn said(record: &Record) -> Vec<Value> {
    let said = record.state.evidence.iter().filter_map(|it| match it {
        Evidence::Draft { agent, summary, .. } if !summary.trim().is_empty() => {
            Some(json!({"agent": agent, "summary": super::cut(summary)}))
        }
        _ => None,
    });
    said.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_can_be_seen_and_stays_on_its_track() {
        let check = |began, took, whole, want: (&str, &str)| {
            let (left, width) = bar(began, took, whole);
            assert_eq!((&*percent(left), &*percent(width)), want);
        };
        check(0, 500, 1000, ("0.00", "50.00"));
        check(250, 900, 1000, ("25.00", "75.00"));
        check(0, 0, 1, ("0.00", "0.60"));
        check(1000, 0, 1000, ("99.40", "0.60"));
        check(u64::MAX, u64::MAX, 3, ("99.40", "0.60"));
    }
}
