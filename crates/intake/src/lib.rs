//! Text, files and tests of the user's to a task; a repository's name to where to clone from.
//!
//! It fails closed: what can't be understood is an error, never free text.

mod error;
mod given_tests;
mod repository;
mod text;

pub use error::IntakeError;
pub use given_tests::GivenTests;
pub use repository::{Caller, RepositoryRef};
pub use text::{from_bytes, from_file, from_text};
