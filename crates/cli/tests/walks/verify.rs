//! Bundles walked again: honest ones agree with themselves, and each kind of lie is found out at its gate.

use std::sync::Arc;

use pipeline::Stop;
use pipeline::verify::{Verified, Word, check_order, claims_something};
use protocol::{
    AcceptanceTests, Canaries, Entry, Evidence, HunkVerdict, Integrity, LintFinding, Rerun,
    RunEvent, RunId, RunState, Severity, Silent, Stage, TestClass, TestComparison, TestOrigin,
    TestOutcome, TreeId, Workspace,
};
use runs::reverify::{ReverifyError, opening, walk_again};
use tempfile::TempDir;
use testkit::{Fixture, MemoryJournal};

use crate::scene::{Walked, open, walk};

/// What doesn't hold when a run is walked again from its bundle. The bundle itself says what came out, or this panics.
pub(crate) fn differences(fixture: &Fixture, walked: &Walked) -> Vec<String> {
    let entries = through_a_bundle(fixture, walked);
    if !claims_something(&entries) {
        return Vec::new();
    }
    let again = tokio::task::block_in_place(|| {
        tokio::runtime::Handle::current().block_on(again(fixture, &entries))
    });
    told(&again)
}

/// The journal as it is read from the bundle of a run.
fn through_a_bundle(fixture: &Fixture, walked: &Walked) -> Vec<Entry> {
    let folder = TempDir::new().expect("a folder for the test");
    let out = folder.path().join("bundle");
    delivery::Bundle::of(&RunId("r".into()), &walked.history)
        .and_then(|it| it.write_to(&out))
        .unwrap_or_else(|error| panic!("{}: could not {error}", fixture.name));
    let (_, entries) = delivery::read_bundle(&out).expect("nobody changed it");
    check_order(&entries).unwrap_or_else(|error| panic!("{}: could not {error}", fixture.name));
    let mut folded = RunState::fold(&entries).expect("it is a whole run");
    let mut walked = walked.state.clone();
    // What was prepared may be taken in later than it was finished.
    folded.evidence.clear();
    walked.evidence.clear();
    assert_eq!(folded, walked, "{}: fold and walk disagree", fixture.name);
    entries
}

fn told(verified: &Verified) -> Vec<String> {
    let differing = verified.gates.iter().filter_map(|it| match &it.word {
        Word::Differs { first, .. } => Some(format!("{}: {first}", it.gate)),
        Word::NotReached => Some(format!("{} was not reached", it.gate)),
        Word::Holds { .. } | Word::NotClaimed => None,
    });
    differing.collect()
}

async fn again(fixture: &Fixture, entries: &[Entry]) -> Verified {
    tried_again(fixture, entries)
        .await
        .unwrap_or_else(|error| panic!("{}: could not {error}: {error:?}", fixture.name))
}

async fn tried_again(fixture: &Fixture, entries: &[Entry]) -> Result<Verified, ReverifyError> {
    let world = TempDir::new().expect("a folder for the test");
    let repository = fixture.repository();
    let checkout = open(fixture, world.path(), repository.path()).await;
    let (base, limits) = opening(entries).expect("every journal begins with its run");
    assert_eq!(
        checkout.base().tree,
        base.tree,
        "{}: another base",
        fixture.name
    );
    let log = Arc::new(Silent);
    let watch = Arc::new(|_: &RunEvent| {});
    walk_again(entries, checkout, limits.clone(), log, watch, Stop::never()).await
}

/// A way to lie.
type Lie = fn(&mut RunEvent);

/// Lies, and the gate that finds each out.
const LIES: &[(&str, &str, Lie)] = &[
    ("an outcome", "regression", |event| {
        each_comparison(event, |it| {
            if it.base == Some(TestOutcome::Passed) {
                it.patch = Some(TestOutcome::Failed);
            }
        });
    }),
    ("an outcome that was run again", "regression", |event| {
        each_evidence(event, |evidence| {
            let Evidence::Tests {
                comparison, reruns, ..
            } = evidence
            else {
                return;
            };
            for it in comparison {
                if it.base == Some(TestOutcome::Passed) {
                    it.patch = Some(TestOutcome::Failed);
                    reruns.push(Rerun {
                        id: it.id.clone(),
                        on_base: vec![TestOutcome::Passed; 2],
                        with_change: vec![TestOutcome::Failed; 2],
                        excuse: String::new(),
                    });
                }
            }
        });
    }),
    ("a class", "acceptance", |event| {
        each_comparison(event, |it| {
            if it.class == TestClass::Fixed {
                it.class = TestClass::New;
            }
        });
    }),
    ("a test that was never there", "regression", |event| {
        each_evidence(event, |evidence| {
            if let Evidence::Tests { comparison, .. } = evidence {
                comparison.push(TestComparison {
                    id: "tests/test_more.py::test_more".to_owned(),
                    base: None,
                    patch: Some(TestOutcome::Passed),
                    class: TestClass::New,
                });
            }
        });
    }),
    ("a test that was red on the base", "acceptance", |event| {
        each_acceptance(event, |tests| {
            let green = tests.on_base.iter().find(|it| it.outcome.is_green());
            let id = green.map_or_else(|| "t.py::t".to_owned(), |it| it.id.clone());
            tests.red_on_base.push(id);
        });
    }),
    ("the text of an acceptance test", "acceptance", |event| {
        each_acceptance(event, |tests| tests.files[0].text += "\n# harmless\n");
    }),
    (
        "a finding of Ruff that is kept quiet, or made up",
        "format",
        |event| {
            each_evidence(event, |evidence| {
                if let Evidence::Format { new_findings, .. } = evidence {
                    new_findings.push(LintFinding {
                        rule: "F401".to_owned(),
                        path: "pages.py".to_owned(),
                        line: 1,
                        message: "unused".to_owned(),
                    });
                }
            });
        },
    ),
    ("a citation of the review", "review", |event| {
        each_evidence(event, |evidence| {
            if let Evidence::Review(review) = evidence {
                review.findings.push(protocol::Finding {
                    severity: Severity::Minor,
                    file: "pages.py".to_owned(),
                    line: 900,
                    requirement: String::new(),
                    message: "looks good".to_owned(),
                });
            }
        });
    }),
    ("the reviewer's word", "review", |event| {
        if let RunEvent::Replied { agent, reply, .. } = event
            && agent == "reviewer"
        {
            reply.text = reply.text.replace("\"pass\"", "\"fail\"");
        }
    }),
    ("the verdict on a hunk", "hunks", |event| {
        each_evidence(event, |evidence| {
            if let Evidence::Bite(bite) = evidence {
                bite.hunks[0].verdict = HunkVerdict::Exercised {
                    by: "tests/test_made_up.py::test".to_owned(),
                };
            }
        });
    }),
    ("the canaries", "integrity", |event| {
        each_evidence(event, |evidence| {
            if let Evidence::Integrity(integrity) = evidence {
                integrity.canaries = Canaries::Held { tests: 900 };
            }
        });
    }),
    ("a test that is no longer collected", "integrity", |event| {
        each_evidence(event, |evidence| {
            if let Evidence::Integrity(integrity) = evidence {
                integrity.tests_on_base += 1;
            }
        });
    }),
    ("who wrote the acceptance tests", "acceptance", |event| {
        each_acceptance(event, |tests| {
            tests.origin = TestOrigin::User;
        });
    }),
    ("a second word on integrity", "integrity", |event| {
        if let RunEvent::Reported { agent, report, .. } = event
            && agent == "pytest"
        {
            report.evidence.push(Evidence::Integrity(Integrity {
                canaries: Canaries::Held { tests: 900 },
                tests_on_base: 900,
                missing: Vec::new(),
                marked: Vec::new(),
                signs: Vec::new(),
                tricks: Vec::new(),
            }));
        }
    }),
    ("the patch", "patch", |event| {
        if let RunEvent::Finished { proposed_code, .. } = event {
            *proposed_code = proposed_code.replacen("\n+", "\n+# harmless\n+", 1);
        }
    }),
    ("the tree", "patch", |event| {
        if let RunEvent::Finished { tree, .. } = event {
            *tree = TreeId("d".repeat(40));
        }
    }),
    ("the end", "end", |event| {
        if let RunEvent::Finished { explanation, .. } = event {
            explanation.push_str(", and it is perfect");
        }
    }),
    (
        "evidence of a coder that only a gate may give",
        "patch",
        |event| {
            if let RunEvent::Reported { agent, report, .. } = event
                && agent == "drafter"
            {
                report.evidence.push(Evidence::Missing {
                    what: "nothing".to_owned(),
                    why: "all is well".to_owned(),
                });
            }
        },
    ),
];

fn each_evidence(event: &mut RunEvent, lie: impl FnMut(&mut Evidence)) {
    match event {
        RunEvent::Reported { report, .. } => report.evidence.iter_mut().for_each(lie),
        RunEvent::Prepared { prepared, .. } => prepared.evidence.iter_mut().for_each(lie),
        _ => {}
    }
}

fn each_comparison(event: &mut RunEvent, mut lie: impl FnMut(&mut TestComparison)) {
    each_evidence(event, |evidence| {
        if let Evidence::Tests { comparison, .. } = evidence {
            comparison.iter_mut().for_each(&mut lie);
        }
    });
}

fn each_acceptance(event: &mut RunEvent, mut lie: impl FnMut(&mut AcceptanceTests)) {
    each_evidence(event, |evidence| {
        if let Evidence::AcceptanceTests(tests) = evidence {
            lie(tests);
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_lie_is_found_out_at_its_gate() {
    let fixture = Fixture::load(&Fixture::root().join("tasks/off_by_one"));
    let honest = walk(&fixture).await.history;
    let mut wrong = Vec::new();
    for (what, gate, lie) in LIES {
        let mut entries = honest.clone();
        entries.iter_mut().for_each(|it| lie(&mut it.event));
        if entries == honest {
            wrong.push(format!("{what}: the lie changed nothing"));
            continue;
        }
        let entries = rewritten(&entries);
        let found = told(&again(&fixture, &entries).await);
        let first = found.first().map_or("nothing", String::as_str);
        if !first.starts_with(&format!("{gate}: ")) {
            wrong.push(format!("{what}: not found out at {gate}, but: {first}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A way to add to a journal, or to take from it.
type Forgery = fn(&mut Vec<RunEvent>);

/// Journals that no walk could have written, and what is said of them.
const FORGERIES: &[(&str, &str, Forgery)] = &[
    (
        "an agent that nobody seated",
        "second-reviewer begins in QA of draft 1 (what could stand there: the run ends as completed)",
        |events| {
            let begins = RunEvent::Started {
                stage: Stage::Qa,
                iteration: 1,
                agent: "second-reviewer".to_owned(),
            };
            before_the_end(events, begins);
        },
    ),
    (
        "a step of the tests in draft 0",
        "pytest does `run` while it gets ready (what could stand there: the run ends as completed)",
        |events| {
            let step = RunEvent::Stepped {
                agent: "pytest".to_owned(),
                iteration: 0,
                step: "run".to_owned(),
                value: serde_json::Value::Null,
                tree: None,
            };
            before_the_end(events, step);
        },
    ),
    (
        "a second beginning of the review",
        "reviewer begins in QA of draft 2 (what could stand there: the run ends as completed)",
        |events| {
            let begins = find(events, |it| is_of(it, "reviewer") && is_start(it));
            before_the_end(events, events[begins].clone());
        },
    ),
    (
        "an answer after the review",
        "reviewer gets an answer of a model in draft 2 (what could stand there: the run ends as completed)",
        |events| {
            let reply = find(
                events,
                |it| matches!(it, RunEvent::Replied { agent, .. } if agent == "reviewer"),
            );
            before_the_end(events, events[reply].clone());
        },
    ),
    (
        "a review that nobody began",
        "reviewer gets an answer of a model in draft 2 (what could stand there: reviewer begins in QA of draft 2)",
        |events| {
            let begins = find(events, |it| is_of(it, "reviewer") && is_start(it));
            events.remove(begins);
        },
    ),
    (
        "a stage out of its order",
        "ruff does `format` in draft 2 (what could stand there: ruff begins in Formatting of draft 2)",
        |events| {
            let begins = find(events, |it| is_of(it, "ruff") && is_start(it));
            let begun = events.remove(begins);
            events.insert(begins + 1, begun);
        },
    ),
    (
        "more drafts than are allowed",
        "drafter begins in Drafting of draft 2 (what could stand there: the run ends as failed)",
        |events| {
            if let RunEvent::Opened { limits, .. } = &mut events[0] {
                limits.iterations_max = 1;
            }
        },
    ),
    (
        "an environment that was set up again",
        "the environment is set up (what could stand there: the run ends as completed)",
        |events| {
            let set_up = find(events, |it| matches!(it, RunEvent::SetUp { .. }));
            before_the_end(events, events[set_up].clone());
        },
    ),
    (
        "one replaced who stays",
        "the run goes on under other terms (what could stand there: pytest isn't named among the replaced, and stays what it was)",
        |events| {
            let RunEvent::Opened {
                crew,
                limits,
                settings,
                ..
            } = &events[0]
            else {
                unreachable!("a run begins with its opening");
            };
            let reopened = RunEvent::Reopened {
                fork: None,
                crew: crew.clone(),
                replaced: vec!["pytest".to_owned()],
                limits: limits.clone(),
                settings: settings.clone(),
            };
            before_the_end(events, reopened);
        },
    ),
];

fn before_the_end(events: &mut Vec<RunEvent>, event: RunEvent) {
    events.insert(events.len() - 1, event);
}

/// The last event of a kind.
fn find(events: &[RunEvent], is_it: impl Fn(&RunEvent) -> bool) -> usize {
    events.iter().rposition(is_it).expect("the walk wrote one")
}

fn is_start(event: &RunEvent) -> bool {
    matches!(event, RunEvent::Started { .. })
}

fn is_of(event: &RunEvent, name: &str) -> bool {
    match event {
        RunEvent::Started { agent, .. } | RunEvent::Reported { agent, .. } => agent == name,
        _ => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_no_walk_could_have_written_is_refused() {
    let fixture = Fixture::load(&Fixture::root().join("tasks/review_rejects_once"));
    let honest = walk(&fixture).await.history;
    let mut wrong = Vec::new();
    for (what, want, forge) in FORGERIES {
        let mut events: Vec<RunEvent> = honest.iter().map(|it| it.event.clone()).collect();
        forge(&mut events);
        let forged = MemoryJournal::with(events).entries();
        let said = match tried_again(&fixture, &rewritten(&forged)).await {
            Ok(verified) => format!("accepted, but for {:?}", told(&verified)),
            Err(error) => format!("could not {error}"),
        };
        if !said.contains(want) {
            wrong.push(format!("{what}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The journal as a bundle that was made of it gives it back: whoever lies well makes the bundle anew.
fn rewritten(entries: &[Entry]) -> Vec<Entry> {
    let folder = TempDir::new().expect("a folder for the test");
    delivery::Bundle::of(&RunId("r".into()), entries)
        .and_then(|it| it.write_to(folder.path()))
        .expect("a lie is a run, too");
    delivery::read_bundle(folder.path())
        .expect("the digests and the chain are made anew")
        .1
}
