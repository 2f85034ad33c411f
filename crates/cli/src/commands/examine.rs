//! `pipeline doctor --repo`: sets a repository up and runs its own tests, without any model, and says what was found.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use agents_test::{Survey, survey};
use protocol::{Environment, Exit as Ended, TestRun, Workspace, WorkspaceError};
use workspace::checkout::Checkout;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::ground::Ground;
use crate::home::Home;
use crate::progress::{Mode, Progress};
use crate::{out, task, words};

pub(crate) async fn examine(repo: &str, base: Option<&str>) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let progress = Arc::new(Progress::new(Mode::Plain));
    let repository = task::place(&home.surroundings, repo)?;
    let ground = Ground::find(&home, false, &progress).await?;
    let origin = Ground::origin_named(&repository)?;
    let scratch = tempfile::Builder::new()
        .prefix("doctor-")
        .tempdir_in(&home.surroundings.cache)
        .map_err(|it| Failure::broken("make a folder for a copy of the repository", it))?;
    let opening = ground.opening(&home, scratch.path(), &home.config.limits);
    let checkout = Checkout::open(opening, &origin, base, true, &*progress)
        .await
        .map_err(|it| Failure::told(Exit::Usage, it))?;
    say("repository", &repository);
    say("commit", &checkout.base().commit);
    let examined = look(&checkout, &home, &progress).await;
    progress.close();
    match examined {
        Ok(()) => Ok(Exit::Done),
        Err(error) => failed_to_set_up(error),
    }
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

async fn look(checkout: &Checkout, home: &Home, progress: &Progress) -> Result<(), WorkspaceError> {
    let environment = checkout.set_up().await?;
    tell_environment(&environment);
    let survey = survey(checkout, &[], &home.config.limits, progress).await?;
    tell_suite(&survey);
    Ok(())
}

fn tell_environment(environment: &Environment) {
    say(
        "interpreter",
        &format!("Python {}", environment.python_version),
    );
    let installed = words::list_or(&environment.sources, "no declaration");
    say("packages", &format!("from {installed}"));
    let seconds = words::duration(Duration::from_millis(environment.wall_ms));
    say(
        "set up in",
        &match environment.cached {
            true => format!("{seconds}, from the cache"),
            false => seconds,
        },
    );
    for note in &environment.notes {
        out::line(&words::visible(&format!("– {:<12} {note}", "note")));
    }
}

fn tell_suite(survey: &Survey) {
    let place = match survey.folder.as_str() {
        "" => "the root".to_owned(),
        folder => format!("`{folder}`"),
    };
    let config = survey.config.as_deref().unwrap_or("no configuration");
    say(
        "suite",
        &format!("{} in {place}, with {config}", survey.command),
    );
    let run = &survey.run;
    say("tests", &counted(run));
    let how_long = match run.exit {
        Ended::TooSlow => " (stopped: with a change only those tests run that it can affect)",
        _ => "",
    };
    say(
        "ran for",
        &format!(
            "{}{how_long}",
            words::duration(Duration::from_millis(run.wall_ms))
        ),
    );
    for error in run.collection_errors.iter().take(FILES_MAX) {
        let line = format!(
            "– {:<12} `{}` can't be collected: {}",
            "note", error.id, error.message
        );
        out::line(&words::visible(line.lines().next().unwrap_or_default()));
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

fn say(name: &str, text: &str) {
    out::line(&words::visible(&format!("✓ {name:<12} {text}")));
}
