//! A run as its journal has it.

use protocol::{Base, Entry, Limits, RunEvent, RunId, RunState, Seat, Status, Task, Terms, walked};

use crate::error::RunsError;
use crate::settings::Settings;

/// A run as its journal has it, with the terms that hold at its end.
#[derive(Clone, Debug)]
pub struct Past {
    /// The run.
    pub run: RunId,
    /// What was asked.
    pub task: Task,
    /// What it started from.
    pub base: Base,
    /// What was chosen for it.
    pub settings: Settings,
    /// Its bounds.
    pub limits: Limits,
    /// Who works on it.
    pub crew: Vec<Seat>,
    /// Every event of the run itself.
    pub history: Vec<Entry>,
    /// Where its change was delivered to, behind its end.
    pub deliveries: Vec<Entry>,
}

impl Past {
    /// What a journal says. `doing` is what the run is read for, as it follows "could not".
    pub(crate) fn of(
        run: &RunId,
        mut history: Vec<Entry>,
        doing: &'static str,
    ) -> Result<Past, RunsError> {
        let deliveries = history.split_off(walked(&history).len());
        let (Some(RunEvent::Opened { task, base, .. }), Some(terms)) =
            (history.first().map(|it| &it.event), Terms::of(&history))
        else {
            return Err(RunsError::NeverBegan {
                doing,
                run: run.clone(),
            });
        };
        let settings = serde_json::from_value(terms.settings.clone()).map_err(|source| {
            RunsError::StrangeSettings {
                run: run.clone(),
                source,
            }
        })?;
        Ok(Past {
            run: run.clone(),
            task: task.clone(),
            base: base.clone(),
            settings,
            limits: terms.limits.clone(),
            crew: terms.crew.to_vec(),
            history,
            deliveries,
        })
    }

    /// Where the run stands.
    ///
    /// # Errors
    /// [`RunsError::Journal`] when its events make no sense.
    pub fn state(&self) -> Result<RunState, RunsError> {
        RunState::fold(&self.history).map_err(RunsError::Journal)
    }

    /// Whether it is at its end.
    pub fn is_at_its_end(&self) -> bool {
        matches!(
            self.history.last().map(|it| &it.event),
            Some(RunEvent::Finished { .. })
        )
    }

    /// Why it ended so, in words for a person; empty before its end.
    pub fn explanation(&self) -> &str {
        match self.history.last().map(|it| &it.event) {
            Some(RunEvent::Finished { explanation, .. }) => explanation,
            _ => "",
        }
    }

    /// Whether it completed.
    pub(crate) fn has_completed(&self) -> Result<bool, RunsError> {
        Ok(self.state()?.status == Status::Completed)
    }
}
