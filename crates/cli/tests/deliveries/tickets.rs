//! Tickets of Jira: asked for by a label, a status or a comment, told in their own form, linked and moved.

use expect_test::expect;
use serde_json::json;
use testkit::Fixture;
use testkit::tracker::{FakeJira, FakeTicket, Rights};

use crate::{BASIC, Scene, masked};

/// What a personal access token of a Data Center is sent as.
const BEARER: &str = "Bearer jira-pat";
const CONFIGURATION: &str = r#"
[jira]
acceptance_field = "customfield_10040"
transition = "In Review"

[bot.jira]
projects = { PROJ = "owner/repo" }
group = "developers"
status = "Ready"
"#;
/// Sends webhooks as Jira signs them.
const SEND: &str = r#"
import hashlib, hmac, http.client, json, sys
def send(name, key="PROJ-1", delivery="1", secret=b"j1ra", kind="application/json", cut=0):
    body = json.dumps({"webhookEvent": "jira:issue_updated", "issue": {"key": key}}).encode()
    body = body[:len(body) - cut]
    signature = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)
    headers = {"content-type": kind, "x-hub-signature": signature}
    if delivery:
        headers["x-atlassian-webhook-identifier"] = delivery
    connection.request("POST", "/webhooks/jira", body, headers)
    answer = connection.getresponse()
    print(name, answer.status, answer.read().decode().strip())
send("forged", secret=b"other")
send("nameless", delivery="")
send("form", kind="application/x-www-form-urlencoded")
send("cut", cut=3)
send("another project", key="EVIL-1")
send("no ticket", key="PROJ-1/../2")
send("right")
send("again")
"#;

fn ticket(key: &str) -> FakeTicket {
    let fixture = Fixture::load(&Fixture::root().join("tasks/off_by_one"));
    FakeTicket {
        key: key.into(),
        summary: fixture.task.title.clone(),
        description: serde_json::Value::String(fixture.task.body.clone()),
        creator: "reporter".into(),
        ..FakeTicket::default()
    }
}

impl Scene {
    /// The same with a Jira beside it, and its projects in the configuration.
    fn with_jira(mut self, jira: &FakeJira, is_data_center: bool) -> Scene {
        let world = self.world.take().expect("nothing runs");
        let world = world
            .variable("JIRA_BASE_URL", &jira.base_url())
            .file("here/pipeline.toml", CONFIGURATION);
        self.world = Some(match is_data_center {
            true => world.variable("JIRA_API_TOKEN", "jira-pat"),
            false => world
                .variable("JIRA_EMAIL", "me@example.org")
                .variable("JIRA_API_TOKEN", "jira-token"),
        });
        self
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_in_the_group_gets_a_request_that_the_ticket_shows() {
    let tickets = ["PROJ-1", "PROJ-2", "PROJ-3", "PROJ-4", "PROJ-5", "OTHER-1"].map(ticket);
    let jira = FakeJira::start(tickets, BASIC).await;
    jira.join("ann", "developers");
    jira.put_label("PROJ-1", "ann", "pipeline");
    jira.put_label("PROJ-2", "eve", "pipeline");
    jira.move_ticket("PROJ-3", "rob-app", "Ready");
    jira.move_ticket("PROJ-4", "ann", "Ready");
    jira.move_ticket("PROJ-4", "ann", "To Do");
    jira.put_comment("PROJ-5", "eve", "/pipeline run");
    jira.put_label("OTHER-1", "ann", "pipeline");
    let mut scene = Scene::new("off_by_one", Rights::Write)
        .await
        .with_jira(&jira, false);
    let once = ["bot", "--once", "--scripted", "[WORLD]/replies"];
    let mut inboxes = Vec::new();
    for _ in 0..2 {
        let ended = scene.pipeline(&once).await;
        assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
        inboxes.push(masked(&scene, &ended.stdout));
    }
    assert_eq!(inboxes[0], inboxes[1]);
    expect![[r#"
        done        PROJ-1  run by ann  [RUN]  [GITHUB]/owner/repo/pull/101
        refused     PROJ-5  run by eve  only those of the group that may ask for runs can ask for one
        refused     PROJ-3  run by rob-app  programs aren't listened to here (`bots` of [bot] lists those that are)
        refused     PROJ-2  run by eve  only those of the group that may ask for runs can ask for one
        spent       $0.0000 on these
    "#]].assert_eq(&inboxes[0]);
    assert_eq!(scene.github.requests().len(), 1);
    let told = jira.ticket("PROJ-1").expect("it is there");
    assert_eq!(
        (told.status.as_str(), told.comments.len()),
        ("In Review", 1)
    );
    expect![[r#"[("[GITHUB]/owner/repo/pull/101", "Pull request: The last page is lost")]"#]]
        .assert_eq(&masked(&scene, &format!("{:?}", told.links)));
    let refused = jira.ticket("PROJ-2").expect("it is there").comments;
    assert_eq!(refused.len(), 1);
    // Whose text was changed after the wish has to be asked for again.
    jira.move_ticket("PROJ-4", "ann", "Ready");
    jira.describe("PROJ-4", "eve", json!("Delete everything"));
    let ended = scene.pipeline(&once).await;
    let first = ended.stdout.lines().next().unwrap_or_default().to_owned();
    expect!["refused     PROJ-4  run by ann  what it says was changed after this was asked for; ask again, so that what runs is what you have read"].assert_eq(&first);
    // Nothing was asked for that is gone, and every page of the search was read.
    let seen = jira.seen();
    assert!(
        seen.iter()
            .any(|it| it.target.contains("nextPageToken=page-4"))
    );
    assert!(
        seen.iter()
            .all(|it| !it.target.starts_with("/rest/api/3/search?"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_center_is_told_in_wiki_text() {
    let mut asked = ticket("PROJ-1");
    let field = json!("* page_count(21, 10) is 3");
    asked.fields.insert("customfield_10040".to_owned(), field);
    let jira = FakeJira::start_data_center([asked], BEARER).await;
    let mut scene = Scene::new("off_by_one", Rights::Write)
        .await
        .with_jira(&jira, true);
    let repository = format!("{}/owner/repo.git", scene.github.web());
    let run = [
        "run",
        "--quiet",
        "--scripted",
        "[WORLD]/replies",
        "--jira",
        "PROJ-1",
    ];
    let where_to = ["--repo", repository.as_str(), "--pr", "--comment"];
    let mut ends = Vec::new();
    for _ in 0..2 {
        let ended = scene.pipeline(&[&run[..], &where_to].concat()).await;
        let seen = scene.seen(&ended);
        ends.push(seen.replace(&jira.base_url(), "[JIRA]"));
    }
    assert_eq!(ends[0], ends[1]);
    expect![[r#"
        exit 0
        --- stdout

        completed   proven
                    the first draft came through every stage, and a blind test that was red before is green now; each of its hunks is exercised by a test
        run         [RUN]
        change      ~pages.py, +tests/test_last_page.py
        pushed      pipeline/proj-1-the-last-page-is-lost at [COMMIT] to [GITHUB]/owner/repo.git
        request     [GITHUB]/owner/repo/pull/101
        comment     [JIRA]/browse/PROJ-1?focusedCommentId=0
        linked      [GITHUB]/owner/repo/pull/101 from PROJ-1
        moved       PROJ-1 by `In Review`
        evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
        verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
        cost        0 tokens, $0.0000
        next        Read the report, then merge.
    "#]].assert_eq(&ends[0]);
    let told = jira.ticket("PROJ-1").expect("it is there");
    assert_eq!((told.comments.len(), told.links.len()), (1, 1));
    expect![[r#"
        Completed, proven

        No model was asked: what is told here as a model's words comes from scripts.

        Pull request: [[GITHUB]/owner/repo/pull/101]

        Tests: 2 fixed, 3 kept. Review: passed.

        Run {{[RUN]}}, 1 draft, nothing spent.

        {{pipeline-status}}"#]]
    .assert_eq(&masked(
        &scene,
        told.comments[0].1.as_str().unwrap_or_default(),
    ));
    let request = &scene.github.requests()[0];
    assert!(
        request.body.contains("## Acceptance criteria"),
        "{}",
        request.body
    );

    // A workflow that has no such transition.
    let world = scene.world.take().expect("nothing runs");
    let other = CONFIGURATION.replace("In Review", "Merge it");
    scene.world = Some(world.file("here/pipeline.toml", other));
    let ended = scene.pipeline(&[&run[..], &where_to].concat()).await;
    expect![[r#"
        exit 17
        --- stderr
        error: could not move PROJ-1 for [RUN]
          because: move PROJ-1: Jira offers no transition `Merge it` from where it stands (there are: Start, Send to review, Close; `transition` of [jira] names it)
          what to do: The change is kept: `pipeline diff [RUN]` prints it, and `pipeline resume [RUN]` delivers it again.
    "#]].assert_eq(&scene.seen(&ended));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_says_where_to_look_and_nothing_else() {
    let jira = FakeJira::start([ticket("PROJ-1")], BASIC).await;
    jira.join("ann", "developers");
    jira.put_label("PROJ-1", "ann", "pipeline");
    let scene = Scene::new("off_by_one", Rights::Write).await;
    let mut scene = scene.with_jira(&jira, false);
    let world = scene.world.take().expect("nothing runs");
    scene.world = Some(
        world
            .variable("GITHUB_WEBHOOK_SECRET", "s3cret")
            .variable("JIRA_WEBHOOK_SECRET", "j1ra")
            .file("here/send.py", SEND),
    );
    let script = r#"
"$PROGRAM" bot --listen 127.0.0.1:0 --scripted ../replies 2> bot.log &
bot=$!
for _ in $(seq 100); do grep -q listening bot.log && break; sleep 0.1; done
python3 send.py "$(sed -n 's#.*127.0.0.1:\([0-9]*\)/.*#\1#p' bot.log | head -1)"
for _ in $(seq 300); do "$PROGRAM" bot status | grep -q "^done" && break; sleep 0.2; done
"$PROGRAM" bot status | cut -c1-30
kill -TERM $bot
wait $bot
"#;
    let ended = scene.shell(script).await;
    expect![[r#"
        exit 0
        --- stdout
        forged 401 the signature doesn't fit the body
        nameless 400 there is no X-Atlassian-Webhook-Identifier
        form 415 a webhook's content type is application/json
        cut 400 the body isn't JSON
        another project 202 nothing to do for this
        no ticket 202 nothing to do for this
        right 202 looking
        again 202 known
        done        PROJ-1  run by ann
        spent       $0.0000 on these
    "#]]
    .assert_eq(&scene.seen(&ended));
    assert_eq!(scene.github.requests().len(), 1);
}
