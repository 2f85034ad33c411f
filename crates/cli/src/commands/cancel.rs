//! `pipeline cancel`: asks a run to stop, wherever it works.

use store::Cancellation;

use crate::args::OneRun;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::{Home, store_failure};
use crate::out;

pub(crate) async fn cancel(args: &OneRun) -> Result<Exit, Failure> {
    let home = Home::open().await?;
    let run = home.find(&args.run).await?;
    let cancelled = home
        .store
        .request_cancel(&run)
        .await
        .map_err(|it| store_failure("cancel the run", it))?;
    out::line(&match cancelled {
        Cancellation::Asked(holder) => {
            format!("Asked {run} to stop ({holder}). `pipeline resume {run}` goes on later.")
        }
        Cancellation::Idle => format!(
            "Nobody works on {run}, so there is nothing to stop. `pipeline resume {run}` goes on with it."
        ),
        Cancellation::Ended(status) => {
            format!("{run} is at its end already: {status:?}.").to_lowercase()
        }
    });
    Ok(Exit::Done)
}
