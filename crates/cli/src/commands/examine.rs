//! `pipeline doctor --repo`: sets a repository up and runs its own tests, without any model, and says what was found.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Environment, Exit as Ended, TestRun, Workspace, WorkspaceError};
use runs::Checkouts;
use test_run::{Survey, survey};
use workspace::checkout::Checkout;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::findings::{Findings, Row};
use crate::home::Home;
use crate::progress::{Mode, Progress};
use crate::{out, task, words};

pub(crate) async fn examine(
    repo: &str,
    base: Option<&str>,
    mut findings: Findings,
) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let progress = Arc::new(Progress::new(Mode::Plain));
    let repository = task::place(&home.surroundings, repo)?;
    let host = home.runs()?.host().clone();
    let checkouts = Checkouts::of(&host, &home.config.limits, false, progress.clone()).await?;
    let origin = Checkouts::origin(&repository)?;
    let scratch = tempfile::Builder::new()
        .prefix("doctor-")
        .tempdir_in(&home.surroundings.cache)
        .map_err(|it| Failure::broken("make a folder for a copy of the repository", it))?;
    let checkouts = checkouts.reaching(&origin).await?;
    let opening = checkouts.opening(scratch.path());
    let checkout = Checkout::open(opening, &origin, base, true, &*progress)
        .await
        .map_err(|it| Failure::told(Exit::Usage, it))?;
    findings.add(Row::fine("repository", "repository", &*repository));
    findings.add(Row::fine("commit", "commit", &checkout.base().commit));
    let examined = look(&checkout, &home, &progress, &mut findings).await;
    progress.close();
    match examined {
        Ok(()) => {}
        Err(WorkspaceError::Blocked { command, tail }) => findings.add(Row::fails(
            "blocked",
            "blocked",
            Exit::Blocked,
            format!("`{command}` failed:\n{tail}"),
        )),
        Err(error) => return Err(Failure::broken("look at the repository", error)),
    }
    Ok(findings.end("its tests can be run here as a run would run them"))
}

/// How many tests there are and what they do. Where none passes, most likely something is missing that nobody declares.
fn tests(run: &TestRun) -> Row {
    let passes = run.results.iter().any(|it| it.outcome.is_green());
    if passes || run.results.is_empty() {
        return Row::fine("tests", "tests", counted(run));
    }
    Row::note("tests", "tests", counted(run)).advise(
        "Say in `[tool.pipeline]` of `pyproject.toml` what they need (`install_command`) or how they are run (`test_command`).",
    )
}

/// Says what blocks a repository; other errors are the program's.
pub(crate) fn failed_to_set_up(error: WorkspaceError) -> Result<Exit, Failure> {
    match error {
        WorkspaceError::Blocked { command, tail } => {
            out::line(&words::visible(&format!(
                "✗ {:<12} `{command}` failed:",
                "blocked"
            )));
            for line in tail.lines() {
                out::line(&words::visible(&format!("  {line}")));
            }
            Ok(Exit::Blocked)
        }
        error => Err(Failure::broken("look at the repository", error)),
    }
}

async fn look(
    checkout: &Checkout,
    home: &Home,
    progress: &Progress,
    findings: &mut Findings,
) -> Result<(), WorkspaceError> {
    let environment = checkout.set_up().await?;
    tell_environment(&environment, findings);
    let survey = survey(checkout, &[], &home.config.limits, progress).await?;
    tell_suite(&survey, findings);
    Ok(())
}

fn tell_environment(environment: &Environment, findings: &mut Findings) {
    findings.add(Row::fine(
        "interpreter",
        "interpreter",
        format!("Python {}", environment.python_version),
    ));
    let installed = words::list_or(&environment.sources, "no declaration");
    findings.add(Row::fine(
        "packages",
        "packages",
        format!("from {installed}"),
    ));
    let seconds = words::duration(Duration::from_millis(environment.wall_ms));
    let seconds = match environment.cached {
        true => format!("{seconds}, from the cache"),
        false => seconds,
    };
    findings.add(Row::fine("set_up", "set up in", seconds));
    for note in &environment.notes {
        findings.add(Row::note("note", "note", note));
    }
}

fn tell_suite(survey: &Survey, findings: &mut Findings) {
    let place = match survey.folder.as_str() {
        "" => "the root".to_owned(),
        folder => format!("`{folder}`"),
    };
    let config = survey.config.as_deref().unwrap_or("no configuration");
    findings.add(Row::fine(
        "suite",
        "suite",
        format!("{} in {place}, with {config}", survey.command),
    ));
    let run = &survey.run;
    findings.add(tests(run));
    let how_long = match run.exit {
        Ended::TooSlow => " (stopped: with a change only those tests run that it can affect)",
        _ => "",
    };
    let took = words::duration(Duration::from_millis(run.wall_ms));
    findings.add(Row::fine("ran_for", "ran for", format!("{took}{how_long}")));
    for error in run.collection_errors.iter().take(FILES_MAX) {
        let message = error.message.lines().next().unwrap_or_default();
        findings.add(Row::note(
            "note",
            "note",
            format!("`{}` can't be collected: {message}", error.id),
        ));
    }
}

/// Files that can't be collected and are named.
const FILES_MAX: usize = 5;

/// `12 found: 10 passed, 2 failed`.
pub(crate) fn counted(run: &TestRun) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for result in &run.results {
        *counts
            .entry(format!("{:?}", result.outcome).to_lowercase())
            .or_default() += 1;
    }
    let outcomes: Vec<String> = counts
        .iter()
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    let found = run.collected.len().max(run.results.len());
    match outcomes.is_empty() {
        true => format!("{found} found"),
        false => format!("{found} found: {}", outcomes.join(", ")),
    }
}
