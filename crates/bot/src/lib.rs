//! Wishes from a tracker in, runs out, word back to the tracker; unattended.
//!
//! Webhooks and polling only say where to look. What was wished for, by whom, and whether they may, is asked from the tracker each
//! time, so both lead to the same wish, and a forged webhook leads to nothing. Wishes stand in the store's inbox; each is taken
//! once, those of one issue one after another, and what was begun is gone on with after a crash.

mod answers;
mod bot;
mod budget;
mod error;
mod event;
mod lane;
mod look;
mod poll;
mod rules;
mod speak;
mod tickets;
mod webhook;
mod wishes;
mod work;

pub use bot::{Bot, Choices, Watched};
pub use error::BotError;
pub use event::Event;
pub use rules::{Budgets, Command, Rules};
pub use tickets::Tickets;
pub use webhook::{BODY_BYTES_MAX, Webhooks};
