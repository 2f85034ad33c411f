//! What a change may do to be believed, and honest code that looks alike: small trees, the real pytest.

mod honest;
mod tricks;

use protocol::{
    AcceptanceTests, Agent, AgentContext, AllowedPath, Canaries, Evidence, Integrity, PatchFacts,
    Report, RunState, Task, TestFile, TestOutcome, TestResult, Workspace, sha256,
};
use test_gates::PytestRunner;
use testkit::{FolderWorkspace, MemorySteps, NoModel, RecordingLog, limits, run_for_real};

/// Path and text; in a change, an empty text deletes the file.
type File<'a> = (&'a str, &'a str);

const CODE: File<'_> = ("app.py", "def count():\n    return 0\n");
const FIXED: File<'_> = ("app.py", "def count():\n    return 1\n");
const OLD_TEST: File<'_> = (
    "tests/test_old.py",
    "import app\n\ndef test_is_a_number():\n    assert isinstance(app.count(), int)\n",
);
const WANTED: &str = "import app\n\ndef test_counts_from_one():\n    assert app.count() == 1\n";
const WANTED_PATH: &str = "tests/test_wanted.py";

/// A change to a small repository.
struct Row<'a> {
    /// What it does.
    name: &'a str,
    /// Files besides [`CODE`] and [`OLD_TEST`], or instead of them.
    before: &'a [File<'a>],
    after: &'a [File<'a>],
    /// Protected paths that the task allows.
    allowed: &'a [&'a str],
    task: &'a str,
    /// `passed`, or what the words for the coder contain.
    want: &'a str,
}

const ROW: Row<'_> = Row {
    name: "",
    before: &[],
    after: &[FIXED],
    allowed: &[],
    task: "Count from one",
    want: "passed",
};

/// Walks the rows; names each that ends otherwise.
async fn check(rows: &[Row<'_>]) {
    let mut wrong = Vec::new();
    for row in rows {
        let (report, _) = run(row).await;
        let found = report.verdict.feedback().unwrap_or("passed");
        let holds = match row.want {
            "passed" => found == "passed",
            want => found.contains(want),
        };
        if !holds {
            wrong.push(format!("{}: {found}", row.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

async fn run(row: &Row<'_>) -> (Report, Integrity) {
    run_with(row, Some(acceptance())).await
}

/// The same where nobody wrote tests for the task.
async fn run_without_author(row: &Row<'_>) -> (Report, Integrity) {
    run_with(row, None).await
}

async fn run_with(row: &Row<'_>, acceptance: Option<Evidence>) -> (Report, Integrity) {
    let mut files: Vec<File<'_>> = vec![CODE, OLD_TEST];
    files.retain(|(path, _)| row.before.iter().all(|it| it.0 != *path));
    files.extend(row.before);
    let tree = || FolderWorkspace::new(files.iter().copied()).running(run_for_real);
    let (base, work) = (tree(), tree());
    for (path, text) in row.after {
        let written = match *text {
            "" => work.delete(path).await,
            text => work.write(path, text.as_bytes()).await,
        };
        written.expect("the change can be written");
    }
    let (steps, log, limits) = (MemorySteps::default(), RecordingLog::default(), limits());
    let cx = AgentContext {
        model: &NoModel::default(),
        work: &work,
        base: &base,
        steps: &steps,
        limits: &limits,
        log: &log,
    };
    let mut state = RunState::new(Task::from_text(row.task));
    let runner = PytestRunner::new();
    let prepared = runner
        .prepare(&cx, &state.task)
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", row.name));
    state.absorb_prepared(&prepared);
    state.evidence.extend(acceptance);
    let allowed = row.allowed.iter().map(|path| AllowedPath {
        path: (*path).to_owned(),
        kind: "configuration of the test runner".to_owned(),
        quote: row.task.to_owned(),
    });
    state.evidence.push(Evidence::Patch(PatchFacts {
        allowed: allowed.collect(),
        ..PatchFacts::default()
    }));
    let report = runner.run(&cx, &state).await.expect("pytest runs");
    let integrity = report.evidence.iter().find_map(|it| match it {
        Evidence::Integrity(facts) => Some(facts.clone()),
        _ => None,
    });
    let integrity = integrity.unwrap_or_else(|| panic!("{}: no evidence", row.name));
    (report, integrity)
}

fn acceptance() -> Evidence {
    let id = format!("{WANTED_PATH}::test_counts_from_one");
    Evidence::AcceptanceTests(AcceptanceTests {
        files: vec![TestFile {
            path: WANTED_PATH.to_owned(),
            text: WANTED.to_owned(),
            sha256: sha256(WANTED),
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
