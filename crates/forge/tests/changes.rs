//! What is written to GitHub: once, in order, with a pause between two changes, and never again unless it was refused unread.

#![expect(clippy::unwrap_used, reason = "a broken test world may panic")]

use std::time::{Duration, Instant};

use expect_test::{Expect, expect};
use forge::{
    Forge as _, GitHub, NewPullRequest, Patience, Piece, RepositoryName, Tracker as _, Words,
};
use secrecy::SecretString;
use tempfile::TempDir;
use testkit::git::repository;
use testkit::tracker::{FakeGitHub, FakeIssue, Fault, Rights};

/// Waits little and gives up soon.
const HASTE: Patience = Patience {
    request_seconds_max: 5,
    tries_max: 3,
    first_wait_ms: 1,
    wait_seconds_max: 1,
    reply_bytes_max: 100_000,
    limit_wait_seconds_max: 2,
    change_pause_ms: 50,
};

struct Scene {
    server: FakeGitHub,
    github: GitHub,
    _folder: TempDir,
}

impl Scene {
    async fn new() -> Scene {
        let issue = FakeIssue {
            repository: "o/r".to_owned(),
            number: 1,
            title: "Fix it".to_owned(),
            ..FakeIssue::default()
        };
        let server = FakeGitHub::start([issue], Some("s3cret")).await;
        let folder = TempDir::new().unwrap();
        repository(folder.path(), &[("a.py".to_owned(), Vec::new())].into());
        testkit::git::git(folder.path(), &["branch", "same"]);
        server.host("o/r", folder.path(), Rights::Write);
        let token = Some(SecretString::from("s3cret"));
        let github = GitHub::new(Some(&server.api_url()), token, HASTE).unwrap();
        Scene {
            server,
            github,
            _folder: folder,
        }
    }

    /// How often something was asked to be changed.
    fn changes(&self) -> usize {
        let seen = self.server.seen();
        seen.iter().filter(|it| it.method != "GET").count()
    }
}

fn name() -> RepositoryName {
    RepositoryName {
        owner: "o".to_owned(),
        name: "r".to_owned(),
    }
}

fn words(text: &str) -> Words {
    Words(vec![vec![Piece::Text(text.to_owned())]])
}

/// Lets the server answer with these faults, and comments; what came of it, and how often it was sent.
async fn check(faults: impl IntoIterator<Item = Fault>, sent: usize, want: Expect) {
    let scene = Scene::new().await;
    faults
        .into_iter()
        .for_each(|it| scene.server.fail_change(it));
    let came = scene.github.comment("o/r#1", "mark", &words("Done.")).await;
    let came = match came {
        Ok(address) => address,
        Err(error) => format!("error: {error}"),
    };
    want.assert_eq(&came.replace(&scene.server.web(), "WEB"));
    assert_eq!(scene.changes(), sent);
}

#[tokio::test]
async fn only_what_was_refused_unread_is_sent_again() {
    let limited = || Fault::status(429, "slow down").with("retry-after", "0");
    check(
        [limited(), limited()],
        3,
        expect!["WEB/o/r/issues/1#issuecomment-101"],
    )
    .await;
    check([limited(), limited(), limited()], 3, expect!["error: comment on o/r#1: GitHub has had too many requests from here and asks to wait 0 s (then deliver again)"]).await;
    let later =
        Fault::status(403, "You have exceeded a secondary rate limit.").with("retry-after", "3000");
    check([later], 1, expect!["error: comment on o/r#1: GitHub has had too many requests from here and asks to wait 3000 s (then deliver again)"]).await;
    let unnamed = Fault::status(
        403,
        "You have exceeded a secondary rate limit. Please wait.",
    );
    check([unnamed], 1, expect!["error: comment on o/r#1: GitHub has had too many requests from here and asks to wait a while (then deliver again)"]).await;
    check([Fault::status(502, "Server Error")], 1, expect!["error: comment on o/r#1: no answer came from GitHub at `WEB/api/v3` (deliver again: what is there already is found)"]).await;
    check(
        [Fault::status(403, "Resource not accessible by integration")],
        1,
        expect!["error: comment on o/r#1: GitHub forbids it: Resource not accessible by integration (GITHUB_TOKEN needs the scope `repo`, or for a fine-grained token `Contents`, `Issues` and `Pull requests: write`)"],
    )
    .await;
    check(
        [Fault::status(410, "Issues are disabled for this repo")],
        1,
        expect!["error: comment on o/r#1: GitHub refuses it with status 410: Issues are disabled for this repo"],
    )
    .await;
    check(
        [Fault::status(
            403,
            "Unable to create comment because issue is locked.",
        )],
        1,
        expect!["error: comment on o/r#1: GitHub forbids it: Unable to create comment because issue is locked. (GITHUB_TOKEN needs the scope `repo`, or for a fine-grained token `Contents`, `Issues` and `Pull requests: write`)"],
    )
    .await;
    check(
        [Fault::Answer(200, Vec::new(), "<html>".to_owned())],
        1,
        expect!["error: comment on o/r#1: no answer came from GitHub at `WEB/api/v3` (deliver again: what is there already is found)"],
    )
    .await;
}

#[tokio::test]
async fn two_changes_are_never_at_once_and_have_a_pause_between_them() {
    let scene = Scene::new().await;
    let begin = Instant::now();
    let (first, second) = (words("One."), words("Two."));
    let (first, second) = tokio::join!(
        scene.github.comment("o/r#1", "first", &first),
        scene.github.comment("o/r#1", "second", &second)
    );
    assert_ne!(first.unwrap(), second.unwrap());
    assert!(Duration::from_millis(HASTE.change_pause_ms) <= begin.elapsed());
    assert_eq!(scene.server.comments("o/r", 1).len(), 2);
}

#[tokio::test]
async fn a_comment_is_written_once_and_rewritten_only_when_it_differs() {
    let scene = Scene::new().await;
    let mut places = Vec::new();
    for text in ["Drafting.", "Drafting.", "Done."] {
        let place = scene.github.comment("o/r#1", "status", &words(text)).await;
        places.push(place.unwrap());
    }
    places.dedup();
    assert_eq!(places.len(), 1);
    assert_eq!(scene.changes(), 2, "one is written, one rewritten");
    let all = scene.server.comments("o/r", 1);
    assert_eq!(
        all,
        [(
            "pipeline-user".to_owned(),
            "<!-- status -->\nDone.".to_owned()
        )]
    );
}

#[tokio::test]
async fn what_was_said_about_earlier_runs_is_no_part_of_the_task() {
    let scene = Scene::new().await;
    let failed = words("Failed.");
    let said = scene.github.comment("o/r#1", "pipeline-status", &failed);
    said.await.unwrap();
    scene.server.put_comment("o/r", 1, "ada", "It limps.");
    let issue = scene.github.parse("o/r#1").unwrap();
    let task = scene.github.task(&issue).await.unwrap().task;
    let told: Vec<&str> = task.comments.iter().map(|it| it.body.as_str()).collect();
    assert_eq!(told, ["It limps."]);
}

#[tokio::test]
async fn a_request_is_refused_in_the_hosts_own_words() {
    let scene = Scene::new().await;
    let new = |head: &str, base: &str| NewPullRequest {
        title: "Fix it".to_owned(),
        body: String::new(),
        head: head.to_owned(),
        base: base.to_owned(),
        draft: false,
    };
    for (new, want) in [
        (
            new("o:same", "main"),
            expect![
                "open a pull request in o/r: GitHub refuses it with status 422: Validation Failed; No commits between main and same"
            ],
        ),
        (
            new("o:gone", "main"),
            expect![
                "open a pull request in o/r: GitHub refuses it with status 422: Validation Failed; head: invalid"
            ],
        ),
        (
            new("o:same", "gone"),
            expect![
                "open a pull request in o/r: GitHub refuses it with status 422: Validation Failed; base: invalid"
            ],
        ),
    ] {
        let refused = scene.github.open_pull_request(&name(), &new).await;
        want.assert_eq(&refused.unwrap_err().to_string());
    }
    let long = NewPullRequest {
        body: "x".repeat(70_000),
        ..new("o:same", "main")
    };
    let refused = scene.github.open_pull_request(&name(), &long).await;
    expect!["open a pull request in o/r: GitHub refuses it with status 422: Validation Failed; body is too long (maximum is 65536 characters)"].assert_eq(&refused.unwrap_err().to_string());
}

#[tokio::test]
async fn a_repository_is_known_by_each_of_its_addresses_and_by_no_other_hosts() {
    let github = GitHub::new(Some("https://ghe.example/api/v3"), None, HASTE).unwrap();
    let named = |address: &str| github.repository_at(address).map(|it| it.to_string());
    for address in [
        "https://ghe.example/o/r.git",
        "https://ghe.example/o/r",
        "https://ghe.example/o/r/",
        "git@ghe.example:o/r.git",
        "ssh://git@ghe.example/o/r.git",
        "ssh://git@ghe.example:22/o/r",
    ] {
        assert_eq!(named(address).as_deref(), Some("o/r"), "{address}");
    }
    for address in [
        "https://ghe.example.evil.test/o/r.git",
        "https://elsewhere.test/o/r.git",
        "http://ghe.example/o/r.git",
        "https://ghe.example/o",
        "https://ghe.example/o/r/tree/main",
        "git@elsewhere.test:o/r.git",
        "file:///o/r.git",
        "/o/r.git",
    ] {
        assert_eq!(named(address), None, "{address}");
    }
}
