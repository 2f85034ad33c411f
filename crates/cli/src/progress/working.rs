//! The live line of one agent at work.

use std::time::Instant;

use indicatif::ProgressBar;

use crate::words;

/// What one agent is at.
pub(super) struct Working {
    pub(super) bar: ProgressBar,
    pub(super) what: String,
    pub(super) since: Instant,
    pub(super) tokens: u64,
    pub(super) cost_microusd: Option<u64>,
    /// Whether it is part of something else, which says by its own end that this is over, too.
    pub(super) is_part: bool,
}

impl Working {
    /// What it used until now, in words.
    pub(super) fn used(&self) -> String {
        let mut used = words::tokens(self.tokens);
        if self.cost_microusd.is_some_and(|it| 0 < it) {
            used += &format!(", {}", delivery::words::money(self.cost_microusd));
        }
        used
    }
}
