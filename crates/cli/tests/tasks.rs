//! Every fixture from its first event to its last: real git, Ruff, pytest and walls, scripted models.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use agents_coding::{Coder, CoderRole, Dialect};
use agents_format::RuffAgent;
use agents_qa::Reviewer;
use agents_test::{PytestRunner, TestAuthor};
use expect_test::expect_file;
use llm::ScriptedModel;
use pipeline::{Crew, Run, Stop};
use protocol::{
    Entry, Journal, ListQuery, Model, ModelId, RunEvent, RunId, RunState, Silent, Stage, Workspace,
};
use tempfile::TempDir;
use testkit::{Fixture, MemoryJournal, journal_text};
use workspace::checkout::{Checkout, Opening, Origin, SystemPrograms};
use workspace::command::Door;
use workspace::confine::Walls;
use workspace::git::{Access, MirrorLimits, Mirrors};
use workspace::proxy::Egress;

/// The program itself, which is also the inner stage of the sandbox.
const STAGE: &str = env!("CARGO_BIN_EXE_pipeline");

/// What came of a walk.
struct Walked {
    history: Vec<Entry>,
    state: RunState,
    tree: BTreeMap<String, Vec<u8>>,
}

#[tokio::test]
async fn every_fixture_ends_as_it_says() {
    let mut broken = Vec::new();
    for fixture in Fixture::all() {
        let walked = walk(&fixture).await;
        let found = fixture.differences(&walked.state, &walked.tree);
        let happened = journal_text(&walked.history);
        if found.is_empty() {
            expect_file![fixture.journal_file()].assert_eq(&happened);
            check_bundle(&fixture, &walked);
        } else {
            let found = found.join("\n");
            broken.push(format!("{}:\n{found}\n{happened}", fixture.name));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// What the bundle says is what came out.
fn check_bundle(fixture: &Fixture, walked: &Walked) {
    let folder = TempDir::new().expect("a folder for the test");
    let out = folder.path().join("bundle");
    delivery::Bundle::of(&RunId("r".into()), &walked.history)
        .and_then(|it| it.write_to(&out))
        .unwrap_or_else(|error| panic!("{}: could not {error}", fixture.name));
    let (_, entries) = delivery::read_bundle(&out).expect("nobody changed it");
    let mut folded = RunState::fold(&entries).expect("it is a whole run");
    let mut walked = walked.state.clone();
    // What was prepared may be taken in later than it was finished.
    folded.evidence.clear();
    walked.evidence.clear();
    assert_eq!(folded, walked, "{}: fold and walk disagree", fixture.name);
}

async fn walk(fixture: &Fixture) -> Walked {
    let world = TempDir::new().expect("a folder for the test");
    let repository = fixture.repository();
    let checkout = open(fixture, world.path(), repository.path()).await;
    let base_commit = checkout.base().clone();
    let base = checkout.fork(&base_commit.tree).await;
    let work: Arc<dyn Workspace> = Arc::new(checkout);
    let crew = crew(fixture);
    let journal = Arc::new(MemoryJournal::new());
    let opened = RunEvent::Opened {
        task: fixture.task.clone(),
        base: base_commit,
        crew: crew.seats(),
        limits: fixture.limits.clone(),
        settings: serde_json::Value::Null,
    };
    journal.append(&opened).await.expect("it is kept in memory");
    let run = Run {
        task: fixture.task.clone(),
        crew,
        limits: fixture.limits.clone(),
        journal: journal.clone(),
        work: work.clone(),
        base: base.expect("the base can be laid out"),
        log: Arc::new(Silent),
        stop: Stop::never(),
    };
    let outcome = run.walk(&journal.entries()).await;
    let outcome = outcome.unwrap_or_else(|error| panic!("{}: could not {error}", fixture.name));
    Walked {
        history: journal.entries(),
        state: outcome.state,
        tree: tree_of(&*work).await,
    }
}

/// The crew that the fixture's scripts fill; a role without one is left out.
fn crew(fixture: &Fixture) -> Crew {
    let model = |role: &str| -> Option<Arc<dyn Model>> {
        let replies = fixture.replies.get(role)?.clone();
        let id = ModelId::new("scripted", role);
        Some(Arc::new(ScriptedModel::new(id, replies)))
    };
    let coder = |name: &str, role| Coder::new(name, role, Dialect::Functions);
    let mut crew = Crew::new();
    if let Some(model) = model("draft") {
        crew = crew.with_model(Stage::Drafting, coder("drafter", CoderRole::Draft), model);
    }
    if let Some(model) = model("refine") {
        crew = crew.with_model(Stage::Drafting, coder("refiner", CoderRole::Refine), model);
    }
    crew = crew.with(Stage::Formatting, RuffAgent::new());
    if let Some(model) = model("author") {
        crew = crew.with_model(Stage::Testing, TestAuthor::new(), model);
    }
    crew = crew.with(Stage::Testing, PytestRunner::new());
    if let Some(model) = model("review") {
        crew = crew.with_model(Stage::Qa, Reviewer::new(), model);
    }
    crew
}

async fn open(fixture: &Fixture, world: &Path, repository: &Path) -> Checkout {
    let scratch = world.join("scratch");
    fs::create_dir(&scratch).expect("a folder for the test");
    let walls = Walls::probe(Some(Path::new("/usr/bin/bwrap")), Path::new(STAGE)).await;
    let walls = walls.expect("some walls hold where the tests run");
    let door = Arc::new(Door::new(walls, STAGE.into(), scratch, Egress::default()));
    let limits = MirrorLimits {
        fetch_seconds_max: 60,
        lock_seconds_max: 60,
        pack_bytes_max: 1 << 26,
        memory_bytes_max: 1 << 30,
    };
    let path = "/usr/bin:/bin".to_owned();
    let mirrors = world.join("mirrors");
    let opening = Opening {
        run_folder: world.join("run"),
        mirrors: Mirrors::new(mirrors, door.clone(), Access::default(), path, limits),
        door,
        limits: fixture.limits.clone(),
        environments: Arc::new(programs()),
    };
    let origin = Origin::Folder(repository.to_owned());
    Checkout::open(opening, &origin, None, false, &Silent)
        .await
        .unwrap_or_else(|error| panic!("{}: could not {error}", fixture.name))
}

/// A Python with pytest and Ruff that all fixtures share, and the interpreter it points at.
fn programs() -> SystemPrograms {
    let programs = testkit::python().expect("a Python with pytest and Ruff can be made");
    let up = |path: &Path| -> PathBuf {
        let folder = path
            .parent()
            .expect("programs are in a folder of an environment");
        folder.to_owned()
    };
    let real = fs::canonicalize(programs.join("python")).expect("the environment has a python");
    SystemPrograms {
        readable: vec![up(&programs), up(&up(&real))],
        programs: vec![programs],
    }
}

/// The files that stand in the tree at the end.
async fn tree_of(work: &dyn Workspace) -> BTreeMap<String, Vec<u8>> {
    let everything = ListQuery {
        path: String::new(),
        glob: None,
        items_max: 10_000,
    };
    let listing = work
        .list(&everything)
        .await
        .expect("the tree can be listed");
    assert_eq!(listing.left_out, 0, "a fixture is small");
    let mut tree = BTreeMap::new();
    for path in listing.items {
        let bytes = work.read(&path).await.expect("what is listed can be read");
        tree.insert(path, bytes);
    }
    tree
}
