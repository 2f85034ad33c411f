//! The author's visit: what it hands in is tried on the base, and taken or returned with the reason.

use prompts::{TestNudge, TestOutcomeAnswer, TestSystem, TestTask};
use protocol::{
    AcceptanceTests, AgentContext, AgentError, Message, ModelRequest, Task, TestFile, ToolCall,
    ToolSpec,
};
use repo_context::Orientation;
use serde_json::json;
use test_run::Settings;
use test_run::ids::belongs;
use test_run::pytest::end_of;

use crate::looking::{self, Answer};
use crate::submission::{Submission, files_schema, in_list};
use crate::talk::{Talk, Turn};
use crate::test_folders::{existing_tests, folders_of};
use crate::trial::{self, Tried};

/// Paths of existing tests in the first prompt.
const TEST_FILES_MAX: usize = 60;
/// pytest's output in one answer.
const OUTPUT_BYTES_MAX: usize = 4 * 1024;

/// The tool that hands tests in.
const SUBMIT: &str = "submit_tests";

fn submit_spec() -> ToolSpec {
    looking::spec(
        SUBMIT,
        "Hands in the whole set of test files. They run at once on the code as it is now.",
        &json!({
            "files": files_schema(),
            "no_behaviour_change": {
                "type": "boolean",
                "description": "The task asks for no change of behaviour, so every test passes now."
            },
            "note": {"type": "string", "description": "What is tested and what can't be, in a line."}
        }),
        &["files"],
    )
}

/// What came of it.
pub(crate) enum Handed {
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
pub(crate) struct AuthorVisit<'a> {
    talk: Talk<'a>,
    task: String,
    settings: Settings,
    folders: Vec<String>,
    tries_left: u8,
    /// What was wrong with the last submission.
    last_problem: Option<String>,
    /// The best of what was returned: the files of which every test shows something.
    kept: Option<AcceptanceTests>,
}

impl<'a> AuthorVisit<'a> {
    pub(crate) async fn new(
        cx: &'a AgentContext<'a>,
        task: &Task,
        oriented: &Orientation,
    ) -> Result<AuthorVisit<'a>, AgentError> {
        let task = task.as_markdown();
        let mut tests = existing_tests(cx).await?;
        let folders = folders_of(&tests, &oriented.tests);
        let likeliest = |path: &String| {
            let place = oriented.tests.iter().position(|it| it == path);
            place.unwrap_or(oriented.tests.len())
        };
        tests.sort_by_cached_key(likeliest);
        let mut tools = looking::specs();
        tools.push(submit_spec());
        let shown = &tests[..tests.len().min(TEST_FILES_MAX)];
        let request = ModelRequest {
            system: TestSystem.render(),
            messages: vec![Message::user(
                TestTask {
                    task: &task,
                    test_files: &shown.join("\n"),
                    folders: &in_list(&folders),
                    repository: oriented.overview.as_deref(),
                    guidance: oriented.guidance.as_deref(),
                }
                .render(),
            )],
            tools,
            output: None,
            reply_tokens_max: cx.limits.reply_tokens_max,
            effort: None,
        };
        Ok(AuthorVisit {
            talk: Talk::new(cx, request, TestNudge.render()),
            settings: Settings::read(cx.base).await?,
            tries_left: cx.limits.author_tries_max,
            task,
            folders,
            last_problem: None,
            kept: None,
        })
    }

    /// Asks until something can be taken, or a limit is reached.
    pub(crate) async fn work(mut self) -> Result<Handed, AgentError> {
        let why = loop {
            match self.talk.next().await? {
                Turn::Over(why) => break why,
                Turn::Calls(calls) => {
                    if let Some(tests) = self.answer_all(&calls).await? {
                        return Ok(Handed::In(tests));
                    }
                }
            }
            if self.tries_left == 0 {
                break "none of the tests that the author handed in showed anything on the base"
                    .to_owned();
            }
        };
        Ok(match (self.kept, self.last_problem) {
            (Some(tests), _) => Handed::In(tests),
            (None, Some(last)) => Handed::Nothing(format!("{why} (last: {last})")),
            (None, None) => Handed::Nothing(why),
        })
    }

    /// Answers every call of one reply; a submission that can be taken ends the visit.
    async fn answer_all(
        &mut self,
        calls: &[ToolCall],
    ) -> Result<Option<AcceptanceTests>, AgentError> {
        for (number, call) in (0..).zip(calls) {
            let answer = if let Some(refusal) = self.talk.too_many(number) {
                refusal
            } else if call.tool == SUBMIT {
                match self.take(call).await? {
                    Judged::Taken(tests) => return Ok(Some(tests)),
                    Judged::Returned(words) => Answer::refusal(words),
                }
            } else {
                self.talk.look(call).await?
            };
            self.talk.answer(call, answer);
        }
        Ok(None)
    }

    /// Tries a submission on the base, and takes it or says what is wrong with it.
    async fn take(&mut self, call: &ToolCall) -> Result<Judged, AgentError> {
        if self.tries_left == 0 {
            return Ok(Judged::Returned("There are no tries left.".to_owned()));
        }
        self.tries_left -= 1;
        let submission: Submission = match looking::read(&call.arguments) {
            Ok(it) => it,
            Err(answer) => return Ok(self.returned(&[answer.text], false, "")),
        };
        let problems = submission
            .problems(self.talk.cx.base, &self.folders)
            .await?;
        if !problems.is_empty() {
            return Ok(self.returned(&problems, false, ""));
        }
        let files = submission.frozen();
        let tried = trial::on_the_base(self.talk.cx, &self.settings, &files, &self.task).await?;
        let found = &tried.found;
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
            return Ok(Judged::Taken(accepted(files, &tried, &submission)));
        }
        self.keep(files, &tried, &submission);
        let output = end_of(&tried.run.tail, OUTPUT_BYTES_MAX);
        let nothing_red = nothing_red && problems.is_empty();
        Ok(self.returned(&problems, nothing_red, output))
    }

    fn returned(&mut self, problems: &[String], nothing_red: bool, output: &str) -> Judged {
        self.last_problem = problems.first().cloned();
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

    /// Remembers the files without any useless test, for when no try is left. Red ones count for more.
    fn keep(&mut self, files: Vec<TestFile>, tried: &Tried, from: &Submission) {
        let good: Vec<TestFile> = files
            .into_iter()
            .filter(|file| {
                tried
                    .found
                    .useless
                    .iter()
                    .all(|(id, _)| !belongs(id, &file.path))
            })
            .collect();
        let tests = accepted(good, tried, from);
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
fn accepted(files: Vec<TestFile>, tried: &Tried, submission: &Submission) -> AcceptanceTests {
    let of_these = |id: &str| files.iter().any(|file| belongs(id, &file.path));
    let red_on_base: Vec<String> = tried
        .found
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
        on_base: tried
            .run
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
