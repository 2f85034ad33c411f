//! Whole walks with agents and models that are small real types: how they end, and how they go on after a crash.

mod closures;
mod endings;
mod forks;
mod order;
mod paid;
mod resume;
mod scene;
mod stand_ins;
