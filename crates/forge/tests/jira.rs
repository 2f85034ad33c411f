//! Jira tickets from a server that refuses as Jira does.

#![expect(clippy::unwrap_used, reason = "a broken test world may panic")]

use expect_test::{Expect, expect};
use forge::{Jira, Patience};
use protocol::TaskSource;
use secrecy::SecretString;
use serde_json::{Value, json};
use testkit::tracker::{FakeJira, FakeTicket, Fault};

/// `me@example.org:s3cret`, as Basic authentication writes it.
const BASIC: &str = "Basic bWVAZXhhbXBsZS5vcmc6czNjcmV0";

/// Tries again at once, and gives up soon.
const HASTE: Patience = Patience {
    request_seconds_max: 5,
    tries_max: 2,
    first_wait_ms: 1,
    wait_seconds_max: 1,
    limit_wait_seconds_max: 2,
    change_pause_ms: 20,
    reply_bytes_max: 100_000,
};

fn words(text: &str) -> Value {
    json!({"type": "doc", "version": 1, "content": [
        {"type": "paragraph", "content": [{"type": "text", "text": text}]}]})
}

async fn server() -> FakeJira {
    let ticket = FakeTicket {
        key: "WALK-1".to_owned(),
        summary: "Fix the walk".to_owned(),
        description: words("It limps."),
        labels: vec!["gait".to_owned()],
        comments: vec![("Ann".to_owned(), words("It does"))],
        is_done: true,
        ..FakeTicket::default()
    };
    let long = (0..250).map(|it| ("Bob".to_owned(), words(&it.to_string())));
    let talk = FakeTicket {
        key: "WALK-2".to_owned(),
        comments: long.collect(),
        is_done: false,
        ..ticket.clone()
    };
    FakeJira::start([ticket, talk], BASIC).await
}

fn client(server: &FakeJira, token: &str) -> Jira {
    Jira::new(
        &server.base_url(),
        "me@example.org",
        &SecretString::from(token),
        HASTE,
    )
    .unwrap()
}

/// Fetches a ticket after the faults, and gives the error's words without what differs from run to run.
async fn check(faults: impl IntoIterator<Item = Fault>, key: &str, token: &str, expected: Expect) {
    let server = server().await;
    for fault in faults {
        server.fail_next(fault);
    }
    let jira = client(&server, token);
    let seen = match jira.task(&jira.parse(key).unwrap()).await {
        Ok(it) => format!("ok: {}", it.task.title),
        Err(error) => format!("error: {error}"),
    };
    expected.assert_eq(&seen.replace(&server.base_url(), "BASE"));
}

#[tokio::test]
async fn a_ticket_becomes_a_task() {
    let server = server().await;
    let jira = client(&server, "s3cret");
    let fetched = jira.task(&jira.parse("WALK-1").unwrap()).await.unwrap();
    expect![[r#"
        # Fix the walk

        Labels: gait

        It limps.

        ## Comment by Ann

        It does
    "#]]
    .assert_eq(&fetched.task.as_markdown());
    assert_eq!(fetched.notes, ["ticket WALK-1 is done already (`Closed`)"]);
    let source = TaskSource::Jira {
        url: format!("{}/browse/WALK-1", server.base_url()),
        key: "WALK-1".to_owned(),
    };
    assert_eq!(fetched.task.source, source);
}

#[tokio::test]
async fn a_long_conversation_is_read_in_pages_and_bounded() {
    let server = server().await;
    let jira = client(&server, "s3cret");
    let task = jira
        .task(&jira.parse("WALK-2").unwrap())
        .await
        .unwrap()
        .task;
    let body = |it: usize| task.comments[it].body.as_str();
    assert_eq!(
        (task.comments.len(), body(0), body(99), body(101), body(200)),
        (201, "0", "99", "150", "249")
    );
    assert_eq!(body(100), "[comments left out here: 50]");
    assert_eq!(
        server.seen().len(),
        4,
        "the ticket and three pages of comments"
    );
}

#[tokio::test]
async fn a_page_on_another_host_is_refused_before_any_request() {
    let (server, other) = (server().await, server().await);
    let jira = client(&server, "s3cret");
    let error = jira
        .parse(&format!("{}/browse/WALK-1", other.base_url()))
        .unwrap_err()
        .to_string();
    let error = error
        .replace(&other.base_url(), "OTHER")
        .replace(&server.base_url()[7..], "HOST");
    expect!["fetch `OTHER/browse/WALK-1`: Jira is configured as `http://HOST`, and credentials go nowhere else (set JIRA_BASE_URL if the task is really there)"].assert_eq(&error);
    assert!(server.seen().is_empty() && other.seen().is_empty());
    assert!(
        jira.parse(&format!("{}/browse/WALK-1?x=1", server.base_url()))
            .is_ok()
    );
}

#[tokio::test]
async fn refusals_are_told_apart() {
    check([], "WALK-1", "wrong", expect!["error: fetch ticket WALK-1: Jira doesn't accept the credentials (check JIRA_EMAIL and JIRA_API_TOKEN: expired, revoked or mistyped?)"]).await;
    check([], "WALK-9", "s3cret", expect!["error: find ticket WALK-9: Jira says there is no such thing, which it also says to those who may not see it (check the reference; the account of JIRA_EMAIL needs the right to browse the project)"]).await;
    check([Fault::status(403, "CAPTCHA required")], "WALK-1", "s3cret", expect!["error: fetch ticket WALK-1: Jira forbids it: CAPTCHA required (the account of JIRA_EMAIL needs the right to browse the project)"]).await;
    check([Fault::status(429, "").with("retry-after", "90")], "WALK-1", "s3cret", expect!["error: fetch ticket WALK-1: Jira has had too many requests from here and asks to wait 90 s (then start again)"]).await;
    check([Fault::status(429, "").with("retry-after", "Fri, 31 Dec 2027 23:59:59 GMT")], "WALK-1", "s3cret", expect!["error: fetch ticket WALK-1: Jira has had too many requests from here and asks to wait until Fri, 31 Dec 2027 23:59:59 GMT (then start again)"]).await;
    check(vec![Fault::status(500, ""); 2], "WALK-1", "s3cret", expect!["error: fetch ticket WALK-1: Jira answered with status 500 (is JIRA_BASE_URL right? is the service well?)"]).await;
    check(
        [Fault::status(500, "")],
        "WALK-1",
        "s3cret",
        expect!["ok: Fix the walk"],
    )
    .await;
}

#[tokio::test]
async fn garbage_floods_and_redirects_are_refused() {
    check([Fault::Answer(200, Vec::new(), "<html>".into())], "WALK-1", "s3cret", expect!["error: understand what Jira at `BASE` sent for ticket WALK-1 (is JIRA_BASE_URL right? does a login page answer there?)"]).await;
    check(
        [Fault::Endless],
        "WALK-1",
        "s3cret",
        expect![
            "error: fetch ticket WALK-1: Jira sent more than 100000 bytes (is JIRA_BASE_URL right?)"
        ],
    )
    .await;
    let moved = Fault::status(302, "").with("location", "https://login.example/?token=abc");
    check([moved], "WALK-1", "s3cret", expect!["error: fetch ticket WALK-1: Jira at `BASE` sends us on to `https://login.example`, and credentials don't follow (set JIRA_BASE_URL to the address that answers itself)"]).await;
}

#[tokio::test]
async fn settings_that_cannot_work_are_named() {
    let refused = |base: &str, email: &str, token: &str| {
        let made = Jira::new(base, email, &SecretString::from(token), HASTE);
        made.err().unwrap().to_string()
    };
    expect!["use JIRA_BASE_URL: it isn't encrypted (write `https://`)"].assert_eq(&refused(
        "http://jira.example",
        "me@example.org",
        "t",
    ));
    expect!["use JIRA_EMAIL: it isn't an e-mail address"].assert_eq(&refused(
        "https://jira.example",
        "",
        "t",
    ));
    expect!["use JIRA_API_TOKEN: it is empty (make one in your Atlassian account, under Security)"]
        .assert_eq(&refused("https://jira.example", "me@example.org", " "));
}
