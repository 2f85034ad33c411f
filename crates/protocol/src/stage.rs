//! The stages a run passes through, in reading order.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The coding agents write, or rewrite, the change.
    Drafting,
    /// The format agent makes the change look like its neighbours.
    Formatting,
    /// The test agents prove that the change does what the task asks.
    Testing,
    /// The QA agent reads the change the way a reviewer would.
    Qa,
    /// The change may be delivered.
    Completed,
    /// The run ended without a change worth delivering.
    Failed,
}

impl Stage {
    /// Whether the walk ends here.
    pub fn is_final(self) -> bool {
        matches!(self, Stage::Completed | Stage::Failed)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Drafting => "Drafting",
            Stage::Formatting => "Formatting",
            Stage::Testing => "Testing",
            Stage::Qa => "QA",
            Stage::Completed => "Completed",
            Stage::Failed => "Failed",
        })
    }
}
