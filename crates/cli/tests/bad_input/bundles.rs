//! `pipeline verify`: what it says of honest, changed, moved and foreign bundles.

use std::fs;
use std::path::Path;

use expect_test::{Expect, expect};

use crate::world::{PAGES, ROUND_UP, World};

/// A world with the bundle `here/out` of a completed run.
fn with_bundle() -> World {
    let world = World::with_repository(PAGES).says("draft", &[ROUND_UP]);
    let ended = world.walk(&["--out", "out"]);
    assert_eq!(ended.code, 0, "{}", world.seen(&ended));
    world
}

#[track_caller]
fn check(world: &World, arguments: &[&str], want: Expect) {
    let ended = world.pipeline(&[&["verify"], arguments].concat());
    want.assert_eq(&world.seen(&ended));
}

#[test]
fn an_honest_bundle_agrees_wherever_its_repository_is_now() {
    let world = with_bundle();
    check(
        &world,
        &["out", "--quiet"],
        expect![[r#"
        exit 0
    "#]],
    );
    // Somebody works in the repository meanwhile, and then moves it.
    fs::write(world.path("repo/pages.py"), "x = 1\n").expect("writable");
    fs::rename(world.path("repo"), world.path("moved")).expect("it can be moved");
    check(
        &world,
        &["out", "--quiet"],
        expect![[r#"
        exit 2
        --- stderr
        error: could not find the repository folder `[WORLD]/repo` (is the path right?)
          what to do: Say with --repo where the repository is now; the commit of base.json must be in it.
    "#]],
    );
    let ended = world.pipeline(&["verify", "out", "--repo", "../moved"]);
    let told: Vec<&str> = ended
        .stdout
        .lines()
        .map(|it| it.split(',').next().unwrap_or_default())
        .collect();
    expect![[r#"
        bundle      every file is what the run wrote ([RUN])
        patch       ✓ holds
        format      ✓ holds
        integrity   ✓ holds
        regression  ✓ holds
        acceptance  · nothing is claimed
        hunks       ✓ holds
        review      · nothing is claimed
        end         ✓ holds
        note        No model was asked: what is told here as a model's words comes from scripts.
        verified    every figure holds; tokens"#]]
    .assert_eq(&world.masked(&told.join("\n")));
    let ended = world.pipeline(&["verify", "out", "--repo", "../moved", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&ended.stdout).expect("one object");
    assert_eq!((ended.code, &told["holds"]), (0, &true.into()));
    assert_eq!(told["gates"].as_array().map(Vec::len), Some(8));
}

#[test]
fn a_bundle_that_was_changed_is_refused() {
    let world = with_bundle();
    for name in ["patch.diff", "report.html", "journal.jsonl", "bundle.json"] {
        let path = world.path("here/out").join(name);
        let text = fs::read_to_string(&path).expect("readable");
        fs::write(&path, text.replacen('a', "b", 1)).expect("writable");
        let ended = world.pipeline(&["verify", "out"]);
        assert!(
            [2, 10].contains(&ended.code),
            "{name}: {}",
            world.seen(&ended)
        );
        fs::write(&path, text).expect("writable");
    }
    fs::write(world.path("here/out/report.html"), "other").expect("writable");
    check(
        &world,
        &["out"],
        expect![[r#"
        exit 10
        --- stderr
        error: could not trust `report.html` of the bundle: its content was changed after the run
          what to do: Believe nothing in [WORLD]/here/out: get the bundle again from where it came from.
    "#]],
    );
}

#[test]
fn what_is_no_bundle_is_said() {
    let world = World::new();
    check(
        &world,
        &["out"],
        expect![[r#"
        exit 2
        --- stderr
        error: could not read `[WORLD]/here/out` as an evidence bundle: it has no bundle.json of ours
    "#]],
    );
    check(
        &world,
        &["."],
        expect![[r#"
        exit 2
        --- stderr
        error: could not read `[WORLD]/here/.` as an evidence bundle: it has no bundle.json of ours
    "#]],
    );
}

#[test]
fn a_failed_run_claims_nothing() {
    // Nobody drafts anything.
    let world = World::with_repository(PAGES).says("draft", &["text = \"Nothing to do.\"\n"]);
    let ended = world.walk(&["--out", "out"]);
    assert_ne!(ended.code, 0, "{}", world.seen(&ended));
    check(
        &world,
        &["out"],
        expect![[r#"
        exit 0
        --- stdout
        bundle      every file is what the run wrote ([RUN])
        claims      none: the run did not complete, so there is no gate to re-execute
    "#]],
    );
}

#[test]
fn a_run_from_uncommitted_changes_needs_them() {
    let world = World::with_repository(PAGES).says("draft", &[ROUND_UP]);
    let notes = world.path("repo/notes.md");
    fs::write(&notes, "mine\n").expect("writable");
    let ended = world.walk(&["--out", "out", "--include-dirty"]);
    assert_eq!(ended.code, 0, "{}", world.seen(&ended));
    check(
        &world,
        &["out", "--quiet"],
        expect![[r#"
        exit 0
    "#]],
    );
    fs::write(&notes, "other\n").expect("writable");
    check(
        &world,
        &["out", "--quiet"],
        expect![[r#"
        exit 2
        --- stderr
        error: could not start from the uncommitted changes that the run started from: they aren't in [WORLD]/repo any more (such a run can be verified only while they are; commit first next time)
    "#]],
    );
}

#[test]
fn a_bundle_that_lies_well_is_refuted_at_the_gate() {
    let world = with_bundle();
    forge(&world.path("here/out"));
    check(
        &world,
        &["out", "--quiet"],
        expect![[r#"
        exit 10
        --- stdout
        regression  ✗ doesn't hold: tests/test_pages.py::test_full_pages: its class (pytest, draft 1): the bundle says Fixed, and here it is Kept
    "#]],
    );
}

/// A run whose journal says that an agent looked once more, just before the end.
fn with_another_step(folder: &Path) {
    let (run, mut entries) = delivery::read_bundle(folder).expect("it is whole");
    let mut end = entries.pop().expect("it has an end");
    entries.push(protocol::Entry {
        seq: end.seq,
        at_ms: end.at_ms,
        event: protocol::RunEvent::Stepped {
            agent: "auditor".to_owned(),
            iteration: 0,
            step: "audit".to_owned(),
            value: serde_json::Value::Null,
            tree: None,
        },
    });
    end.seq += 1;
    entries.push(end);
    delivery::Bundle::of(&run, &entries)
        .and_then(|it| it.write_to(folder))
        .expect("a lie is a run, too");
}

/// Verifies a bundle whose journal holds an event that nobody wrote.
#[track_caller]
fn check_another_step(world: &World, want: Expect) {
    with_another_step(&world.path("here/out"));
    let ended = world.pipeline(&["verify", "out"]);
    let seen = world.seen(&ended);
    let numbers = |it: &str| it.parse::<u64>().map_or(it.to_owned(), |_| "N".to_owned());
    let seen: Vec<String> = seen.split(' ').map(numbers).collect();
    want.assert_eq(&seen.join(" "));
}

#[test]
fn a_journal_that_no_walk_could_have_written_is_refused() {
    check_another_step(
        &with_bundle(),
        expect![[r#"
        exit 10
        --- stderr
        error: could not trust event N of the bundle's journal: no walk writes there that auditor does `audit` while it gets ready (what could stand there: the run ends as completed)
          what to do: Believe nothing in [WORLD]/here/out: get the bundle again from where it came from.
    "#]],
    );
    // A run that claims nothing is held to the same.
    let world = World::with_repository(PAGES).says("draft", &["text = \"Nothing to do.\"\n"]);
    let ended = world.walk(&["--out", "out"]);
    assert_ne!(ended.code, 0, "{}", world.seen(&ended));
    check_another_step(
        &world,
        expect![[r#"
        exit 10
        --- stderr
        error: could not trust event N of the bundle's journal: no walk writes there that auditor does `audit` while it gets ready (what could stand there: what drafter does in Drafting of draft 1)
          what to do: Believe nothing in [WORLD]/here/out: get the bundle again from where it came from.
    "#]],
    );
}

/// Claims in the journal that a kept test was fixed, and makes everything else of it anew.
fn forge(folder: &Path) {
    let (run, mut entries) = delivery::read_bundle(folder).expect("it is whole");
    for entry in &mut entries {
        if let protocol::RunEvent::Reported { report, .. } = &mut entry.event {
            for evidence in &mut report.evidence {
                if let protocol::Evidence::Tests { comparison, .. } = evidence {
                    comparison[0].class = protocol::TestClass::Fixed;
                }
            }
        }
    }
    delivery::Bundle::of(&run, &entries)
        .and_then(|it| it.write_to(folder))
        .expect("a lie is a run, too");
}
