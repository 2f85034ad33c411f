//! `pipeline log`: what happened, one event a line.

use std::time::Duration;

use delivery::Tracer;
use protocol::{Entry, RunId, Status};

use crate::args::LogArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::{Home, store_failure};
use crate::progress::Line;
use crate::{out, words};

/// How often a run that is followed is looked at.
const PAUSE: Duration = Duration::from_millis(500);

pub(crate) async fn log(args: &LogArgs) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let run = home.find_or_last(args.run.as_deref()).await?;
    let mut tracer = Tracer::new();
    let mut next = 0;
    loop {
        // Before the events: whoever is at the end now has written them all.
        let summary = home.store.run(&run).await;
        let summary = summary.map_err(|it| store_failure("find the run", it))?;
        let new = home.store.history_from(&run, next).await;
        for entry in new.map_err(|it| store_failure("read the run's journal", it))? {
            next = entry.seq + 1;
            print(&run, &entry, &mut tracer, args.json)?;
        }
        if !args.follow || summary.status != Status::Running || summary.holder.is_none() {
            return Ok(Exit::Done);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn print(run: &RunId, entry: &Entry, tracer: &mut Tracer, as_json: bool) -> Result<(), Failure> {
    let step = tracer.take(&entry.event);
    if as_json {
        let line = Line {
            run: Some(run),
            entry,
            step: step.as_ref(),
        };
        let line = serde_json::to_string(&line)
            .map_err(|it| Failure::broken("print the run's journal", it))?;
        out::line(&line);
        return Ok(());
    }
    out::line(&row(entry));
    if let Some(step) = step {
        out::line(&format!("      {}", step.line()));
    }
    Ok(())
}

fn row(entry: &Entry) -> String {
    format!(
        "{:>4}  {}  {}",
        entry.seq,
        delivery::words::moment(entry.at_ms),
        words::event(&entry.event)
    )
}
