//! One walk under way: stage by stage, agent by agent, everything written down.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::{
    AgentContext, AgentError, JournalError, Model, Prepared, Reason, Report, RunEvent, RunState,
    Stage, TreeId, WorkspaceError,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::Instrument;

use crate::crew::CrewSeat;
use crate::ending::{self, Trouble};
use crate::independence;
use crate::machine::Event;
use crate::past::{Past, Reported};
use crate::progress::Rejections;
use crate::run::{DriveError, Run};
use crate::stop::Stop;
use crate::visit::{Agency, Paid, SureJournal, Till, Visit, write_down_unanswered};
use crate::word::{self, Machine, NoWay};

/// How often the store is asked whether somebody cancelled the run.
const CANCEL_POLL: Duration = Duration::from_millis(500);

/// Why the walk leaves its loop before the machine is at an end.
pub(crate) enum Halt {
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

impl From<WorkspaceError> for Halt {
    fn from(error: WorkspaceError) -> Halt {
        let error = AgentError::from(error);
        Halt::Trouble(ending::judge(&error), ending::in_words(&error))
    }
}

/// An agent, by name, and what broke it.
type Broken = (String, AgentError);

impl From<Broken> for Halt {
    fn from((agent, error): Broken) -> Halt {
        let words = format!("{agent} {}", ending::in_words(&error));
        Halt::Trouble(ending::judge(&error), words)
    }
}

impl From<NoWay> for Halt {
    fn from((reason, words): NoWay) -> Halt {
        Halt::Trouble(Trouble::Fatal(reason), words)
    }
}

/// One walk under way.
pub(crate) struct Walk<'a> {
    pub(crate) run: &'a Run,
    pub(crate) journal: SureJournal,
    pub(crate) past: Past,
    pub(crate) state: RunState,
    /// Preparations under way, by agent.
    preparing: HashMap<String, JoinHandle<Option<Prepared>>>,
    /// What models have used and the state doesn't know yet.
    till: Till,
    trouble: mpsc::Sender<Broken>,
    troubles: mpsc::Receiver<Broken>,
    stop: Stop,
    /// What was sent back so far, to see whether a redraft changed anything.
    rejections: Rejections,
    /// Why the machine was told to stop.
    pub(crate) fatal: Option<(Reason, String)>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(run: &'a Run, past: Past, state: RunState) -> Walk<'a> {
        let (trouble, troubles) = mpsc::channel(run.crew.all().len().max(1));
        Walk {
            run,
            journal: SureJournal::new(run.journal.clone()),
            past,
            state,
            till: Till::default(),
            preparing: HashMap::new(),
            trouble,
            troubles,
            stop: run.stop.clone(),
            rejections: Rejections::default(),
            fatal: None,
        }
    }

    /// Walks until the machine is at an end. An error interrupts the walk; the run can go on later.
    pub(crate) async fn walk_on(&mut self, machine: &mut Machine) -> Result<(), Halt> {
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
            word::say(machine, &mut self.state, &event);
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
            let visit_of = name.clone();
            let preparing = async move {
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
                        let _ = trouble.send((visit_of, error)).await;
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
                    let _ = trouble.send((visit_of, error.into())).await;
                    return None;
                }
                Some(prepared)
            };
            // Diagnostics of it name the run as well.
            let handle = tokio::spawn(preparing.in_current_span());
            self.preparing.insert(name, handle);
        }
    }

    /// One stage: agents in order, the first rejection ends it. What was reported in it already is taken as it stands.
    async fn work(&mut self, stage: Stage) -> Result<Event, Halt> {
        let draft = self.state.iteration;
        let past = self.past.reported.remove(&(stage, draft));
        let past = past.unwrap_or_default();
        let mut seats: Vec<CrewSeat> = Vec::new();
        if !self.past.kept.is_over(stage, draft) {
            let reported = |it: &&CrewSeat| past.iter().any(|(agent, _)| agent == it.agent.name());
            let at = self.run.crew.at(stage, draft);
            seats.extend(at.filter(|it| !reported(it)).cloned());
        }
        for (agent, reported) in past {
            self.take_prepared(&agent).await?;
            if let Some(rejected) = self.take_in(stage, &reported)? {
                return Ok(rejected);
            }
        }
        for seat in &seats {
            self.take_prepared(seat.agent.name()).await?;
            let reported = self.visit_and_write_down(stage, seat).await?;
            if let Some(rejected) = self.take_in(stage, &reported)? {
                return Ok(rejected);
            }
        }
        Ok(word::of_all(&self.state, stage)?)
    }

    /// Takes in what an agent reported; a rejection is the word of its stage.
    fn take_in(&mut self, stage: Stage, reported: &Reported) -> Result<Option<Event>, Halt> {
        let (state, rejections) = (&mut self.state, &mut self.rejections);
        Ok(word::take_in(state, rejections, stage, reported)?)
    }

    /// Waits for what the agent prepared, the first time its turn comes.
    async fn take_prepared(&mut self, name: &str) -> Result<(), Halt> {
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
        let visit = self.visit(seat, iteration);
        let report = self.run_agent(seat, &visit).await;
        self.count_replies();
        let mut report = report?;
        if stage == Stage::Qa {
            let seats = self.run.crew.seats();
            independence::judge(
                &mut report,
                &seats,
                &agent,
                &visit.answered_by(),
                &self.state,
            );
        }
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
            others_since: false,
        })
    }

    async fn run_agent(&mut self, seat: &CrewSeat, visit: &Visit) -> Result<Report, Halt> {
        let run = self.run;
        let state = self.state.clone();
        let cx = AgentContext {
            model: visit,
            work: &*run.work,
            base: &*run.base,
            steps: visit,
            limits: &run.limits,
            log: &*run.log,
        };
        let ran = self.unless_stopped(seat.agent.run(&cx, &state)).await?;
        ran.map_err(|it| match (seat.agent.name().to_owned(), it).into() {
            // Whoever reads that a reviewer broke must not have to guess what that means for the change.
            Halt::Trouble(trouble, words) if seat.stage == Stage::Qa => Halt::Trouble(
                trouble,
                format!("{words}; without its review the change is not passed"),
            ),
            halt => halt,
        })
    }

    /// Whatever is still being prepared is no longer wanted.
    pub(crate) async fn stop_preparing(&mut self) {
        for (_, task) in self.preparing.drain() {
            task.abort();
            // Only what has ended can be asked what it cost.
            let _ = task.await;
        }
    }

    /// Writes down what was given up while it was under way, before the last word of this life.
    pub(crate) async fn write_down_given_up(&self) -> Result<(), JournalError> {
        let iteration = self.state.iteration;
        for seat in self.run.crew.all() {
            for model in seat.model.iter().chain(&seat.fallback) {
                let agent = seat.agent.name();
                write_down_unanswered(&self.journal, &self.till, agent, iteration, &**model)
                    .await?;
            }
        }
        Ok(())
    }

    /// Who may answer for a seat, whoever is preferred first. A reviewer's models of vendors that answered for the last
    /// coder come only where there is no other.
    fn models(&self, seat: &CrewSeat) -> Vec<Arc<dyn Model>> {
        let mut models: Vec<_> = seat.model.iter().chain(&seat.fallback).cloned().collect();
        if seat.stage == Stage::Qa && 1 < models.len() {
            let seats = self.run.crew.seats();
            if let Some((_, coded)) = independence::last_coder(&seats, &self.state) {
                models.sort_by_key(|it| coded.contains(&it.id().vendor));
            }
        }
        models
    }

    fn visit(&mut self, seat: &CrewSeat, iteration: u8) -> Visit {
        let name = seat.agent.name();
        let key = (name.to_owned(), iteration);
        let may_have_lost_a_request = self.past.may_have_lost_a_request(&key);
        let memos = self.past.memos.remove(&key);
        Visit::new(
            Agency {
                agent: name.to_owned(),
                iteration,
                models: self.models(seat),
                own: seat.model.as_ref().map(|it| it.id().clone()),
                may_have_lost_a_request,
            },
            self.journal.clone(),
            self.run.work.clone(),
            self.run.log.clone(),
            self.till.clone(),
            memos.unwrap_or_default(),
        )
    }

    pub(crate) async fn tree_and_change(&self) -> Result<(TreeId, String), WorkspaceError> {
        let tree = self.run.work.snapshot().await?;
        let change = self.run.work.change().await?;
        Ok((tree, change.patch))
    }

    /// Adds to the state what the models of every visit have used since last time.
    pub(crate) fn count_replies(&mut self) {
        for (agent, paid) in self.till.take() {
            match paid {
                Paid::Reply(reply) => self.state.count(&agent, &reply),
                Paid::Unanswered(unanswered) => self.state.count_unanswered(&agent, &unanswered),
            }
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
}

fn cancelled_by_someone() -> Halt {
    Halt::Trouble(
        Trouble::Passing(Reason::Cancelled),
        "the run was cancelled".to_owned(),
    )
}
