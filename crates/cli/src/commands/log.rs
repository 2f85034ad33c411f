//! `pipeline log`: what happened, one event a line.

use delivery::Tracer;
use protocol::{Entry, RunEvent};

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
        told(&entry.event)
    )
}

/// An event in one line.
fn told(event: &RunEvent) -> String {
    match event {
        RunEvent::Opened { task, base, .. } => format!(
            "opened: {} (base {})",
            words::one_line(&task.title, 80),
            words::short_hash(&base.commit)
        ),
        RunEvent::Reopened { fork, replaced, .. } => {
            let what = match fork {
                Some(fork) => format!("forked from {} after its event {}", fork.run, fork.at),
                None => "gone on with under other terms".to_owned(),
            };
            match replaced.is_empty() {
                true => what,
                false => format!("{what}, with others as {}", replaced.join(", ")),
            }
        }
        RunEvent::SetUp { environment, .. } => {
            format!("set up: Python {}", environment.python_version)
        }
        RunEvent::Started {
            stage,
            iteration,
            agent,
        } => format!("{stage}: {agent} began draft {iteration}"),
        RunEvent::Replied { agent, reply, .. } => {
            let tools: Vec<&str> = reply.tool_calls.iter().map(|it| it.tool.as_str()).collect();
            format!(
                "  {agent}: reply of {}{}{}",
                words::tokens(reply.usage.total()),
                if reply.text.trim().is_empty() {
                    String::new()
                } else {
                    format!(": {}", words::one_line(&reply.text, 80))
                },
                if tools.is_empty() {
                    String::new()
                } else {
                    format!(", wants {}", words::one_line(&tools.join(", "), 80))
                }
            )
        }
        RunEvent::Unanswered {
            agent, unanswered, ..
        } => format!(
            "  {agent}: no reply for up to {}: {}",
            words::tokens(unanswered.usage.total()),
            words::one_line(&unanswered.why, 80)
        ),
        RunEvent::Stepped { agent, step, .. } => {
            format!("  {agent}: {}", words::one_line(step, 90))
        }
        RunEvent::Prepared { agent, prepared } => {
            let found: Vec<String> = prepared.evidence.iter().map(words::about).collect();
            format!(
                "  {agent} is prepared{}{}",
                if found.is_empty() { "" } else { ": " },
                found.join("; ")
            )
        }
        RunEvent::Reported {
            stage,
            agent,
            report,
            ..
        } => format!(
            "{stage}: {agent} {}: {}",
            if report.verdict.feedback().is_none() {
                "passed it"
            } else {
                "sent it back"
            },
            words::one_line(&report.summary, 100)
        ),
        RunEvent::Interrupted { explanation, .. } => {
            format!("interrupted: {}", words::one_line(explanation, 100))
        }
        RunEvent::Finished {
            status,
            explanation,
            ..
        } => format!(
            "finished: {}: {}",
            words::status(*status),
            words::one_line(explanation, 100)
        ),
    }
}
