//! Whether a test run can be believed: what it showed, held against the base, and what a change may not do.

mod altered;
mod asked;
mod collected;
mod disguise;
mod executed;
mod file;
mod foreknown;
mod scan;

use futures::future::try_join;
use protocol::{AgentContext, AgentError, Canaries, Integrity, RunState, TestRun, Trick};
use serde::{Deserialize, Serialize};
use test_run::ids::test_files;
use test_run::tree_files::is_there;
use test_run::{Files, Ran, Settings, Targets, TestTree, canaries, known_base, tricks};

/// What speaks for the word of a test run, and what against it. `base` is the part of the base's run that is to be
/// compared with it, `targets` what ran.
pub(crate) async fn look(
    cx: &AgentContext<'_>,
    state: &RunState,
    base: Option<&TestRun>,
    targets: Targets<'_>,
    ran: &Ran,
) -> Result<Integrity, AgentError> {
    // None of them waits for another, and each is a short program.
    let looks = async {
        try_join(
            scan::of_change(cx, state),
            foreknown::found(cx, state, &ran.run),
        )
        .await
    };
    let (scan, foreknown) = cx
        .once("look at the change's own code", false, looks)
        .await?;
    let scanned = scan.scanned.iter().cloned().collect();
    let mut ran = ran.clone();
    ran.tricks
        .extend(executed::unscanned(cx, &ran, &scanned).await?);
    let ran = &ran;
    let (canaries, tricks) = held_against_the_base(cx, base, targets, ran).await?;
    let mut tricks = executed::without_the_bases(cx, tricks).await?;
    tricks.extend(scan.tricks);
    tricks.extend(foreknown);
    let mut integrity = Integrity {
        canaries,
        tests_on_base: 0,
        missing: Vec::new(),
        marked: scan.marked,
        tricks,
        signs: scan.signs,
    };
    if let Some(base) = base {
        let task = state.task.as_markdown();
        integrity.tests_on_base = base.collected.len();
        integrity.missing = collected::missing(base, &ran.run, &task);
        for it in collected::marked(base, &ran.run, &task) {
            if !integrity.marked.contains(&it) {
                integrity.marked.push(it);
            }
        }
    }
    Ok(integrity)
}

/// How much the runner can be believed on the base.
#[derive(Debug, Serialize, Deserialize)]
struct OnBase {
    canaries: Canaries,
    tricks: Vec<Trick>,
}

/// What the run showed, without what the base does as well.
async fn held_against_the_base(
    cx: &AgentContext<'_>,
    base: Option<&TestRun>,
    targets: Targets<'_>,
    ran: &Ran,
) -> Result<(Canaries, Vec<Trick>), AgentError> {
    // What broke off is judged by how it ended, and asking a long suite again would take its whole time. Where no test
    // ran, all of the base's are missed.
    let is_settled = match ran.canaries {
        Canaries::Held { .. } => true,
        Canaries::Silent { .. } => !ran.run.finished || ran.run.results.is_empty(),
        Canaries::Broken { .. } => false,
    };
    if is_settled && !ran.tricks.iter().any(tricks::is_about_the_run) {
        return Ok((ran.canaries.clone(), ran.tricks.clone()));
    }
    // Rare, and worth the time: an honest change must not be refused for how its repository is.
    let on_base = cx
        .once(
            "see whether the runner can be believed on the base",
            false,
            on_base(cx, base, targets),
        )
        .await?;
    let canaries = canaries::against(&on_base.canaries, &ran.canaries);
    let tricks = ran.tricks.iter().filter(|trick| {
        let there_before = on_base.tricks.iter().any(|it| is_alike(it, trick));
        !(tricks::is_about_the_run(trick) && there_before)
    });
    Ok((canaries, tricks.cloned().collect()))
}

/// Whether two runs show the same.
fn is_alike(one: &Trick, other: &Trick) -> bool {
    one.rule == other.rule && one.path == other.path && one.words == other.words
}

/// The same tests on the base, as far as it has them.
async fn on_base(
    cx: &AgentContext<'_>,
    base: Option<&TestRun>,
    targets: Targets<'_>,
) -> Result<OnBase, AgentError> {
    let known = base.map(test_files).unwrap_or_default();
    let files = match targets {
        Targets::Suite => Vec::new(),
        Targets::Files(files) => files.to_vec(),
    };
    let files: Vec<String> = files.into_iter().filter(|it| known.contains(it)).collect();
    let targets = match files.is_empty() {
        true => Targets::Suite,
        false => Targets::Files(&files),
    };
    let settings = Settings::read(cx.base).await?;
    let seconds_max = cx.limits.test_run_seconds_max;
    let name = known_base::name(cx, &settings, seconds_max);
    let name = format!("believed-{name}-{}", files.join(" "));
    // Whatever is wrong with what was kept, measuring again is the answer.
    if let Ok(Some(bytes)) = cx.base.recall(&name).await
        && let Ok(known) = serde_json::from_slice(&bytes)
    {
        return Ok(known);
    }
    let tree = TestTree::of_base(cx.base, &settings).await?;
    let ran = tree
        .watch(targets, Files::default(), seconds_max, cx.log)
        .await?;
    let mut tricks = ran.tricks;
    for path in ran.executed {
        // Whatever is not on the base was made there, too.
        if !is_there(cx.base, &path).await? {
            tricks.push(tricks::not_looked_at(&path, true));
        }
    }
    let on_base = OnBase {
        canaries: ran.canaries,
        tricks,
    };
    if ran.run.finished
        && let Ok(bytes) = serde_json::to_vec(&on_base)
    {
        // The next run measures again: that costs time and nothing else.
        let _ = cx.base.remember(&name, &bytes).await;
    }
    Ok(on_base)
}
