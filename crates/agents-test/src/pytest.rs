//! Starts pytest in a checkout and says what became of every test.

use protocol::{
    Command, Evidence, Execution, Exit, Log, TestRun, ToolFile, Workspace, WorkspaceError,
};

use crate::report;
use crate::settings::Settings;
use crate::tally::Tally;

/// Starts pytest and reports through a pipe; see there.
const PLUGIN: &str = include_str!("../plugin/pipeline_pytest.py");
const PLUGIN_FILE: &str = "pipeline_pytest.py";
/// Given to pytest where a repository has no configuration, so that no file of a parent folder steers it.
const EMPTY_CONFIG_FILE: &str = "pytest.ini";
/// Tests that are named when a run was stopped.
const RUNNING_NAMED_MAX: usize = 5;

/// What we ask of pytest in every run. Later arguments win, so these also undo what a repository's `addopts` say.
const ALWAYS: [&str; 5] = [
    // Without the header, which names folders of this machine.
    "-q",
    "--tb=short",
    "--color=no",
    // A run that stops at the first failure tells nothing about the other tests.
    "--maxfail=0",
    "--continue-on-collection-errors",
];

/// What of ours decides about the outcomes of a run, besides the repository's settings and the limits.
pub(crate) const RECIPE: [&str; 6] = [
    PLUGIN, ALWAYS[0], ALWAYS[1], ALWAYS[2], ALWAYS[3], ALWAYS[4],
];

/// The suite of the repository, or only some of its tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Targets<'a> {
    /// What the repository's configuration says.
    Suite,
    /// These files, whatever the configuration says about where tests are.
    Files(&'a [String]),
}

/// Runs tests in a checkout that nobody needs afterwards: tests write where they like.
pub(crate) async fn run(
    tree: &dyn Workspace,
    settings: &Settings,
    targets: Targets<'_>,
    seconds_max: u64,
    log: &dyn Log,
) -> Result<TestRun, WorkspaceError> {
    let command = command(settings, targets, seconds_max);
    let mut tally = Tally::new(log);
    let execution = tree
        .run_watched(&command, &mut |bytes| tally.take(bytes))
        .await?;
    Ok(test_run(&execution, seconds_max))
}

/// The command as a person would type it, for messages.
pub(crate) fn shown(settings: &Settings) -> &str {
    settings
        .test_command
        .as_deref()
        .unwrap_or("python -m pytest")
}

pub(crate) fn command(settings: &Settings, targets: Targets<'_>, seconds_max: u64) -> Command {
    let mut command = match (&settings.test_command, targets) {
        (Some(line), Targets::Suite) => own_command(line, seconds_max),
        (_, targets) => plain_command(settings, targets, seconds_max),
    };
    command.report = true;
    command.tools = vec![
        ToolFile {
            name: PLUGIN_FILE.to_owned(),
            text: PLUGIN.to_owned(),
        },
        ToolFile {
            name: EMPTY_CONFIG_FILE.to_owned(),
            text: "[pytest]\n".to_owned(),
        },
    ];
    command
}

/// Configuration, root and plugin are fixed by us, so that test ids are the same on every checkout.
fn plain_command(settings: &Settings, targets: Targets<'_>, seconds_max: u64) -> Command {
    let config = match settings.config {
        Some(name) => name.to_owned(),
        None => format!("{{tools}}/{EMPTY_CONFIG_FILE}"),
    };
    let mut argv = vec!["python".to_owned(), format!("{{tools}}/{PLUGIN_FILE}")];
    argv.extend(ALWAYS.map(str::to_owned));
    argv.extend([
        "-c".to_owned(),
        config,
        "--rootdir=.".to_owned(),
        // Otherwise pytest looks for conftest.py only below the folder of its configuration.
        "--confcutdir=.".to_owned(),
    ]);
    if let Targets::Files(files) = targets {
        argv.extend(files.iter().cloned());
    }
    Command::new(argv, seconds_max)
}

/// The repository's own command line. pytest, wherever in it, finds the plugin through its environment.
fn own_command(line: &str, seconds_max: u64) -> Command {
    let script = format!(
        "export PYTHONPATH=\"$PIPELINE_TOOLS${{PYTHONPATH:+:$PYTHONPATH}}\"\nunset PIPELINE_TOOLS\n{line}\n"
    );
    let mut command = Command::new(["sh", "-c", &script], seconds_max);
    command
        .env
        .insert("PIPELINE_TOOLS".to_owned(), "{tools}".to_owned());
    command.env.insert(
        "PYTEST_ADDOPTS".to_owned(),
        format!("-p pipeline_pytest {}", ALWAYS.join(" ")),
    );
    command
}

fn test_run(execution: &Execution, seconds_max: u64) -> TestRun {
    let session = report::read(&execution.report);
    let mut tail = end_of(&execution.tail(), Evidence::TAIL_BYTES_MAX).to_owned();
    let stopped = match execution.exit {
        Exit::Code(_) => None,
        Exit::Signal(number) => Some(format!("ended by signal {number}")),
        Exit::TooSlow => Some(format!("stopped after {seconds_max} seconds")),
        Exit::TooMuchOutput => Some("stopped because it printed too much".to_owned()),
    };
    if let Some(stopped) = stopped {
        tail += &format!("\n[{stopped}{}]", running_named(&session.running));
    } else if !session.finished && !session.running.is_empty() {
        tail += &format!(
            "\n[ended in the middle of a test{}]",
            running_named(&session.running)
        );
    }
    TestRun {
        results: session.results,
        collected: session.collected,
        collection_errors: session.collection_errors,
        exit: execution.exit,
        finished: session.finished,
        wall_ms: execution.wall_ms,
        tail,
        cached: false,
    }
}

fn running_named(running: &[String]) -> String {
    if running.is_empty() {
        return String::new();
    }
    let named = running
        .iter()
        .take(RUNNING_NAMED_MAX)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match running.len().saturating_sub(RUNNING_NAMED_MAX) {
        0 => format!("; running: {named}"),
        more => format!("; running: {named} and {more} more"),
    }
}

/// The last part of a text, at most so many bytes, never cutting a character.
pub(crate) fn end_of(text: &str, bytes_max: usize) -> &str {
    let start = text.len().saturating_sub(bytes_max);
    &text[text.ceil_char_boundary(start)..]
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use protocol::Captured;

    use super::*;

    #[track_caller]
    fn check(settings: &Settings, targets: Targets<'_>, want: Expect) {
        let command = command(settings, targets, 60);
        let mut shown = command.argv.join(" ");
        for (name, value) in &command.env {
            shown += &format!("\n{name}={value}");
        }
        want.assert_eq(&shown);
    }

    #[test]
    fn configuration_and_root_are_fixed() {
        check(
            &Settings::default(),
            Targets::Suite,
            expect![
                "python {tools}/pipeline_pytest.py -q --tb=short --color=no --maxfail=0 --continue-on-collection-errors -c {tools}/pytest.ini --rootdir=. --confcutdir=."
            ],
        );
        check(
            &Settings {
                config: Some("setup.cfg"),
                test_command: None,
            },
            Targets::Files(&["tests/test_a.py".to_owned()]),
            expect![
                "python {tools}/pipeline_pytest.py -q --tb=short --color=no --maxfail=0 --continue-on-collection-errors -c setup.cfg --rootdir=. --confcutdir=. tests/test_a.py"
            ],
        );
    }

    #[test]
    fn the_repositorys_own_command_gets_the_plugin_through_its_environment() {
        let settings = Settings {
            config: None,
            test_command: Some("make test".to_owned()),
        };
        check(
            &settings,
            Targets::Suite,
            expect![[r#"
                sh -c export PYTHONPATH="$PIPELINE_TOOLS${PYTHONPATH:+:$PYTHONPATH}"
                unset PIPELINE_TOOLS
                make test

                PIPELINE_TOOLS={tools}
                PYTEST_ADDOPTS=-p pipeline_pytest -q --tb=short --color=no --maxfail=0 --continue-on-collection-errors"#]],
        );
    }

    #[test]
    fn a_run_that_was_stopped_names_what_was_running() {
        let run = test_run(
            &Execution {
                exit: Exit::TooSlow,
                stdout: Captured {
                    text: "collected 2 items".to_owned(),
                    bytes_total: 17,
                },
                stderr: Captured::default(),
                report: br#"{"event": "began", "id": "tests/test_a.py::test_hangs"}"#.to_vec(),
                wall_ms: 60_000,
            },
            60,
        );
        expect![[r#"
            collected 2 items
            [stopped after 60 seconds; running: tests/test_a.py::test_hangs]"#]]
        .assert_eq(&run.tail);
        assert!(!run.finished);
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        assert_eq!(end_of("aé", 1), "");
        assert_eq!(end_of("aé", 2), "é");
        assert_eq!(end_of("a", 9), "a");
    }
}
