//! An app at a fake GitHub: tokens that run out, and checks with more remarks than one request takes.

use std::time::Duration;

use forge::{AppKey, CheckRun, Conclusion, Forge as _, GitHub, Note, Patience, RepositoryName};
use testkit::tracker::{APP_ID, APP_KEY, FakeGitHub, Fault};

fn app(server: &FakeGitHub) -> GitHub {
    let key = AppKey::new(&APP_ID.to_string(), &APP_KEY.to_owned().into()).expect("it is one");
    let patience = Patience {
        change_pause_ms: 0,
        first_wait_ms: 1,
        ..Patience::STANDARD
    };
    GitHub::of_app(Some(&server.api_url()), &key, patience).expect("the address is fine")
}

fn name(text: &str) -> RepositoryName {
    let (owner, name) = text.split_once('/').expect("it is owner/repo");
    RepositoryName {
        owner: owner.to_owned(),
        name: name.to_owned(),
    }
}

fn check(notes: usize) -> CheckRun {
    CheckRun {
        name: "pipeline".to_owned(),
        commit: "c".repeat(40),
        mark: "run-1".to_owned(),
        conclusion: Conclusion::Success,
        title: "Completed".to_owned(),
        summary: "x".repeat(70_000),
        notes: (1..=notes)
            .map(|line| Note {
                path: "a.py".to_owned(),
                line: u32::try_from(line).expect("it is small"),
                message: "why?".to_owned(),
            })
            .collect(),
    }
}

/// A server that hosts `o/r` for an app.
async fn hosted() -> (FakeGitHub, tempfile::TempDir) {
    let server = FakeGitHub::start([], Some("t")).await;
    let folder = tempfile::tempdir().expect("it can be made");
    let files = [("a.py".to_owned(), Vec::new())].into();
    testkit::git::repository(folder.path(), &files);
    server.host("o/r", folder.path(), testkit::tracker::Rights::Write);
    server.let_app(&["o/r"]);
    (server, folder)
}

#[tokio::test]
async fn a_check_is_said_once_with_all_its_remarks() {
    let (server, _folder) = hosted().await;
    let github = app(&server);
    // What is broken off between two requests is gone on with; nothing is said twice.
    server.fail_change(Fault::status(422, "not now"));
    let none = github.say_check(&name("o/r"), &check(120)).await;
    assert!(none.is_err() && server.checks().is_empty());
    let first = github
        .say_check(&name("o/r"), &check(50))
        .await
        .expect("it is said");
    for _ in 0..2 {
        let again = github.say_check(&name("o/r"), &check(120)).await;
        assert_eq!(again.expect("it is said"), first);
    }
    let said = server.checks();
    assert_eq!((said.len(), said[0].notes.len()), (1, 120));
    assert_eq!(said[0].notes[119], "a.py:120: why?");
    let mut other = check(120);
    other.conclusion = Conclusion::Neutral;
    github
        .say_check(&name("o/r"), &other)
        .await
        .expect("it is said");
    let said = server.checks();
    assert_eq!((said.len(), said[0].notes.len()), (1, 120));
    assert_eq!(said[0].conclusion, "neutral");
}

#[tokio::test]
async fn a_token_is_made_once_and_again_before_it_runs_out() {
    let (server, _folder) = hosted().await;
    let tokens = || {
        let seen = server.seen();
        seen.iter()
            .filter(|it| it.target.ends_with("/access_tokens"))
            .count()
    };
    let github = app(&server);
    for _ in 0..3 {
        github.repository(&name("o/r")).await.expect("it is there");
    }
    assert_eq!(tokens(), 1);
    // Git takes longer than a request: its token must last.
    server.app_tokens_last(Duration::from_secs(10 * 60));
    let brief = app(&server);
    brief.repository(&name("o/r")).await.expect("it is there");
    brief.repository(&name("o/r")).await.expect("it is there");
    assert_eq!(tokens(), 2);
    let address = format!("{}/o/r.git", server.web());
    let credential = brief.git_credential(&address).await.expect("it is given");
    assert!(credential.is_some());
    assert_eq!(tokens(), 3);
    // Another host gets nothing, and neither does a repository that the app isn't installed on.
    for other in [
        "https://elsewhere.example/o/r.git",
        &format!("{}/o/other.git", server.web()),
    ] {
        let credential = brief.git_credential(other).await.expect("nothing is wrong");
        assert!(credential.is_none(), "{other}");
    }
    assert_eq!(tokens(), 3);
}
