//! A recorded run comes out the same again, without a key and without a request.

use serde_json::Value;

use crate::vendors::KEYS;
use crate::world::World;

/// What a replayed run may tell otherwise: how long things took, whether the environment was there already, and where
/// replies come from and go to.
const MAY_DIFFER: &[&str] = &["at_ms", "wall_ms", "cached", "settings"];
/// What a recording says of its run; those that older programs made don't.
const OF_THE_RUN: &str = "recording/run.toml";

#[tokio::test]
async fn a_recorded_run_is_replayed_without_a_key() {
    let mut world = World::new().await;
    let recorded = run(&world, &["--record"], &[]).await;
    let asked = world.vendors.asked();
    for (name, _) in KEYS {
        world.configuration.push((name, String::new()));
    }
    let replayed = run(&world, &["--replay"], &[]).await;
    assert_eq!(recorded, replayed);
    assert_eq!(world.vendors.asked(), asked, "a replay asks no vendor");

    // The same repository by its address: fetched for the first run, and only looked up for the second.
    let address = format!("file://{}", world.repository().display());
    for _ in 0..2 {
        run(&world, &["--replay"], &["--repo", &address]).await;
    }
}

#[tokio::test]
async fn a_recording_that_does_not_say_what_it_is_of_is_replayed_as_well() {
    let world = World::new().await;
    let recorded = run(&world, &["--record"], &[]).await;
    std::fs::remove_file(world.path(OF_THE_RUN)).expect("a recording says what it is of");
    assert_eq!(recorded, run(&world, &["--replay"], &[]).await);
}

#[tokio::test]
async fn another_task_than_the_recorded_one_is_told_where_it_differs() {
    let world = World::new().await;
    run(&world, &["--record"], &[]).await;
    std::fs::remove_file(world.path(OF_THE_RUN)).expect("a recording says what it is of");
    let recording = world.path("recording").display().to_string();
    let repository = world.repository().display().to_string();
    let ended = world
        .run(&[
            "run",
            "Something else",
            "--quiet",
            "--repo",
            &repository,
            "--replay",
            &recording,
        ])
        .await;
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains("the nearest recorded request, `")
            && ended.stdout.contains("differs from line"),
        "{}",
        ended.stdout
    );
}

/// Runs to a completed end, with the recording as the last option's value and options that replace earlier ones;
/// everything that happened, in an order of its own, with what may differ left out.
async fn run(world: &World, source: &[&str], instead: &[&str]) -> Vec<String> {
    let mut arguments = world.run_arguments();
    for pair in instead.chunks(2) {
        let place = arguments.iter().position(|it| it == pair[0]);
        let place = place.expect("the option is there already");
        arguments[place + 1] = pair[1].to_owned();
    }
    arguments.extend(source.iter().map(|it| (*it).to_owned()));
    arguments.push(world.path("recording").display().to_string());
    let ended = world.run(&arguments).await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    world.check_change();
    let newest = world.runs().await.remove(0);
    let mut happened: Vec<String> = world
        .log(&newest)
        .await
        .into_iter()
        .map(|mut entry| {
            leave_out(&mut entry);
            // What is prepared runs beside the drafting, so places in the journal may differ.
            entry["event"].to_string()
        })
        .collect();
    happened.sort();
    happened
}

fn leave_out(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !MAY_DIFFER.contains(&name.as_str()));
            fields.values_mut().for_each(leave_out);
        }
        Value::Array(items) => items.iter_mut().for_each(leave_out),
        _ => {}
    }
}
