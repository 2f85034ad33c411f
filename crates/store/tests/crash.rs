//! What was acknowledged survives `kill -9` and a full disk.
//!
//! The children are this same test program, told by a file in their working folder what to do; where there is no
//! such file, in an ordinary test run, the child's test has nothing to do.

#![expect(
    clippy::unwrap_used,
    reason = "a broken test world may panic; the child reports over standard output"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use protocol::RunEvent;
use store::{NewRun, Owner, RunJournal, Store, StoreError};

/// In a child's working folder: the path of its database.
const ORDER: &str = "store-test-order";
/// Before each acknowledged place in the child's output.
const MARK: &str = "acknowledged ";
const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    for kill_after in [1, 7, 40] {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("runs.db");
        fs::write(folder.path().join(ORDER), database.display().to_string()).unwrap();
        let mut child = myself(folder.path(), &["--exact", "child_appends", "--nocapture"]);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = 0;
        let seen = lines.map_while(Result::ok).filter(|it| it.contains(MARK));
        for _ in seen.take(kill_after) {
            acknowledged += 1;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(
            acknowledged, kill_after,
            "the child ended before it was killed"
        );

        let store = Store::open(&format!("sqlite:{}", database.display()))
            .await
            .unwrap();
        let run = store.runs(1).await.unwrap().remove(0);
        assert!(run.holder.is_none(), "a dead process holds nothing");
        let history = store.history(&run.id).await.unwrap();
        assert!(
            acknowledged <= history.len(),
            "{acknowledged} acknowledged, {} kept",
            history.len()
        );
        for entry in &history {
            assert_eq!(entry.event, event(entry.seq), "event {}", entry.seq);
        }
        let lease = store
            .claim(&run.id, &Owner::this_process(), LONG)
            .await
            .unwrap();
        let next = history.len() as u64;
        assert_eq!(
            store.journal(lease).write(&event(next)).await.unwrap(),
            next
        );
    }
}

#[tokio::test]
async fn a_full_disk_is_said_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(ORDER), "/mnt/runs.db").unwrap();
    let Some(child) = on_a_small_disk(folder.path(), "child_fills_the_disk") else {
        eprintln!("skipped: bubblewrap can't make a small disk here");
        return;
    };
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("filled and went on"),
        "{said}"
    );
}

/// A child's life: appends, small and large events in turn, until it is killed.
#[tokio::test]
async fn child_appends() {
    let Some(journal) = ordered().await else {
        return;
    };
    for seq in 0..100_000 {
        journal.1.write(&event(seq)).await.unwrap();
        println!("\n{MARK}{seq}");
    }
}

/// A child's life: fills its disk, makes room, goes on.
#[tokio::test]
async fn child_fills_the_disk() {
    let Some((store, journal)) = ordered().await else {
        return;
    };
    let ballast = Path::new("/mnt/ballast");
    for (large, ballast_bytes) in [(true, 300_000), (false, 100_000)] {
        fs::write(ballast, vec![0; ballast_bytes]).unwrap();
        let before = store.history(journal.run()).await.unwrap().len() as u64;
        let mut acknowledged = before;
        let error = loop {
            // Odd events are large and become files; even ones fill the database itself.
            let seq = acknowledged * 2 + u64::from(large);
            match journal.write(&event(seq)).await {
                Ok(_) => acknowledged += 1,
                Err(error) => break error,
            }
            assert!(acknowledged < 100_000, "the disk never fills");
        };
        assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
        assert!(error.to_string().contains("resume the run"), "{error}");
        assert_eq!(
            store.history(journal.run()).await.unwrap().len() as u64,
            acknowledged
        );
        fs::remove_file(ballast).unwrap();
        assert_eq!(journal.write(&event(1)).await.unwrap(), acknowledged);
    }
    println!("filled and went on");
}

/// The event that belongs to a place: every odd one too large for the database.
fn event(seq: u64) -> RunEvent {
    let length = if seq % 2 == 1 { 20_000 } else { 200 };
    RunEvent::Stepped {
        agent: "gpt".to_owned(),
        iteration: 1,
        step: "tool".to_owned(),
        value: format!("{seq} {}", "x".repeat(length)).into(),
        tree: None,
    }
}

/// The journal this process was told to write, if it was.
async fn ordered() -> Option<(Store, RunJournal)> {
    let path = fs::read_to_string(ORDER).ok()?;
    let store = Store::open(&format!("sqlite:{path}")).await.unwrap();
    let run = NewRun {
        title: "a".to_owned(),
        repository: "b".to_owned(),
    };
    let lease = store
        .start(&run, &Owner::this_process(), LONG)
        .await
        .unwrap();
    let journal = store.journal(lease);
    Some((store, journal))
}

/// Runs a child's life with a disk of one megabyte at `/mnt`.
fn on_a_small_disk(folder: &Path, test: &str) -> Option<Child> {
    let me = fs::read_link("/proc/self/exe").unwrap();
    let me = me.to_str().unwrap();
    let disk = "--bind / / --dev /dev --proc /proc --size 1000000 --tmpfs /mnt";
    let disk: Vec<&str> = disk.split(' ').collect();
    let mut probe = spawn("bwrap", folder, &[&disk[..], &["true"]].concat())?;
    if !probe.wait().ok()?.success() {
        return None;
    }
    let run = [me, "--exact", test, "--nocapture"];
    spawn("bwrap", folder, &[&disk[..], &run].concat())
}

fn myself(folder: &Path, arguments: &[&str]) -> Child {
    spawn("/proc/self/exe", folder, arguments).unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the child is this test itself, and must be killed without mercy"
)]
fn spawn(program: &str, folder: &Path, arguments: &[&str]) -> Option<Child> {
    Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()
}
