//! The bot: what it stands on, and what was chosen for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use forge::{GitHub, RepositoryName};
use protocol::Limits;
use runs::{Runs, Settings};
use store::Store;
use tokio::sync::Notify;

use crate::error::BotError;
use crate::rules::{Budgets, Rules};
use crate::tickets::Tickets;

/// Wishes that are told in a status, and that can be at work.
pub(crate) const WISHES_MAX: u32 = 1_000;

/// A repository that is watched.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Its name.
    pub name: RepositoryName,
    /// What a run on it is like.
    pub settings: Settings,
    /// Whether its own issues are watched; otherwise only tickets are about it.
    pub has_issues: bool,
}

/// What whoever runs the bot chooses.
#[derive(Clone, Debug)]
pub struct Choices {
    /// Who may wish for what.
    pub rules: Rules,
    /// How much all of it may cost.
    pub budgets: Budgets,
    /// Repositories that are watched.
    pub watched: Vec<Watched>,
    /// The bounds of every run.
    pub limits: Limits,
    /// Runs at once.
    pub parallel: usize,
    /// While this file is there, nothing is begun.
    pub off_file: PathBuf,
    /// From when on comments count, as the tracker writes moments.
    pub since: String,
}

/// The bot.
#[derive(Debug)]
pub struct Bot {
    pub(crate) runs: Runs,
    pub(crate) github: Arc<GitHub>,
    /// The other tracker that is watched.
    pub(crate) tickets: Option<Tickets>,
    pub(crate) choices: Choices,
    /// The account that speaks; empty for an app, which has none.
    pub(crate) account: String,
    /// The same in Jira; empty where none is watched.
    pub(crate) ticket_account: String,
    /// Told of every wish that can be worked on.
    pub(crate) wake: Notify,
    /// Told of every hint.
    pub(crate) hinted: Arc<Notify>,
    /// Whether the bot itself ends, and not a run alone.
    pub(crate) is_ending: AtomicBool,
}

impl Bot {
    /// A bot with these choices. Asks the tracker who it is.
    ///
    /// # Errors
    /// [`BotError::Forge`] when the tracker doesn't know us.
    pub async fn new(
        runs: Runs,
        github: Arc<GitHub>,
        tickets: Option<Tickets>,
        choices: Choices,
    ) -> Result<Bot, BotError> {
        let account = github.own_account().await?.unwrap_or_default();
        let ticket_account = match &tickets {
            Some(tickets) => tickets.jira.own_account().await?,
            None => String::new(),
        };
        Ok(Bot {
            runs,
            github,
            tickets,
            choices,
            account,
            ticket_account,
            wake: Notify::new(),
            hinted: Arc::new(Notify::new()),
            is_ending: AtomicBool::new(false),
        })
    }

    pub(crate) fn store(&self) -> &Store {
        &self.runs.host().store
    }
}
