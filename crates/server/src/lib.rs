//! Runs over HTTP: an API, live events, and the page.
//!
//! | | |
//! | --- | --- |
//! | [`Server`] | Listens, serves, and drains. |
//! | [`Requests`] | What it asks whoever owns the process: how a request becomes a run, and the words for things. |
//! | [`Choices`] | Address, names, limits. |
//! | [`api`] | What goes over the wire; [`openapi`] describes it. |
//!
//! A client that goes away stops nothing: what was begun goes on by itself, and whoever comes back reads its events from where it
//! stopped. All that is known of a run is in the store, so that one begun on a command line is seen here, and the other way round.

mod acp;
pub mod api;
mod asking;
mod body;
mod callers;
mod choices;
mod cleaning;
mod connections;
mod disk;
mod error;
mod follow;
mod guard;
mod mcp;
mod metrics;
mod page;
mod problem;
mod requests;
mod routes;
mod server;
mod shared;
mod stopping;
mod streams;
mod working;

pub use callers::{OWNER, new_secret, token_sha256};
pub use choices::Choices;
pub use error::ServerError;
pub use problem::Problem;
pub use requests::{Asker, BundleOf, Refusal, Requests};
pub use routes::openapi;
pub use server::{Listening, Server};
pub use working::Drained;
