//! A small crew whose every word is decided by what it is asked, and the walks it goes on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pipeline::{Crew, DriveError, Outcome, Run, Stop};
use protocol::{
    Agent, AgentContext, AgentError, Entry, Evidence, Journal, Limits, Message, Model, ModelError,
    ModelId, ModelReply, ModelRequest, Prepared, Report, RunEvent, RunState, Silent, Stage, Task,
    TokenUsage, Workspace,
};
use testkit::{FolderWorkspace, MemoryJournal, limits};

/// Answers by looking at the last words of the request; counts how often each was asked.
pub(crate) struct Oracle {
    id: ModelId,
    answers: fn(&str) -> Result<String, ModelError>,
    asked: Mutex<BTreeMap<String, usize>>,
}

impl Oracle {
    pub(crate) fn new(answers: fn(&str) -> Result<String, ModelError>) -> Arc<Oracle> {
        Oracle::named("oracle", answers)
    }

    pub(crate) fn named(
        name: &str,
        answers: fn(&str) -> Result<String, ModelError>,
    ) -> Arc<Oracle> {
        Arc::new(Oracle {
            id: ModelId::new("test", name),
            answers,
            asked: Mutex::default(),
        })
    }

    /// How often each request was made.
    pub(crate) fn asked(&self) -> BTreeMap<String, usize> {
        self.asked.lock().expect("no test panics here").clone()
    }
}

#[async_trait]
impl Model for Oracle {
    fn id(&self) -> &ModelId {
        &self.id
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelReply, ModelError> {
        let Some(Message::User { text }) = request.messages.last() else {
            panic!("these agents always end with words of theirs");
        };
        let key = format!("{}: {text}", request.system);
        *self
            .asked
            .lock()
            .expect("no test panics here")
            .entry(key)
            .or_default() += 1;
        Ok(ModelReply {
            text: (self.answers)(text)?,
            usage: TokenUsage {
                input_tokens: 10,
                output_tokens: 1,
                ..TokenUsage::default()
            },
            cost_microusd: Some(5),
            ..ModelReply::default()
        })
    }
}

/// Writes what its model says into `a.py`, then asks for a last word.
pub(crate) struct Writer;

#[async_trait]
impl Agent for Writer {
    fn name(&self) -> &str {
        "writer"
    }

    async fn run(&self, cx: &AgentContext<'_>, state: &RunState) -> Result<Report, AgentError> {
        let feedback = state.feedback.as_deref().unwrap_or("nothing");
        let mut request = ModelRequest {
            system: "writer".to_owned(),
            messages: vec![Message::user(format!(
                "draft {} after {feedback}",
                state.iteration
            ))],
            ..ModelRequest::default()
        };
        let reply = cx.model.ask(&request).await?;
        if !reply.text.is_empty() {
            cx.once("write a.py", true, async {
                Ok(cx.work.write("a.py", reply.text.as_bytes()).await?)
            })
            .await?;
        }
        request.messages.push(Message::Assistant { reply });
        request
            .messages
            .push(Message::user(format!("last word of {}", state.iteration)));
        Ok(Report::passed(cx.model.ask(&request).await?.text))
    }
}

/// Asks its model about the base while others draft; later only remembers.
pub(crate) struct Blind;

#[async_trait]
impl Agent for Blind {
    fn name(&self) -> &str {
        "blind"
    }

    async fn prepare(&self, cx: &AgentContext<'_>, task: &Task) -> Result<Prepared, AgentError> {
        let request = ModelRequest {
            system: "blind".to_owned(),
            messages: vec![Message::user(format!("prepare {}", task.title))],
            ..ModelRequest::default()
        };
        let why = cx.model.ask(&request).await?.text;
        Ok(Prepared {
            evidence: vec![Evidence::Missing {
                what: "tests".to_owned(),
                why,
            }],
        })
    }

    async fn run(&self, _: &AgentContext<'_>, _: &RunState) -> Result<Report, AgentError> {
        Ok(Report::passed("prepared already"))
    }
}

/// Passes `good`, sends everything else back; looks once a draft, whatever happens to the process.
pub(crate) struct Judge(pub(crate) Arc<AtomicUsize>);

#[async_trait]
impl Agent for Judge {
    fn name(&self) -> &str {
        "judge"
    }

    async fn run(&self, cx: &AgentContext<'_>, _: &RunState) -> Result<Report, AgentError> {
        let text: String = cx
            .once("look", false, async {
                self.0.fetch_add(1, Ordering::SeqCst);
                Ok(String::from_utf8_lossy(&cx.work.read("a.py").await?).into_owned())
            })
            .await?;
        Ok(if text.starts_with("good") {
            Report::passed("good")
        } else {
            Report::rejected("bad", format!("`{text}` is not good"))
        })
    }
}

/// Everything of one walk that a test looks at afterwards.
pub(crate) struct Scene {
    pub(crate) oracle: Arc<Oracle>,
    pub(crate) work: Arc<FolderWorkspace>,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) looks: Arc<AtomicUsize>,
    pub(crate) limits: Limits,
    pub(crate) stop: Stop,
    pub(crate) crew: Option<Crew>,
}

impl Scene {
    pub(crate) fn new(answers: fn(&str) -> Result<String, ModelError>) -> Scene {
        let work = Arc::new(FolderWorkspace::new([("a.py", "old\n")]));
        let scene = Scene {
            oracle: Oracle::new(answers),
            journal: Arc::new(MemoryJournal::new()),
            work,
            looks: Arc::default(),
            limits: limits(),
            stop: Stop::never(),
            crew: None,
        };
        let opened = scene.opened();
        scene.with_journal(MemoryJournal::with([opened]))
    }

    /// The same scene, with another past.
    pub(crate) fn with_journal(mut self, journal: MemoryJournal) -> Scene {
        self.journal = Arc::new(journal);
        self
    }

    /// The same scene in another tree.
    pub(crate) fn with_work(mut self, work: FolderWorkspace) -> Scene {
        self.work = Arc::new(work);
        self
    }

    fn standard_crew(&self) -> Crew {
        Crew::new()
            .with_model(Stage::Drafting, Writer, self.oracle.clone())
            .with_model(Stage::Testing, Blind, self.oracle.clone())
            .with(Stage::Qa, Judge(self.looks.clone()))
    }

    /// The first event of the walk.
    pub(crate) fn opened(&self) -> RunEvent {
        RunEvent::Opened {
            task: task(),
            base: self.work.base().clone(),
            crew: self.standard_crew().seats(),
            limits: self.limits.clone(),
            settings: serde_json::Value::Null,
        }
    }

    /// Walks on from whatever the journal holds.
    pub(crate) async fn walk(&self) -> Result<Outcome, DriveError> {
        let (run, history) = self.run();
        // Spawned, because that is how the program does it: the whole walk must be `Send`.
        tokio::spawn(async move { run.walk(&history).await })
            .await
            .expect("the walk doesn't panic")
    }

    /// The same for a fork that has just been made.
    pub(crate) async fn walk_fork(&self) -> Result<Outcome, DriveError> {
        let (run, history) = self.run();
        run.walk_fork(&history).await
    }

    fn run(&self) -> (Run, Vec<Entry>) {
        let run = Run {
            task: task(),
            crew: self.crew.clone().unwrap_or_else(|| self.standard_crew()),
            limits: self.limits.clone(),
            journal: self.journal.clone() as Arc<dyn Journal>,
            work: self.work.clone() as Arc<dyn Workspace>,
            base: self.work.clone() as Arc<dyn Workspace>,
            log: Arc::new(Silent),
            stop: self.stop.clone(),
        };
        (run, self.journal.entries())
    }
}

/// What every walk here is about.
pub(crate) fn task() -> Task {
    Task::from_text("make it good")
}

/// The journal in short: one word or two for each event.
pub(crate) fn short(journal: &MemoryJournal) -> String {
    let line = |event: RunEvent| match event {
        RunEvent::Opened { .. } => "opened".to_owned(),
        RunEvent::Reopened { replaced, .. } => format!("reopened without {}", replaced.join(", ")),
        RunEvent::SetUp { .. } => "set up".to_owned(),
        RunEvent::Started {
            stage,
            iteration,
            agent,
        } => format!("{stage} {iteration}: {agent}"),
        RunEvent::Replied {
            agent, iteration, ..
        } => format!("  {agent} {iteration} was answered"),
        RunEvent::Unanswered {
            agent, iteration, ..
        } => format!("  {agent} {iteration} was not answered"),
        RunEvent::Stepped {
            agent,
            step,
            iteration,
            ..
        } => format!("  {agent} {iteration} did {step}"),
        RunEvent::Prepared { agent, .. } => format!("  {agent} is prepared"),
        RunEvent::Reported { agent, report, .. } => {
            format!("  {agent} says {}", report.summary)
        }
        RunEvent::Interrupted { reason, .. } => format!("interrupted: {reason:?}"),
        RunEvent::Finished { status, reason, .. } => format!("finished: {status:?} {reason:?}"),
        RunEvent::Delivering { .. } | RunEvent::Delivered { .. } => {
            unreachable!("a walk delivers nothing")
        }
    };
    let lines: Vec<String> = journal.events().into_iter().map(line).collect();
    lines.join("\n")
}
