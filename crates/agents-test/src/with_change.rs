//! Runs the suite together with the acceptance tests, on forks of the work tree.

use std::collections::HashSet;

use protocol::{
    AcceptanceTests, AgentContext, AgentError, Canaries, TestFile, TestRun, Workspace,
    WorkspaceError,
};

use crate::accepted::covers;
use crate::frozen;
use crate::pytest::{self, Ran, Targets};
use crate::settings::Settings;
use crate::submission::belongs;

/// What the tests do with the change.
pub(crate) async fn run(
    cx: &AgentContext<'_>,
    acceptance: Option<&AcceptanceTests>,
) -> Result<Ran, AgentError> {
    // The base says how tests are run: a change must not choose its own judge.
    let settings = Settings::read(cx.base).await?;
    let seconds_max = cx.limits.test_run_seconds_max;
    let work = cx.work.snapshot().await?;
    let tree = cx.work.fork(&work).await?;
    write_acceptance_tests(&*tree, acceptance).await?;
    let files: Vec<String> = acceptance
        .into_iter()
        .flat_map(|it| &it.files)
        .map(|it| it.path.clone())
        .collect();
    let mut ran = pytest::watch(
        &*tree,
        &settings,
        Targets::Suite,
        &files,
        seconds_max,
        cx.log,
    )
    .await?;

    let unseen = files_without_outcome(&ran.run, acceptance);
    if !unseen.is_empty() {
        // Outside of what the suite collects, or after the place where it broke off: they get a run of their own,
        // on a fresh checkout.
        let tree = cx.work.fork(&work).await?;
        write_acceptance_tests(&*tree, acceptance).await?;
        let more = pytest::watch(
            &*tree,
            &settings,
            Targets::Files(&unseen),
            &files,
            seconds_max,
            cx.log,
        )
        .await?;
        ran.canaries = worse(ran.canaries, more.canaries);
        ran.tricks.extend(more.tricks);
        add(&mut ran.run, more.run);
    }
    Ok(ran)
}

/// Puts the frozen files into a checkout.
pub(crate) async fn write_acceptance_tests(
    tree: &dyn Workspace,
    acceptance: Option<&AcceptanceTests>,
) -> Result<(), WorkspaceError> {
    write_frozen(tree, acceptance.map_or(&[], |it| &it.files)).await
}

/// Writes files that are still what was frozen.
pub(crate) async fn write_frozen(
    tree: &dyn Workspace,
    files: &[TestFile],
) -> Result<(), WorkspaceError> {
    for file in files {
        if !frozen::holds(file) {
            return Err(WorkspaceError::Protected {
                path: file.path.clone(),
                why: "its content isn't what was frozen (was the journal edited?)".to_owned(),
            });
        }
        tree.write(&file.path, file.text.as_bytes()).await?;
    }
    Ok(())
}

/// Acceptance test files of which some test has no outcome yet.
fn files_without_outcome(run: &TestRun, acceptance: Option<&AcceptanceTests>) -> Vec<String> {
    let Some(acceptance) = acceptance else {
        return Vec::new();
    };
    let outcomes: HashSet<&str> = run.results.iter().map(|it| it.id.as_str()).collect();
    let has_outcome = |named: &str| {
        let mut seen = run.results.iter().chain(&run.collection_errors);
        outcomes.contains(named) || seen.any(|it| covers(named, &it.id))
    };
    acceptance
        .files
        .iter()
        .filter(|file| {
            acceptance
                .on_base
                .iter()
                .any(|test| belongs(&test.id, &file.path) && !has_outcome(&test.id))
        })
        .map(|file| file.path.clone())
        .collect()
}

/// What two sessions together say: one that held makes up for one without tests, and nothing for one that lied.
fn worse(suite: Canaries, files: Canaries) -> Canaries {
    match (suite, files) {
        (broken @ Canaries::Broken { .. }, _) | (_, broken @ Canaries::Broken { .. }) => broken,
        (Canaries::Silent { .. }, files) => files,
        (suite, _) => suite,
    }
}

/// Adds what a second run of some files showed. How the suite itself ended stays.
fn add(run: &mut TestRun, more: TestRun) {
    run.wall_ms += more.wall_ms;
    add_new(&mut run.results, more.results, |it| &it.id);
    add_new(&mut run.collected, more.collected, |it| it);
    add_new(&mut run.collection_errors, more.collection_errors, |it| {
        &it.id
    });
}

/// Adds what isn't there yet. A suite has tens of thousands of tests, so nothing is looked for one by one.
fn add_new<T>(all: &mut Vec<T>, more: Vec<T>, id: impl Fn(&T) -> &String) {
    let known: HashSet<String> = all.iter().map(|it| id(it).clone()).collect();
    all.extend(more.into_iter().filter(|it| !known.contains(id(it))));
}
