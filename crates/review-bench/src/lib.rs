//! How often a reviewer is right: changes of which it is known whether they are wrong, shown to it and counted.
//!
//! The changes are the real fixes of `fixtures/honest`, with what their authors got wrong put right, and the same fixes with
//! one defect put into each. [`cases`] lays them out as a run would show them, [`show`] asks the pipeline's own reviewer about one
//! and says what its answer was worth, and [`Tally`] counts. No network and no program is needed for that, only a model.

mod cases;
mod defect;
mod error;
mod figures;
mod grade;
mod nothing;
mod show;
mod sketch;
mod tally;

pub use cases::{Case, as_its_authors_made_it, cases, version};
pub use defect::{Defect, Kind};
pub use error::BenchError;
pub use figures::Figures;
pub use grade::{NoVerdict, Outcome};
pub use show::{question, show};
pub use tally::Tally;
