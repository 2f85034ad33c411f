//! Each case against the real sources: it is what git tells of the whole files, Ruff leaves it as it is, and its defect is one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ::git::difference_between;
use agents_format::RuffAgent;
use protocol::{Agent, AgentContext, Command, Exit, RunState, Task, Workspace};
use review_bench::{Case, as_its_authors_made_it, cases};
use serde::Deserialize;
use tempfile::TempDir;
use testkit::{
    FolderWorkspace, Honest, MemorySteps, NoModel, RecordingLog, git, limits, run_for_real,
};

/// Seconds for one proof.
const PROOF_SECONDS_MAX: u64 = 60;
/// Seconds for one suite.
const SUITE_SECONDS_MAX: u64 = 600;

/// The edits of `defect.toml`.
#[derive(Deserialize)]
struct Edits {
    file: String,
    #[serde(default)]
    lines: Option<[u32; 2]>,
    edit: Vec<Edit>,
}

#[derive(Deserialize)]
struct Edit {
    old: String,
    new: String,
}

type Files = BTreeMap<String, Vec<u8>>;

#[tokio::test(flavor = "multi_thread")]
async fn every_case_is_what_it_says_of_the_real_sources() {
    let cases = cases().expect("they come with the program");
    let mut broken = Vec::new();
    for honest in Honest::with_review() {
        let name = honest.fixture.name.clone();
        let of_fix = |it: &&Case| it.name.starts_with(&format!("{name}/"));
        let (clean, seeded): (Vec<&Case>, Vec<&Case>) =
            (cases.iter().filter(of_fix)).partition(|it| it.defect.is_none());
        let before = &honest.fixture.before;
        let fixed = patched(before, &clean[0].state.proposed_code);
        broken.extend(differences(clean[0], before, &fixed).await);
        if clean[0].repaired.is_some() {
            let file = honest.fixture.folder.join("review/repair.py");
            let made = patched(before, &as_its_authors_made_it(&name).expect("it is one"));
            broken.extend(proof(&clean[0].name, &file, &fixed, &made).await);
        }
        for case in seeded {
            let folder = folder_of(&honest.fixture.folder, case);
            let (edits, changed) = edited(&folder, &fixed);
            broken.extend(differences(case, before, &changed).await);
            broken.extend(elsewhere(case, &edits, &fixed, &changed));
            let file = folder.join("proof.py");
            broken.extend(proof(&case.name, &file, &fixed, &changed).await);
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn folder_of(fix: &Path, case: &Case) -> PathBuf {
    let (_, name) = case.name.split_once('/').expect("a name has two parts");
    fix.join("review").join(name)
}

/// What `unseen` says of each defect, and that a repair breaks no test. It is no part of every run of the tests, for what it takes.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs the suites of all packages, once for each case"]
async fn unseen_is_what_no_test_notices() {
    let cases = cases().expect("they come with the program");
    let mut broken = Vec::new();
    for honest in Honest::with_review() {
        let name = honest.fixture.name.clone();
        let of_fix = |it: &&Case| it.name.starts_with(&format!("{name}/"));
        let (clean, seeded): (Vec<&Case>, Vec<&Case>) =
            (cases.iter().filter(of_fix)).partition(|it| it.defect.is_none());
        let fixed = patched(&honest.fixture.before, &clean[0].state.proposed_code);
        let with_tests = |files: &Files| {
            let mut files = files.clone();
            files.extend(honest.tests.clone());
            files.extend(honest.amended.clone());
            files
        };
        let expected = red(&with_tests(&fixed)).await;
        if clean[0].repaired.is_some() {
            let made = as_its_authors_made_it(&name).expect("it is one");
            let made = red(&with_tests(&patched(&honest.fixture.before, &made))).await;
            let mut noticed = expected.clone();
            noticed.retain(|id| !made.contains(id));
            if !noticed.is_empty() {
                broken.push(format!("{name}: its repair breaks {noticed:?}"));
            }
        }
        for case in seeded {
            let (_, changed) = edited(&folder_of(&honest.fixture.folder, case), &fixed);
            let flaky = |id: &str| {
                let patterns = honest.origin.flaky.iter();
                let mut patterns = patterns.map(|it| it.trim_end_matches('*'));
                patterns.any(|it| id.contains(it))
            };
            let mut noticed = red(&with_tests(&changed)).await;
            noticed.retain(|id| !expected.contains(id) && !flaky(id));
            let defect = case.defect.as_ref().expect("it is a seeded one");
            if defect.unseen != noticed.is_empty() {
                broken.push(format!("{}: noticed by {noticed:?}", case.name));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The tests that don't pass, as pytest lists them.
async fn red(files: &Files) -> BTreeSet<String> {
    let work = FolderWorkspace::new(files).running(run_for_real);
    let argv = [
        "python",
        "-m",
        "pytest",
        "-q",
        "-rfE",
        "--continue-on-collection-errors",
    ];
    let ended = work.run(&Command::new(argv, SUITE_SECONDS_MAX)).await;
    let ended = ended.expect("pytest is there");
    let of_a_test = |line: &str| {
        let (how, id) = line.split_once(' ')?;
        let id = id.split(" - ").next().unwrap_or_default();
        ["FAILED", "ERROR"].contains(&how).then(|| id.to_owned())
    };
    ended.stdout.text.lines().filter_map(of_a_test).collect()
}

/// What files become with a patch.
fn patched(before: &Files, patch: &str) -> Files {
    let folder = TempDir::new().expect("a folder for the test");
    let file = TempDir::new().expect("a folder for the test");
    let file = file.path().join("change.patch");
    fs::write(&file, patch).expect("it can be written");
    git::repository(folder.path(), before);
    git::git(folder.path(), &["apply", &file.display().to_string()]);
    testkit::files(folder.path())
}

/// What the fixed files become with the edits of a defect.
fn edited(folder: &Path, fixed: &Files) -> (Edits, Files) {
    let file = folder.join("defect.toml");
    let text = fs::read_to_string(&file).unwrap_or_else(|it| panic!("{}: {it}", file.display()));
    let edits: Edits =
        toml::from_str(&text).unwrap_or_else(|it| panic!("{}: {it}", file.display()));
    let mut changed = fixed.clone();
    let bytes = changed
        .get_mut(&edits.file)
        .expect("it edits a file that is there");
    let mut text = String::from_utf8(bytes.clone()).expect("it edits a text");
    for edit in &edits.edit {
        assert_eq!(
            text.matches(&edit.old).count(),
            1,
            "{}: {}",
            file.display(),
            edit.old
        );
        text = text.replacen(&edit.old, &edit.new, 1);
    }
    *bytes = text.into_bytes();
    (edits, changed)
}

/// How a case differs from what a run would show.
async fn differences(case: &Case, before: &Files, after: &Files) -> Vec<String> {
    let mut found = Vec::new();
    let texts = |files: &Files| {
        let differs = |path: &&String| before.get(*path) != after.get(*path);
        let text = |path: &String| String::from_utf8(files[path].clone()).expect("it is a text");
        let paths = files.keys().filter(differs);
        paths.map(|it| (it.clone(), text(it))).collect()
    };
    let scratch = TempDir::new().expect("a folder for the test");
    let change = difference_between(scratch.path(), &texts(before), &texts(after));
    let told = change.expect("two sets of files can be compared").patch;
    let shown = &case.state.proposed_code;
    if without_ids(shown) != without_ids(&told) {
        found.push(format!(
            "{}: git tells\n{told}\nand it shows\n{shown}",
            case.name
        ));
    }
    // What Ruff would change could tell a seeded defect from a draft that went through the formatter.
    let base = FolderWorkspace::new(before).running(run_for_real);
    let work = FolderWorkspace::new(before).running(run_for_real);
    for (path, bytes) in after {
        if before.get(path) != Some(bytes) {
            work.write(path, bytes).await.expect("it can be written");
        }
    }
    let (limits, steps, log) = (limits(), MemorySteps::default(), RecordingLog::default());
    let cx = AgentContext {
        model: &NoModel::default(),
        work: &work,
        base: &base,
        steps: &steps,
        limits: &limits,
        log: &log,
    };
    let state = RunState::new(Task::from_text("Format it"));
    let report = RuffAgent::new().run(&cx, &state).await;
    let report = report.unwrap_or_else(|it| panic!("{}: could not {it}", case.name));
    for (path, bytes) in after {
        if work.read(path).await.ok().as_ref() != Some(bytes) {
            let formatted = work.text(path);
            found.push(format!("{}: Ruff formats {path}:\n{formatted}", case.name));
        }
    }
    if let Some(feedback) = report.verdict.feedback() {
        found.push(format!("{}: Ruff sends it back: {feedback}", case.name));
    }
    found
}

/// A diff without the identifiers of whole files, which a case hasn't.
fn without_ids(patch: &str) -> Vec<&str> {
    let lines = patch.lines();
    lines.filter(|it| !it.starts_with("index ")).collect()
}

/// Whether a defect is in other lines than its case says.
fn elsewhere(case: &Case, edits: &Edits, fixed: &Files, changed: &Files) -> Option<String> {
    let text = |files: &Files| String::from_utf8(files[&edits.file].clone()).expect("it is a text");
    let (old, new) = (text(fixed), text(changed));
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same =
        |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| pairs.take_while(|(a, b)| a == b).count();
    let above = same(&mut old.iter().zip(&new));
    let below = same(&mut old.iter().rev().zip(new.iter().rev()));
    let below = below.min(old.len().min(new.len()) - above);
    let first = u32::try_from(above + 1).expect("a file is short");
    let last = u32::try_from(new.len() - below)
        .expect("a file is short")
        .max(first);
    let told = edits.lines.unwrap_or([first, last]);
    (told != [first, last]).then(|| {
        format!(
            "{}: it is in the lines [{first}, {last}], not {told:?}",
            case.name
        )
    })
}

/// A proof holds for what is right and fails for what is wrong.
async fn proof(case: &str, file: &Path, right: &Files, wrong: &Files) -> Vec<String> {
    let code = fs::read_to_string(file).unwrap_or_else(|it| panic!("{}: {it}", file.display()));
    let mut found = Vec::new();
    for (files, fails) in [(right, false), (wrong, true)] {
        let work = FolderWorkspace::new(files).running(run_for_real);
        let command = Command::new(["python", "-c", &code], PROOF_SECONDS_MAX);
        let ended = work.run(&command).await.expect("Python is there");
        if (ended.exit == Exit::Code(0)) == fails {
            let which = if fails { "wrong" } else { "right" };
            found.push(format!(
                "{case}: its proof with what is {which}: {:?}\n{}",
                ended.exit,
                ended.tail()
            ));
        }
    }
    found
}
