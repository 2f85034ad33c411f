//! What all routes stand on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::{Places, RunId};
use serde::Serialize;
use serde_json::Value;
use store::RunSummary;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::api::{DeliveryTold, Run, RunDetail, Words};
use crate::callers::{Caller, Callers};
use crate::choices::Choices;
use crate::problem::Problem;
use crate::requests::Requests;
use crate::working::Working;

/// Fields that hold a change, or the text of files.
const OF_FILES: [&str; 2] = ["proposed_code", "text"];
/// Runs whose details are kept ready.
const DETAILS_MAX: usize = 256;

/// A run whole as it was after so many events, while somebody worked on it or not.
type Kept = ((u64, bool), Arc<RunDetail>);

/// What all routes stand on.
pub(crate) struct Shared {
    pub(crate) working: Working,
    pub(crate) requests: Arc<dyn Requests>,
    pub(crate) callers: Callers,
    pub(crate) choices: Choices,
    /// The home of whoever runs this, as callers know it.
    places: Places,
    details: Mutex<HashMap<RunId, Kept>>,
    streams: Mutex<HashMap<String, Arc<Semaphore>>>,
    /// Requests with a key that are being worked on; whoever asks the same waits for the end of it.
    pub(crate) asking: Mutex<HashMap<(String, String), watch::Receiver<bool>>>,
}

impl Shared {
    pub(crate) fn new(
        working: Working,
        requests: Arc<dyn Requests>,
        callers: Callers,
        choices: Choices,
    ) -> Shared {
        let home = working.runs.host().home.clone();
        Shared {
            places: Places::new(home),
            working,
            requests,
            callers,
            choices,
            details: Mutex::default(),
            streams: Mutex::default(),
            asking: Mutex::default(),
        }
    }

    /// A text without the home of whoever runs this.
    pub(crate) fn shown(&self, text: &str) -> String {
        self.places.named(text).into_owned()
    }

    /// A value as JSON without the home of whoever runs this. A change and the text of files stay what they are: a patch with other
    /// words in it fits no file.
    pub(crate) fn told_json(&self, value: &impl Serialize) -> serde_json::Result<String> {
        let mut value = serde_json::to_value(value)?;
        self.without_home(&mut value);
        serde_json::to_string(&value)
    }

    fn without_home(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.shown(text),
            Value::Array(items) => items.iter_mut().for_each(|it| self.without_home(it)),
            Value::Object(fields) => {
                let fields = fields
                    .iter_mut()
                    .filter(|it| !OF_FILES.contains(&it.0.as_str()));
                fields.for_each(|(_, it)| self.without_home(it));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A value as an answer.
    pub(crate) fn json(
        &self,
        status: StatusCode,
        value: &impl Serialize,
    ) -> Result<Response, Problem> {
        let text = self.told_json(value).map_err(broken)?;
        let mut response = (status, text).into_response();
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        Ok(response)
    }

    /// A run that the caller may see.
    pub(crate) async fn summary(&self, caller: &Caller, name: &str) -> Result<RunSummary, Problem> {
        let run = RunId(name.to_owned());
        let found = self.working.runs.host().store.run(&run).await;
        let summary = found.map_err(|error| match error {
            store::StoreError::UnknownRun { .. } => Problem::no_run(name),
            error => Problem::of_store(&*self.requests, "find the run", error),
        })?;
        match caller.may_see(summary.caller.as_deref()) {
            true => Ok(summary),
            false => Err(Problem::no_run(name)),
        }
    }

    /// A run as a list shows it.
    pub(crate) fn told(&self, summary: RunSummary) -> Run {
        let works_here = self.working.written(&summary.id).is_some();
        Run::of(summary, works_here)
    }

    /// A run whole.
    pub(crate) async fn detail(&self, summary: RunSummary) -> Result<Arc<RunDetail>, Problem> {
        let run = summary.id.clone();
        let told = self.told(summary);
        let (works, events) = (told.working, told.events);
        let key = (events, works);
        if let Some(kept) = self.kept(&run, key) {
            return Ok(kept);
        }
        let of_run = |error| Problem::of_run(&*self.requests, error);
        let past = self.working.runs.past(&run, "show").await.map_err(of_run)?;
        let history = [past.history.as_slice(), past.deliveries.as_slice()].concat();
        let deliveries = runs::deliveries(&history);
        let (exit_code, next) = self.requests.ending(&past, works);
        let words = Words {
            exit_code,
            next,
            deliveries: self.delivered(&deliveries),
        };
        let made = tokio::task::spawn_blocking(move || {
            let overview = delivery::Overview::of(&past.run, &past.history)?;
            let state = past.state();
            Ok::<_, delivery::DeliveryError>(
                state.map(|state| RunDetail::of(told, &past, state, overview, words)),
            )
        });
        let made = made.await.map_err(broken)?.map_err(broken)?;
        let detail = Arc::new(made.map_err(of_run)?);
        let mut details = self.details.lock().unwrap_or_else(PoisonError::into_inner);
        if DETAILS_MAX <= details.len() {
            details.clear();
        }
        details.insert(run, (key, detail.clone()));
        Ok(detail)
    }

    fn kept(&self, run: &RunId, key: (u64, bool)) -> Option<Arc<RunDetail>> {
        let details = self.details.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, kept) = details.get(run)?;
        (*of == key).then(|| kept.clone())
    }

    /// Deliveries in words.
    pub(crate) fn delivered(&self, deliveries: &[runs::Delivery]) -> Vec<DeliveryTold> {
        let told = deliveries.iter().map(|it| DeliveryTold {
            to: self.requests.destination(it),
            reference: it.reference.clone(),
        });
        told.collect()
    }

    /// Refuses a budget above what this server lets a run spend.
    pub(crate) fn within_cap(&self, settings: &runs::Settings) -> Result<(), Problem> {
        let Some(most) = self.choices.run_microusd_max else {
            return Ok(());
        };
        if !settings.source.is_paid() {
            return Ok(());
        }
        // What has no price can't be counted, whatever other cap there is.
        let host = self.working.runs.host();
        let mut models = settings
            .seats()
            .map(|it| it.1)
            .chain(settings.fallbacks.values());
        if let Some(model) = models.find(|it| host.prices.of(it, host.today).is_none()) {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                format!("could not let {model} work: its price isn't known, and this server caps what a run may spend"),
            )
            .advise("Choose a model of GET /api/models, or let whoever runs the server give it a price."));
        }
        if settings.money_microusd_max.is_some_and(|it| it <= most) {
            return Ok(());
        }
        let most = delivery::words::money(Some(most));
        Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("could not use that budget: this server lets a run spend {most}"),
        )
        .advise(format!("Give a `budget` of at most {most}.")))
    }

    /// A place among the streams that a caller may have open.
    pub(crate) fn stream(&self, caller: &Caller) -> Result<OwnedSemaphorePermit, Problem> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let most = self.choices.streams_max;
        let of_caller = streams
            .entry(caller.name.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(most)));
        of_caller.clone().try_acquire_owned().map_err(|_| {
            Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                format!("could not open one more stream: {most} are open already"),
            )
            .after(10)
        })
    }
}

/// A fault of ours.
pub(crate) fn broken(error: impl std::error::Error) -> Problem {
    tracing::error!(%error, "a request broke");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "could not answer: the server broke",
    )
    .detail(format!("because: {error}"))
}
