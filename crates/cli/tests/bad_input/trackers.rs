//! Tasks from GitHub and Jira through the program, against small real servers that refuse what the real ones refuse.

use expect_test::{Expect, expect};
use serde_json::json;
use testkit::tracker::{FakeGitHub, FakeIssue, FakeJira, FakeTicket, Fault};

use crate::world::{Ended, PAGES, ROUND_UP, World};

const TOKEN: &str = "ghp_0123456789";
/// `me@example.org:jira-token`, as Basic authentication writes it.
const BASIC: &str = "Basic bWVAZXhhbXBsZS5vcmc6amlyYS10b2tlbg==";

fn issue() -> FakeIssue {
    FakeIssue {
        repository: "owner/repo".into(),
        number: 7,
        title: "The last page is lost".into(),
        body: Some("`page_count(21, 10)` says 2.\r\n\r\nIt should say 3.".into()),
        labels: vec!["bug".into()],
        comments: vec![("ada".into(), "Me too.".into())],
        ..FakeIssue::default()
    }
}

fn ticket() -> FakeTicket {
    let paragraph = |text: &str| {
        json!({"type": "doc", "version": 1, "content": [
            {"type": "paragraph", "content": [{"type": "text", "text": text}]}]})
    };
    FakeTicket {
        key: "ABC-7".into(),
        summary: "The last page is lost".into(),
        description: paragraph("page_count(21, 10) says 2, it should say 3."),
        comments: vec![("Ada".into(), paragraph("Me too."))],
        ..FakeTicket::default()
    }
}

/// The small package, and a coder that knows what to do when it reads the issue.
fn world() -> World {
    let knows = format!("expect = [\"The last page is lost\", \"Me too.\"]\n{ROUND_UP}");
    World::with_repository(PAGES).says("draft", &[&knows])
}

/// The program blocks, and the servers must go on answering.
async fn run(world: World, arguments: &[&str]) -> (World, Ended) {
    let arguments: Vec<String> = ["run", "--quiet", "--scripted", "[WORLD]/replies"]
        .iter()
        .chain(arguments)
        .map(|it| (*it).to_owned())
        .collect();
    tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ended = world.pipeline(&arguments);
        (world, ended)
    })
    .await
    .expect("the program is waited for")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_becomes_a_change_and_the_token_goes_nowhere_else() {
    let github = FakeGitHub::start([issue()], Some(TOKEN)).await;
    let world = world()
        .variable("GITHUB_API_URL", &github.api_url())
        .variable("GITHUB_TOKEN", TOKEN);
    let arguments = ["--github", "owner/repo#7", "--repo", "[WORLD]/repo"];
    let (world, ended) = run(world, &[&arguments[..], &["--patch", "fix.patch"]].concat()).await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    world.git("repo", &["apply", "--check", "../here/fix.patch"]);
    for seen in github.seen() {
        assert!(
            seen.target.starts_with("/api/v3/repos/owner/repo/"),
            "{seen:?}"
        );
    }
    assert!(!github.seen().is_empty());
    assert!(!ended.stdout.contains(TOKEN) && !ended.stderr.contains(TOKEN));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_becomes_a_change() {
    let jira = FakeJira::start([ticket()], BASIC).await;
    let (_, ended) = run(
        with_jira(world(), &jira.base_url()),
        &["--jira", "ABC-7", "--repo", "[WORLD]/repo"],
    )
    .await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

fn with_jira(world: World, base_url: &str) -> World {
    world
        .variable("JIRA_BASE_URL", base_url)
        .variable("JIRA_EMAIL", "me@example.org")
        .variable("JIRA_API_TOKEN", "jira-token")
}

/// What a person reads when GitHub refuses; no run is begun.
async fn check_github(reference: &str, fault: Option<Fault>, want: Expect) {
    let github = FakeGitHub::start([issue()], Some(TOKEN)).await;
    let world = world()
        .variable("GITHUB_API_URL", &github.api_url())
        .variable("GITHUB_TOKEN", TOKEN);
    if let Some(fault) = fault {
        github.fail_next(fault);
    }
    let (world, ended) = run(world, &["--github", reference, "--repo", "[WORLD]/repo"]).await;
    let seen = world.seen(&ended).replace(&github.api_url(), "[API]");
    want.assert_eq(&seen.replace(&github.web(), "[WEB]"));
    assert_eq!(
        world.pipeline(&["runs", "--json"]).stdout,
        "",
        "a run was begun"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_github_refuses_is_said_before_anything_costs() {
    check_github("owner/repo#8", None, expect![[r#"
        exit 14
        --- stderr
        error: could not find issue owner/repo#8: GitHub says there is no such thing, which it also says to those who may not see it (check the reference; for what isn't public, GITHUB_TOKEN needs the scope `repo`, or `Issues: read` for a fine-grained token, and single sign-on where the organisation asks for it)
    "#]]).await;
    check_github("not a reference", None, expect![[r#"
        exit 14
        --- stderr
        error: could not understand `not a reference` as a GitHub issue (`owner/repo#123`, or the address of its page): it contains ' '
    "#]]).await;
    check_github("https://evil.example/owner/repo/issues/7", None, expect![[r#"
        exit 14
        --- stderr
        error: could not fetch `https://evil.example/owner/repo/issues/7`: GitHub is configured as `[WEB]`, and credentials go nowhere else (set GITHUB_API_URL if the task is really there)
    "#]]).await;
    check_github("owner/repo#7", Some(Fault::status(401, "Bad credentials")), expect![[r#"
        exit 14
        --- stderr
        error: could not fetch issue owner/repo#7: GitHub doesn't accept the credentials (check GITHUB_TOKEN: expired, revoked or mistyped?)
    "#]]).await;
    check_github("owner/repo#7", Some(Fault::status(403, "Resource not accessible")), expect![[r#"
        exit 14
        --- stderr
        error: could not fetch issue owner/repo#7: GitHub forbids it: Resource not accessible (for what isn't public, GITHUB_TOKEN needs the scope `repo`, or `Issues: read` for a fine-grained token, and single sign-on where the organisation asks for it)
    "#]]).await;
    let busy = Fault::status(429, "secondary rate limit").with("retry-after", "3600");
    check_github("owner/repo#7", Some(busy), expect![[r#"
        exit 14
        --- stderr
        error: could not fetch issue owner/repo#7: GitHub has had too many requests from here and asks to wait 3600 s (then start again)
    "#]]).await;
}

/// What a person reads when Jira refuses, and how many requests it saw.
async fn check_jira(reference: &str, fault: Option<Fault>, requests: usize, want: Expect) {
    let jira = FakeJira::start([ticket()], BASIC).await;
    if let Some(fault) = fault {
        jira.fail_next(fault);
    }
    let world = with_jira(world(), &jira.base_url());
    let (world, ended) = run(world, &["--jira", reference, "--repo", "[WORLD]/repo"]).await;
    want.assert_eq(&world.seen(&ended).replace(&jira.base_url(), "[JIRA]"));
    assert_eq!(jira.seen().len(), requests);
    assert_eq!(
        world.pipeline(&["runs", "--json"]).stdout,
        "",
        "a run was begun"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_jira_refuses_is_said_and_other_hosts_are_never_asked() {
    check_jira("https://evil.example/browse/ABC-7", None, 0, expect![[r#"
        exit 14
        --- stderr
        error: could not fetch `https://evil.example/browse/ABC-7`: Jira is configured as `[JIRA]`, and credentials go nowhere else (set JIRA_BASE_URL if the task is really there)
    "#]]).await;
    check_jira("no-key", None, 0, expect![[r#"
        exit 14
        --- stderr
        error: could not understand `no-key` as a Jira ticket (a key such as `ABC-123`, or the address of its page): a project's key is two or more capital letters, digits or `_`, a letter first
    "#]]).await;
    check_jira("ABC-8", None, 1, expect![[r#"
        exit 14
        --- stderr
        error: could not find ticket ABC-8: Jira says there is no such thing, which it also says to those who may not see it (check the reference; the account of JIRA_EMAIL needs the right to browse the project)
    "#]]).await;
    check_jira("ABC-7", Some(Fault::status(401, "Client must be authenticated")), 1, expect![[r#"
        exit 14
        --- stderr
        error: could not fetch ticket ABC-7: Jira doesn't accept the credentials (check JIRA_EMAIL and JIRA_API_TOKEN: expired, revoked or mistyped?)
    "#]]).await;
    check_jira("ABC-7", Some(Fault::status(403, "Forbidden")), 1, expect![[r#"
        exit 14
        --- stderr
        error: could not fetch ticket ABC-7: Jira forbids it: Forbidden (the account of JIRA_EMAIL needs the right to browse the project)
    "#]]).await;
    let busy = Fault::status(429, "too many").with("retry-after", "3600");
    check_jira("ABC-7", Some(busy), 1, expect![[r#"
        exit 14
        --- stderr
        error: could not fetch ticket ABC-7: Jira has had too many requests from here and asks to wait 3600 s (then start again)
    "#]]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jira_that_is_not_configured_is_said() {
    let (world, ended) = run(world(), &["--jira", "ABC-7", "--repo", "[WORLD]/repo"]).await;
    expect![[r#"
        exit 2
        --- stderr
        error: could not ask Jira: JIRA_BASE_URL is not set
          what to do: Set JIRA_BASE_URL, JIRA_EMAIL and JIRA_API_TOKEN (an API token of your account); for a Data Center leave JIRA_EMAIL out (a personal access token).
    "#]].assert_eq(&world.seen(&ended));
}
