//! Where a checkout can start from, and what is said where it can't.

use expect_test::{Expect, expect};
use git::Address;
use protocol::{ListQuery, Silent, Workspace};
use workspace::checkout::{Checkout, Origin};

use crate::world::World;

fn everything() -> ListQuery {
    ListQuery {
        path: String::new(),
        glob: None,
        items_max: 100,
    }
}

/// Makes a world with `line` in its repository folder, opens `folder` of it, and shows what comes of it.
async fn check(line: &str, folder: &str, reference: Option<&str>, dirty: bool, want: Expect) {
    let world = World::with(&[("a.py", "x = 1\n"), ("src/b.py", "y = 2\n")]);
    let (said, succeeded) = world.shell("repo", line);
    assert!(succeeded, "{line}: {said}");
    let before = world.fingerprint();
    let origin = Origin::Folder(match folder {
        "" => world.repo(),
        folder => world.path(folder),
    });
    let opening = world.opening("one");
    let shown = match Checkout::open(opening, &origin, reference, dirty, &Silent).await {
        Err(error) => format!("cannot {}", world.told(&error)),
        Ok(checkout) => {
            let listing = checkout.list(&everything()).await.unwrap();
            let kept = if checkout.base().uncommitted {
                " (not only what is committed)"
            } else {
                ""
            };
            format!("{}{kept}", listing.items.join(" "))
        }
    };
    want.assert_eq(&shown);
    assert_eq!(world.fingerprint(), before, "the user's folder was touched");
}

#[tokio::test]
async fn a_clean_repository_is_opened_as_it_is() {
    check("true", "", None, false, expect!["a.py src/b.py"]).await;
}

#[tokio::test]
async fn a_branch_a_tag_and_a_commit_are_bases() {
    let line = "git checkout -q -b old && git rm -q src/b.py && git commit -q -m old && git tag v1 && git checkout -q main";
    check(line, "", Some("old"), false, expect!["a.py"]).await;
    check(line, "", Some("v1"), false, expect!["a.py"]).await;
    check(
        line,
        "",
        Some("nosuch"),
        false,
        expect!["cannot find the branch, tag or commit `nosuch` in `/WORLD/repo`"],
    )
    .await;
    check(
        line,
        "",
        Some("--upload-pack=x"),
        false,
        expect!["cannot use `--upload-pack=x` as a branch, tag or commit: it looks like an option"],
    )
    .await;
}

#[tokio::test]
async fn uncommitted_changes_are_named() {
    check("echo >> a.py; echo > new.py; git rm -q --cached src/b.py", "", None, false, expect!["cannot start from `/WORLD/repo`: it has changes that aren't committed: `a.py`, `new.py`, `src/`, `src/b.py` (commit or stash them, or take them along with --include-dirty)"]).await;
    check("for i in $(seq 30); do echo > n$i.py; done", "", None, false, expect!["cannot start from `/WORLD/repo`: it has changes that aren't committed: `n1.py`, `n10.py`, `n11.py`, `n12.py`, `n13.py`, `n14.py`, `n15.py`, `n16.py`, `n17.py`, `n18.py` and 20 more (commit or stash them, or take them along with --include-dirty)"]).await;
}

#[tokio::test]
async fn uncommitted_changes_are_taken_along_when_asked_for() {
    check(
        "echo >> a.py; mkdir d; echo > d/new.py; rm src/b.py; ln -s /etc/passwd link",
        "",
        None,
        true,
        expect!["a.py d/new.py link (not only what is committed)"],
    )
    .await;
    check("git branch old; git commit -q --allow-empty -m x; echo >> a.py", "", Some("old"), true, expect!["cannot take uncommitted changes along from `old`: only the commit that is checked out has any (leave the base out)"]).await;
}

#[tokio::test]
async fn uncommitted_changes_dont_matter_to_another_commit() {
    check(
        "git branch old; git commit -q --allow-empty -m x; echo >> a.py",
        "",
        Some("old"),
        false,
        expect!["a.py src/b.py"],
    )
    .await;
}

#[tokio::test]
async fn what_is_no_repository_is_told_apart() {
    check(
        "true",
        "nosuch",
        None,
        false,
        expect!["cannot find the repository folder `/WORLD/nosuch` (is the path right?)"],
    )
    .await;
    check("true", "out", None, false, expect!["cannot open `/WORLD/out` as a git repository: there is none (run `git init` and commit, or leave the repository out)"]).await;
    check("true", "repo/src", None, false, expect!["cannot open `/WORLD/repo/src` as a git repository: it is a folder inside the repository `/WORLD/repo/` (give that one)"]).await;
    check(
        "true",
        "repo/a.py",
        None,
        false,
        expect!["cannot open `/WORLD/repo/a.py` as a git repository: it is a file"],
    )
    .await;
    check("git init -q --bare ../out/bare.git", "out/bare.git", None, false, expect!["cannot open `/WORLD/out/bare.git` as a git repository: it is a bare repository (give its address as file:///WORLD/out/bare.git)"]).await;
    check(
        "git init -q ../out/empty",
        "out/empty",
        None,
        false,
        expect![
            "cannot start from `/WORLD/out/empty`: it has no commit yet (commit something first)"
        ],
    )
    .await;
    check("git config core.worktree ../../out", "", None, false, expect!["cannot open `/WORLD/repo` as a git repository: its files are elsewhere, at `/WORLD/out/` (give that folder, if it is yours)"]).await;
}

#[tokio::test]
async fn a_linked_worktree_is_a_repository_too() {
    check("git worktree add -q ../out/linked && echo > ../out/linked/c.py && git -C ../out/linked add c.py && git -C ../out/linked commit -q -m c", "out/linked", None, false, expect!["a.py c.py src/b.py"]).await;
}

#[tokio::test]
async fn a_task_may_start_from_nothing() {
    let world = World::new();
    let opening = world.opening("one");
    let checkout = Checkout::open(opening, &Origin::Nothing, None, false, &Silent)
        .await
        .unwrap();
    checkout.write("a.py", b"x = 1\n").await.unwrap();
    let change = checkout.change().await.unwrap();
    expect![[r#"
        diff --git a/a.py b/a.py
        new file mode 100644
        index 0000000000000000000000000000000000000000..7d4290a117a4ddcc11daae7ea675841033830c8f
        --- /dev/null
        +++ b/a.py
        @@ -0,0 +1 @@
        +x = 1
    "#]]
    .assert_eq(&change.patch);
    expect![[r#"Base { repository: "", commit: "541c0eebb79334ab0bceb602cdf4823b11457746", tree: TreeId("4b825dc642cb6eb9a060e54bf8d69288fbee4904"), uncommitted: false }"#]].assert_eq(&format!("{:?}", checkout.base()));
}

#[tokio::test]
async fn an_address_is_cloned_and_fetched_again_by_the_commit() {
    let world = World::with(&[("a.py", "x = 1\n")]);
    let address = Address::parse(&format!("file://{}", world.repo().display())).unwrap();
    let origin = Origin::Address(address);
    let open = async |run: &str, reference: Option<&str>| {
        Checkout::open(world.opening(run), &origin, reference, false, &Silent).await
    };
    let first = open("one", None).await.unwrap();
    let commit = first.base().commit.clone();
    world.put(&[("b.py", "y = 2\n")]);
    world.commit("second");
    let second = open("two", Some("main")).await.unwrap();
    assert_ne!(second.base().commit, commit);
    let listed = second.list(&everything()).await.unwrap();
    expect!["a.py b.py"].assert_eq(&listed.items.join(" "));
    // The repository is gone; what was fetched whole needs nobody's answer.
    std::fs::rename(world.repo(), world.path("elsewhere")).unwrap();
    let third = open("three", Some(&commit)).await.unwrap();
    assert_eq!(third.base().commit, commit);
    let gone = open("four", None).await.unwrap_err();
    expect!["find a repository at `file:///WORLD/repo` (is the address right, and may you read it?): fatal: '/WORLD/repo' does not appear to be a git repository; fatal: Could not read from remote repository.; Please make sure you have the correct access rights; and the repository exists."].assert_eq(&world.told(&gone));
}

#[tokio::test]
async fn two_runs_open_the_same_repository_at_once() {
    let world = World::with(&[("a.py", "x = 1\n")]);
    let address = Address::parse(&format!("file://{}", world.repo().display())).unwrap();
    let origins = [Origin::Address(address), Origin::Folder(world.repo())];
    for (kind, origin) in origins.into_iter().enumerate() {
        let runs = (0..4).map(|number| {
            let opening = world.opening(&format!("run-{kind}-{number}"));
            let origin = origin.clone();
            async move { Checkout::open(opening, &origin, None, false, &Silent).await }
        });
        for opened in futures::future::join_all(runs).await {
            let checkout = opened.unwrap();
            assert_eq!(checkout.read("a.py").await.unwrap(), b"x = 1\n");
        }
    }
}

#[tokio::test]
async fn a_run_is_opened_again_from_its_folder_alone() {
    let world = World::with(&[("a.py", "x = 1\n")]);
    let checkout = world.checkout().await;
    checkout.write("a.py", b"x = 2\n").await.unwrap();
    let kept = checkout.snapshot().await.unwrap();
    let base = checkout.base().clone();
    let second = Checkout::reopen(world.opening("one"), &base).await;
    expect!["get hold of `/WORLD/runs/one/checkout.lock` within 0 seconds (another run uses it)"]
        .assert_eq(&world.told(&second.unwrap_err()));
    drop(checkout);
    std::fs::rename(world.repo(), world.path("elsewhere")).unwrap();
    // The lock goes with the last work on the files, which may be a moment later.
    let again = reopened(&world, &base).await;
    assert_eq!(again.read("a.py").await.unwrap(), b"x = 1\n");
    again.restore(&kept).await.unwrap();
    assert_eq!(again.read("a.py").await.unwrap(), b"x = 2\n");
    assert_eq!(again.snapshot().await.unwrap(), kept);
}

async fn reopened(world: &World, base: &protocol::Base) -> Checkout {
    const TRIES_MAX: usize = 200;
    for _ in 0..TRIES_MAX {
        if let Ok(checkout) = Checkout::reopen(world.opening("one"), base).await {
            return checkout;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the run's folder stayed locked");
}

#[tokio::test]
async fn files_that_a_sparse_checkout_leaves_out_are_no_changes() {
    let sparse = "mkdir docs && echo x > docs/x.md && git add . && git commit -q -m docs && git sparse-checkout set --cone src";
    check(sparse, "", None, false, expect!["a.py docs/x.md src/b.py"]).await;
    check(
        &format!("{sparse}; echo 'y = 3' > src/b.py"),
        "",
        None,
        true,
        expect!["a.py docs/x.md src/b.py (not only what is committed)"],
    )
    .await;
    check(&format!("{sparse}; rm src/b.py"), "", None, false, expect!["cannot start from `/WORLD/repo`: it has changes that aren't committed: `src/b.py` (commit or stash them, or take them along with --include-dirty)"]).await;
    check(
        &format!("{sparse}; rm src/b.py"),
        "",
        None,
        true,
        expect!["a.py docs/x.md (not only what is committed)"],
    )
    .await;
    let patterns = "echo x > x.md && git add . && git commit -q -m docs && git sparse-checkout set --no-cone '*.py'";
    check(patterns, "", None, false, expect!["a.py src/b.py x.md"]).await;
}

#[tokio::test]
async fn what_only_git_can_read_is_read_by_git() {
    let sparse = "mkdir docs && echo x > docs/x.md && git add . && git commit -q -m docs && git sparse-checkout set --cone --sparse-index src";
    check(sparse, "", None, false, expect!["a.py docs/x.md src/b.py"]).await;
    check(&format!("{sparse}; echo 'y = 3' > src/b.py"), "", None, false, expect!["cannot start from `/WORLD/repo`: it has changes that aren't committed: `src/b.py` (commit or stash them, or take them along with --include-dirty)"]).await;
    check(&format!("{sparse}; echo 'y = 3' > src/b.py"), "", None, true, expect!["cannot take uncommitted changes of `/WORLD/repo` along: its repository is in a form from which only commits can be taken (commit them)"]).await;
    let reftable = "git init -q --ref-format=reftable re && cd re && git config user.name A && git config user.email a@b && echo 'x = 1' > a.py && git add . && git commit -q -m one && git branch old";
    check(
        &format!("{reftable} && cd .. && mv re ../re"),
        "re",
        None,
        false,
        expect!["a.py"],
    )
    .await;
    check(
        &format!("{reftable} && cd .. && mv re ../re"),
        "re",
        Some("old"),
        false,
        expect!["a.py"],
    )
    .await;
    check(
        &format!("{reftable} && echo > b.py && cd .. && mv re ../re"),
        "re",
        None,
        false,
        expect!["cannot start from `/WORLD/re`: it has changes that aren't committed: `b.py` (commit or stash them, or take them along with --include-dirty)"],
    )
    .await;
    let sha256 = reftable.replace("--ref-format=reftable", "--object-format=sha256");
    check(
        &format!("{sha256} && cd .. && mv re ../re"),
        "re",
        None,
        false,
        expect!["cannot open `/WORLD/re` as a git repository: its objects are named by SHA-256, which can't be read here yet (make a repository of its files with `git init --object-format=sha1`)"],
    )
    .await;
    check(
        "git worktree add -q ../tree -b other",
        "tree",
        None,
        false,
        expect!["a.py src/b.py"],
    )
    .await;
}

#[tokio::test]
async fn a_split_index_is_read_by_git() {
    // Git may mark the shared half of it as used, as it does whenever it reads one.
    let world = World::with(&[("a.py", "x = 1\n")]);
    let (said, succeeded) = world.shell("repo", "git update-index --split-index");
    assert!(succeeded, "{said}");
    let checkout = world.open(None, false).await.unwrap();
    let listing = checkout.list(&everything()).await.unwrap();
    assert_eq!(listing.items, ["a.py"]);
}

#[tokio::test]
async fn no_program_that_a_repository_names_runs_where_git_reads_it() {
    let line = "git init -q --ref-format=reftable re && cd re && git config user.name A && git config user.email a@b \
        && printf '*.py filter=evil\n' > .gitattributes && echo 'x = 1' > a.py && git add . && git commit -q -m one \
        && git config filter.evil.clean 'touch \"$HOME/ran\" ../ran; cat' && git config core.fsmonitor 'touch ../ran' \
        && touch -d '2001-01-01' a.py && cd .. && mv re ../re";
    let world = World::with(&[("a.py", "x = 1\n")]);
    let (said, succeeded) = world.shell("repo", line);
    assert!(succeeded, "{said}");
    let origin = Origin::Folder(world.path("re"));
    Checkout::open(world.opening("one"), &origin, None, false, &Silent)
        .await
        .unwrap();
    assert!(
        !world.path("ran").exists(),
        "a program of the repository ran"
    );
}

#[tokio::test]
async fn a_partial_clone_gives_the_commits_whose_files_it_has() {
    let partial = "git tag v0; echo 'x = 2' > a.py; git commit -qam two; git config uploadpack.allowFilter true; \
                   git clone -q --filter=blob:none file://$PWD ../partial";
    check(partial, "partial", None, false, expect!["a.py src/b.py"]).await;
    check(
        &format!("{partial} && echo 'x = 3' > ../partial/a.py"),
        "partial",
        None,
        true,
        expect!["a.py src/b.py (not only what is committed)"],
    )
    .await;
    check(partial, "partial", Some("v0"), false, expect!["cannot read the commit b56d534c22af40bd607583b3b05ddcd860512e64 from `/WORLD/partial`: it is a partial clone, and some files of that commit were never fetched (check the commit out there once, or give the address that it was cloned from)"]).await;
    let treeless = partial.replace("blob:none", "tree:0");
    check(&treeless, "partial", None, false, expect!["a.py src/b.py"]).await;
    check(&treeless, "partial", Some("v0"), false, expect!["cannot read the commit b56d534c22af40bd607583b3b05ddcd860512e64 from `/WORLD/partial`: it is a partial clone, and some files of that commit were never fetched (check the commit out there once, or give the address that it was cloned from)"]).await;
}
