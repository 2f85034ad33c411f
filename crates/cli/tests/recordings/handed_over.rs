//! Every fixture is recorded by one person and replayed by another one, who has nothing but the recording and the
//! repository.

use std::path::Path;
use std::thread;

use protocol::{Reason, Status};
use testkit::{Fixture, Installed};

use crate::world::{Ended, Person, World, every_file, hand_over};

/// Files of a bundle that are the same wherever a run was walked. The others tell times, walls and places.
const SAME_EVERYWHERE: &[&str] = &[
    "acceptance.json",
    "integrity.json",
    "patch.diff",
    "patch.json",
    "review.json",
    "ruff.json",
    "task.json",
];
/// Folders of a bundle for which that holds.
const SAME_BELOW: &[&str] = &["acceptance/"];

#[test]
fn a_recording_of_every_fixture_is_replayed_elsewhere() {
    let mut fixtures = Fixture::all();
    // The others need packages that their repositories don't name, so nobody else would have them.
    fixtures.retain(|it| it.installed == Installed::Usual);
    let mut broken = Vec::new();
    let at_once = thread::available_parallelism().map_or(1, usize::from);
    for some in fixtures.chunks(at_once) {
        thread::scope(|scope| {
            let checks: Vec<_> = some
                .iter()
                .map(|fixture| scope.spawn(|| check(fixture)))
                .collect();
            for (fixture, found) in some.iter().zip(checks) {
                let found = found
                    .join()
                    .unwrap_or_else(|_| vec!["it panicked".to_owned()]);
                broken.extend(
                    found
                        .into_iter()
                        .map(|it| format!("{}: {it}", fixture.name)),
                );
            }
        });
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Records a fixture and replays it; what went wrong.
fn check(fixture: &Fixture) -> Vec<String> {
    let (ada, bartholomew) = (World::of(Person::Ada), World::of(Person::Bartholomew));
    let wanted = code_of(fixture);
    let recorded = record(&ada, fixture);
    if recorded.code != wanted {
        return vec![format!("recorded: {}", recorded.said())];
    }
    hand_over(&ada.path("recording"), &bartholomew.path("from ada"));
    let replayed = replay(&bartholomew, fixture);
    let mut found = told(&ada);
    if replayed.code != wanted {
        found.push(format!("replayed: {}", replayed.said()));
        return found;
    }
    found.extend(differing(&ada.path("bundle"), &bartholomew.path("bundle")));
    found
}

fn record(ada: &World, fixture: &Fixture) -> Ended {
    let task = format!("{}\n\n{}\n", fixture.task.title, fixture.task.body);
    ada.file("w/task.md", &task);
    let mut arguments = arguments(ada, fixture, "--record", "recording");
    let mut add = |flag: &str, path: &Path| {
        arguments.extend([flag.to_owned(), path.display().to_string()]);
    };
    add("--task-file", Path::new("task.md"));
    add("--scripted", &fixture.folder.join("replies"));
    for (path, _) in every_file_of(&fixture.folder.join("tests")) {
        add("--tests", &path);
    }
    let limits = serde_json::to_value(&fixture.limits).expect("limits are plain numbers");
    let limits = limits.as_object().expect("limits have names");
    let variables = limits.iter().map(|(name, value)| {
        (
            format!("PIPELINE_LIMITS__{}", name.to_uppercase()),
            value.to_string(),
        )
    });
    ada.run(&arguments, &variables.collect::<Vec<_>>())
}

/// What stands in a folder itself; nothing when there is none.
fn every_file_of(folder: &Path) -> Vec<(std::path::PathBuf, ())> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|it| it.expect("a folder's entry can be read").path());
    paths.map(|it| (it, ())).collect()
}

fn replay(bartholomew: &World, fixture: &Fixture) -> Ended {
    let arguments = arguments(bartholomew, fixture, "--replay", "from ada");
    bartholomew.run(&arguments, &[])
}

fn arguments(world: &World, fixture: &Fixture, how: &str, folder: &str) -> Vec<String> {
    let shown = |path: &Path| path.display().to_string();
    let mut arguments = vec!["run".to_owned(), "--quiet".to_owned()];
    match world.repository(fixture) {
        Some(repository) => arguments.extend(["--repo".to_owned(), shown(&repository)]),
        None => arguments.push("--new".to_owned()),
    }
    arguments.extend([how.to_owned(), shown(&world.path(folder))]);
    arguments.extend(["--out".to_owned(), shown(&world.path("bundle"))]);
    arguments
}

fn code_of(fixture: &Fixture) -> i32 {
    match (fixture.expected.status, fixture.expected.reason) {
        (Status::Completed, _) => 0,
        (_, Some(Reason::NoCode | Reason::RedraftsExhausted)) => 10,
        (status, reason) => panic!("{}: {status:?} {reason:?}", fixture.name),
    }
}

/// What a recording tells of the person who made it.
fn told(ada: &World) -> Vec<String> {
    let files = every_file(&ada.path("recording"));
    assert!(1 < files.len(), "nothing was recorded");
    let told = |(path, bytes): (_, Vec<u8>)| {
        let path: std::path::PathBuf = path;
        let found = ada.told_by(&String::from_utf8_lossy(&bytes))?;
        Some(format!("{} tells {found}", path.display()))
    };
    files.into_iter().filter_map(told).collect()
}

/// Which files of two bundles should be the same and aren't.
fn differing(one: &Path, other: &Path) -> Vec<String> {
    let of = |folder: &Path| {
        let mut files = every_file(folder);
        files.retain(|path, _| {
            let path = path.display().to_string();
            SAME_EVERYWHERE.contains(&path.as_str())
                || SAME_BELOW.iter().any(|it| path.starts_with(it))
        });
        files
    };
    let (one, other) = (of(one), of(other));
    assert!(
        SAME_EVERYWHERE
            .iter()
            .any(|it| one.contains_key(Path::new(it))),
        "the bundle has none of the files"
    );
    let all = one.keys().chain(other.keys());
    let mut differing: Vec<String> = all
        .filter(|it| one.get(*it) != other.get(*it))
        .map(|it| {
            let text = |files: &std::collections::BTreeMap<_, Vec<u8>>| {
                let bytes = files.get(it).cloned().unwrap_or_default();
                String::from_utf8_lossy(&bytes).into_owned()
            };
            format!("{} is\n{}\nand\n{}", it.display(), text(&one), text(&other))
        })
        .collect();
    differing.dedup();
    differing
}
