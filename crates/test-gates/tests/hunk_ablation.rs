//! The ablation with the real pytest: which hunks of a change some test would miss.

use expect_test::{Expect, expect};
use protocol::{
    AcceptanceTests, Agent, AgentContext, Evidence, HunkVerdict, Limits, Report, RunState, Task,
    TestFile, TestOutcome, TestResult, Workspace, sha256,
};
use test_gates::{Ablation, PytestRunner};
use testkit::{
    FolderWorkspace, MemorySteps, NoModel, RecordingLog, asked_of_pytest, limits, run_for_real,
};

/// Files of the tree with the change; an empty text deletes one. What isn't named is as it was.
type Files<'a> = &'a [(&'a str, &'a str)];

/// A draft that is at its testing.
struct Draft {
    work: FolderWorkspace,
    base: FolderWorkspace,
    limits: Limits,
    state: RunState,
}

impl Draft {
    /// Measures the base and runs the tests with the change, which must pass.
    async fn tested(before: Files<'_>, after: Files<'_>, wanted: &str, limits: Limits) -> Draft {
        let tree = || FolderWorkspace::new(before.iter().copied()).running(run_for_real);
        let (base, work) = (tree(), tree());
        for (path, text) in after {
            if text.is_empty() {
                work.delete(path).await
            } else {
                work.write(path, text.as_bytes()).await
            }
            .expect("the folder can be written");
        }
        let mut draft = Draft {
            work,
            base,
            limits,
            state: RunState::new(Task::from_text("Count from one")),
        };
        if !wanted.is_empty() {
            draft.state.evidence.push(acceptance(wanted));
        }
        let steps = MemorySteps::default();
        let runner = PytestRunner::new();
        let cx = draft.context(&steps);
        let prepared = runner.prepare(&cx, &draft.state.task).await;
        let prepared = prepared.expect("the base can be tested");
        draft.state.absorb_prepared(&prepared);
        let change = draft.work.change().await.expect("it is a change");
        draft.state.proposed_code = change.patch;
        let report = runner.run(&draft.context(&steps), &draft.state).await;
        let report = report.expect("the change can be tested");
        assert_eq!(report.verdict.feedback(), None);
        draft.state.evidence.extend(report.evidence);
        draft
    }

    fn context<'a>(&'a self, steps: &'a MemorySteps) -> AgentContext<'a> {
        static NOBODY: std::sync::LazyLock<(NoModel, RecordingLog)> =
            std::sync::LazyLock::new(Default::default);
        AgentContext {
            model: &NOBODY.0,
            work: &self.work,
            base: &self.base,
            steps,
            limits: &self.limits,
            log: &NOBODY.1,
        }
    }

    async fn measured(&self, steps: &MemorySteps) -> Report {
        let report = Ablation::new().run(&self.context(steps), &self.state).await;
        report.expect("it is measured")
    }
}

const WANTED: &str = "tests/test_wanted.py";

fn acceptance(text: &str) -> Evidence {
    let id = format!("{WANTED}::test_wanted");
    Evidence::AcceptanceTests(AcceptanceTests {
        files: vec![TestFile {
            path: WANTED.to_owned(),
            text: text.to_owned(),
            sha256: sha256(text),
        }],
        on_base: vec![TestResult {
            id: id.clone(),
            outcome: TestOutcome::Failed,
            phase: "call".to_owned(),
            exception: "AssertionError".to_owned(),
            message: String::new(),
        }],
        red_on_base: vec![id],
        ..AcceptanceTests::default()
    })
}

fn shown(report: &Report) -> String {
    assert_eq!(report.verdict.feedback(), None, "it never sends back");
    let [Evidence::Bite(found)] = &report.evidence[..] else {
        panic!("{:?}", report.evidence);
    };
    let mut text = format!("{}\n", report.summary);
    for hunk in &found.hunks {
        let verdict = match &hunk.verdict {
            HunkVerdict::Exercised { by } => format!("exercised by {by}"),
            HunkVerdict::Unexercised => "unexercised".to_owned(),
            HunkVerdict::Untried { why } => format!("untried: {why}"),
        };
        text += &format!("{} {}: {verdict}\n", hunk.path, hunk.header);
    }
    text
}

async fn check(before: Files<'_>, after: Files<'_>, wanted: &str, limits: Limits, want: Expect) {
    let draft = Draft::tested(before, after, wanted, limits).await;
    let tree = draft.work.snapshot().await.expect("it can be kept");
    let report = draft.measured(&MemorySteps::default()).await;
    want.assert_eq(&shown(&report));
    let now = draft.work.snapshot().await.expect("it can be kept");
    assert_eq!(now, tree, "the work tree was touched");
}

/// So much between two places that they are hunks of their own.
const BETWEEN: &str = "\n\n# 1\n# 2\n# 3\n# 4\n# 5\n# 6\n\n\n";

fn app(parts: [&str; 3]) -> String {
    parts.join(BETWEEN)
}

const ONE: &str = "def one():\n    return 1";
const TWO: &str = "def two():\n    return 2";
const THREE: &str = "def three():\n    return 3\n";
const OLD_TEST: (&str, &str) = (
    "tests/test_old.py",
    "import app\n\ndef test_two():\n    assert app.two() in (2, -2)\n",
);

#[tokio::test]
async fn each_hunk_is_noticed_by_a_test_or_told() {
    let before = app([ONE, TWO, THREE]);
    let after = app([
        "def one():\n    return -1",
        "def two():\n    return minus(2)",
        "def three():\n    return -3\n\n\ndef minus(number):\n    return -number\n",
    ]);
    let wanted = "import app\n\ndef test_wanted():\n    assert app.one() == -1\n";
    check(
        &[("app.py", &before), OLD_TEST],
        &[("app.py", &after)],
        wanted,
        limits(),
        expect![[r#"
            3 hunks reverted one by one: 2 noticed by a test, 1 by none, 0 not tried
            app.py @@ -1,5 +1,5 @@: exercised by tests/test_wanted.py::test_wanted
            app.py @@ -10,7 +10,7 @@: unexercised
            app.py @@ -21,4 +21,8 @@: exercised by tests/test_old.py::test_two
        "#]],
    )
    .await;
    let after = app([
        "def one():\n    return -1",
        "def two():\n    return -2",
        "def three():\n    return -3\n",
    ]);
    check(
        &[("app.py", &before), OLD_TEST],
        &[("app.py", &after)],
        wanted,
        limits(),
        expect![[r#"
            3 hunks reverted one by one: 1 noticed by a test, 2 by none, 0 not tried
            app.py @@ -1,5 +1,5 @@: exercised by tests/test_wanted.py::test_wanted
            app.py @@ -10,7 +10,7 @@: unexercised
            app.py @@ -21,4 +21,4 @@: unexercised
        "#]],
    )
    .await;
}

#[tokio::test]
async fn what_is_no_code_of_the_program_is_not_tried() {
    let before = app([ONE, TWO, THREE]);
    let after = app([
        "def one():\n    return -1",
        "def two():\n    \"\"\"Two.\"\"\"\n    return 2  # not one",
        "def three():\n    return 3\n\n\n# The end.\n",
    ]);
    check(
        &[("app.py", &before), OLD_TEST, ("notes.md", "a\n")],
        &[
            ("app.py", &after),
            ("docs/conf.py", "x = 1\n"),
            ("notes.md", "b\n"),
            ("tests/test_new.py", "def test_new():\n    pass\n"),
        ],
        "import app\n\ndef test_wanted():\n    assert app.one() == -1\n",
        limits(),
        expect![[r#"
            6 hunks reverted one by one: 1 noticed by a test, 0 by none, 5 not tried
            app.py @@ -1,5 +1,5 @@: exercised by tests/test_wanted.py::test_wanted
            app.py @@ -10,7 +10,8 @@: untried: only comments, docstrings or layout
            app.py @@ -22,3 +23,6 @@: untried: only comments, docstrings or layout
            docs/conf.py @@ -0,0 +1 @@: untried: it belongs to the documentation
            notes.md @@ -1 +1 @@: untried: no Python code
            tests/test_new.py @@ -0,0 +1,2 @@: untried: it belongs to the tests
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_tree_in_which_tests_can_not_be_collected_or_do_not_end_is_noticed() {
    let mut limits = limits();
    limits.test_run_seconds_max = 4;
    check(
        &[
            (
                "app.py",
                "def wait(turns):\n    while turns:\n        pass\n",
            ),
            (
                "tests/test_old.py",
                "import app\n\ndef test_old():\n    app.wait(0)\n",
            ),
        ],
        &[
            (
                "app.py",
                "def wait(turns):\n    while turns:\n        turns -= 1\n",
            ),
            ("new.py", "x = 1\n"),
            (
                "tests/test_new.py",
                "import new\n\ndef test_new():\n    assert new.x == 1\n",
            ),
        ],
        "import app\n\ndef test_wanted():\n    app.wait(1)\n",
        limits,
        expect![[r#"
            3 hunks reverted one by one: 2 noticed by a test, 0 by none, 1 not tried
            app.py @@ -1,3 +1,3 @@: exercised by tests/test_wanted.py::test_wanted (did not end)
            new.py @@ -0,0 +1 @@: exercised by tests/test_new.py (could not be imported)
            tests/test_new.py @@ -0,0 +1,4 @@: untried: it belongs to the tests
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_test_that_fails_anyway_notices_nothing() {
    check(
        &[
            ("app.py", "def one():\n    return 1\n"),
            (
                "tests/test_old.py",
                "import app\n\ndef test_red():\n    assert app.one() == 3\n",
            ),
        ],
        &[("app.py", "def one():\n    return 2\n")],
        "def test_wanted():\n    pass\n",
        limits(),
        expect![[r#"
            1 hunk reverted one by one: 0 noticed by a test, 1 by none, 0 not tried
            app.py @@ -1,2 +1,2 @@: unexercised
        "#]],
    )
    .await;
}

#[tokio::test]
async fn only_what_a_files_change_can_affect_runs_and_a_test_that_needs_others_notices_nothing() {
    let needy = "\
import builtins
import app

def test_needs_another():
    assert app.one() and getattr(builtins, 'prepared', False)
";
    let before = [
        ("app.py", "def one():\n    return 1\n"),
        ("other.py", "x = 1\n"),
        (
            "tests/test_a.py",
            "import builtins\nimport other\n\ndef test_prepares():\n    builtins.prepared = True\n",
        ),
        ("tests/test_needy.py", needy),
        (
            "tests/test_other.py",
            "import other\n\ndef test_other():\n    assert other.x\n",
        ),
    ];
    let after = [
        ("app.py", "def one():\n    return 2\n"),
        ("other.py", "x = 2\n"),
    ];
    let draft = Draft::tested(&before, &after, "", limits()).await;
    let programs = draft.work.ran().len();
    let report = draft.measured(&MemorySteps::default()).await;
    expect![[r#"
        2 hunks reverted one by one: 0 noticed by a test, 2 by none, 0 not tried
        app.py @@ -1,2 +1,2 @@: unexercised
        other.py @@ -1 +1 @@: unexercised
    "#]]
    .assert_eq(&shown(&report));
    let targets = |it: &protocol::Command| {
        let mut asked = asked_of_pytest(it);
        asked.retain(|it| it.ends_with(".py") && it.starts_with("tests/"));
        asked.join(" ")
    };
    let mut ran: Vec<String> = draft.work.ran()[programs..].iter().map(targets).collect();
    ran.sort();
    expect![[r#"

        tests/test_a.py tests/test_other.py
        tests/test_needy.py
        tests/test_needy.py"#]]
    .assert_eq(&ran.join("\n"));
}

#[tokio::test]
async fn hunks_beyond_the_limit_and_without_any_test_are_told_too() {
    let (before, after) = (
        app([ONE, TWO, THREE]),
        app([
            "def one():\n    return -1",
            "def two():\n    return -2",
            "def three():\n    return -3\n",
        ]),
    );
    let mut limits = limits();
    limits.bite_hunks_max = 1;
    let (before, after) = (
        [("app.py", before.as_str()), OLD_TEST],
        [("app.py", after.as_str())],
    );
    let wanted = "import app\n\ndef test_wanted():\n    assert app.one() == -1\n";
    check(
        &before,
        &after,
        wanted,
        limits,
        expect![[r#"
            3 hunks reverted one by one: 1 noticed by a test, 0 by none, 2 not tried
            app.py @@ -1,5 +1,5 @@: exercised by tests/test_wanted.py::test_wanted
            app.py @@ -10,7 +10,7 @@: untried: only 1 of the hunks are tried
            app.py @@ -21,4 +21,4 @@: untried: only 1 of the hunks are tried
        "#]],
    )
    .await;

    let mut limits = testkit::limits();
    limits.bite_seconds_max = 0;
    check(
        &before,
        &after,
        wanted,
        limits,
        expect![[r#"
        3 hunks reverted one by one: 0 noticed by a test, 0 by none, 3 not tried
        app.py @@ -1,5 +1,5 @@: untried: the time for this was up
        app.py @@ -10,7 +10,7 @@: untried: the time for this was up
        app.py @@ -21,4 +21,4 @@: untried: the time for this was up
    "#]],
    )
    .await;

    check(
        &before[..1],
        &after,
        "",
        testkit::limits(),
        expect![[r#"
            3 hunks reverted one by one: 0 noticed by a test, 0 by none, 3 not tried
            app.py @@ -1,5 +1,5 @@: untried: no test passed that could notice it
            app.py @@ -10,7 +10,7 @@: untried: no test passed that could notice it
            app.py @@ -21,4 +21,4 @@: untried: no test passed that could notice it
        "#]],
    )
    .await;
}

#[tokio::test]
async fn what_was_measured_before_a_crash_is_not_measured_again() {
    let draft = Draft::tested(
        &[("app.py", "def one():\n    return 1\n"), OLD_TEST_OF_ONE],
        &[("app.py", "def one():\n    return 1 + 0\n")],
        "import app\n\ndef test_wanted():\n    assert app.one() == 1\n",
        limits(),
    )
    .await;
    let first = MemorySteps::default();
    let report = draft.measured(&first).await;
    let programs = draft.work.ran().len();
    let second = MemorySteps::after(first.recorded());
    assert_eq!(draft.measured(&second).await, report);
    assert_eq!(draft.work.ran().len(), programs);
}

const OLD_TEST_OF_ONE: (&str, &str) = (
    "tests/test_old.py",
    "import app\n\ndef test_one():\n    assert app.one() == 1\n",
);
