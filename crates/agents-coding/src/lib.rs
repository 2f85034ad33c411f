//! The coding agents ask a model for a change and carry out what it asks for; the patch gate looks at what they touched.

mod answer;
mod arguments;
mod coder;
mod conversation;
mod dialect;
mod disputes;
mod edits;
mod nearest;
mod patch_gate;
mod refusal;
mod syntax;
mod text_file;
mod tools;

pub use coder::{Coder, CoderRole};
pub use dialect::Dialect;
pub use patch_gate::PatchGate;
