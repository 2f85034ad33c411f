//! The trace of a run: every generate, test and fix, step by step, with its files and its result.

pub(crate) mod shown;

use std::collections::HashSet;

use protocol::{Evidence, Exit, RunEvent, Stage, Task, TestOutcome, TestRun};
use serde::Serialize;

use crate::changed::changed_files;

/// Failing tests that a step names.
const FAILING_MAX: usize = 10;
/// Files of tests that a step names.
const FILES_MAX: usize = 20;

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its place in the run, counted from 1.
    pub number: u32,
    /// What was done.
    pub kind: StepKind,
    /// In which draft, counted from 1.
    pub draft: u8,
    /// By whom.
    pub agent: String,
    /// The files that are different after it; the user's own tests are left out until somebody writes into them.
    pub files: Vec<StepFile>,
    /// Whether the change went on from here, rather than back.
    pub passed: bool,
    /// How many tests did what; none for a step in which no tests ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tests: Option<StepTests>,
    /// The agent's own words.
    pub summary: String,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// The first coder wrote the first draft.
    Generate,
    /// A coder went over a draft that hadn't been tested yet.
    Refine,
    /// A coder set right what was sent back.
    Fix,
    /// Tests ran.
    Test,
    /// Something else changed files or sent the draft back.
    Check,
}

impl StepKind {
    /// The word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            StepKind::Generate => "generate",
            StepKind::Refine => "refine",
            StepKind::Fix => "fix",
            StepKind::Test => "test",
            StepKind::Check => "check",
        }
    }
}

/// A file of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepFile {
    /// Its path.
    pub path: String,
    /// What the step did to it: `added`, `modified`, `deleted`, `mode changed`, or `taken back` when it is again as in
    /// the base.
    pub kind: &'static str,
}

/// How many tests did what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StepTests {
    /// They passed.
    pub passed: usize,
    /// They failed, or could not be run or imported.
    pub failed: usize,
    /// They were skipped, or failed as expected.
    pub skipped: usize,
    /// They were found and did not come to an end, as the run was over before.
    pub unfinished: usize,
    /// The first of those that failed.
    pub failing: Vec<String>,
    /// The files that they are in, in the order in which they ran; the first of them.
    pub files: Vec<String>,
    /// How many files that are in all.
    pub files_total: usize,
    /// Why the run was ended before its time; none if it came to its own end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_short: Option<String>,
}

/// Makes steps of a run's events, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Tracer {
    task: Task,
    steps: u32,
    /// Each file's part of the change so far.
    parts: Vec<(String, String)>,
    /// In which draft a coder was last seen.
    drafted: u8,
    test_run_seconds_max: u64,
}

impl Tracer {
    /// Nothing has happened yet.
    pub fn new() -> Tracer {
        Tracer::default()
    }

    /// Takes the next event; the step that it ended, if it ended one.
    pub fn take(&mut self, event: &RunEvent) -> Option<Step> {
        match event {
            RunEvent::Opened { task, limits, .. } => {
                self.task = task.clone();
                self.test_run_seconds_max = limits.test_run_seconds_max;
                None
            }
            RunEvent::Reopened { limits, .. } => {
                self.test_run_seconds_max = limits.test_run_seconds_max;
                None
            }
            RunEvent::Reported {
                stage,
                iteration,
                agent,
                report,
                proposed_code,
                ..
            } => {
                let files = self.files_of(proposed_code);
                let passed = report.verdict.feedback().is_none();
                let drafts = report
                    .evidence
                    .iter()
                    .any(|it| matches!(it, Evidence::Draft { .. }));
                let tests = report.evidence.iter().find_map(|it| match it {
                    Evidence::Tests { run, .. } => Some(counts(run, self.test_run_seconds_max)),
                    _ => None,
                });
                let kind = if tests.is_some() {
                    StepKind::Test
                } else if *stage == Stage::Drafting && drafts {
                    let first = self.drafted != *iteration;
                    self.drafted = *iteration;
                    match (first, *iteration) {
                        (true, 1) => StepKind::Generate,
                        (true, _) => StepKind::Fix,
                        (false, _) => StepKind::Refine,
                    }
                } else if !passed || !files.is_empty() {
                    StepKind::Check
                } else {
                    return None;
                };
                self.steps += 1;
                Some(Step {
                    number: self.steps,
                    kind,
                    draft: *iteration,
                    agent: agent.clone(),
                    files,
                    passed,
                    tests,
                    summary: report.summary.clone(),
                })
            }
            _ => None,
        }
    }

    /// The files whose part of the change is another one than before.
    fn files_of(&mut self, patch: &str) -> Vec<StepFile> {
        let now = parts_of(patch);
        let before = std::mem::replace(&mut self.parts, now.clone());
        let part = |parts: &[(String, String)], path: &str| {
            parts
                .iter()
                .find(|(it, _)| it == path)
                .map(|(_, text)| text.clone())
        };
        let kinds = changed_files(patch);
        let mut paths: Vec<&String> = now.iter().chain(&before).map(|(path, _)| path).collect();
        paths.sort();
        paths.dedup();
        paths
            .into_iter()
            .filter(|path| {
                let (then, now) = (part(&before, path), part(&now, path));
                let laid_out = then.is_none() && self.task.tests.iter().any(|it| it.path == **path);
                then != now && !laid_out
            })
            .map(|path| {
                let against_base = kinds.iter().find(|it| it.path == *path).map(|it| it.kind);
                let again = before.iter().any(|(it, _)| it == path);
                StepFile {
                    kind: match against_base {
                        // It was there before this step, whoever added it.
                        Some("added") if again => "modified",
                        Some(kind) => kind,
                        None => "taken back",
                    },
                    path: path.clone(),
                }
            })
            .collect()
    }
}

/// The change of each file, by its path.
fn parts_of(patch: &str) -> Vec<(String, String)> {
    let mut parts: Vec<(String, String)> = Vec::new();
    for line in patch.split_inclusive('\n') {
        // Inside of a hunk every line begins with another character.
        if line.starts_with("diff --git ") {
            let path = changed_files(line).into_iter().next().map(|it| it.path);
            parts.push((path.unwrap_or_default(), String::new()));
        }
        if let Some((_, part)) = parts.last_mut() {
            part.push_str(line);
        }
    }
    parts
}

fn counts(run: &TestRun, seconds_max: u64) -> StepTests {
    let mut counts = StepTests::default();
    let mut files: Vec<&str> = Vec::new();
    let mut ended: HashSet<&str> = HashSet::new();
    for result in run.results.iter().chain(&run.collection_errors) {
        ended.insert(&result.id);
        match result.outcome {
            TestOutcome::Passed => counts.passed += 1,
            TestOutcome::Failed | TestOutcome::Error | TestOutcome::Xpassed => {
                counts.failed += 1;
                if counts.failing.len() < FAILING_MAX {
                    counts.failing.push(result.id.clone());
                }
            }
            TestOutcome::Skipped | TestOutcome::Xfailed => counts.skipped += 1,
        }
    }
    let all = run.results.iter().chain(&run.collection_errors);
    for id in all.map(|it| &it.id).chain(&run.collected) {
        let file = id.split("::").next().unwrap_or(id);
        if !files.contains(&file) {
            files.push(file);
        }
    }
    let unfinished = run
        .collected
        .iter()
        .filter(|it| !ended.contains(it.as_str()));
    counts.cut_short = cut_short(run, seconds_max, unfinished.clone().next());
    counts.unfinished = unfinished.count();
    counts.files_total = files.len();
    counts.files = files
        .into_iter()
        .take(FILES_MAX)
        .map(str::to_owned)
        .collect();
    counts
}

/// `next` is the first test that did not come to its end: tests run in the order in which they were collected.
fn cut_short(run: &TestRun, seconds_max: u64, next: Option<&String>) -> Option<String> {
    let why = match run.exit {
        Exit::TooSlow => format!("stopped by its time limit of {seconds_max} s"),
        Exit::TooMuchOutput => "stopped because it printed too much".to_owned(),
        Exit::Signal(number) => format!("ended by signal {number}"),
        Exit::Code(_) if run.finished => return None,
        Exit::Code(code) => format!("ended with status {code} before pytest had come to its end"),
    };
    Some(match next {
        Some(test) => format!("{why}, in {test}"),
        None => why,
    })
}
