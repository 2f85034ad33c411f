//! Keeping a tree, putting it back, forking it.

use std::os::unix::fs::PermissionsExt;

use expect_test::{Expect, expect};
use protocol::{Command, TreeId, Workspace};
use workspace::checkout::Checkout;

use crate::world::World;

async fn run(checkout: &Checkout, line: &str) {
    let ended = checkout
        .run(&Command::new(["bash", "-c", line], 60))
        .await
        .unwrap();
    assert!(ended.succeeded(), "{line}: {}", ended.tail());
}

/// What git itself says is in a kept tree.
fn kept(world: &World, tree: &TreeId) -> String {
    let store = world.path("runs/one/kept.git").display().to_string();
    let argument = format!("--git-dir={store}");
    let text = world.git("repo", &[&argument, "ls-tree", "-r", &tree.0]);
    let lines = text.lines().map(|line| {
        let (facts, path) = line.split_once('\t').unwrap();
        let mode = &facts[..6];
        let show = [argument.as_str(), "cat-file", "-p", &facts[12..]];
        format!("{mode} {path} {:?}", world.git("repo", &show))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Runs `line` in a checkout of a small repository and shows what is kept of it.
async fn check(line: &str, want: Expect) {
    let world = World::with(&[
        ("a.py", "x = 1\n"),
        ("d/b.py", "y = 2\n"),
        (".gitignore", "*.log\nbuild/\n"),
    ]);
    world.shell(
        "repo",
        "echo old > tracked.log; git add -f tracked.log; git commit -q -m log",
    );
    let checkout = world.checkout().await;
    run(&checkout, line).await;
    let tree = checkout.snapshot().await.unwrap();
    want.assert_eq(&kept(&world, &tree));
    // Looked at again with nothing changed, it is the same tree, and so it is in a fork and after a full look.
    assert_eq!(checkout.snapshot().await.unwrap(), tree);
    run(&checkout, "true").await;
    assert_eq!(checkout.snapshot().await.unwrap(), tree);
    let fork = checkout.fork(&tree).await.unwrap();
    fork.run(&Command::new(["true"], 60)).await.unwrap();
    assert_eq!(fork.snapshot().await.unwrap(), tree);
    // And it can be put back from anywhere.
    run(
        &checkout,
        "rm -rf -- * && mkdir a.py && echo > a.py/b && ln -s / d && echo > stray.log",
    )
    .await;
    checkout.restore(&tree).await.unwrap();
    assert_eq!(checkout.snapshot().await.unwrap(), tree);
    run(&checkout, "true").await;
    assert_eq!(checkout.snapshot().await.unwrap(), tree);
    assert!(
        checkout.read("stray.log").await.is_err(),
        "an ignored file survived"
    );
}

#[tokio::test]
async fn a_tree_is_kept_as_it_is() {
    check(
        "true",
        expect![[r#"
        100644 .gitignore "*.log\nbuild/\n"
        100644 a.py "x = 1\n"
        100644 d/b.py "y = 2\n"
        100644 tracked.log "old\n""#]],
    )
    .await;
}

#[tokio::test]
async fn what_a_program_changes_is_kept_but_for_what_is_ignored() {
    check(
        "echo 'x = 2' > a.py; rm d/b.py; echo new > n.py; mkdir -p build __pycache__ .venv .pytest_cache; echo > build/x; echo > __pycache__/a.pyc; echo > .venv/x; echo > y.log; echo more >> tracked.log; mkdir -p e/f; mkfifo pipe",
        expect![[r#"
            100644 .gitignore "*.log\nbuild/\n"
            100644 a.py "x = 2\n"
            100644 n.py "new\n"
            100644 tracked.log "old\nmore\n""#]],
    )
    .await;
}

#[tokio::test]
async fn modes_and_links_are_kept_and_never_followed() {
    check(
        "chmod +x a.py; ln -s /etc/passwd link; ln -s ../out dir; ln -sf d/b.py a2.py",
        expect![[r#"
        100644 .gitignore "*.log\nbuild/\n"
        100755 a.py "x = 1\n"
        120000 a2.py "d/b.py"
        100644 d/b.py "y = 2\n"
        120000 dir "../out"
        120000 link "/etc/passwd"
        100644 tracked.log "old\n""#]],
    )
    .await;
}

#[tokio::test]
async fn a_file_becomes_a_folder_and_a_folder_a_file() {
    check(
        "rm a.py; mkdir a.py; echo 1 > a.py/in; rm -r d; echo 2 > d",
        expect![[r#"
        100644 .gitignore "*.log\nbuild/\n"
        100644 a.py/in "1\n"
        100644 d "2\n"
        100644 tracked.log "old\n""#]],
    )
    .await;
}

#[tokio::test]
async fn odd_names_are_only_names() {
    check(r#"echo 1 > "ünï \$(x) 'q'.py"; echo 2 > $'new\nline'; echo 3 > '*.py'; echo 4 > -- ; echo 5 > ./-rf"#, expect![[r#"
        100644 *.py "3\n"
        100644 -- "4\n"
        100644 -rf "5\n"
        100644 .gitignore "*.log\nbuild/\n"
        100644 a.py "x = 1\n"
        100644 d/b.py "y = 2\n"
        100644 "new\nline" "2\n"
        100644 tracked.log "old\n"
        100644 "\303\274n\303\257 $(x) 'q'.py" "1\n""#]]).await;
}

#[tokio::test]
async fn a_change_within_one_tick_of_the_clock_is_seen() {
    let world = World::with(&[("a.py", "x = 1\n")]);
    let checkout = world.checkout().await;
    let mut seen = std::collections::BTreeSet::new();
    const ROUNDS: usize = 20;
    for round in 0..ROUNDS {
        // Same size, and the time of the last change is set back.
        let line = format!(
            "printf 'x = {}\\n' > a.py; touch -d 2020-01-01 a.py",
            10 + round
        );
        run(&checkout, &line).await;
        seen.insert(checkout.snapshot().await.unwrap());
    }
    assert_eq!(seen.len(), ROUNDS);
}

#[tokio::test]
async fn what_a_tool_writes_is_kept_even_where_it_is_ignored() {
    let world = World::with(&[("a.py", "x = 1\n"), (".gitignore", "*.log\n")]);
    let checkout = world.checkout().await;
    checkout.write("asked.log", b"1\n").await.unwrap();
    checkout.delete("a.py").await.unwrap();
    let tree = checkout.snapshot().await.unwrap();
    expect![[r#"
        100644 .gitignore "*.log\n"
        100644 asked.log "1\n""#]]
    .assert_eq(&kept(&world, &tree));
    run(&checkout, "true").await;
    assert_eq!(checkout.snapshot().await.unwrap(), tree);
}

#[tokio::test]
async fn a_written_file_keeps_its_executable_bit_and_is_no_other_file() {
    let world = World::with(&[("run.sh", "#!/bin/sh\n")]);
    world.shell("repo", "chmod +x run.sh; git commit -qam x");
    let checkout = world.checkout().await;
    run(&checkout, "ln run.sh twin.sh").await;
    checkout
        .write("run.sh", b"#!/bin/sh\ntrue\n")
        .await
        .unwrap();
    let mode = std::fs::metadata(checkout.path().join("run.sh")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o755);
    assert_eq!(checkout.read("twin.sh").await.unwrap(), b"#!/bin/sh\n");
}

#[tokio::test]
async fn a_fork_is_private_and_gone_when_dropped() {
    let world = World::with(&[("a.py", "x = 1\n")]);
    let checkout = world.checkout().await;
    let base = checkout.base().tree.clone();
    checkout.write("a.py", b"x = 2\n").await.unwrap();
    let fork = checkout.fork(&base).await.unwrap();
    fork.write("a.py", b"x = 3\n").await.unwrap();
    assert_eq!(checkout.read("a.py").await.unwrap(), b"x = 2\n");
    let trees = world.path("runs/one/trees");
    assert_eq!(std::fs::read_dir(&trees).unwrap().count(), 2);
    drop(fork);
    const TRIES_MAX: usize = 200;
    for _ in 0..TRIES_MAX {
        if std::fs::read_dir(&trees).unwrap().count() == 1 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the fork's folder is still there");
}

#[tokio::test]
async fn a_submodule_is_an_empty_folder_that_nobody_writes_to() {
    let world = World::with(&[("a.py", "x = 1\n")]);
    let commit = world.git("repo", &["rev-parse", "HEAD"]);
    let line = format!(
        "git update-index --add --cacheinfo 160000,{},sub; git commit -qm sub",
        commit.trim()
    );
    world.shell("repo", &line);
    let checkout = world.open(None, true).await.unwrap();
    let refused = checkout.write("sub/x.py", b"").await.unwrap_err();
    expect!["write `sub/x.py`: it belongs to a submodule, which is another repository"]
        .assert_eq(&refused.to_string());
    run(&checkout, "echo > sub/new.py; echo > b.py").await;
    let change = checkout.change().await.unwrap();
    let paths: Vec<_> = change.files.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["b.py"]);
}

#[tokio::test]
async fn a_file_too_large_for_a_change_is_named() {
    let world = World::with(&[("a.py", "x = 1\n")]);
    let checkout = world.checkout().await;
    run(&checkout, "head -c 1048576 /dev/zero > fits; ").await;
    checkout.snapshot().await.unwrap();
    std::fs::write(checkout.path().join("big"), vec![0; (1 << 20) + 1]).unwrap();
    run(&checkout, "true").await;
    let error = checkout.snapshot().await.unwrap_err();
    expect!["use `big`: it is larger than 1048576 bytes, too large for a change; delete it, or name it in .gitignore"].assert_eq(&error.to_string());
}

/// Files below a folder with all that a file system says of them, but for when they were last read.
fn fingerprint(world: &World, folder: &str) -> String {
    let line = "find . -printf '%p %m %s %T@ %C@ %n %l\\n' | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum";
    world.shell(folder, line).0
}

#[tokio::test]
async fn another_run_takes_trees_over_and_needs_nothing_of_the_first() {
    for include_dirty in [false, true] {
        let world = World::with(&[("a.py", "x = 1\n"), ("d/b.py", "y = 2\n")]);
        if include_dirty {
            world.put(&[("dirty.py", "z = 3\n")]);
        }
        let first = world.open(None, include_dirty).await.unwrap();
        let base = first.base().clone();
        let mut trees = vec![base.tree.clone()];
        for line in ["mkdir e && echo 1 > e/new", "rm -r d && chmod +x a.py"] {
            run(&first, line).await;
            trees.push(first.snapshot().await.unwrap());
        }
        run(&first, "echo 2 > e/not-asked-for").await;
        let other = first.snapshot().await.unwrap();
        let before = fingerprint(&world, "runs/one");

        // The first run is still under way: its lock is held, and stays so.
        let (old, new) = (world.path("runs/one"), world.path("runs/two"));
        Checkout::take_over(&old, &new, &base, trees.clone())
            .await
            .unwrap();
        assert_eq!(fingerprint(&world, "runs/one"), before);
        drop(first);
        std::fs::remove_dir_all(&old).unwrap();

        let second = Checkout::reopen(world.opening("two"), &base).await.unwrap();
        assert_eq!(second.snapshot().await.unwrap(), base.tree);
        for tree in &trees {
            second.restore(tree).await.unwrap();
            run(&second, "true").await;
            assert_eq!(second.snapshot().await.unwrap(), *tree);
        }
        assert!(second.path().join("e/new").exists());
        second.restore(&other).await.unwrap_err();
        let store = world.path("runs/two/kept.git").display().to_string();
        let check = [&*format!("--git-dir={store}"), "fsck", "--strict"];
        world.git("repo", &check);
    }
}

#[tokio::test]
async fn a_run_whose_folder_is_gone_has_nothing_to_take_over() {
    let world = World::with(&[("a.py", "")]);
    let first = world.checkout().await;
    let base = first.base().clone();
    drop(first);
    std::fs::remove_dir_all(world.path("runs/one")).unwrap();
    let error = Checkout::take_over(
        &world.path("runs/one"),
        &world.path("runs/two"),
        &base,
        Vec::new(),
    )
    .await
    .unwrap_err();
    expect!["find the repository folder `/WORLD/runs/one/kept.git` (is the path right?)"]
        .assert_eq(&world.told(&error));
    assert!(!world.path("runs/two").exists());
}
