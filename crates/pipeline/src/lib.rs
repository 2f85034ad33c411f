//! Walks one run through its stages: decides purely, acts through what it is handed.
//!
//! [`machine`] decides, [`driver`] does. Read `machine.rs` first: it is the whole of the pipeline's behaviour
//! on one screen.

mod crew;
mod driver;
mod ending;
mod machine;
mod past;
mod stop;
mod visit;

pub use crew::Crew;
pub use driver::{DriveError, Outcome, Run};
pub use ending::tier_of;
pub use stop::{Stop, StopHandle};
