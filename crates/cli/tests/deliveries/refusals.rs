//! Hosts that refuse, and places that can't be had: what to do is said, and the change is kept.

use expect_test::{Expect, expect};
use testkit::tracker::{Fault, Rights};

use crate::Scene;
use crate::world::Ended;

/// Delivers a finished run into a host that refuses.
#[track_caller]
fn check(scene: &Scene, ended: &Ended, want: Expect) {
    want.assert_eq(&scene.seen(ended));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_says_what_to_do_and_the_change_is_kept() {
    let mut scene = Scene::new("off_by_one", Rights::Write).await;
    let ended = scene.run(&[]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let bare = scene.github.bare("owner/repo");
    let runs = scene.pipeline(&["runs", "--json"]).await.stdout;
    let run = runs.split('"').nth(3).expect("a run").to_owned();
    let resume = ["resume", run.as_str(), "--quiet", "--pr"];

    // A rule of the repository.
    let hook = bare.join("hooks/pre-receive");
    std::fs::create_dir_all(bare.join("hooks")).expect("it can be made");
    std::fs::write(
        &hook,
        "#!/bin/sh\necho 'GH006: Protected branch update failed'\nexit 1\n",
    )
    .expect("it can be written");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&hook, executable).expect("it can be made executable");
    let ended = scene.pipeline(&resume).await;
    check(
        &scene,
        &ended,
        expect![[r#"
            exit 17
            --- stderr
            error: could not push the change of [RUN] to [GITHUB]/owner/repo.git
              because: push `pipeline/7-the-last-page-is-lost` to `[GITHUB]/owner/repo.git`: a rule of the repository forbids it (allow branches named `pipeline/…`, or ask who may): To [GITHUB]/owner/repo.git; !	[COMMIT]:refs/heads/pipeline/7-the-last-page-is-lost	[remote rejected] (pre-receive hook declined); Done; remote: GH006: Protected branch update failed; error: failed to push some refs to '[GITHUB]/owner/repo.git'
              what to do: The change is kept: `pipeline diff [RUN]` prints it, and `pipeline resume [RUN]` delivers it again.
        "#]],
    );
    std::fs::remove_file(&hook).expect("it is there");

    // The push comes through; the request is refused, then not answered though it was made.
    for (fault, want) in [
        (
            Fault::status(403, "Resource not accessible by personal access token"),
            expect![[r#"
                exit 17
                --- stderr
                error: could not open a pull request with the change of [RUN] in owner/repo
                  because: open a pull request in owner/repo: GitHub forbids it: Resource not accessible by personal access token (GITHUB_TOKEN needs the scope `repo`, or for a fine-grained token `Contents`, `Issues` and `Pull requests: write`)
                  what to do: The change is kept: `pipeline diff [RUN]` prints it, and `pipeline resume [RUN]` delivers it again.
            "#]],
        ),
        (
            Fault::status(422, "Validation Failed"),
            expect![[r#"
            exit 17
            --- stderr
            error: could not open a pull request with the change of [RUN] in owner/repo
              because: open a pull request in owner/repo: GitHub refuses it with status 422: Validation Failed
              what to do: The change is kept: `pipeline diff [RUN]` prints it, and `pipeline resume [RUN]` delivers it again.
        "#]],
        ),
    ] {
        scene.github.fail_change(fault);
        let ended = scene.pipeline(&resume).await;
        check(&scene, &ended, want);
    }
    assert!(scene.github.requests().is_empty());
    scene.github.lose_next_answer();
    let ended = scene.pipeline(&resume).await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert_eq!(scene.github.requests().len(), 1);

    // Nobody else's request is rewritten, and there are enough of them at some time.
    scene
        .github
        .edit_requests(|all| all[0].body = "By hand.".to_owned());
    let ended = scene.run(&["--pr"]).await;
    check(
        &scene,
        &ended,
        expect![[r#"
        exit 17
        --- stderr
        error: could not open a pull request with the change of [RUN] in owner/repo
          because: give [GITHUB]/owner/repo/pull/101 its text: somebody else opened it (close it, and deliver again)
          what to do: The change is kept: `pipeline diff [RUN]` prints it, and `pipeline resume [RUN]` delivers it again.
    "#]],
    );
    scene.github.edit_requests(|all| {
        let mut ours = all[0].clone();
        ours.body = "<!-- pipeline-run: x -->".to_owned();
        all[0].open = false;
        for number in 0..5 {
            ours.head = format!("owner:other-{number}");
            ours.open = true;
            all.push(ours.clone());
        }
    });
    let ended = scene.run(&["--pr"]).await;
    check(
        &scene,
        &ended,
        expect![[r#"
        exit 17
        --- stderr
        error: could not open a pull request with the change of [RUN] in owner/repo
          because: open a pull request in owner/repo: 5 of ours are open (merge or close some, or raise `open_max` of [pull_request], then deliver again)
          what to do: The change is kept: `pipeline diff [RUN]` prints it, and `pipeline resume [RUN]` delivers it again.
    "#]],
    );
    scene.github.archive("owner/repo");
    let ended = scene.run(&["--pr"]).await;
    check(
        &scene,
        &ended,
        expect![[r#"
            exit 17
            --- stderr
            error: could not prepare a pull request with the change of [RUN] in owner/repo
              because: open a pull request in owner/repo: it is archived and takes no changes any more (ask its owners to unarchive it)
              what to do: The change is kept: `pipeline diff [RUN]` prints it, and `pipeline resume [RUN]` delivers it again.
        "#]],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_delivered_is_said_before_anything_is_paid() {
    let mut scene = Scene::new("off_by_one", Rights::Write).await;
    for (arguments, want) in [
        (
            &["--pr", "--new"][..],
            expect![[r#"
            exit 2
            --- stderr
            error: could not push the change: the run starts from nothing, so there is no repository to push to
              what to do: Nothing was begun: choose another place, and run the task again.
        "#]],
        ),
        (
            &["--pr", "--repo", "[WORLD]/repo"],
            expect![[r#"
            exit 2
            --- stderr
            error: could not push the change: [WORLD]/repo has no remote `origin` (git remote add origin URL)
              what to do: Nothing was begun: choose another place, and run the task again.
        "#]],
        ),
        (
            &["--push", "--repo", "[WORLD]/repo"],
            expect![[r#"
            exit 2
            --- stderr
            error: could not push the change: [WORLD]/repo has no remote `origin` (git remote add origin URL)
              what to do: Nothing was begun: choose another place, and run the task again.
        "#]],
        ),
    ] {
        let ended = scene.run(arguments).await;
        check(&scene, &ended, want);
    }
    let words = [
        "run",
        "Count the last page",
        "--quiet",
        "--scripted",
        "[WORLD]/replies",
        "--repo",
        "[WORLD]/repo",
        "--comment",
    ];
    let ended = scene.pipeline(&words).await;
    check(
        &scene,
        &ended,
        expect![[r#"
        exit 2
        --- stderr
        error: could not comment where the task came from: it is from no issue and no ticket, or its tracker isn't configured (leave --comment out, or set GITHUB_TOKEN or the JIRA variables)
          what to do: Nothing was begun: choose another place, and run the task again.
    "#]],
    );
    let runs = scene.pipeline(&["runs", "--json"]).await.stdout;
    assert_eq!(runs, "", "a run was begun");
    assert!(scene.changes().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_killed_between_push_and_request_finishes_the_job_later() {
    let mut scene = Scene::new("off_by_one", Rights::Write).await;
    let ended = scene.run(&[]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let runs = scene.pipeline(&["runs", "--json"]).await.stdout;
    let run = runs.split('"').nth(3).expect("a run").to_owned();
    // The branch is pushed, and the request waits for an answer that never comes.
    scene.github.fail_change(Fault::Silence);
    let script = format!("timeout -s KILL 8 \"$PROGRAM\" resume {run} --quiet --pr");
    let killed = scene.shell(&script).await;
    assert_ne!(killed.code, 0, "{}", killed.stderr);
    assert!(scene.github.requests().is_empty());
    for _ in 0..2 {
        let ended = scene.pipeline(&["resume", &run, "--quiet", "--pr"]).await;
        assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    }
    assert_eq!(scene.github.requests().len(), 1);
    assert_eq!(scene.commits("owner/repo", crate::BRANCH).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_repository_goes_to_its_origin_unless_that_lacks_the_base() {
    let mut scene = Scene::new("off_by_one", Rights::Write).await;
    let address = format!("{}/owner/repo.git", scene.github.web());
    scene
        .world()
        .git("repo", &["remote", "add", "origin", &address]);
    let local = ["--repo", "[WORLD]/repo", "--pr"];
    let ended = scene.run(&local).await;
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert_eq!(scene.github.requests().len(), 1);
    assert_eq!(scene.commits("owner/repo", crate::BRANCH).len(), 1);
    let checked_out = scene
        .world()
        .git("repo", &["status", "--porcelain", "--branch"]);
    assert_eq!(
        checked_out, "## main",
        "the user's own files and branches stay as they are"
    );

    std::fs::write(scene.world().path("repo/NEWS.md"), "mine\n").expect("it can be written");
    scene.world().git("repo", &["add", "."]);
    scene
        .world()
        .git("repo", &["commit", "--quiet", "-m", "Mine"]);
    let ended = scene.run(&local).await;
    check(
        &scene,
        &ended,
        expect![[r#"
            exit 17
            --- stderr
            error: could not push the change of [RUN] to [GITHUB]/owner/repo.git
              because: push `pipeline/7-the-last-page-is-lost` to `[GITHUB]/owner/repo.git`: the repository lacks the commit that the run started from (push that first): To [GITHUB]/owner/repo.git; !	[COMMIT]:refs/heads/pipeline/7-the-last-page-is-lost	[remote rejected] (shallow update not allowed); Done; error: failed to push some refs to '[GITHUB]/owner/repo.git'
              what to do: The change is kept: `pipeline diff [RUN]` prints it, and `pipeline resume [RUN]` delivers it again.
        "#]],
    );
    assert_eq!(scene.commits("owner/repo", crate::BRANCH).len(), 1);
}
