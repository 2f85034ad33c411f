//! Model vendors behind one trait, a scripted model, and the layers around any model.
//!
//! A model from a vendor is made by [`connect`]; it tries again by itself where that helps, and keeps to what the
//! vendor's other models were told ([`Traffic`]). Around any model go
//! the layers: [`Ledger::meter`] for money and tokens, [`Recording::around`] and [`Replay::model`] for runs that
//! need no key. Keys and addresses are passed in as [`Vendors`]; nothing here looks for them.

mod catalog;
mod connect;
mod day;
mod error;
mod fault;
mod folder;
mod guard;
mod ledger;
mod listed;
mod price;
mod prices;
mod record;
mod recorded;
mod recorded_run;
mod replay;
mod request_text;
mod retry;
mod scripted;
mod spec;
mod traffic;
mod tuned;
mod typical;
mod vendor;
mod wait;
mod wire;

pub use catalog::{Catalog, CrewEntry, DEFAULT_CREW, Pick, Role, Tables, VendorEntry};
pub use connect::{
    Configured, Connecting, OpenAiApi, Vendors, configured, connect, new_cache_key, reach,
};
pub use day::Day;
pub use error::LlmError;
pub use guard::Guard;
pub use ledger::{Account, Budget, Ledger, Spent};
pub use listed::{DatedName, Listed};
pub use price::{Price, Rates, Service, Tier};
pub use prices::Prices;
pub use record::Recording;
pub use recorded_run::{RecordedBase, RecordedRun};
pub use replay::Replay;
pub use retry::Patience;
pub use scripted::{SCRIPTED, ScriptedModel};
pub use spec::ModelSpec;
pub use traffic::Traffic;
pub use tuned::{Tuning, tuned};
pub use typical::{TypicalRole, typical_cost};
