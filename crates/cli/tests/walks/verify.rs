//! Bundles walked again: honest ones agree with themselves, and each kind of lie is found out at its gate.

use std::sync::Arc;

use pipeline::Stop;
use pipeline::verify::{Verified, Word, claims_something};
use protocol::{
    AcceptanceTests, Canaries, Entry, Evidence, HunkVerdict, Integrity, LintFinding, Rerun,
    RunEvent, RunId, RunState, Severity, Silent, TestClass, TestComparison, TestOrigin,
    TestOutcome, TreeId, Workspace,
};
use runs::reverify::{opening, walk_again};
use tempfile::TempDir;
use testkit::Fixture;

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
    walk_again(entries, checkout, limits.clone(), log, watch, Stop::never())
        .await
        .unwrap_or_else(|error| panic!("{}: could not {error}: {error:?}", fixture.name))
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
