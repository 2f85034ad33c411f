//! An agent of one's own in a crew: it sends a change back when it forgets the changelog.
//!
//! `cargo run -p pipeline --example custom_agent` walks a run in which that happens.

use std::sync::Arc;

use async_trait::async_trait;
use pipeline::{Crew, Run, Stop};
use protocol::{Agent, AgentContext, AgentError, Report, RunState};
use protocol::{Journal, RunEvent, Silent, Stage, Task, Workspace};
use testkit::{FolderWorkspace, MemoryJournal, journal_text, limits};

/// Looks whether the change touches `CHANGELOG.md`.
pub struct Changelog;

#[async_trait]
impl Agent for Changelog {
    fn name(&self) -> &str {
        "changelog"
    }

    async fn run(&self, cx: &AgentContext<'_>, _: &RunState) -> Result<Report, AgentError> {
        let change = cx.work.change().await?;
        if change.files.iter().any(|it| it.path == "CHANGELOG.md") {
            return Ok(Report::passed("the changelog tells of the change"));
        }
        Ok(Report::rejected(
            "the changelog doesn't tell of the change",
            "Add a line about this change to `CHANGELOG.md`.",
        ))
    }
}

/// Stands for a coder: does what was asked, and in a redraft what the feedback says.
struct Forgetful;

#[async_trait]
impl Agent for Forgetful {
    fn name(&self) -> &str {
        "forgetful"
    }

    async fn run(&self, cx: &AgentContext<'_>, state: &RunState) -> Result<Report, AgentError> {
        let path = match state.feedback {
            None => "pages.py",
            Some(_) => "CHANGELOG.md",
        };
        cx.once("write", true, async {
            Ok(cx.work.write(path, b"# Pages are rounded up.\n").await?)
        })
        .await?;
        Ok(Report::passed(format!("wrote {path}")))
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "showing what happened is all it does")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let task = Task::from_text("The last page is lost");
    let work = Arc::new(FolderWorkspace::new([("README.md", "Pages.\n")]));
    let crew = Crew::new()
        .with(Stage::Drafting, Forgetful)
        .with(Stage::Qa, Changelog);
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
