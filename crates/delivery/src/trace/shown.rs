//! A run's trace in words: a line a step for the terminal, a table for the report.

use crate::quote;
use crate::trace::{Step, StepFile, StepTests};
use crate::words;

/// Failing tests that one line names.
const FAILING_IN_LINE_MAX: usize = 3;
/// Files that one line names.
const FILES_IN_LINE_MAX: usize = 6;
/// Longest words of an agent in one line.
const WORDS_CHARS_MAX: usize = 200;

impl Step {
    /// The step in one line, without hidden characters.
    pub fn line(&self) -> String {
        let mut line = format!(
            "step {}, {} (draft {}, {}): {}",
            self.number,
            self.kind.name(),
            self.draft,
            self.agent,
            self.result()
        );
        if let Some(files) = self.files_in_words() {
            line += &format!("; {files}");
        }
        protocol::visible(&line).replace('\n', " ")
    }

    /// The files that it wrote, with a sign each, or those whose tests it ran.
    pub(crate) fn files_in_words(&self) -> Option<String> {
        let (named, total): (Vec<String>, usize) = match &self.tests {
            Some(tests) if self.files.is_empty() => (tests.files.clone(), tests.files_total),
            _ => (self.files.iter().map(signed).collect(), self.files.len()),
        };
        some_of(&named, total, FILES_IN_LINE_MAX)
    }

    /// What came of it.
    pub(crate) fn result(&self) -> String {
        let Some(tests) = &self.tests else {
            return match (self.passed, self.kind) {
                (false, _) => format!(
                    "sent back: {}",
                    quote::one_line(&self.summary, WORDS_CHARS_MAX)
                ),
                (true, _) if self.files.is_empty() => "no file changed".to_owned(),
                (true, _) => words::counted(self.files.len(), "file"),
            };
        };
        let mut result = counts(tests);
        if !self.passed {
            result += ", sent back";
            // The tests can all pass, and the change be sent back for another reason.
            if tests.failed == 0 && tests.cut_short.is_none() {
                result += &format!(": {}", quote::one_line(&self.summary, WORDS_CHARS_MAX));
            }
        }
        // Names last: a terminal cuts what is too long for it.
        if let Some(failing) = some_of(&tests.failing, tests.failed, FAILING_IN_LINE_MAX) {
            result += &format!(" ({failing})");
        }
        result
    }
}

fn counts(tests: &StepTests) -> String {
    let mut words = format!("{} passed, {} failed", tests.passed, tests.failed);
    if 0 < tests.skipped {
        words += &format!(", {} skipped", tests.skipped);
    }
    if 0 < tests.unfinished {
        words += &format!(", {} without an end", tests.unfinished);
    }
    if let Some(why) = &tests.cut_short {
        words += &format!(", {why}");
    }
    words
}

fn signed(file: &StepFile) -> String {
    let sign = match file.kind {
        "added" => "+",
        "deleted" => "-",
        "taken back" => "taken back: ",
        _ => "~",
    };
    format!("{sign}{}", file.path)
}

/// The first few names of so many.
fn some_of(names: &[String], total: usize, shown_max: usize) -> Option<String> {
    if names.is_empty() {
        return None;
    }
    let shown = &names[..names.len().min(shown_max)];
    let more = match total.saturating_sub(shown.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(shown.join(", ") + &more)
}

/// The section of the report.
pub(crate) fn section(text: &mut String, steps: &[Step]) {
    if steps.is_empty() {
        return;
    }
    *text += "## Trace\n\n| Step | | Draft | Agent | Files | Result |\n| ---: | --- | ---: | --- | --- | --- |\n";
    for step in steps {
        let files = match step.files_in_words() {
            Some(files) => quote::cell(&files, WORDS_CHARS_MAX),
            None => "–".to_owned(),
        };
        *text += &format!(
            "| {} | {} | {} | {} | {files} | {} |\n",
            step.number,
            step.kind.name(),
            step.draft,
            quote::cell(&step.agent, WORDS_CHARS_MAX),
            quote::cell(&step.result(), WORDS_CHARS_MAX),
        );
    }
    *text += "\n";
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use protocol::{
        Evidence, Exit, Report, RunEvent, Stage, Task, TestFile, TestOutcome, TestResult, TestRun,
        TreeId,
    };

    use super::*;
    use crate::trace::Tracer;

    fn part(path: &str, text: &str) -> String {
        format!("diff --git a/{path} b/{path}\nnew file mode 100644\n@@ -0,0 +1 @@\n+{text}\n")
    }

    fn reported(stage: Stage, iteration: u8, report: Report, patch: &str) -> RunEvent {
        RunEvent::Reported {
            stage,
            iteration,
            agent: stage.to_string().to_lowercase(),
            report,
            tree: TreeId(String::new()),
            proposed_code: patch.to_owned(),
        }
    }

    fn draft() -> Report {
        Report::passed("Done.").with(Evidence::Draft {
            agent: "drafting".to_owned(),
            summary: "Done.".to_owned(),
            turns: 1,
        })
    }

    fn tests(outcomes: &[TestOutcome]) -> Evidence {
        ended(outcomes, outcomes.len(), Exit::Code(0))
    }

    /// So many tests were collected, and this is how the run ended.
    fn ended(outcomes: &[TestOutcome], collected: usize, exit: Exit) -> Evidence {
        let id = |number: usize| format!("t.py::test_{number}");
        let results = outcomes
            .iter()
            .enumerate()
            .map(|(number, outcome)| TestResult {
                id: id(number),
                outcome: *outcome,
                phase: "call".to_owned(),
                exception: String::new(),
                message: String::new(),
            });
        Evidence::Tests {
            run: TestRun {
                results: results.collect(),
                collected: (0..collected).map(id).collect(),
                collection_errors: Vec::new(),
                exit,
                finished: collected == outcomes.len(),
                wall_ms: 0,
                cached: false,
                tail: String::new(),
            },
            comparison: Vec::new(),
            reruns: Vec::new(),
            scope: None,
        }
    }

    fn check(task: Task, events: &[RunEvent], want: &Expect) {
        let mut tracer = Tracer {
            task,
            test_run_seconds_max: 60,
            ..Tracer::new()
        };
        let steps: Vec<Step> = events.iter().filter_map(|it| tracer.take(it)).collect();
        let lines: Vec<String> = steps.iter().map(Step::line).collect();
        let mut text = String::new();
        section(&mut text, &steps);
        want.assert_eq(&format!("{}\n{text}", lines.join("\n")));
    }

    #[test]
    fn every_generate_test_and_fix_is_a_step() {
        use TestOutcome::{Failed, Passed, Skipped};
        let given = part("t.py", "test");
        let (first, second) = (part("a.py", "one"), part("a.py", "two"));
        let edited = part("t.py", "edited");
        let task = Task {
            tests: vec![TestFile {
                path: "t.py".to_owned(),
                text: String::new(),
                sha256: String::new(),
            }],
            ..Task::default()
        };
        check(
            task,
            &[
                reported(Stage::Drafting, 1, draft(), &(first.clone() + &given)),
                reported(Stage::Drafting, 1, draft(), &(first.clone() + &given)),
                reported(
                    Stage::Formatting,
                    1,
                    Report::passed("tidy"),
                    &(first.clone() + &given),
                ),
                reported(
                    Stage::Testing,
                    1,
                    Report::rejected("no", "no").with(tests(&[Failed; 5])),
                    &(first.clone() + &given),
                ),
                reported(Stage::Drafting, 2, draft(), &(first + &edited)),
                reported(
                    Stage::Drafting,
                    2,
                    Report::rejected("t.py is not\nyours", "no"),
                    &(second.clone() + &given),
                ),
                reported(Stage::Drafting, 3, draft(), &given),
                reported(
                    Stage::Testing,
                    3,
                    Report::passed("ok").with(tests(&[Passed, Passed, Skipped])),
                    &given,
                ),
            ],
            &expect![[r#"
                step 1, generate (draft 1, drafting): 1 file; +a.py
                step 2, refine (draft 1, drafting): no file changed
                step 3, test (draft 1, testing): 0 passed, 5 failed, sent back (t.py::test_0, t.py::test_1, t.py::test_2 and 2 more); t.py
                step 4, fix (draft 2, drafting): 1 file; ~t.py
                step 5, check (draft 2, drafting): sent back: t.py is not yours; ~a.py, ~t.py
                step 6, fix (draft 3, drafting): 1 file; taken back: a.py
                step 7, test (draft 3, testing): 2 passed, 0 failed, 1 skipped; t.py
                ## Trace

                | Step | | Draft | Agent | Files | Result |
                | ---: | --- | ---: | --- | --- | --- |
                | 1 | generate | 1 | `drafting` | `+a.py` | `1 file` |
                | 2 | refine | 1 | `drafting` | – | `no file changed` |
                | 3 | test | 1 | `testing` | `t.py` | `0 passed, 5 failed, sent back (t.py::test_0, t.py::test_1, t.py::test_2 and 2 more)` |
                | 4 | fix | 2 | `drafting` | `~t.py` | `1 file` |
                | 5 | check | 2 | `drafting` | `~a.py, ~t.py` | `sent back: t.py is not yours` |
                | 6 | fix | 3 | `drafting` | `taken back: a.py` | `1 file` |
                | 7 | test | 3 | `testing` | `t.py` | `2 passed, 0 failed, 1 skipped` |

            "#]],
        );
    }

    #[test]
    fn a_test_run_that_did_not_come_to_its_end_says_why_and_where() {
        use TestOutcome::{Failed, Passed};
        let passed = || Report::passed("ok");
        let runs = [
            Report::rejected("no", "no").with(ended(&[Passed, Failed], 4, Exit::TooSlow)),
            Report::rejected("no", "no").with(ended(&[], 0, Exit::TooSlow)),
            passed().with(ended(&[Passed], 2, Exit::TooMuchOutput)),
            passed().with(ended(&[], 2, Exit::Signal(11))),
            passed().with(ended(&[Passed], 2, Exit::Code(0))),
            Report::rejected("a skip was added", "no").with(tests(&[Passed])),
        ];
        let events = runs.map(|it| reported(Stage::Testing, 1, it, ""));
        check(
            Task::default(),
            &events,
            &expect![[r#"
                step 1, test (draft 1, testing): 1 passed, 1 failed, 2 without an end, stopped by its time limit of 60 s, in t.py::test_2, sent back (t.py::test_1); t.py
                step 2, test (draft 1, testing): 0 passed, 0 failed, stopped by its time limit of 60 s, sent back
                step 3, test (draft 1, testing): 1 passed, 0 failed, 1 without an end, stopped because it printed too much, in t.py::test_1; t.py
                step 4, test (draft 1, testing): 0 passed, 0 failed, 2 without an end, ended by signal 11, in t.py::test_0; t.py
                step 5, test (draft 1, testing): 1 passed, 0 failed, 1 without an end, ended with status 0 before pytest had come to its end, in t.py::test_1; t.py
                step 6, test (draft 1, testing): 1 passed, 0 failed, sent back: a skip was added; t.py
                ## Trace

                | Step | | Draft | Agent | Files | Result |
                | ---: | --- | ---: | --- | --- | --- |
                | 1 | test | 1 | `testing` | `t.py` | `1 passed, 1 failed, 2 without an end, stopped by its time limit of 60 s, in t.py::test_2, sent back (t.py::test_1)` |
                | 2 | test | 1 | `testing` | – | `0 passed, 0 failed, stopped by its time limit of 60 s, sent back` |
                | 3 | test | 1 | `testing` | `t.py` | `1 passed, 0 failed, 1 without an end, stopped because it printed too much, in t.py::test_1` |
                | 4 | test | 1 | `testing` | `t.py` | `0 passed, 0 failed, 2 without an end, ended by signal 11, in t.py::test_0` |
                | 5 | test | 1 | `testing` | `t.py` | `1 passed, 0 failed, 1 without an end, ended with status 0 before pytest had come to its end, in t.py::test_1` |
                | 6 | test | 1 | `testing` | `t.py` | `1 passed, 0 failed, sent back: a skip was added` |

            "#]],
        );
    }
}
