//! Fakes that are real types and small real servers, the closed test world, fixtures, house rules.

mod adversary;
mod agent;
mod documents;
mod fixture;
mod folder;
pub mod git;
mod honest;
mod journal_text;
mod located;
mod memory_journal;
mod model;
mod package;
mod programs;
mod published;
pub mod tracker;
mod workspace;

pub use adversary::{Adversary, Ends};
pub use agent::{
    MemorySteps, NoModel, NoSteps, RecordingLog, ScriptedAgent, Step, TestVisit, limits,
};
pub use documents::shell_lines;
pub use fixture::{Expected, Fixture, files};
pub use honest::{Honest, Kind, Share};
pub use journal_text::journal_text;
pub use located::{Half, Located, Request};
pub use memory_journal::MemoryJournal;
pub use model::{SaysModel, assert_each_request_extends_the_last, calls, cut_off, says};
pub use package::Package;
pub use programs::{Installed, asked_of_pytest, python, run_for_real};
pub use workspace::{FolderWorkspace, exits};

pub mod vendor;
