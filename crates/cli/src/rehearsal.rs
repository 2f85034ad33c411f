//! A run up to its first request: what a dry run says, and how a run that never began is forgotten.

use std::time::Duration;

use protocol::{Base, Entry, Task};
use serde_json::json;
use store::Lease;

use crate::briefing::Briefing;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::{Home, store_failure};
use crate::lacks::Lack;
use crate::progress::Mode;
use crate::settings::{self, Settings};
use crate::{out, wiring, words};

/// How often the folder of a run that never began is tried to be removed.
const FORGETTING_TRIES_MAX: u32 = 100;
/// The wait between two tries.
const FORGETTING_WAIT_MS: u64 = 20;

/// Who works on a run, and what it may cost from here on.
pub(crate) fn briefing(home: &Home, settings: &Settings, history: &[Entry]) -> Briefing {
    let prices = settings::prices(&home.config);
    let spent = wiring::spent(history);
    Briefing::of(settings, &prices, &home.surroundings, spent)
}

/// What a person is asked before a run that may cost more than the configuration lets pass, or whose repository lacks what would
/// tell whether a change is right. Only a person can be asked.
pub(crate) fn question(home: &Home, briefing: &Briefing, lack: Option<Lack>) -> Option<String> {
    let above = settings::microusd(home.config.confirm_above);
    let lack = lack.map(|it| it.in_question().to_owned());
    let reasons: Vec<String> = lack
        .into_iter()
        .chain(briefing.reason_to_ask(above))
        .collect();
    let is_asked = home.surroundings.typed && !reasons.is_empty();
    is_asked.then(|| format!("{} Go on?", reasons.join(" ")))
}

/// Whether the answer to a question is yes.
pub(crate) async fn agreed() -> bool {
    // Its own thread, which ends with the process: the runtime would wait for the answer of somebody who pressed Ctrl-C.
    let (told, answered) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        // Nobody listens any more once the run was stopped.
        let _ = told.send(read.map(|_| answer));
    });
    let answer = answered.await.ok().and_then(Result::ok).unwrap_or_default();
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// Says what a run would work on, who would, and what that costs: the result of a dry run.
pub(crate) fn told(
    home: &Home,
    settings: &Settings,
    task: &Task,
    base: &Base,
    lack: Option<Lack>,
    mode: Mode,
) -> Result<Exit, Failure> {
    let briefing = briefing(home, settings, &[]);
    let lack = lack.map(Lack::about);
    if mode == Mode::Json {
        let told = json!({"dry_run": {
            "task": task, "base": base, "briefing": briefing, "lacks": lack,
        }});
        out::line(&told.to_string());
        return Ok(Exit::Done);
    }
    let width = out::chars_max();
    for line in words::opening(task, base, width) {
        out::line(&line);
    }
    for line in lack
        .iter()
        .flat_map(|it| words::wrapped("note        ", 12, it, width))
    {
        out::line(&line);
    }
    for line in briefing.lines(width) {
        out::line(&line);
    }
    let next = "The same command without --dry-run does the work; nothing was asked or paid.";
    for line in words::wrapped("next        ", 12, next, width) {
        out::line(&line);
    }
    Ok(Exit::Done)
}

/// Takes back a run in which nothing has happened, with its folder.
pub(crate) async fn forget(home: &Home, lease: Lease) -> Result<(), Failure> {
    let folder = home.run_folder(lease.run());
    home.store
        .discard(lease)
        .await
        .map_err(|it| store_failure("take the run back", it))?;
    let mut tries = 0;
    while folder.exists() {
        tries += 1;
        match std::fs::remove_dir_all(&folder) {
            // A checkout that was just dropped lays out and clears its trees in the background for a moment.
            Err(_) if tries < FORGETTING_TRIES_MAX => {
                tokio::time::sleep(Duration::from_millis(FORGETTING_WAIT_MS)).await;
            }
            Err(error) => {
                let doing = format!("remove the folder {}", folder.display());
                return Err(Failure::broken(doing, error));
            }
            Ok(()) => {}
        }
    }
    Ok(())
}
