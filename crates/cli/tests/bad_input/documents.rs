//! The commands of the documents do what they say: all that need neither a key nor the network are run as they stand there.

use std::fs;

use crate::world::{PAGES, ROUND_UP, World};

/// Why a command of the documents isn't run here: by the first of these words that it contains. Without a reason it is run.
const LEFT_OUT: &[(&str, &str)] = &[
    ("pipeline bot --", "GitHub is asked"),
    ("pipeline serve", "it goes on until it is stopped"),
    ("pipeline bot setup", "GitHub is asked"),
    ("--dry-run", ""),
    ("pipeline run", "it asks models"),
    ("review-bench", "it asks models"),
    ("--network", "it asks vendors"),
    ("--replay", "it needs a recording"),
    ("pipeline cancel", "only a run at work can be stopped"),
    (
        "pipeline verify evidence",
        "the bundle of a run that asks models",
    ),
];
/// Commands that are run, at least.
const RUN_MIN: usize = 20;

/// Why a command is left out, if it is.
fn left_out(command: &str) -> Option<&'static str> {
    let found = LEFT_OUT.iter().find(|(words, _)| command.contains(words));
    found.map(|it| it.1).filter(|it| !it.is_empty())
}

#[test]
fn every_command_of_the_documents_that_needs_no_key_ends_well() {
    // Keys that nobody takes: what is run here sends none.
    let world = World::with_repository(PAGES)
        .says("draft", &[ROUND_UP])
        .variable("OPENAI_API_KEY", "k")
        .variable("ANTHROPIC_API_KEY", "k")
        .variable("GOOGLE_API_KEY", "k");
    fs::create_dir_all(world.path("home/src")).expect("a folder can be made");
    fs::rename(world.path("repo"), world.path("home/src/project")).expect("it can be moved");
    let ended = world.walk(&[
        "--repo",
        "[WORLD]/home/src/project",
        "--out",
        "[WORLD]/bundle",
    ]);
    assert_eq!(ended.code, 0, "{}", world.seen(&ended));
    let listed = world.pipeline(&["runs"]).stdout;
    let run = listed
        .split_whitespace()
        .next()
        .expect("there is a run")
        .to_owned();

    let (mut count, mut wrong) = (0, Vec::new());
    for (page, command) in testkit::shell_lines() {
        if !command.contains("pipeline ") || left_out(&command).is_some() {
            continue;
        }
        count += 1;
        let told = command
            .replace(
                "~/.local/state/pipeline/evidence/20260101-0000-abcde",
                "FOLDER",
            )
            .replace("FOLDER", "[WORLD]/bundle")
            .replace("RUN", &run);
        let cache = match told.contains("--cache") {
            // The tools of all tests are in the other one.
            true => "[WORLD]/another-cache",
            false => "[WORLD]/cache",
        };
        let script = format!("export XDG_CACHE_HOME='{cache}'\n{told}");
        let ended = world.shell("home/src/project", &script);
        if ended.code != 0 {
            wrong.push(format!("{page}: {command}\n{}", world.seen(&ended)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(RUN_MIN <= count, "only {count} commands were run");
}
