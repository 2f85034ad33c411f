//! Ruff: makes the change look like its neighbours.

mod agent;
mod findings;
mod fixes;
mod ruff;
mod rules;
mod scope;

pub use agent::RuffAgent;
