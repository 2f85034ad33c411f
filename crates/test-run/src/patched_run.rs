//! Runs the suite together with the acceptance tests, on forks of the work tree.

use std::collections::HashSet;

use protocol::{
    AcceptanceTests, AgentContext, AgentError, Canaries, Exit, RunState, TestRun, TreeId, Trick,
    Workspace, WorkspaceError,
};

use crate::canaries::had_no_place;
use crate::ids::{belongs, covers};
use crate::own_tests::{self, Added};
use crate::pytest::Ran;
use crate::targets::{Files, Targets};
use crate::test_tree::TestTree;
use crate::tree_files::{is_there, read_bytes};
use crate::tricks;

/// What the tests do with the change.
///
/// # Errors
/// [`AgentError`] when a tree can't be laid out or a program can't be started; failing tests are none.
pub async fn run(
    cx: &AgentContext<'_>,
    state: &RunState,
    targets: Targets<'_>,
    seconds_max: u64,
) -> Result<Ran, AgentError> {
    let acceptance = state.acceptance_tests();
    let work = cx.work.snapshot().await?;
    let added = own_tests::added(cx, state).await?;
    let files;
    let targets = match targets {
        Targets::Suite => targets,
        Targets::Files(all) => {
            let mut known = all.to_vec();
            known.retain(|it| !added.files.contains(it));
            files = known;
            // Asked for nothing, the runner takes everything.
            Targets::Files(&files)
        }
    };
    let mut ran = run_once(cx, state, &work, &added, targets, seconds_max).await?;

    let unseen = files_without_outcome(&ran.run, acceptance);
    if !unseen.is_empty() {
        // Outside of what the suite collects, or after the place where it broke off: they get a run of their own,
        // on a fresh checkout.
        let targets = Targets::Files(&unseen);
        let more = run_once(cx, state, &work, &added, targets, seconds_max).await?;
        ran.canaries = both(ran.canaries, more.canaries);
        ran.tricks.extend(more.tricks);
        ran.executed.extend(more.executed);
        add(&mut ran.run, more.run);
    }
    let own = added.test_files();
    if !own.is_empty() && ran.run.finished {
        let more = run_own(cx, state, &work, &own, seconds_max).await?;
        add_own(&mut ran, more);
    }
    Ok(ran)
}

/// The tests that the draft brings along, on a checkout of the whole draft: what they say excuses nothing.
async fn run_own(
    cx: &AgentContext<'_>,
    state: &RunState,
    work: &TreeId,
    own: &[String],
    seconds_max: u64,
) -> Result<Ran, AgentError> {
    let tree = TestTree::of_draft(cx, state, work).await?;
    let files = Files {
        only: Some(own),
        ..Files::default()
    };
    let targets = Targets::Suite;
    let mut ran = tree.watch(targets, files, seconds_max, cx.log).await?;
    keep_strange(cx, None, &mut ran).await?;
    Ok(ran)
}

/// Adds what the draft's own tests showed: new tests, and what is wrong with them.
fn add_own(ran: &mut Ran, own: Ran) {
    if own.run.collected.is_empty() && own.run.collection_errors.is_empty() && own.run.finished {
        return;
    }
    let mut all = own.run.results.iter().chain(&own.run.collection_errors);
    let any_red = all.any(|it| it.outcome.is_red());
    match own.run.exit {
        Exit::Code(0) if own.run.finished => {}
        Exit::Code(1) if own.run.finished && any_red => {
            if ran.run.exit == Exit::Code(0) {
                ran.run.exit = Exit::Code(1);
            }
        }
        exit => {
            ran.run.exit = exit;
            ran.run.finished = own.run.finished;
            ran.run.tail.clone_from(&own.run.tail);
        }
    }
    if let Canaries::Broken { .. } = own.canaries {
        ran.canaries = own.canaries;
    }
    ran.tricks.extend(own.tricks);
    ran.executed.extend(own.executed);
    add(&mut ran.run, own.run);
}

/// One session on a checkout of its own.
async fn run_once(
    cx: &AgentContext<'_>,
    state: &RunState,
    work: &TreeId,
    added: &Added,
    targets: Targets<'_>,
    seconds_max: u64,
) -> Result<Ran, AgentError> {
    let tree = TestTree::of_change(cx, state, work).await?;
    let acceptance = state.acceptance_tests();
    let files = acceptance.into_iter().flat_map(|it| &it.files);
    let paths: Vec<String> = files.map(|it| it.path.clone()).collect();
    let files = Files {
        acceptance: &paths,
        left_out: &added.files,
        only: None,
    };
    let mut ran = tree.watch(targets, files, seconds_max, cx.log).await?;
    ran.tricks
        .extend(rewritten(tree.workspace(), acceptance).await?);
    keep_strange(cx, acceptance, &mut ran).await?;
    Ok(ran)
}

/// Leaves only files that the change touches, or that the base doesn't have.
async fn keep_strange(
    cx: &AgentContext<'_>,
    acceptance: Option<&AcceptanceTests>,
    ran: &mut Ran,
) -> Result<(), AgentError> {
    let change = cx.work.change().await?;
    let changed: HashSet<&str> = change.files.iter().map(|it| it.path.as_str()).collect();
    let frozen = acceptance.into_iter().flat_map(|it| &it.files);
    let frozen: HashSet<&str> = frozen.map(|it| it.path.as_str()).collect();
    let mut strange = Vec::new();
    for path in std::mem::take(&mut ran.executed) {
        let is_known = frozen.contains(path.as_str())
            || !changed.contains(path.as_str()) && is_there(cx.base, &path).await?;
        if !is_known {
            strange.push(path);
        }
    }
    ran.executed = strange;
    Ok(())
}

/// Frozen files that aren't any more what they were before the tests ran.
async fn rewritten(
    tree: &dyn Workspace,
    acceptance: Option<&AcceptanceTests>,
) -> Result<Vec<Trick>, WorkspaceError> {
    let mut tricks = Vec::new();
    for file in acceptance.into_iter().flat_map(|it| &it.files) {
        let now = read_bytes(tree, &file.path).await?;
        if now.as_deref() != Some(file.text.as_bytes()) {
            tricks.push(tricks::rewritten(&file.path));
        }
    }
    Ok(tricks)
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

/// What two sessions together say: one that held makes up for one without tests, and nothing for one that lied or kept
/// silent beside tests.
fn both(suite: Canaries, files: Canaries) -> Canaries {
    match (suite, files) {
        (broken @ Canaries::Broken { .. }, _) | (_, broken @ Canaries::Broken { .. }) => broken,
        (suite, files) if had_no_place(&suite) => files,
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

#[cfg(test)]
mod tests {
    use protocol::{Exit, TestOutcome, TestResult};

    use super::*;

    fn run(tests: std::ops::Range<usize>) -> TestRun {
        let results = tests.map(|n| TestResult {
            id: format!("t.py::test_{n}"),
            outcome: TestOutcome::Passed,
            phase: "call".to_owned(),
            exception: String::new(),
            message: String::new(),
        });
        let results: Vec<TestResult> = results.collect();
        TestRun {
            collected: results.iter().map(|it| it.id.clone()).collect(),
            collection_errors: results.clone(),
            results,
            exit: Exit::Code(0),
            finished: true,
            wall_ms: 1,
            tail: String::new(),
            cached: false,
        }
    }

    /// Where each test is looked for among all others, nobody waits for the end of this.
    #[test]
    fn a_second_run_of_twenty_thousand_tests_adds_what_is_new() {
        let mut all = run(0..20_000);
        add(&mut all, run(10_000..30_000));
        let counts = [
            all.results.len(),
            all.collected.len(),
            all.collection_errors.len(),
        ];
        assert_eq!(counts, [30_000; 3]);
        assert_eq!(all.wall_ms, 2);
    }
}
