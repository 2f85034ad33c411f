//! The Gemini reviewer: reads the change the way a reviewer would.

mod amended;
mod places;
mod review;
mod schema;
mod shown;
mod verdict;

pub use review::Reviewer;
