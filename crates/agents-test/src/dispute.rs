//! A disputed test: the author, who doesn't see the change, lets the test stand or changes it.

use std::collections::HashSet;

use prompts::{DisputeNudge, DisputeOutcome, DisputeSystem, DisputedTest};
use protocol::{
    AcceptanceTests, AgentContext, AgentError, AmendedFile, Amendment, Dispute, Evidence, Message,
    ModelRequest, RunState, TestFile, TestOutcome, TestResult, ToolCall, ToolSpec, WorkspaceError,
};
use serde::Deserialize;
use serde_json::json;
use test_run::ids::{belongs, file_of, is_case_of};
use test_run::pytest::end_of;
use test_run::{Settings, frozen};

use crate::looking::{self, Answer};
use crate::submission::{FILE_BYTES_MAX, File, files_schema};
use crate::talk::{Talk, Turn};
use crate::trial::{self, Tried};

/// The tool that decides.
const DECIDE: &str = "decide_dispute";
/// pytest's output in one answer.
const OUTPUT_BYTES_MAX: usize = 4 * 1024;
/// The author's words that are kept.
const ANSWER_BYTES_MAX: usize = 4 * 1024;

/// The dispute of this draft, if nobody has decided one in this run.
pub(crate) fn open(state: &RunState) -> Option<&Dispute> {
    if state
        .acceptance_tests()
        .is_some_and(|it| it.amendment.is_some())
    {
        return None;
    }
    state.evidence.iter().find_map(|it| match it {
        Evidence::Dispute(dispute) => Some(dispute),
        _ => None,
    })
}

/// Decides a dispute; what comes out are the acceptance tests from then on, with the decision.
pub(crate) async fn decide(
    cx: &AgentContext<'_>,
    state: &RunState,
    dispute: &Dispute,
) -> Result<AcceptanceTests, AgentError> {
    let path = file_of(&dispute.test);
    let standing = |answer: String| Decided {
        granted: false,
        answer,
        change: None,
    };
    let decided = match Disputed::find(cx, state, path).await? {
        Some(disputed) => {
            DisputeVisit::begin(cx, state, dispute, disputed)
                .await?
                .work()
                .await?
        }
        None => standing(format!("there is no file {path} to judge")),
    };
    Ok(decided.applied(state.acceptance_tests(), dispute))
}

/// The file of a disputed test as it is now.
struct Disputed {
    file: TestFile,
    /// Whether it is one of the repository's own.
    existed: bool,
}

impl Disputed {
    async fn find(
        cx: &AgentContext<'_>,
        state: &RunState,
        path: &str,
    ) -> Result<Option<Disputed>, AgentError> {
        let mut acceptance = state
            .acceptance_tests()
            .into_iter()
            .flat_map(|it| &it.files);
        if let Some(file) = acceptance.find(|it| it.path == path) {
            return Ok(Some(Disputed {
                file: file.clone(),
                existed: false,
            }));
        }
        match cx.base.read(path).await {
            Ok(bytes) => Ok(String::from_utf8(bytes).ok().map(|text| Disputed {
                file: frozen::freeze(path.to_owned(), text),
                existed: true,
            })),
            Err(error) if error.is_the_callers_fault() => Ok(None),
            Err(error) => Err(WorkspaceError::into(error)),
        }
    }
}

/// What came of a dispute.
struct Decided {
    granted: bool,
    answer: String,
    change: Option<Change>,
}

/// A disputed file and what became of it.
struct Change {
    disputed: Disputed,
    file: TestFile,
    /// Its tests that must pass with any change, with their outcomes on the base.
    on_base: Vec<TestResult>,
    red_on_base: Vec<String>,
}

impl Decided {
    /// The acceptance tests as they stand after this.
    fn applied(self, before: Option<&AcceptanceTests>, dispute: &Dispute) -> AcceptanceTests {
        let mut tests = before.cloned().unwrap_or_default();
        let mut files = Vec::new();
        if let Some(change) = self.change {
            let path = &change.file.path;
            tests.files.retain(|it| it.path != *path);
            tests.on_base.retain(|it| !belongs(&it.id, path));
            tests.red_on_base.retain(|it| !belongs(it, path));
            files.push(AmendedFile {
                path: path.clone(),
                existed: change.disputed.existed,
                old_sha256: change.disputed.file.sha256,
                old_text: change.disputed.file.text,
                new_sha256: change.file.sha256.clone(),
                new_text: change.file.text.clone(),
            });
            tests.files.push(change.file);
            tests.on_base.extend(change.on_base);
            tests.red_on_base.extend(change.red_on_base);
        }
        tests.amendment = Some(Box::new(Amendment {
            dispute: dispute.clone(),
            granted: self.granted,
            answer: self.answer,
            files,
        }));
        tests
    }
}

/// The arguments of `decide_dispute`.
#[derive(Deserialize)]
struct Decision {
    granted: bool,
    #[serde(default)]
    answer: String,
    #[serde(default)]
    files: Vec<File>,
}

/// One visit of the author about a dispute.
struct DisputeVisit<'a> {
    talk: Talk<'a>,
    state: &'a RunState,
    dispute: &'a Dispute,
    disputed: Disputed,
    settings: Settings,
    task: String,
    tries_left: u8,
    /// What was wrong with the last decision.
    last_problem: String,
}

/// What to do with one decision.
enum Judged {
    Taken(Box<Decided>),
    /// The words for the author.
    Returned(String),
}

impl<'a> DisputeVisit<'a> {
    async fn begin(
        cx: &'a AgentContext<'a>,
        state: &'a RunState,
        dispute: &'a Dispute,
        disputed: Disputed,
    ) -> Result<DisputeVisit<'a>, AgentError> {
        let task = state.task.as_markdown();
        let mut tools = looking::specs();
        tools.push(decide_spec());
        // Neither the change nor whoever made it: the task's words decide.
        let request = ModelRequest {
            system: DisputeSystem.render(),
            messages: vec![Message::user(
                DisputedTest {
                    task: &task,
                    test: &dispute.test,
                    existing: disputed.existed,
                    file: &disputed.file.text,
                    quote: &dispute.quote,
                    words: &dispute.words,
                }
                .render(),
            )],
            tools,
            output: None,
            reply_tokens_max: cx.limits.reply_tokens_max,
            effort: None,
        };
        Ok(DisputeVisit {
            talk: Talk::new(cx, request, DisputeNudge.render()),
            state,
            dispute,
            disputed,
            settings: Settings::read(cx.base).await?,
            task,
            tries_left: cx.limits.author_tries_max,
            last_problem: String::new(),
        })
    }

    /// Asks until there is a decision, or a limit is reached; then the test stands.
    async fn work(mut self) -> Result<Decided, AgentError> {
        let why = loop {
            match self.talk.next().await? {
                Turn::Over(why) => break why,
                Turn::Calls(calls) => {
                    if let Some(decided) = self.answer_all(&calls).await? {
                        return Ok(decided);
                    }
                }
            }
            if self.tries_left == 0 {
                break format!(
                    "no decision of the author could be taken (last: {})",
                    self.last_problem
                );
            }
        };
        Ok(Decided {
            granted: false,
            answer: format!("nothing was decided, so the test stands: {why}"),
            change: None,
        })
    }

    async fn answer_all(&mut self, calls: &[ToolCall]) -> Result<Option<Decided>, AgentError> {
        for (number, call) in (0..).zip(calls) {
            let answer = if let Some(refusal) = self.talk.too_many(number) {
                refusal
            } else if call.tool == DECIDE {
                match self.take(call).await? {
                    Judged::Taken(decided) => return Ok(Some(*decided)),
                    Judged::Returned(words) => Answer::refusal(words),
                }
            } else {
                self.talk.look(call).await?
            };
            self.talk.answer(call, answer);
        }
        Ok(None)
    }

    async fn take(&mut self, call: &ToolCall) -> Result<Judged, AgentError> {
        if self.tries_left == 0 {
            return Ok(Judged::Returned("There are no tries left.".to_owned()));
        }
        self.tries_left -= 1;
        let decision: Decision = match looking::read(&call.arguments) {
            Ok(it) => it,
            Err(answer) => return Ok(self.returned(&[answer.text], "")),
        };
        let answer = decision.answer.trim();
        let answer = answer[..answer.floor_char_boundary(ANSWER_BYTES_MAX)].to_owned();
        if answer.is_empty() {
            let problem = "the answer is missing: say why, with the words of the task";
            return Ok(self.returned(&[problem.to_owned()], ""));
        }
        if !decision.granted {
            return Ok(Judged::Taken(Box::new(Decided {
                granted: false,
                answer,
                change: None,
            })));
        }
        let problems = self.problems_of(&decision.files);
        let ([file], true) = (&decision.files[..], problems.is_empty()) else {
            return Ok(self.returned(&problems, ""));
        };
        let file = frozen::freeze(file.path.clone(), file.text.clone());
        let (tried, problems) = self.try_on_base(&file).await?;
        if !problems.is_empty() {
            let output = end_of(&tried.run.tail, OUTPUT_BYTES_MAX).to_owned();
            return Ok(self.returned(&problems, &output));
        }
        Ok(Judged::Taken(Box::new(Decided {
            granted: true,
            answer,
            change: Some(self.change(file, tried)),
        })))
    }

    fn returned(&mut self, problems: &[String], output: &str) -> Judged {
        self.last_problem = problems.first().cloned().unwrap_or_default();
        let problems: Vec<String> = problems.iter().map(|it| format!("- {it}")).collect();
        Judged::Returned(
            DisputeOutcome {
                problems: &problems.join("\n"),
                output,
                tries_left: self.tries_left,
            }
            .render(),
        )
    }

    /// What speaks against these files before one is run.
    fn problems_of(&self, files: &[File]) -> Vec<String> {
        let old = &self.disputed.file;
        let [file] = files else {
            return vec![format!(
                "you follow the dispute with {} files; hand in the one file {}, whole",
                files.len(),
                old.path
            )];
        };
        if file.path != old.path {
            vec![format!(
                "{}: the disputed test is in {}",
                file.path, old.path
            )]
        } else if file.text == old.text {
            vec![format!("{}: nothing in it changed", file.path)]
        } else if FILE_BYTES_MAX < file.text.len() && old.text.len() < file.text.len() {
            vec![format!(
                "{}: it has {} bytes; keep it below {FILE_BYTES_MAX}",
                file.path,
                file.text.len()
            )]
        } else {
            Vec::new()
        }
    }

    /// Tries the changed file; what was wrong with it before is not this change's doing.
    async fn try_on_base(&self, file: &TestFile) -> Result<(Tried, Vec<String>), AgentError> {
        let cx = self.talk.cx;
        let files = std::slice::from_ref(file);
        let tried = trial::on_the_base(cx, &self.settings, files, &self.task).await?;
        let old = std::slice::from_ref(&self.disputed.file);
        let toothless_before = cx
            .once("read the disputed tests", false, trial::toothless(cx, old))
            .await?;
        let known = |id: &str, why: &str| {
            let toothless = toothless_before
                .iter()
                .any(|it| is_case_of(id, &it.id()) && it.words() == why);
            let idle = |it: &TestResult| it.outcome != TestOutcome::Passed;
            let before = self.disputed.existed && !self.is_disputed(id);
            toothless || before && self.before(id).is_some_and(idle)
        };
        let found = tried.found.useless.iter();
        let mut problems: Vec<String> = found
            .filter(|(id, why)| !known(id, why))
            .map(|(id, why)| format!("{id}: {why}"))
            .collect();
        let there: HashSet<&str> = tried.run.collected.iter().map(String::as_str).collect();
        problems.extend(
            self.tests_before()
                .filter(|id| !there.contains(id) && !self.is_disputed(id))
                .filter(|id| !self.is_of_a_plugin(id))
                .map(|id| format!("{id}: it is gone; change the disputed test only")),
        );
        Ok((tried, problems))
    }

    /// Whether an id stands for the file itself in the eyes of a plugin, such as a linter's verdict on it, which a session
    /// about single files goes without.
    fn is_of_a_plugin(&self, id: &str) -> bool {
        let file = &self.disputed.file;
        let name = id.strip_prefix(&format!("{}::", file.path));
        name.is_some_and(|it| {
            let name = it.split('[').next().unwrap_or(it);
            let is_word = !name.contains(':') && !name.to_lowercase().starts_with("test");
            is_word && !file.text.contains(&format!("def {name}("))
        })
    }

    fn is_disputed(&self, id: &str) -> bool {
        is_case_of(id, &self.dispute.test)
    }

    /// What a test of the file did on the base before.
    fn before(&self, id: &str) -> Option<&TestResult> {
        self.results_before().find(|it| it.id == id)
    }

    fn tests_before(&self) -> impl Iterator<Item = &str> {
        self.results_before().map(|it| it.id.as_str())
    }

    /// Outcomes of the file's tests on the base, as they were.
    fn results_before(&self) -> impl Iterator<Item = &TestResult> {
        let path = &self.disputed.file.path;
        let of_base = self.state.baseline().into_iter().flat_map(|it| &it.results);
        let of_author = self.state.acceptance_tests().into_iter();
        of_base
            .chain(of_author.flat_map(|it| &it.on_base))
            .filter(move |it| belongs(&it.id, path))
    }

    fn change(&self, file: TestFile, tried: Tried) -> Change {
        // One of the repository's own that failed before, for whatever reason, isn't asked to pass now.
        let red = tried.found.red.into_iter();
        let red_on_base: Vec<String> = red
            .filter(|id| {
                let failed_before = self.before(id).is_some_and(|it| it.outcome.is_red());
                !(self.disputed.existed && failed_before && !self.is_disputed(id))
            })
            .collect();
        let green = tried.found.green;
        let counts = |id: &String| red_on_base.contains(id) || green.contains(id);
        let results = tried.run.results.into_iter();
        Change {
            on_base: results.filter(|it| counts(&it.id)).collect(),
            disputed: Disputed {
                file: self.disputed.file.clone(),
                existed: self.disputed.existed,
            },
            file,
            red_on_base,
        }
    }
}

fn decide_spec() -> ToolSpec {
    looking::spec(
        DECIDE,
        "Decides the dispute. A changed file runs at once on the code as it was before the change.",
        &json!({
            "granted": {"type": "boolean", "description": "Whether you follow the dispute."},
            "answer": {"type": "string", "description": "Why, with the words of the task that decide."},
            "files": files_schema()
        }),
        &["granted", "answer"],
    )
}
