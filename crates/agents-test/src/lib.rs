//! The Claude test author and the user's tests: acceptance tests that were frozen before anybody saw a change.
//!
//! | | |
//! | --- | --- |
//! | [`TestAuthor`] | Writes tests from the task and the base alone, and decides about a disputed one. |
//! | [`UserTests`] | Takes the tests that the user gave for acceptance tests. |

mod author;
mod author_visit;
mod dispute;
mod looking;
mod submission;
mod talk;
mod test_folders;
mod trial;
mod user_tests;

pub use author::TestAuthor;
pub use user_tests::UserTests;
