//! Why a test run can be believed: sealed reports, tests whose outcome is known, and what a change may not do.

mod altered;
pub(crate) mod canaries;
mod collected;
pub(crate) mod configuration;
mod foreknown;
pub(crate) mod records;
mod scan;
pub(crate) mod seal;
pub(crate) mod tricks;

use futures::future::try_join;
use protocol::{AgentContext, AgentError, Canaries, Integrity, RunState, TestRun, Trick};
use serde::{Deserialize, Serialize};

use crate::pytest::{self, Ran, Targets};
use crate::settings::Settings;

/// What speaks for the word of a test run, and what against it. `base` is the part of the base's run that is to be
/// compared with it.
pub(crate) async fn look(
    cx: &AgentContext<'_>,
    state: &RunState,
    base: Option<&TestRun>,
    ran: &Ran,
) -> Result<Integrity, AgentError> {
    let (canaries, mut tricks) = held_against_the_base(cx, ran).await?;
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

/// What the run showed, without what the base does as well: a repository may have a fixture that our tests don't fit.
async fn held_against_the_base(
    cx: &AgentContext<'_>,
    ran: &Ran,
) -> Result<(Canaries, Vec<Trick>), AgentError> {
    let broken = matches!(ran.canaries, Canaries::Broken { .. });
    if !broken && !ran.tricks.iter().any(tricks::is_about_the_run) {
        return Ok((ran.canaries.clone(), ran.tricks.clone()));
    }
    // Rare, and worth the time: an honest change must not be refused for how its repository is.
    let on_base = cx
        .once(
            "see whether the runner can be believed on the base",
            false,
            async {
                let settings = Settings::read(cx.base).await?;
                let tree = cx.base.fork(&cx.base.base().tree).await?;
                let seconds_max = cx.limits.test_run_seconds_max;
                let suite = Targets::Suite;
                let ran = pytest::watch(&*tree, &settings, suite, &[], seconds_max, cx.log).await?;
                Ok(OnBase {
                    canaries: ran.canaries,
                    tricks: ran.tricks,
                })
            },
        )
        .await?;
    let canaries = match (&ran.canaries, &on_base.canaries) {
        (Canaries::Broken { .. }, Canaries::Broken { found }) => Canaries::Silent {
            why: format!("on the base commit, {} as well", found.join(", ")),
        },
        // Nothing on the base says that they would hold there; without tests of its own it can't be otherwise.
        _ => ran.canaries.clone(),
    };
    let tricks = ran.tricks.iter().filter(|trick| {
        let there_before = on_base.tricks.iter().any(|it| it.rule == trick.rule);
        !(tricks::is_about_the_run(trick) && there_before)
    });
    Ok((canaries, tricks.cloned().collect()))
}
