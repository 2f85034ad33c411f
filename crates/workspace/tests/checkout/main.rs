//! Checkouts of real repositories, made and looked at with the real git.

mod commits;
mod files;
mod hostile;
mod origins;
mod patches;
mod programs;
mod remote;
mod trees;
mod world;
