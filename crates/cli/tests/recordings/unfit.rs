//! A recording that doesn't fit says so before anything is done, and says what to do.

use std::fs;
use std::path::Path;

use testkit::Fixture;
use testkit::git::git;

use crate::world::{Ended, Person, World, hand_over};

/// A recorded run of a small fixture, handed over.
fn handed_over() -> (World, Fixture) {
    let ada = World::of(Person::Ada);
    let fixture = Fixture::load(&Fixture::root().join("tasks/off_by_one"));
    let repository = ada.repository(&fixture).expect("the fixture has one");
    let shown = |path: &Path| path.display().to_string();
    let arguments = [
        "run",
        "--quiet",
        &fixture.task.title,
        "--repo",
        &shown(&repository),
        "--scripted",
        &shown(&fixture.folder.join("replies")),
        "--record",
        &shown(&ada.path("recording")),
    ];
    let ended = ada.run(&arguments.map(str::to_owned), &[]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    let bartholomew = World::of(Person::Bartholomew);
    hand_over(&ada.path("recording"), &bartholomew.path("from ada"));
    (bartholomew, fixture)
}

fn replay(world: &World, more: &[&str]) -> Ended {
    let folder = world.path("from ada").display().to_string();
    let mut arguments = vec!["run", "--quiet", "--replay", &folder];
    arguments.extend(more);
    let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
    world.run(&arguments, &[])
}

#[track_caller]
fn check(ended: &Ended, want: &[&str]) {
    assert_eq!(ended.code, 2, "{}", ended.said());
    for words in want {
        assert!(ended.stderr.contains(words), "{words}\n{}", ended.said());
    }
}

#[test]
fn what_does_not_fit_is_said_at_once() {
    let (world, fixture) = handed_over();
    check(
        &replay(&world, &[]),
        &[
            "replay without the repository `off_by_one`",
            "--repo URL|PATH",
        ],
    );
    let repository = world.repository(&fixture).expect("the fixture has one");
    let shown = repository.display().to_string();
    check(
        &replay(&world, &["Something else", "--repo", &shown]),
        &[
            "replay another task than the recorded one: it was `The last page is lost`, and this is `Something else`",
            "Leave the task out",
        ],
    );
    fs::write(repository.join("pages.py"), "changed = True\n").expect("a file can be written");
    git(
        &repository,
        &["commit", "--quiet", "--all", "--message=Later"],
    );
    check(
        &replay(&world, &["--repo", &shown, "--base", "main"]),
        &["replay on other files than the recorded ones: it was recorded on the commit"],
    );
    // Without a base it finds the recorded commit behind the newer one.
    let ended = replay(&world, &["--repo", &shown]);
    assert_eq!(ended.code, 0, "{}", ended.said());
}

#[test]
fn a_recording_in_a_form_of_another_time_is_said_to_be_one() {
    let (world, _) = handed_over();
    let file = world.path("from ada").join("run.toml");
    let text = fs::read_to_string(&file).expect("the recording says what it is of");
    fs::write(&file, text.replacen("form = 1", "form = 7", 1)).expect("a file can be written");
    check(
        &replay(&world, &[]),
        &["it is in form 7, and this program knows form 1"],
    );
}

#[test]
fn two_runs_are_not_recorded_into_one_folder() {
    let (world, fixture) = handed_over();
    let repository = world.repository(&fixture).expect("the fixture has one");
    let shown = |path: &Path| path.display().to_string();
    let arguments = [
        "run",
        "--quiet",
        "Something else",
        "--repo",
        &shown(&repository),
        "--scripted",
        &shown(&fixture.folder.join("replies")),
        "--record",
        &shown(&world.path("from ada")),
    ];
    let ended = world.run(&arguments.map(str::to_owned), &[]);
    check(
        &ended,
        &["it holds another run, of the task `The last page is lost`"],
    );
}
