//! A coder made of plain closures: the whole pipeline around somebody else's way of writing code.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use protocol::{
    Agent, AgentContext, AgentError, Encoding, Evidence, Report, RunState, Workspace, source_text,
};

type Writing = Pin<Box<dyn Future<Output = Result<Written, AgentError>> + Send>>;
type Write = Box<dyn Fn(RunState, Arc<dyn Workspace>) -> Writing + Send + Sync>;

/// A coder whose drafts come from a closure.
///
/// The closure is handed the run so far and a private checkout of the tree as it is: it may read there, run programs
/// and try things out, and nothing of that stays. What it returns is written into the work tree. In a fix,
/// [`RunState::feedback`] says why the last draft was sent back. It is called once for each draft of a run, however often
/// the process is killed, unless it was killed in the middle of the call.
///
/// ```
/// use pipeline::{Crew, FnCoder, Written};
/// use protocol::Stage;
///
/// let coder = FnCoder::new("mine", |state, _work| async move {
///     let text = format!("\"\"\"{}.\"\"\"\n", state.task.title);
///     Ok(Written::new("wrote the docstring").file("answer.py", text))
/// })
/// .fixing(|state, work| async move {
///     let before = String::from_utf8_lossy(&work.read("answer.py").await?).into_owned();
///     let feedback = state.feedback.unwrap_or_default();
///     let text = format!("{before}# sent back: {feedback}\n");
///     Ok(Written::new("noted why it was sent back").file("answer.py", text))
/// });
/// let crew = Crew::new().with(Stage::Drafting, coder);
/// # assert_eq!(crew.seats().len(), 1);
/// ```
pub struct FnCoder {
    name: String,
    generate: Write,
    fix: Option<Write>,
}

impl FnCoder {
    /// A coder with one closure for first drafts and fixes alike. The name is a key of the journal: short, stable,
    /// unique in its crew.
    pub fn new<F, W>(name: impl Into<String>, generate: F) -> FnCoder
    where
        F: Fn(RunState, Arc<dyn Workspace>) -> W + Send + Sync + 'static,
        W: Future<Output = Result<Written, AgentError>> + Send + 'static,
    {
        FnCoder {
            name: name.into(),
            generate: boxed(generate),
            fix: None,
        }
    }

    /// Another closure for drafts that follow a rejection.
    #[must_use]
    pub fn fixing<F, W>(mut self, fix: F) -> FnCoder
    where
        F: Fn(RunState, Arc<dyn Workspace>) -> W + Send + Sync + 'static,
        W: Future<Output = Result<Written, AgentError>> + Send + 'static,
    {
        self.fix = Some(boxed(fix));
        self
    }
}

fn boxed<F, W>(write: F) -> Write
where
    F: Fn(RunState, Arc<dyn Workspace>) -> W + Send + Sync + 'static,
    W: Future<Output = Result<Written, AgentError>> + Send + 'static,
{
    Box::new(move |state, work| Box::pin(write(state, work)))
}

/// What a closure wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    summary: String,
    edits: Vec<Edit>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Edit {
    Write {
        path: String,
        text: String,
    },
    Replace {
        path: String,
        old: String,
        new: String,
    },
    Delete {
        path: String,
    },
}

impl Written {
    /// Nothing yet, with a sentence for people about what is to come.
    pub fn new(summary: impl Into<String>) -> Written {
        Written {
            summary: summary.into(),
            edits: Vec::new(),
        }
    }

    /// A new file, or a file as it is to be.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>, text: impl Into<String>) -> Written {
        self.edits.push(Edit::Write {
            path: path.into(),
            text: text.into(),
        });
        self
    }

    /// A piece of a file that occurs there exactly once, and what is to stand in its place.
    #[must_use]
    pub fn replace(
        mut self,
        path: impl Into<String>,
        old: impl Into<String>,
        new: impl Into<String>,
    ) -> Written {
        self.edits.push(Edit::Replace {
            path: path.into(),
            old: old.into(),
            new: new.into(),
        });
        self
    }

    /// A file that is to go away.
    #[must_use]
    pub fn without(mut self, path: impl Into<String>) -> Written {
        self.edits.push(Edit::Delete { path: path.into() });
        self
    }
}

#[async_trait]
impl Agent for FnCoder {
    fn name(&self) -> &str {
        &self.name
    }

    async fn run(&self, cx: &AgentContext<'_>, state: &RunState) -> Result<Report, AgentError> {
        cx.lay_out_tests(&state.task).await?;
        let write = match (&state.feedback, &self.fix) {
            (Some(_), Some(fix)) => fix,
            _ => &self.generate,
        };
        let summary: String = cx
            .once("write", true, async {
                let work = cx.work.fork(&cx.work.snapshot().await?).await?;
                let written = write(state.clone(), work).await?;
                for edit in &written.edits {
                    self.carry_out(cx.work, edit).await?;
                }
                Ok(written.summary)
            })
            .await?;
        Ok(Report::passed(summary.clone()).with(Evidence::Draft {
            agent: self.name.clone(),
            summary,
            turns: 0,
        }))
    }
}

impl FnCoder {
    async fn carry_out(&self, work: &dyn Workspace, edit: &Edit) -> Result<(), AgentError> {
        let misfit = |why: String| AgentError::Tool {
            program: self.name.clone(),
            why,
        };
        let bytes_of = |path: &str, text: &str| {
            let encoding = Encoding::of_text(text);
            encoding.encode(text).map_err(|foreign| {
                let name = encoding.name();
                misfit(format!(
                    "`{path}` declares `{name}`, which has no '{foreign}'"
                ))
            })
        };
        match edit {
            Edit::Write { path, text } => work.write(path, &bytes_of(path, text)?).await?,
            Edit::Delete { path } => work.delete(path).await?,
            Edit::Replace { path, old, new } => {
                let text = source_text(&work.read(path).await?)
                    .ok_or_else(|| misfit(format!("`{path}` isn't text")))?;
                match text.matches(old.as_str()).count() {
                    1 => {
                        let text = text.replacen(old.as_str(), new, 1);
                        work.write(path, &bytes_of(path, &text)?).await?;
                    }
                    times => {
                        return Err(misfit(format!(
                            "the piece to replace occurs {times} times in `{path}`, and must occur once"
                        )));
                    }
                }
            }
        }
        Ok(())
    }
}
