//! `run`: a command line, if the workspace's policy allows it.

use protocol::{Execution, Exit, Limits, ToolSpec, Workspace};
use serde_json::json;

use super::Call;
use crate::answer::{Answer, cut_middle, cut_middle_uncounted};
use crate::arguments::Arguments;
use crate::refusal::Refusal;

pub(crate) const NAME: &str = "run";

pub(super) fn spec() -> ToolSpec {
    super::spec(
        NAME,
        "Runs a command in the root: tests, Python, linters, read-only shell and git commands. No network, no installing.",
        json!({
            "command": { "type": "string", "description": "As in `python -m pytest -q tests/test_a.py`." },
        }),
        &["command"],
    )
}

pub(super) fn understand(arguments: &Arguments) -> Result<Call, Refusal> {
    Ok(Call::Run {
        line: arguments.text("command")?.to_owned(),
    })
}

/// Runs it. A command that fails has still done what was asked of the tool.
pub(super) async fn run(
    work: &dyn Workspace,
    line: &str,
    limits: &Limits,
) -> Result<Answer, Refusal> {
    let execution = work.run_line(line, limits.command_seconds_max).await?;
    Ok(Answer::says(in_words(&execution, limits)))
}

fn in_words(execution: &Execution, limits: &Limits) -> String {
    let ended = match execution.exit {
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Signal(signal) => format!("ended by signal {signal}"),
        Exit::TooSlow => format!(
            "stopped: it ran longer than {} seconds",
            limits.command_seconds_max
        ),
        Exit::TooMuchOutput => "stopped: it printed too much".to_owned(),
    };
    let mut text = format!("{ended}\n");
    // What both streams may take of the answer, with room for the lines around them.
    let each_bytes_max = limits.answer_bytes_max.saturating_sub(120) / 2;
    for (name, stream) in [("stdout", &execution.stdout), ("stderr", &execution.stderr)] {
        if !stream.text.is_empty() {
            let plain = stream.text.replace("\r\n", "\n");
            // Where a stream was cut before, durations and paths have decided about how much.
            let shown = match stream.bytes_total <= limits.output_bytes_max as u64 {
                true => cut_middle(&plain, each_bytes_max),
                false => cut_middle_uncounted(&plain, each_bytes_max),
            };
            text += &format!("--- {name}\n{}\n", shown.trim_end());
        }
    }
    text
}
