//! Model vendors behind one trait, a scripted model, and the layers around any model.
//!
//! A model from a vendor is made by [`connect`]; it tries again by itself where that helps. Around any model go
//! the layers: [`Ledger::meter`] for money and tokens, [`Recording::around`] and [`Replay::model`] for runs that
//! need no key. Keys and addresses are passed in as [`Vendors`]; nothing here looks for them.

mod catalog;
mod connect;
mod error;
mod folder;
mod ledger;
mod price;
mod record;
mod recorded;
mod replay;
mod request_text;
mod retry;
mod scripted;
mod spec;
mod vendor;
mod wire;

pub use catalog::{Catalog, Role, VendorEntry};
pub use connect::{Connecting, OpenAiApi, Vendors, connect, new_cache_key};
pub use error::LlmError;
pub use ledger::{Account, Budget, Ledger, Spent};
pub use price::{Price, Prices, Service};
pub use record::Recording;
pub use replay::Replay;
pub use retry::Patience;
pub use scripted::{SCRIPTED, ScriptedModel};
pub use spec::ModelSpec;
