//! The pipeline around plain closures: no model writes the code, everything else is as always.
//!
//! `cargo run -p pipeline --example fn_coder` walks a run whose first draft is sent back.

use std::sync::Arc;

use async_trait::async_trait;
use pipeline::{Crew, FnCoder, Run, Stop, Written};
use protocol::{Agent, AgentContext, AgentError, Report, RunState};
use protocol::{Journal, RunEvent, Silent, Stage, Task, Workspace};
use testkit::{FolderWorkspace, MemoryJournal, journal_text, limits};

/// Sends a draft back that rounds down.
struct RoundsUp;

#[async_trait]
impl Agent for RoundsUp {
    fn name(&self) -> &str {
        "rounds-up"
    }

    async fn run(&self, cx: &AgentContext<'_>, _: &RunState) -> Result<Report, AgentError> {
        let text = cx.work.read("pages.py").await?;
        if String::from_utf8_lossy(&text).contains("-(-items // size)") {
            return Ok(Report::passed("it rounds up"));
        }
        Ok(Report::rejected(
            "it rounds down",
            "The last page is still lost: round up.",
        ))
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "showing what happened is all it does")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let coder = FnCoder::new("mine", |_state, _work| async move {
        Ok(Written::new("floor division").file("pages.py", "count = items // size\n"))
    })
    .fixing(|state, work| async move {
        let text = String::from_utf8_lossy(&work.read("pages.py").await?).into_owned();
        let text = text.replace("items // size", "-(-items // size)");
        let why = state.feedback.unwrap_or_default();
        Ok(Written::new(format!("after “{why}”")).file("pages.py", text))
    });
    let task = Task::from_text("The last page is lost");
    let work = Arc::new(FolderWorkspace::new([("README.md", "Pages.\n")]));
    let crew = Crew::new()
        .with(Stage::Drafting, coder)
        .with(Stage::Testing, RoundsUp);
    let journal = Arc::new(MemoryJournal::new());
    journal
        .append(&RunEvent::Opened {
            task: task.clone(),
            base: work.base().clone(),
            crew: crew.seats(),
            limits: limits(),
            settings: serde_json::Value::Null,
        })
        .await?;
    let run = Run {
        task,
        crew,
        limits: limits(),
        journal: journal.clone(),
        work: work.clone(),
        base: work,
        log: Arc::new(Silent),
        stop: Stop::never(),
    };
    let outcome = run.walk(&journal.entries()).await?;
    println!("{}", journal_text(&journal.entries()));
    println!("{}: {}", outcome.stage, outcome.explanation);
    Ok(())
}
