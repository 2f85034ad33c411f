//! Ablation by hunks: takes each hunk of the draft back alone, to see whether any test notices.

use std::time::Instant;

use async_trait::async_trait;
use protocol::{
    Agent, AgentContext, AgentError, Bite, Evidence, HunkBite, HunkVerdict, Report, RunState,
    Workspace, WorkspaceError, source_text,
};
use test_run::tree_files::read_bytes;

use crate::code;
use crate::hunk_trials::{Trials, untried};
use crate::hunks::{Hunk, Without, hunks};

/// Reverts each hunk of the draft alone and runs the tests without it.
///
/// It never sends a change back: a hunk that no test exercises is told to whoever decides about the change.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ablation;

impl Ablation {
    /// An ablation.
    pub fn new() -> Ablation {
        Ablation
    }
}

#[async_trait]
impl Agent for Ablation {
    fn name(&self) -> &str {
        "ablation"
    }

    async fn run(&self, cx: &AgentContext<'_>, state: &RunState) -> Result<Report, AgentError> {
        let found = cx
            .once("revert each hunk alone", false, measure(cx, state))
            .await?;
        Ok(Report::passed(in_words(&found)).with(Evidence::Bite(found)))
    }
}

async fn measure(cx: &AgentContext<'_>, state: &RunState) -> Result<Bite, AgentError> {
    let started = Instant::now();
    let hunks = hunks(&state.proposed_code);
    let mut verdicts = Vec::new();
    let mut trials = Vec::new();
    for hunk in hunks {
        let now = text_of(cx.work, &hunk.path).await?;
        let verdict = match without(&hunk, now.as_deref()) {
            Err(why) => Some(untried(why)),
            Ok(_) if cx.limits.bite_hunks_max as usize <= trials.len() => Some(untried(format!(
                "only {} of the hunks are tried",
                cx.limits.bite_hunks_max
            ))),
            Ok(without) => {
                trials.push((hunk.path.clone(), without));
                None
            }
        };
        verdicts.push((hunk, verdict));
    }
    let tried = if trials.is_empty() {
        Vec::new()
    } else {
        let paths: Vec<String> = trials.iter().map(|(path, _)| path.clone()).collect();
        let all = Trials::begin(cx, state, &paths, started).await?;
        all.verdicts(trials).await?
    };
    let mut tried = tried.into_iter();
    let hunks = verdicts.into_iter().map(|(hunk, verdict)| HunkBite {
        verdict: verdict
            .or_else(|| tried.next())
            .unwrap_or_else(|| untried("it was not reached")),
        path: hunk.path,
        header: hunk.header,
    });
    Ok(Bite {
        hunks: hunks.collect(),
        wall_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// The file without the hunk, or why there is nothing to try.
fn without(hunk: &Hunk, now: Option<&str>) -> Result<Without, &'static str> {
    if hunk.is_binary() {
        return Err("it is binary");
    }
    if !hunk.path.ends_with(".py") {
        return Err("no Python code");
    }
    if is_test(&hunk.path) {
        return Err(HunkVerdict::OF_THE_TESTS);
    }
    if hunk.path.starts_with("doc/") || hunk.path.starts_with("docs/") {
        return Err(HunkVerdict::OF_THE_DOCUMENTATION);
    }
    let without = hunk
        .taken_back(now)
        .ok_or("it isn't in the file as it stands")?;
    let text = match &without {
        Without::Text(text) => text,
        Without::Gone => "",
    };
    if code::is_same(now.unwrap_or(""), text) {
        return Err(HunkVerdict::NO_CODE);
    }
    Ok(without)
}

/// Whether a Python file is there for the tests only.
fn is_test(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    folders.split('/').any(|it| it == "tests" || it == "test")
        || name == "conftest.py"
        || name.starts_with("test_")
        || name.ends_with("_test.py")
}

/// A file's text; none when it isn't there or isn't text.
async fn text_of(work: &dyn Workspace, path: &str) -> Result<Option<String>, WorkspaceError> {
    let bytes = read_bytes(work, path).await?;
    Ok(bytes.and_then(|it| source_text(&it)))
}

/// What came of it, in a line.
fn in_words(found: &Bite) -> String {
    let of = |wanted: fn(&HunkVerdict) -> bool| {
        found.hunks.iter().filter(|it| wanted(&it.verdict)).count()
    };
    let exercised = of(|it| matches!(it, HunkVerdict::Exercised { .. }));
    let unexercised = of(|it| matches!(it, HunkVerdict::Unexercised));
    let untried = of(|it| matches!(it, HunkVerdict::Untried { .. }));
    let hunks = match found.hunks.len() {
        1 => "1 hunk".to_owned(),
        n => format!("{n} hunks"),
    };
    format!(
        "{hunks} reverted one by one: {exercised} noticed by a test, {unexercised} by none, {untried} not tried"
    )
}
