//! What can be done with runs.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use protocol::Silent;
use runs::{Claim, RunsError};

use crate::api::{Changes, Destinations, Handed, NewRun, Run, Stopped};
use crate::asking;
use crate::body::{Body, Named};
use crate::callers::Caller;
use crate::disk;
use crate::problem::Problem;
use crate::shared::{Shared, broken};
use crate::stopping::stop;

/// Begin a run. Answers once its repository is open and its first event written; it goes on by itself then.
#[utoipa::path(
    post,
    path = "/api/runs",
    operation_id = "runs_start",
    tag = "runs",
    request_body = NewRun,
    params(("Idempotency-Key" = Option<String>, Header, description = "Your own name for this request; sent again, it is the same run.")),
    responses(
        (status = 201, description = "The run", body = Run, headers(("Location" = String, description = "Where it is"))),
        (status = "4XX", description = "What is wrong", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "What broke", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn begin(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Body(asked): Body<NewRun>,
) -> Result<Response, Problem> {
    let run = asking::begin(&shared, &caller, &headers, asked).await?;
    let run = shared.told(shared.summary(&caller, &run.0).await?);
    let location = HeaderValue::from_str(&run.links.itself);
    let mut response = shared.json(StatusCode::CREATED, &run)?;
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Ask a run to stop, wherever it works. It can be resumed.
#[utoipa::path(
    post,
    path = "/api/runs/{id}/cancel",
    operation_id = "runs_cancel",
    tag = "runs",
    params(("id" = String, Path, description = "The run")),
    responses(
        (status = 200, description = "What became of the wish", body = Stopped),
        (status = "4XX", description = "What is wrong", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn cancel(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Named(id): Named,
) -> Result<Response, Problem> {
    let stopped = stop(&shared, &caller, &id).await?;
    shared.json(StatusCode::OK, &stopped)
}

/// Go on with a run that stopped, as it was or under other terms.
#[utoipa::path(
    post,
    path = "/api/runs/{id}/resume",
    operation_id = "runs_resume",
    tag = "runs",
    params(("id" = String, Path, description = "The run")),
    request_body = Changes,
    responses(
        (status = 202, description = "The run, at work again", body = Run),
        (status = "4XX", description = "What is wrong", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "What broke", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn resume(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Named(id): Named,
    Body(changes): Body<Changes>,
) -> Result<Response, Problem> {
    let summary = shared.summary(&caller, &id).await?;
    let run = summary.id.clone();
    // Goes on when the client goes away.
    let going_on = {
        let (shared, run) = (shared.clone(), run.clone());
        let caller = summary.caller.unwrap_or_else(|| caller.name.clone());
        tokio::spawn(async move { go_on(&shared, &caller, &run, &changes).await })
    };
    going_on.await.map_err(broken)??;
    let run = shared.told(shared.summary(&caller, &run.0).await?);
    shared.json(StatusCode::ACCEPTED, &run)
}

async fn go_on(
    shared: &Arc<Shared>,
    caller: &str,
    run: &protocol::RunId,
    changes: &Changes,
) -> Result<(), Problem> {
    let Shared {
        working, requests, ..
    } = &**shared;
    if working.is_ending() {
        return Err(asking::ending());
    }
    let folders = &working.runs.host().folders;
    disk::has_room(&[&folders.state, &folders.cache])?;
    let place = asking::place(shared, caller)?;
    let of_run = |error| Problem::of_run(&**requests, error);
    let claimed = match working.runs.claim(run).await.map_err(of_run)? {
        Claim::Taken(claimed) => claimed,
        Claim::AtItsEnd(_) => return Err(of_run(RunsError::AtItsEnd { run: run.clone() })),
    };
    let changed = requests.changed(&claimed.past, changes);
    let (settings, limits, said) = changed.map_err(Problem::told)?;
    shared.within_cap(&settings)?;
    let change = claimed.change(settings, limits, said).map_err(of_run)?;
    let served = working.runs.host().store.run_is_served(run, true).await;
    served.map_err(|it| Problem::of_store(&**requests, "write down that the run goes on", it))?;
    let resumed = working.resume(place, *claimed, change).await;
    if resumed.is_err() {
        working.leave(run).await;
    }
    resumed.map_err(of_run)
}

/// Deliver the change of a completed run, again or elsewhere. Delivering twice changes nothing.
#[utoipa::path(
    post,
    path = "/api/runs/{id}/deliver",
    operation_id = "runs_deliver",
    tag = "runs",
    params(("id" = String, Path, description = "The run")),
    request_body = Destinations,
    responses(
        (status = 200, description = "Where the change is", body = Handed),
        (status = "4XX", description = "What is wrong", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "What broke", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn deliver(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Named(id): Named,
    Body(to): Body<Destinations>,
) -> Result<Response, Problem> {
    let run = shared.summary(&caller, &id).await?.id;
    let delivering = {
        let shared = shared.clone();
        tokio::spawn(async move { hand_over(&shared, &run, &to).await })
    };
    let handed = delivering.await.map_err(broken)??;
    shared.json(StatusCode::OK, &handed)
}

async fn hand_over(
    shared: &Arc<Shared>,
    run: &protocol::RunId,
    to: &Destinations,
) -> Result<Handed, Problem> {
    let Shared {
        working, requests, ..
    } = &**shared;
    let of_run = |error| Problem::of_run(&**requests, error);
    let past = working.runs.past(run, "deliver").await.map_err(of_run)?;
    if !past.is_at_its_end() {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "could not deliver the run: it isn't at its end",
        ));
    }
    let settings = requests.delivered_to(&past, to).map_err(Problem::told)?;
    let delivered = working.runs.deliver(&past, &settings, Arc::new(Silent));
    let delivered = delivered.await.map_err(|error| {
        of_run(error).advise("The run and its change are kept: choose another place, or try again.")
    })?;
    Ok(Handed {
        deliveries: shared.delivered(&delivered.deliveries),
        held_back: delivered.held_back.map(|(tier, wanted)| {
            let (tier, wanted) = (word(tier), word(wanted));
            format!("the change is {tier}, and {wanted} is asked for")
        }),
    })
}

/// A tier as it is written everywhere.
fn word(tier: protocol::Tier) -> String {
    let word = serde_json::to_value(tier).ok();
    word.and_then(|it| it.as_str().map(str::to_owned))
        .unwrap_or_default()
}
