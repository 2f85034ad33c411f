//! The command line, as people type it.

mod again;
mod amount;
mod bench;
mod bot;
#[cfg(test)]
mod documented;
pub(crate) mod roles;
mod run;
mod serve;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{ArgAction, Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::paint::Color;
use crate::reference;

pub(crate) use self::again::{
    ForkArgs, OtherBoundsArgs, OtherCrewArgs, OtherSourceArgs, ResumeArgs,
};
pub(crate) use self::bench::ReviewBenchArgs;
pub(crate) use self::bot::{BotArgs, BotCommand, BotSetupArgs};
pub(crate) use self::run::{
    BoundsArgs, CREWS, CrewArgs, OutArgs, Require, RunArgs, SourceArgs, WallArgs,
};
pub(crate) use self::serve::{AcpArgs, McpArgs, ServeArgs, TokenCommand};

/// Takes a coding task and a repository, and returns a change that was tested and reviewed.
#[derive(Debug, Parser)]
#[command(
    name = "pipeline",
    version = env!("PIPELINE_VERSION"),
    arg_required_else_help = true,
    after_help = "More: pipeline help configuration, pipeline help environment, pipeline help exit-codes"
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print nothing but errors and the result.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Say on standard error what is done: verdicts, model calls, programs; twice for more.
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Colours: auto is on a terminal, unless NO_COLOR is set
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub(crate) color: Color,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Walk one task to a verified change
    Run(RunArgs),
    /// Go on where a run stopped
    Resume(ResumeArgs),
    /// Begin a new run as an old one, and go on with other models
    Fork(ForkArgs),
    /// Work unattended: on what is asked for in a tracker, as pull requests
    Bot(Box<BotArgs>),
    /// Answer over HTTP: an API, and a page at /coding
    Serve(ServeArgs),
    /// Answer another agent by the Model Context Protocol, on standard input and output
    Mcp(McpArgs),
    /// Answer an editor by the Agent Client Protocol, on standard input and output
    Acp(AcpArgs),
    /// Say who may ask the server
    Token {
        /// What of it.
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// List the runs, newest first
    Runs(RunsArgs),
    /// Show how a run stands, where its change is, and what to do next
    Show(ShowArgs),
    /// Print what happened in a run, one event a line
    Log(LogArgs),
    /// Print a run's change
    Diff(LastRun),
    /// Put a run's change into the files of a repository; nothing is staged
    Apply(ApplyArgs),
    /// Open a run's report in the browser
    Open(LastRun),
    /// Ask a run to stop; it can be resumed
    Cancel(OneRun),
    /// Re-execute the gates of an evidence bundle, without any model
    Verify(VerifyArgs),
    /// Run a repository's own tests in the sandbox, as a run would run them
    Test(TestArgs),
    /// Stage exactly these paths and commit them
    Commit(CommitArgs),
    /// Walk a bundled task with scripted models; needs no key
    Demo(DemoArgs),
    /// List the models with their limits and prices, and what a typical task costs
    Models(ModelsArgs),
    /// Measure how often a reviewer is right, on changes of which it is known whether they are wrong
    ReviewBench(ReviewBenchArgs),
    /// Say what is installed, which keys are set, what the sandbox can do here, and who can be reached
    Doctor(DoctorArgs),
    /// Begin a configuration, say what holds, or where it is looked for
    Config {
        /// What of it.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Say what takes up space and can go, and remove it
    Clean(CleanArgs),
    /// Print the completions of a shell
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages into a folder
    Man {
        /// The folder.
        folder: PathBuf,
    },
    /// How the program ends, for scripts
    #[command(name = "exit-codes", hide = true, help_template = "{about}", about = reference::exit_codes())]
    ExitCodes,
    /// Keys of the configuration
    #[command(hide = true, help_template = "{about}", about = reference::configuration())]
    Configuration,
    /// Variables that the program reads
    #[command(hide = true, help_template = "{about}", about = reference::environment())]
    Environment,
}

/// `pipeline config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Write a pipeline.toml with every key, all of them commented out
    Init {
        /// Into the working folder instead of your configuration folder
        #[arg(long)]
        here: bool,
    },
    /// Print what holds and where it was set
    Show {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Say where files are looked for
    Path,
}

/// `pipeline runs`.
#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    /// Longest list
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = amount::whole::<u32, 1, 10_000>)]
    pub(crate) limit: u32,
    /// Print JSON, one run a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// `pipeline show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The run, or the beginning of its name [default: the newest]
    pub(crate) run: Option<String>,
    /// Print the shared state as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `pipeline log`.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// The run, or the beginning of its name [default: the newest]
    pub(crate) run: Option<String>,
    /// Go on with what happens, until the run stops or ends
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Print each event whole, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A command about one run, the newest unless another is named.
#[derive(Debug, Args)]
pub(crate) struct LastRun {
    /// The run, or the beginning of its name [default: the newest]
    pub(crate) run: Option<String>,
}

/// `pipeline apply`.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// The run, or the beginning of its name [default: the newest]
    pub(crate) run: Option<String>,
    /// The folder whose files change [default: the run's own repository, or that of the working folder]
    #[arg(long, value_name = "PATH")]
    pub(crate) repo: Option<String>,
    /// Also the last draft of a run that isn't completed
    #[arg(long)]
    pub(crate) unfinished: bool,
}

/// `pipeline test`.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Only these files, folders or tests, as in tests/test_a.py::test_b [default: the whole suite]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<String>,
    /// A folder with its uncommitted changes, or an address [default: the repository of the working folder]
    #[arg(long, value_name = "URL|PATH")]
    pub(crate) repo: Option<String>,
    /// Branch, tag or commit [default: the remote's default branch, or HEAD]
    #[arg(long, value_name = "REF")]
    pub(crate) base: Option<String>,
    /// Seconds that the tests may take [default: 900]
    #[arg(long, value_name = "N", value_parser = amount::whole::<u64, 1, 86_400>)]
    pub(crate) test_seconds: Option<u64>,
    /// Print one JSON object on standard output, and nothing else there
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) walls: WallArgs,
}

/// `pipeline clean`.
#[derive(Debug, Args)]
pub(crate) struct CleanArgs {
    /// Keep runs that ended within this many days
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub(crate) days: u32,
    /// Also mirrors, environments and tools
    #[arg(long)]
    pub(crate) cache: bool,
    /// Really remove it
    #[arg(long)]
    pub(crate) yes: bool,
}

/// A command about one run.
#[derive(Debug, Args)]
pub(crate) struct OneRun {
    /// The run, or the beginning of its name
    pub(crate) run: String,
}

/// `pipeline verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The bundle's folder
    pub(crate) folder: PathBuf,
    /// Where the repository is now [default: where it was]
    #[arg(long, value_name = "URL|PATH")]
    pub(crate) repo: Option<String>,
    /// Print the result as one JSON object on standard output, and nothing else there
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) walls: WallArgs,
}

/// `pipeline commit`.
#[derive(Debug, Args)]
pub(crate) struct CommitArgs {
    /// The paths; nothing else is staged
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The commit message
    #[arg(long, short)]
    pub(crate) message: String,
}

/// `pipeline demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where the evidence bundle goes [default: a folder in the state folder, named at the end]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// Print one event a line as JSON on standard output, and nothing else there
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) walls: WallArgs,
}

/// `pipeline models`.
#[derive(Debug, Args)]
pub(crate) struct ModelsArgs {
    /// Mark this crew instead of the configured one
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(CREWS))]
    pub(crate) crew: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// `pipeline doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Also install our own tools (uv, Ruff) into the cache when they are missing
    #[arg(long)]
    pub(crate) install: bool,

    /// Also ask each vendor whose key is set, the package index and the trackers whether they can be reached; costs nothing
    #[arg(long)]
    pub(crate) network: bool,

    /// Print one JSON document on standard output, and nothing else there
    #[arg(long)]
    pub(crate) json: bool,

    /// Set this repository up and run its own tests, without any model: a folder, or an address
    #[arg(long, value_name = "URL|PATH", conflicts_with_all = ["install", "network"])]
    pub(crate) repo: Option<String>,

    /// Start from this branch, tag or commit of the repository
    #[arg(long, value_name = "REF", requires = "repo")]
    pub(crate) base: Option<String>,
}
