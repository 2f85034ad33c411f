//! The base's own test run, kept for later runs on the same base: measured once, checked each time it is taken.

use protocol::{AgentContext, Exit, Note, TestRun, sha256};

use crate::pytest;
use crate::settings::Settings;

/// The run that an earlier one kept under this name, if it is one of those that are kept.
pub(crate) async fn recall(cx: &AgentContext<'_>, name: &str) -> Option<TestRun> {
    // Whatever is wrong with what was kept, measuring again is the answer.
    let bytes = cx.base.recall(name).await.ok()??;
    let mut run: TestRun = serde_json::from_slice(&bytes).ok()?;
    if !is_worth_keeping(&run) {
        return None;
    }
    run.cached = true;
    cx.log.note(Note::Progress {
        what: "the base's own tests".to_owned(),
        how_far: format!("{} outcomes known from an earlier run", run.results.len()),
    });
    Some(run)
}

/// Keeps a run that came to its own end.
pub(crate) async fn remember(cx: &AgentContext<'_>, name: &str, run: &TestRun) {
    if !is_worth_keeping(run) {
        return;
    }
    if let Ok(bytes) = serde_json::to_vec(run)
        && let Err(error) = cx.base.remember(name, &bytes).await
    {
        // The next run measures again: that costs time and nothing else.
        cx.log.note(Note::Progress {
            what: "the base's own tests".to_owned(),
            how_far: format!("measured, but could not {error}"),
        });
    }
}

/// What stopped half-way, or found nothing, may do better the next time.
fn is_worth_keeping(run: &TestRun) -> bool {
    run.finished && matches!(run.exit, Exit::Code(0 | 1)) && !run.results.is_empty()
}

/// A name that is another one as soon as anything is that decides about the outcomes. The base and its environment
/// are the workspace's part of the key.
pub fn name(cx: &AgentContext<'_>, settings: &Settings, seconds_max: u64) -> String {
    let limits = cx.limits;
    let bounds = [
        seconds_max,
        limits.cpu_seconds_max,
        limits.memory_bytes_max,
        limits.file_bytes_max,
        limits.processes_max,
        limits.output_flood_bytes_max,
    ];
    let walls = cx.base.confinement();
    let parts = [
        env!("CARGO_PKG_VERSION").to_owned(),
        pytest::RECIPE.concat(),
        format!("{settings:?}"),
        format!("{bounds:?}"),
        format!("{:?} {:?}", walls.layers, walls.gaps),
    ];
    let mut bytes = Vec::new();
    for part in &parts {
        bytes.extend((part.len() as u64).to_le_bytes());
        bytes.extend(part.as_bytes());
    }
    format!("baseline-{}", sha256(&bytes))
}

#[cfg(test)]
mod tests {
    use protocol::{Confinement, Limits, TestOutcome, TestResult, Workspace};
    use testkit::{FolderWorkspace, MemorySteps, NoModel, RecordingLog, limits};

    use super::*;

    fn run(results: usize, exit: Exit, finished: bool) -> TestRun {
        let result = TestResult {
            id: "t.py::a".to_owned(),
            outcome: TestOutcome::Passed,
            phase: "call".to_owned(),
            exception: String::new(),
            message: String::new(),
        };
        TestRun {
            results: vec![result; results],
            collected: Vec::new(),
            collection_errors: Vec::new(),
            exit,
            finished,
            wall_ms: 7,
            tail: String::new(),
            cached: false,
        }
    }

    async fn with_context<T>(
        base: &FolderWorkspace,
        limits: &Limits,
        work: impl AsyncFnOnce(&AgentContext<'_>) -> T,
    ) -> T {
        let (steps, log) = (MemorySteps::default(), RecordingLog::default());
        work(&AgentContext {
            model: &NoModel::default(),
            work: base,
            base,
            steps: &steps,
            limits,
            log: &log,
        })
        .await
    }

    #[tokio::test]
    async fn only_a_run_that_came_to_its_end_is_kept_and_taken() {
        let base = FolderWorkspace::new([("a.py", "")]);
        let check = async |run: TestRun, want: bool| {
            with_context(&base, &limits(), async |cx| {
                let name = format!("{:?} {} {}", run.exit, run.finished, run.results.len());
                remember(cx, &name, &run).await;
                let found = recall(cx, &name).await;
                let expected = TestRun {
                    cached: true,
                    ..run.clone()
                };
                assert_eq!(found, want.then_some(expected), "remembered as {name}");
                // What somebody else put there is held to the same rule.
                let bytes = serde_json::to_vec(&run).expect("a run is JSON");
                base.remember(&name, &bytes).await.expect("it is in memory");
                assert_eq!(recall(cx, &name).await.is_some(), want, "found as {name}");
            })
            .await;
        };
        check(run(1, Exit::Code(0), true), true).await;
        check(run(1, Exit::Code(1), true), true).await;
        check(run(1, Exit::Code(0), false), false).await;
        check(run(1, Exit::Code(3), true), false).await;
        check(run(1, Exit::TooSlow, false), false).await;
        check(run(1, Exit::Signal(11), false), false).await;
        check(run(0, Exit::Code(0), true), false).await;
    }

    #[tokio::test]
    async fn what_is_no_test_run_is_as_good_as_nothing() {
        let base = FolderWorkspace::new([("a.py", "")]);
        for bytes in [&b""[..], b"{}", b"[1", b"\xff\xff"] {
            base.remember("x", bytes).await.expect("it is in memory");
            let found = with_context(&base, &limits(), async |cx| recall(cx, "x").await).await;
            assert_eq!(found, None, "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn the_name_changes_with_everything_that_decides_about_the_outcomes() {
        let base = FolderWorkspace::new([("a.py", "")]);
        let walled = FolderWorkspace::new([("a.py", "")]).behind(Confinement {
            layers: vec!["bubblewrap".to_owned()],
            gaps: Vec::new(),
        });
        let plain = Settings::default();
        let own = Settings {
            test_command: Some("make test".to_owned()),
            ..Settings::default()
        };
        let more = Limits {
            memory_bytes_max: 1,
            ..limits()
        };
        let other = Limits {
            turns_max: 1,
            ..limits()
        };
        let name_of =
            async |base: &FolderWorkspace, limits: &Limits, settings: &Settings, seconds| {
                with_context(base, limits, async |cx| name(cx, settings, seconds)).await
            };
        let first = name_of(&base, &limits(), &plain, 60).await;
        assert_eq!(first, name_of(&base, &limits(), &plain, 60).await);
        assert_eq!(first, name_of(&base, &other, &plain, 60).await);
        assert_ne!(first, name_of(&base, &limits(), &plain, 61).await);
        assert_ne!(first, name_of(&base, &limits(), &own, 60).await);
        assert_ne!(first, name_of(&base, &more, &plain, 60).await);
        assert_ne!(first, name_of(&walled, &limits(), &plain, 60).await);
    }
}
