//! The first use on a machine, and every later one.

use protocol::{Silent, WorkspaceError};
use workspace::python::{Index, Places, Toolbox};

use crate::world::{World, limits};

#[tokio::test]
async fn tools_are_installed_once_and_found_without_any_program_afterwards() {
    let world = World::with(&[]).await;
    let places = world.bare_places(world.path("cache"));
    let (door, limits) = (world.make_door(), limits());
    let open = || Toolbox::open(&places, &door, &limits, &Silent);
    let first = open().await.expect("the tools can be installed");
    assert!(first.uv.version.starts_with(|it: char| it.is_ascii_digit()));
    assert!(first.bin.join("ruff").is_file());
    assert_ne!(world.doors_asked_for(), 0);
    world.doors.store(0, std::sync::atomic::Ordering::SeqCst);
    let second = open().await.expect("the tools are there");
    assert_eq!(first, second);
    assert_eq!(world.doors_asked_for(), 0, "nothing is started");

    // A new program on the search path: everything is looked at again, nothing is installed again.
    let moved = Places {
        search_path: [places.search_path.clone(), vec![world.path("repo")]].concat(),
        ..places.clone()
    };
    let third = Toolbox::open(&moved, &door, &limits, &Silent).await;
    assert_eq!(third.expect("the tools are there"), first);
    assert_eq!(
        world.doors_asked_for(),
        1,
        "only the door that looks, not the one to the index"
    );
}

#[tokio::test]
async fn a_tool_that_is_gone_from_our_own_folder_is_put_there_again() {
    let world = World::with(&[]).await;
    let places = world.places().await;
    let door = world.make_door();
    let first = Toolbox::open(&places, &door, &limits(), &Silent)
        .await
        .expect("tools");
    std::fs::remove_file(first.bin.join("ruff")).expect("it is there");
    let second = Toolbox::open(&places, &door, &limits(), &Silent)
        .await
        .expect("tools");
    assert!(second.bin.join("ruff").is_file());
}

#[tokio::test]
async fn without_any_python_the_error_says_what_to_install() {
    let world = World::with(&[]).await;
    let places = Places {
        search_path: vec![world.path("repo")],
        ..world.bare_places(world.path("cache"))
    };
    let error = Toolbox::open(&places, &world.make_door(), &limits(), &Silent).await;
    let Err(WorkspaceError::Blocked { tail, .. }) = error else {
        panic!("{error:?}");
    };
    assert!(tail.contains("apt-get install python3"), "{tail}");
}

#[tokio::test]
async fn credentials_in_the_address_of_the_index_are_refused() {
    let world = World::with(&[]).await;
    let places = Places {
        index: Index {
            url: Some("https://user:secret@index.example/simple".to_owned()),
            ..Index::default()
        },
        ..world.bare_places(world.path("cache"))
    };
    let error = Toolbox::open(&places, &world.make_door(), &limits(), &Silent).await;
    let error = error.expect_err("it is refused").to_string();
    assert!(
        error.contains("credentials") && !error.contains("secret"),
        "{error}"
    );
    assert_eq!(world.doors_asked_for(), 0);
}
