//! Streams of events: what happened, from any place on, while it happens.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use delivery::Tracer;
use futures::{Stream, StreamExt};
use protocol::RunId;
use serde::Serialize;
use store::StoreError;

use crate::api::{EventTold, LogLine, StreamEnd};
use crate::callers::Caller;
use crate::follow::{Followed, follow};
use crate::problem::Problem;
use crate::shared::Shared;

/// How often a stream without news shows that it lives, in seconds.
const HEARTBEAT_SECONDS: u64 = 10;

/// The first event that a client lacks.
pub(crate) fn first_in(headers: &HeaderMap, from: Option<u64>) -> Result<u64, Problem> {
    let Some(last) = headers.get("last-event-id") else {
        return Ok(from.unwrap_or(0));
    };
    let last = last
        .to_str()
        .ok()
        .and_then(|it| it.trim().parse::<u64>().ok());
    last.and_then(|it| it.checked_add(1)).ok_or_else(|| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "could not go on: Last-Event-ID is the number of an event",
        )
    })
}

/// Every event of a run, whole.
pub(crate) fn events(
    shared: &Arc<Shared>,
    caller: &Caller,
    run: RunId,
    first: u64,
) -> Result<Response, Problem> {
    let place = shared.stream(caller)?;
    let mut tracer = Tracer::new();
    let shared = shared.clone();
    let followed = follow(&shared.working, &run, 0);
    Ok(answer(followed.filter_map(move |followed| {
        let _ = &place;
        let event = match followed {
            Ok(Followed::Event(entry)) => {
                // Also of what isn't sent again: a step is what came since the step before.
                let step = tracer.take(&entry.event);
                (first <= entry.seq).then(|| {
                    let told = EventTold {
                        run: &run.0,
                        line: shared.requests.line(&entry.event),
                        seq: entry.seq,
                        at_ms: entry.at_ms,
                        event: &entry.event,
                        step,
                    };
                    let kind = serde_json::to_value(&entry.event);
                    let kind = kind
                        .ok()
                        .and_then(|it| Some(it["kind"].as_str()?.to_owned()));
                    told_as(&shared, &kind.unwrap_or_default(), &told).id(entry.seq.to_string())
                })
            }
            Ok(Followed::End(summary)) => Some(told_as(
                &shared,
                "end",
                &StreamEnd {
                    run: run.0.clone(),
                    status: summary.status,
                    reason: summary.reason,
                    tier: summary.tier,
                },
            )),
            Err(error) => Some(broken(&shared, error)),
        };
        futures::future::ready(event)
    })))
}

/// A line for people of every event, and the run whole at its end.
pub(crate) fn lines(
    shared: &Arc<Shared>,
    caller: &Caller,
    run: RunId,
    first: u64,
) -> Result<Response, Problem> {
    let place = Arc::new(shared.stream(caller)?);
    let shared = shared.clone();
    let followed = follow(&shared.working, &run, first);
    Ok(answer(followed.then(move |followed| {
        let (shared, run, place) = (shared.clone(), run.clone(), place.clone());
        async move {
            let _place = place;
            match followed {
                Ok(Followed::Event(entry)) => {
                    let line = LogLine {
                        run: &run.0,
                        seq: entry.seq,
                        at_ms: entry.at_ms,
                        line: shared.requests.line(&entry.event),
                    };
                    told_as(&shared, "log", &line).id(entry.seq.to_string())
                }
                Ok(Followed::End(summary)) => match shared.detail(*summary).await {
                    Ok(detail) => told_as(&shared, "done", &*detail),
                    Err(problem) => told_as(&shared, "error", &problem),
                },
                Err(error) => broken(&shared, error),
            }
        }
    })))
}

fn answer(events: impl Stream<Item = Event> + Send + 'static) -> Response {
    let beat = Duration::from_secs(HEARTBEAT_SECONDS);
    let stream = Sse::new(events.map(Ok::<_, Infallible>))
        .keep_alive(KeepAlive::new().interval(beat).text("heartbeat"));
    // A proxy that collects an answer before it hands it on would show nothing for minutes.
    ([("x-accel-buffering", "no")], stream).into_response()
}

fn told_as(shared: &Shared, kind: &str, value: &impl Serialize) -> Event {
    match shared.told_json(value) {
        // JSON has no line breaks of its own.
        Ok(text) => Event::default().event(kind).data(text),
        Err(error) => Event::default().event("error").data(format!("\"{error}\"")),
    }
}

fn broken(shared: &Shared, error: StoreError) -> Event {
    let problem = Problem::of_store(&*shared.requests, "read the run's events", error);
    told_as(shared, "error", &problem)
}
