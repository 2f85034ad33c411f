//! A completed run that shows everything a gate can show.

use protocol::{
    AllowedPath, AmendedFile, Amendment, Bite, Canaries, Dispute, Effort, Entry, Evidence, Guide,
    GuideShown, HunkBite, HunkVerdict, Integrity, PatchFacts, Report, Rerun, ReviewerFigure,
    RunEvent, Share, SuiteScope, TestClass, TestComparison, TestOutcome, Tier, Trick,
};

use super::completed;

/// The completed run, with an amended test and everything the gates measured.
pub(crate) fn rich() -> Vec<Entry> {
    let mut entries = completed();
    for entry in &mut entries {
        match &mut entry.event {
            RunEvent::Prepared { prepared, .. } => {
                for evidence in &mut prepared.evidence {
                    if let Evidence::AcceptanceTests(tests) = evidence {
                        tests.amendment = Some(Box::new(amendment()));
                    }
                }
            }
            RunEvent::Reported {
                iteration: 2,
                agent,
                report,
                ..
            } => measure(agent, report),
            _ => {}
        }
    }
    entries
}

/// The completed run, but nothing was red on the base.
pub(crate) fn safe() -> Vec<Entry> {
    let mut entries = completed();
    for entry in &mut entries {
        match &mut entry.event {
            RunEvent::Prepared { prepared, .. } => {
                for evidence in &mut prepared.evidence {
                    if let Evidence::AcceptanceTests(tests) = evidence {
                        tests.red_on_base.clear();
                        tests.on_base[0].outcome = TestOutcome::Passed;
                        tests.note = "every test passes on the base already".into();
                    }
                }
            }
            RunEvent::Finished { tier, .. } => *tier = Some(Tier::RegressionSafe),
            _ => {}
        }
    }
    entries
}

fn measure(agent: &str, report: &mut Report) {
    match agent {
        "gpt-coder" => report.evidence.extend([
            guidance(agent),
            Evidence::Patch(PatchFacts {
                bytes: 161,
                files: 1,
                allowed: vec![AllowedPath {
                    path: "pytest.ini".into(),
                    kind: "configuration of the test runner".into(),
                    quote: "Turn `xfail_strict` on in `pytest.ini`.".into(),
                }],
            }),
        ]),
        "pytest" => {
            for evidence in &mut report.evidence {
                let Evidence::Tests {
                    comparison,
                    reruns,
                    scope,
                    ..
                } = evidence
                else {
                    continue;
                };
                comparison.extend(more_tests());
                *reruns = vec![Rerun {
                    id: "tests/test_clock.py::test_now".into(),
                    on_base: vec![TestOutcome::Passed, TestOutcome::Failed],
                    with_change: vec![TestOutcome::Failed, TestOutcome::Passed],
                    excuse: "it imports nothing that was changed".into(),
                }];
                *scope = Some(SuiteScope {
                    affected: vec!["tests/test_pager.py".into()],
                    left_out: vec!["tests/test_slow.py".into()],
                    suite_seconds_max: 600,
                });
            }
            report.evidence.push(Evidence::Integrity(integrity()));
            report.evidence.push(Evidence::Bite(bite()));
        }
        "gemini-reviewer" => {
            report.evidence.push(Evidence::ReviewerFigure(figure()));
        }
        _ => {}
    }
}

fn guidance(agent: &str) -> Evidence {
    let guide = |path: &str, shown| Guide {
        path: path.into(),
        content: "6ui3e".into(),
        shown,
    };
    Evidence::Guidance {
        agent: agent.into(),
        files: vec![
            guide("pager/AGENTS.md", GuideShown::Whole),
            guide("AGENTS.md", GuideShown::Beginning),
            guide("<b>`CLAUDE.md", GuideShown::Nothing),
        ],
    }
}

fn figure() -> ReviewerFigure {
    ReviewerFigure {
        model: "scripted:gemini".into(),
        effort: Some(Effort::High),
        cases: "0123456789ab".into(),
        day: "2026-05-20".into(),
        caught: Share { hits: 35, of: 40 },
        blocked_otherwise: 2,
        false_blocks: Share { hits: 1, of: 20 },
        no_verdict: 0,
    }
}

fn more_tests() -> Vec<TestComparison> {
    let test = |id: &str, base, patch, class| TestComparison {
        id: id.into(),
        base: Some(base),
        patch: Some(patch),
        class,
    };
    use TestOutcome::{Failed, Passed, Skipped};
    vec![
        test(
            "tests/test_clock.py::test_now",
            Passed,
            Failed,
            TestClass::Flaky,
        ),
        test(
            "tests/test_net.py::test_fetch[https://a|b]",
            Failed,
            Failed,
            TestClass::PreExisting,
        ),
        test(
            "tests/test_win.py::test_registry",
            Skipped,
            Skipped,
            TestClass::Idle,
        ),
    ]
}

fn integrity() -> Integrity {
    Integrity {
        canaries: Canaries::Held { tests: 3 },
        tests_on_base: 4,
        missing: Vec::new(),
        marked: Vec::new(),
        tricks: vec![Trick {
            rule: "broad-except".into(),
            path: "src/pager.py".into(),
            line: 2,
            words: "an exception of every kind is swallowed".into(),
        }],
        signs: vec![Trick {
            rule: "sleeps".into(),
            path: "src/pager.py".into(),
            line: 1,
            words: "waits for a fixed time".into(),
        }],
    }
}

fn bite() -> Bite {
    let hunk = |path: &str, header: &str, verdict| HunkBite {
        path: path.into(),
        header: header.into(),
        verdict,
    };
    Bite {
        hunks: vec![
            hunk(
                "src/pager.py",
                "@@ -1,2 +1,2 @@",
                HunkVerdict::Exercised {
                    by: "tests/test_last_page.py::test_last_page".into(),
                },
            ),
            hunk(
                "src/pager.py",
                "@@ -40,1 +40,2 @@ def log():",
                HunkVerdict::Unexercised,
            ),
            hunk(
                "README.md",
                "@@ -1 +1 @@",
                HunkVerdict::Untried {
                    why: "no Python code".into(),
                },
            ),
        ],
        wall_ms: 2500,
    }
}

fn amendment() -> Amendment {
    Amendment {
        dispute: Dispute {
            agent: "gpt-coder".into(),
            test: "tests/test_pager.py::test_one".into(),
            quote: "`pages(11, 10)` should be 2.".into(),
            words: "The test expects 1.".into(),
        },
        granted: true,
        answer: "The task says 2, so the test was wrong.".into(),
        files: vec![AmendedFile {
            path: "tests/test_pager.py".into(),
            existed: true,
            old_sha256: "1".repeat(64),
            old_text: "def test_one():\n    assert pages(11, 10) == 1\n".into(),
            new_sha256: "2".repeat(64),
            new_text: "def test_one():\n    assert pages(11, 10) == 2\n".into(),
        }],
    }
}
