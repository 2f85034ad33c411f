//! `pipeline run`: one task to a verified change.

use crate::args::RunArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::Home;
use crate::settings::Settings;
use crate::{session, task};

pub(crate) async fn run(args: RunArgs, quiet: bool) -> Result<Exit, Failure> {
    let mut home = Home::open().await?;
    if let Some(drafts) = args.bounds.max_iterations {
        home.config.limits.iterations_max = drafts;
    }
    let settings = Settings::of(&args, &home.config, &home.surroundings)?;
    let task = task::read(&home, &args).await?;
    let mode = session::mode(&home, quiet, args.out.json);
    session::begin(&home, settings, task, mode).await
}
