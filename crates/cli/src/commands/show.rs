//! `pipeline show`: how a run stands, where its change is, and what to do next.

use protocol::{Entry, Fork, RunEvent, RunId, RunState, Status};
use store::RunSummary;

use crate::args::ShowArgs;
use crate::ending;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::{Home, store_failure};
use crate::{out, session, words};

pub(crate) async fn show(args: &ShowArgs) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let run = home.find_or_last(args.run.as_deref()).await?;
    let history = session::history(&home, &run).await?;
    let state = session::fold(&history)?;
    if args.json {
        let json = serde_json::to_string_pretty(&state)
            .map_err(|it| Failure::broken("print the run's state", it))?;
        out::line(&json);
        return Ok(Exit::Done);
    }
    let summary = home.store.run(&run).await;
    let summary = summary.map_err(|it| store_failure("find the run", it))?;
    let bundle = home.runs()?.bundle_of(&run, &history);
    out::line(&format!("run         {run}"));
    out::line(&format!("status      {}", words::standing(&summary)));
    let files = ending::changed_files(&state.proposed_code);
    out::line(&format!(
        "change      {}",
        match files.is_empty() {
            true => "none".to_owned(),
            false => files.join(", "),
        }
    ));
    for delivery in runs::deliveries(&history) {
        out::line(&ending::delivered(&delivery));
    }
    if bundle.is_dir() {
        out::line(&format!(
            "evidence    {}",
            bundle.join("report.html").display()
        ));
    }
    out::line(&format!(
        "next        {}",
        next(&run, summary.holder.is_some(), &state)
    ));
    out::line("");
    about(&summary, &state, &history);
    Ok(Exit::Done)
}

fn about(summary: &RunSummary, state: &RunState, history: &[Entry]) {
    if let Some(fork) = fork_of(history) {
        out::line(&format!(
            "forked      from {} after its event {}",
            fork.run, fork.at
        ));
    }
    let title = words::one_line(&state.task.title, 100);
    out::line(&format!("task        {title}"));
    let repository = match summary.repository.as_str() {
        "" => "none: the run started from nothing".into(),
        repository => words::visible(repository),
    };
    out::line(&format!("repository  {repository}"));
    out::line(&format!("draft       {}", state.iteration));
    for evidence in &state.evidence {
        out::line(&format!("  · {}", words::about(evidence)));
    }
    // One that was answered by a later draft says nothing of how the run stands.
    if let Some(feedback) = state
        .feedback
        .as_ref()
        .filter(|_| state.status != Status::Completed)
    {
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
}

/// The command that comes next for a person.
pub(crate) fn next(run: &RunId, works: bool, state: &RunState) -> String {
    match state.status {
        Status::Running if works => {
            format!("pipeline log --follow {run}")
        }
        Status::Running => format!("pipeline resume {run}"),
        _ if state.proposed_code.is_empty() => format!("pipeline log {run}"),
        Status::Completed => format!("pipeline open {run}, then pipeline apply {run}"),
        Status::Failed => format!("pipeline open {run}, pipeline diff {run}"),
    }
}

/// What the run began as, if it is a fork.
fn fork_of(history: &[Entry]) -> Option<&Fork> {
    history.iter().rev().find_map(|it| match &it.event {
        RunEvent::Reopened { fork, .. } => fork.as_ref(),
        _ => None,
    })
}
