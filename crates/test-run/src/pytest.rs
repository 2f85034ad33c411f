//! Starts pytest in a checkout and says what became of every test.

use protocol::{
    Canaries, Command, DjangoProject, Evidence, Execution, Exit, Log, TestRun, ToolFile, Trick,
    Workspace, WorkspaceError,
};
use serde::{Deserialize, Serialize};

use crate::canaries::{self, Circumstances, Names};
use crate::command_line::{
    ALWAYS, EMPTY_CONFIG_FILE, PLUGIN_FILE, WITHOUT_THE_TREE, own_command, plain_arguments,
    plain_command,
};
use crate::live_counts::LiveCounts;
use crate::report::{self, Session};
use crate::seal::{Handed, Seal};
use crate::settings::Settings;
use crate::targets::{Files, Targets};
use crate::{tricks, unguessable};

/// Starts pytest and reports through a pipe; see there.
const PLUGIN: &str = include_str!("../plugin/pipeline_pytest.py");
/// Tests whose outcome is known beforehand; see there. Its name is another one in each run.
const CANARIES: &str = include_str!("../plugin/pipeline_canaries.py");
/// The key for sessions that find nothing on their standard input; the plugin knows the name.
const SPARE_FILE: &str = "pipeline_spare.json";
/// The variable that decides what Python deals by chance; our plugin seeds pytest's plugins with it too.
const DEAL: &str = "PYTHONHASHSEED";
/// Tests that are named when a run was stopped.
const RUNNING_NAMED_MAX: usize = 5;

/// What of ours decides about the outcomes of a run, besides the repository's settings and the limits.
pub(crate) const RECIPE: [&str; 8] = [
    PLUGIN,
    CANARIES,
    WITHOUT_THE_TREE,
    ALWAYS[0],
    ALWAYS[1],
    ALWAYS[2],
    ALWAYS[3],
    ALWAYS[4],
];

/// A test run, and whether it can be believed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ran {
    /// What became of the tests.
    pub run: TestRun,
    /// What became of those whose outcome is known beforehand.
    pub canaries: Canaries,
    /// What somebody did to the run.
    pub tricks: Vec<Trick>,
    /// Files of the tree whose code ran.
    #[serde(default)]
    pub executed: Vec<String>,
    /// Tests that were found and left out by an option or a hook.
    #[serde(default)]
    pub deselected: Vec<String>,
}

/// A command that is ready to run, with the keys to what it will report.
pub(crate) struct Started {
    pub(crate) command: Command,
    pub(crate) seal: Seal,
    own_command: bool,
}

/// Runs tests, with everything dealt otherwise that Python and pytest's plugins deal by chance, such as the order of sets.
/// The same `deal` is the same each time; 0 is that of all other runs. Of the files that were `written` for the task,
/// nothing is a test but their test functions.
pub(crate) async fn run_dealt(
    tree: &dyn Workspace,
    settings: &Settings,
    targets: Targets<'_>,
    written: &[String],
    seconds_max: u64,
    log: &dyn Log,
    deal: u32,
) -> Result<TestRun, WorkspaceError> {
    let mut started = start(settings, targets, Files::acceptance(written), seconds_max)?;
    let chance = (DEAL.to_owned(), deal.to_string());
    started.command.env.extend([chance]);
    Ok(until_the_end(tree, settings, &started, seconds_max, log)
        .await?
        .run)
}

/// Runs tests, and says whether what they say can be believed.
pub(crate) async fn watch(
    tree: &dyn Workspace,
    settings: &Settings,
    targets: Targets<'_>,
    files: Files<'_>,
    seconds_max: u64,
    log: &dyn Log,
) -> Result<Ran, WorkspaceError> {
    let started = start(settings, targets, files, seconds_max)?;
    until_the_end(tree, settings, &started, seconds_max, log).await
}

async fn until_the_end(
    tree: &dyn Workspace,
    settings: &Settings,
    started: &Started,
    seconds_max: u64,
    log: &dyn Log,
) -> Result<Ran, WorkspaceError> {
    let mut counts = LiveCounts::new(log);
    let execution = tree
        .run_watched(&started.command, &mut |bytes| counts.take(bytes))
        .await?;
    let steady = |words: &str| tree.steady(words);
    let mut session = report::read(&execution.report, &started.seal)
        .with_steady_ids(&tree.places())
        .in_steady_words(&steady);
    if !started.own_command {
        session.rename(|it| settings.outside(it));
    }
    Ok(ran(
        &execution,
        session,
        started.own_command,
        seconds_max,
        &steady,
    ))
}

/// The command as a person would type it, for messages.
pub(crate) fn shown(settings: &Settings) -> &str {
    settings
        .test_command
        .as_deref()
        .unwrap_or("python -m pytest")
}

/// Makes the command and its keys.
pub(crate) fn start(
    settings: &Settings,
    targets: Targets<'_>,
    files: Files<'_>,
    seconds_max: u64,
) -> Result<Started, WorkspaceError> {
    let own = settings.test_command.as_deref();
    let own = own.filter(|_| targets == Targets::Suite);
    let (mut command, arguments) = match own {
        Some(line) => (own_command(line, seconds_max), Vec::new()),
        None => (
            plain_command(settings, seconds_max),
            plain_arguments(settings, targets),
        ),
    };
    let seal = Seal::new(own.is_some())?;
    let canaries = unguessable::name("cases")?;
    let named = |paths: &[String]| -> Vec<String> {
        match own {
            Some(_) => paths.to_vec(),
            None => paths.iter().map(|it| settings.inside(it)).collect(),
        }
    };
    let [acceptance, left_out] = [files.acceptance, files.left_out].map(named);
    let only = files.only.map(named);
    let django = settings.django.as_ref().map(|it| DjangoProject {
        folder: settings.inside(&it.folder),
        settings: it.settings.clone(),
    });
    let handed = Handed {
        canaries: &canaries,
        own_command: own.is_some(),
        arguments: &arguments,
        acceptance: &acceptance,
        left_out: &left_out,
        only: only.as_deref(),
        folders: settings
            .folder
            .split('/')
            .filter(|it| !it.is_empty())
            .count(),
        modules: &settings.modules,
        django: django.as_ref(),
    };
    command.stdin = seal.input(&handed);
    command.report = true;
    let tool = |name: &str, text: &str| ToolFile {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    command.tools = vec![
        tool(PLUGIN_FILE, PLUGIN),
        tool(&format!("{canaries}.py"), CANARIES),
        tool(EMPTY_CONFIG_FILE, "[pytest]\n"),
    ];
    if let Some(record) = seal.spare_record(&handed) {
        command.tools.push(tool(SPARE_FILE, &record));
    }
    Ok(Started {
        command,
        seal,
        own_command: own.is_some(),
    })
}

fn ran(
    execution: &Execution,
    session: Session,
    own_command: bool,
    seconds_max: u64,
    steady: &dyn Fn(&str) -> String,
) -> Ran {
    let tail = without_canaries(&execution.tail(), &session.canaries.0);
    // Before it is cut, so that it is cut at the same place each time.
    let tail = steady(&tail);
    let mut tail = end_of(&tail, Evidence::TAIL_BYTES_MAX).to_owned();
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
    let (names, of_canaries) = &session.canaries;
    let around = Circumstances {
        finished: session.finished,
        others_ran: !session.results.is_empty(),
        placed: session.placed,
    };
    let canaries = canaries::judge(names, of_canaries, around);
    let mut tricks = tricks::of_session(&session);
    let mut exit = execution.exit;
    // In a session that we start, tests of ours fail and the status must say so.
    let ours_failed = !own_command && of_canaries.iter().any(|it| it.outcome.is_red());
    if ours_failed && session.finished {
        let mut theirs = session.results.iter().chain(&session.collection_errors);
        match exit {
            Exit::Code(1) if session.results.is_empty() && session.collected.is_empty() => {
                exit = Exit::Code(5);
            }
            Exit::Code(1) if !theirs.any(|it| it.outcome.is_red()) => exit = Exit::Code(0),
            Exit::Code(0) => tricks.push(tricks::silenced_status()),
            _ => {}
        }
    }
    let run = TestRun {
        results: session.results,
        collected: session.collected,
        collection_errors: session.collection_errors,
        exit,
        finished: session.finished,
        wall_ms: execution.wall_ms,
        tail,
        cached: false,
    };
    Ran {
        run,
        canaries,
        tricks,
        executed: session.executed,
        deselected: session.deselected,
    }
}

/// Without the lines that name a test of ours: it is another name each time, and nobody could do anything about it.
fn without_canaries(output: &str, names: &Names) -> String {
    let others = output
        .split_inclusive('\n')
        .filter(|line| !names.keys().any(|name| line.contains(name.as_str())));
    others.collect()
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
pub fn end_of(text: &str, bytes_max: usize) -> &str {
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
        let started =
            start(settings, targets, Files::default(), 60).expect("there are random bytes");
        let command = started.command;
        let mut shown = command.argv.join(" ").replace(WITHOUT_THE_TREE, "…");
        if settings.test_command.is_none() {
            let arguments = plain_arguments(settings, targets);
            shown += &format!(" < {}", arguments.join(" "));
        }
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
                "sh -c … sh python {tools}/pipeline_pytest.py < -q --tb=short --color=no --maxfail=0 --continue-on-collection-errors -c {tools}/pytest.ini --rootdir=. --confcutdir=."
            ],
        );
        check(
            &Settings {
                config: Some("setup.cfg".to_owned()),
                ..Settings::default()
            },
            Targets::Files(&["tests/test_a.py".to_owned()]),
            expect![
                "sh -c … sh python {tools}/pipeline_pytest.py < -q --tb=short --color=no --maxfail=0 --continue-on-collection-errors -c setup.cfg --rootdir=. --confcutdir=. tests/test_a.py"
            ],
        );
    }

    #[test]
    fn the_repositorys_own_command_gets_the_plugin_through_its_environment() {
        let settings = Settings {
            test_command: Some("make test".to_owned()),
            ..Settings::default()
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
        let seal = Seal::new(false).expect("there are random bytes");
        let began = r#"{"event": "began", "id": "tests/test_a.py::test_hangs"}"#;
        let execution = Execution {
            exit: Exit::TooSlow,
            stdout: Captured {
                text: "collected 2 items".to_owned(),
                bytes_total: 17,
            },
            stderr: Captured::default(),
            report: seal.seal(0, 0, began).into_bytes(),
            wall_ms: 60_000,
        };
        let run = ran(
            &execution,
            report::read(&execution.report, &seal),
            false,
            60,
            &str::to_owned,
        )
        .run;
        expect![[r#"
            collected 2 items
            [stopped after 60 seconds; running: tests/test_a.py::test_hangs]"#]]
        .assert_eq(&run.tail);
        assert!(!run.finished);
    }

    #[test]
    fn no_line_names_a_test_of_ours() {
        let names = [("test_x".to_owned(), "false_assert".to_owned())].into();
        let output = "a.py::test_a PASSED\na.py::test_x\n1 passed";
        assert_eq!(
            without_canaries(output, &names),
            "a.py::test_a PASSED\n1 passed"
        );
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        assert_eq!(end_of("aé", 1), "");
        assert_eq!(end_of("aé", 2), "é");
        assert_eq!(end_of("a", 9), "a");
    }
}
