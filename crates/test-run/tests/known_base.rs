//! The base's own tests are measured once for a base, however many runs start from it.

use expect_test::{Expect, expect};
use protocol::{AgentContext, Evidence, Prepared};
use test_run::baseline;
use testkit::{FolderWorkspace, MemorySteps, NoModel, RecordingLog, limits, run_for_real};

/// Prepares on a base that remembers what an earlier run on `earlier` found.
async fn prepared(base: &FolderWorkspace, seconds_max: u64) -> Prepared {
    let (steps, log) = (MemorySteps::default(), RecordingLog::default());
    let mut limits = limits();
    limits.test_run_seconds_max = seconds_max;
    let cx = AgentContext {
        model: &NoModel::default(),
        work: base,
        base,
        steps: &steps,
        limits: &limits,
        log: &log,
    };
    baseline::measure(&cx).await.expect("pytest runs")
}

/// A run on `first` and, after it, one on `second`: how often tests ran, and what was said of the base.
async fn check(first: &[(&str, &str)], second: &[(&str, &str)], seconds_max: u64, want: Expect) {
    let tree =
        |files: &[(&str, &str)]| FolderWorkspace::new(files.iter().copied()).running(run_for_real);
    let mut shown = String::new();
    let earlier = tree(first);
    let later = tree(second).after(&earlier);
    for base in [earlier, later] {
        let prepared = prepared(&base, seconds_max).await;
        shown += &format!("test runs: {}", base.ran().len());
        for evidence in &prepared.evidence {
            if let Evidence::Baseline(run) = evidence {
                let outcomes = run.results.iter().map(|it| format!("{:?}", it.outcome));
                let outcomes = outcomes.collect::<Vec<_>>().join(", ");
                let cached = if run.cached { ", known before" } else { "" };
                shown += &format!("; outcomes: {outcomes}{cached}");
            }
        }
        shown += "\n";
    }
    want.assert_eq(&shown);
}

const TESTS: (&str, &str) = ("test_a.py", "def test_a(): pass\ndef test_b(): assert 0\n");

#[tokio::test]
async fn a_second_run_on_the_same_base_does_not_run_its_tests() {
    check(
        &[TESTS],
        &[TESTS],
        60,
        expect![[r#"
            test runs: 1; outcomes: Passed, Failed
            test runs: 0; outcomes: Passed, Failed, known before
        "#]],
    )
    .await;
}

#[tokio::test]
async fn another_tree_is_another_base() {
    check(
        &[TESTS],
        &[TESTS, ("data.txt", "")],
        60,
        expect![[r#"
            test runs: 1; outcomes: Passed, Failed
            test runs: 1; outcomes: Passed, Failed
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_base_that_did_not_come_to_its_end_is_measured_again() {
    let hangs = ("test_b.py", "def test_z():\n    while True: pass\n");
    check(
        &[TESTS, hangs],
        &[TESTS, hangs],
        10,
        expect![[r#"
            test runs: 1; outcomes: Passed, Failed
            test runs: 1; outcomes: Passed, Failed
        "#]],
    )
    .await;
    let dies = ("test_b.py", "import os\ndef test_z(): os._exit(1)\n");
    check(
        &[TESTS, dies],
        &[TESTS, dies],
        60,
        expect![[r#"
            test runs: 1; outcomes: Passed, Failed
            test runs: 1; outcomes: Passed, Failed
        "#]],
    )
    .await;
}
