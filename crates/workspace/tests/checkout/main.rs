//! Checkouts of real repositories, made and looked at with the real git.

#![expect(
    clippy::unwrap_used,
    reason = "a test that can't make its world has failed"
)]

mod base;
mod branches;
mod commits;
mod endings;
mod files;
mod findings;
mod hostile;
mod origins;
mod patches;
mod programs;
mod remote;
mod shown;
mod trees;
mod world;
