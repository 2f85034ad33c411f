//! The gates that judge a change by its tests: what it broke, whether the run can be believed, which hunks no test needs.
//!
//! | | |
//! | --- | --- |
//! | [`PytestRunner`] | Compares the outcome of every test with that on the base, and says why a change goes back. |
//! | [`Ablation`] | Takes each hunk back alone, to see whether any test notices. |

mod accepted;
mod affected;
mod amended;
mod code;
mod compare;
mod environment;
mod excused;
mod feedback;
mod hunk_ablation;
mod hunk_trials;
mod hunks;
mod imports;
mod integrity;
mod rerun;
mod runner;
mod scope;
mod verdict;

pub use hunk_ablation::Ablation;
pub use runner::PytestRunner;
