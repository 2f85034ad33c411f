//! Nothing outlives the program, whoever ends it: the program itself, its time, its caller, or the end of the caller.

use std::path::Path;
use std::time::Duration;

use expect_test::expect;
use sandbox::command::View;
use tempfile::TempDir;

use crate::world::{Behind, EVERYWHERE, World, shown};

/// A grandchild that leaves its session and makes a file longer all the time.
const HEARTBEAT: &str = "
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for _ in range(10_000):
            with open('beat', 'a') as file:
                file.write('beat ')
            time.sleep(0.01)
    os._exit(0)
while not os.path.exists('beat') or not os.path.getsize('beat'):
    time.sleep(0.01)
print('begun', flush=True)
";

/// Whether nobody writes the file any more.
async fn is_still(folder: &Path) -> bool {
    const BEATS: Duration = Duration::from_millis(300);
    const WAITS_MAX: usize = 20;
    let read = || std::fs::read_to_string(folder.join("beat")).unwrap_or_default();
    let mut before = read();
    for _ in 0..WAITS_MAX {
        tokio::time::sleep(BEATS).await;
        let now = read();
        if !now.is_empty() && now == before {
            return true;
        }
        before = now;
    }
    false
}

#[tokio::test]
async fn grandchildren_end_with_the_program() {
    for behind in EVERYWHERE {
        let world = World::new(behind).await;
        let execution = world.run(&world.spawn(&["python3", "-c", HEARTBEAT])).await;
        expect![[r#"
            Code(0)
            begun
        "#]]
        .assert_eq(&shown(&execution));
        assert!(is_still(&world.tree()).await, "{behind:?}");
    }
}

#[tokio::test]
async fn grandchildren_end_when_the_time_is_up() {
    for behind in EVERYWHERE {
        let world = World::new(behind).await;
        let mut spawn = world.spawn(&["python3", "-c", &format!("{HEARTBEAT}time.sleep(1000)")]);
        spawn.bounds.wall_seconds_max = 2;
        let execution = world.run(&spawn).await;
        expect![[r#"
            TooSlow
            begun
        "#]]
        .assert_eq(&shown(&execution));
        assert!(is_still(&world.tree()).await, "{behind:?}");
    }
}

#[tokio::test]
async fn grandchildren_end_when_nobody_waits_any_more() {
    for behind in EVERYWHERE {
        let world = World::new(behind).await;
        let program = format!(
            "{HEARTBEAT}os.write(int(os.environ['PIPELINE_REPORT_FD']), b'!'); time.sleep(1000)"
        );
        let mut spawn = world.spawn(&["python3", "-c", &program]);
        spawn.report = true;
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let mut begun = Some(begun);
        let mut on_report = |_: &[u8]| {
            if let Some(begun) = begun.take() {
                let _nobody_listens = begun.send(());
            }
        };
        tokio::select! {
            ended = world.door.run_watching(&spawn, &mut on_report) => panic!("it ended: {ended:?}"),
            _ = has_begun => {}
        }
        assert!(is_still(&world.tree()).await, "{behind:?}");
    }
}

/// Tells a second process of this test which walls to use, and where to write.
const HOLD: &str = "DOOR_TEST_HOLD";

#[tokio::test]
async fn grandchildren_end_when_the_pipeline_is_killed() {
    for behind in EVERYWHERE {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let mut pipeline = second_process(behind, folder.path());
        let begun = wait_for_beat(folder.path()).await;
        pipeline.kill().expect("it can be killed");
        pipeline.wait().expect("it can be waited for");
        assert!(begun && is_still(folder.path()).await, "{behind:?}");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "starts this test a second time, as the pipeline that is killed"
)]
fn second_process(behind: Behind, folder: &Path) -> std::process::Child {
    let this = std::env::current_exe().expect("the test has a path");
    std::process::Command::new(this)
        .args(["--exact", "orphans::a_pipeline_at_work"])
        .env(HOLD, format!("{behind:?} {}", folder.display()))
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the test can be started again")
}

/// What the second process does; without an order, nothing.
#[tokio::test]
async fn a_pipeline_at_work() {
    let Ok(order) = std::env::var(HOLD) else {
        return;
    };
    let (walls, folder) = order.split_once(' ').expect("an order has two parts");
    let behind = EVERYWHERE
        .into_iter()
        .find(|behind| format!("{behind:?}") == walls)
        .expect("an order names walls");
    let world = World::new(behind).await;
    let mut spawn = world.spawn(&["python3", "-c", &format!("{HEARTBEAT}time.sleep(1000)")]);
    spawn.directory = folder.into();
    if let View::Confined { writable, .. } = &mut spawn.view {
        writable.push(folder.into());
    }
    world.run(&spawn).await;
}

async fn wait_for_beat(folder: &Path) -> bool {
    const WAITS_MAX: usize = 1000;
    for _ in 0..WAITS_MAX {
        if std::fs::metadata(folder.join("beat")).is_ok_and(|file| file.len() != 0) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test]
async fn a_program_that_forks_and_forks_is_stopped() {
    // Where the kernel keeps the limit, fork fails; where it doesn't, the program is ended. It stops by itself at
    // a number that no machine minds.
    const FORKS: &str = "
import os, time
for count in range(400):
    try:
        if os.fork() == 0:
            time.sleep(1000)
    except BlockingIOError:
        print('refused')
        os._exit(0)
time.sleep(1000)
";
    for behind in [Behind::Bubblewrap, Behind::LandlockAlone] {
        let world = World::new(behind).await;
        let mut spawn = world.spawn(&["python3", "-c", FORKS]);
        spawn.bounds.processes_max = 50;
        let shown = shown(&world.run(&spawn).await);
        let by_whom = [
            "Code(0)\nrefused\n",
            "Signal(9)\nstopped: more than 50 processes\n",
        ];
        assert!(by_whom.contains(&shown.as_str()), "{behind:?}: {shown}");
    }
}
