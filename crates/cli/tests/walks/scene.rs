//! What every walk stands on: a repository, a private checkout behind walls, a crew of scripted models.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use agents_coding::Dialect;
use futures::{StreamExt, stream};
use git::{Access, MirrorLimits, Mirrors};
use llm::{Budget, Day, Ledger, Prices, ScriptedModel, Spent};
use pipeline::{Crew, Run, Stop};
use protocol::{
    Entry, Journal, ListQuery, Model, ModelId, Note, RunEvent, RunState, Silent, Workspace,
    WorkspaceError,
};
use runs::crew;
use sandbox::command::Door;
use sandbox::confine::Walls;
use sandbox::proxy::Egress;
use tempfile::TempDir;
use testkit::{Fixture, Installed, MemoryJournal, RecordingLog};
use workspace::checkout::{Checkout, Opening, Origin, SystemPrograms};

use crate::own;

/// The program itself, which is also the inner stage of the sandbox.
pub(crate) const STAGE: &str = env!("CARGO_BIN_EXE_pipeline");

/// What came of a walk.
pub(crate) struct Walked {
    pub(crate) history: Vec<Entry>,
    pub(crate) state: RunState,
    pub(crate) tree: BTreeMap<String, Vec<u8>>,
}

/// What a run ended with, which is worth seeing also when all is as it must be; `scripts/bench` reads the counts.
#[expect(clippy::print_stdout, reason = "a test reports on standard output")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// Walks every fixture, as many at a time as the machine has processors, and hands each to `check`, which says what
/// is wrong with what came of it.
///
/// # Panics
///
/// When something is wrong with any of them; the message names each.
pub(crate) async fn every(
    fixtures: Vec<Fixture>,
    check: impl Fn(&Fixture, &Walked) -> Vec<String> + Clone + Send + 'static,
) {
    let broken = broken(fixtures, check).await;
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// As [`every`], but returns what is wrong: a text for each fixture, by name.
pub(crate) async fn broken(
    fixtures: Vec<Fixture>,
    check: impl Fn(&Fixture, &Walked) -> Vec<String> + Clone + Send + 'static,
) -> Vec<String> {
    let at_once = thread::available_parallelism().map_or(1, NonZero::get);
    let mut broken: Vec<String> = stream::iter(fixtures)
        .map(|fixture| (fixture, check.clone()))
        .map(|(fixture, check)| async move {
            let name = fixture.name.clone();
            // A task of its own, so that one that panics doesn't hide what is wrong with the others.
            let walked = tokio::spawn(async move {
                let walked = walk(&fixture).await;
                check(&fixture, &walked)
            });
            match walked.await {
                Ok(found) if found.is_empty() => None,
                Ok(found) => Some(format!("{name}:\n{}", found.join("\n"))),
                Err(broken) => Some(format!("{name}: {broken}")),
            }
        })
        .buffer_unordered(at_once)
        .filter_map(|it| async { it })
        .collect()
        .await;
    broken.sort();
    broken
}

/// Walks a fixture from its first event to its last.
pub(crate) async fn walk(fixture: &Fixture) -> Walked {
    let world = TempDir::new().expect("a folder for the test");
    walk_in(fixture, world.path()).await
}

/// The same, in a folder in which its trees stay.
pub(crate) async fn walk_in(fixture: &Fixture, world: &Path) -> Walked {
    let repository = fixture.repository();
    let checkout = open(fixture, world, repository.path()).await;
    let base_commit = checkout.base().clone();
    let crew = crew(fixture);
    let journal = MemoryJournal::new();
    let opened = RunEvent::Opened {
        task: fixture.task.clone(),
        base: base_commit,
        crew: crew.seats(),
        limits: fixture.limits.clone(),
        settings: serde_json::Value::Null,
    };
    journal.append(&opened).await.expect("it is kept in memory");
    walk_on(fixture, checkout, crew, journal).await
}

/// Walks on from what a journal holds.
pub(crate) async fn walk_on(
    fixture: &Fixture,
    checkout: Checkout,
    crew: Crew,
    journal: MemoryJournal,
) -> Walked {
    let base = checkout.fork(&checkout.base().tree).await;
    let work: Arc<dyn Workspace> = Arc::new(checkout);
    let journal = Arc::new(journal);
    let log = Arc::new(RecordingLog::default());
    let run = Run {
        task: fixture.task.clone(),
        crew,
        limits: fixture.limits.clone(),
        journal: journal.clone(),
        work: work.clone(),
        base: base.expect("the base can be laid out"),
        log: log.clone(),
        stop: Stop::never(),
    };
    let outcome = run.walk(&journal.entries()).await;
    let renamed = |it: &Note| matches!(it, Note::Renamed { .. });
    let renamed: Vec<Note> = log.notes().into_iter().filter(renamed).collect();
    assert!(renamed.is_empty(), "{}: {renamed:?}", fixture.name);
    let outcome = outcome.unwrap_or_else(|error| panic!("{}: could not {error}", fixture.name));
    Walked {
        history: journal.entries(),
        state: outcome.state,
        tree: tree_of(&*work).await,
    }
}

/// The crew that the fixture's scripts fill; a role without one is left out.
fn crew(fixture: &Fixture) -> Crew {
    let budget = Budget {
        tokens_max: fixture.token_budget,
        microusd_max: None,
    };
    let ledger = Ledger::open(
        budget,
        Prices::default(),
        Day::at(std::time::UNIX_EPOCH),
        Spent::default(),
    );
    let model = |role: &str| -> Option<Arc<dyn Model>> {
        let replies = fixture.replies.get(role)?.clone();
        let id = ModelId::new("scripted", role);
        let model = Arc::new(ScriptedModel::new(id, replies));
        Some(ledger.meter(model).expect("tokens need no price"))
    };
    let coders = ["draft", "refine"].into_iter().filter_map(model);
    crew::crew(crew::Models {
        fallbacks: Vec::new(),
        coders: coders.map(|it| (Dialect::Functions, it)).collect(),
        author: model("author"),
        claimed: Vec::new(),
        user_tests: !fixture.task.tests.is_empty(),
        reviewer: model("review"),
        figures: Vec::new(),
    })
}

pub(crate) async fn open(fixture: &Fixture, world: &Path, repository: &Path) -> Checkout {
    let origin = match fixture.before.is_empty() {
        true => Origin::Nothing,
        false => Origin::Folder(repository.to_owned()),
    };
    Checkout::open(opening(fixture, world).await, &origin, None, false, &Silent)
        .await
        .unwrap_or_else(|error| panic!("{}: could not {error}", fixture.name))
}

/// What a checkout in the folder `run` of a world is opened with.
pub(crate) async fn opening(fixture: &Fixture, world: &Path) -> Opening {
    let scratch = world.join("scratch");
    fs::create_dir(&scratch).expect("a folder for the test");
    let walls = Walls::probe(Some(Path::new("/usr/bin/bwrap")), Path::new(STAGE)).await;
    let walls = walls.expect("some walls hold where the tests run");
    let door = Door::new(walls.clone(), STAGE.into(), scratch, Egress::default());
    let door = Arc::new(door);
    let limits = MirrorLimits {
        fetch_seconds_max: 60,
        lock_seconds_max: 60,
        pack_bytes_max: 1 << 26,
        memory_bytes_max: 1 << 30,
    };
    let path = "/usr/bin:/bin".to_owned();
    let mirrors = world.join("mirrors");
    Opening {
        run_folder: world.join("run"),
        mirrors: Mirrors::new(mirrors, door.clone(), Access::default(), path, limits),
        door,
        limits: fixture.limits.clone(),
        findings: world.join("findings"),
        environments: match fixture.installed {
            Installed::Own => own::environments(fixture, &world.join("scratch"), &walls).await,
            installed => Arc::new(programs(installed)),
        },
        places: Vec::new(),
        home: Vec::new(),
    }
}

/// A Python with pytest and Ruff that all such fixtures share, and the interpreter it points at.
fn programs(installed: Installed) -> SystemPrograms {
    let programs = installed.programs();
    let programs = programs.expect("a Python with pytest and Ruff can be made");
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
        let bytes = match work.read(&path).await {
            // A link that leads out is listed, and never followed.
            Err(WorkspaceError::Outside { .. }) => b"(a link)".to_vec(),
            read => read.expect("what is listed can be read"),
        };
        tree.insert(path, bytes);
    }
    tree
}
