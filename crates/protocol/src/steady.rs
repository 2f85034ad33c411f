//! The words of a program as they are the same in every run, on every machine: what a model may be shown of them.
//!
//! A request that differs from run to run is read by the vendor from its beginning again, and a recorded run can't be
//! replayed by somebody else. So whatever a program prints passes [`steady`] before it reaches a model. The text of
//! *files* doesn't: a model quotes it to say where to edit.

mod measured;
mod moments;
mod places;

use std::time::SystemTime;

pub use places::{Place, Places};

/// An output without what differs by run or machine.
///
/// Places get their names; durations, addresses in memory, process ids, ports, seeds and names of workers and of
/// temporary files become `…`; dates and times around `now`, when the program ran, become `now` or `today`. Everything
/// else stays as it is: other dates are what a test is about.
pub fn steady(output: &str, places: &Places, now: SystemTime) -> String {
    let named = places.named(output);
    let dated = moments::without_now(&named, now);
    measured::without_measures(&dated)
}
