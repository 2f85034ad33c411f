//! The review bench on the command line: who answers, what is kept of it, the course through the cases, and the result.

mod answers;
mod briefing;
mod course;
mod kept;
mod result;

pub(crate) use answers::Answers;
pub(crate) use briefing::lines;
pub(crate) use course::{book_lost, go};
pub(crate) use kept::Kept;
pub(crate) use result::Benched;
