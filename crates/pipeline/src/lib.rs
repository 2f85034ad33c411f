//! Walks one run through its stages: decides purely, acts through what it is handed.
//!
//! `machine.rs` decides, `walk.rs` does. Read the former first: it is the whole of the pipeline's behaviour
//! on one screen.

mod crew;
mod driver;
mod ending;
mod finish;
mod fn_coder;
pub mod fork;
mod independence;
mod machine;
mod past;
mod progress;
mod run;
mod stop;
pub mod verify;
mod visit;
mod walk;
mod word;

pub use crew::Crew;
pub use ending::tier_of;
pub use fn_coder::{FnCoder, Written};
pub use run::{DriveError, Outcome, Run};
pub use stop::{Stop, StopHandle};
