//! The Claude test author and the pytest runner: proves the change.

mod author;
mod baseline;
mod compare;
mod feedback;
mod frozen;
mod looking;
mod pytest;
mod report;
mod runner;
mod settings;
mod submission;
mod tally;
mod verdict;
mod with_change;

pub use author::TestAuthor;
pub use runner::PytestRunner;
