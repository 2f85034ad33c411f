//! The gates that a verification has a word about.

use std::fmt;

use serde::Serialize;

/// The gates, in the order in which a change passes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// The change applies, and touches nothing that is protected.
    Patch,
    /// Ruff finds nothing new.
    Format,
    /// The test runner's word can be believed.
    Integrity,
    /// Nothing that passed before fails now.
    Regression,
    /// The acceptance tests pass.
    Acceptance,
    /// Some test notices when a hunk is missing.
    Bite,
    /// A reviewer passed the change.
    Review,
    /// The status, the tier and the words of the end.
    End,
}

impl Gate {
    /// All of them, in their order.
    pub const ALL: [Gate; 8] = [
        Gate::Patch,
        Gate::Format,
        Gate::Integrity,
        Gate::Regression,
        Gate::Acceptance,
        Gate::Bite,
        Gate::Review,
        Gate::End,
    ];
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Gate::Patch => "patch",
            Gate::Format => "format",
            Gate::Integrity => "integrity",
            Gate::Regression => "regression",
            Gate::Acceptance => "acceptance",
            Gate::Bite => "hunks",
            Gate::Review => "review",
            Gate::End => "end",
        })
    }
}
