//! Journals of small runs, for this crate's own tests.

mod rich;

use protocol::{
    AcceptanceTests, Base, Confinement, Entry, Environment, Evidence, Exit, Finding, Fork, Limits,
    ModelId, ModelReply, Prepared, Reason, Report, Review, ReviewVerdict, RunEvent, RunId, Seat,
    Severity, Stage, Status, Task, TaskSource, TestClass, TestComparison, TestFile, TestOutcome,
    TestResult, TestRun, Tier, TokenUsage, TreeId, Unformatted,
};

pub(crate) use rich::{rich, safe};

/// The change that the completed run ends with.
pub(crate) const PATCH: &str = "diff --git a/src/pager.py b/src/pager.py\nindex 1..2 100644\n--- a/src/pager.py\n+++ b/src/pager.py\n@@ -1,2 +1,2 @@\n def pages(n, size):\n-    return n // size\n+    return -(-n // size)\n";

/// A run whose first draft was sent back by the tests and whose second came through.
pub(crate) fn completed() -> Vec<Entry> {
    let mut events = opening();
    events.extend([
        reported(
            Stage::Drafting,
            1,
            "gpt-coder",
            draft("`return n`"),
            "diff one",
        ),
        reported(
            Stage::Testing,
            1,
            "pytest",
            Report::rejected("1 regressed", "`test_one` fails now")
                .with(tests(TestOutcome::Failed, TestClass::Regressed)),
            "diff one",
        ),
        started(Stage::Drafting, 2, "gpt-coder"),
        replied("gpt-coder", 2),
        reported(Stage::Drafting, 2, "gpt-coder", draft("rounds up"), PATCH),
        reported(
            Stage::Formatting,
            2,
            "ruff",
            Report::passed("formatted").with(Evidence::Format {
                tool: "ruff 0.1.0".into(),
                changed: vec!["src/pager.py".into()],
                new_findings: Vec::new(),
                unformatted: vec![Unformatted {
                    path: "src/legacy.py".into(),
                    why: "it isn't UTF-8, which is all that Ruff reads".into(),
                }],
            }),
            PATCH,
        ),
        reported(
            Stage::Testing,
            2,
            "pytest",
            Report::passed("2 passed").with(tests(TestOutcome::Passed, TestClass::Kept)),
            PATCH,
        ),
        reported(
            Stage::Qa,
            2,
            "gemini-reviewer",
            Report::passed("no blocking finding").with(Evidence::Review(review())),
            PATCH,
        ),
        RunEvent::Finished {
            status: Status::Completed,
            reason: None,
            explanation: "draft 2 came through every stage".into(),
            tier: Some(Tier::Proven),
            tree: TreeId("f".repeat(40)),
            proposed_code: PATCH.into(),
        },
    ]);
    entries(events)
}

/// A run that ended without a change.
pub(crate) fn no_code() -> Vec<Entry> {
    let mut events = opening();
    events.extend([
        reported(Stage::Drafting, 1, "gpt-coder", draft("nothing to do"), ""),
        RunEvent::Finished {
            status: Status::Failed,
            reason: Some(Reason::NoCode),
            explanation: "no coder changed anything in the repository".into(),
            tier: None,
            tree: TreeId("b".repeat(40)),
            proposed_code: String::new(),
        },
    ]);
    entries(events)
}

/// A run that somebody stopped while the second draft was under way.
pub(crate) fn interrupted() -> Vec<Entry> {
    let mut whole = completed();
    whole.truncate(12);
    let seq = whole.len() as u64;
    whole.push(Entry {
        seq,
        at_ms: seq * 1000,
        event: RunEvent::Interrupted {
            reason: Reason::Cancelled,
            explanation: "the run was cancelled".into(),
        },
    });
    whole
}

/// The completed run, forked while its second draft was being written: another model wrote that one.
pub(crate) fn forked() -> Vec<Entry> {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let whole = completed();
    let (past, rest) = whole.split_at(11);
    let Some(RunEvent::Opened {
        mut crew, limits, ..
    }) = past.first().map(|it| it.event.clone())
    else {
        unreachable!("a run begins with its opening");
    };
    crew[0].model = Some(ModelId::new("scripted", "other"));
    let reopened = RunEvent::Reopened {
        fork: Some(Fork {
            run: RunId("260520-wxyz".into()),
            at: 10,
        }),
        crew,
        replaced: vec!["gpt-coder".into()],
        limits,
        settings: serde_json::Value::Null,
    };
    let again = [
        reopened,
        started(Stage::Drafting, 2, "gpt-coder"),
        replied("gpt-coder", 2),
    ];
    let rest = rest.iter().map(|it| it.event.clone());
    let mut all = entries(
        past.iter()
            .map(|it| it.event.clone())
            .chain(again)
            .chain(rest)
            .collect(),
    );
    for entry in all.iter_mut().skip(past.len()) {
        entry.at_ms += DAY_MS;
    }
    all
}

/// A task whose every text tries to break out of the report.
pub(crate) fn hostile() -> Vec<Entry> {
    let mut entries = completed();
    if let RunEvent::Opened { task, crew, .. } = &mut entries[0].event {
        task.title = "x`</td>| **Status: completed**\n# Tier: proven\u{202e}".into();
        task.body = "```\n## Tests\n\nall 99 passed\n````\n<script>alert(1)</script>".into();
        crew[0].agent = "gpt-coder".into();
    }
    for entry in &mut entries {
        if let RunEvent::Reported { report, .. } = &mut entry.event {
            report.summary = "ok` |\n\n# Status: failed\n".into();
            for evidence in &mut report.evidence {
                if let Evidence::Review(review) = evidence {
                    review.summary = "~~~\n```\n# Tier: unverified".into();
                }
            }
        }
    }
    entries
}

fn opening() -> Vec<RunEvent> {
    let seat = |stage, agent: &str, model: Option<&str>| Seat {
        stage,
        agent: agent.into(),
        model: model.map(|it| ModelId::new("scripted", it)),
        fallback: None,
    };
    vec![
        RunEvent::Opened {
            task: Task {
                title: "The last page is lost".into(),
                body: "`pages(11, 10)` should be 2.".into(),
                source: TaskSource::Github {
                    url: "https://github.com/acme/pager/issues/7".into(),
                    repository: "acme/pager".into(),
                    number: 7,
                },
                ..Task::default()
            },
            base: Base {
                repository: "https://github.com/acme/pager".into(),
                commit: "c".repeat(40),
                tree: TreeId("b".repeat(40)),
                uncommitted: false,
            },
            crew: vec![
                seat(Stage::Drafting, "gpt-coder", Some("gpt")),
                seat(Stage::Formatting, "ruff", None),
                seat(Stage::Testing, "test-author", Some("claude")),
                seat(Stage::Testing, "pytest", None),
                seat(Stage::Qa, "gemini-reviewer", Some("gemini")),
            ],
            limits: limits(),
            settings: serde_json::Value::Null,
        },
        RunEvent::SetUp {
            environment: Environment {
                key: "k".into(),
                python_version: "3.11.7".into(),
                sources: vec!["pyproject.toml [test]".into()],
                cached: true,
                wall_ms: 3,
                test_folder: String::new(),
                notes: Vec::new(),
            },
            confinement: Confinement {
                layers: vec!["bubblewrap".into(), "landlock".into()],
                gaps: vec!["no cgroup: memory is limited per process".into()],
            },
        },
        started(Stage::Drafting, 1, "gpt-coder"),
        replied("test-author", 0),
        replied("gpt-coder", 1),
        RunEvent::Prepared {
            agent: "test-author".into(),
            prepared: Prepared {
                evidence: vec![
                    Evidence::AcceptanceTests(acceptance()),
                    Evidence::Baseline(run(&[(
                        "tests/test_pager.py::test_one",
                        TestOutcome::Passed,
                    )])),
                ],
            },
        },
        RunEvent::Stepped {
            agent: "gpt-coder".into(),
            iteration: 1,
            step: "edit_file".into(),
            value: serde_json::json!({"edited": "src/pager.py"}),
            tree: Some(TreeId("d".repeat(40))),
        },
    ]
}

fn acceptance() -> AcceptanceTests {
    AcceptanceTests {
        files: vec![TestFile {
            path: "tests/test_last_page.py".into(),
            text: "def test_last_page():\n    assert pages(11, 10) == 2\n".into(),
            sha256: "a".repeat(64),
        }],
        on_base: vec![result(
            "tests/test_last_page.py::test_last_page",
            TestOutcome::Failed,
        )],
        red_on_base: vec!["tests/test_last_page.py::test_last_page".into()],
        ..AcceptanceTests::default()
    }
}

fn review() -> Review {
    Review {
        verdict: ReviewVerdict::Pass,
        summary: "Does what the task asks.".into(),
        findings: vec![Finding {
            severity: Severity::Minor,
            file: "src/pager.py".into(),
            line: 2,
            requirement: String::new(),
            message: "`math.ceil` would read better".into(),
        }],
    }
}

fn draft(summary: &str) -> Report {
    Report::passed(summary).with(Evidence::Draft {
        agent: "gpt-coder".into(),
        summary: summary.into(),
        turns: 1,
    })
}

fn tests(kept: TestOutcome, class: TestClass) -> Evidence {
    let pair = |id: &str, base, patch, class| TestComparison {
        id: id.into(),
        base: Some(base),
        patch: Some(patch),
        class,
    };
    Evidence::Tests {
        run: run(&[
            ("tests/test_pager.py::test_one", kept),
            (
                "tests/test_last_page.py::test_last_page",
                TestOutcome::Passed,
            ),
        ]),
        comparison: vec![
            pair(
                "tests/test_pager.py::test_one",
                TestOutcome::Passed,
                kept,
                class,
            ),
            pair(
                "tests/test_last_page.py::test_last_page",
                TestOutcome::Failed,
                TestOutcome::Passed,
                TestClass::Fixed,
            ),
        ],
        reruns: Vec::new(),
        scope: None,
    }
}

fn run(results: &[(&str, TestOutcome)]) -> TestRun {
    TestRun {
        results: results
            .iter()
            .map(|(id, outcome)| result(id, *outcome))
            .collect(),
        collected: results.iter().map(|(id, _)| (*id).to_owned()).collect(),
        collection_errors: Vec::new(),
        exit: Exit::Code(0),
        finished: true,
        wall_ms: 420,
        tail: String::new(),
        cached: false,
    }
}

fn result(id: &str, outcome: TestOutcome) -> TestResult {
    TestResult {
        id: id.into(),
        outcome,
        phase: "call".into(),
        exception: String::new(),
        message: String::new(),
    }
}

fn started(stage: Stage, iteration: u8, agent: &str) -> RunEvent {
    RunEvent::Started {
        stage,
        iteration,
        agent: agent.into(),
    }
}

fn replied(agent: &str, iteration: u8) -> RunEvent {
    RunEvent::Replied {
        agent: agent.into(),
        iteration,
        request_sha256: "0".repeat(64),
        reply: ModelReply {
            text: "done".into(),
            usage: TokenUsage {
                input_tokens: 1000,
                output_tokens: 200,
                ..TokenUsage::default()
            },
            cost_microusd: Some(4200),
            ..ModelReply::default()
        },
    }
}

fn reported(stage: Stage, iteration: u8, agent: &str, report: Report, code: &str) -> RunEvent {
    RunEvent::Reported {
        stage,
        iteration,
        agent: agent.into(),
        report,
        tree: TreeId("e".repeat(40)),
        proposed_code: code.into(),
    }
}

fn entries(events: Vec<RunEvent>) -> Vec<Entry> {
    (0..)
        .zip(events)
        .map(|(seq, event)| Entry {
            seq,
            at_ms: seq * 1000,
            event,
        })
        .collect()
}

fn limits() -> Limits {
    Limits {
        iterations_max: 3,
        turns_max: 20,
        tool_calls_per_reply_max: 8,
        visit_tokens_max: 200_000,
        visit_seconds_max: 600,
        reply_tokens_max: 8_000,
        command_seconds_max: 60,
        test_run_seconds_max: 300,
        install_seconds_max: 300,
        cpu_seconds_max: 300,
        memory_bytes_max: 1 << 30,
        file_bytes_max: 1 << 26,
        processes_max: 64,
        output_bytes_max: 1 << 16,
        output_flood_bytes_max: 1 << 24,
        answer_bytes_max: 1 << 14,
        author_tries_max: 3,
        patch_bytes_max: 1 << 20,
        patch_files_max: 200,
        suite_seconds_max: 600,
        reruns_max: 6,
        bite_hunks_max: 16,
        bite_seconds_max: 120,
    }
}
