//! Searches of the fake Jira: as little JQL as a bot needs, in pages as the real one gives them.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::jira::{Desk, FakeTicket, decoded, refuse};
use super::{Asked, json as answer, number};

/// Tickets on a page, fewer than anybody asks for: a short page isn't the last one.
const PAGE_MAX: usize = 2;

/// `search/jql` in the Cloud, where `search` alone is gone; `search` in a Data Center.
pub(super) fn search(desk: &Desk, parts: &[&str], asked: &Asked) -> Response {
    let query = |name: &str| asked.query.iter().find(|it| it.0 == name);
    let jql = query("jql").map_or(String::new(), |it| decoded(&it.1));
    match (desk.is_data_center, parts) {
        (false, ["search"]) => {
            return refuse(
                410,
                "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API.",
            );
        }
        (false, ["search", "jql"]) | (true, ["search"]) => {}
        _ => return refuse(404, "null for uri"),
    }
    let condition = jql.split(" ORDER BY ").next().unwrap_or_default().trim();
    if condition.is_empty() && !desk.is_data_center {
        return refuse(
            400,
            "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.",
        );
    }
    let found: Vec<&FakeTicket> = desk
        .tickets
        .values()
        .filter(|it| is_meant(it, condition))
        .collect();
    let shown = |page: &[&FakeTicket]| -> Vec<Value> {
        // Without named fields the Cloud tells ids alone.
        let is_named = desk.is_data_center || query("fields").is_some();
        page.iter()
            .map(|it| match is_named {
                true => json!({"id": "1", "key": it.key, "fields": {}}),
                false => json!({"id": "1"}),
            })
            .collect()
    };
    if desk.is_data_center {
        let start = number(&asked.query, "startAt", 0).min(found.len());
        let size = number(&asked.query, "maxResults", 50);
        let end = found.len().min(start + size);
        return answer(
            StatusCode::OK,
            &json!({"startAt": start, "total": found.len(), "issues": shown(&found[start..end])}),
        );
    }
    let start = query("nextPageToken").map_or(0, |it| {
        it.1.trim_start_matches("page-").parse().unwrap_or(0)
    });
    let end = found.len().min(start + PAGE_MAX);
    let mut page = json!({"issues": shown(&found[start.min(end)..end])});
    if end < found.len() {
        page["nextPageToken"] = json!(format!("page-{end}"));
    }
    answer(StatusCode::OK, &page)
}

/// Whether a ticket is in one of the projects and isn't done; every one changed lately here.
fn is_meant(ticket: &FakeTicket, condition: &str) -> bool {
    let project = ticket.key.split('-').next().unwrap_or_default();
    let projects = condition.split("project in (").nth(1);
    let projects = projects.and_then(|it| it.split(')').next());
    let is_in = projects.is_some_and(|it| it.contains(&format!("\"{project}\"")));
    is_in && (ticket.status().1 != "done" || !condition.contains("statusCategory != Done"))
}
