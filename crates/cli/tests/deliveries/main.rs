//! A change on its way to others: pushed over git's own HTTP backend, asked to be merged, told below its issue; against a small
//! real server that refuses what GitHub refuses.

mod action;
mod app;
mod bot;
mod feedback;
mod refusals;
mod storm;
mod tickets;
#[path = "../bad_input/world.rs"]
#[expect(dead_code, reason = "the other tests of the program use more of it")]
mod world;

use std::path::Path;

use expect_test::{expect, expect_file};
use testkit::Fixture;
use testkit::git::git;
use testkit::tracker::{FakeGitHub, FakeIssue, FakeJira, FakeTicket, Rights};

use world::{Ended, World};

const TOKEN: &str = "ghp_0123456789";
/// `me@example.org:jira-token`, as Basic authentication writes it.
const BASIC: &str = "Basic bWVAZXhhbXBsZS5vcmc6amlyYS10b2tlbg==";
/// The branch of every run on the issue.
const BRANCH: &str = "pipeline/7-the-last-page-is-lost";

/// A host with the fixture's repository and an issue that asks for its task, and a world with its scripts.
struct Scene {
    github: FakeGitHub,
    world: Option<World>,
}

impl Scene {
    async fn new(fixture: &str, rights: Rights) -> Scene {
        Scene::with_issues(fixture, rights, &[7]).await
    }

    /// The same with several issues that ask for the same.
    async fn with_issues(fixture: &str, rights: Rights, numbers: &[u64]) -> Scene {
        let fixture = Fixture::load(&Fixture::root().join("tasks").join(fixture));
        let issues = numbers.iter().map(|number| FakeIssue {
            number: *number,
            ..issue(&fixture)
        });
        let github = FakeGitHub::start(issues, Some(TOKEN)).await;
        let files: Vec<(&str, &str)> = fixture
            .before
            .iter()
            .map(|(path, bytes)| {
                (
                    path.as_str(),
                    std::str::from_utf8(bytes).expect("it is text"),
                )
            })
            .collect();
        let world = World::with_repository(&files)
            .variable("GITHUB_API_URL", &github.api_url())
            .variable("GITHUB_TOKEN", TOKEN);
        github.host("owner/repo", &world.path("repo"), rights);
        let replies = fixture.folder.join("replies").display().to_string();
        std::os::unix::fs::symlink(replies, world.path("replies")).expect("a link can be made");
        Scene {
            github,
            world: Some(world),
        }
    }

    fn world(&self) -> &World {
        self.world.as_ref().expect("nothing runs now")
    }

    async fn pipeline(&mut self, arguments: &[&str]) -> Ended {
        let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        self.apart(move |world| {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            world.pipeline(&arguments)
        })
        .await
    }

    /// Runs a shell script in which `$PROGRAM` is the program.
    async fn shell(&mut self, script: &str) -> Ended {
        let script = script.to_owned();
        self.apart(move |world| world.shell("here", &script)).await
    }

    /// The program blocks, and the servers must go on answering.
    async fn apart(&mut self, run: impl FnOnce(&World) -> Ended + Send + 'static) -> Ended {
        let world = self.world.take().expect("one at a time");
        let (world, ended) = tokio::task::spawn_blocking(move || {
            let ended = run(&world);
            (world, ended)
        })
        .await
        .expect("the program is waited for");
        self.world = Some(world);
        ended
    }

    /// Walks the issue.
    async fn run(&mut self, more: &[&str]) -> Ended {
        let run = ["run", "--quiet", "--scripted", "[WORLD]/replies"];
        let issue = ["--github", "owner/repo#7"];
        self.pipeline(&[&run[..], &issue, more].concat()).await
    }

    /// What the program says, with the server's address masked as well.
    fn seen(&self, ended: &Ended) -> String {
        let seen = self.world().seen(ended);
        seen.replace(&self.github.web(), "[GITHUB]")
    }

    /// Commits of a branch, the newest first: who made it, its parents in number, its subject.
    fn commits(&self, repository: &str, branch: &str) -> Vec<String> {
        let bare = self.github.bare(repository);
        let form = "--format=%cn|%p|%s";
        let log = git(&bare, &["log", form, &format!("main..{branch}")]);
        log.lines()
            .map(|line| {
                let parts: Vec<&str> = line.split('|').collect();
                let parents = parts[1].split(' ').count();
                format!("{}, {parents} behind it: {}", parts[0], parts[2])
            })
            .collect()
    }

    /// Requests that change something, without reads and without what git asks.
    fn changes(&self) -> Vec<String> {
        let seen = self.github.seen().into_iter();
        let changing = seen.filter(|it| it.method != "GET" && it.target.starts_with("/api/"));
        changing
            .map(|it| format!("{} {}", it.method, it.target.replace("/api/v3", "")))
            .collect()
    }
}

fn issue(fixture: &Fixture) -> FakeIssue {
    FakeIssue {
        repository: "owner/repo".into(),
        number: 7,
        title: fixture.task.title.clone(),
        body: Some(fixture.task.body.clone()),
        ..FakeIssue::default()
    }
}

/// A text of the fake without what differs from one run to the next.
fn masked(scene: &Scene, text: &str) -> String {
    let text = scene.world().masked(text);
    text.replace(&scene.github.web(), "[GITHUB]")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_becomes_a_pull_request_and_the_next_run_appends_to_it() {
    let mut scene = Scene::new("off_by_one", Rights::Write).await;
    let ended = scene.run(&["--pr", "--comment"]).await;
    expect![[r#"
        exit 0
        --- stdout

        completed   proven
                    the first draft came through every stage, and a blind test that was red before is green now; each of its hunks is exercised by a test
        run         [RUN]
        change      ~pages.py, +tests/test_last_page.py
        pushed      pipeline/7-the-last-page-is-lost at [COMMIT] to [GITHUB]/owner/repo.git
        request     [GITHUB]/owner/repo/pull/101
        comment     [GITHUB]/owner/repo/issues/7#issuecomment-102
        evidence    [WORLD]/home/.local/state/pipeline/evidence/[RUN]/report.html
        verify      pipeline verify [WORLD]/home/.local/state/pipeline/evidence/[RUN]
        cost        0 tokens, $0.0000
        next        Read the report, then merge.
    "#]].assert_eq(&scene.seen(&ended));
    let requests = scene.github.requests();
    assert_eq!(requests.len(), 1);
    assert!(!requests[0].draft, "a proven change is ready");
    assert_eq!(
        (requests[0].base.as_str(), requests[0].title.as_str()),
        ("main", "The last page is lost")
    );
    expect_file!["request.md"].assert_eq(&masked(&scene, &requests[0].body));
    expect!["pipeline, 1 behind it: The last page is lost"]
        .assert_eq(&scene.commits("owner/repo", BRANCH).join("\n"));
    let comments = scene.github.comments("owner/repo", 7);
    expect![[r#"
        [
            (
                "pipeline-user",
                "<!-- pipeline-status -->\nCompleted, proven\n\nNo model was asked: what is told here as a model's words comes from scripts.\n\nPull request: <[GITHUB]/owner/repo/pull/101>\n\nTests: 2 fixed, 3 kept. Review: passed.\n\nRun `[RUN]`, 1 draft, nothing spent.",
            ),
        ]"#]].assert_eq(&masked(&scene, &format!("{comments:#?}")));
    let bare = scene.github.bare("owner/repo");
    let message = git(&bare, &["log", "-1", "--format=%B", BRANCH]);
    expect![[r#"
        The last page is lost

        This is the first draft. Tests: 2 fixed, 3 kept.
        Review: passed.

        Task: [GITHUB]/owner/repo/issues/7
        Fixes: owner/repo#7
        Pipeline-Run: [RUN]
        Pipeline-Tier: proven
        Pipeline-Base: [COMMIT]
        Pipeline-Tree: [COMMIT]"#]]
    .assert_eq(&masked(&scene, &message));

    // Delivered twice is delivered once.
    let changes = scene.changes();
    let run = git_run(&message);
    let again = scene.pipeline(&["resume", &run, "--quiet", "--pr"]).await;
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(scene.changes(), changes);
    let log = scene.pipeline(&["log", &run]).await.stdout;
    let told = log.lines().filter(|it| it.contains("deliver"));
    let deliveries: Vec<&str> = told.map(str::trim_start).collect();
    expect![[r#"
          43  [MOMENT]  delivering: branch pipeline/7-the-last-page-is-lost of [GITHUB]/owner/repo.git
          44  [MOMENT]  delivered: branch pipeline/7-the-last-page-is-lost of [GITHUB]/owner/repo.git: [COMMIT]
          45  [MOMENT]  delivering: pull request of owner:pipeline/7-the-last-page-is-lost in owner/repo
          46  [MOMENT]  delivered: pull request of owner:pipeline/7-the-last-page-is-lost in owner/repo: [GITHUB]/owner/repo/pull/101
          47  [MOMENT]  delivering: comment on owner/repo#7
          48  [MOMENT]  delivered: comment on owner/repo#7: [GITHUB]/owner/repo/issues/7#issuecomment-102"#]].assert_eq(&masked(&scene, &deliveries.join("\n")));

    // A second run on the issue, after the main branch has moved on: the same request, and its commit on top of the first.
    let clone = scene.world().path("clone");
    let (from, to) = (bare.display().to_string(), clone.display().to_string());
    git(Path::new("/"), &["clone", "--quiet", &from, &to]);
    somebody_adds(&clone, "main", "NEWS.md");
    let first = git(&bare, &["rev-parse", BRANCH]);
    let ended = scene.run(&["--pr", "--comment"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert_eq!(scene.github.requests().len(), 1);
    assert_eq!(scene.github.comments("owner/repo", 7).len(), 1);
    expect![[r#"
        pipeline, 2 behind it: The last page is lost
        pipeline, 1 behind it: The last page is lost"#]]
    .assert_eq(&scene.commits("owner/repo", BRANCH).join("\n"));
    assert_eq!(git(&bare, &["rev-parse", &format!("{BRANCH}^1")]), first);
    let changed = git(&bare, &["diff", "--name-only", &format!("main...{BRANCH}")]);
    assert_eq!(changed, "pages.py\ntests/test_last_page.py");

    // Somebody works on the branch: nothing of theirs is overwritten.
    git(&clone, &["fetch", "--quiet", "origin", BRANCH]);
    git(&clone, &["checkout", "--quiet", "-b", BRANCH, "FETCH_HEAD"]);
    somebody_adds(&clone, BRANCH, "NOTES.md");
    let theirs = git(&bare, &["rev-parse", BRANCH]);
    let ended = scene.run(&["--pr"]).await;
    expect![[r#"
        exit 17
        --- stderr
        error: could not push the change of [RUN] to [GITHUB]/owner/repo.git
          because: push to `pipeline/7-the-last-page-is-lost`: its last commit, [COMMIT], is by Ada <ada@example.org> and not as this program made it, and nobody's work is overwritten (merge or close what is there and delete the branch, or take that commit back, then deliver again)
          what to do: The change is kept: `pipeline diff [RUN]` prints it, and `pipeline resume [RUN]` delivers it again.
    "#]].assert_eq(&scene.seen(&ended));
    assert_eq!(git(&bare, &["rev-parse", BRANCH]), theirs);
}

/// Commits a file to what is checked out in a clone, and pushes it.
fn somebody_adds(clone: &Path, branch: &str, name: &str) {
    std::fs::write(clone.join(name), "mine\n").expect("it can be written");
    git(clone, &["add", "."]);
    git(clone, &["commit", "--quiet", "-m", "Mine"]);
    git(clone, &["push", "--quiet", "origin", branch]);
}

/// The run that a commit's message names.
fn git_run(message: &str) -> String {
    let mut lines = message.lines();
    let run = lines.find_map(|it| it.strip_prefix("Pipeline-Run: "));
    run.expect("the message names its run").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_push_asks_from_a_fork() {
    let mut scene = Scene::new("refactoring", Rights::Read).await;
    let ended = scene.run(&["--pr"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let requests = scene.github.requests();
    let request = &requests[0];
    assert!(request.draft, "what isn't proven is a draft");
    assert!(
        request.head.starts_with("pipeline-user:pipeline/7-"),
        "{}",
        request.head
    );
    let first = request.body.lines().nth(1).unwrap_or_default();
    expect!["**Completed, but only regression-safe (no test was red before the change).** Look at what no test shows before you merge it."].assert_eq(first);
    let fork = scene.github.bare("pipeline-user/repo");
    assert!(fork.exists());

    // The fork is there now, and doesn't know what was added since.
    let clone = scene.world().path("clone");
    let from = scene.github.bare("owner/repo").display().to_string();
    git(
        Path::new("/"),
        &["clone", "--quiet", &from, &clone.display().to_string()],
    );
    somebody_adds(&clone, "main", "NEWS.md");
    let ended = scene.run(&["--pr"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert_eq!(scene.github.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_told_in_one_comment() {
    let fixture = Fixture::load(&Fixture::root().join("tasks/off_by_one"));
    let ticket = FakeTicket {
        key: "ABC-7".into(),
        summary: fixture.task.title.clone(),
        description: serde_json::Value::String(fixture.task.body.clone()),
        ..FakeTicket::default()
    };
    let jira = FakeJira::start([ticket], BASIC).await;
    let mut scene = Scene::new("off_by_one", Rights::Write).await;
    let world = scene.world.take().expect("nothing runs");
    let world = world
        .variable("JIRA_BASE_URL", &jira.base_url())
        .variable("JIRA_EMAIL", "me@example.org")
        .variable("JIRA_API_TOKEN", "jira-token");
    scene.world = Some(world);
    let repository = format!("{}/owner/repo.git", scene.github.web());
    for _ in 0..2 {
        let run = [
            "run",
            "--quiet",
            "--scripted",
            "[WORLD]/replies",
            "--jira",
            "ABC-7",
        ];
        let where_to = ["--repo", repository.as_str(), "--pr", "--comment"];
        let ended = scene.pipeline(&[&run[..], &where_to].concat()).await;
        assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    }
    let told = jira.ticket("ABC-7").expect("it is there").comments;
    assert_eq!(told.len(), 1);
    let told = serde_json::to_string_pretty(&told[0].1).expect("it is JSON");
    expect_file!["comment.json"].assert_eq(&masked(&scene, &told));
    assert_eq!(scene.github.requests().len(), 1);
}
