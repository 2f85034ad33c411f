//! What an agent can read: the report and the change of each run.

use axum::http::StatusCode;
use delivery::Bundle;
use rmcp::model::{ReadResourceResult, Resource, ResourceContents, ResourceTemplate};
use store::Listing;

use crate::callers::Caller;
use crate::problem::Problem;
use crate::shared::{Shared, broken};

/// Runs that are listed, the newest.
const RUNS_MAX: u32 = 20;
/// What there is of a run: its name in an address, the file of its bundle, its kind.
const OF_RUN: [(&str, &str, &str, &str); 2] = [
    (
        "report",
        "report.md",
        "text/markdown",
        "The report: what was asked, what was shown, what to look at first",
    ),
    (
        "patch",
        "patch.diff",
        "text/x-diff",
        "The change as a unified diff",
    ),
];

fn address(run: &str, what: &str) -> String {
    format!("pipeline://runs/{run}/{what}")
}

/// The newest runs' reports and changes.
pub(super) async fn list(shared: &Shared, caller: &Caller) -> Result<Vec<Resource>, Problem> {
    let listing = Listing {
        caller: (!caller.is_admin).then_some(caller.name.as_str()),
        runs_max: RUNS_MAX,
        ..Listing::default()
    };
    let page = shared.working.runs.host().store.page(&listing).await;
    let page = page.map_err(|it| Problem::of_store(&*shared.requests, "list the runs", it))?;
    let begun = page.into_iter().filter(|it| 0 < it.events);
    let of_run = |run: store::RunSummary| {
        OF_RUN.map(|(what, _, kind, about)| {
            Resource::new(address(&run.id.0, what), format!("{what} of {}", run.id))
                .with_title(shared.shown(&run.title))
                .with_description(about)
                .with_mime_type(kind)
        })
    };
    Ok(begun.flat_map(of_run).collect())
}

/// Those of any run.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    let templates = OF_RUN.map(|(what, _, kind, about)| {
        ResourceTemplate::new(address("{run}", what), format!("{what} of a run"))
            .with_description(about)
            .with_mime_type(kind)
    });
    templates.to_vec()
}

/// One of them.
pub(super) async fn read(
    shared: &Shared,
    caller: &Caller,
    uri: &str,
) -> Result<ReadResourceResult, Problem> {
    let nothing = || {
        let uri: String = protocol::visible(uri).chars().take(120).collect();
        Problem::new(StatusCode::NOT_FOUND, format!("could not find `{uri}`"))
    };
    let named = uri.strip_prefix("pipeline://runs/");
    let (run, what) = named
        .and_then(|it| it.split_once('/'))
        .ok_or_else(nothing)?;
    let found = OF_RUN.iter().find(|it| it.0 == what);
    let (_, file, kind, _) = found.ok_or_else(nothing)?;
    let run = shared.summary(caller, run).await?.id;
    let past = shared.working.runs.past(&run, "show").await;
    let past = past.map_err(|it| Problem::of_run(&*shared.requests, it))?;
    let bundle = tokio::task::spawn_blocking(move || Bundle::of(&past.run, &past.history));
    let bundle = bundle.await.map_err(broken)?.map_err(broken)?;
    let bytes = bundle.files().find(|it| it.0 == *file).map(|it| it.1);
    let text = String::from_utf8_lossy(bytes.unwrap_or_default());
    let contents = ResourceContents::text(text, uri).with_mime_type(*kind);
    Ok(ReadResourceResult::new(vec![contents]))
}
