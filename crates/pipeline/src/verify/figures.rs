//! What a journal says, taken apart into figures that can be compared one by one.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Debug;

use protocol::{
    AcceptanceTests, Bite, Entry, Environment, Evidence, HunkVerdict, Integrity, PatchFacts, Rerun,
    Review, RunEvent, Status, SuiteScope, TestClass, TestComparison, TestOutcome, TestResult,
    TestRun, Verdict,
};

use super::gate::Gate;
use super::{counted, gate_of};
use crate::ending::bite_in_words;

/// One figure: where it stands, what it is about, and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Figure {
    pub(super) gate: Gate,
    /// The test it is about, if it is about one.
    pub(super) test: Option<String>,
    pub(super) value: String,
}

/// The figures of a journal's last drafts, by their names.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) figures: BTreeMap<(Place, String), Figure>,
    /// Visits that reported, in their order: where, and which gate the stage is.
    pub(super) visits: Vec<(Place, Gate)>,
    /// Acceptance tests, which have a gate of their own.
    acceptance: HashSet<String>,
    /// Tests that gave different outcomes on the same tree.
    pub(super) flaky: HashSet<String>,
    /// Test functions whose tests have other ids in each run, so that a comparison knows them by their place.
    pub(super) by_place: HashSet<String>,
    /// Test files that did not run because of the time budget.
    pub(super) left_out: HashSet<String>,
    /// Programs whose version may explain a difference.
    pub(super) tools: Vec<String>,
    pub(super) environment: Option<Environment>,
    pub(super) last_draft: u8,
    /// What an explanation says of the last ablation. Its figures are compared hunk by hunk, and how many there was time
    /// for differs from one machine to another.
    bite_in_words: String,
}

/// What stands behind the function's name in the id of a test that is known by its place, before its number.
const BY_PLACE: &str = "[… ";

/// The function of a test, where it is one of several and has an id of its own in each run.
pub(super) fn function_of(test: &str) -> Option<&str> {
    let after_file = test.find("::")?;
    let at = after_file + test[after_file..].find('[')?;
    (!test[at..].starts_with(BY_PLACE)).then(|| &test[..at])
}

/// A draft, 0 for what comes before all of them, and an agent.
pub(super) type Place = (u8, String);

/// After every agent.
pub(super) const THE_END: &str = "the end";

impl Told {
    /// Reads what was prepared, and everything from the draft `first` on.
    pub(super) fn read(history: &[Entry], first: u8) -> Told {
        let mut told = Told {
            last_draft: 1,
            ..Told::default()
        };
        for entry in counted(history) {
            told.take(&entry.event, first);
        }
        told
    }

    fn take(&mut self, event: &RunEvent, first: u8) {
        match event {
            RunEvent::SetUp { environment, .. } => {
                self.environment = Some(environment.clone());
            }
            RunEvent::Prepared { agent, prepared } => {
                let mut figures = Figures::new(self, (0, agent.clone()), Gate::Regression);
                for evidence in &prepared.evidence {
                    figures.evidence(evidence);
                }
            }
            RunEvent::Reported {
                stage,
                iteration,
                agent,
                report,
                tree,
                proposed_code,
            } => {
                self.last_draft = self.last_draft.max(*iteration);
                if *iteration < first {
                    return;
                }
                let gate = gate_of(*stage);
                let place = (*iteration, agent.clone());
                self.visits.push((place.clone(), gate));
                let mut figures = Figures::new(self, place, gate);
                for evidence in &report.evidence {
                    figures.evidence(evidence);
                }
                figures.put(gate, "the verdict", verdict(&report.verdict));
                figures.put(gate, "the tree it left", tree.0.clone());
                figures.put(gate, "the change it left", proposed_code.clone());
            }
            RunEvent::Finished {
                status,
                reason,
                explanation,
                tier,
                tree,
                proposed_code,
            } => {
                let place = (u8::MAX, THE_END.to_owned());
                let mut figures = Figures::new(self, place, Gate::End);
                // A walk that was sent back delivers nothing, and that follows from what sent it back.
                if *status == Status::Completed {
                    figures.put(Gate::Patch, "patch.diff", proposed_code.clone());
                    figures.put(Gate::Patch, "the delivered tree", tree.0.clone());
                }
                figures.put(Gate::End, "the status", plain(status));
                figures.put(Gate::End, "the reason", plain(reason));
                figures.put(Gate::End, "the tier", plain(tier));
                let of_the_bite = figures.told.bite_in_words.as_str();
                let explanation = explanation.replacen(of_the_bite, "", 1);
                figures.put(Gate::End, "the explanation", explanation);
            }
            RunEvent::Opened { .. }
            | RunEvent::Reopened { .. }
            | RunEvent::Started { .. }
            | RunEvent::Delivering { .. }
            | RunEvent::Delivered { .. }
            | RunEvent::Replied { .. }
            | RunEvent::Unanswered { .. }
            | RunEvent::Stepped { .. }
            | RunEvent::Interrupted { .. } => {}
        }
    }
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Rejected { .. } => "sent back",
    }
    .to_owned()
}

/// A value as its own type prints it: for comparing and for a person.
fn plain(value: &impl Debug) -> String {
    format!("{value:?}")
}

/// Puts the figures of one visit where they belong.
struct Figures<'a> {
    told: &'a mut Told,
    place: Place,
    gate: Gate,
}

impl Figures<'_> {
    fn new(told: &mut Told, place: Place, gate: Gate) -> Figures<'_> {
        Figures { told, place, gate }
    }

    fn put(&mut self, gate: Gate, name: &str, value: String) {
        self.add(gate, name, None, value);
    }

    fn of_test(&mut self, gate: Gate, id: &str, what: &str, value: String) {
        self.add(gate, &format!("{id}: {what}"), Some(id.to_owned()), value);
    }

    /// The same name twice is two figures: a second one must not hide behind the first.
    fn add(&mut self, gate: Gate, name: &str, test: Option<String>, value: String) {
        let mut key = (self.place.clone(), name.to_owned());
        let mut times = 1;
        while self.told.figures.contains_key(&key) {
            times += 1;
            key.1 = format!("{name} ({times})");
        }
        let figure = Figure { gate, test, value };
        self.told.figures.insert(key, figure);
    }

    fn evidence(&mut self, evidence: &Evidence) {
        match evidence {
            // What a coder says is shown and never believed, and nobody says it again.
            // What a model was shown is no figure of a gate.
            Evidence::Draft { .. } | Evidence::Guidance { .. } => {}
            Evidence::Dispute(dispute) => self.put(Gate::Acceptance, "a dispute", plain(dispute)),
            Evidence::Format {
                tool,
                changed,
                new_findings,
                unformatted,
            } => {
                self.told.tools.push(tool.clone());
                self.put(Gate::Format, "files that were formatted", plain(changed));
                for file in unformatted {
                    self.put(
                        Gate::Format,
                        &format!("left as it is: {}", file.path),
                        file.why.clone(),
                    );
                }
                for finding in new_findings {
                    let place = format!("{}:{} {}", finding.path, finding.line, finding.rule);
                    self.put(Gate::Format, &place, finding.message.clone());
                }
            }
            Evidence::Baseline(run) => self.baseline(run),
            Evidence::AcceptanceTests(tests) => self.acceptance_tests(tests),
            Evidence::Tests {
                run,
                comparison,
                reruns,
                scope,
            } => {
                let flipped = reruns.iter().filter(|it| flipped(it));
                self.told.flaky.extend(flipped.map(|it| it.id.clone()));
                let ids = comparison.iter().map(|it| it.id.as_str());
                let by_place = ids.filter_map(|it| Some(it.split_once(BY_PLACE)?.0.to_owned()));
                self.told.by_place.extend(by_place);
                self.tests(run, comparison, scope.as_ref());
            }
            Evidence::Patch(facts) => self.patch(facts),
            Evidence::Integrity(integrity) => self.integrity(integrity),
            Evidence::Bite(bite) => self.bite(bite),
            Evidence::Review(review) => self.review(review),
            // It is about the reviewer, and not about this change; what is known may have changed since.
            Evidence::ReviewerFigure(_) => {}
            Evidence::Missing { what, why } => {
                self.put(self.gate, &format!("missing: {what}"), why.clone());
            }
        }
    }

    fn baseline(&mut self, run: &TestRun) {
        self.put(
            Gate::Regression,
            "the base's run came to its end",
            plain(&run.finished),
        );
        for result in run.results.iter().chain(&run.collection_errors) {
            let value = plain(&result.outcome);
            self.of_test(Gate::Regression, &result.id, "on the base", value);
        }
    }

    fn acceptance_tests(&mut self, tests: &AcceptanceTests) {
        let gate = Gate::Acceptance;
        for file in &tests.files {
            self.put(gate, &file.path, file.text.clone());
            self.put(
                gate,
                &format!("SHA-256 of {}", file.path),
                file.sha256.clone(),
            );
        }
        for result in &tests.on_base {
            self.told.acceptance.insert(result.id.clone());
            self.of_test(gate, &result.id, ACCEPTED, in_full(result));
        }
        for id in &tests.red_on_base {
            self.of_test(
                gate,
                id,
                "red on the base for the right reason",
                "yes".to_owned(),
            );
        }
        self.put(gate, "the author's note", tests.note.clone());
        self.put(gate, "who wrote them", plain(&tests.origin));
        if let Some(amendment) = &tests.amendment {
            self.put(gate, "the amendment", plain(amendment));
        }
    }

    fn tests(&mut self, run: &TestRun, compared: &[TestComparison], scope: Option<&SuiteScope>) {
        let finished = plain(&run.finished);
        self.put(
            Gate::Regression,
            "the run with the change came to its end",
            finished,
        );
        for result in run.results.iter().chain(&run.collection_errors) {
            let gate = self.gate_of_test(&result.id);
            self.of_test(gate, &result.id, "in the run", plain(&result.outcome));
        }
        for test in compared {
            let gate = self.gate_of_test(&test.id);
            if test.class == TestClass::Flaky {
                self.told.flaky.insert(test.id.clone());
            }
            self.of_test(gate, &test.id, "before the change", outcome(test.base));
            self.of_test(gate, &test.id, "with the change", outcome(test.patch));
            self.of_test(gate, &test.id, "its class", plain(&test.class));
        }
        if let Some(scope) = scope {
            self.told.left_out.extend(scope.left_out.iter().cloned());
        }
    }

    fn gate_of_test(&self, id: &str) -> Gate {
        if self.told.acceptance.contains(id) {
            Gate::Acceptance
        } else {
            Gate::Regression
        }
    }

    fn patch(&mut self, facts: &PatchFacts) {
        self.put(Gate::Patch, "its size in bytes", facts.bytes.to_string());
        self.put(Gate::Patch, "its number of files", facts.files.to_string());
        for path in &facts.allowed {
            let value = format!("{}, allowed by {:?}", path.kind, path.quote);
            self.put(
                Gate::Patch,
                &format!("the protected path {}", path.path),
                value,
            );
        }
    }

    fn integrity(&mut self, integrity: &Integrity) {
        let gate = Gate::Integrity;
        self.put(gate, "the canaries", plain(&integrity.canaries));
        self.put(
            gate,
            "tests on the base",
            integrity.tests_on_base.to_string(),
        );
        for id in &integrity.missing {
            self.of_test(gate, id, "no longer collected", "yes".to_owned());
        }
        for marked in &integrity.marked {
            self.of_test(gate, &marked.id, "gained a mark", marked.mark.clone());
        }
        for trick in integrity.tricks.iter().chain(&integrity.signs) {
            let name = format!("{} in {}:{}", trick.rule, trick.path, trick.line);
            self.put(gate, &name, trick.words.clone());
        }
    }

    fn bite(&mut self, bite: &Bite) {
        self.told.bite_in_words = bite_in_words(bite);
        for hunk in &bite.hunks {
            let name = format!("the hunk {} {}", hunk.path, hunk.header);
            let (test, value) = match &hunk.verdict {
                HunkVerdict::Exercised { by } => (Some(by.clone()), format!("exercised by {by}")),
                HunkVerdict::Unexercised => (None, "unexercised".to_owned()),
                HunkVerdict::Untried { why } => (None, format!("{UNTRIED}{why}")),
            };
            self.add(Gate::Bite, &name, test, value);
        }
    }

    fn review(&mut self, review: &Review) {
        self.put(Gate::Review, "the reviewer's word", plain(&review.verdict));
        self.put(
            Gate::Review,
            "the reviewer's summary",
            review.summary.clone(),
        );
        for finding in &review.findings {
            let about = if finding.file.is_empty() {
                format!("the finding about {:?}", finding.requirement)
            } else {
                format!("the finding at {}:{}", finding.file, finding.line)
            };
            self.put(Gate::Review, &about, plain(finding));
        }
    }
}

/// What a figure about an acceptance test's outcome on the base ends with.
const ACCEPTED: &str = "on the base, as an acceptance test";
/// How the value of a hunk that was not tried begins.
pub(super) const UNTRIED: &str = "not tried: ";

fn in_full(result: &TestResult) -> String {
    format!("{:?} {} {}", result.outcome, result.phase, result.exception)
        .trim_end()
        .to_owned()
}

fn outcome(outcome: Option<TestOutcome>) -> String {
    outcome.map_or_else(|| "no outcome".to_owned(), |it| plain(&it))
}

/// Whether a test that was run again gave different outcomes on the same tree.
fn flipped(rerun: &Rerun) -> bool {
    let differ = |outcomes: &[TestOutcome]| outcomes.iter().any(|it| *it != outcomes[0]);
    differ(&rerun.on_base) || differ(&rerun.with_change)
}
