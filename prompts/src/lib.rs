//! Every prompt, as a Markdown file with a typed front door: a variable that is missing is an error, not a blank.

mod coding;
mod fence;
mod render;

pub use coding::{CodingSystem, Draft, Nudge, Redraft, Refine};
pub use fence::fenced;
