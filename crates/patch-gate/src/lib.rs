//! The patch gate: what a draft touches, looked at before anything of it runs.
//!
//! It knows neither the coders nor their models: a judge doesn't live with whom it judges. Which paths are protected, and what a task
//! may ask for by name, is in `docs/decisions/protected-paths.md`.

mod asked;
mod gate;
mod hidden;
mod identifiers;
mod names;
mod objection;
mod protected;
mod sections;
mod sentences;
mod shadows;
mod tables;
mod territory;

pub use gate::PatchGate;
