//! A branch never takes away what no change touched.

use expect_test::expect;
use git::{Branch, Identity, commit_to_branch};
use protocol::{Base, Workspace};

use crate::world::World;

#[tokio::test]
async fn files_that_a_sparse_checkout_leaves_out_are_never_taken_away() {
    let world = World::with(&[("a.py", "a = 1\n"), ("docs/x.md", "x\n")]);
    let checkout = world.checkout().await;
    let sparse = world.shell("repo", "mkdir src && git sparse-checkout set --cone src");
    assert!(sparse.1, "{}", sparse.0);
    // A base as it was made by whoever takes what isn't laid out for deleted.
    checkout.delete("docs/x.md").await.expect("it is there");
    let wrong = checkout.snapshot().await.expect("it can be kept");
    checkout
        .write("a.py", b"a = 2\n")
        .await
        .expect("it can be written");
    let tree = checkout.snapshot().await.expect("it can be kept");
    let base = Base {
        tree: wrong,
        uncommitted: true,
        ..checkout.base().clone()
    };
    let ada = Identity {
        name: "Ada".to_owned(),
        email: "ada@example.org".to_owned(),
    };
    let branch = Branch {
        name: "fix".to_owned(),
        message: "Fix".to_owned(),
        author: ada.clone(),
        committer: ada,
    };
    let committed = commit_to_branch(checkout.store(), &world.repo(), &base, &tree, &branch);
    let said = match committed {
        Ok(delivered) => format!("on {}", delivered.branch),
        Err(error) => format!("could not {}", world.told(&error)),
    };
    expect!["could not write the uncommitted changes as a commit: it would take `docs/x.md` away, which the sparse checkout leaves out (nothing was written)"].assert_eq(&said);
    let branches = world.git("repo", &["branch", "--format=%(refname:short)"]);
    expect![[r#"
        main
    "#]]
    .assert_eq(&branches);
}
