//! The command line, as people type it.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use llm::Role;
use protocol::{Effort, ModelId};

use crate::crew::{effort_of_role, fallback_of_role};

/// Takes a coding task and a repository, and returns a change that was tested and reviewed.
#[derive(Debug, Parser)]
#[command(name = "pipeline", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print nothing but errors and the result.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
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
    /// List the runs, newest first
    Runs(RunsArgs),
    /// Show how a run stands
    Show(ShowArgs),
    /// Print what happened in a run, one event a line
    Log(LogArgs),
    /// Ask a run to stop; it can be resumed
    Cancel(OneRun),
    /// Re-execute the gates of an evidence bundle, without any model
    Verify(VerifyArgs),
    /// Stage exactly these paths and commit them
    Commit(CommitArgs),
    /// Walk a bundled task with scripted models; needs no key
    Demo(DemoArgs),
    /// List the models with their limits and prices, and what a typical task costs
    Models(ModelsArgs),
    /// Measure how often a reviewer is right, on changes of which it is known whether they are wrong
    ReviewBench(ReviewBenchArgs),
    /// Say what is installed, which keys are set and what the sandbox can do here
    Doctor(DoctorArgs),
    /// Print the completions of a shell
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// `pipeline run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pipeline run --github owner/repo#123 --patch fix.patch
  pipeline run --repo . --commit \"Dates before 1970 are parsed as 1970\"
  pipeline run --repo git@host:team/project.git --jira ABC-123 --token-budget 2000000
  pipeline run --tests test_sieve.py \"Implement a prime sieve\"     (without --repo: from nothing)
  pipeline run --crew cheap --budget 0.50 --dry-run --repo . \"Dates before 1970\"    (only says who would work)")]
pub(crate) struct RunArgs {
    /// The task in words; first line the title, the rest the description
    pub(crate) task: Option<String>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) crew: CrewArgs,
    #[command(flatten)]
    pub(crate) bounds: BoundsArgs,
    #[command(flatten)]
    pub(crate) out: OutArgs,
    #[command(flatten)]
    pub(crate) walls: WallArgs,
}

/// Where the task and the code come from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Task and code")]
pub(crate) struct SourceArgs {
    /// Git address (https, ssh, scp-like, file) or a local folder; without it, an empty repository
    #[arg(long, value_name = "URL|PATH")]
    pub(crate) repo: Option<String>,
    /// Branch, tag or commit to start from [default: the remote's default branch, or HEAD]
    #[arg(long, value_name = "REF")]
    pub(crate) base: Option<String>,
    /// Take a local folder's uncommitted changes along as part of the base
    #[arg(long)]
    pub(crate) include_dirty: bool,
    /// The task is a GitHub issue; --repo defaults to its repository
    #[arg(long, value_name = "OWNER/REPO#N|URL")]
    pub(crate) github: Option<String>,
    /// The task is a Jira ticket
    #[arg(long, value_name = "KEY-N|URL")]
    pub(crate) jira: Option<String>,
    /// The task is a file, or - for standard input; first line the title, the rest the description
    #[arg(long, value_name = "FILE|-")]
    pub(crate) task_file: Option<PathBuf>,
    /// Tests of your own that must pass, instead of written ones: a file, a folder, or a test of the repository such as
    /// tests/test_a.py::test_b; may be given again
    #[arg(long, value_name = "PATH")]
    pub(crate) tests: Vec<String>,
}

/// The crews that `models.toml` describes; a test compares.
pub(crate) const CREWS: [&str; 3] = ["best", "cheap", "default"];

/// Who works on it.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Who works on it")]
pub(crate) struct CrewArgs {
    /// A set of models for all roles: best, cheap or default; flags for a role come before it, and `pipeline models` shows
    /// what each costs
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(CREWS), hide_possible_values = true)]
    pub(crate) crew: Option<String>,
    /// A coder; give it again for each further one, in order; `none` is nobody [default: GPT drafts, Claude refines]
    #[arg(long = "coder", value_name = "VENDOR:MODEL")]
    pub(crate) coders: Vec<String>,
    /// Who writes the acceptance tests; `none` leaves the role out [default: Claude]
    #[arg(long, value_name = "VENDOR:MODEL")]
    pub(crate) test_author: Option<String>,
    /// Who reviews; `none` leaves the role out [default: Gemini]
    #[arg(long, value_name = "VENDOR:MODEL")]
    pub(crate) reviewer: Option<String>,
    /// How hard the models of a role think: draft, refine, author or review, and low, medium, high, xhigh or max; may be
    /// given again [default: the crew's]
    #[arg(long = "effort", value_name = "ROLE=LEVEL", value_parser = effort_of_role)]
    pub(crate) efforts: Vec<(Role, Effort)>,
    /// Who stands in for a role while its model's vendor is down: draft, refine, author or review, and a model; may be
    /// given again
    #[arg(long = "fallback", value_name = "ROLE=VENDOR:MODEL", value_parser = fallback_of_role)]
    pub(crate) fallbacks: Vec<(Role, ModelId)>,
    /// Use the cheaper, slower service of the vendors that have one which answers while one waits (OpenAI, Gemini)
    #[arg(long)]
    pub(crate) flex: bool,
    /// Let scripted models from a folder (one folder of replies a role) work instead of vendors
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["crew", "coders", "test_author", "reviewer", "efforts", "fallbacks", "flex"])]
    pub(crate) scripted: Option<PathBuf>,
    /// Write every request and reply into a folder that anyone can read
    #[arg(long, value_name = "FOLDER", conflicts_with = "replay")]
    pub(crate) record: Option<PathBuf>,
    /// Take the replies from a recorded folder; needs no key and no network
    #[arg(long, value_name = "FOLDER")]
    pub(crate) replay: Option<PathBuf>,
}

/// How far it may go.
#[derive(Debug, Args)]
#[command(next_help_heading = "How far it may go")]
pub(crate) struct BoundsArgs {
    /// Drafts in all, the first one included [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=20))]
    pub(crate) max_iterations: Option<u8>,
    /// Seconds that one run of the tests may take [default: 900]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) test_seconds: Option<u64>,
    /// Most money to spend, in US dollars; `pipeline models` lists the prices that are known
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    pub(crate) budget: Option<String>,
    /// Most tokens to use, input and output together
    #[arg(long, value_name = "N")]
    pub(crate) token_budget: Option<u64>,
    /// Resolve the task and the repository, show the crew, its prices and the cap, and end before anything is paid
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Deliver only what was proven at least this far
    #[arg(long, value_name = "TIER")]
    pub(crate) require: Option<Require>,
}

/// The least tier to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Require {
    /// A blind test, or one of the user's, was red before the change and is green with it.
    Proven,
    /// Nothing that passed before fails now.
    RegressionSafe,
}

/// Where the change goes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where the change goes")]
pub(crate) struct OutArgs {
    /// Where the evidence bundle goes [default: a folder in the state folder, named at the end]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// Write the change to a patch file
    #[arg(long, value_name = "FILE")]
    pub(crate) patch: Option<PathBuf>,
    /// Commit the change to a new branch, in the local repository or in the run's clone
    #[arg(long)]
    pub(crate) commit: bool,
    /// Print one event a line as JSON on standard output, and nothing else there
    #[arg(long)]
    pub(crate) json: bool,
}

/// What stands around the programs that run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Safety")]
pub(crate) struct WallArgs {
    /// Run programs without any sandbox when none can be had here; the report says so
    #[arg(long)]
    pub(crate) unconfined: bool,
}

/// `pipeline resume`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pipeline resume                                    the run that stopped last
  pipeline resume RUN --budget 5.00                  its budget was spent
  pipeline resume RUN --reviewer openai:gpt-6.1-sol  its reviewer's vendor is down

Whoever gets another model begins anew with what it was in the middle of; what came to its end
stays. A run at its end is only delivered again: `pipeline fork` goes on from any of its events.")]
pub(crate) struct ResumeArgs {
    /// The run, or the beginning of its name [default: the one that stopped last]
    pub(crate) run: Option<String>,
    #[command(flatten)]
    pub(crate) crew: OtherCrewArgs,
    #[command(flatten)]
    pub(crate) bounds: OtherBoundsArgs,
    #[command(flatten)]
    pub(crate) out: OutArgs,
}

/// `pipeline fork`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pipeline fork RUN --reviewer openai:gpt-6.1-sol  another model reviews the last draft
  pipeline fork RUN --coder openai:gpt-6.1-sol     one coder makes the last draft again
  pipeline fork RUN --max-iterations 6             more drafts after the last one
  pipeline fork RUN --at 12                        the same models try again after event 12

The old run stays as it is. The new one begins as it and inherits what that cost, so that a budget
holds over both. `pipeline log RUN` numbers the events. Whoever gets another model begins anew with
what it was in the middle of.")]
pub(crate) struct ForkArgs {
    /// The run to begin as, or the beginning of its name
    pub(crate) run: String,
    /// The last of its events to begin with [default: just before a role that gets another model had its last turn; the
    /// last event when none does]
    #[arg(long, value_name = "EVENT")]
    pub(crate) at: Option<u64>,
    #[command(flatten)]
    pub(crate) crew: OtherCrewArgs,
    #[command(flatten)]
    pub(crate) source: OtherSourceArgs,
    #[command(flatten)]
    pub(crate) bounds: OtherBoundsArgs,
    #[command(flatten)]
    pub(crate) out: OutArgs,
    #[command(flatten)]
    pub(crate) walls: WallArgs,
}

/// Who works on a run from here on.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Who works on it from here on")]
pub(crate) struct OtherCrewArgs {
    /// A set of models for all roles; flags for a role come before it [default: as before]
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(CREWS))]
    pub(crate) crew: Option<String>,
    /// A coder; give it again for each further one, in order, also for those who stay; `none` is nobody [default: as before]
    #[arg(long = "coder", value_name = "VENDOR:MODEL")]
    pub(crate) coders: Vec<String>,
    /// Who writes the acceptance tests; `none` leaves the role out [default: as before]
    #[arg(long, value_name = "VENDOR:MODEL")]
    pub(crate) test_author: Option<String>,
    /// Who reviews; `none` leaves the role out [default: as before]
    #[arg(long, value_name = "VENDOR:MODEL")]
    pub(crate) reviewer: Option<String>,
    /// How hard the models of a role think: draft, refine, author or review, and low, medium, high, xhigh or max; may be
    /// given again [default: as before, while the model stays]
    #[arg(long = "effort", value_name = "ROLE=LEVEL", value_parser = effort_of_role)]
    pub(crate) efforts: Vec<(Role, Effort)>,
    /// Who stands in for a role while its model's vendor is down: draft, refine, author or review, and a model; may be
    /// given again [default: as before]
    #[arg(long = "fallback", value_name = "ROLE=VENDOR:MODEL", value_parser = fallback_of_role)]
    pub(crate) fallbacks: Vec<(Role, ModelId)>,
    /// Use the cheaper, slower service of the vendors that have one which answers while one waits (OpenAI, Gemini)
    #[arg(long)]
    pub(crate) flex: bool,
}

/// Who answers the requests of a fork.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Who works on it from here on")]
pub(crate) struct OtherSourceArgs {
    /// Let scripted models from a folder (one folder of replies a role) work from here on; they begin with their first
    /// reply
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["crew", "coders", "test_author", "reviewer", "efforts", "fallbacks", "flex"])]
    pub(crate) scripted: Option<PathBuf>,
    /// Write every request and reply of the new run itself into a folder; what it begins with is in the old run's
    #[arg(long, value_name = "FOLDER", conflicts_with = "replay")]
    pub(crate) record: Option<PathBuf>,
    /// Take the new run's replies from a folder that the same fork recorded
    #[arg(long, value_name = "FOLDER")]
    pub(crate) replay: Option<PathBuf>,
}

/// How far a run may go from here on.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "How far it may go")]
pub(crate) struct OtherBoundsArgs {
    /// Drafts in all, those that were made included [default: as before]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=20))]
    pub(crate) max_iterations: Option<u8>,
    /// Seconds that one run of the tests may take [default: as before]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) test_seconds: Option<u64>,
    /// Most money to spend in all, in US dollars, what was spent before included [default: as before]
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    pub(crate) budget: Option<String>,
    /// Most tokens to use in all, those that were used before included [default: as before]
    #[arg(long, value_name = "N")]
    pub(crate) token_budget: Option<u64>,
    /// Deliver only what was proven at least this far [default: as before]
    #[arg(long, value_name = "TIER")]
    pub(crate) require: Option<Require>,
}

/// `pipeline runs`.
#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    /// Longest list
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) limit: u32,
    /// Print JSON, one run a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// `pipeline show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The run, or the beginning of its name
    pub(crate) run: String,
    /// Print the shared state as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `pipeline log`.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// The run, or the beginning of its name
    pub(crate) run: String,
    /// Print each event whole, as JSON
    #[arg(long)]
    pub(crate) json: bool,
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

/// `pipeline review-bench`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pipeline review-bench --dry-run                                    (what would be asked, and nothing is)
  pipeline review-bench --reviewer gemini:gemini-3.8-flash --budget 2.00
  pipeline review-bench --reviewer anthropic:claude-sonnet-5-5 --only simpleeval --out bench

A bench that was stopped goes on when it is started again in the same way: answers that came are kept, and not paid twice.")]
pub(crate) struct ReviewBenchArgs {
    /// Whose answers are graded [default: the reviewer of a run]
    #[arg(long, value_name = "VENDOR:MODEL")]
    pub(crate) reviewer: Option<String>,
    /// Grade the reviewer of this crew: best, cheap or default
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(CREWS), hide_possible_values = true)]
    pub(crate) crew: Option<String>,
    /// How hard it thinks: low, medium, high, xhigh or max [default: the crew's]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) effort: Option<Effort>,
    /// Use the cheaper, slower service of a vendor that has one which answers while one waits (OpenAI, Gemini)
    #[arg(long)]
    pub(crate) flex: bool,
    /// Only the first cases, this many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) cases: Option<u16>,
    /// Only cases with this in their name, as in `boltons` or `/clean`; may be given again
    #[arg(long, value_name = "WORD")]
    pub(crate) only: Vec<String>,
    /// Cases that are asked about at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) jobs: u8,
    /// Most money to spend, in US dollars; `pipeline models` lists the prices that are known
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    pub(crate) budget: Option<String>,
    /// Most tokens to use, input and output together
    #[arg(long, value_name = "N")]
    pub(crate) token_budget: Option<u64>,
    /// Where answers and the result are kept [default: a folder in the state folder, one a model]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// Take the answers from the folder of an earlier bench; needs no key and no network
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["scripts_of_reviewer", "reviewer", "crew", "effort"])]
    pub(crate) replay: Option<PathBuf>,
    /// Let scripts answer: the replies in FOLDER/review, or in FOLDER/review/FIX/CASE for one case
    #[arg(
        id = "scripts_of_reviewer",
        long = "scripted",
        value_name = "FOLDER",
        conflicts_with_all = ["reviewer", "crew", "effort"]
    )]
    pub(crate) scripted: Option<PathBuf>,
    /// Say what would be asked of whom and what it costs, and end before anything is paid
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the result as one JSON object on standard output, and nothing else there
    #[arg(long)]
    pub(crate) json: bool,
}

/// `pipeline doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Also install our own tools (uv, Ruff) into the cache when they are missing
    #[arg(long)]
    pub(crate) install: bool,

    /// Set this repository up and run its own tests, without any model: a folder, or an address
    #[arg(long, value_name = "URL|PATH")]
    pub(crate) repo: Option<String>,

    /// Start from this branch, tag or commit of the repository
    #[arg(long, value_name = "REF", requires = "repo")]
    pub(crate) base: Option<String>,
}
