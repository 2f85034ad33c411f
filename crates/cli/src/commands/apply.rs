//! `pipeline apply`: a run's change into the files of a repository, nothing staged and nothing committed.

use std::path::Path;

use protocol::Status;

use crate::args::ApplyArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::{Home, store_failure};
use crate::{out, session, task};

pub(crate) async fn apply(args: &ApplyArgs) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let run = home.find_or_last(args.run.as_deref()).await?;
    let state = session::fold(&session::history(&home, &run).await?)?;
    if state.status != Status::Completed && !args.unfinished {
        return Err(Failure::plain_usage(format!(
            "apply the change of {run}: it isn't completed"
        ))
        .advise(format!(
            "`pipeline diff {run}` prints its last draft; --unfinished applies it all the same."
        )));
    }
    let summary = home.store.run(&run).await;
    let summary = summary.map_err(|it| store_failure("find the run", it))?;
    let folder = match &args.repo {
        Some(named) => task::place(&home.surroundings, named)?,
        None if Path::new(&summary.repository).is_absolute() => summary.repository,
        None => match home.surroundings.repository() {
            Some(root) => root.display().to_string(),
            None => {
                return Err(Failure::plain_usage(format!(
                    "tell where the change of {run} goes: its repository isn't a local folder, and the working folder belongs to none"
                ))
                .advise("Name a folder with --repo PATH."));
            }
        },
    };
    let files = delivery::apply_change(&state, &run.0, Path::new(&folder))
        .map_err(|it| Failure::told(Exit::Delivery, it))?;
    out::line(&format!("applied     {run} in {folder}"));
    for file in files {
        out::line(&format!("  {}", protocol::visible(&file)));
    }
    out::line("next        Look at it with `git diff`, then commit it; nothing is staged.");
    Ok(Exit::Done)
}
