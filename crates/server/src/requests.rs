//! What the server asks whoever owns the process: how a request becomes a run, and in which words things are told. So that both
//! mean and say the same, whether a run is asked for on a command line or over HTTP.

use async_trait::async_trait;
use protocol::RunEvent;
use runs::{Delivery, Past, RunRequest, Runs, RunsError, Said, Settings};
use serde_json::Value;
use store::StoreError;

use crate::api::{Changes, Destinations, NewRun};

/// What the server asks whoever owns the process.
#[async_trait]
pub trait Requests: Send + Sync {
    /// The run that is asked for. Resolves its task; a reference that can't be resolved is an error.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    async fn run(&self, asked: &NewRun, asker: Asker) -> Result<RunRequest, Refusal>;

    /// Who would work on it and what that may cost; asks no tracker and begins nothing.
    ///
    /// # Errors
    /// As [`Requests::run`].
    fn estimate(&self, asked: &NewRun) -> Result<Value, Refusal>;

    /// Executes the gates of a bundle again, without any model: of a run of this host, or in a folder that this caller may name.
    ///
    /// # Errors
    /// When it can't be executed again here. A figure that doesn't hold is no error.
    async fn verified(&self, bundle: &BundleOf, runs: &Runs) -> Result<Value, Refusal>;

    /// The models with their prices.
    ///
    /// # Errors
    /// When the configuration names a crew that isn't there.
    fn models(&self) -> Result<Value, Refusal>;

    /// The terms that a run that stopped goes on under.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    fn changed(
        &self,
        past: &Past,
        changes: &Changes,
    ) -> Result<(Settings, protocol::Limits, Said), Refusal>;

    /// The settings under which a run's change is delivered.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    fn delivered_to(&self, past: &Past, to: &Destinations) -> Result<Settings, Refusal>;

    /// An error of a run in words.
    fn refusal(&self, error: RunsError) -> Refusal;

    /// An error of the store in words.
    fn store_refusal(&self, doing: &str, error: StoreError) -> Refusal;

    /// An event in a line for people.
    fn line(&self, event: &RunEvent) -> String;

    /// A place of delivery in words.
    fn destination(&self, delivery: &Delivery) -> String;

    /// The code with which the command line would end, and the command that comes next for a person.
    fn ending(&self, past: &Past, works: bool) -> (Option<u8>, String);

    /// The local folders below which a repository may lie, as people write them; the first is what a form is filled with.
    fn folders(&self) -> Vec<String>;
}

/// Whose bundle is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundleOf {
    /// That of a run of this host.
    Run(protocol::RunId),
    /// One in a folder.
    Folder(String),
}

/// Who asks for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Whoever started the server, on this machine.
    Owner,
    /// Somebody elsewhere.
    Caller,
}

/// Why something isn't done, in the words of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What could not be done, as in "could not …".
    pub title: String,
    /// Why, a line each.
    pub because: Vec<String>,
    /// What to do about it.
    pub advice: Option<String>,
    /// The code with which the command line would have ended.
    pub exit_code: u8,
}
