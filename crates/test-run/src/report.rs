//! Turns the lines that our pytest plugin writes into what became of every test.

use std::collections::{BTreeMap, HashSet};

use protocol::{Places, TestOutcome, TestResult, Trick};
use serde::Deserialize;

use crate::canaries::{Names, is_canary};
use crate::ids::Steady;
use crate::records;
use crate::seal::Seal;

/// One line of the plugin. The names are those of `plugin/pipeline_pytest.py`.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Line {
    /// The session began.
    Started {
        /// Tests of ours that are about to join in.
        #[serde(default)]
        canaries: Names,
    },
    /// Tests of ours stand between the others.
    Placed { count: u32 },
    /// Collection hooks of the tree broke on tests of ours, and got their own only.
    Apart {},
    /// Some of the tests that were found.
    Collected { ids: Vec<String> },
    /// Tests that were found and left out by an option or a hook.
    Deselected { ids: Vec<String> },
    /// A file or a class that could not be collected, or asked to be skipped.
    Collect {
        id: String,
        outcome: String,
        exception: String,
        message: String,
    },
    /// A test is about to run.
    Began { id: String },
    /// One phase of a test, or one subtest.
    Phase(Phase),
    /// A test ran to its end, its fixtures included.
    Ended { id: String },
    /// Code that is no test opened a file that is none of its business.
    Read(Read),
    /// Something was done to the run, or in it, that only a runner has a reason to do.
    Did(Trick),
    /// Files of the tree whose code ran.
    Executed { paths: Vec<String> },
    /// The session came to its end.
    Finished {},
}

/// Who opened what.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Read {
    /// The file whose code did it.
    pub(crate) path: String,
    /// The line of that code.
    pub(crate) line: u32,
    /// What was opened.
    pub(crate) what: String,
}

#[derive(Deserialize)]
pub(crate) struct Phase {
    pub(crate) id: String,
    /// `setup`, `call` or `teardown`.
    when: String,
    /// pytest's own word: `passed`, `failed`, `skipped`, or that of another plugin.
    pub(crate) outcome: String,
    /// Whether the test is marked as expected to fail.
    expected: bool,
    /// Whether this is a subtest, whose success says nothing about the whole test.
    part: bool,
    exception: String,
    message: String,
}

/// What the plugin said of one session.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Session {
    /// Tests with an outcome, in the order in which they began.
    pub(crate) results: Vec<TestResult>,
    /// Tests that were found.
    pub(crate) collected: Vec<String>,
    /// Files that could not be collected.
    pub(crate) collection_errors: Vec<TestResult>,
    /// Tests that began and never ended.
    pub(crate) running: Vec<String>,
    /// Whether every session that began came to its end.
    pub(crate) finished: bool,
    /// Tests of ours, with their names and outcomes; they are nowhere else.
    pub(crate) canaries: (Names, Vec<TestResult>),
    /// Whether a session said that it had placed them.
    pub(crate) placed: bool,
    /// Whether collection hooks of the tree did not bear them.
    pub(crate) apart: bool,
    /// Lines that somebody else wrote.
    pub(crate) foreign: usize,
    /// Lines that are missing between others.
    pub(crate) lost: u64,
    /// Files that were opened by what should not.
    pub(crate) reads: Vec<Read>,
    /// What was done to the run.
    pub(crate) done: Vec<Trick>,
    /// Files of the tree whose code ran.
    pub(crate) executed: Vec<String>,
    /// Tests that were found and left out.
    pub(crate) deselected: Vec<String>,
}

/// Characters kept of one failure's words. The plugin keeps more, so that what differs by machine is taken out of them
/// before they are cut.
const MESSAGE_CHARS_MAX: usize = 3000;

impl Session {
    /// The same session with the ids that its tests have in every checkout.
    pub(crate) fn with_steady_ids(mut self, places: &Places) -> Session {
        let mut steady = Steady::new(places);
        let collected = self.collected.iter_mut();
        let results = self.results.iter_mut().map(|it| &mut it.id);
        let running = self.running.iter_mut();
        for id in collected.chain(results).chain(running) {
            *id = steady.id(std::mem::take(id));
        }
        self
    }

    /// The same session with its words as they are in every run, cut to fit.
    pub(crate) fn in_steady_words(mut self, steady: &dyn Fn(&str) -> String) -> Session {
        let results = self.results.iter_mut().chain(&mut self.collection_errors);
        for result in results.filter(|it| !it.message.is_empty()) {
            result.message = cut(&steady(&result.message));
        }
        self
    }
}

/// The beginning and the longer end of a text.
fn cut(text: &str) -> String {
    let count = text.chars().count();
    if count <= MESSAGE_CHARS_MAX {
        return text.to_owned();
    }
    let head = MESSAGE_CHARS_MAX / 4;
    let place = |number| {
        text.char_indices()
            .nth(number)
            .map_or(text.len(), |it| it.0)
    };
    let tail = place(count - (MESSAGE_CHARS_MAX - head));
    format!(
        "{}\n[... left out ...]\n{}",
        &text[..place(head)],
        &text[tail..]
    )
}

impl Session {
    /// Gives every test and file its name from the root of the tree.
    pub(crate) fn rename(&mut self, name: impl Fn(&str) -> String) {
        let results = self.results.iter_mut().chain(&mut self.collection_errors);
        let ids = results
            .map(|it| &mut it.id)
            .chain(&mut self.collected)
            .chain(&mut self.running)
            .chain(self.reads.iter_mut().map(|it| &mut it.path))
            .chain(self.done.iter_mut().map(|it| &mut it.path))
            .chain(&mut self.executed)
            .chain(&mut self.deselected);
        for id in ids.filter(|it| !it.is_empty()) {
            *id = name(id);
        }
    }
}

/// Reads the report; what others wrote into it is counted and says nothing.
pub(crate) fn read(report: &[u8], seal: &Seal) -> Session {
    let records = records::believed(report, seal);
    let mut reader = Reader::default();
    for body in records.bodies {
        if let Ok(said) = serde_json::from_slice(body) {
            reader.take(said);
        }
    }
    let mut session = reader.session();
    session.foreign = records.foreign;
    session.lost = records.lost;
    session
}

#[derive(Default)]
struct Reader {
    order: Vec<String>,
    tests: BTreeMap<String, Test>,
    collected: Vec<String>,
    seen: HashSet<String>,
    collection_seen: HashSet<String>,
    collection: Vec<TestResult>,
    canaries: Names,
    placed: bool,
    apart: bool,
    begun: usize,
    finished: usize,
    reads: Vec<Read>,
    done: Vec<Trick>,
    executed: Vec<String>,
    deselected: Vec<String>,
}

#[derive(Default)]
struct Test {
    result: Option<TestResult>,
    ended: bool,
}

impl Reader {
    fn take(&mut self, line: Line) {
        match line {
            Line::Started { canaries } => {
                self.begun += 1;
                self.canaries.extend(canaries);
            }
            Line::Placed { count } => self.placed |= 0 < count,
            Line::Apart {} => self.apart = true,
            Line::Read(read) => self.reads.push(read),
            Line::Did(trick) if self.done.contains(&trick) => {}
            Line::Did(trick) => self.done.push(trick),
            Line::Deselected { ids } => self.deselected.extend(ids),
            Line::Executed { paths } => self.executed.extend(paths),
            Line::Collected { ids } => {
                for id in ids {
                    // Each worker of a parallel run tells what it collected.
                    if self.seen.insert(id.clone()) {
                        self.collected.push(id);
                    }
                }
            }
            Line::Collect {
                id,
                outcome,
                exception,
                message,
            } => self.take_collection(TestResult {
                id,
                outcome: if outcome == "skipped" {
                    TestOutcome::Skipped
                } else {
                    TestOutcome::Error
                },
                phase: "collect".to_owned(),
                exception,
                message,
            }),
            Line::Began { id } => {
                self.test(id);
            }
            Line::Phase(phase) => self.take_phase(phase),
            Line::Ended { id } => self.test(id).ended = true,
            Line::Finished {} => self.finished += 1,
        }
    }

    fn test(&mut self, id: String) -> &mut Test {
        if !self.tests.contains_key(&id) {
            self.order.push(id.clone());
        }
        self.tests.entry(id).or_default()
    }

    fn take_collection(&mut self, result: TestResult) {
        if self.collection_seen.insert(result.id.clone()) {
            self.collection.push(result);
        }
    }

    fn take_phase(&mut self, phase: Phase) {
        let Some(outcome) = outcome_of(&phase) else {
            return;
        };
        let test = self.test(phase.id.clone());
        let replaces = match &test.result {
            None => true,
            Some(before) => outcome.is_red() && !before.outcome.is_red(),
        };
        if replaces {
            test.result = Some(TestResult {
                id: phase.id,
                outcome,
                phase: phase.when,
                exception: phase.exception,
                message: phase.message,
            });
        }
    }

    fn session(self) -> Session {
        let names = self.canaries;
        let mut session = Session {
            finished: 0 < self.finished && self.begun <= self.finished,
            placed: self.placed,
            apart: self.apart,
            reads: self.reads,
            done: self.done,
            executed: self.executed,
            deselected: self.deselected,
            ..Session::default()
        };
        session.collected = self.collected;
        session.collected.retain(|id| !is_canary(&names, id));
        let mut tests = self.tests;
        let mut of_canaries = Vec::new();
        for id in self.order {
            let Some(test) = tests.remove(&id) else {
                continue;
            };
            if is_canary(&names, &id) {
                of_canaries.extend(test.result);
                continue;
            }
            // A test that died in its teardown has passed nothing yet, but a failure stands.
            match test.result {
                Some(result) if test.ended || result.outcome.is_red() => {
                    session.results.push(result);
                }
                _ => {}
            }
            if !test.ended {
                session.running.push(id);
            }
        }
        for result in self.collection {
            if result.outcome == TestOutcome::Skipped {
                session.results.push(result);
            } else {
                session.collection_errors.push(result);
            }
        }
        session.canaries = (names, of_canaries);
        session
    }
}

/// `None` for what decides nothing: a subtest that didn't fail, a try that is repeated.
fn outcome_of(phase: &Phase) -> Option<TestOutcome> {
    let outcome = match (phase.outcome.as_str(), phase.expected) {
        ("failed", _) if phase.when == "call" => TestOutcome::Failed,
        ("failed", _) => TestOutcome::Error,
        ("skipped", true) => TestOutcome::Xfailed,
        ("skipped", false) => TestOutcome::Skipped,
        ("passed", true) => TestOutcome::Xpassed,
        ("passed", false) => TestOutcome::Passed,
        _ => return None,
    };
    (!phase.part || outcome.is_red()).then_some(outcome)
}

#[cfg(test)]
mod tests;
