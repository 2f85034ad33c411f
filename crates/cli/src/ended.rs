//! What is known of a run when its last lines are told.

use std::path::{Path, PathBuf};

use protocol::{RunId, RunState};
use runs::Settings;

/// What the last lines are about.
pub(crate) struct Ended<'a> {
    pub(crate) run: &'a RunId,
    pub(crate) settings: &'a Settings,
    pub(crate) state: &'a RunState,
    pub(crate) explanation: &'a str,
    pub(crate) bundle: &'a Path,
    /// Where the change is, a line each.
    pub(crate) delivered: &'a [String],
    /// Where the files are that a run from nothing has made.
    pub(crate) files: Option<PathBuf>,
    /// Whether less was proven than is required for a delivery.
    pub(crate) held_back: bool,
}
