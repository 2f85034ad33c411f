//! What a folder shows as a workspace.

use expect_test::expect;

use super::*;

fn tree() -> FolderWorkspace {
    FolderWorkspace::new([("a.py", "one\ntwo\n"), ("pkg/b.py", "import a\n")])
}

#[tokio::test]
async fn a_change_is_a_diff_against_the_base() {
    let work = tree();
    work.write("a.py", b"one\n2\n").await.unwrap();
    work.write("new/c.py", b"c").await.unwrap();
    work.delete("pkg/b.py").await.unwrap();
    let change = work.change().await.unwrap();
    expect![[r#"
            diff --git a/a.py b/a.py
            --- a/a.py
            +++ b/a.py
            @@ -1,2 +1,2 @@
             one
            -two
            +2
            diff --git a/new/c.py b/new/c.py
            new file mode 100644
            --- /dev/null
            +++ b/new/c.py
            @@ -0,0 +1 @@
            +c
            \ No newline at end of file
            diff --git a/pkg/b.py b/pkg/b.py
            deleted file mode 100644
            --- a/pkg/b.py
            +++ /dev/null
            @@ -1 +0,0 @@
            -import a
        "#]]
    .assert_eq(&change.patch);
    assert_eq!(change.files[0].lines.len(), 1);
}

#[tokio::test]
async fn a_tree_comes_back_as_it_was_and_a_fork_goes_its_own_way() {
    let work = tree();
    let before = work.snapshot().await.unwrap();
    work.write("a.py", b"other").await.unwrap();
    let fork = work.fork(&before).await.unwrap();
    fork.delete("a.py").await.unwrap();
    assert_eq!(work.text("a.py"), "other");
    work.restore(&before).await.unwrap();
    assert_eq!(work.text("a.py"), "one\ntwo\n");
    assert_eq!(work.change().await.unwrap(), Change::default());
}

#[tokio::test]
async fn nothing_outside_is_used() {
    let work = tree();
    std::os::unix::fs::symlink("/etc", work.root().join("link")).unwrap();
    for path in ["../x", "/etc/passwd", "link/passwd", "link", "pkg/../../x"] {
        let refused = work.read(path).await;
        assert!(
            matches!(refused, Err(WorkspaceError::Outside { .. })),
            "{path}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn lists_and_searches_are_cut() {
    let work = tree();
    let query = SearchQuery {
        pattern: "o".to_owned(),
        path: String::new(),
        glob: Some("**/*.py".to_owned()),
        items_max: 2,
    };
    let listing = work.search(&query).await.unwrap();
    assert_eq!(listing.items, ["a.py:1: one", "a.py:2: two"]);
    assert_eq!(listing.left_out, 1);
}
