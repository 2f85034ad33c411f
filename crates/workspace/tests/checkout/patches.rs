//! A change as a patch: real git takes it, and it leads to the same tree.

use expect_test::{Expect, expect};
use protocol::{Change, Command, Workspace, patch_bytes};
use workspace::checkout::Checkout;

use crate::world::{World, put};

fn world() -> World {
    let world = World::with(&[
        (
            "a.py",
            "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n",
        ),
        ("d/b.py", "y = 2\n"),
        ("noeol", "last"),
        ("script.sh", "#!/bin/sh\n"),
        ("link-to-be", "text\n"),
    ]);
    put(&world.repo(), "bytes.bin", &[0, 1, 2, 255, 254]);
    put(&world.repo(), "latin.py", b"# caf\xe9\nx = 1\n");
    put(
        &world.repo(),
        "declared.py",
        b"# coding: latin-1\n\n\ndef caf\xe9():\n    return '\xe8'\n",
    );
    world.shell("repo", "ln -s a.py link; git add -A; git commit -qm more");
    world
}

/// Changes a checkout with `line`; the patch must lead real git, and us, from the base to the very same tree.
async fn changed(line: &str) -> Change {
    let world = world();
    let checkout = world.checkout().await;
    let command = Command::new(["bash", "-c", line], 60);
    let ended = checkout.run(&command).await.unwrap();
    assert!(ended.succeeded(), "{line}: {}", ended.tail());
    let change = checkout.change().await.unwrap();
    let tree = checkout.snapshot().await.unwrap();
    let ours = checkout.applied_to_base(&change.patch).await.unwrap();
    assert_eq!(ours, tree, "our own way back");
    std::fs::write(world.path("out/patch"), patch_bytes(&change.patch)).unwrap();
    if !change.patch.is_empty() {
        world.git("repo", &["apply", "--index", "../out/patch"]);
    }
    let theirs = world.git("repo", &["write-tree"]);
    assert_eq!(theirs.trim(), tree.0, "git apply");
    change
}

async fn check(line: &str, want: Expect) {
    let change = changed(line).await;
    let files = change.files.iter().map(|it| {
        let lines = it
            .lines
            .iter()
            .map(|it| format!(" {}-{}", it.first, it.last));
        let binary = if it.binary { " binary" } else { "" };
        let symlink = if it.symlink { " symlink" } else { "" };
        format!(
            "{:?} {}{binary}{symlink}{}\n",
            it.kind,
            it.path,
            lines.collect::<String>()
        )
    });
    want.assert_eq(&files.collect::<String>());
}

#[tokio::test]
async fn an_unchanged_tree_has_an_empty_patch() {
    let change = changed("true").await;
    assert_eq!(change, Change::default());
}

#[tokio::test]
async fn a_patch_is_as_git_writes_it() {
    let change =
        changed("sed -i 's/two/TWO/; s/nine/NINE\\nnine and a half/' a.py; printf 'first' > noeol")
            .await;
    expect![[r#"
        diff --git a/a.py b/a.py
        index c9e9e05f445e6b772f19fea1449759b7458a446e..b4fcaa6dfd3270942c3a36a85492c28159134b8e 100644
        --- a/a.py
        +++ b/a.py
        @@ -1,10 +1,11 @@
         one
        -two
        +TWO
         three
         four
         five
         six
         seven
         eight
        -nine
        +NINE
        +nine and a half
         ten
        diff --git a/noeol b/noeol
        index 1c1206e8bf4337e96dad9a6d139628852077558d..fe4f02ad058b43f6ed467fdf65b935107529564b 100644
        --- a/noeol
        +++ b/noeol
        @@ -1 +1 @@
        -last
        \ No newline at end of file
        +first
        \ No newline at end of file
    "#]].assert_eq(&change.patch);
}

#[tokio::test]
async fn new_lines_are_counted_in_the_new_file() {
    check(
        "sed -i 's/two/TWO\\nTWO AND A HALF/; s/nine/NINE/' a.py",
        expect![[r#"
        Modified a.py 2-3 10-10
    "#]],
    )
    .await;
    check(
        "sed -i '/three/d' a.py",
        expect![[r#"
        Modified a.py
    "#]],
    )
    .await;
}

#[tokio::test]
async fn files_come_and_go_and_change_their_mode() {
    check(
        "rm -r d; mkdir e; echo 1 > e/n.py; chmod +x script.sh; : > empty",
        expect![[r#"
        Deleted d/b.py
        Added e/n.py 1-1
        Added empty
        Modified script.sh
    "#]],
    )
    .await;
    check(
        "git mv 2>/dev/null; mv a.py moved.py",
        expect![[r#"
        Deleted a.py
        Added moved.py 1-10
    "#]],
    )
    .await;
}

#[tokio::test]
async fn bytes_that_are_no_text_are_binary_patches() {
    check(r"printf '\0\1\377' > bytes.bin; printf '# caf\351\nx = 2\n' > latin.py; printf '\351' > new.bin", expect![[r#"
        Modified bytes.bin binary
        Modified latin.py binary
        Added new.bin binary
    "#]]).await;
    check(
        "rm bytes.bin latin.py",
        expect![[r#"
        Deleted bytes.bin binary
        Deleted latin.py binary
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_file_in_the_encoding_that_it_declares_is_text() {
    let change = changed(
        r"printf '# coding: latin-1\n\n\ndef caf\351():\n    return 1\n# \374\205\n' > declared.py; printf '# coding: koi8-r\n# \311\n' > new.py",
    )
    .await;
    let without_ids: String = change
        .patch
        .split_inclusive('\n')
        .filter(|it| !it.starts_with("index "))
        .collect();
    expect![[r"
        Encoding of the next file: iso-8859-1
        diff --git a/declared.py b/declared.py
        --- a/declared.py
        +++ b/declared.py
        @@ -2,4 +2,5 @@
         
         
         def café():
        -    return 'è'
        +    return 1
        +# ü\u{85}
        Encoding of the next file: koi8-r
        diff --git a/new.py b/new.py
        new file mode 100644
        --- /dev/null
        +++ b/new.py
        @@ -0,0 +1,2 @@
        +# coding: koi8-r
        +# и
    "]]
    .assert_eq(&without_ids.replace('\u{85}', r"\u{85}"));
    check(
        r"printf '# caf\303\251\n' > declared.py",
        expect![[r#"
            Modified declared.py 1-1
        "#]],
    )
    .await;
    // What isn't in the encoding it declares can't be shown.
    check(
        r"printf '# coding: cp1252\n# \201\n' > declared.py",
        expect![[r#"
            Modified declared.py binary
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_file_that_becomes_a_link_is_one_changed_file() {
    check(
        "rm link-to-be; ln -s a.py link-to-be; rm link; echo text > link",
        expect![[r#"
        Modified link 1-1
        Modified link-to-be symlink 1-1
    "#]],
    )
    .await;
    check(
        "rm -r d; ln -s .. d; rm a.py; mkdir a.py; echo > a.py/x",
        expect![[r#"
        Deleted a.py
        Added a.py/x 1-1
        Added d symlink 1-1
        Deleted d/b.py
    "#]],
    )
    .await;
}

#[tokio::test]
async fn odd_names_survive_the_patch() {
    check(r#"echo 1 > 'a b.py'; echo 2 > "ünï.py"; echo 3 > 'q"uote.py'; echo 4 > $'tab\there'; echo 5 > '*'; rm d/b.py; echo 6 > 'd/b.py '"#, expect![[r#"
        Added * 1-1
        Added a b.py 1-1
        Deleted d/b.py
        Added d/b.py  1-1
        Added q"uote.py 1-1
        Added tab	here 1-1
        Added ünï.py 1-1
    "#]]).await;
}

#[tokio::test]
async fn configuration_of_the_repository_doesnt_change_the_patch() {
    let world = world();
    world.git("repo", &["config", "diff.noprefix", "true"]);
    world.put(&[(".gitattributes", "*.py -diff\n*.py text eol=crlf\n")]);
    world.commit("attributes");
    let checkout = world.checkout().await;
    checkout.write("d/b.py", b"y = 3\n").await.unwrap();
    let change = checkout.change().await.unwrap();
    expect![[r#"
        diff --git a/d/b.py b/d/b.py
        index 47643d4d3045f1367c935992a05075ad588a70d8..013dd7bf17b014b6fc0ce596465cb87d2d98c426 100644
        --- a/d/b.py
        +++ b/d/b.py
        @@ -1 +1 @@
        -y = 2
        +y = 3
    "#]].assert_eq(&change.patch);
}

#[tokio::test]
async fn a_patch_that_doesnt_fit_is_refused() {
    let world = world();
    let checkout = world.checkout().await;
    let refuse = async |checkout: &Checkout, patch: &str| {
        let error = checkout.applied_to_base(patch).await.unwrap_err();
        world.told(&error)
    };
    let header = "diff --git a/d/b.py b/d/b.py\n--- a/d/b.py\n+++ b/d/b.py\n";
    let other = format!("{header}@@ -1 +1 @@\n-z = 2\n+y = 3\n");
    expect!["apply the patch to the base: error: patch failed: d/b.py:1; error: d/b.py: patch does not apply"].assert_eq(&refuse(&checkout, &other).await);
    let cut = format!("{header}@@ -1 +1 @@\n-y = 2\n");
    expect!["apply the patch to the base: error: corrupt patch at line 6"]
        .assert_eq(&refuse(&checkout, &cut).await);
    expect![[r#"apply the patch to the base: error: No valid patches in input (allow with "--allow-empty")"#]].assert_eq(&refuse(&checkout, "not a patch\n").await);
    let git = "diff --git a/.git/x b/.git/x\nnew file mode 100644\n--- /dev/null\n+++ b/.git/x\n@@ -0,0 +1 @@\n+x\n";
    expect!["apply the patch to the base: error: invalid path '.git/x'"]
        .assert_eq(&refuse(&checkout, git).await);
    let up = git.replace(".git/x", "../x");
    expect!["apply the patch to the base: error: invalid path '../x'"]
        .assert_eq(&refuse(&checkout, &up).await);
}
