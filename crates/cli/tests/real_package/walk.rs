//! The whole walk: a bug in a real package is found, fixed, tested and reviewed, and nothing else is touched.

use std::fs;
use std::path::Path;

use protocol::{ReviewerFigure, Share};
use review_bench::Figures;
use serde_json::Value;
use testkit::git::git;

use crate::vendors::KEYS;
use crate::world::{World, end_of, every_file};

/// The suite of the package, in a folder.
#[expect(
    clippy::disallowed_methods,
    reason = "the suite is run the way a user would, without the program"
)]
fn suite_passes(folder: &Path) -> bool {
    let programs = testkit::python().expect("a Python with pytest can be made");
    let ended = std::process::Command::new(programs.join("python"))
        .args([
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "test_inflection.py",
        ])
        .current_dir(folder)
        .env_clear()
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("Python can be started");
    ended.status.success()
}

#[tokio::test]
async fn a_bug_in_a_real_package_is_fixed_and_proven() {
    let world = World::new().await;
    let before = every_file(&world.repository());
    let figure = know_the_reviewer(&world).await;

    let ended = world.run(&world.run_arguments()).await;

    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(world.vendors.refused(), Vec::<String>::new());
    world.check_change();
    check_report(&world, &figure).await;
    check_finished(&world).await;
    assert_eq!(
        every_file(&world.repository()),
        before,
        "the user's repository was written to"
    );
    check_patch_in_a_fresh_copy(&world);
    check_no_key(&world, &ended.stdout, &ended.stderr);
}

/// Writes down that the reviewer was measured, as a bench does; in the words of a report.
async fn know_the_reviewer(world: &World) -> String {
    let planned = world
        .run(&["review-bench", "--dry-run", "--quiet", "--json"])
        .await;
    let planned: Value = serde_json::from_str(&planned.stdout).expect("it is one object");
    let caught = Share { hits: 35, of: 40 };
    let known = Figures {
        known: vec![ReviewerFigure {
            model: planned["model"].as_str().expect("a model").to_owned(),
            effort: None,
            cases: planned["cases"].as_str().expect("a version").to_owned(),
            day: "2026-05-20".to_owned(),
            caught,
            blocked_otherwise: 0,
            false_blocks: Share { hits: 1, of: 20 },
            no_verdict: 0,
        }],
    };
    let folder = world.path("home/.local/state/pipeline");
    fs::create_dir_all(&folder).expect("a folder of the test");
    let text = known.to_text().expect("it is plain data");
    fs::write(folder.join("reviewers.toml"), text).expect("a file of the test");
    format!("blocked, for that defect, {caught}")
}

/// What is known of the reviewer stands in the report.
async fn check_report(world: &World, figure: &str) {
    let run = world.runs().await.remove(0);
    let folder = format!("home/.local/state/pipeline/evidence/{run}");
    for name in ["report.md", "report.html"] {
        let report = fs::read_to_string(world.path(&folder).join(name));
        let report = report.expect("the bundle has it");
        assert!(report.contains(figure), "{name}:\n{report}");
    }
}

/// The run says of itself that it is completed and proven, with one reply for each request.
async fn check_finished(world: &World) {
    let run = world.runs().await.remove(0);
    let log = world.log(&run).await;
    let last = end_of(&log);
    assert_eq!(
        (&last["kind"], &last["status"], &last["tier"]),
        (&"finished".into(), &"completed".into(), &"proven".into())
    );
    let asked: usize = world.vendors.asked().values().map(Vec::len).sum();
    let replied = log.iter().filter(|it| it["event"]["kind"] == "replied");
    assert_eq!(asked, replied.count(), "each request was answered once");
    assert!(
        world
            .vendors
            .openai
            .received()
            .iter()
            .all(|it| it.path == "/v1/responses"),
        "GPT is spoken to as it was trained"
    );
}

fn check_patch_in_a_fresh_copy(world: &World) {
    let copy = world.path("copy");
    let patch = world.patch().display().to_string();
    let from = world.repository().display().to_string();
    git(
        world.path("work").as_path(),
        &["clone", "--quiet", &from, &copy.display().to_string()],
    );
    assert!(!suite_passes(&copy), "the bug is caught by the suite");
    git(&copy, &["apply", "--check", &patch]);
    git(&copy, &["apply", &patch]);
    assert!(suite_passes(&copy), "the patch makes the suite pass");
    fs::remove_dir_all(copy).expect("the copy is the test's own");
}

/// Nothing that is left holds a key.
fn check_no_key(world: &World, stdout: &str, stderr: &str) {
    for (name, key) in KEYS {
        let holds = |bytes: &[u8]| bytes.windows(key.len()).any(|it| it == key.as_bytes());
        assert!(!holds(stdout.as_bytes()), "{name} is on standard output");
        assert!(!holds(stderr.as_bytes()), "{name} is on standard error");
        for (path, bytes) in world.everything_left() {
            assert!(!holds(&bytes), "{name} is in {}", path.display());
        }
    }
}

#[tokio::test]
async fn two_runs_on_one_repository_at_once_both_complete() {
    let world = World::with_its_own_repository().await;
    let before = every_file(&world.repository());
    let mut arguments = world.run_arguments();
    arguments.truncate(arguments.len() - 2);
    arguments.push("--commit".to_owned());

    let (one, other) = tokio::join!(world.run(&arguments), world.run(&arguments));

    for ended in [one, other] {
        assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    }
    assert_eq!(world.vendors.refused(), Vec::<String>::new());
    let branches = git(
        &world.repository(),
        &[
            "for-each-ref",
            "--format=%(refname:short)",
            "refs/heads/pipeline",
        ],
    );
    for run in world.runs().await {
        let branch = branches.lines().find(|it| it.ends_with(&run));
        let branch = branch.unwrap_or_else(|| panic!("{run} has no branch among {branches}"));
        let changed = git(
            &world.repository(),
            &["diff", "--name-only", "main", branch],
        );
        assert_eq!(changed, "inflection/__init__.py\ntest_ordinal_teens.py");
    }
    let after = every_file(&world.repository());
    for (path, bytes) in &before {
        assert_eq!(after.get(path), Some(bytes), "{} changed", path.display());
    }
    let git_folder = world.repository().join(".git");
    let outside = after
        .keys()
        .find(|it| !before.contains_key(*it) && !it.starts_with(&git_folder));
    assert_eq!(outside, None, "only git's own folder got something new");
}
