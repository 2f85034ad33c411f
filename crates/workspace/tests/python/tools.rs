//! The first use on a machine, and every later one.

use std::os::unix::fs::MetadataExt;

use protocol::{Silent, WorkspaceError};
use python::{Index, Places, Toolbox};

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
async fn shells_with_different_search_paths_never_take_a_tool_from_each_other() {
    let world = World::with(&[]).await;
    let (door, limits) = (world.make_door(), limits());
    let open = async |places: &Places| {
        let opened = Toolbox::open(places, &door, &limits, &Silent).await;
        opened.expect("the tools can be had")
    };
    let bare = world.bare_places(world.path("cache"));
    let installed = open(&bare).await;
    let programs = world.path("programs");
    std::fs::create_dir(&programs).expect("a folder");
    std::fs::copy(&installed.ruff.path, programs.join("ruff")).expect("a program");
    let first = Places {
        search_path: [vec![programs], bare.search_path.clone()].concat(),
        ..world.bare_places(world.path("cache2"))
    };
    let second = world.bare_places(world.path("cache2"));
    let of_first = open(&first).await;
    assert_ne!(of_first.ruff.path, installed.ruff.path);
    let looks = |it: &std::path::Path| std::fs::metadata(it).expect("it is there").ino();
    let before = looks(&of_first.uv.path);
    let of_second = open(&second).await;
    assert_eq!(of_second.ruff.version, of_first.ruff.version);
    assert_eq!(looks(&of_first.uv.path), before, "it is the same file");
    // Neither looks anything up again because of the other.
    world.doors.store(0, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(open(&first).await, of_first);
    assert_eq!(open(&second).await, of_second);
    assert_eq!(world.doors_asked_for(), 0, "nothing is started");
}

#[tokio::test]
async fn a_tool_of_another_version_on_the_search_path_changes_nothing() {
    let world = World::with(&[]).await;
    let (door, limits) = (world.make_door(), limits());
    let bare = world.bare_places(world.path("cache"));
    let usual = Toolbox::open(&bare, &door, &limits, &Silent).await;
    let usual = usual.expect("the tools can be had");
    // Any program that has a version of its own.
    let programs = world.path("programs");
    std::fs::create_dir(&programs).expect("a folder");
    std::fs::copy(&usual.uv.path, programs.join("ruff")).expect("a program");
    let other = Places {
        search_path: [vec![programs], bare.search_path.clone()].concat(),
        ..bare
    };
    let found = Toolbox::open(&other, &door, &limits, &Silent).await;
    assert_eq!(found.expect("the tools can be had"), usual);
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
