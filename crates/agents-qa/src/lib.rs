//! The Gemini reviewer: reads the change the way a reviewer would.

mod amended;
mod instructions;
mod places;
mod review;
mod schema;
mod shown;
mod verdict;

pub use instructions::instructions;
pub use review::Reviewer;
pub use verdict::normalised;
