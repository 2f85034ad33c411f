//! What a run's journal says it has done already.

use std::collections::{HashMap, HashSet, VecDeque};

use protocol::{Entry, Kept, ModelReply, Prepared, Report, RunEvent, Stage, TreeId, Unanswered};
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
    /// Whether other models have come since: what the ones before could not get past says nothing of them.
    pub(crate) others_since: bool,
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
    /// Visits of each stage and draft that were finished, in order, by agent.
    pub(crate) reported: HashMap<(Stage, u8), Vec<(String, Reported)>>,
    /// What of it the run goes on from.
    pub(crate) kept: Kept,
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
        let mut past = Past {
            kept: Kept::of(history),
            ..Past::default()
        };
        for entry in history {
            match &entry.event {
                _ if past.kept.counts(entry.seq) => past.take(&entry.event),
                // What is set aside has cost what it cost all the same.
                RunEvent::Replied { agent, reply, .. } => {
                    past.replies.push((agent.clone(), reply.clone()));
                }
                RunEvent::Started {
                    agent, iteration, ..
                } => {
                    past.started.insert((agent.clone(), *iteration));
                }
                _ => {}
            }
        }
        // A run that was stopped may have been reopened before it goes on; one that was killed, too.
        let reopened = |it: &&RunEvent| matches!(it, RunEvent::Reopened { fork: None, .. });
        let mut last = history.iter().rev().map(|it| &it.event);
        let last = last.find(|it| !reopened(it));
        past.killed = !matches!(last, None | Some(RunEvent::Interrupted { .. }));
        past
    }

    /// The same for the first life of a fork: whatever the run that it began as was doing is that run's.
    pub(crate) fn of_new_fork(history: &[Entry]) -> Past {
        Past {
            killed: false,
            ..Past::read(history)
        }
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
                let reported = Reported {
                    report: report.clone(),
                    tree: tree.clone(),
                    proposed_code: proposed_code.clone(),
                    others_since: false,
                };
                let stage = self.reported.entry((*stage, *iteration)).or_default();
                stage.push((agent.clone(), reported));
            }
            RunEvent::Reopened { replaced, .. } => {
                for (_, reported) in self.reported.values_mut().flatten() {
                    reported.others_since |= !replaced.is_empty();
                }
            }
            RunEvent::Finished { .. } => self.finished = true,
            RunEvent::Started {
                agent, iteration, ..
            } => {
                self.started.insert((agent.clone(), *iteration));
            }
            RunEvent::Interrupted { .. }
            | RunEvent::Delivering { .. }
            | RunEvent::Delivered { .. } => {}
        }
    }

    fn memo(&mut self, agent: &str, iteration: u8) -> &mut VecDeque<Memo> {
        self.memos.entry((agent.to_owned(), iteration)).or_default()
    }
}
