//! The Claude test author and the pytest runner: proves the change.

mod baseline;
mod compare;
mod feedback;
mod frozen;
mod pytest;
mod report;
mod runner;
mod settings;
mod verdict;

pub use runner::PytestRunner;
