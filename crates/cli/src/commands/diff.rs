//! `pipeline diff`: a run's change, as `git diff` prints one.

use std::io::Write;

use crate::args::LastRun;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::Home;
use crate::session;

pub(crate) async fn diff(args: &LastRun) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let run = home.find_or_last(args.run.as_deref()).await?;
    let state = session::fold(&session::history(&home, &run).await?)?;
    if state.proposed_code.is_empty() {
        return Err(
            Failure::plain_usage(format!("print the change of {run}: it has none"))
                .advise(format!("`pipeline show {run}` says how it stands.")),
        );
    }
    // In the files' own bytes, so that `git apply` takes it from a pipe; a terminal gets nothing that would steer it.
    let bytes = match console::Term::stdout().is_term() {
        true => protocol::visible(&state.proposed_code)
            .into_owned()
            .into_bytes(),
        false => protocol::patch_bytes(&state.proposed_code),
    };
    let _ = std::io::stdout().lock().write_all(&bytes);
    Ok(Exit::Done)
}
