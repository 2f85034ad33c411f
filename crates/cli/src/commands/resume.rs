//! `pipeline resume`: goes on where a run stopped.

use crate::args::ResumeArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::Home;
use crate::session;

pub(crate) async fn resume(args: ResumeArgs, quiet: bool) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let run = home.find(&args.run).await?;
    let mode = session::mode(&home, quiet, args.json);
    session::resume(&home, &run, mode).await
}
