//! The only crate that writes outside: bundle, patch, branch, commit, report.
//!
//! Everything here is made from a run's journal, and nothing else: no sentence that a model wrote sets a state or a
//! count.

mod bundle;
mod chain;
mod changed;
mod error;
#[cfg(test)]
mod example;
mod folder;
mod forked;
mod gate_facts;
mod hearsay;
mod html;
mod message;
mod outcomes;
mod overview;
mod quote;
mod read_back;
mod record;
mod reopened;
mod report;
mod request_text;
mod targets;
mod trace;
pub mod words;

pub use bundle::Bundle;
pub use chain::verify_chain;
pub use changed::{FileChange, changed_files};
pub use error::DeliveryError;
pub use gate_facts::GateFact;
pub use hearsay::nobody_was_asked;
pub use html::prepare_page;
pub use message::{commit_message, request_branch};
pub use overview::{AgentFigures, Missing, Overview, TestCounts};
pub use read_back::read_bundle;
pub use request_text::MARK as REQUEST_MARK;
pub use request_text::task_name;
pub use targets::answers::ThreadAnswers;
pub use targets::branch::{LocalBranch, commit_change};
pub use targets::check::CommitCheck;
pub use targets::comment::StatusComment;
pub use targets::patch::{PatchFile, apply_change, check_patch_place};
pub use targets::pull_request::{Request, Wishes};
pub use targets::push::{RemoteBranch, is_ours, origin_of};
pub use targets::ticket::{TicketLink, TicketMove};
pub use targets::{Change, Signers, Target};
pub use trace::{Step, StepFile, StepKind, StepTests, Tracer};
