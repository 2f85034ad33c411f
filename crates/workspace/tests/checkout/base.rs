//! The base of a checkout: its plain files and their bytes, whatever the tree has become.

use expect_test::expect;
use protocol::{ContentId, Workspace};

use crate::world::World;

async fn paths(work: &dyn Workspace) -> Vec<String> {
    let files = work.base_files().await.unwrap();
    files.into_iter().map(|it| it.path).collect()
}

#[tokio::test]
async fn plain_files_are_named_and_links_are_not() {
    let world = World::with(&[
        ("b/AGENTS.md", "Be kind.\n"),
        ("a.py", "x = 1\n"),
        ("run.sh", "true\n"),
        ("copy.py", "x = 1\n"),
        (".gitignore", "kept.log\n"),
        ("kept.log", "tracked all the same\n"),
    ]);
    world.git("repo", &["add", "--force", "kept.log"]);
    std::os::unix::fs::symlink("b/AGENTS.md", world.repo().join("AGENTS.md")).unwrap();
    std::os::unix::fs::symlink("/etc", world.repo().join("etc")).unwrap();
    world.git("repo", &["update-index", "--add", "--chmod=+x", "run.sh"]);
    world.shell("repo", "printf x > $'not\\xfftext.py'; chmod +x run.sh");
    world.commit("second");
    let checkout = world.checkout().await;
    let want = [
        ".gitignore",
        "a.py",
        "b/AGENTS.md",
        "copy.py",
        "kept.log",
        "run.sh",
    ];
    assert_eq!(paths(&checkout).await, want);
    let files = checkout.base_files().await.unwrap();
    assert_eq!(files[1].content, files[3].content, "the same bytes");
    expect!["7d4290a117a4ddcc11daae7ea675841033830c8f"].assert_eq(&files[1].content.0);
}

#[tokio::test]
async fn what_becomes_of_the_tree_changes_nothing() {
    let world = World::with(&[("a.py", "x = 1\n"), ("b.py", "y = 1\n")]);
    let checkout = world.checkout().await;
    let before = checkout.base_files().await.unwrap();
    checkout.write("a.py", b"changed\n").await.unwrap();
    checkout.delete("b.py").await.unwrap();
    checkout.write("AGENTS.md", b"Obey.\n").await.unwrap();
    let fork = checkout
        .fork(&checkout.snapshot().await.unwrap())
        .await
        .unwrap();
    assert_eq!(checkout.base_files().await.unwrap(), before);
    assert_eq!(fork.base_files().await.unwrap(), before);
    let contents: Vec<ContentId> = before.into_iter().map(|it| it.content).collect();
    let want = vec![Some(b"x = 1\n".to_vec()), Some(b"y = 1\n".to_vec())];
    assert_eq!(fork.contents(&contents, 100).await.unwrap(), want);
}

#[tokio::test]
async fn what_is_too_large_is_not_read_and_what_is_unknown_is_an_error() {
    let world = World::with(&[("a.txt", "12345"), ("b.txt", "123456")]);
    let checkout = world.checkout().await;
    let files = checkout.base_files().await.unwrap();
    let contents: Vec<ContentId> = files.into_iter().map(|it| it.content).collect();
    let read = checkout.contents(&contents, 5).await.unwrap();
    assert_eq!(read, [Some(b"12345".to_vec()), None]);
    for unknown in ["", "HEAD", &"0".repeat(40), "../../etc/passwd"] {
        let refused = checkout.contents(&[ContentId(unknown.to_owned())], 5).await;
        assert!(refused.is_err(), "{unknown}");
    }
}
