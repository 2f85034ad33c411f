//! What a run's journal says it has done already.

use std::collections::{HashMap, HashSet, VecDeque};

use protocol::{Entry, ModelReply, Prepared, Report, RunEvent, Stage, TreeId, Unanswered};
use serde_json::Value;

/// One thing an agent did in a visit, to be handed back instead of done again.
#[derive(Clone, Debug)]
pub(crate) enum Memo {
    /// A model's reply.
    Reply {
        request_sha256: String,
        reply: ModelReply,
    },
    /// A step's value.
    Step { name: String, value: Value },
}

/// A visit is one agent in one draft; draft 0 is its preparation.
pub(crate) type VisitKey = (String, u8);

/// A report that was given, with the tree and the change it left behind.
#[derive(Clone, Debug)]
pub(crate) struct Reported {
    pub(crate) report: Report,
    pub(crate) tree: TreeId,
    pub(crate) proposed_code: String,
}

/// The journal of a run, sorted for going on with it.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// Whether the environment was ready once.
    pub(crate) set_up: bool,
    /// What was done in each visit, in order.
    pub(crate) memos: HashMap<VisitKey, VecDeque<Memo>>,
    /// Preparations that were finished.
    pub(crate) prepared: HashMap<String, Prepared>,
    /// Visits that were finished.
    pub(crate) reported: HashMap<(Stage, VisitKey), Reported>,
    /// The work tree as it was last written down.
    pub(crate) tree: Option<TreeId>,
    /// Every reply that was paid for, with its agent.
    pub(crate) replies: Vec<(String, ModelReply)>,
    /// Every request that was paid for without a reply, with its agent.
    pub(crate) unanswered: Vec<(String, Unanswered)>,
    /// Visits that began, finished or not.
    started: HashSet<VisitKey>,
    /// Whether the last life ended without a last word. One that was stopped has written down what its requests may
    /// have cost; one that was killed hasn't.
    killed: bool,
    /// Whether the run is at its end.
    pub(crate) finished: bool,
}

impl Past {
    pub(crate) fn read(history: &[Entry]) -> Past {
        let mut past = Past::default();
        for entry in history {
            past.take(&entry.event);
        }
        let last = history.last().map(|it| &it.event);
        past.killed = !matches!(last, None | Some(RunEvent::Interrupted { .. }));
        past
    }

    /// Whether a request of this visit may have been under way when an earlier life was killed.
    pub(crate) fn may_have_lost_a_request(&self, visit: &VisitKey) -> bool {
        // Preparations begin when the environment stands, and leave no trace of their beginning.
        let began = self.started.contains(visit) || (visit.1 == 0 && self.set_up);
        self.killed && began
    }

    fn take(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Opened { base, .. } => self.tree = Some(base.tree.clone()),
            RunEvent::SetUp { .. } => self.set_up = true,
            RunEvent::Replied {
                agent,
                iteration,
                request_sha256,
                reply,
            } => {
                self.replies.push((agent.clone(), reply.clone()));
                self.memo(agent, *iteration).push_back(Memo::Reply {
                    request_sha256: request_sha256.clone(),
                    reply: reply.clone(),
                });
            }
            RunEvent::Unanswered {
                agent, unanswered, ..
            } => self.unanswered.push((agent.clone(), unanswered.clone())),
            RunEvent::Stepped {
                agent,
                iteration,
                step,
                value,
                tree,
            } => {
                self.memo(agent, *iteration).push_back(Memo::Step {
                    name: step.clone(),
                    value: value.clone(),
                });
                if tree.is_some() {
                    self.tree.clone_from(tree);
                }
            }
            RunEvent::Prepared { agent, prepared } => {
                self.prepared.insert(agent.clone(), prepared.clone());
            }
            RunEvent::Reported {
                stage,
                iteration,
                agent,
                report,
                tree,
                proposed_code,
            } => {
                self.tree = Some(tree.clone());
                self.reported.insert(
                    (*stage, (agent.clone(), *iteration)),
                    Reported {
                        report: report.clone(),
                        tree: tree.clone(),
                        proposed_code: proposed_code.clone(),
                    },
                );
            }
            RunEvent::Finished { .. } => self.finished = true,
            RunEvent::Started {
                agent, iteration, ..
            } => {
                self.started.insert((agent.clone(), *iteration));
            }
            RunEvent::Interrupted { .. } => {}
        }
    }

    fn memo(&mut self, agent: &str, iteration: u8) -> &mut VecDeque<Memo> {
        self.memos.entry((agent.to_owned(), iteration)).or_default()
    }
}
