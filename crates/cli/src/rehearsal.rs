//! A run up to its first request: what a dry run says, and what a person is asked.

use protocol::{Base, Entry, Task};
use runs::{Lack, Settings};
use serde_json::json;

use crate::briefing::Briefing;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::Home;
use crate::progress::Mode;
use crate::{out, settings, words};

/// Who works on a run, and what it may cost from here on.
pub(crate) fn briefing(home: &Home, settings: &Settings, history: &[Entry]) -> Briefing {
    let prices = settings::prices(&home.config);
    let spent = runs::spent(history);
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
