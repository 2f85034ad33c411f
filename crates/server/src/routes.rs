//! All routes, and what is said of them.

mod act;
mod coding;
mod evidence;
mod exact;
mod know;
mod read;
mod session;

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::Problem;
use crate::shared::Shared;
use crate::{api, body, guard, mcp, page};

/// What is said of the API as a whole.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "pipeline",
        description = "Takes a coding task and a repository, and returns a change that was tested and reviewed.",
    ),
    components(schemas(Problem, api::NewRun, api::EventTold, api::LogLine, api::StreamEnd)),
    security(("token" = [])),
)]
struct Api;

fn described() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(coding::run))
        .routes(routes!(coding::stream))
        .routes(routes!(read::list, act::begin))
        .routes(routes!(read::one))
        .routes(routes!(read::events))
        .routes(routes!(evidence::report))
        .routes(routes!(evidence::patch))
        .routes(routes!(evidence::bundle))
        .routes(routes!(act::cancel))
        .routes(routes!(act::resume))
        .routes(routes!(act::deliver))
        .routes(routes!(know::estimate))
        .routes(routes!(know::models))
        .routes(routes!(know::me))
        .routes(routes!(know::metrics))
}

fn signing() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(session::sign_in, session::sign_out))
}

fn health() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(know::healthz))
        .routes(routes!(know::readyz))
}

/// The description of the API, as OpenAPI 3.1 in JSON.
///
/// # Panics
/// Never: what is described can be written as JSON.
pub fn openapi() -> String {
    let mut found = described();
    for part in [signing(), health()] {
        found = found.merge(part);
    }
    let mut found = found.into_openapi();
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    let components = found.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(scheme));
    let mut found = serde_json::to_value(found).expect("it can be written as JSON");
    exact::describe(&mut found);
    let mut text = serde_json::to_string_pretty(&found).expect("it can be written as JSON");
    text.push('\n');
    text
}

/// Everything that is answered.
pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    let (asked, _) = described().split_for_parts();
    let (signing, _) = signing().split_for_parts();
    let (health, _) = health().split_for_parts();
    let agents = Router::new()
        .fallback_service(mcp::service(shared))
        .layer(from_fn(body::bounded));
    let asked = asked
        .method_not_allowed_fallback(no_such_method)
        .nest("/mcp", agents)
        .layer(guard::rate(shared.choices.requests_per_minute_max))
        .layer(from_fn_with_state(shared.clone(), guard::caller));
    let page = Router::new()
        .route("/", get(page::root))
        .route("/coding", get(page::page))
        .route("/coding/runs", get(page::page))
        .route("/coding/runs/{id}", get(page::page))
        .route("/coding/assets/{*path}", get(page::asset))
        .route("/openapi.json", get(description));
    Router::new()
        .merge(asked)
        .merge(signing)
        .merge(health)
        .merge(page)
        .fallback(nothing_there)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state(shared.clone(), guard::host))
        .with_state(shared.clone())
}

async fn description() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], openapi()).into_response()
}

async fn nothing_there() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "could not find anything there")
        .advise("/openapi.json says what there is.")
}

async fn no_such_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "could not do that there: the method is another one",
    )
    .advise("/openapi.json says what there is.")
}
