//! `pipeline serve` and `pipeline token`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::run::WallArgs;

/// `pipeline serve`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pipeline serve --open                            for you, on this machine, with the page in your browser
  pipeline serve --folder ~/code                   repositories below ~/code may be named, too
  pipeline serve --listen 0.0.0.0:8787 --host pipeline.example.com   for others, who need a token

Where others reach the address, each of them needs a token (`pipeline token add NAME`), and something
before this server must speak TLS. Ctrl-C stops runs where they can be resumed; the next
`pipeline serve` goes on with them.")]
pub(crate) struct ServeArgs {
    /// Where to listen; port 0 is any that is free [default: `listen` of [server]]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// A name under which others reach this server; may be given again [default: `hosts` of [server]]
    #[arg(long = "host", value_name = "NAME")]
    pub(crate) hosts: Vec<String>,
    /// A folder below which repositories may be named; may be given again [default: `folders` of [server], else the repository of
    /// the working folder]
    #[arg(long = "folder", value_name = "PATH")]
    pub(crate) folders: Vec<PathBuf>,
    /// Open the page in your browser
    #[arg(long)]
    pub(crate) open: bool,
    /// Runs at once [default: `parallel` of [server]]
    #[arg(long, value_name = "N", value_parser = super::amount::whole::<u16, 1, 10_000>)]
    pub(crate) parallel: Option<u16>,
    /// Let scripted models from a folder (one folder of replies a role) work in every run
    #[arg(long, value_name = "FOLDER")]
    pub(crate) scripted: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) walls: WallArgs,
}

/// `pipeline mcp`.
#[derive(Debug, Args)]
#[command(after_help = "\
Another agent starts this itself; its configuration says something like
  {\"command\": \"pipeline\", \"args\": [\"mcp\", \"--folder\", \"/home/you/code\"]}
A server that runs already answers at /mcp as well.")]
pub(crate) struct McpArgs {
    /// A folder below which repositories may be named; may be given again [default: `folders` of [server], else the repository of
    /// the working folder]
    #[arg(long = "folder", value_name = "PATH")]
    pub(crate) folders: Vec<PathBuf>,
    /// Let scripted models from a folder (one folder of replies a role) work in every run
    #[arg(long, value_name = "FOLDER")]
    pub(crate) scripted: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) walls: WallArgs,
}

/// `pipeline acp`.
#[derive(Debug, Args)]
#[command(after_help = "\
An editor starts this itself. In Zed's settings, for instance:
  \"agent_servers\": {\"pipeline\": {\"command\": \"pipeline\", \"args\": [\"acp\", \"--budget\", \"2.00\"]}}
A prompt becomes a run on the open folder; you are asked before it spends money. The change is a branch
beside what is checked out.")]
pub(crate) struct AcpArgs {
    /// Most money of one run, in US dollars [default: `budget` of the configuration]
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    pub(crate) budget: Option<String>,
    /// Let scripted models from a folder (one folder of replies a role) work in every run
    #[arg(long, value_name = "FOLDER")]
    pub(crate) scripted: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) walls: WallArgs,
}

/// `pipeline token`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Let somebody ask the server; prints their token, once
    Add {
        /// Their name.
        name: String,
        /// They see and steer everybody's runs
        #[arg(long)]
        admin: bool,
    },
    /// Say who may ask, and who may no more
    List {
        /// Print JSON, one a line
        #[arg(long)]
        json: bool,
    },
    /// Let somebody ask no more, from now on
    Revoke {
        /// Their name.
        name: String,
    },
}
