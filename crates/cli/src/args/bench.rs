//! `pipeline review-bench`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use protocol::Effort;

use super::amount::tokens;
use super::run::CREWS;

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
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = super::amount::whole::<u8, 1, 32>)]
    pub(crate) jobs: u8,
    /// Most money to spend, in US dollars; `pipeline models` lists the prices that are known
    #[arg(long, value_name = "DOLLARS", allow_hyphen_values = true)]
    pub(crate) budget: Option<String>,
    /// Most tokens to use, input and output together, as in 500k or 2M
    #[arg(long, value_name = "N", value_parser = tokens)]
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
