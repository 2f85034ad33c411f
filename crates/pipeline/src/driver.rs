//! Runs the agents of each stage, writes everything down, and tells the machine how it went.
//!
//! A run and a resumed run are the same walk: what the journal holds already is taken from it instead of being
//! done again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::{
    AgentContext, AgentError, Entry, Journal, JournalError, Limits, Log, Prepared, Reason, Report,
    RunEvent, RunState, Stage, Status, Task, TreeId, Verdict, Workspace, WorkspaceError,
};
use statig::prelude::*;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::crew::{Crew, CrewSeat};
use crate::ending::{self, Trouble};
use crate::machine::{Event, Rules};
use crate::past::{Past, Reported};
use crate::stop::Stop;
use crate::visit::{Agency, SureJournal, Till, Visit};

/// How often the store is asked whether somebody cancelled the run.
const CANCEL_POLL: Duration = Duration::from_millis(500);

/// Everything a walk is handed.
pub struct Run {
    /// What was asked.
    pub task: Task,
    /// Who works on it.
    pub crew: Crew,
    /// The bounds.
    pub limits: Limits,
    /// Where events are kept.
    pub journal: Arc<dyn Journal>,
    /// The tree that will carry the change.
    pub work: Arc<dyn Workspace>,
    /// The tree as it was.
    pub base: Arc<dyn Workspace>,
    /// Where live progress goes.
    pub log: Arc<dyn Log>,
    /// How the run learns that it should stop.
    pub stop: Stop,
}

/// How a walk ended.
#[derive(Debug)]
pub struct Outcome {
    /// The stage it ended in: a final one, unless it was interrupted.
    pub stage: Stage,
    /// The state at the end. Its status is `running` when the run can be resumed.
    pub state: RunState,
    /// Why it ended so, in words for a person.
    pub explanation: String,
}

/// The pipeline itself broke; the run can be resumed.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The journal refused an event.
    #[error("record the run")]
    Journal(#[from] JournalError),
    /// The work tree could not be brought back to where the journal says it was.
    #[error("bring the work tree back to where the run was")]
    Restore(#[source] WorkspaceError),
    /// The accepted tests could not be added to the change.
    #[error("add the accepted tests to the change")]
    AcceptanceTests(#[source] WorkspaceError),
    /// The finished change could not be kept.
    #[error("keep the finished change")]
    Keep(#[source] WorkspaceError),
    /// The journal ends with the run's end already.
    #[error("go on with a run that is at its end already")]
    Finished,
}

/// Why the walk leaves its loop before the machine is at an end.
enum Halt {
    /// An agent broke, or somebody stopped the run.
    Trouble(Trouble, String),
    /// The pipeline broke.
    Drive(DriveError),
}

impl From<JournalError> for Halt {
    fn from(error: JournalError) -> Halt {
        Halt::Drive(error.into())
    }
}

impl From<AgentError> for Halt {
    fn from(error: AgentError) -> Halt {
        Halt::Trouble(ending::judge(&error), ending::in_words(&error))
    }
}

impl From<WorkspaceError> for Halt {
    fn from(error: WorkspaceError) -> Halt {
        AgentError::from(error).into()
    }
}

impl Run {
    /// Walks the run to its end, or on from where `history` breaks off. The first event, which says what the run
    /// is, has been written by whoever opened it.
    ///
    /// # Errors
    ///
    /// When the journal or the work tree can't be used; a run that fails, is cancelled or runs out of money is
    /// an [`Outcome`].
    pub async fn walk(self, history: &[Entry]) -> Result<Outcome, DriveError> {
        let past = Past::read(history);
        if past.finished {
            return Err(DriveError::Finished);
        }
        let mut state = RunState::new(self.task.clone());
        for (agent, reply) in &past.replies {
            state.count(agent, reply);
        }
        if let Some(tree) = past.tree.as_ref().filter(|_| resumes(history)) {
            self.work.restore(tree).await.map_err(DriveError::Restore)?;
        }
        let (trouble, troubles) = mpsc::channel(self.crew.all().len().max(1));
        let mut walk = Walk {
            run: &self,
            journal: SureJournal::new(self.journal.clone()),
            past,
            state,
            till: Till::default(),
            preparing: HashMap::new(),
            trouble,
            troubles,
            stop: self.stop.clone(),
            last_rejection: None,
            fatal: None,
        };
        let mut machine = Rules::with_drafts(self.limits.iterations_max).state_machine();
        let walked = walk.walk_on(&mut machine).await;
        for (_, task) in walk.preparing.drain() {
            task.abort();
        }
        let stage = *machine.state();
        match walked {
            Ok(()) => walk.finish(stage).await,
            Err(Halt::Trouble(Trouble::Fatal(reason) | Trouble::Passing(reason), words)) => {
                walk.interrupt(stage, reason, words).await
            }
            Err(Halt::Drive(error)) => Err(error),
        }
    }
}

/// Whether anything happened after the run was opened.
fn resumes(history: &[Entry]) -> bool {
    1 < history.len()
}

/// One walk under way.
struct Walk<'a> {
    run: &'a Run,
    journal: SureJournal,
    past: Past,
    state: RunState,
    /// Preparations under way, by agent.
    preparing: HashMap<String, JoinHandle<Option<Prepared>>>,
    /// What models have used and the state doesn't know yet.
    till: Till,
    trouble: mpsc::Sender<AgentError>,
    troubles: mpsc::Receiver<AgentError>,
    stop: Stop,
    /// The tree and the feedback of the last rejection, to see whether a redraft changed anything.
    last_rejection: Option<(TreeId, String)>,
    /// Why the machine was told to stop.
    fatal: Option<(Reason, String)>,
}

type Machine = statig::blocking::StateMachine<Rules>;

impl Walk<'_> {
    /// Walks until the machine is at an end. An error interrupts the walk; the run can go on later.
    async fn walk_on(&mut self, machine: &mut Machine) -> Result<(), Halt> {
        let ready = self.set_up().await;
        let mut event = match ready {
            Ok(()) => {
                self.start_preparing();
                None
            }
            Err(halt) => Some(self.stopped_for_good(halt)?),
        };
        while !machine.state().is_final() {
            let stage = *machine.state();
            let event = match event.take() {
                Some(event) => event,
                None => match self.work(stage).await {
                    Ok(event) => event,
                    Err(halt) => self.stopped_for_good(halt)?,
                },
            };
            machine.handle(&event);
            if *machine.state() == Stage::Drafting {
                self.state.begin_redraft();
            }
        }
        Ok(())
    }

    /// A fatal trouble is a word for the machine; anything else interrupts the walk.
    fn stopped_for_good(&mut self, halt: Halt) -> Result<Event, Halt> {
        match halt {
            Halt::Trouble(Trouble::Fatal(reason), words) => {
                self.fatal = Some((reason, words));
                Ok(Event::Stopped)
            }
            passing => Err(passing),
        }
    }

    /// The environment comes before everything that costs money.
    async fn set_up(&mut self) -> Result<(), Halt> {
        let run = self.run;
        let environment = self.unless_stopped(run.work.set_up()).await??;
        if !self.past.set_up {
            self.journal
                .append(RunEvent::SetUp {
                    environment,
                    confinement: run.work.confinement().clone(),
                })
                .await?;
        }
        Ok(())
    }

    /// Starts every preparation that the journal doesn't hold yet, beside the drafting.
    fn start_preparing(&mut self) {
        for seat in self.run.crew.all() {
            if self.past.prepared.contains_key(seat.agent.name()) {
                continue;
            }
            let visit = self.visit(seat, 0);
            let seat = seat.clone();
            let task = self.run.task.clone();
            let limits = self.run.limits.clone();
            let (work, base, log) = (
                self.run.work.clone(),
                self.run.base.clone(),
                self.run.log.clone(),
            );
            let (journal, trouble) = (self.journal.clone(), self.trouble.clone());
            let name = seat.agent.name().to_owned();
            let handle = tokio::spawn(async move {
                let cx = AgentContext {
                    model: &visit,
                    work: &*work,
                    base: &*base,
                    steps: &visit,
                    limits: &limits,
                    log: &*log,
                };
                let prepared = match seat.agent.prepare(&cx, &task).await {
                    Ok(prepared) => prepared,
                    Err(error) => {
                        // The receiver is gone only when the walk is over anyway.
                        let _ = trouble.send(error).await;
                        return None;
                    }
                };
                let written = journal
                    .append(RunEvent::Prepared {
                        agent: seat.agent.name().to_owned(),
                        prepared: prepared.clone(),
                    })
                    .await;
                if let Err(error) = written {
                    let _ = trouble.send(error.into()).await;
                    return None;
                }
                Some(prepared)
            });
            self.preparing.insert(name, handle);
        }
    }

    /// One stage: agents in order, the first rejection ends it.
    async fn work(&mut self, stage: Stage) -> Result<Event, Halt> {
        let seats: Vec<CrewSeat> = self.run.crew.at(stage).cloned().collect();
        for seat in &seats {
            self.take_prepared(seat).await?;
            let key = (stage, (seat.agent.name().to_owned(), self.state.iteration));
            let reported = match self.past.reported.remove(&key) {
                Some(reported) => reported,
                None => self.visit_and_write_down(stage, seat).await?,
            };
            self.state.proposed_code = reported.proposed_code;
            self.state.absorb(stage, &reported.report);
            if let Verdict::Rejected { feedback } = &reported.report.verdict {
                self.stop_without_progress(&reported.tree, feedback)?;
                return Ok(Event::Judged(reported.report.verdict));
            }
        }
        if stage == Stage::Drafting && self.state.proposed_code.trim().is_empty() {
            return Err(Halt::Trouble(
                Trouble::Fatal(Reason::NoCode),
                "no coder changed anything in the repository".to_owned(),
            ));
        }
        Ok(Event::Judged(Verdict::Passed))
    }

    /// Waits for what the agent prepared, the first time its turn comes.
    async fn take_prepared(&mut self, seat: &CrewSeat) -> Result<(), Halt> {
        let name = seat.agent.name();
        let prepared = if let Some(prepared) = self.past.prepared.remove(name) {
            prepared
        } else if let Some(handle) = self.preparing.remove(name) {
            match self.unless_stopped(handle).await? {
                Ok(Some(prepared)) => prepared,
                Ok(None) => return Err(self.next_trouble().await),
                Err(broken) => {
                    return Err(Halt::Trouble(
                        Trouble::Passing(Reason::AgentBroke),
                        format!("the preparation of `{name}` broke: {broken}"),
                    ));
                }
            }
        } else {
            return Ok(());
        };
        self.count_replies();
        self.state.absorb_prepared(&prepared);
        Ok(())
    }

    /// Runs one agent and writes down what it reported.
    async fn visit_and_write_down(
        &mut self,
        stage: Stage,
        seat: &CrewSeat,
    ) -> Result<Reported, Halt> {
        let iteration = self.state.iteration;
        let agent = seat.agent.name().to_owned();
        self.journal
            .append(RunEvent::Started {
                stage,
                iteration,
                agent: agent.clone(),
            })
            .await?;
        let report = self.run_agent(seat).await;
        self.count_replies();
        let report = report?;
        let (tree, proposed_code) = self.tree_and_change().await?;
        self.journal
            .append(RunEvent::Reported {
                stage,
                iteration,
                agent,
                report: report.clone(),
                tree: tree.clone(),
                proposed_code: proposed_code.clone(),
            })
            .await?;
        Ok(Reported {
            report,
            tree,
            proposed_code,
        })
    }

    async fn run_agent(&mut self, seat: &CrewSeat) -> Result<Report, Halt> {
        let run = self.run;
        let visit = self.visit(seat, self.state.iteration);
        let state = self.state.clone();
        let cx = AgentContext {
            model: &visit,
            work: &*run.work,
            base: &*run.base,
            steps: &visit,
            limits: &run.limits,
            log: &*run.log,
        };
        Ok(self.unless_stopped(seat.agent.run(&cx, &state)).await??)
    }

    fn visit(&mut self, seat: &CrewSeat, iteration: u8) -> Visit {
        let name = seat.agent.name();
        let memos = self.past.memos.remove(&(name.to_owned(), iteration));
        Visit::new(
            Agency {
                agent: name.to_owned(),
                iteration,
                model: seat.model.clone(),
            },
            self.journal.clone(),
            self.run.work.clone(),
            self.run.log.clone(),
            self.till.clone(),
            memos.unwrap_or_default(),
        )
    }

    async fn tree_and_change(&self) -> Result<(TreeId, String), WorkspaceError> {
        let tree = self.run.work.snapshot().await?;
        let change = self.run.work.change().await?;
        Ok((tree, change.patch))
    }

    /// Adds to the state what the models of every visit have used since last time.
    fn count_replies(&mut self) {
        for (agent, reply) in self.till.take() {
            self.state.count(&agent, &reply);
        }
    }

    /// The same tree, or the same words, twice in a row: another draft would only cost.
    fn stop_without_progress(&mut self, tree: &TreeId, feedback: &str) -> Result<(), Halt> {
        let same = match &self.last_rejection {
            Some((last, _)) if last == tree => Some("the draft is the same as the one before"),
            Some((_, words)) if words == feedback => {
                Some("the draft was sent back with the same words as the one before")
            }
            _ => None,
        };
        self.last_rejection = Some((tree.clone(), feedback.to_owned()));
        match same {
            Some(why) => Err(Halt::Trouble(
                Trouble::Fatal(Reason::NoProgress),
                why.to_owned(),
            )),
            None => Ok(()),
        }
    }

    /// Lets something happen unless the run is stopped, or a preparation breaks, before it is done.
    async fn unless_stopped<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Halt> {
        let journal = self.journal.clone();
        let cancelled = async move {
            loop {
                tokio::time::sleep(CANCEL_POLL).await;
                match journal.cancel_requested().await {
                    Ok(false) => {}
                    Ok(true) => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
        };
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.stop.asked() => Err(cancelled_by_someone()),
            Some(error) = self.troubles.recv() => Err(error.into()),
            asked = cancelled => match asked {
                Ok(()) => Err(cancelled_by_someone()),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// The error of a preparation that is known to have broken.
    async fn next_trouble(&mut self) -> Halt {
        match self.troubles.recv().await {
            Some(error) => error.into(),
            None => unreachable!("the walk itself holds a sender"),
        }
    }

    /// The machine is at an end: the last event of the journal.
    async fn finish(mut self, stage: Stage) -> Result<Outcome, DriveError> {
        self.count_replies();
        let (status, reason, explanation) = if stage == Stage::Completed {
            self.state.tier = Some(ending::tier_of(&self.state));
            (Status::Completed, None, None)
        } else {
            let (reason, words) = self.fatal.take().unwrap_or_else(|| {
                let drafts = self.run.limits.iterations_max;
                (
                    Reason::RedraftsExhausted,
                    format!("every one of {drafts} drafts was sent back"),
                )
            });
            (Status::Failed, Some(reason), Some(words))
        };
        if status == Status::Completed {
            self.add_acceptance_tests()
                .await
                .map_err(DriveError::AcceptanceTests)?;
        }
        let (tree, proposed_code) = match self.tree_and_change().await {
            Ok(both) => both,
            Err(error) if status == Status::Completed => return Err(DriveError::Keep(error)),
            // A failed run keeps what it last wrote down when the tree itself is what broke.
            Err(_) => (
                self.past
                    .tree
                    .clone()
                    .unwrap_or(self.run.work.base().tree.clone()),
                self.state.proposed_code.clone(),
            ),
        };
        let explanation = explanation.unwrap_or_else(|| ending::completed_in_words(&self.state));
        self.state.status = status;
        self.state.reason = reason;
        self.state.proposed_code.clone_from(&proposed_code);
        self.journal
            .append(RunEvent::Finished {
                status,
                reason,
                explanation: explanation.clone(),
                tier: self.state.tier,
                tree,
                proposed_code,
            })
            .await?;
        Ok(Outcome {
            stage,
            state: self.state,
            explanation,
        })
    }

    /// Accepted tests are part of the delivered change.
    async fn add_acceptance_tests(&self) -> Result<(), WorkspaceError> {
        let Some(tests) = self.state.acceptance_tests() else {
            return Ok(());
        };
        for file in &tests.files {
            self.run
                .work
                .write(&file.path, file.text.as_bytes())
                .await?;
        }
        Ok(())
    }

    /// Something outside the change stopped the walk; it can go on from here.
    async fn interrupt(
        mut self,
        stage: Stage,
        reason: Reason,
        explanation: String,
    ) -> Result<Outcome, DriveError> {
        self.count_replies();
        self.state.reason = Some(reason);
        self.journal
            .append(RunEvent::Interrupted {
                reason,
                explanation: explanation.clone(),
            })
            .await?;
        Ok(Outcome {
            stage,
            state: self.state,
            explanation,
        })
    }
}

fn cancelled_by_someone() -> Halt {
    Halt::Trouble(
        Trouble::Passing(Reason::Cancelled),
        "the run was cancelled".to_owned(),
    )
}
