//! `pipeline resume`: goes on where a run stopped.

use protocol::{RunId, Status};

use crate::args::ResumeArgs;
use crate::changes::Changes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::{Home, store_failure};
use crate::{out, reopen, session};

/// Newest runs among which the one that stopped last is looked for.
const RUNS_MAX: u32 = 1000;

pub(crate) async fn resume(args: ResumeArgs, quiet: bool) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let run = match &args.run {
        Some(name) => home.find(name).await?,
        None => stopped_last(&home).await?,
    };
    let mode = session::mode(&home, quiet, args.out.json);
    let changes = Changes {
        crew: &args.crew,
        source: None,
        bounds: &args.bounds,
        out: &args.out,
        requests: &home.config.pull_request,
        unconfined: false,
    };
    let ended = reopen::resume(&home, &run, &changes, mode).await;
    if args.out.notify {
        out::notify(&home.surroundings, &ended);
    }
    ended
}

/// The run that stopped last of those that have begun and that nobody works on.
async fn stopped_last(home: &Home) -> Result<RunId, Failure> {
    let runs = home.store.runs(RUNS_MAX).await;
    let runs = runs.map_err(|it| store_failure("list the runs", it))?;
    let stopped = runs
        .into_iter()
        .filter(|it| it.status == Status::Running && it.holder.is_none() && 0 < it.events);
    let last = stopped.max_by_key(|it| it.updated_ms);
    last.map(|it| it.id).ok_or_else(|| {
        Failure::plain_usage("find a run that stopped before its end")
            .advise("`pipeline runs` lists them all; `pipeline fork RUN` goes on from a run that is at its end.")
    })
}
