//! What an agent can have done.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use futures::StreamExt;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::PartialSchema;

use crate::api::NewRun;
use crate::asking;
use crate::callers::Caller;
use crate::follow::{Followed, follow};
use crate::problem::Problem;
use crate::requests::BundleOf;
use crate::shared::{Shared, broken};
use crate::stopping::stop;

/// Longest wait for a run in one call; clients give up after a minute.
const WAIT_SECONDS_MAX: u64 = 50;
/// Lines for people that a status has.
const LINES_MAX: usize = 10;

type Called = Result<Value, Problem>;

/// All tools.
pub(super) fn all() -> Vec<Tool> {
    let run = json!({"type": "string", "description": "The run, as run_start names it"});
    let only_run = object(&json!({"run": run}), &["run"]);
    let wait = json!({
        "type": "integer", "minimum": 0, "maximum": WAIT_SECONDS_MAX,
        "description": "Wait up to so many seconds for the run to stop or end"
    });
    vec![
        tool(
            "run_start",
            "Start a run",
            "Begins a run on a coding task and returns its name. SPENDS MONEY on models unless `demo` is true or the server is one of scripts: \
             give `budget` in US dollars. Give `github` (owner/repo#N), `jira` (KEY-N) or `task`; `repo` is an address or a folder that the \
             server was given. The run goes on by itself; ask run_status.",
            schema_of_new_run(),
            (false, false, false, true),
        ),
        tool(
            "run_status",
            "See how a run stands",
            "Says where a run stands: stage, draft, gates, tests, tokens and money so far, the last lines of its log. Costs nothing.",
            object(&json!({"run": run, "wait_seconds": wait}), &["run"]),
            (true, false, true, false),
        ),
        tool(
            "run_result",
            "Get what a run came to",
            "The run whole: status, tier, the change as a unified diff, gates, tests before and after, findings, deliveries. Costs nothing.",
            only_run.clone(),
            (true, false, true, false),
        ),
        tool(
            "run_cancel",
            "Stop a run",
            "Asks a run to stop where it can be resumed; what it spent stays spent.",
            only_run,
            (false, false, true, false),
        ),
        tool(
            "verify_bundle",
            "Verify a run's evidence",
            "Executes the gates of an evidence bundle again, without any model, and says of each whether its figures hold. Give `run`, or \
             `folder` of a bundle below a folder that the server was given. Takes as long as the repository's tests; costs no money.",
            object(
                &json!({"run": run, "folder": {"type": "string", "description": "A bundle's folder"}}),
                &[],
            ),
            (true, false, true, false),
        ),
    ]
}

/// Read only, destructive, idempotent, open to the world.
type Hints = (bool, bool, bool, bool);

fn tool(
    name: &'static str,
    title: &str,
    about: &'static str,
    schema: JsonObject,
    (read_only, destructive, idempotent, open): Hints,
) -> Tool {
    let annotations = ToolAnnotations::with_title(title)
        .read_only(read_only)
        .destructive(destructive)
        .idempotent(idempotent)
        .open_world(open);
    Tool::new(name, about, Arc::new(schema))
        .with_title(title)
        .with_annotations(annotations)
}

fn object(properties: &Value, required: &[&str]) -> JsonObject {
    let schema = json!({
        "type": "object", "properties": properties, "required": required, "additionalProperties": false
    });
    match schema {
        Value::Object(schema) => schema,
        _ => JsonObject::new(),
    }
}

/// As the API describes it.
fn schema_of_new_run() -> JsonObject {
    match serde_json::to_value(NewRun::schema()) {
        Ok(Value::Object(schema)) => schema,
        _ => JsonObject::new(),
    }
}

/// Calls a tool; none where there is no such one.
pub(super) async fn call(
    shared: &Arc<Shared>,
    caller: &Caller,
    name: &str,
    arguments: Value,
) -> Option<Called> {
    let called = match name {
        "run_start" => start(shared, caller, arguments).await,
        "run_status" => status(shared, caller, arguments).await,
        "run_result" => result(shared, caller, arguments).await,
        "run_cancel" => cancel(shared, caller, arguments).await,
        "verify_bundle" => verify(shared, caller, arguments).await,
        _ => return None,
    };
    Some(called)
}

fn read<T: DeserializeOwned>(arguments: Value) -> Result<T, Problem> {
    serde_json::from_value(arguments).map_err(|error| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "could not understand the arguments",
        )
        .detail(format!("because: {error}"))
    })
}

async fn start(shared: &Arc<Shared>, caller: &Caller, arguments: Value) -> Called {
    let run = asking::begin_once(shared, caller, read::<NewRun>(arguments)?).await?;
    let summary = shared.summary(caller, &run.0).await?;
    Ok(
        json!({"run": run, "status": summary.status, "title": summary.title,
        "next": format!("run_status with run {run} and wait_seconds {WAIT_SECONDS_MAX}")}),
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Waiting {
    run: String,
    #[serde(default)]
    wait_seconds: u64,
}

async fn status(shared: &Arc<Shared>, caller: &Caller, arguments: Value) -> Called {
    let Waiting { run, wait_seconds } = read(arguments)?;
    let summary = shared.summary(caller, &run).await?;
    let longest = Duration::from_secs(wait_seconds.min(WAIT_SECONDS_MAX));
    let mut lines: Vec<String> = Vec::new();
    let followed = follow(&shared.working, &summary.id, 0);
    futures::pin_mut!(followed);
    let reading = async {
        while let Some(Ok(Followed::Event(entry))) = followed.next().await {
            lines.push(shared.requests.line(&entry.event));
        }
    };
    // What is there already is read whatever the wait.
    let longest = longest.max(Duration::from_millis(200));
    let _ = tokio::time::timeout(longest, reading).await;
    let detail = shared.detail(shared.summary(caller, &run).await?).await?;
    let first = lines.len().saturating_sub(LINES_MAX);
    Ok(json!({
        "run": detail.run.id,
        "status": detail.run.status,
        "working": detail.run.working,
        "stage": detail.run.stage,
        "draft": detail.iteration,
        "reason": detail.run.reason,
        "tier": detail.run.tier,
        "explanation": detail.explanation,
        "gates": detail.gates,
        "tests": detail.tests,
        "usage": {"calls": detail.usage.calls, "tokens": detail.usage.tokens, "cost_microusd": detail.usage.cost_microusd},
        "money_microusd_max": detail.money_microusd_max,
        "last_lines": &lines[first..],
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfRun {
    run: String,
}

async fn result(shared: &Arc<Shared>, caller: &Caller, arguments: Value) -> Called {
    let OfRun { run } = read(arguments)?;
    let summary = shared.summary(caller, &run).await?;
    let detail = shared.detail(summary).await?;
    serde_json::to_value(&*detail).map_err(broken)
}

async fn cancel(shared: &Arc<Shared>, caller: &Caller, arguments: Value) -> Called {
    let OfRun { run } = read(arguments)?;
    let outcome = stop(shared, caller, &run).await?;
    serde_json::to_value(outcome).map_err(broken)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfBundle {
    run: Option<String>,
    folder: Option<String>,
}

async fn verify(shared: &Arc<Shared>, caller: &Caller, arguments: Value) -> Called {
    let bundle = match read(arguments)? {
        OfBundle {
            run: Some(run),
            folder: None,
        } => BundleOf::Run(shared.summary(caller, &run).await?.id),
        OfBundle {
            run: None,
            folder: Some(folder),
        } => BundleOf::Folder(folder),
        _ => {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "could not tell whose evidence is meant (give `run` or `folder`)",
            ));
        }
    };
    // It takes a place as a run does: the repository's tests run.
    let _place = asking::place(shared, &caller.name)?;
    let verified = shared
        .requests
        .verified(&bundle, &shared.working.runs)
        .await;
    verified.map_err(Problem::told)
}
