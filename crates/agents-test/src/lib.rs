//! The Claude test author and the pytest runner: proves the change.

mod author;
mod baseline;
mod bite;
mod code;
mod compare;
mod feedback;
mod frozen;
mod hunks;
mod looking;
mod pytest;
mod report;
mod runner;
mod settings;
mod submission;
mod tally;
mod verdict;
mod watched;
mod with_change;

pub use author::TestAuthor;
pub use bite::Ablation;
pub use runner::PytestRunner;
