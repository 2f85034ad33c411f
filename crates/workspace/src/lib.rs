//! A private checkout in which agents read, write and run; the one door to other programs.

pub mod checkout;
pub mod command;
pub mod confine;
pub mod error;
mod files;
pub mod git;
mod lock;
pub mod policy;
pub mod proxy;
pub mod python;
pub mod snippet;
