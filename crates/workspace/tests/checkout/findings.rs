//! What one run keeps for later ones: found again on the same base by any tree of it, and nowhere else.

use protocol::{Silent, Workspace};
use workspace::checkout::{Checkout, Origin};

use crate::world::World;

/// What a run of its own recalls, with uncommitted changes taken along.
async fn recalled(world: &World, run: &str, name: &str) -> Option<Vec<u8>> {
    let checkout = Checkout::open(
        world.opening(run),
        &Origin::Folder(world.repo()),
        None,
        true,
        &Silent,
    )
    .await
    .unwrap();
    let fork = checkout.fork(&checkout.base().tree).await.unwrap();
    let found = checkout.recall(name).await.unwrap();
    assert_eq!(fork.recall(name).await.unwrap(), found, "in a fork");
    found
}

#[tokio::test]
async fn a_later_run_on_the_same_tree_finds_it_and_no_other() {
    let world = World::with(&[("a.py", "x = 1\n")]);
    let checkout = world.checkout().await;
    assert_eq!(checkout.recall("outcomes").await.unwrap(), None);
    checkout.remember("outcomes", b"old").await.unwrap();
    let fork = checkout.fork(&checkout.base().tree).await.unwrap();
    fork.write("a.py", b"x = 2\n").await.unwrap();
    fork.remember("outcomes", b"all green").await.unwrap();

    let found = Some(b"all green".to_vec());
    assert_eq!(recalled(&world, "two", "outcomes").await, found);
    assert_eq!(recalled(&world, "three", "other").await, None);
    world.put(&[("a.py", "x = 3\n")]);
    assert_eq!(
        recalled(&world, "four", "outcomes").await,
        None,
        "uncommitted"
    );
    world.commit("third");
    assert_eq!(
        recalled(&world, "five", "outcomes").await,
        None,
        "committed"
    );
    world.put(&[("a.py", "x = 1\n")]);
    world.commit("back");
    assert_eq!(
        recalled(&world, "six", "outcomes").await,
        found,
        "the same tree"
    );
}

#[tokio::test]
async fn what_is_kept_for_the_repository_is_found_on_every_base_of_it() {
    let world = World::with(&[("a.py", "x = 1\n")]);
    let checkout = world.checkout().await;
    let found = Some(b"facts".to_vec());
    checkout
        .remember_for_repository("words", b"facts")
        .await
        .unwrap();
    assert_eq!(checkout.recall("words").await.unwrap(), None, "of one base");
    world.put(&[("a.py", "x = 2\n")]);
    world.commit("second");
    let open = |run: &'static str| {
        let opening = world.opening(run);
        let folder = Origin::Folder(world.repo());
        async move {
            Checkout::open(opening, &folder, None, false, &Silent)
                .await
                .unwrap()
        }
    };
    let later = open("two").await;
    assert_ne!(later.base(), checkout.base());
    assert_eq!(later.recall_for_repository("words").await.unwrap(), found);
    assert_eq!(later.recall_for_repository("other").await.unwrap(), None);

    let elsewhere = World::with(&[("a.py", "x = 1\n")]);
    let other = elsewhere.checkout().await;
    assert_eq!(other.recall_for_repository("words").await.unwrap(), None);
}
