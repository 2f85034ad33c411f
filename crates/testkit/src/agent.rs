//! What an agent is handed in a test, and agents that do what they are told.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use protocol::{
    Agent, AgentContext, AgentError, Limits, Log, Model, ModelError, ModelId, ModelReply,
    ModelRequest, Note, Report, RunState, Steps, Workspace,
};
use serde_json::Value;

/// An agent that gives its reports in order, and panics when it is asked for more.
pub struct ScriptedAgent {
    name: String,
    reports: Mutex<VecDeque<Report>>,
}

impl ScriptedAgent {
    /// Reports are given in this order.
    pub fn new(name: impl Into<String>, reports: impl IntoIterator<Item = Report>) -> Self {
        ScriptedAgent {
            name: name.into(),
            reports: Mutex::new(reports.into_iter().collect()),
        }
    }
}

#[async_trait]
impl Agent for ScriptedAgent {
    fn name(&self) -> &str {
        &self.name
    }

    async fn run(&self, _: &AgentContext<'_>, _: &RunState) -> Result<Report, AgentError> {
        let report = lock(&self.reports).pop_front();
        Ok(report.unwrap_or_else(|| panic!("{} has no report left", self.name)))
    }
}

/// One visit of an agent: everything its context borrows, without a driver.
pub struct TestVisit<M, W> {
    /// The agent's model.
    pub model: M,
    /// The tree that carries the change, and the base as well.
    pub work: W,
    /// What the visit has done.
    pub steps: MemorySteps,
    /// Its bounds.
    pub limits: Limits,
    /// What it told a person who watches.
    pub log: RecordingLog,
}

impl<M: Model, W: Workspace> TestVisit<M, W> {
    /// A visit in this tree, with roomy bounds and nothing done yet.
    pub fn new(model: M, work: W) -> TestVisit<M, W> {
        TestVisit {
            model,
            work,
            steps: MemorySteps::default(),
            limits: limits(),
            log: RecordingLog::default(),
        }
    }

    /// What the agent is handed.
    pub fn context(&self) -> AgentContext<'_> {
        AgentContext {
            model: &self.model,
            work: &self.work,
            base: &self.work,
            steps: &self.steps,
            limits: &self.limits,
            log: &self.log,
        }
    }
}

/// The model of a seat that has none.
pub struct NoModel(ModelId);

impl Default for NoModel {
    fn default() -> NoModel {
        NoModel(ModelId::new("none", "none"))
    }
}

#[async_trait]
impl Model for NoModel {
    fn id(&self) -> &ModelId {
        &self.0
    }

    async fn ask(&self, _: &ModelRequest) -> Result<ModelReply, ModelError> {
        Err(ModelError::NoModel)
    }
}

/// Bounds in which a small test has room.
pub fn limits() -> Limits {
    Limits {
        iterations_max: 3,
        turns_max: 30,
        tool_calls_per_reply_max: 16,
        visit_tokens_max: 1_000_000,
        visit_seconds_max: 600,
        reply_tokens_max: 8_000,
        command_seconds_max: 60,
        test_run_seconds_max: 120,
        install_seconds_max: 300,
        cpu_seconds_max: 120,
        memory_bytes_max: 4 << 30,
        file_bytes_max: 64 << 20,
        processes_max: 256,
        output_bytes_max: 64 << 10,
        output_flood_bytes_max: 16 << 20,
        answer_bytes_max: 16 << 10,
        author_tries_max: 3,
        patch_bytes_max: 1 << 20,
        patch_files_max: 200,
        suite_seconds_max: 600,
        reruns_max: 6,
        bite_hunks_max: 16,
        bite_seconds_max: 120,
    }
}

/// One thing an agent did, as [`MemorySteps`] keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// What it gave.
    pub value: Value,
    /// Whether the tree may differ afterwards.
    pub changes_tree: bool,
}

/// The memory of one visit, which can be handed to a second life of it.
#[derive(Default)]
pub struct MemorySteps {
    recalled: Mutex<VecDeque<Step>>,
    recorded: Mutex<Vec<Step>>,
}

impl MemorySteps {
    /// A visit that did these steps in an earlier life.
    pub fn after(steps: impl IntoIterator<Item = Step>) -> MemorySteps {
        MemorySteps {
            recalled: Mutex::new(steps.into_iter().collect()),
            recorded: Mutex::default(),
        }
    }

    /// What was done in this life, in order.
    pub fn recorded(&self) -> Vec<Step> {
        lock(&self.recorded).clone()
    }
}

#[async_trait]
impl Steps for MemorySteps {
    async fn recall(&self, name: &str) -> Result<Option<Value>, AgentError> {
        match lock(&self.recalled).pop_front() {
            None => Ok(None),
            Some(step) if step.name == name => Ok(Some(step.value)),
            Some(step) => Err(AgentError::Diverged {
                recorded: step.name,
                asked: name.to_owned(),
            }),
        }
    }

    async fn record(&self, name: &str, value: Value, changes_tree: bool) -> Result<(), AgentError> {
        lock(&self.recorded).push(Step {
            name: name.to_owned(),
            value,
            changes_tree,
        });
        Ok(())
    }
}

/// A memory that remembers nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSteps;

#[async_trait]
impl Steps for NoSteps {
    async fn recall(&self, _: &str) -> Result<Option<Value>, AgentError> {
        Ok(None)
    }

    async fn record(&self, _: &str, _: Value, _: bool) -> Result<(), AgentError> {
        Ok(())
    }
}

/// Keeps every note.
#[derive(Default)]
pub struct RecordingLog(Mutex<Vec<Note>>);

impl RecordingLog {
    /// The notes so far, in order.
    pub fn notes(&self) -> Vec<Note> {
        lock(&self.0).clone()
    }
}

impl Log for RecordingLog {
    fn note(&self, note: Note) {
        lock(&self.0).push(note);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
