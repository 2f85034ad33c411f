//! Every prompt, as a Markdown file with a typed front door: a variable that is missing is an error, not a blank.

mod coding;
mod fence;
mod qa;
mod render;
mod test;

pub use coding::{CodingSystem, Draft, Nudge, Redraft, Refine, Unfinished};
pub use fence::fenced;
pub use qa::{ReviewChange, ReviewRepair, ReviewSystem};
pub use test::{
    DisputeNudge, DisputeOutcome, DisputeSystem, DisputedTest, TestNudge, TestOutcomeAnswer,
    TestReplyUnread, TestSystem, TestTask,
};
