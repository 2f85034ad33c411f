//! Repositories that want to run something: opened, worked on and delivered to, and nothing of theirs runs.

use std::path::Path;

use git::{Address, Branch, GitError, Identity, commit_paths, commit_to_branch};
use protocol::{Command, Silent, Workspace};
use serde::Deserialize;
use workspace::checkout::{Checkout, Origin};

use crate::world::{World, put};

/// Turns hexadecimal digits into bytes, in a line of shell.
const UNHEX: &str =
    "python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))'";

/// One row of `fixtures/cases/git_repo.jsonl` or `effects.jsonl`.
#[derive(Deserialize)]
struct Row {
    id: String,
    group: String,
    setup: Vec<String>,
    effect: Effect,
}

#[derive(Deserialize)]
struct Effect {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    path: String,
}

fn nobody() -> Identity {
    Identity {
        name: "Ada".to_owned(),
        email: "ada@example.org".to_owned(),
    }
}

/// A world like the one the cases were measured in: `repo` is `{WS}`, `out` is `{OUT}`, two commits.
fn world() -> World {
    let world = World::with(&[("app.py", "print(1)\n"), ("README.md", "x\n")]);
    world.put(&[
        ("app.py", "print(2)\n"),
        ("src/b.py", "y\n"),
        ("tests/test_a.py", "\n"),
    ]);
    world.commit("second");
    world
}

fn fill(world: &World, text: &str) -> String {
    text.replace("{WS}", &world.repo().display().to_string())
        .replace("{OUT}", &world.path("out").display().to_string())
        .replace("../out", &world.path("out").display().to_string())
        .replace(
            "{SECRET}",
            &world.path("out/secret.txt").display().to_string(),
        )
}

/// Everything this crate does with a repository, by folder and by address, with whatever error.
async fn everything(world: &World) -> Vec<Result<(), String>> {
    let address = Address::parse(&format!("file://{}", world.repo().display())).unwrap();
    let origins = [
        ("folder", Origin::Folder(world.repo()), false),
        ("dirty", Origin::Folder(world.repo()), true),
        ("address", Origin::Address(address), false),
    ];
    let mut ends = Vec::new();
    for (run, origin, dirty) in origins {
        ends.push(one_run(world, run, &origin, dirty).await);
    }
    // A file outside the row's own setup, so that there is something to commit.
    put(&world.repo(), "mine.py", b"z\n");
    let paths = [Path::new("mine.py").to_owned()];
    let committed = commit_paths(&world.repo(), &paths, "mine", &nobody(), &nobody());
    ends.push(committed.map(drop).map_err(|it| world.told(&it)));
    ends
}

async fn one_run(world: &World, run: &str, origin: &Origin, dirty: bool) -> Result<(), String> {
    let opened = Checkout::open(world.opening(run), origin, None, dirty, &Silent).await;
    let checkout = opened.map_err(|it| world.told(&it))?;
    let told = |it: protocol::WorkspaceError| world.told(&it);
    checkout
        .write("app.py", b"print(3)\n")
        .await
        .map_err(told)?;
    let command = Command::new(["true"], 60);
    checkout.run(&command).await.map_err(told)?;
    let tree = checkout.snapshot().await.map_err(told)?;
    let change = checkout.change().await.map_err(told)?;
    checkout
        .applied_to_base(&change.patch)
        .await
        .map_err(|it| world.told(&it))?;
    let fork = checkout.fork(&checkout.base().tree).await.map_err(told)?;
    fork.restore(&tree).await.map_err(told)?;
    if matches!(origin, Origin::Folder(_)) {
        let branch = Branch {
            name: format!("pipeline/{run}"),
            message: "change".to_owned(),
            author: nobody(),
            committer: nobody(),
        };
        commit_to_branch(
            checkout.store(),
            &world.repo(),
            checkout.base(),
            &tree,
            &branch,
        )
        .map_err(|it| world.told(&it))?;
    }
    Ok(())
}

async fn check(rows: &str) -> Vec<String> {
    let mut shown = Vec::new();
    for line in rows.lines() {
        let row: Row = serde_json::from_str(line).unwrap();
        let about_git = row.group == "git-repo" || row.group == "git";
        if !about_git || row.effect.kind != "file" {
            continue;
        }
        let world = world();
        for line in &row.setup {
            let (said, succeeded) = world.shell("repo", &fill(&world, line));
            assert!(succeeded, "{}: {line}: {said}", row.id);
        }
        let effect = fill(&world, &row.effect.path);
        // Some setups trip over their own trap.
        let _ = std::fs::remove_file(&effect);
        let ends = everything(&world).await;
        assert!(!Path::new(&effect).exists(), "{}: it ran", row.id);
        let worked = ends.iter().filter(|it| it.is_ok()).count();
        shown.push(format!("{} {worked}/{}", row.id, ends.len()));
    }
    shown
}

#[tokio::test]
async fn no_hostile_repository_of_the_cases_gets_anything_run() {
    let shown = check(include_str!("../../../../fixtures/cases/git_repo.jsonl")).await;
    expect_test::expect![[r#"
        hook-pre-commit 4/4
        hook-reference-transaction 4/4
        hook-post-index-change 4/4
        hook-pre-push 4/4
        hook-pre-merge-commit 4/4
        hookspath-intree 3/4
        filter-smudge 2/4
        filter-status 2/4
        textconv-log 3/4
        core-worktree-checkout 1/4
        embedded-bare 3/4"#]]
    .assert_eq(&shown.join("\n"));
}

#[tokio::test]
async fn no_repository_prepared_for_a_hostile_command_gets_anything_run() {
    let shown = check(include_str!("../../../../fixtures/cases/effects.jsonl")).await;
    expect_test::expect![[r#"
        e020 4/4
        e032 3/4
        e036 3/4
        e040 3/4
        e041 4/4
        e049 3/4
        e051 3/4"#]]
    .assert_eq(&shown.join("\n"));
}

/// Traps beyond the cases: `setup` in the repository, and then everything, must not make `out/pwned`.
async fn trap(setup: &str) -> Vec<Result<(), String>> {
    let world = world();
    let (said, succeeded) = world.shell("repo", &fill(&world, setup));
    assert!(succeeded, "{setup}: {said}");
    let _ = std::fs::remove_file(world.path("out/pwned"));
    let ends = everything(&world).await;
    assert!(!world.path("out/pwned").exists(), "{setup}");
    ends
}

#[tokio::test]
async fn programs_named_in_a_repositorys_configuration_are_not_run() {
    for key in [
        "core.sshCommand",
        "core.gitProxy",
        "core.askPass",
        "core.alternateRefsCommand",
        "diff.external",
        "gpg.program",
        "uploadpack.packObjectsHook",
        "filter.x.process",
        "merge.x.driver",
        "credential.helper",
        "core.fsmonitor",
    ] {
        trap(&format!(
            "git config {key} 'touch {{OUT}}/pwned;:'; printf '*.py filter=x merge=x diff=x\\n' > .git/info/attributes; git config commit.gpgSign true; git config extensions.worktreeConfig true; git config url.ext::touch.insteadOf file://"
        ))
        .await;
    }
    trap("printf '[core]\\n\\tfsmonitor = touch {OUT}/pwned\\n' > {OUT}/more; git config include.path {OUT}/more").await;
    trap("for h in pre-commit post-commit post-checkout reference-transaction post-index-change pre-receive update post-receive pre-auto-gc; do printf '#!/bin/sh\\ntouch {OUT}/pwned\\n' > .git/hooks/$h; chmod +x .git/hooks/$h; done").await;
    trap("git config remote.origin.url 'ext::touch {OUT}/pwned'; git config remote.origin.promisor true; git config remote.origin.partialclonefilter blob:none; git config extensions.partialClone origin; rm -f .git/objects/*/[0-4]*; true").await;
}

#[tokio::test]
async fn a_tree_whose_names_lead_away_is_refused() {
    let world = world();
    for name in [".git", ".GIT", "..", "git~1"] {
        let line = format!(
            "blob=$(echo x | git hash-object -w --stdin); tree=$(printf \"100644 %s\\0\" '{name}' > t; printf $blob | {UNHEX} >> t; git hash-object -t tree -w --literally t); rm t; git update-ref refs/heads/evil $(git commit-tree $tree -m evil </dev/null)"
        );
        let (said, succeeded) = world.shell("repo", &line);
        assert!(succeeded, "{name}: {said}");
        let evil = world.open(Some("evil"), false).await;
        assert!(
            matches!(evil, Err(GitError::UnsafeEntry { .. })),
            "{name}: {evil:?}"
        );
    }
}

#[tokio::test]
async fn a_tree_with_a_link_and_a_folder_of_one_name_writes_nothing_outside() {
    let world = world();
    let line = &"link=$(printf %s ../../../out | git hash-object -w --stdin); blob=$(echo x | git hash-object -w --stdin); sub=$(printf '100644 blob %s\\tpwned\\n' $blob | git mktree); { printf '120000 a\\0'; printf $link | UNHEX; printf '40000 a\\0'; printf $sub | UNHEX; } > t; tree=$(git hash-object -t tree -w --literally t); rm t; git update-ref refs/heads/evil $(git commit-tree $tree -m evil </dev/null)".replace("UNHEX", UNHEX);
    let (said, succeeded) = world.shell("repo", line);
    assert!(succeeded, "{said}");
    if let Ok(checkout) = world.open(Some("evil"), false).await {
        let _ = checkout
            .search(&protocol::SearchQuery {
                pattern: "x".to_owned(),
                path: String::new(),
                glob: None,
                items_max: 10,
            })
            .await;
    }
    assert!(!world.path("out/pwned").exists());
}
