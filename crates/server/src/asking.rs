//! A new run: asked for once, however often the request for it is sent.

use std::sync::{Arc, PoisonError};

use axum::http::{HeaderMap, StatusCode};
use protocol::RunId;
use runs::RunsError;
use store::{Asked, StoreError};
use tokio::sync::watch;

use crate::api::NewRun;
use crate::callers::{Caller, OWNER};
use crate::disk;
use crate::problem::Problem;
use crate::requests::Asker;
use crate::shared::{Shared, broken};
use crate::working::{Full, PlaceAtWork};

/// The header with a caller's own name of a request.
const KEY: &str = "idempotency-key";
/// Longest such name, in bytes.
const KEY_BYTES_MAX: usize = 200;
/// How often a request is looked up whose earlier one came to nothing.
const LOOKS_MAX: u32 = 5;
/// After how many seconds a caller may ask again where there is no place.
const NO_PLACE_SECONDS: u64 = 15;

/// Begins the run that is asked for; what is asked under no key is asked once.
pub(crate) async fn begin_once(
    shared: &Arc<Shared>,
    caller: &Caller,
    asked: NewRun,
) -> Result<RunId, Problem> {
    begin(shared, caller, &HeaderMap::new(), asked).await
}

/// Begins the run that is asked for, or finds the one that was begun for the same request. Goes on when the client goes away.
pub(crate) async fn begin(
    shared: &Arc<Shared>,
    caller: &Caller,
    headers: &HeaderMap,
    asked: NewRun,
) -> Result<RunId, Problem> {
    let key = key_in(headers)?;
    let (shared, caller) = (shared.clone(), caller.clone());
    // What is meant counts, and not how it was written.
    let digest = protocol::sha256(serde_json::to_vec(&asked).map_err(broken)?);
    let beginning = async move {
        match key {
            Some(key) => once(&shared, &caller, &key, asked, &digest).await,
            None => anew(&shared, &caller, None, &asked).await,
        }
    };
    tokio::spawn(beginning).await.map_err(broken)?
}

fn key_in(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get(KEY) else {
        return Ok(None);
    };
    match key.to_str() {
        Ok(key) if (1..=KEY_BYTES_MAX).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            format!("could not use the Idempotency-Key (1 to {KEY_BYTES_MAX} ASCII characters)"),
        )),
    }
}

async fn once(
    shared: &Arc<Shared>,
    caller: &Caller,
    key: &str,
    asked: NewRun,
    digest: &str,
) -> Result<RunId, Problem> {
    let store = &shared.working.runs.host().store;
    let failed = |error| Problem::of_store(&*shared.requests, "look the request up", error);
    let name = (caller.name.clone(), key.to_owned());
    for _ in 0..LOOKS_MAX {
        match store.ask(&caller.name, key, digest).await.map_err(failed)? {
            Asked::New => {
                let (done, waiting) = watch::channel(false);
                asking(shared).insert(name.clone(), waiting);
                let begun = anew(shared, caller, Some(key), &asked).await;
                if begun.is_err() {
                    store
                        .forget_request(&caller.name, key)
                        .await
                        .map_err(failed)?;
                }
                asking(shared).remove(&name);
                done.send_replace(true);
                return begun;
            }
            Asked::Before(Some(run)) => match store.run(&run).await {
                Ok(_) => return Ok(run),
                Err(StoreError::UnknownRun { .. }) => {}
                Err(error) => return Err(failed(error)),
            },
            Asked::Before(None) => {
                let waiting = asking(shared).get(&name).cloned();
                if let Some(mut waiting) = waiting {
                    // Over, one way or the other, also when its sender is gone.
                    let _ = waiting.wait_for(|it| *it).await;
                    continue;
                }
            }
            Asked::Otherwise => {
                return Err(Problem::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "could not use the Idempotency-Key: something else was asked under it",
                )
                .advise("Use another key for another request."));
            }
        }
        // The server died before the run began, so nothing came of it.
        store
            .forget_request(&caller.name, key)
            .await
            .map_err(failed)?;
    }
    Err(Problem::new(
        StatusCode::CONFLICT,
        "could not begin: the same request is being made elsewhere",
    )
    .after(NO_PLACE_SECONDS))
}

type Asking = std::collections::HashMap<(String, String), watch::Receiver<bool>>;

fn asking(shared: &Shared) -> std::sync::MutexGuard<'_, Asking> {
    shared.asking.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is wrong with a beginning: the run's word, or ours.
enum Unbegun {
    Run(RunsError),
    Problem(Box<Problem>),
}

impl From<RunsError> for Unbegun {
    fn from(error: RunsError) -> Unbegun {
        Unbegun::Run(error)
    }
}

async fn anew(
    shared: &Arc<Shared>,
    caller: &Caller,
    key: Option<&str>,
    asked: &NewRun,
) -> Result<RunId, Problem> {
    let Shared {
        working, requests, ..
    } = &**shared;
    if working.is_ending() {
        return Err(ending());
    }
    let folders = &working.runs.host().folders;
    disk::has_room(&[&folders.state, &folders.cache])?;
    let place = place(shared, &caller.name)?;
    let asker = match caller.is_owner() {
        true => Asker::Owner,
        false => Asker::Caller,
    };
    let mut request = requests.run(asked, asker).await.map_err(Problem::told)?;
    let settings = &mut request.settings;
    if settings.source.is_paid() && settings.money_microusd_max.is_none() {
        settings.money_microusd_max = shared.choices.run_microusd_max;
    }
    shared.within_cap(settings)?;
    let store = &working.runs.host().store;
    let begins = |run: RunId| async move {
        let kept = async {
            store.run_is_of(&run, &caller.name).await?;
            match key {
                // Before the run begins: whoever asks again after a crash gets this one.
                Some(key) => store.request_has_run(&caller.name, key, &run).await,
                None => Ok(()),
            }
        };
        kept.await.map_err(|error| {
            let doing = "write down whose the run is";
            Unbegun::Problem(Box::new(Problem::of_store(&**requests, doing, error)))
        })
    };
    let begun = working.begin(place, request, begins).await;
    begun.map_err(|error| match error {
        Unbegun::Run(error) => Problem::of_run(&**requests, error),
        Unbegun::Problem(problem) => *problem,
    })
}

/// The server ends, and begins nothing any more.
pub(crate) fn ending() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "could not begin: the server is being stopped",
    )
    .after(NO_PLACE_SECONDS)
}

/// A place for one more run of a caller. Whoever started the server has all of it.
pub(crate) fn place(shared: &Shared, caller: &str) -> Result<PlaceAtWork, Problem> {
    let of_caller_max = match caller == OWNER {
        true => usize::MAX,
        false => shared.choices.caller_runs_max,
    };
    let place = shared.working.place(caller, of_caller_max);
    place.map_err(|full| match full {
        Full::OfAll => no_place(shared.choices.runs_max, ""),
        Full::OfCaller => no_place(of_caller_max, "of yours "),
    })
}

/// All places are taken.
fn no_place(most: usize, whose: &str) -> Problem {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        format!("could not begin: {most} runs {whose}work already"),
    )
    .advise("Wait for the end of one, or stop one.")
    .after(NO_PLACE_SECONDS)
}
