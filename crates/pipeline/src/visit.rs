//! One visit of one agent: what it did before a crash is handed back, what it does now is written down first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use protocol::{
    AgentError, Journal, JournalError, Log, Model, ModelError, ModelId, ModelReply, ModelRequest,
    Note, RunEvent, Steps, Workspace,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::past::Memo;

/// A journal whose writes are finished even when whoever asked for them is gone.
///
/// A cancelled run drops its agents in the middle of whatever they do; a reply that has been paid for must
/// reach the disk all the same, and nothing may be written after the last word.
#[derive(Clone)]
pub(crate) struct SureJournal {
    journal: Arc<dyn Journal>,
    /// Held by the write in flight.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl SureJournal {
    pub(crate) fn new(journal: Arc<dyn Journal>) -> SureJournal {
        SureJournal {
            journal,
            turn: Arc::default(),
        }
    }

    pub(crate) async fn append(&self, event: RunEvent) -> Result<(), JournalError> {
        let this = self.clone();
        // The turn is taken before the task starts, so that writes keep the order in which they were asked for.
        let turn = this.turn.clone().lock_owned().await;
        tokio::spawn(async move {
            let written = this.journal.append(&event).await;
            drop(turn);
            written
        })
        .await
        .unwrap_or_else(|broken| Err(JournalError(Box::new(broken))))
    }

    pub(crate) async fn cancel_requested(&self) -> Result<bool, JournalError> {
        self.journal.cancel_requested().await
    }
}

/// Replies of every visit, until the driver takes them into the state.
#[derive(Clone, Default)]
pub(crate) struct Till(Arc<Mutex<Vec<(String, ModelReply)>>>);

impl Till {
    fn add(&self, agent: &str, reply: &ModelReply) {
        self.lock().push((agent.to_owned(), reply.clone()));
    }

    /// What came in since last time.
    pub(crate) fn take(&self) -> Vec<(String, ModelReply)> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(String, ModelReply)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who visits, when, with which model.
pub(crate) struct Agency {
    pub(crate) agent: String,
    pub(crate) iteration: u8,
    pub(crate) model: Option<Arc<dyn Model>>,
}

/// The memory and the model of one visit.
pub(crate) struct Visit {
    agency: Agency,
    model_id: ModelId,
    journal: SureJournal,
    work: Arc<dyn Workspace>,
    log: Arc<dyn Log>,
    till: Till,
    memos: Mutex<VecDeque<Memo>>,
}

impl Visit {
    pub(crate) fn new(
        agency: Agency,
        journal: SureJournal,
        work: Arc<dyn Workspace>,
        log: Arc<dyn Log>,
        till: Till,
        memos: VecDeque<Memo>,
    ) -> Visit {
        Visit {
            model_id: agency
                .model
                .as_ref()
                .map_or_else(|| ModelId::new("none", "none"), |it| it.id().clone()),
            agency,
            journal,
            work,
            log,
            till,
            memos: Mutex::new(memos),
        }
    }

    fn next_memo(&self) -> Option<Memo> {
        self.memos
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }
}

#[async_trait]
impl Model for Visit {
    fn id(&self) -> &ModelId {
        &self.model_id
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelReply, ModelError> {
        let request_sha256 = hash_of(request);
        match self.next_memo() {
            Some(Memo::Reply {
                request_sha256: recorded,
                reply,
            }) if recorded == request_sha256 => return Ok(reply),
            Some(memo) => {
                return Err(ModelError::Diverged {
                    model: self.model_id.to_string(),
                    difference: match memo {
                        Memo::Reply { .. } => format!(
                            "the journal holds a reply to another request than the one that {} makes now",
                            self.agency.agent
                        ),
                        Memo::Step { name, .. } => {
                            format!("the journal holds the step `{name}` where a request is due")
                        }
                    },
                });
            }
            None => {}
        }
        let model = self.agency.model.as_ref().ok_or(ModelError::NoModel)?;
        self.log.note(Note::Asking {
            agent: self.agency.agent.clone(),
        });
        let reply = model.ask(request).await?;
        self.journal
            .append(RunEvent::Replied {
                agent: self.agency.agent.clone(),
                iteration: self.agency.iteration,
                request_sha256,
                reply: reply.clone(),
            })
            .await
            .map_err(|error| ModelError::Unrecorded {
                model: self.model_id.to_string(),
                message: error.0.to_string(),
            })?;
        self.log.note(Note::Answered {
            agent: self.agency.agent.clone(),
            tokens: reply.usage.total(),
            cost_microusd: reply.cost_microusd,
        });
        self.till.add(&self.agency.agent, &reply);
        Ok(reply)
    }
}

#[async_trait]
impl Steps for Visit {
    async fn recall(&self, name: &str) -> Result<Option<Value>, AgentError> {
        match self.next_memo() {
            None => Ok(None),
            Some(Memo::Step {
                name: recorded,
                value,
            }) if recorded == name => Ok(Some(value)),
            Some(memo) => Err(AgentError::Diverged {
                recorded: match memo {
                    Memo::Reply { .. } => "a model's reply".to_owned(),
                    Memo::Step { name, .. } => name,
                },
                asked: name.to_owned(),
            }),
        }
    }

    async fn record(&self, name: &str, value: Value, changes_tree: bool) -> Result<(), AgentError> {
        // A preparation works on forks of the base; the work tree is then somebody else's.
        let tree = if changes_tree && 0 < self.agency.iteration {
            Some(self.work.snapshot().await?)
        } else {
            None
        };
        self.journal
            .append(RunEvent::Stepped {
                agent: self.agency.agent.clone(),
                iteration: self.agency.iteration,
                step: name.to_owned(),
                value,
                tree,
            })
            .await?;
        Ok(())
    }
}

/// SHA-256 of the whole request, in hexadecimal. Field order is the declaration's, and JSON inside keeps its own,
/// so equal requests have equal bytes.
fn hash_of(request: &ModelRequest) -> String {
    let bytes = serde_json::to_vec(request).expect("a request is plain data with text keys");
    Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
