//! Runs without the command line: started, watched, stopped and resumed by a program of its own.

#[path = "../../../runs/examples/two_runs.rs"]
mod two_runs;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;

use futures::TryStreamExt;
use intake::GivenTests;
use protocol::{Limits, Reason, Silent, Status};
use runs::{Host, ModelSource, Programs, RunRequest, Runs, RunsError, Settings};
use tempfile::TempDir;
use testkit::git::repository;

/// The program, for the inner side of the sandbox.
const PIPELINE: &str = env!("CARGO_BIN_EXE_pipeline");
/// Tools and environments, which all tests share.
const ENVIRONMENTS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/environments");

/// A reply that finds the last page.
const ROUND_UP: &str = r#"
[[call]]
tool = "edit_file"
path = "pages.py"
old_text = "return items // size"
new_text = "return -(-items // size)"

[[call]]
tool = "finish"
summary = "Rounds up instead of down."
"#;

struct World {
    folder: TempDir,
    runs: Runs,
}

impl World {
    async fn deliver(&self, past: &runs::Past) -> runs::Delivered {
        let delivered = self.runs.deliver(past, &past.settings, Arc::new(Silent));
        delivered.await.expect("there is room")
    }

    async fn new() -> World {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let programs = Programs {
            bubblewrap: Some(PathBuf::from("/usr/bin/bwrap")).filter(|it| it.exists()),
            inner: PathBuf::from(PIPELINE),
            search_path: "/usr/local/bin:/usr/bin:/bin".to_owned(),
        };
        fs::create_dir_all(ENVIRONMENTS).expect("a folder for all tests can be made");
        let host = Host::in_folder(folder.path(), programs).await;
        let mut host = host.expect("an empty folder will do");
        host.python.cache = PathBuf::from(ENVIRONMENTS);
        host.python.index.url = env::var("PIP_INDEX_URL").ok();
        let certificates = ["SSL_CERT_FILE", "PIP_CERT"];
        let certificates = certificates.iter().find_map(|it| env::var(it).ok());
        host.python.index.certificates = certificates.map(PathBuf::from);
        let files = BTreeMap::from([
            (
                "pages.py".to_owned(),
                b"def page_count(items: int, size: int) -> int:\n    return items // size\n".to_vec(),
            ),
            (
                "tests/test_pages.py".to_owned(),
                b"from pages import page_count\n\n\ndef test_full():\n    assert page_count(20, 10) == 2\n".to_vec(),
            ),
            ("conftest.py".to_owned(), Vec::new()),
        ]);
        let at = folder.path().join("repo");
        fs::create_dir(&at).expect("a folder can be made");
        repository(&at, &files);
        let replies = folder.path().join("replies/draft");
        fs::create_dir_all(&replies).expect("a folder can be made");
        fs::write(replies.join("01.toml"), ROUND_UP).expect("a file can be written");
        World {
            folder,
            runs: Runs::new(host),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn request(&self) -> RunRequest {
        let mut settings = Settings::demo(&self.path("repo"), None, false);
        settings.source = ModelSource::Scripts {
            folder: self.path("replies"),
            since: 0,
            record: None,
        };
        settings.coders.truncate(1);
        settings.test_author = None;
        settings.reviewer = None;
        RunRequest {
            task: intake::from_text("Count the last page").expect("it is a task"),
            tests: GivenTests::default(),
            settings,
            limits: Limits::STANDARD,
            recorded: None,
        }
    }
}

fn branches(repository: &Path) -> usize {
    let listed = testkit::git::git(repository, &["branch", "--list", "pipeline/*"]);
    listed.lines().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_runs_at_once_one_is_stopped_and_goes_on_later() {
    let world = World::new().await;
    let (first, second) = (world.request(), world.request());
    let ended = two_runs::two_runs(&world.runs, first, second).await;
    let (first, second) = ended.expect("both come to an end");
    assert_eq!(
        first.state.status,
        Status::Completed,
        "{}",
        first.explanation
    );
    assert_eq!(
        second.state.status,
        Status::Running,
        "{}",
        second.explanation
    );
    assert_eq!(second.state.reason, Some(Reason::Cancelled));

    // Delivered twice is delivered once; what isn't at its end delivers its evidence only.
    for _ in 0..2 {
        let delivered = world.deliver(&first.past).await;
        assert_eq!(delivered.deliveries.len(), 1);
        assert!(delivered.bundle.join("report.html").is_file());
        assert_eq!(branches(&world.path("repo")), 1);
    }
    let told = world.runs.past(&first.past.run, "read").await;
    let told: Vec<String> = told
        .expect("it has ended")
        .deliveries
        .iter()
        .map(|it| format!("{:?}", it.event))
        .map(|it| it.split(' ').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(told, ["Delivering", "Delivered"]);
    let kept = world.deliver(&second.past).await;
    assert!(kept.deliveries.is_empty());

    let resumed = world.runs.resume(&second.past.run, Arc::new(Silent)).await;
    let resumed = resumed.expect("nobody works on it");
    // Whoever joins later misses nothing, from wherever they go on.
    let events = resumed.events(2);
    let again = world.runs.resume(resumed.id(), Arc::new(Silent)).await;
    assert!(matches!(again, Err(RunsError::TakeUp { .. })), "{again:?}");
    let ended = resumed.ended().await.expect("it comes to its end");
    assert_eq!(
        ended.state.status,
        Status::Completed,
        "{}",
        ended.explanation
    );
    let seen: Vec<_> = pin!(events).try_collect().await.expect("they can be read");
    assert_eq!(seen, ended.past.history[2..]);
    let over = world.runs.resume(&ended.past.run, Arc::new(Silent)).await;
    assert!(matches!(over, Err(RunsError::AtItsEnd { .. })), "{over:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_discarded_leaves_nothing() {
    let world = World::new().await;
    let (stop, _) = pipeline::Stop::new();
    let watcher = Arc::new(Silent);
    let prepared = world.runs.prepare(world.request(), watcher.clone(), &stop);
    let prepared = prepared.await.expect("it can be opened");
    assert_eq!(prepared.lack().await.expect("it can be read"), None);
    let folder = world.runs.host().folders.run(prepared.run());
    assert!(folder.is_dir());
    prepared.discard().await.expect("it can be taken back");
    assert!(!folder.exists());

    stop.ask();
    let stopped = world.runs.prepare(world.request(), watcher, &stop).await;
    assert!(matches!(stopped.map(drop), Err(RunsError::Stopped)));
    let left = world
        .runs
        .host()
        .store
        .runs(10)
        .await
        .expect("it can be read");
    assert!(left.is_empty(), "{left:?}");
}
