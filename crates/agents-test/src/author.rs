//! The test author: writes tests from the task and the base alone, before anybody has seen a change.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use prompts::{TestNudge, TestOutcomeAnswer, TestSystem, TestTask};
use protocol::{
    AcceptanceTests, Agent, AgentContext, AgentError, Evidence, ListQuery, Message, ModelError,
    ModelRequest, Note, Prepared, Report, RunState, Task, TestFile, TestRun, ToolCall,
};
use serde_json::json;

use crate::looking::{self, Answer};
use crate::pytest::{self, Targets, end_of};
use crate::settings::Settings;
use crate::submission::{OnBase, Submission, belongs, in_list, on_base};

/// Answers without a tool call that are borne.
const NUDGES_MAX: u32 = 2;
/// Paths of existing tests in the first prompt.
const TEST_FILES_MAX: usize = 60;
/// Test folders that are named.
const FOLDERS_MAX: usize = 4;
/// pytest's output in one answer.
const OUTPUT_BYTES_MAX: usize = 4 * 1024;

/// Writes acceptance tests beside the drafting, runs them on the base at once, and freezes them.
///
/// It is asked for nothing later: whoever runs the tests finds them in the evidence.
#[derive(Clone, Copy, Debug, Default)]
pub struct TestAuthor;

impl TestAuthor {
    /// A test author.
    pub fn new() -> TestAuthor {
        TestAuthor
    }
}

#[async_trait]
impl Agent for TestAuthor {
    fn name(&self) -> &str {
        "test-author"
    }

    async fn prepare(&self, cx: &AgentContext<'_>, task: &Task) -> Result<Prepared, AgentError> {
        let evidence = match Desk::new(cx, task).await?.work().await? {
            Handed::In(tests) => Evidence::AcceptanceTests(tests),
            Handed::Nothing(why) => Evidence::Missing {
                what: "acceptance tests".to_owned(),
                why,
            },
        };
        Ok(Prepared {
            evidence: vec![evidence],
        })
    }

    async fn run(&self, _: &AgentContext<'_>, state: &RunState) -> Result<Report, AgentError> {
        Ok(Report::passed(match state.acceptance_tests() {
            Some(tests) => format!(
                "{} acceptance tests were written before the change was seen, {} of them red on the base",
                tests.on_base.len(),
                tests.red_on_base.len()
            ),
            None => "there are no acceptance tests".to_owned(),
        }))
    }
}

/// What came of it.
enum Handed {
    In(AcceptanceTests),
    /// Why there are none.
    Nothing(String),
}

/// What to do with one submission.
enum Judged {
    Taken(AcceptanceTests),
    /// The words for the author.
    Returned(String),
}

/// One visit of the author.
struct Desk<'a> {
    cx: &'a AgentContext<'a>,
    task: String,
    settings: Settings,
    folders: Vec<String>,
    request: ModelRequest,
    tries_left: u8,
    /// The best of what was returned: the files of which every test shows something.
    kept: Option<AcceptanceTests>,
}

impl<'a> Desk<'a> {
    async fn new(cx: &'a AgentContext<'a>, task: &Task) -> Result<Desk<'a>, AgentError> {
        let task = task.as_markdown();
        let tests = existing_tests(cx).await?;
        let folders = folders_of(&tests);
        let mut tools = looking::specs();
        tools.push(looking::spec(
            "submit_tests",
            "Hands in the whole set of test files. They run at once on the code as it is now.",
            &json!({
                "files": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"path": {"type": "string"}, "text": {"type": "string"}},
                        "required": ["path", "text"],
                        "additionalProperties": false
                    }
                },
                "no_behaviour_change": {
                    "type": "boolean",
                    "description": "The task asks for no change of behaviour, so every test passes now."
                },
                "note": {"type": "string", "description": "What is tested and what can't be, in a line."}
            }),
            &["files"],
        ));
        let shown = &tests[..tests.len().min(TEST_FILES_MAX)];
        let request = ModelRequest {
            system: TestSystem.render(),
            messages: vec![Message::user(
                TestTask {
                    task: &task,
                    test_files: &shown.join("\n"),
                    folders: &in_list(&folders),
                }
                .render(),
            )],
            tools,
            output: None,
            reply_tokens_max: cx.limits.reply_tokens_max,
        };
        Ok(Desk {
            settings: Settings::read(cx.base).await?,
            tries_left: cx.limits.author_tries_max,
            cx,
            task,
            folders,
            request,
            kept: None,
        })
    }

    /// Asks until something can be taken, or a limit is reached.
    async fn work(mut self) -> Result<Handed, AgentError> {
        let limits = self.cx.limits;
        let started = Instant::now();
        let mut tokens = 0;
        let mut nudges_left = NUDGES_MAX;
        let mut why = "the author reached its limit of requests";
        for _ in 0..limits.turns_max {
            if limits.visit_tokens_max <= tokens {
                why = "the author reached its limit of tokens";
                break;
            }
            if Duration::from_secs(limits.visit_seconds_max) <= started.elapsed() {
                why = "the author reached its limit of time";
                break;
            }
            let reply = match self.cx.model.ask(&self.request).await {
                Ok(reply) => reply,
                Err(ModelError::NoModel) => {
                    return Ok(Handed::Nothing("there is no test author".to_owned()));
                }
                Err(error) => return Err(error.into()),
            };
            tokens += reply.usage.total();
            let calls = reply.tool_calls.clone();
            self.request.messages.push(Message::Assistant { reply });
            if calls.is_empty() {
                if nudges_left == 0 {
                    why = "the author answered without handing in any test";
                    break;
                }
                nudges_left -= 1;
                self.say(TestNudge.render());
                continue;
            }
            if let Some(tests) = self.answer_all(&calls).await? {
                return Ok(Handed::In(tests));
            }
            if self.tries_left == 0 {
                why = "none of the tests that the author handed in showed anything on the base";
                break;
            }
        }
        Ok(match self.kept {
            Some(tests) => Handed::In(tests),
            None => Handed::Nothing(why.to_owned()),
        })
    }

    fn say(&mut self, text: String) {
        self.request.messages.push(Message::user(text));
    }

    /// Answers every call of one reply; a submission that can be taken ends the visit.
    async fn answer_all(
        &mut self,
        calls: &[ToolCall],
    ) -> Result<Option<AcceptanceTests>, AgentError> {
        let calls_max = self.cx.limits.tool_calls_per_reply_max;
        for (number, call) in (0..).zip(calls) {
            let answer = if calls_max <= number {
                Answer::refusal(format!(
                    "could not use more than {calls_max} tools in one reply; ask again"
                ))
            } else if call.tool == "submit_tests" {
                match self.take(call).await? {
                    Judged::Taken(tests) => return Ok(Some(tests)),
                    Judged::Returned(words) => Answer::refusal(words),
                }
            } else {
                self.look(call).await?
            };
            self.request.messages.push(Message::ToolAnswer {
                call_id: call.id.clone(),
                tool: call.tool.clone(),
                text: answer.text,
                is_error: answer.is_error,
            });
        }
        Ok(None)
    }

    async fn look(&self, call: &ToolCall) -> Result<Answer, AgentError> {
        self.cx.log.note(Note::Tool {
            agent: "test-author".to_owned(),
            call: call.tool.clone(),
        });
        let bytes_max = self.cx.limits.answer_bytes_max;
        let answer = looking::answer(self.cx.base, &call.tool, &call.arguments, bytes_max).await?;
        Ok(answer.unwrap_or_else(|| {
            Answer::refusal(format!(
                "could not use `{}`: there is no such tool (there are: list_files, search, read_file, submit_tests)",
                call.tool
            ))
        }))
    }

    /// Runs a submission on the base, and takes it or says what is wrong with it.
    async fn take(&mut self, call: &ToolCall) -> Result<Judged, AgentError> {
        if self.tries_left == 0 {
            return Ok(Judged::Returned("There are no tries left.".to_owned()));
        }
        self.tries_left -= 1;
        let submission: Submission = match looking::read(&call.arguments) {
            Ok(it) => it,
            Err(answer) => return Ok(self.returned(&[answer.text], false, "")),
        };
        let problems = submission.problems(self.cx.base, &self.folders).await?;
        if !problems.is_empty() {
            return Ok(self.returned(&problems, false, ""));
        }
        let files = submission.frozen();
        let run = self.run_on_base(&files).await?;
        let found = on_base(&run, &files, &self.task);
        let mut problems: Vec<String> = found
            .useless
            .iter()
            .map(|(id, why)| format!("{id}: {why}"))
            .collect();
        if submission.no_behaviour_change {
            problems.extend(found.red.iter().map(|id| {
                format!("{id}: it fails, and you say that the task asks for no change of behaviour")
            }));
        }
        let nothing_red = found.red.is_empty() && !submission.no_behaviour_change;
        let last = self.tries_left == 0;
        if problems.is_empty() && (!nothing_red || last) {
            return Ok(Judged::Taken(accepted(files, &run, &found, &submission)));
        }
        self.keep(files, &run, &found, &submission);
        let output = end_of(&run.tail, OUTPUT_BYTES_MAX);
        let nothing_red = nothing_red && problems.is_empty();
        Ok(self.returned(&problems, nothing_red, output))
    }

    fn returned(&self, problems: &[String], nothing_red: bool, output: &str) -> Judged {
        let problems: Vec<String> = problems.iter().map(|it| format!("- {it}")).collect();
        Judged::Returned(
            TestOutcomeAnswer {
                problems: &problems.join("\n"),
                nothing_red,
                output,
                tries_left: self.tries_left,
            }
            .render(),
        )
    }

    async fn run_on_base(&self, files: &[TestFile]) -> Result<TestRun, AgentError> {
        self.cx
            .once("run the submitted tests on the base", false, async {
                let base = self.cx.base;
                let tree = base.fork(&base.base().tree).await?;
                for file in files {
                    tree.write(&file.path, file.text.as_bytes()).await?;
                }
                let paths: Vec<String> = files.iter().map(|it| it.path.clone()).collect();
                let seconds_max = self.cx.limits.test_run_seconds_max;
                let targets = Targets::Files(&paths);
                Ok(pytest::run(&*tree, &self.settings, targets, seconds_max, self.cx.log).await?)
            })
            .await
    }

    /// Remembers the files without any useless test, for when no try is left. Red ones count for more.
    fn keep(&mut self, files: Vec<TestFile>, run: &TestRun, found: &OnBase, from: &Submission) {
        let good: Vec<TestFile> = files
            .into_iter()
            .filter(|file| found.useless.iter().all(|(id, _)| !belongs(id, &file.path)))
            .collect();
        let tests = accepted(good, run, found, from);
        let worth = |it: &AcceptanceTests| (it.red_on_base.len(), it.on_base.len());
        let better = self
            .kept
            .as_ref()
            .is_none_or(|it| worth(it) <= worth(&tests));
        if !tests.on_base.is_empty() && better {
            self.kept = Some(tests);
        }
    }
}

/// The tests of these files with their outcomes on the base.
fn accepted(
    files: Vec<TestFile>,
    run: &TestRun,
    found: &OnBase,
    submission: &Submission,
) -> AcceptanceTests {
    let of_these = |id: &str| files.iter().any(|file| belongs(id, &file.path));
    let red_on_base: Vec<String> = found
        .red
        .iter()
        .filter(|it| of_these(it))
        .cloned()
        .collect();
    let mut note = if !red_on_base.is_empty() {
        String::new()
    } else if submission.no_behaviour_change {
        "the author says that the task asks for no change of behaviour".to_owned()
    } else {
        "every test passes on the base already".to_owned()
    };
    let words = submission.note.trim();
    if !words.is_empty() {
        note += if note.is_empty() { "" } else { "; " };
        note += words;
    }
    AcceptanceTests {
        on_base: run
            .results
            .iter()
            .filter(|it| of_these(&it.id))
            .cloned()
            .collect(),
        files,
        red_on_base,
        note,
        ..AcceptanceTests::default()
    }
}

/// Paths of the repository's own tests, sorted.
async fn existing_tests(cx: &AgentContext<'_>) -> Result<Vec<String>, AgentError> {
    let mut paths = Vec::new();
    for glob in ["**/test_*.py", "**/*_test.py"] {
        let listing = cx
            .base
            .list(&ListQuery {
                path: String::new(),
                glob: Some(glob.to_owned()),
                items_max: 2000,
            })
            .await?;
        paths.extend(listing.items);
    }
    paths.sort();
    paths.dedup();
    Ok(paths)
}

/// The topmost folders with the most tests; `tests` where there are none yet.
fn folders_of(tests: &[String]) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for path in tests {
        *counts.entry(top_of_tests(path)).or_default() += 1;
    }
    let mut folders: Vec<(&str, usize)> = counts.into_iter().collect();
    folders.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut named: Vec<String> = folders
        .iter()
        .take(FOLDERS_MAX)
        .map(|(folder, _)| (*folder).to_owned())
        .collect();
    if named.is_empty() {
        named.push("tests".to_owned());
    }
    named
}

/// `tests` of `tests/unit/test_a.py`, `pkg/test` of `pkg/test/test_a.py`; otherwise the file's own folder.
fn top_of_tests(path: &str) -> &str {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut end = 0;
    for part in folder.split('/') {
        end += part.len();
        if part == "tests" || part == "test" {
            return &folder[..end];
        }
        end += 1;
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_go_where_the_repositorys_own_tests_are() {
        let check = |tests: &[&str], want: &[&str]| {
            let tests: Vec<String> = tests.iter().map(|it| (*it).to_owned()).collect();
            assert_eq!(folders_of(&tests), want);
        };
        check(&[], &["tests"]);
        check(&["test_a.py"], &[""]);
        check(
            &[
                "tests/test_a.py",
                "tests/unit/test_b.py",
                "pkg/sub/test/x/test_c.py",
            ],
            &["tests", "pkg/sub/test"],
        );
        check(&["pkg/test_a.py"], &["pkg"]);
    }
}
