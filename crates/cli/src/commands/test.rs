//! `pipeline test`: a repository's own suite in the sandbox, run as a run would run it.

use std::sync::Arc;

use protocol::{TestOutcome, TestResult, Workspace, WorkspaceError};
use runs::Checkouts;
use serde_json::json;
use test_run::{Survey, survey};
use workspace::checkout::Checkout;

use crate::args::TestArgs;
use crate::commands::examine::{counted, failed_to_set_up};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::Home;
use crate::progress::Progress;
use crate::{out, session, task, words};

/// Lines of a failed test's message.
const MESSAGE_LINES_MAX: usize = 12;
const MESSAGE_CHARS_MAX: usize = 160;

pub(crate) async fn test(args: &TestArgs, quiet: bool) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let progress = Arc::new(Progress::new(session::mode(&home, quiet, args.json)));
    let repository = match &args.repo {
        Some(named) => task::place(&home.surroundings, named)?,
        None => task::repository_of_folder(&home.surroundings, "Name one with --repo URL|PATH.")?,
    };
    let mut limits = home.config.limits.clone();
    if let Some(seconds) = args.test_seconds {
        limits.test_run_seconds_max = seconds;
    }
    let host = home.runs()?.host().clone();
    let unconfined = args.walls.unconfined;
    let checkouts = Checkouts::of(&host, &limits, unconfined, progress.clone()).await?;
    let origin = Checkouts::origin(&repository)?;
    let scratch = tempfile::Builder::new()
        .prefix("test-")
        .tempdir_in(&home.surroundings.cache)
        .map_err(|it| Failure::broken("make a folder for a copy of the repository", it))?;
    let opening = checkouts.opening(scratch.path());
    let checkout = Checkout::open(opening, &origin, args.base.as_deref(), true, &*progress)
        .await
        .map_err(|it| Failure::told(Exit::Usage, it))?;
    let paths: Vec<String> = args
        .paths
        .iter()
        .map(|it| relative(&home, &repository, it))
        .collect();
    let ran = async {
        checkout.set_up().await?;
        survey(&checkout, &paths, &limits, &*progress).await
    };
    let ran = ran.await;
    progress.close();
    match ran {
        Ok(survey) if !args.paths.is_empty() && counts_nothing(&survey) => {
            Err(Failure::plain_usage(format!(
                "find a test in {} of {repository}",
                args.paths.join(", ")
            ))
            .advise(
                "Paths are those of test files, folders or ids, as in tests/test_a.py::test_b.",
            ))
        }
        Ok(survey) if args.json => Ok(told_as_json(&survey)),
        Ok(survey) => Ok(told(&survey)),
        Err(error) if args.json && matches!(error, WorkspaceError::Blocked { .. }) => {
            out::line(&json!({"blocked": error.to_string()}).to_string());
            Ok(Exit::Blocked)
        }
        Err(error) => failed_to_set_up(error),
    }
}

/// A path or a test's id as the user types it, from where the user is, relative to the repository.
fn relative(home: &Home, repository: &str, typed: &str) -> String {
    let (path, id) = typed
        .split_once("::")
        .map_or((typed, None), |(path, id)| (path, Some(id)));
    let whole = home.surroundings.absolute(std::path::Path::new(path));
    let whole = std::fs::canonicalize(&whole).unwrap_or(whole);
    let path = match whole.strip_prefix(repository) {
        Ok(inside) => inside.display().to_string(),
        Err(_) => path.to_owned(),
    };
    id.map_or(path.clone(), |id| format!("{path}::{id}"))
}

fn counts_nothing(survey: &Survey) -> bool {
    let run = &survey.run;
    run.results.is_empty() && run.collected.is_empty() && run.collection_errors.is_empty()
}

fn exit(survey: &Survey) -> Exit {
    if counts_nothing(survey) {
        return Exit::Blocked;
    }
    let bad = |it: &TestResult| matches!(it.outcome, TestOutcome::Failed | TestOutcome::Error);
    let run = &survey.run;
    let good = run.finished && run.collection_errors.is_empty() && !run.results.iter().any(bad);
    if good { Exit::Done } else { Exit::Failed }
}

fn told_as_json(survey: &Survey) -> Exit {
    out::line(
        &json!({"command": survey.command, "folder": survey.folder, "config": survey.config, "run": survey.run}).to_string(),
    );
    exit(survey)
}

fn told(survey: &Survey) -> Exit {
    let run = &survey.run;
    let bad = run.results.iter().chain(&run.collection_errors);
    for it in bad.filter(|it| matches!(it.outcome, TestOutcome::Failed | TestOutcome::Error)) {
        out::line(&words::visible(&format!("✗ {}", it.id)));
        out::line(&words::indented(
            &it.message,
            MESSAGE_LINES_MAX,
            MESSAGE_CHARS_MAX,
        ));
    }
    let took = words::duration(std::time::Duration::from_millis(run.wall_ms));
    out::line(&format!(
        "{} in {took}, by {}",
        counted(run),
        words::visible(&survey.command)
    ));
    if !run.finished {
        out::line("            the run didn't come to its end; the last of its output:");
        out::line(&words::indented(
            &run.tail,
            MESSAGE_LINES_MAX,
            MESSAGE_CHARS_MAX,
        ));
    }
    exit(survey)
}
