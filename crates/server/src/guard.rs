//! What stands before every route: the host that is meant, the page that asks, who asks, and how often.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::KeyExtractor;
use tower_governor::{GovernorError, GovernorLayer};

use crate::callers::Caller;
use crate::choices::Choices;
use crate::problem::Problem;
use crate::shared::Shared;

/// What a page of ours sends along with every change; another site's page can't.
const OF_THE_PAGE: HeaderName = HeaderName::from_static("pipeline-request");

/// Refuses what is sent to another host: a page of a site whose name was made to lead here would be answered otherwise.
pub(crate) async fn host(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let named = request.headers().get(header::HOST);
    let named = named.and_then(|it| it.to_str().ok());
    // An address in the request line stands for the header.
    let named = request.uri().authority().map(|it| it.as_str()).or(named);
    let Some(named) = named else {
        return Problem::new(
            StatusCode::BAD_REQUEST,
            "could not answer: the request names no host",
        )
        .into_response();
    };
    if !is_ours(named, &shared.choices) {
        return Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "could not answer for that host",
        )
        .advise("Name the hosts that lead here in `hosts` of [server].")
        .into_response();
    }
    if let Err(problem) = same_site(&request, named) {
        return problem.into_response();
    }
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", |it| it.as_str()).to_owned();
    let begun = Instant::now();
    let mut response = next.run(request).await;
    let metrics = shared.working.metrics();
    metrics.answered(&route, response.status().as_u16(), begun.elapsed());
    harden(response.headers_mut());
    response
}

fn is_ours(named: &str, choices: &Choices) -> bool {
    let Ok(authority) = named.parse::<axum::http::uri::Authority>() else {
        return false;
    };
    if named.contains('@') {
        return false;
    }
    let host = authority.host().trim_matches(['[', ']']);
    if choices.hosts.iter().any(|it| it.eq_ignore_ascii_case(host)) {
        return true;
    }
    match host.parse::<IpAddr>() {
        // No name was made to lead here where none is used.
        Ok(address) => !choices.is_local() || address.is_loopback(),
        Err(_) => choices.is_local() && host.eq_ignore_ascii_case("localhost"),
    }
}

/// Refuses a change that another site's page asks for.
fn same_site(request: &Request, host: &str) -> Result<(), Problem> {
    if is_safe(request.method()) {
        return Ok(());
    }
    let headers = request.headers();
    let other = || {
        Problem::new(
            StatusCode::FORBIDDEN,
            "could not do that for a page of another site",
        )
    };
    if let Some(origin) = headers.get(header::ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let of = origin.split_once("://").map(|it| it.1);
        if !of.is_some_and(|it| it.eq_ignore_ascii_case(host)) {
            return Err(other());
        }
    }
    let site = headers
        .get("sec-fetch-site")
        .and_then(|it| it.to_str().ok());
    match site {
        Some("cross-site" | "same-site") => Err(other()),
        _ => Ok(()),
    }
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn harden(headers: &mut HeaderMap) {
    const OF_ALL: [(HeaderName, &str); 3] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in OF_ALL {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'",
        ));
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

/// Finds out who asks; nobody is answered whom the server doesn't know.
pub(crate) async fn caller(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = match shared.callers.of(request.headers()).await {
        Ok(Some(caller)) => caller,
        Ok(None) => return unknown(&shared.choices).into_response(),
        Err(error) => {
            return Problem::of_store(&*shared.requests, "look the token up", error)
                .into_response();
        }
    };
    let is_ours = request.headers().contains_key(OF_THE_PAGE);
    if caller.by_cookie && !is_safe(request.method()) && !is_ours {
        return Problem::new(
            StatusCode::FORBIDDEN,
            "could not do that by a cookie alone: the header `Pipeline-Request` is missing",
        )
        .into_response();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// Nobody knows who asks.
pub(crate) fn unknown(choices: &Choices) -> Problem {
    let advice = match choices.is_local() {
        true => {
            "Open the link that `pipeline serve` printed, or send the token of the file that it named as `Authorization: Bearer TOKEN`."
        }
        false => {
            "Send a token as `Authorization: Bearer TOKEN`; `pipeline token add NAME` makes one on the server's machine."
        }
    };
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "could not answer: nobody knows who asks",
    )
    .advise(advice)
}

/// Counts requests by who sends them.
#[derive(Clone, Debug)]
pub(crate) struct ByCaller;

impl KeyExtractor for ByCaller {
    type Key = String;

    fn extract<T>(&self, request: &axum::http::Request<T>) -> Result<String, GovernorError> {
        let caller = request.extensions().get::<Caller>();
        caller
            .map(|it| it.name.clone())
            .ok_or(GovernorError::UnableToExtractKey)
    }
}

type Rate = GovernorLayer<ByCaller, governor::middleware::NoOpMiddleware, Body>;

/// Lets each caller send so many requests a minute, and as many at once.
pub(crate) fn rate(requests_per_minute_max: u32) -> Rate {
    let most = requests_per_minute_max.max(1);
    let config = GovernorConfigBuilder::default()
        .key_extractor(ByCaller)
        .period(Duration::from_secs(60) / most)
        .burst_size(most)
        .finish()
        .expect("neither the period nor the burst is nothing");
    GovernorLayer::new(config).error_handler(move |error| {
        let seconds = match error {
            GovernorError::TooManyRequests { wait_time, .. } => wait_time.max(1),
            _ => 1,
        };
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            format!("could not answer: more than {most} requests a minute"),
        )
        .after(seconds)
        .into_response()
    })
}
