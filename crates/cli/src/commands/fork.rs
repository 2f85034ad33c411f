//! `pipeline fork`: a new run that begins as an old one and goes on with other models.

use crate::args::ForkArgs;
use crate::changes::Changes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::Home;
use crate::{out, reopen, session};

pub(crate) async fn fork(args: ForkArgs, quiet: bool) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let old = home.find(&args.run).await?;
    let mode = session::mode(&home, quiet, args.out.json);
    let changes = Changes {
        crew: &args.crew,
        source: Some(&args.source),
        bounds: &args.bounds,
        out: &args.out,
        requests: &home.config.pull_request,
        unconfined: args.walls.unconfined,
    };
    let ended = reopen::fork(&home, &old, args.at, &changes, mode).await;
    if args.out.notify {
        out::notify(&home.surroundings, &ended);
    }
    ended
}
