//! The coding agents ask a model for a change and carry out what it asks for.

mod answer;
mod arguments;
mod coder;
mod conversation;
mod dialect;
mod disputes;
mod edits;
mod nearest;
mod refusal;
mod syntax;
mod text_file;
mod tools;

pub use coder::{Coder, CoderRole};
pub use dialect::Dialect;
