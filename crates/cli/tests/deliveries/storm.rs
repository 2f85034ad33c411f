//! Many deliveries at once, twice and in any order, beside a poller, while the bot is killed again and again: one run and one request
//! for each issue.

use testkit::tracker::Rights;

use crate::Scene;

/// Starts the bot, sends deliveries as GitHub signs them, in an order that is the same each time, and kills it in between.
const STORM: &str = r#"
import hashlib, hmac, http.client, json, os, random, re, subprocess, sys, time
issues, deliveries, kills = (int(it) for it in sys.argv[1:4])
program = os.environ["PROGRAM"]
def begin():
    log = open("bot.log", "wb")
    bot = subprocess.Popen([program, "bot", "--repo", "owner/repo", "--poll", "5", "--listen", "127.0.0.1:0",
        "--parallel", "2", "--scripted", "../replies"], stderr=log)
    while True:
        found = re.search(r"127\.0\.0\.1:(\d+)/", open("bot.log").read())
        if found:
            return bot, int(found[1])
        if bot.poll() is not None:
            sys.exit("the bot ended: " + open("bot.log").read())
        time.sleep(0.05)
def send(connection, number, delivery, event):
    body = json.dumps({"action": "labeled", "repository": {"full_name": "owner/repo"}, "issue": {"number": number}}).encode()
    signature = "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    connection.request("POST", "/webhooks/github", body, {"content-type": "application/json", "x-github-event": event,
        "x-github-delivery": str(delivery), "x-hub-signature-256": signature})
    answer = connection.getresponse()
    answer.read()
    return answer.status
# Every delivery comes twice.
storm = [(100 + it % issues, it // 2, ["issues", "issue_comment"][it % 2]) for it in range(deliveries)]
random.Random(7).shuffle(storm)
bot, port = begin()
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
statuses, begun = {}, time.monotonic()
for place, (number, delivery, event) in enumerate(storm):
    if place % (deliveries // kills) == deliveries // kills - 1:
        bot.kill()
        bot.wait()
        bot, port = begin()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    status = send(connection, number, delivery, event)
    statuses[status] = statuses.get(status, 0) + 1
print("sent", statuses)
while True:
    told = subprocess.run([program, "bot", "status"], capture_output=True, text=True).stdout
    if len([it for it in told.splitlines() if it.startswith("done")]) == issues or 300 < time.monotonic() - begun:
        break
    time.sleep(0.2)
bot.terminate()
print("ended", bot.wait())
states = [it.split()[0] for it in told.splitlines() if it.split()[0] != "spent"]
print({it: states.count(it) for it in sorted(set(states))})
print(told, file=sys.stderr)
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_deliveries_and_kills_makes_one_request_an_issue() {
    // The larger form takes minutes.
    let is_large = std::env::var_os("PIPELINE_TEST_STORM").is_some();
    let (issues, kills) = if is_large { (10, 20) } else { (2, 4) };
    let numbers: Vec<u64> = (100..100 + issues).collect();
    let mut scene = Scene::with_issues("off_by_one", Rights::Write, &numbers).await;
    scene.github.permit("ada", "write");
    for number in &numbers {
        scene
            .github
            .put_label("owner/repo", *number, "ada", "pipeline");
    }
    let world = scene.world.take().expect("nothing runs");
    scene.world = Some(
        world
            .variable("GITHUB_WEBHOOK_SECRET", "s3cret")
            // As many requests at once as the larger form has issues.
            .file("here/pipeline.toml", "[pull_request]\nopen_max = 10\n")
            .file("here/storm.py", STORM),
    );
    let script = format!("export PROGRAM\npython3 storm.py {issues} 1000 {kills}");
    let ended = scene.shell(&script).await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert_eq!(
        ended.stdout,
        format!("sent {{202: 1000}}\nended 0\n{{'done': {issues}}}\n"),
        "{}",
        ended.stderr
    );
    let mut heads: Vec<String> = scene
        .github
        .requests()
        .into_iter()
        .map(|it| it.head)
        .collect();
    heads.sort();
    let wanted: Vec<String> = numbers
        .iter()
        .map(|it| format!("owner:pipeline/{it}-the-last-page-is-lost"))
        .collect();
    assert_eq!(heads, wanted, "{}", ended.stderr);
    let runs = scene.pipeline(&["runs", "--json"]).await.stdout;
    let begun = runs.lines().filter(|it| !it.contains("\"events\":0"));
    assert_eq!(begun.count() as u64, issues);
}
