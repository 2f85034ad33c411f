//! Commits in a user's own repository: a branch with a finished change, and exactly the paths that were named.

use std::path::PathBuf;

use expect_test::{Expect, expect};
use git::{Branch, GitError, Identity, commit_paths, commit_to_branch};
use protocol::Workspace;

use crate::world::World;

fn ada() -> Identity {
    Identity {
        name: "Ada".to_owned(),
        email: "ada@example.org".to_owned(),
    }
}

/// In a repository with `a.py`, `b.py` and `d/c.py` committed, runs `line`, commits `paths` from `folder`, and
/// shows what was committed and what git says is left.
fn check(line: &str, folder: &str, paths: &[&str], want: Expect) {
    let world = World::with(&[
        ("a.py", "a = 1\n"),
        ("b.py", "b = 1\n"),
        ("d/c.py", "c = 1\n"),
        (".gitignore", "*.log\n"),
    ]);
    for hook in [
        "pre-commit",
        "commit-msg",
        "post-commit",
        "reference-transaction",
    ] {
        let line = format!(
            "printf '#!/bin/sh\\ntouch ../out/pwned\\nexit 1\\n' > .git/hooks/{hook}; chmod +x .git/hooks/{hook}"
        );
        world.shell("repo", &line);
    }
    // The line itself goes without the hooks.
    let (said, succeeded) = world.shell(
        "repo",
        &line.replace("git ", "git -c core.hooksPath=/dev/null "),
    );
    assert!(succeeded, "{line}: {said}");
    let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
    let committed = commit_paths(&world.path(folder), &paths, "the message", &ada(), &ada());
    let git = |arguments: &[&str]| {
        let mut all = vec!["-c", "core.hooksPath=/dev/null"];
        all.extend_from_slice(arguments);
        world.git("repo", &all)
    };
    let shown = match &committed {
        Err(error) => format!("cannot {}", world.told(error)),
        Ok(it) => {
            let log = git(&["log", "-1", "--format=%an %s", "--name-status"]);
            format!(
                "{:?} {}\n{}",
                it.branch,
                it.files.join(" "),
                log.replace("\n\n", "\n")
            )
        }
    };
    let left = git(&["status", "--short"]);
    want.assert_eq(&format!("{}\n-- left:\n{left}", shown.trim_end()));
    assert!(!world.path("out/pwned").exists(), "a hook ran");
    git(&["fsck", "--strict"]);
}

#[test]
fn exactly_the_named_paths_are_committed() {
    check(
        "echo >> a.py; echo >> b.py; git add b.py; echo > new.py; echo > other.py",
        "repo",
        &["a.py", "new.py"],
        expect![[r#"
        Some("main") a.py new.py
        Ada the message
        M	a.py
        A	new.py
        -- left:
        M  b.py
        ?? other.py
    "#]],
    );
    check(
        "rm a.py; git rm -q b.py",
        "repo",
        &["a.py"],
        expect![[r#"
        Some("main") a.py
        Ada the message
        D	a.py
        -- left:
        D  b.py
    "#]],
    );
    check(
        "echo >> d/c.py; echo > d/new.py; echo > d/x.log; rm a.py",
        "repo",
        &["d"],
        expect![[r#"
        Some("main") d/c.py d/new.py
        Ada the message
        M	d/c.py
        A	d/new.py
        -- left:
         D a.py
    "#]],
    );
    check(
        "echo >> d/c.py; echo >> a.py",
        "repo/d",
        &["c.py", "../a.py"],
        expect![[r#"
        Some("main") a.py d/c.py
        Ada the message
        M	a.py
        M	d/c.py
        -- left:
    "#]],
    );
    check(
        "echo >> a.py; rm -r d",
        "repo",
        &["."],
        expect![[r#"
        Some("main") a.py d/c.py
        Ada the message
        M	a.py
        D	d/c.py
        -- left:
    "#]],
    );
    check(
        "rm -r d",
        "repo",
        &["d"],
        expect![[r#"
        Some("main") d/c.py
        Ada the message
        D	d/c.py
        -- left:
    "#]],
    );
}

#[test]
fn what_was_staged_of_a_named_path_is_replaced_by_what_lies_there() {
    check(
        "echo staged >> a.py; git add a.py; echo later >> a.py",
        "repo",
        &["a.py"],
        expect![[r#"
        Some("main") a.py
        Ada the message
        M	a.py
        -- left:
    "#]],
    );
    check(
        "git rm -q --cached a.py",
        "repo",
        &["a.py"],
        expect![[r#"
        cannot commit the given paths: nothing about them has changed since the last commit
        -- left:
        D  a.py
        ?? a.py
    "#]],
    );
}

#[test]
fn modes_links_and_odd_names_are_committed_as_they_are() {
    check(
        "chmod +x a.py; ln -s /etc/passwd link; echo > '*.py'; echo > ':x'",
        "repo",
        &["a.py", "link", "*.py", ":x"],
        expect![[r#"
        Some("main") *.py :x a.py link
        Ada the message
        A	*.py
        A	:x
        M	a.py
        A	link
        -- left:
    "#]],
    );
}

#[test]
fn a_commit_may_be_the_first_and_may_be_on_no_branch() {
    check(
        "git checkout -q --detach; echo >> a.py",
        "repo",
        &["a.py"],
        expect![[r#"
        None a.py
        Ada the message
        M	a.py
        -- left:
    "#]],
    );
    check(
        "git checkout -q --orphan fresh; git rm -q --cached -r .",
        "repo",
        &["a.py"],
        expect![[r#"
        Some("fresh") a.py
        Ada the message
        A	a.py
        -- left:
        ?? .gitignore
        ?? b.py
        ?? d/
    "#]],
    );
}

#[test]
fn what_cant_be_committed_is_told_and_nothing_happens() {
    check(
        "true",
        "repo",
        &["a.py"],
        expect![[r#"
        cannot commit the given paths: nothing about them has changed since the last commit
        -- left:
    "#]],
    );
    check(
        "true",
        "repo",
        &[],
        expect![[r#"
        cannot commit the given paths: nothing about them has changed since the last commit
        -- left:
    "#]],
    );
    check(
        "true",
        "repo",
        &["nosuch.py"],
        expect![[r#"
        cannot commit `nosuch.py`: there is no such file (is the path right?)
        -- left:
    "#]],
    );
    check(
        "echo > ../out/x",
        "repo",
        &["../out/x"],
        expect![[r#"
        cannot commit `../out/x`: it is outside the repository
        -- left:
    "#]],
    );
    check(
        "echo > ../out/x; ln -s ../out dir",
        "repo",
        &["dir/x"],
        expect![[r#"
        cannot commit `dir/x`: it lies behind a symbolic link
        -- left:
        ?? dir
    "#]],
    );
    check(
        "echo >> .git/config",
        "repo",
        &[".git/config"],
        expect![[r#"
        cannot commit `.git/config`: it belongs to git
        -- left:
    "#]],
    );
    check(
        "echo > x.log",
        "repo",
        &["x.log"],
        expect![[r#"
        cannot commit `x.log`: a .gitignore names it (add it with `git add --force` if you mean it)
        -- left:
    "#]],
    );
    check(
        "mkfifo pipe",
        "repo",
        &["pipe"],
        expect![[r#"
        cannot commit `pipe`: it is neither a file nor a folder
        -- left:
    "#]],
    );
    check(
        "echo '*.bin filter=lfs' > .gitattributes; echo > x.bin",
        "repo",
        &["x.bin"],
        expect![[r#"
        cannot commit `x.bin`: it is kept through the filter `lfs`, which isn't run here (commit it with git)
        -- left:
        ?? .gitattributes
        ?? x.bin
    "#]],
    );
    check(
        "true",
        "out",
        &["x"],
        expect![[r#"
        cannot open `/WORLD/out` as a git repository: there is none here or above
        -- left:
    "#]],
    );
    check(
        "true",
        "nosuch",
        &["x"],
        expect![[r#"
        cannot find the repository folder `/WORLD/nosuch` (is the path right?)
        -- left:
    "#]],
    );
}

#[test]
fn an_unfinished_merge_is_not_spoilt() {
    let conflict = "git checkout -q -b other; echo 2 > a.py; git commit -qam o; git checkout -q main; echo 3 > a.py; git commit -qam m; git merge -q other || true";
    check(
        conflict,
        "repo",
        &["b.py"],
        expect![[r#"
        cannot commit in `/WORLD/repo`: files are in conflict (resolve them first)
        -- left:
        UU a.py
    "#]],
    );
    check(
        &format!("{conflict}; git add a.py"),
        "repo",
        &["a.py"],
        expect![[r#"
        cannot commit in `/WORLD/repo`: merge is under way (finish or abort it first)
        -- left:
        M  a.py
    "#]],
    );
}

#[test]
fn a_commit_needs_words_and_a_name() {
    let world = World::with(&[("a.py", "a = 1\n")]);
    world.put(&[("a.py", "a = 2\n")]);
    let paths = [PathBuf::from("a.py")];
    let without = commit_paths(&world.repo(), &paths, " \n", &ada(), &ada());
    assert!(matches!(without, Err(GitError::NoMessage)));
    let nobody = Identity {
        name: String::new(),
        email: "x".to_owned(),
    };
    let unnamed = commit_paths(&world.repo(), &paths, "m", &nobody, &ada());
    assert!(
        matches!(unnamed, Err(GitError::BadIdentity { .. })),
        "{unnamed:?}"
    );
}

#[tokio::test]
async fn a_branch_is_added_and_nothing_else_is_touched() {
    let world = World::with(&[("a.py", "a = 1\n"), ("d/c.py", "c = 1\n")]);
    world.shell("repo", "echo >> d/c.py; echo > untracked; git add d/c.py");
    let checkout = world.open(None, true).await.unwrap();
    checkout.write("a.py", b"a = 2\n").await.unwrap();
    checkout.write("e/new.py", b"n\n").await.unwrap();
    let tree = checkout.snapshot().await.unwrap();
    let deliver = |name: &str, tree| {
        let branch = Branch {
            name: name.to_owned(),
            message: "Fix a\n\nBecause.\n".to_owned(),
            author: ada(),
            committer: ada(),
        };
        commit_to_branch(
            checkout.store(),
            &world.repo(),
            checkout.base(),
            tree,
            &branch,
        )
    };
    let state = || {
        let line = "cat .git/HEAD; sha256sum .git/index a.py d/c.py; git -c core.hooksPath=/dev/null status --short; git rev-parse main";
        world.shell("repo", line).0
    };
    let before = state();
    let first = deliver("pipeline/fix", &tree).unwrap();
    assert_eq!(first.branch, "pipeline/fix");
    assert_eq!(
        deliver("pipeline/fix", &tree).unwrap(),
        first,
        "the same change is found again"
    );
    checkout.write("a.py", b"a = 3\n").await.unwrap();
    let other = checkout.snapshot().await.unwrap();
    let second = deliver("pipeline/fix", &other).unwrap();
    assert_eq!(second.branch, "pipeline/fix-2");
    assert_eq!(state(), before);
    let log = world.git(
        "repo",
        &["log", "--format=%s", "--name-status", "pipeline/fix"],
    );
    expect![[r#"
        Fix a

        M	a.py
        A	e/new.py
        Uncommitted changes the task started from

        M	d/c.py
        A	untracked
        first

        A	a.py
        A	d/c.py
    "#]]
    .assert_eq(&log);
    world.git("repo", &["fsck", "--strict", "--no-dangling"]);
    let bad = deliver("--force", &tree).unwrap_err();
    expect!["use `--force` as a branch, tag or commit: it looks like an option"]
        .assert_eq(&world.told(&bad));
}

#[tokio::test]
async fn a_branch_goes_into_a_new_bare_repository_where_there_is_no_local_one() {
    let world = World::with(&[("a.py", "a = 0\n")]);
    world.put(&[("a.py", "a = 1\n")]);
    world.commit("second");
    let checkout = world.checkout().await;
    checkout.write("a.py", b"a = 2\n").await.unwrap();
    let tree = checkout.snapshot().await.unwrap();
    let branch = Branch {
        name: "fix".to_owned(),
        message: "Fix".to_owned(),
        author: ada(),
        committer: ada(),
    };
    let target = world.path("out/clone.git");
    commit_to_branch(checkout.store(), &target, checkout.base(), &tree, &branch).unwrap();
    world.git("out/clone.git", &["fsck", "--strict"]);
    let patch = world.git(
        "out/clone.git",
        &["log", "--format=%s", "-p", "-U0", "-1", "fix"],
    );
    expect![[r#"
        Fix

        diff --git a/a.py b/a.py
        index 1337a53..e7cabca 100644
        --- a/a.py
        +++ b/a.py
        @@ -1 +1 @@
        -a = 1
        +a = 2
    "#]]
    .assert_eq(&patch);
}
