//! Ruff: makes the change look like its neighbours.

mod agent;
mod findings;
mod fixes;
mod ruff;
mod scope;

pub use agent::RuffAgent;
