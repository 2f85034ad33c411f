//! Starts, watches, stops, resumes, forks, verifies and delivers runs, for whoever has a [`Host`].
//!
//! Nothing here knows a terminal, an HTTP server or the process's environment: the command line, a server and a bot hand
//! in what they have read of theirs, and get runs that go on by themselves.
//!
//! | | |
//! | --- | --- |
//! | [`Host`] | What runs stand on: store, folders, child programs, indexes, models' keys and prices. |
//! | [`Runs`] | What can be done with runs. |
//! | [`RunRequest`], [`Settings`] | What a run is asked to do; the settings are kept in its first event. |
//! | [`Prepared`] | A run whose repository is open and of which nothing is paid: it begins, or is discarded. |
//! | [`RunHandle`] | A run that works: its events, its stop, its end. |
//! | [`Past`], [`Claimed`] | A run as its journal has it, to fork or to go on with. |
//! | [`Delivered`] | Where a completed change went. |

mod by_role;
mod changed_texts;
mod checkouts;
mod claim;
pub mod crew;
mod delivered;
pub mod demo;
mod destinations;
mod empty;
mod error;
mod events;
mod fork;
mod handle;
mod host;
mod journal;
mod lacks;
mod leftovers;
mod models;
mod past;
mod prepared;
mod recording;
pub mod reverify;
mod runs;
mod settings;
mod terms;
mod verify;

pub use by_role::ByRole;
pub use changed_texts::ChangedText;
pub use checkouts::{Checkouts, find_walls};
pub use claim::{Change, Claim, Claimed, Said};
pub use delivered::{Delivered, Delivery, check_places, deliveries};
pub use error::RunsError;
pub use fork::ForkRequest;
pub use handle::{Ended, RunHandle};
pub use host::{Folders, Host, Programs};
pub use journal::Watcher;
pub use lacks::Lack;
pub use models::{Reviewing, reviewer, seats, spent};
pub use past::Past;
pub use prepared::Prepared;
pub use recording::{fits, read_recorded};
pub use runs::{RunRequest, Runs};
pub use settings::{Continued, ModelSource, Require, Settings};
pub use verify::Verification;
