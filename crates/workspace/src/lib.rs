//! A private checkout in which agents read, write and run.

pub mod checkout;
