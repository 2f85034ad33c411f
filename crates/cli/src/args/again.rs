//! `pipeline resume` and `pipeline fork`: what may be different from here on.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use llm::Role;
use protocol::{Effort, ModelId};

use super::amount::tokens;
use super::roles::{effort_of_role, fallback_of_role};
use super::run::{CREWS, OutArgs, Require, WallArgs};

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
    #[arg(long, value_name = "EVENT", value_parser = super::amount::whole::<u64, 0, { u32::MAX as u64 }>)]
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
    #[arg(long, value_name = "N", value_parser = super::amount::whole::<u8, 1, 20>)]
    pub(crate) max_iterations: Option<u8>,
    /// Seconds that one run of the tests may take [default: as before]
    #[arg(long, value_name = "N", value_parser = super::amount::whole::<u64, 1, 86_400>)]
    pub(crate) test_seconds: Option<u64>,
    /// Most money to spend in all, in US dollars, what was spent before included [default: as before]
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    pub(crate) budget: Option<String>,
    /// Most tokens to use in all, those that were used before included, as in 500k or 2M [default: as before]
    #[arg(long, value_name = "N", value_parser = tokens)]
    pub(crate) token_budget: Option<u64>,
    /// Deliver only what was proven at least this far [default: as before]
    #[arg(long, value_name = "TIER")]
    pub(crate) require: Option<Require>,
}
