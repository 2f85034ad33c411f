//! `pipeline bot`: unattended.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::run::{CrewArgs, WallArgs};

/// `pipeline bot`.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  pipeline bot --repo acme/pager --poll 60          asks GitHub every minute
  pipeline bot --repo acme/pager --listen 127.0.0.1:8080   takes webhooks at /webhooks/github
  pipeline bot --repo acme/pager --once             works on what is there now, for a job that a schedule starts
  pipeline bot status                               what waits, what works, what it cost

Whoever may write to the repository asks for a run: by the label `pipeline`, by assigning the bot's
account, or by a comment that begins with /pipeline run, retry, rebase, stop or status. A completed
change becomes a pull request, and the issue hears of it."
)]
pub(crate) struct BotArgs {
    #[command(subcommand)]
    pub(crate) command: Option<BotCommand>,
    /// A repository to watch, as in owner/repo; may be given again [default: `repositories` of [bot]]
    #[arg(long = "repo", value_name = "OWNER/REPO")]
    pub(crate) repositories: Vec<String>,
    /// Ask the tracker every so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = super::amount::whole::<u64, 5, 86_400>)]
    pub(crate) poll: Option<u64>,
    /// Take webhooks at this address, at /webhooks/github; GITHUB_WEBHOOK_SECRET signs them
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Look once, work on what is there, and end
    #[arg(long, conflicts_with_all = ["poll", "listen"])]
    pub(crate) once: bool,
    /// Work on what one event wishes for, and end; the file with GitHub's payload, as Actions name it in GITHUB_EVENT_PATH
    #[arg(long, value_name = "FILE", requires = "event_name", conflicts_with_all = ["poll", "listen", "once"])]
    pub(crate) event: Option<PathBuf>,
    /// The event's name, as Actions give it in GITHUB_EVENT_NAME
    #[arg(long, value_name = "NAME", requires = "event")]
    pub(crate) event_name: Option<String>,
    /// Runs at once [default: `parallel` of [bot]]
    #[arg(long, value_name = "N", value_parser = super::amount::whole::<u8, 1, 64>)]
    pub(crate) parallel: Option<u8>,
    /// Most money of one run, in US dollars [default: `budget` of the configuration]
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    pub(crate) budget: Option<String>,
    #[command(flatten)]
    pub(crate) crew: CrewArgs,
    #[command(flatten)]
    pub(crate) walls: WallArgs,
}

/// Something about a bot.
#[derive(Debug, Subcommand)]
pub(crate) enum BotCommand {
    /// Print what waits, what works, what it cost, and the last troubles
    Status {
        /// Print one JSON object a wish
        #[arg(long)]
        json: bool,
    },
    /// Print how it is set up, step by step, and check each by a request
    Setup(BotSetupArgs),
}

/// `pipeline bot setup`.
#[derive(Debug, Args)]
pub(crate) struct BotSetupArgs {
    /// A repository to check, as in owner/repo; may be given again [default: `repositories` of [bot]]
    #[arg(long = "repo", value_name = "OWNER/REPO")]
    pub(crate) repositories: Vec<String>,
    /// Where the tracker reaches your TLS proxy, as in https://bot.example; it goes into the manifest
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Print one JSON document of the checks, and no steps
    #[arg(long)]
    pub(crate) json: bool,
}
