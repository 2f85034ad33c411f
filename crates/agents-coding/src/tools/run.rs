//! `run`: a command line, if the workspace's policy allows it.

use protocol::{Execution, Exit, Limits, ToolSpec, Workspace};
use serde_json::json;

use super::Call;
use crate::answer::{Answer, cut_middle};
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
            let plain = without_durations(&stream.text.replace("\r\n", "\n"));
            let shown = cut_middle(&plain, each_bytes_max);
            text += &format!("--- {name}\n{}\n", shown.trim_end());
        }
    }
    text
}

/// The text with the seconds that a test runner prints blanked out: they differ in every run, and a recorded run
/// could not be replayed if they reached a model.
fn without_durations(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(" in ") {
        plain += before;
        plain += " in ";
        let length = after
            .find(|it: char| !it.is_ascii_digit() && it != '.')
            .unwrap_or(after.len());
        let is_duration = after[..length].contains('.') && after[length..].starts_with('s');
        if is_duration {
            plain.push('…');
        }
        rest = if is_duration { &after[length..] } else { after };
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_blanked_out() {
        let check = |text, want| assert_eq!(without_durations(text), want);
        check("=== 2 passed in 0.03s ===", "=== 2 passed in …s ===");
        check("1 failed in 12.50s (0:00:12)", "1 failed in …s (0:00:12)");
        check("a in b in 3 in 1.5 s", "a in b in 3 in 1.5 s");
        check("ends in ", "ends in ");
    }
}
