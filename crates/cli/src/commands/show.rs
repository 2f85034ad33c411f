//! `pipeline show`: how a run stands, and its change.

use protocol::{Entry, Fork, RunEvent, RunState, Status};

use crate::args::ShowArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::{Home, store_failure};
use crate::{out, session, words};

/// Lines of the change that are shown; the whole is in the bundle.
const PATCH_LINES_MAX: usize = 200;

pub(crate) async fn show(args: &ShowArgs) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let run = home.find(&args.run).await?;
    let history = session::history(&home, &run).await?;
    let state = RunState::fold(&history)
        .map_err(|it| Failure::broken("make sense of the run's journal", it))?;
    if args.json {
        let json = serde_json::to_string_pretty(&state)
            .map_err(|it| Failure::broken("print the run's state", it))?;
        out::line(&json);
        return Ok(Exit::Done);
    }
    let summary = home
        .store
        .run(&run)
        .await
        .map_err(|it| store_failure("find the run", it))?;
    out::line(&format!("run         {run}"));
    if let Some(fork) = fork_of(&history) {
        out::line(&format!(
            "forked      from {} after its event {}",
            fork.run, fork.at
        ));
    }
    out::line(&format!(
        "task        {}",
        words::one_line(&state.task.title, 100)
    ));
    out::line(&format!(
        "repository  {}",
        match summary.repository.as_str() {
            "" => "none: the run started from nothing".into(),
            repository => words::visible(repository),
        }
    ));
    out::line(&format!("status      {}", words::standing(&summary)));
    out::line(&format!("draft       {}", state.iteration));
    for evidence in &state.evidence {
        out::line(&format!("  · {}", words::about(evidence)));
    }
    if let Some(feedback) = &state.feedback {
        out::line("last feedback");
        out::line(&words::indented(feedback, 30, 160));
    }
    for (agent, usage) in &state.usage {
        out::line(&format!(
            "used        {agent}: {}, {}, {}",
            delivery::words::counted(usage.calls as usize, "request"),
            words::tokens(usage.tokens.total()),
            delivery::words::money(usage.cost_microusd)
        ));
    }
    let bundle = home.bundle_folder(&run);
    if bundle.is_dir() {
        out::line(&format!("evidence    {}", bundle.display()));
    }
    if summary.status == Status::Running && summary.holder.is_none() {
        out::line(&format!("next        pipeline resume {run}"));
    }
    if !state.proposed_code.is_empty() {
        out::line("");
        for line in state.proposed_code.lines().take(PATCH_LINES_MAX) {
            out::line(&protocol::visible(line));
        }
    }
    Ok(Exit::Done)
}

/// What the run began as, if it is a fork.
fn fork_of(history: &[Entry]) -> Option<&Fork> {
    history.iter().rev().find_map(|it| match &it.event {
        RunEvent::Reopened { fork, .. } => fork.as_ref(),
        _ => None,
    })
}
