//! `pipeline runs`: the list, newest first.

use store::RunSummary;

use crate::args::RunsArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::{Home, store_failure};
use crate::{out, words};

pub(crate) async fn runs(args: &RunsArgs) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let runs = home
        .store
        .runs(args.limit)
        .await
        .map_err(|it| store_failure("list the runs", it))?;
    if runs.is_empty() && !args.json {
        out::line("No runs yet. `pipeline demo` makes one without a key.");
    }
    for run in &runs {
        if args.json {
            let line = serde_json::to_string(run)
                .map_err(|it| Failure::broken("print the list of runs", it))?;
            out::line(&line);
        } else {
            out::line(&row(run));
        }
    }
    Ok(Exit::Done)
}

fn row(run: &RunSummary) -> String {
    format!(
        "{}  {}  {:<24}  {}",
        run.id,
        delivery::words::moment(run.created_ms),
        words::standing(run),
        words::one_line(&run.title, 60),
    )
}
