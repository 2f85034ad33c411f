//! `pipeline log`: what happened, one event a line.

use delivery::Tracer;
use protocol::Entry;

use crate::args::LogArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::Home;
use crate::progress::Line;
use crate::{out, session, words};

pub(crate) async fn log(args: &LogArgs) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let run = home.find(&args.run).await?;
    let history = session::history(&home, &run).await?;
    let mut tracer = Tracer::new();
    for entry in &history {
        let step = tracer.take(&entry.event);
        if args.json {
            let line = Line {
                run: Some(&run),
                entry,
                step: step.as_ref(),
            };
            let line = serde_json::to_string(&line)
                .map_err(|it| Failure::broken("print the run's journal", it))?;
            out::line(&line);
        } else {
            out::line(&row(entry));
            if let Some(step) = step {
                out::line(&format!("      {}", step.line()));
            }
        }
    }
    Ok(Exit::Done)
}

fn row(entry: &Entry) -> String {
    format!(
        "{:>4}  {}  {}",
        entry.seq,
        delivery::words::moment(entry.at_ms),
        words::event(&entry.event)
    )
}
