//! Terms that a run goes on under: what is different, and what it can't go on with.

use std::path::{Path, PathBuf};

use pipeline::fork;
use protocol::{Entry, Kept, Limits, RunEvent, Seat};

use crate::error::RunsError;
use crate::models;
use crate::settings::{ModelSource, Settings};

/// Settings as they are written into an event.
pub(crate) fn written(settings: &Settings) -> Result<serde_json::Value, RunsError> {
    serde_json::to_value(settings).map_err(RunsError::Settings)
}

/// The journal as it will be.
pub(crate) fn with(past: &[Entry], reopened: &RunEvent) -> Vec<Entry> {
    let last = past.last();
    let mut future = past.to_vec();
    future.push(Entry {
        seq: last.map_or(0, |it| it.seq + 1),
        at_ms: last.map_or(0, |it| it.at_ms),
        event: reopened.clone(),
    });
    future
}

/// Agents that have another model in `after`, are new there, or are gone. The names of scripts say nothing of what is in
/// them, so other scripts are other models.
pub(crate) fn replaced(before: &[Seat], after: &[Seat], other_scripts: bool) -> Vec<String> {
    let in_crew = |crew: &[Seat], agent: &str| -> Option<Seat> {
        crew.iter().find(|it| it.agent == agent).cloned()
    };
    let mut replaced: Vec<String> = Vec::new();
    for seat in before.iter().chain(after) {
        let other = in_crew(before, &seat.agent) != in_crew(after, &seat.agent)
            || (other_scripts && seat.model.is_some());
        if other && !replaced.contains(&seat.agent) {
            replaced.push(seat.agent.clone());
        }
    }
    replaced
}

/// Refuses terms that a run can't go on under; `history` ends with the event that makes them known.
pub(crate) fn can_go_on(
    history: &[Entry],
    settings: &Settings,
    limits: &Limits,
) -> Result<(), RunsError> {
    let kept = Kept::of(history);
    let drafts = history.iter().filter_map(|it| match &it.event {
        RunEvent::Started { iteration, .. } if kept.counts(it.seq) => Some(*iteration),
        _ => None,
    });
    let begun = drafts.max().unwrap_or(0);
    if limits.iterations_max < begun {
        return Err(RunsError::DraftsBegun {
            max: limits.iterations_max,
            begun,
        });
    }
    let (Some(coder), Some(reviewer)) = (fork::last_coder(history), &settings.reviewer) else {
        return Ok(());
    };
    if settings.source.asks_vendors() && coder.vendor == reviewer.vendor {
        return Err(RunsError::ReviewsItsOwn {
            reviewer: reviewer.clone(),
            coder: coder.clone(),
        });
    }
    Ok(())
}

/// Refuses a cap that is reached already: nobody could be asked.
pub(crate) fn can_be_paid(history: &[Entry], settings: &Settings) -> Result<(), RunsError> {
    let spent = models::spent(history);
    let budget = settings.budget();
    let over = |cap: Option<u64>, spent: u64| cap.filter(|it| *it <= spent);
    if let Some(cap) = over(budget.tokens_max, spent.tokens) {
        return Err(RunsError::TokensSpent {
            cap,
            used: spent.tokens,
        });
    }
    if let Some(cap) = over(budget.microusd_max, spent.microusd) {
        return Err(RunsError::MoneySpent {
            cap_microusd: cap,
            spent_microusd: spent.microusd,
        });
    }
    Ok(())
}

/// Whether two sources of replies are other scripts.
pub(crate) fn other_scripts(before: &ModelSource, after: &ModelSource) -> bool {
    let folder = |it: &ModelSource| -> Option<PathBuf> {
        match it {
            ModelSource::Scripts { folder, .. } => Some(folder.clone()),
            ModelSource::Demo => Some(Path::new("").to_owned()),
            ModelSource::Vendors { .. } | ModelSource::Replay { .. } => None,
        }
    };
    folder(after).is_some() && folder(before) != folder(after)
}
