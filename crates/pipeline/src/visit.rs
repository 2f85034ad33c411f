//! One visit of one agent: what it did before a crash is handed back, what it does now is written down first.

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use protocol::{
    AgentError, Bill, Journal, JournalError, Log, Message, Model, ModelError, ModelId, ModelReply,
    ModelRequest, Note, RunEvent, Steps, Unanswered, Workspace, sha256,
};
use serde_json::Value;

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

/// What was paid for.
pub(crate) enum Paid {
    Reply(ModelReply),
    Unanswered(Unanswered),
}

/// What every visit has paid for, until the driver takes it into the state.
#[derive(Clone, Default)]
pub(crate) struct Till(Arc<Mutex<Vec<(String, Paid)>>>);

impl Till {
    pub(crate) fn add(&self, agent: &str, paid: Paid) {
        self.lock().push((agent.to_owned(), paid));
    }

    /// What came in since last time.
    pub(crate) fn take(&self) -> Vec<(String, Paid)> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(String, Paid)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who visits, when, with which model.
pub(crate) struct Agency {
    pub(crate) agent: String,
    pub(crate) iteration: u8,
    /// Whoever is preferred first; none for an agent that needs no model.
    pub(crate) models: Vec<Arc<dyn Model>>,
    /// The seat's own model.
    pub(crate) own: Option<ModelId>,
    /// Whether a request of this visit may have been under way when an earlier life of the run was killed.
    pub(crate) may_have_lost_a_request: bool,
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
    /// Who has answered.
    answered_by: Mutex<BTreeSet<ModelId>>,
    /// Taken once, with the first request that nobody has answered.
    lost: AtomicBool,
}

/// Writes down what a model's requests have cost without giving a reply, and takes it into the till.
pub(crate) async fn write_down_unanswered(
    journal: &SureJournal,
    till: &Till,
    agent: &str,
    iteration: u8,
    model: &dyn Model,
) -> Result<(), JournalError> {
    for unanswered in model.bill().map(Bill::take_unanswered).unwrap_or_default() {
        journal
            .append(RunEvent::Unanswered {
                agent: agent.to_owned(),
                iteration,
                unanswered: unanswered.clone(),
            })
            .await?;
        till.add(agent, Paid::Unanswered(unanswered));
    }
    Ok(())
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
                .own
                .clone()
                .unwrap_or_else(|| ModelId::new("none", "none")),
            lost: AtomicBool::new(agency.may_have_lost_a_request),
            agency,
            journal,
            work,
            log,
            till,
            memos: Mutex::new(memos),
            answered_by: Mutex::default(),
        }
    }

    /// The request as it leaves: the last door for all agents. What programs print is made steady where it comes in, so
    /// there is hardly ever anything left to do but where a program wrote such a place into a file.
    fn without_places<'r>(&self, request: &'r ModelRequest) -> Cow<'r, ModelRequest> {
        let places = self.work.places();
        let mut texts = request.messages.iter().filter_map(text_of);
        let Some(place) = texts.find_map(|it| places.first_in(it)) else {
            return Cow::Borrowed(request);
        };
        self.log.note(Note::Renamed {
            agent: self.agency.agent.clone(),
            place: place.to_owned(),
        });
        let mut request = request.clone();
        for message in &mut request.messages {
            if let Message::User { text } | Message::ToolAnswer { text, .. } = message {
                *text = places.named(text).into_owned();
            }
        }
        Cow::Owned(request)
    }

    /// Who may answer, in this order. Whoever stood in once goes on to the end of the conversation.
    fn models_for(&self, request: &ModelRequest) -> Vec<Arc<dyn Model>> {
        let mut replies = request.messages.iter().rev();
        let last = replies.find_map(|it| match it {
            Message::Assistant { reply } => {
                Some(reply.answered_by.as_ref().unwrap_or(&self.model_id))
            }
            Message::User { .. } | Message::ToolAnswer { .. } => None,
        });
        let models = &self.agency.models;
        let at = last.and_then(|last| models.iter().position(|it| it.id() == last));
        models[at.unwrap_or(0)..].to_vec()
    }

    /// The answer of the first model that gives one. Another is asked only where the vendor of the one before is down, or a
    /// recording holds nothing of it for that very reason.
    async fn first_answer(
        &self,
        models: &[Arc<dyn Model>],
        request: &ModelRequest,
    ) -> Result<ModelReply, ModelError> {
        let mut before: Option<(ModelId, ModelError)> = None;
        for (place, model) in models.iter().enumerate() {
            if let Some((of, error)) = &before {
                self.log.note(Note::StandIn {
                    agent: self.agency.agent.clone(),
                    of: of.clone(),
                    by: model.id().clone(),
                    why: error.to_string(),
                });
            }
            let asked = model.ask(request).await;
            let Agency {
                agent, iteration, ..
            } = &self.agency;
            write_down_unanswered(&self.journal, &self.till, agent, *iteration, &**model)
                .await
                .map_err(|it| self.unrecorded(&it))?;
            match asked {
                Ok(mut reply) => {
                    reply.answered_by = (*model.id() != self.model_id).then(|| model.id().clone());
                    return Ok(reply);
                }
                // Nobody answers: a recording was made of something else.
                Err(ModelError::Diverged { .. })
                    if place + 1 == models.len() && before.is_some() =>
                {
                    break;
                }
                Err(error)
                    if error.is_of_vendor() || matches!(error, ModelError::Diverged { .. }) =>
                {
                    before = Some((model.id().clone(), error));
                }
                Err(error) => return Err(error),
            }
        }
        Err(before.map_or(ModelError::NoModel, |(_, error)| error))
    }

    fn unrecorded(&self, error: &JournalError) -> ModelError {
        ModelError::Unrecorded {
            model: self.model_id.to_string(),
            message: error.0.to_string(),
        }
    }

    fn note_answer(&self, reply: &ModelReply) {
        let model = reply.answered_by.as_ref().unwrap_or(&self.model_id);
        let mut answered_by = self
            .answered_by
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        answered_by.insert(model.clone());
    }

    /// The models that have answered in this visit, those whose replies the journal held included.
    pub(crate) fn answered_by(&self) -> BTreeSet<ModelId> {
        let answered_by = self
            .answered_by
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        answered_by.clone()
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
        let request = &*self.without_places(request);
        let request_sha256 = hash_of(request);
        match self.next_memo() {
            Some(Memo::Reply {
                request_sha256: recorded,
                reply,
            }) if recorded == request_sha256 => {
                self.note_answer(&reply);
                return Ok(reply);
            }
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
        self.log.note(Note::Asking {
            agent: self.agency.agent.clone(),
        });
        let models = self.models_for(request);
        if self.lost.swap(false, Ordering::Relaxed) {
            // Which of them was asked nobody knows.
            for bill in models.iter().filter_map(|it| it.bill()) {
                bill.book_lost(request);
            }
        }
        let reply = self.first_answer(&models, request).await?;
        self.note_answer(&reply);
        let unrecorded = |error: JournalError| self.unrecorded(&error);
        self.journal
            .append(RunEvent::Replied {
                agent: self.agency.agent.clone(),
                iteration: self.agency.iteration,
                request_sha256,
                reply: reply.clone(),
            })
            .await
            .map_err(unrecorded)?;
        self.log.note(Note::Answered {
            agent: self.agency.agent.clone(),
            tokens: reply.usage.total(),
            cost_microusd: reply.cost_microusd,
        });
        self.till
            .add(&self.agency.agent, Paid::Reply(reply.clone()));
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

/// What we say in a message; a model's own words are its own.
fn text_of(message: &Message) -> Option<&str> {
    match message {
        Message::User { text } | Message::ToolAnswer { text, .. } => Some(text),
        Message::Assistant { .. } => None,
    }
}

/// SHA-256 of the whole request, in hexadecimal. Field order is the declaration's, and JSON inside keeps its own,
/// so equal requests have equal bytes.
fn hash_of(request: &ModelRequest) -> String {
    let bytes = serde_json::to_vec(request).expect("a request is plain data with text keys");
    sha256(bytes)
}
