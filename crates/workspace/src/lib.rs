//! A private checkout in which agents read, write and run; the one door to other programs.

pub mod command;
pub mod confine;
pub mod error;
pub mod proxy;
