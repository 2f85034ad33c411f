//! A run is asked to stop, wherever it works.

use store::Cancellation;

use crate::api::{Outcome, Stopped};
use crate::callers::Caller;
use crate::problem::Problem;
use crate::shared::Shared;

/// Asks a run to stop.
pub(crate) async fn stop(shared: &Shared, caller: &Caller, id: &str) -> Result<Stopped, Problem> {
    let run = shared.summary(caller, id).await?.id;
    let asked = shared.working.runs.host().store.request_cancel(&run).await;
    let asked = asked.map_err(|it| Problem::of_store(&*shared.requests, "cancel the run", it))?;
    // One that works here hears it at once.
    let works_here = shared.working.stop(&run);
    let outcome = match asked {
        Cancellation::Ended(_) => Outcome::Ended,
        Cancellation::Idle if !works_here => Outcome::Idle,
        Cancellation::Idle | Cancellation::Asked(_) => Outcome::Asked,
    };
    Ok(Stopped { outcome })
}
