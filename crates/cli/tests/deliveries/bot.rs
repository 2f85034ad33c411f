//! The bot: what is wished for in a tracker becomes pull requests, once each, for those who may ask.

use expect_test::expect;
use testkit::tracker::Rights;

use crate::world::Ended;
use crate::{Scene, masked};

/// Sends webhooks as GitHub signs them, and prints the status of each.
const SEND: &str = r#"
import hashlib, hmac, http.client, json, sys
def send(name, body, delivery, event="issues", secret=b"s3cret", kind="application/json", sign=True):
    headers = {"content-type": kind, "x-github-event": event, "x-github-delivery": delivery}
    if sign:
        headers["x-hub-signature-256"] = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)
    try:
        connection.request("POST", "/webhooks/github", body, headers)
        status = connection.getresponse().status
    except OSError:
        status = 413  # it was cut off in the middle of the body
    print(name, status)
def payload(number=7, repository="owner/repo", **more):
    return json.dumps({"repository": {"full_name": repository}, "issue": {"number": number, **more}}).encode()
send("forged", payload(), "1", secret=b"other")
send("unsigned", payload(), "1", sign=False)
send("ping", b"{}", "2", event="ping")
send("form", b"payload=x", "3", kind="application/x-www-form-urlencoded")
send("truncated", payload()[:-9], "4")
send("unknown event", payload(), "5", event="star")
send("another repository", payload(repository="evil/repo"), "6")
send("a pull request", payload(pull_request={"url": "x"}), "7")
send("text that is no UTF-8", b"\xff\xfe", "8")
send("too large", b" " * (26 * 1024 * 1024), "9")
for number in range(3):
    for delivery in ("10", "11", "10"):
        send("delivery " + delivery, payload(), delivery, event=["issues", "issue_comment"][number % 2])
"#;

impl Scene {
    /// Looks once and works on what is there.
    async fn bot(&mut self) -> Ended {
        let bot = ["bot", "--once", "--repo", "owner/repo"];
        let models = ["--scripted", "[WORLD]/replies"];
        self.pipeline(&[&bot[..], &models].concat()).await
    }

    /// What the inbox says.
    async fn inbox(&mut self) -> String {
        let ended = self.pipeline(&["bot", "status"]).await;
        masked(self, &ended.stdout)
    }

    async fn runs(&mut self) -> usize {
        let runs = self.pipeline(&["runs", "--json"]).await.stdout;
        runs.lines().count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_write_gets_a_request_and_nobody_else_costs_anything() {
    let mut scene = Scene::new("off_by_one", Rights::Write).await;
    scene.github.permit("ada", "write");
    scene.github.permit("rob[bot]", "write");
    scene.github.permit("reader", "read");
    for (actor, text) in [
        ("eve", "/pipeline run"),
        ("reader", "/pipeline retry"),
        ("rob[bot]", "/pipeline run"),
        ("eve", "/pipeline stop"),
        ("eve", "Please /pipeline run"),
    ] {
        scene.github.put_comment("owner/repo", 7, actor, text);
    }
    scene.github.put_label("owner/repo", 7, "eve", "pipeline");
    let ended = scene.bot().await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert_eq!(scene.runs().await, 0);
    expect![[r#"
        refused     owner/repo#7  run by eve  only those who may write to this repository can ask for a run
        refused     owner/repo#7  stop by eve  only those who may write to this repository can ask for a run
        refused     owner/repo#7  run by rob[bot]  programs aren't listened to here (`bots` of [bot] lists those that are)
        refused     owner/repo#7  retry by reader  only those who may write to this repository can ask for a run
        refused     owner/repo#7  run by eve  only those who may write to this repository can ask for a run
        spent       $0.0000 on these
    "#]].assert_eq(&scene.inbox().await);
    // Whoever shouts in vain is answered in one comment.
    let comments = scene.github.comments("owner/repo", 7);
    let ours = comments.iter().filter(|it| it.0 == "pipeline-user").count();
    assert_eq!(ours, 1, "{comments:?}");

    scene.github.put_label("owner/repo", 7, "ada", "pipeline");
    for _ in 0..2 {
        let ended = scene.bot().await;
        assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
        assert_eq!(scene.runs().await, 1);
        assert_eq!(scene.github.requests().len(), 1);
    }
    // A wish of its own: the request stays one.
    scene
        .github
        .put_comment("owner/repo", 7, "ada", "/pipeline retry");
    let ended = scene.bot().await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert_eq!(scene.runs().await, 2);
    assert_eq!(scene.github.requests().len(), 1);
    expect![[r#"
        done        owner/repo#7  retry by ada  [RUN]  [GITHUB]/owner/repo/pull/110
        done        owner/repo#7  run by ada  [RUN]  [GITHUB]/owner/repo/pull/110
        refused     owner/repo#7  run by eve  only those who may write to this repository can ask for a run
        refused     owner/repo#7  stop by eve  only those who may write to this repository can ask for a run
        refused     owner/repo#7  run by rob[bot]  programs aren't listened to here (`bots` of [bot] lists those that are)
        refused     owner/repo#7  retry by reader  only those who may write to this repository can ask for a run
        refused     owner/repo#7  run by eve  only those who may write to this repository can ask for a run
        spent       $0.0000 on these
    "#]].assert_eq(&scene.inbox().await);

    // An answer, and no run.
    scene
        .github
        .put_comment("owner/repo", 7, "ada", "/pipeline status");
    scene.bot().await;
    let comments = scene.github.comments("owner/repo", 7);
    let told = comments.iter().find(|it| it.1.contains("pipeline-bot"));
    expect![[r#"
        <!-- pipeline-bot -->
        `2 done, 5 refused`"#]]
    .assert_eq(told.map_or("", |it| it.1.as_str()));
    assert_eq!(scene.runs().await, 2);

    // Kept away.
    scene
        .github
        .put_label("owner/repo", 7, "ada", "pipeline:off");
    scene
        .github
        .put_comment("owner/repo", 7, "ada", "/pipeline run");
    let ended = scene.bot().await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert_eq!(scene.runs().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_and_polling_lead_to_one_run_also_across_kills() {
    let mut scene = Scene::new("off_by_one", Rights::Write).await;
    scene.github.permit("ada", "write");
    scene.github.put_label("owner/repo", 7, "ada", "pipeline");
    let world = scene.world.take().expect("nothing runs");
    scene.world = Some(
        world
            .variable("GITHUB_WEBHOOK_SECRET", "s3cret")
            .file("here/send.py", SEND),
    );
    let script = r#"
begin() {
  : > bot.log
  "$PROGRAM" bot --repo owner/repo --poll 5 --listen 127.0.0.1:0 --scripted ../replies 2> bot.log &
  bot=$!
  for _ in $(seq 100); do grep -q listening bot.log && break; sleep 0.1; done
  port=$(sed -n 's#.*127.0.0.1:\([0-9]*\)/.*#\1#p' bot.log)
}
begin
python3 send.py "$port" | sort | uniq -c
for pause in 0.3 1 2 3; do sleep $pause; kill -9 $bot; { wait $bot || true; } 2> /dev/null; begin; done
for _ in $(seq 300); do "$PROGRAM" bot status | grep -q "^done" && break; sleep 0.2; done
"$PROGRAM" bot status | cut -c1-40
kill -TERM $bot
wait $bot
"#;
    let ended = scene.shell(script).await;
    expect![[r#"
        exit 0
        --- stdout
              1 a pull request 202
              1 another repository 202
              6 delivery 10 202
              3 delivery 11 202
              1 forged 401
              1 form 415
              1 ping 200
              1 text that is no UTF-8 400
              1 too large 413
              1 truncated 400
              1 unknown event 202
              1 unsigned 401
        done        owner/repo#7  run by ada  20
        spent       $0.0000 on these
    "#]]
    .assert_eq(&scene.seen(&ended));
    assert_eq!(scene.github.requests().len(), 1);
    let begun = scene.pipeline(&["runs", "--json"]).await.stdout;
    let begun = begun.lines().filter(|it| !it.contains("\"events\":0"));
    assert_eq!(begun.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_can_not_begin_says_what_is_missing() {
    let mut scene = Scene::new("off_by_one", Rights::Write).await;
    for (arguments, want) in [
        (
            &["bot"][..],
            expect![[r#"
                exit 2
                --- stderr
                error: could not begin: nothing says how the bot hears of wishes (give --poll SECONDS, --listen ADDRESS:PORT, --once, or --event FILE)
            "#]],
        ),
        (
            &["bot", "--once"],
            expect![[r#"
            exit 2
            --- stderr
            error: could not begin: no repository is named (give --repo OWNER/REPO, or `repositories` of [bot])
        "#]],
        ),
        (
            &["bot", "--once", "--repo", "owner"],
            expect![[r#"
            exit 2
            --- stderr
            error: could not understand `owner` as a repository (write OWNER/REPO)
        "#]],
        ),
        (
            &["bot", "--repo", "owner/repo", "--listen", "127.0.0.1:0"],
            expect![[r#"
                exit 2
                --- stderr
                error: could not take webhooks without GITHUB_WEBHOOK_SECRET
                  what to do: Make one (`openssl rand -hex 32`), and give the same to the webhook on GitHub.
            "#]],
        ),
        (
            &["bot", "status"],
            expect![[r#"
            exit 0
            --- stdout
            nothing was asked for yet
        "#]],
        ),
    ] {
        let ended = scene.pipeline(arguments).await;
        want.assert_eq(&scene.seen(&ended));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_edited_after_it_was_asked_for_is_asked_for_again() {
    let mut scene = Scene::new("off_by_one", Rights::Write).await;
    scene.github.permit("ada", "write");
    scene.github.put_label("owner/repo", 7, "ada", "pipeline");
    scene.github.edit_issue("owner/repo", 7);
    let ended = scene.bot().await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert_eq!(scene.runs().await, 0);
    let comments = scene.github.comments("owner/repo", 7);
    expect![[r#"
        <!-- pipeline-bot -->
        `` `ada`: what it says was changed after this was asked for; ask again, so that what runs is what you have read ``"#]].assert_eq(comments.last().map_or("", |it| it.1.as_str()));
    scene
        .github
        .put_comment("owner/repo", 7, "ada", "/pipeline run");
    scene.bot().await;
    expect![[r#"
        done        owner/repo#7  run by ada  [RUN]  [GITHUB]/owner/repo/pull/106
        refused     owner/repo#7  run by ada  what it says was changed after this was asked for; ask again, so that what runs is what you have read
        spent       $0.0000 on these
    "#]].assert_eq(&scene.inbox().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_below_a_question_of_ours_starts_the_run_again() {
    let mut scene = Scene::new("off_by_one", Rights::Write).await;
    scene.github.permit("ada", "write");
    scene.github.leave_outside("eve");
    let say = |who: &str, words: &str| {
        scene.github.put_comment("owner/repo", 7, who, words);
    };
    // Somebody else's copy of the mark asks nothing.
    say("eve", "<!-- pipeline-asks-x -->\nWho are you?");
    say("ada", "Who knows.");
    say(
        "pipeline-user",
        "<!-- pipeline-asks-20260101-a -->\nA question, before this can go on: `first or last page?`",
    );
    say("eve", "Both, I say");
    say("ada", "The last one, of 21 items.");
    say("ada", "I mean it.");
    let ended = scene.bot().await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    expect![[r#"
        done        owner/repo#7  answer by ada  [RUN]  [GITHUB]/owner/repo/pull/108
        refused     owner/repo#7  answer by eve  only those who may write to this repository can ask for a run
        spent       $0.0000 on these
    "#]].assert_eq(&scene.inbox().await);
    assert_eq!(scene.runs().await, 1);
    let run = scene.pipeline(&["runs", "--json"]).await.stdout;
    let shown = scene.pipeline(&["log", "--json"]).await.stdout;
    assert!(!run.is_empty());
    let task: serde_json::Value = shown
        .lines()
        .filter_map(|it| serde_json::from_str(it).ok())
        .find(|it: &serde_json::Value| it.to_string().contains("The last one, of 21 items."))
        .unwrap_or_default();
    let comments = find(&task, "comments").cloned().unwrap_or_default();
    let told: Vec<String> = comments
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| format!("{}: {}", it["author"], it["body"]))
        .collect();
    expect![[r#"
        "eve, who doesn't belong to the repository": "Who are you?"
        "ada": "Who knows."
        "pipeline-user": "A question, before this can go on: `first or last page?`"
        "eve, who doesn't belong to the repository": "Both, I say"
        "ada": "The last one, of 21 items."
        "ada": "I mean it.""#]]
    .assert_eq(&told.join("\n"));
    // It is answered once.
    scene.bot().await;
    assert_eq!(scene.runs().await, 1);
}

/// The first value of this name anywhere in a document.
fn find<'a>(value: &'a serde_json::Value, name: &str) -> Option<&'a serde_json::Value> {
    match value {
        serde_json::Value::Object(map) => map
            .get(name)
            .or_else(|| map.values().find_map(|it| find(it, name))),
        serde_json::Value::Array(list) => list.iter().find_map(|it| find(it, name)),
        _ => None,
    }
}
