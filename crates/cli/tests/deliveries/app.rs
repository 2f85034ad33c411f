//! An app instead of a token: its installation is found, its tokens are renewed, git pushes with them, and the commit gets a check.

use std::time::Duration;

use expect_test::expect;
use testkit::tracker::{APP_ID, APP_KEY, Rights};

use crate::world::Ended;
use crate::{Scene, TOKEN, masked};

impl Scene {
    /// The same with an app that is installed on these repositories. A token stays set, as in many environments.
    fn with_app(mut self, installed: &[&str]) -> Scene {
        self.github.let_app(installed);
        let world = self.world.take().expect("nothing runs");
        let world = world
            .variable("GITHUB_APP_ID", &APP_ID.to_string())
            .variable("GITHUB_APP_PRIVATE_KEY_FILE", "[WORLD]/app.pem")
            .file("app.pem", APP_KEY);
        self.world = Some(world);
        self
    }

    async fn setup(&mut self, more: &[&str]) -> Ended {
        let setup = ["bot", "setup", "--repo", "owner/repo"];
        self.pipeline(&[&setup[..], more].concat()).await
    }
}

/// The part of what `bot setup` prints that is about what was found.
fn found(ended: &str) -> String {
    let begin = ended.find("\n✓ ").or_else(|| ended.find("\n✗ "));
    ended[begin.map_or(0, |it| it + 1)..].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_pushes_asks_and_says_a_check() {
    let scene = Scene::new("refactoring", Rights::Write).await;
    let mut scene = scene.with_app(&["owner/repo", "owner/other"]);
    // Shorter than what git may take, so that each push has one of its own, and so short that requests need several.
    scene.github.app_tokens_last(Duration::from_secs(90));
    scene.github.leave_ci_out();
    for _ in 0..2 {
        let ended = scene.run(&["--pr", "--comment"]).await;
        assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    }
    let requests = scene.github.requests();
    assert_eq!(
        (requests.len(), requests[0].author.as_str()),
        (1, "acme-pipeline[bot]")
    );
    let comments = scene.github.comments("owner/repo", 7);
    assert_eq!(comments.len(), 1, "it is found again: {comments:?}");
    expect![[r#"
        <!-- pipeline-status -->
        Completed, but only regression-safe (no test was red before the change)

        No model was asked: what is told here as a model's words comes from scripts.

        Pull request: <[GITHUB]/owner/repo/pull/101>

        No CI has started for it: no check and no status is there some seconds after the push. A repository's own workflows may wait for somebody's approval, or not start for this account.

        Tests: 5 kept. Review: passed.

        Run `[RUN]`, 1 draft, nothing spent."#]].assert_eq(&masked(&scene, &comments[0].1));

    // A check for each run, whose text is that of the request.
    let checks = scene.github.checks();
    let told: Vec<String> = checks
        .iter()
        .map(|it| {
            format!(
                "{} {} {}: {} {:?}",
                it.repository, it.name, it.conclusion, it.title, it.notes
            )
        })
        .collect();
    expect![[r#"
        owner/repo pipeline neutral: Completed, but only regression-safe (no test was red before the change). Tests: 5 kept. Review: passed. []
        owner/repo pipeline neutral: Completed, but only regression-safe (no test was red before the change). Tests: 5 kept. Review: passed. []"#]].assert_eq(&told.join("\n"));
    assert_eq!(checks[1].summary, requests[0].body);

    // The token of the environment goes nowhere, and a signature only where an app itself is asked.
    let seen = scene.github.seen();
    for asked in &seen {
        let said = asked.authorization.as_deref().unwrap_or_default();
        assert!(!said.contains(TOKEN), "{asked:?}");
        let is_signed = said.starts_with("Bearer ey");
        let is_apps =
            asked.target.ends_with("/installation") || asked.target.contains("/api/v3/app");
        assert_eq!(is_signed, is_apps, "{asked:?}");
    }
    let tokens = seen
        .iter()
        .filter(|it| it.target.ends_with("/access_tokens"));
    assert!(4 < tokens.count(), "they are renewed");
    let pushes = seen
        .iter()
        .filter(|it| it.target.ends_with("/git-receive-pack") && it.method == "POST");
    assert_eq!(pushes.count(), 1, "the second change is the first one");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_can_not_speak_says_why() {
    let mut scene = Scene::new("off_by_one", Rights::Write)
        .await
        .with_app(&["owner/other"]);
    let ended = scene.run(&["--pr"]).await;
    expect![[r#"
        exit 2
        --- stderr
        error: could not speak as the app in owner/repo: it isn't installed there (install it on the repository: the app's page on GitHub, Install App)
    "#]].assert_eq(&scene.seen(&ended));

    scene.github.let_app(&["owner/repo"]);
    scene.github.permit_app("contents", "read");
    let ended = scene.run(&["--pr"]).await;
    expect![[r#"
        exit 17
        --- stderr
        error: could not prepare a pull request with the change of [RUN] in owner/repo
          because: push to owner/repo: the app's installation lacks `contents: write` (give it to the app on its page on GitHub, and accept it where it is installed)
          what to do: The change is kept: `pipeline diff [RUN]` prints it, and `pipeline resume [RUN]` delivers it again.
    "#]].assert_eq(&scene.seen(&ended));

    for (variable, value, want) in [
        (
            "GITHUB_APP_ID",
            "x",
            expect![[r#"
            exit 2
            --- stderr
            error: could not use GITHUB_APP_ID: it isn't a number (the app's page on GitHub says it as App ID)
        "#]],
        ),
        (
            "GITHUB_APP_ID",
            "40",
            expect![[r#"
                exit 2
                --- stderr
                error: could not speak as the app: GitHub doesn't accept its signature (check GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY, and this machine's clock)
            "#]],
        ),
        (
            "GITHUB_APP_ID",
            "",
            expect![[r#"
            exit 2
            --- stderr
            error: could not use the key of an app without GITHUB_APP_ID
              what to do: The app's page on GitHub says its number as App ID.
        "#]],
        ),
        (
            "GITHUB_APP_PRIVATE_KEY",
            "secret words",
            expect![[r#"
            exit 2
            --- stderr
            error: could not use GITHUB_APP_PRIVATE_KEY: it isn't an RSA key in PEM (generate one on the app's page on GitHub, and give the whole file)
        "#]],
        ),
        (
            "GITHUB_APP_PRIVATE_KEY_FILE",
            "nowhere.pem",
            expect![[r#"
            exit 2
            --- stderr
            error: could not read GITHUB_APP_PRIVATE_KEY_FILE, [WORLD]/here/nowhere.pem
              because: No such file or directory (os error 2)
        "#]],
        ),
    ] {
        let mut scene = Scene::new("off_by_one", Rights::Write)
            .await
            .with_app(&["owner/repo"]);
        let world = scene.world.take().expect("nothing runs");
        scene.world = Some(world.variable(variable, value));
        let ended = scene.run(&["--pr"]).await;
        want.assert_eq(&scene.seen(&ended));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_says_what_to_do_and_whether_it_was_done() {
    let mut scene = Scene::new("off_by_one", Rights::Write).await;
    // With the token alone.
    let ended = scene.setup(&[]).await;
    expect![[r#"
        exit 0
        --- stdout
        1. Make a GitHub App of your own: Settings, Developer settings, GitHub Apps, New GitHub App. It needs:

           {
             "name": "pipeline",
             "url": "https://github.com/apps/pipeline",
             "public": false,
             "default_permissions": {
               "contents": "write",
               "issues": "write",
               "pull_requests": "write",
               "checks": "write",
               "actions": "read",
               "metadata": "read"
             },
             "default_events": [
               "issues",
               "issue_comment"
             ]
           }

           The same text is a manifest, for those who post it to https://github.com/settings/apps/new.
           No permission for workflows: what changes CI is for people.
        2. Generate a private key on the app's page, and install the app on your repositories, no others.
        3. Make a secret, and give the same to the app's webhook (without webhooks, leave this out and poll):
           openssl rand -hex 32
        4. Set, where the bot runs:
           GITHUB_APP_ID                the App ID of the app's page
           GITHUB_APP_PRIVATE_KEY_FILE  the file with the private key
           GITHUB_WEBHOOK_SECRET        the secret of step 3
           GITHUB_API_URL               only for an Enterprise server: https://HOST/api/v3
           and the models' keys; `pipeline doctor --network` says whether they are taken.
        5. In pipeline.toml: `repositories` and `day_budget` of [bot], and `budget`.

        ✓ credential     a token; pipeline-user speaks
        ✓ owner/repo     can be read
        ✓ permissions    may be pushed to
        – webhook        none: the bot has to poll
        – budget         no `day_budget` of [bot]: a day may cost any amount
        ✓ ready          the bot can begin: `pipeline bot --poll 60`
    "#]].assert_eq(&scene.seen(&ended));

    let mut scene = scene.with_app(&["owner/repo"]);
    let url = ["--url", "https://bot.example/"];
    let ended = scene.setup(&url).await;
    assert_eq!(ended.code, 2);
    expect![[r#"
        ✓ credential     an app; acme-pipeline[bot] speaks
        ✓ owner/repo     can be read
        ✓ permissions    are enough
        ✗ webhook        GitHub signs what it sends, and GITHUB_WEBHOOK_SECRET isn't set here
          what to do: Set it to the secret of the app's webhook.
        – budget         no `day_budget` of [bot]: a day may cost any amount
        ✗ not ready      webhook stands in the way (exit 2)
    "#]]
    .assert_eq(&found(&masked(&scene, &ended.stdout)));

    scene.github.permit_app("issues", "read");
    scene.github.permit_app("checks", "");
    let world = scene.world.take().expect("nothing runs");
    scene.world = Some(world.variable("GITHUB_WEBHOOK_SECRET", "s3cret"));
    let ended = scene.setup(&["--url", "https://elsewhere.example"]).await;
    assert_eq!(ended.code, 2);
    expect![[r#"
        ✓ credential     an app; acme-pipeline[bot] speaks
        ✓ owner/repo     can be read
        ✗ permissions    the installation lacks issues: write, checks: write
          what to do: Give it on the app's page, Permissions & events, and accept it where the app is installed.
        ✗ webhook        goes to https://bot.example/webhooks/github
          what to do: Set the webhook's address to the one of step 1.
        – budget         no `day_budget` of [bot]: a day may cost any amount
        ✗ not ready      permissions, webhook stand in the way (exit 2)
    "#]].assert_eq(&found(&masked(&scene, &ended.stdout)));

    scene.github.permit_app("issues", "write");
    scene.github.permit_app("checks", "write");
    let ended = scene.setup(&url).await;
    assert_eq!(ended.code, 0, "{}", ended.stdout);
    expect![[r#"
        ✓ credential     an app; acme-pipeline[bot] speaks
        ✓ owner/repo     can be read
        ✓ permissions    are enough
        ✓ webhook        goes to https://bot.example/webhooks/github, signed
        – budget         no `day_budget` of [bot]: a day may cost any amount
        ✓ ready          the bot can begin: `pipeline bot --poll 60`
    "#]]
    .assert_eq(&found(&masked(&scene, &ended.stdout)));

    scene.github.permit_app("workflows", "write");
    let ended = scene.setup(&["--repo", "owner/nowhere", "--json"]).await;
    assert_eq!(ended.code, 2);
    expect![[r#"
        {"form":1,"version":"0.1.0","verdict":"not_ready","exit_code":2,"rows":[{"id":"credential","title":"credential","state":"ok","about":"an app; acme-pipeline[bot] speaks"},{"id":"repository.owner/repo","title":"owner/repo","state":"ok","about":"can be read"},{"id":"permissions.owner/repo","title":"permissions","state":"note","about":"the installation may change workflows, which the bot never needs","todo":"Take `workflows` from the app."},{"id":"repository.owner/nowhere","title":"owner/nowhere","state":"fails","about":"could not speak as the app in owner/nowhere: it isn't installed there (install it on the repository: the app's page on GitHub, Install App)","exit_code":2},{"id":"webhook","title":"webhook","state":"ok","about":"goes to https://bot.example/webhooks/github, signed"},{"id":"budget","title":"budget","state":"note","about":"no `day_budget` of [bot]: a day may cost any amount"}]}
    "#]].assert_eq(&masked(&scene, &ended.stdout));
}
