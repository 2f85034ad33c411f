//! The Claude test author and the pytest runner: proves the change.

mod ablation;
mod accepted;
#[allow(dead_code, reason = "the runner and the ablation begin to ask")]
mod affected;
mod amended;
mod author;
mod baseline;
mod beside;
mod bite;
mod code;
mod compare;
mod desk;
mod environment;
mod feedback;
mod frozen;
mod hearing;
mod hunks;
#[allow(dead_code, reason = "the runner and the ablation begin to ask")]
mod imports;
mod integrity;
mod known_base;
mod looking;
mod pytest;
mod report;
mod rerun;
mod runner;
mod settings;
mod submission;
mod talk;
mod tally;
mod trial;
mod user_tests;
mod verdict;
mod watched;
mod with_change;

pub use author::TestAuthor;
pub use bite::Ablation;
pub use runner::PytestRunner;
pub use user_tests::UserTests;
