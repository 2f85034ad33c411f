//! `pipeline run`: where task and code come from, who works, how far, and where the change goes.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use llm::Role;
use protocol::{Effort, ModelId};

use super::amount::tokens;
use super::roles::{effort_of_role, fallback_of_role};

/// `pipeline run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pipeline run \"Dates before 1970 are parsed as 1970\"               (in a repository: on that one)
  pipeline run \"Dates before 1970 are parsed as 1970\" --commit      (the change on a branch of its own)
  pipeline run --github owner/repo#123 --patch fix.patch
  pipeline run --repo git@host:team/project.git --jira ABC-123 --token-budget 2M
  pipeline run --new --tests test_sieve.py \"Implement a prime sieve\"      (from nothing)
  pipeline run --crew cheap --budget 0.50 --dry-run \"Dates before 1970\"   (only says who would work)
  git log -1 --format=%B | pipeline run                               (the task on standard input)")]
pub(crate) struct RunArgs {
    /// The task in words; first line the title, the rest the description [default: standard input, when it isn't a terminal]
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
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Task and code")]
pub(crate) struct SourceArgs {
    /// Git address (https, ssh, scp-like, file) or a local folder [default: the repository of the working folder]
    #[arg(long, value_name = "URL|PATH")]
    pub(crate) repo: Option<String>,
    /// Start from an empty repository
    #[arg(long, conflicts_with_all = ["repo", "base", "include_dirty"])]
    pub(crate) new: bool,
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
    /// Take up the review and the failed checks of a pull request that this program opened, on the same branch
    #[arg(long, value_name = "OWNER/REPO#N|URL", conflicts_with_all = ["repo", "new", "base", "include_dirty", "github", "jira", "task_file", "tests"])]
    pub(crate) pr_feedback: Option<String>,
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
#[derive(Clone, Debug, Default, Args)]
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
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "How far it may go")]
pub(crate) struct BoundsArgs {
    /// Drafts in all, the first one included [default: 3]
    #[arg(long, value_name = "N", value_parser = super::amount::whole::<u8, 1, 20>)]
    pub(crate) max_iterations: Option<u8>,
    /// Seconds that one run of the tests may take [default: 900]
    #[arg(long, value_name = "N", value_parser = super::amount::whole::<u64, 1, 86_400>)]
    pub(crate) test_seconds: Option<u64>,
    /// Most money to spend, in US dollars; `pipeline models` lists the prices that are known
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    pub(crate) budget: Option<String>,
    /// Most tokens to use, input and output together, as in 500k or 2M
    #[arg(long, value_name = "N", value_parser = tokens)]
    pub(crate) token_budget: Option<u64>,
    /// Resolve the task and the repository, show the crew, its prices and the cap, and end before anything is paid
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Don't ask before a run that may cost more than `confirm_above` of the configuration, or whose repository has no tests
    #[arg(long)]
    pub(crate) yes: bool,
    /// Deliver only what was proven at least this far
    #[arg(long, value_name = "TIER")]
    pub(crate) require: Option<Require>,
}

/// The least tier to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Require {
    /// A blind test, or one of the user's, was red before the change and is green with it.
    Proven,
    /// Nothing that passed before fails now.
    RegressionSafe,
}

impl From<Require> for runs::Require {
    fn from(require: Require) -> runs::Require {
        match require {
            Require::Proven => runs::Require::Proven,
            Require::RegressionSafe => runs::Require::RegressionSafe,
        }
    }
}

/// Where the change goes.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Where the change goes")]
pub(crate) struct OutArgs {
    /// Where the evidence bundle goes [default: a folder in the state folder, named at the end]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// Write the change to a patch file
    #[arg(long, value_name = "FILE")]
    pub(crate) patch: Option<PathBuf>,
    /// Commit the change to a new branch, in the local repository or in the run's clone; its message is the task's
    #[arg(long)]
    pub(crate) commit: bool,
    /// Push the change to a new branch of the remote repository, or append it to the branch of an earlier run on the same issue
    #[arg(long)]
    pub(crate) push: bool,
    /// Push it, and open a pull request with the evidence, or bring the one up to date that an earlier run on the same issue
    /// opened; from a fork where you may not push
    #[arg(long)]
    pub(crate) pr: bool,
    /// Make the pull request a draft also when the change is proven
    #[arg(long, requires = "pr")]
    pub(crate) draft: bool,
    /// Tell the issue or the ticket how it ended, in one comment that later runs rewrite
    #[arg(long)]
    pub(crate) comment: bool,
    /// Print one event a line as JSON on standard output, and nothing else there
    #[arg(long)]
    pub(crate) json: bool,
    /// Ring the terminal's bell at the end, with a notification where the terminal shows one
    #[arg(long)]
    pub(crate) notify: bool,
}

/// What stands around the programs that run.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Safety")]
pub(crate) struct WallArgs {
    /// Run programs without any sandbox when none can be had here; the report says so
    #[arg(long)]
    pub(crate) unconfined: bool,
}
