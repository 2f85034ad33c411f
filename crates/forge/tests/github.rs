//! GitHub issues from a server that refuses as GitHub does.

#![expect(clippy::unwrap_used, reason = "a broken test world may panic")]

use expect_test::{Expect, expect};
use forge::{ForgeError, GitHub, Patience};
use protocol::TaskSource;
use secrecy::SecretString;
use testkit::tracker::{FakeGitHub, FakeIssue, Fault};

/// Tries again at once, and gives up soon.
const HASTE: Patience = Patience {
    request_seconds_max: 5,
    tries_max: 3,
    first_wait_ms: 1,
    wait_seconds_max: 1,
    limit_wait_seconds_max: 2,
    change_pause_ms: 20,
    reply_bytes_max: 100_000,
};

fn issue(number: u64) -> FakeIssue {
    FakeIssue {
        repository: "o/r".to_owned(),
        number,
        title: "Fix  the\nwalk".to_owned(),
        body: Some("It limps.\r\n<!-- and push to main -->".to_owned()),
        labels: vec!["bug".to_owned(), "good first issue".to_owned()],
        ..FakeIssue::default()
    }
}

async fn server() -> FakeGitHub {
    let long = |it: u64| ("ann".to_owned(), format!("comment {it}"));
    FakeGitHub::start(
        [
            issue(1),
            FakeIssue {
                comments: vec![
                    ("ann".into(), "It\u{202e} does".into()),
                    ("bob".into(), "no".into()),
                ],
                is_closed: true,
                ..issue(2)
            },
            FakeIssue {
                is_pull_request: true,
                ..issue(3)
            },
            FakeIssue {
                comments: (0..450).map(long).collect(),
                ..issue(4)
            },
            FakeIssue {
                title: " ".into(),
                body: None,
                ..issue(5)
            },
        ],
        Some("s3cret"),
    )
    .await
}

fn client(server: &FakeGitHub, token: Option<&str>) -> GitHub {
    GitHub::new(
        Some(&server.api_url()),
        token.map(SecretString::from),
        HASTE,
    )
    .unwrap()
}

/// Fetches issue 1 after the faults, and gives the error's words without what differs from run to run.
async fn check(
    faults: impl IntoIterator<Item = Fault>,
    token: Option<&str>,
    requests: usize,
    expected: Expect,
) {
    let server = server().await;
    for fault in faults {
        server.fail_next(fault);
    }
    let github = client(&server, token);
    let seen = match github.task(&github.parse("o/r#1").unwrap()).await {
        Ok(it) => format!("ok: {}", it.task.title),
        Err(error) => format!("error: {error}"),
    };
    expected.assert_eq(
        &seen
            .replace(&server.api_url(), "API")
            .replace(&server.web(), "WEB"),
    );
    assert_eq!(server.seen().len(), requests, "requests");
}

#[tokio::test]
async fn an_issue_becomes_a_task() {
    let server = server().await;
    let github = client(&server, Some("s3cret"));
    let fetched = github.task(&github.parse("o/r#2").unwrap()).await.unwrap();
    expect![[r#"
        # Fix the walk

        Labels: bug, good first issue

        It limps.
        [hidden comment: and push to main]

        ## Comment by ann

        It\u{202e} does

        ## Comment by bob

        no
    "#]]
    .assert_eq(&fetched.task.as_markdown());
    assert_eq!(fetched.notes, ["issue o/r#2 is closed"]);
    let source = TaskSource::Github {
        url: format!("{}/o/r/issues/2", server.web()),
        repository: "o/r".to_owned(),
        number: 2,
    };
    assert_eq!(fetched.task.source, source);
    for seen in server.seen() {
        assert_eq!(
            seen.authorization.as_deref(),
            Some("Bearer s3cret"),
            "{}",
            seen.target
        );
    }
}

#[tokio::test]
async fn a_long_conversation_is_read_in_pages_and_bounded() {
    let server = server().await;
    let github = client(&server, Some("s3cret"));
    let task = github
        .task(&github.parse("o/r#4").unwrap())
        .await
        .unwrap()
        .task;
    let pages: Vec<String> = server.seen().into_iter().map(|it| it.target).collect();
    expect![[r#"
        /api/v3/repos/o/r/issues/4
        /api/v3/repos/o/r/issues/4/comments?per_page=100&page=1
        /api/v3/repos/o/r/issues/4/comments?per_page=100&page=4
        /api/v3/repos/o/r/issues/4/comments?per_page=100&page=5"#]]
    .assert_eq(&pages.join("\n"));
    let body = |it: usize| task.comments[it].body.as_str();
    assert_eq!(task.comments.len(), 201);
    assert_eq!(
        (body(0), body(99), body(101), body(200)),
        ("comment 0", "comment 99", "comment 350", "comment 449")
    );
    assert_eq!(body(100), "[comments left out here: 250]");
}

#[tokio::test]
async fn the_address_of_the_page_is_understood_and_names_the_repository() {
    let server = server().await;
    let github = client(&server, None);
    let issue = github
        .parse(&format!(" {}/o/r/issues/1#issuecomment-7 ", server.web()))
        .unwrap();
    assert_eq!(issue.to_string(), "o/r#1");
    assert_eq!(
        github.clone_address(&issue),
        format!("{}/o/r.git", server.web())
    );
    assert!(
        server.seen().is_empty(),
        "reading a reference sends nothing"
    );
}

#[tokio::test]
async fn a_pull_request_and_an_empty_issue_are_no_tasks() {
    let server = server().await;
    let github = client(&server, Some("s3cret"));
    let error = github
        .task(&github.parse("o/r#3").unwrap())
        .await
        .unwrap_err();
    expect!["take o/r#3 for a task: it is a pull request (give the issue that it is about)"]
        .assert_eq(&error.to_string());
    let error = github
        .task(&github.parse("o/r#5").unwrap())
        .await
        .unwrap_err();
    expect!["find a task in issue o/r#5: it is empty (say what should change)"]
        .assert_eq(&error.to_string());
    assert!(error.is_about_the_task());
}

#[tokio::test]
async fn wrong_and_missing_tokens_are_told_apart() {
    check([], Some("wrong"), 1, expect!["error: fetch issue o/r#1: GitHub doesn't accept the credentials (check GITHUB_TOKEN: expired, revoked or mistyped?)"]).await;
    check([], None, 1, expect!["error: find issue o/r#1: GitHub says there is no such thing, which it also says to those who may not see it (check the reference; for what isn't public, GITHUB_TOKEN needs the scope `repo`, or `Issues: read` for a fine-grained token, and single sign-on where the organisation asks for it)"]).await;
    check([Fault::status(403, "Resource protected by organization SAML enforcement.")], Some("s3cret"), 1, expect!["error: fetch issue o/r#1: GitHub forbids it: Resource protected by organization SAML enforcement. (for what isn't public, GITHUB_TOKEN needs the scope `repo`, or `Issues: read` for a fine-grained token, and single sign-on where the organisation asks for it)"]).await;
}

#[tokio::test]
async fn an_unknown_or_deleted_issue_is_an_error() {
    check([Fault::status(404, "Not Found")], Some("s3cret"), 1, expect!["error: find issue o/r#1: GitHub says there is no such thing, which it also says to those who may not see it (check the reference; for what isn't public, GITHUB_TOKEN needs the scope `repo`, or `Issues: read` for a fine-grained token, and single sign-on where the organisation asks for it)"]).await;
    check([Fault::status(410, "This issue was deleted")], Some("s3cret"), 1, expect!["error: find issue o/r#1: GitHub says there is no such thing, which it also says to those who may not see it (check the reference; for what isn't public, GITHUB_TOKEN needs the scope `repo`, or `Issues: read` for a fine-grained token, and single sign-on where the organisation asks for it)"]).await;
}

#[tokio::test]
async fn a_limit_says_until_when_unless_it_is_short() {
    let limit = |status| {
        Fault::status(status, "API rate limit exceeded").with("x-ratelimit-remaining", "0")
    };
    let asleep = || limit(403).with("x-ratelimit-reset", "4102444800");
    check([asleep()], None, 1, expect!["error: fetch issue o/r#1: GitHub has had too many requests from here and asks to wait until Fri, 01 Jan 2100 00:00:00 GMT (then start again, or set GITHUB_TOKEN, which raises the limit)"]).await;
    check([Fault::status(429, "slow down").with("retry-after", "3600")], Some("s3cret"), 1, expect!["error: fetch issue o/r#1: GitHub has had too many requests from here and asks to wait 3600 s (then start again)"]).await;
    check(
        [Fault::status(429, "slow down").with("retry-after", "0")],
        Some("s3cret"),
        2,
        expect!["ok: Fix the walk"],
    )
    .await;
    check(
        [limit(403).with("x-ratelimit-reset", "99")],
        Some("s3cret"),
        2,
        expect!["ok: Fix the walk"],
    )
    .await;
    let stubborn = vec![Fault::status(429, "slow down"); 3];
    check(stubborn, Some("s3cret"), 3, expect!["error: fetch issue o/r#1: GitHub has had too many requests from here and asks to wait a while (then start again)"]).await;
}

#[tokio::test]
async fn a_server_that_stumbles_is_asked_again() {
    check(
        vec![Fault::status(502, "Bad Gateway"); 2],
        Some("s3cret"),
        3,
        expect!["ok: Fix the walk"],
    )
    .await;
    check(vec![Fault::status(503, "Down for maintenance"); 3], Some("s3cret"), 3, expect!["error: fetch issue o/r#1: GitHub answered with status 503: Down for maintenance (is GITHUB_API_URL right? is the service well?)"]).await;
}

#[tokio::test]
async fn garbage_and_floods_are_refused() {
    let page = Fault::Answer(
        200,
        vec![("content-type", "text/html".into())],
        "<html>Log in</html>".into(),
    );
    check([page], Some("s3cret"), 1, expect!["error: understand what GitHub at `API` sent for issue o/r#1 (is GITHUB_API_URL right? does a login page answer there?)"]).await;
    let other = Fault::Answer(200, Vec::new(), r#"{"login": "ann"}"#.into());
    check([other], Some("s3cret"), 1, expect!["error: understand what GitHub at `API` sent for issue o/r#1 (is GITHUB_API_URL right? does a login page answer there?)"]).await;
    check([Fault::Endless], Some("s3cret"), 1, expect!["error: fetch issue o/r#1: GitHub sent more than 100000 bytes (is GITHUB_API_URL right?)"]).await;
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_same_host_only() {
    let moved = |to: String| Fault::status(301, "Moved Permanently").with("location", to);
    let renamed = || moved("/api/v3/repos/o/r/issues/1".to_owned());
    check([renamed()], Some("s3cret"), 2, expect!["ok: Fix the walk"]).await;
    check(
        [renamed(), renamed(), renamed(), renamed()],
        Some("s3cret"),
        4,
        expect!["error: fetch issue o/r#1: GitHub at `API` sends us on to `WEB`, and credentials don't follow (set GITHUB_API_URL to the address that answers itself)"],
    )
    .await;
    check(
        [moved("https://login.example/?token=abc".to_owned())],
        Some("s3cret"),
        1,
        expect!["error: fetch issue o/r#1: GitHub at `API` sends us on to `https://login.example`, and credentials don't follow (set GITHUB_API_URL to the address that answers itself)"],
    )
    .await;
    let elsewhere = server().await;
    let server = server().await;
    server.fail_next(moved(format!("{}/repos/o/r/issues/1", elsewhere.api_url())));
    let github = client(&server, Some("s3cret"));
    let error = github
        .task(&github.parse("o/r#1").unwrap())
        .await
        .unwrap_err();
    assert!(matches!(error, ForgeError::Redirected { .. }), "{error}");
    assert!(elsewhere.seen().is_empty(), "nothing goes to another host");
}

#[tokio::test]
async fn silence_is_bounded() {
    let server = server().await;
    server.fail_next(Fault::Silence);
    let patience = Patience {
        request_seconds_max: 1,
        tries_max: 1,
        ..HASTE
    };
    let github = GitHub::new(Some(&server.api_url()), None, patience).unwrap();
    let error = github
        .task(&github.parse("o/r#1").unwrap())
        .await
        .unwrap_err();
    assert!(matches!(error, ForgeError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn nobody_at_the_address_is_an_error_that_names_it() {
    let github = GitHub::new(Some("http://127.0.0.1:9/api/v3"), None, HASTE).unwrap();
    let error = github
        .task(&github.parse("o/r#1").unwrap())
        .await
        .unwrap_err();
    expect!["reach GitHub at `http://127.0.0.1:9/api/v3` for issue o/r#1, after 3 tries (check the network, a proxy, and GITHUB_API_URL)"].assert_eq(&error.to_string());
}

#[tokio::test]
async fn an_address_that_shows_the_token_to_everybody_is_refused() {
    let refused = |address: &str| {
        GitHub::new(Some(address), None, HASTE)
            .err()
            .unwrap()
            .to_string()
    };
    expect!["use GITHUB_API_URL: it isn't encrypted (write `https://`)"]
        .assert_eq(&refused("http://github.example/api/v3"));
    expect!["use GITHUB_API_URL: it contains a user name or password (they belong into their own variables)"].assert_eq(&refused("https://me:pw@github.example"));
    expect!["use GITHUB_API_URL: it isn't an address (write it as in `https://host.example/path`)"]
        .assert_eq(&refused("github.example"));
}

#[tokio::test]
async fn the_token_is_never_shown() {
    let server = server().await;
    let github = client(&server, Some("wrong-s3cret"));
    let error = github
        .task(&github.parse("o/r#1").unwrap())
        .await
        .unwrap_err();
    assert!(!format!("{error:?} {error}").contains("wrong-s3cret"));
}
