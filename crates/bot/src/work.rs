//! The bot at work: takes wishes from the inbox, lets runs work on them, and says how they ended.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use intake::GivenTests;
use protocol::{Reason, RunEvent, RunId, Silent, Status};
use runs::{Claim, Past, RunRequest, RunsError};
use store::{Wish, WishState};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::bot::{Bot, WISHES_MAX};
use crate::error::BotError;
use crate::event::Event;
use crate::poll::Seen;
use crate::speak::told;
use crate::webhook::{self, Webhooks};

/// How often the inbox is looked at when nothing wakes the bot.
const PAUSE: Duration = Duration::from_secs(5);
/// Tries to take a run that somebody else holds, a pause between two.
const CLAIMS_MAX: u32 = 12;
/// Hints that are followed at a time.
const HINTS_MAX: u32 = 100;

impl Bot {
    /// Takes webhooks at an address until it is dropped. Listens before it returns.
    ///
    /// # Errors
    /// [`BotError::Listen`].
    pub async fn listen(
        &self,
        address: SocketAddr,
        webhooks: Webhooks,
    ) -> Result<(SocketAddr, impl Future<Output = ()> + Send + 'static), BotError> {
        let failed = |source| BotError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let routes = webhook::routes(webhooks, self.store().clone(), self.hinted.clone());
        let serving = async move {
            if let Err(error) = axum::serve(listener, routes).await {
                tracing::error!(%error, "webhooks are no longer taken");
            }
        };
        Ok((bound, serving))
    }

    /// Works until somebody asks it to stop: then nothing new is begun, and what works is interrupted where it can be resumed.
    ///
    /// # Errors
    /// [`BotError::Inbox`] when the store can't be used at all.
    pub async fn work(
        self: &Arc<Self>,
        poll: Option<Duration>,
        mut stop: pipeline::Stop,
    ) -> Result<(), BotError> {
        let (stop_runs, _) = pipeline::Stop::new();
        let mut working: JoinSet<()> = JoinSet::new();
        let mut begun = self.store().wishes(WishState::Working, WISHES_MAX).await?;
        // Tasks of their own, and not branches below: a branch that isn't asked on may hold the store's connection that
        // what comes next waits for. They end when they are dropped.
        let mut eyes: JoinSet<()> = JoinSet::new();
        let bot = self.clone();
        eyes.spawn(async move { bot.follow_hints().await });
        if let Some(pause) = poll {
            let bot = self.clone();
            eyes.spawn(async move { bot.poll(pause).await });
        }
        loop {
            self.fill(&mut working, &mut begun, &stop_runs).await?;
            tokio::select! {
                () = stop.asked() => break,
                _ = working.join_next(), if !working.is_empty() => {}
                () = self.wake.notified() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
        drop(eyes);
        self.is_ending.store(true, Ordering::Relaxed);
        stop_runs.ask();
        while working.join_next().await.is_some() {}
        Ok(())
    }

    /// Works on everything that is there now, or on what one event wishes for, and comes back: for a job that a schedule or the
    /// tracker itself starts.
    ///
    /// # Errors
    /// As those of [`Bot::work`].
    pub async fn work_once(
        self: &Arc<Self>,
        only: Option<&Event>,
        mut stop: pipeline::Stop,
    ) -> Result<(), BotError> {
        let (stop_runs, _) = pipeline::Stop::new();
        let mut working: JoinSet<()> = JoinSet::new();
        let mut begun = self.store().wishes(WishState::Working, WISHES_MAX).await?;
        match only {
            None => self.poll_once(&mut Seen::default()).await,
            Some(event) => {
                let issue = self.github.parse(&event.lane)?;
                self.look_for(&issue, Some(event)).await?;
            }
        }
        loop {
            self.fill(&mut working, &mut begun, &stop_runs).await?;
            tokio::select! {
                () = stop.asked(), if !self.is_ending.load(Ordering::Relaxed) => {
                    self.is_ending.store(true, Ordering::Relaxed);
                    stop_runs.ask();
                }
                ended = working.join_next() => if ended.is_none() { return Ok(()) },
            }
        }
    }

    async fn follow_hints(&self) {
        loop {
            match self.store().hints(HINTS_MAX).await {
                Ok(hints) => {
                    for hint in hints {
                        self.follow(&hint).await;
                    }
                }
                Err(error) => self.trouble("read where to look", &error.into()),
            }
            tokio::select! {
                () = self.hinted.notified() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    async fn follow(&self, hint: &store::Hint) {
        let looked = match self.lane(&hint.lane) {
            Ok(lane) => self.look(&lane).await,
            Err(_) => Ok(()),
        };
        match looked {
            Ok(()) => {
                if let Err(error) = self.store().hint_followed(&hint.delivery).await {
                    self.trouble("say that it was looked at", &error.into());
                }
            }
            // It stays, and is followed again.
            Err(error) => self.trouble("look at an issue", &error),
        }
    }

    /// Begins, or goes on with, as much as there is room and money for.
    async fn fill(
        self: &Arc<Self>,
        working: &mut JoinSet<()>,
        begun: &mut Vec<Wish>,
        stop: &pipeline::StopHandle,
    ) -> Result<(), BotError> {
        let mut not_now: Vec<String> = Vec::new();
        let may_begin =
            || !self.is_ending.load(Ordering::Relaxed) && !self.choices.off_file.exists();
        while working.len() < self.choices.parallel && may_begin() {
            // What an earlier life was in the middle of comes first.
            if let Some(wish) = begun.pop() {
                self.begin(working, wish, stop);
                continue;
            }
            let at_work = self.store().wishes(WishState::Working, WISHES_MAX).await?;
            let Some(wish) = self.store().next_wish(&not_now).await? else {
                return Ok(());
            };
            match self.over_budget(&wish, &at_work).await? {
                None => self.begin(working, wish, stop),
                Some(why) => {
                    let (id, waits) = (&wish.id, WishState::Waiting);
                    self.store().wish_is(id, waits, &why, 0).await?;
                    not_now.push(wish.lane.clone());
                    if wish.said != why {
                        self.say_of(&wish, &why).await;
                    }
                }
            }
        }
        Ok(())
    }

    fn begin(self: &Arc<Self>, working: &mut JoinSet<()>, wish: Wish, stop: &pipeline::StopHandle) {
        let (bot, stop) = (self.clone(), stop.clone());
        working.spawn(async move {
            if let Err(error) = bot.work_on(&wish, &stop).await {
                bot.trouble("work on a wish", &error);
                let words = format!("it could not be worked on: could not {}", told(&error));
                let done = bot.store().wish_is(&wish.id, WishState::Done, &words, 0);
                if let Err(error) = done.await {
                    bot.trouble("write down that it failed", &error.into());
                }
                bot.say_of(&wish, &words).await;
            }
        });
    }

    /// Lets a run work on a wish: the one that it has already, or a new one.
    async fn work_on(&self, wish: &Wish, stop: &pipeline::StopHandle) -> Result<(), BotError> {
        let failed = |source: RunsError| BotError::Run {
            lane: wish.lane.clone(),
            source: Box::new(source),
        };
        let begun = match &wish.run {
            Some(run) => self.begun(&RunId(run.clone())).await.map_err(failed)?,
            None => None,
        };
        let (past, spent) = match begun {
            Some(Claim::AtItsEnd(past)) => (*past, None),
            Some(Claim::Taken(claimed)) => {
                let prepared = claimed.prepare(None, Arc::new(Silent), stop).await;
                self.walk(prepared.map_err(failed)?).await.map_err(failed)?
            }
            None => {
                let request = self.request(wish)?;
                let prepared = self.runs.prepare(request, Arc::new(Silent), stop).await;
                let prepared = prepared.map_err(failed)?;
                // Before the run begins: whoever comes after a crash goes on with it, and begins no second one.
                self.store().wish_has_run(&wish.id, prepared.run()).await?;
                self.say_that_it_begins(wish, prepared.run()).await;
                self.walk(prepared).await.map_err(failed)?
            }
        };
        let state = past.state().map_err(failed)?;
        if !past.is_at_its_end() {
            if self.is_ending.load(Ordering::Relaxed) {
                // The wish stays at work, and the next life of the bot goes on with it.
                return Ok(());
            }
            let why = past.history.iter().rev().find_map(|it| match &it.event {
                RunEvent::Interrupted { explanation, .. } => Some(explanation.as_str()),
                _ => None,
            });
            let why = why.unwrap_or("it stopped");
            let said = format!("{why}; `pipeline resume {}` goes on with it", past.run);
            let (id, done) = (&wish.id, WishState::Done);
            self.store()
                .wish_is(id, done, &said, microusd(&state))
                .await?;
            self.call(wish, &past.run, &said).await;
            return Ok(());
        }
        if state.status == Status::Failed {
            match state.reason {
                Some(Reason::NeedsInput) => self.ask(wish, &past.run, past.explanation()).await,
                _ => self.call(wish, &past.run, past.explanation()).await,
            }
        }
        let delivered = self.runs.deliver(&past, &past.settings, Arc::new(Silent));
        let delivered = delivered.await.map_err(failed)?;
        let spent = spent.unwrap_or_else(|| microusd(&state));
        let said = match delivered
            .deliveries
            .iter()
            .find(|it| matches!(it.to, protocol::Destination::PullRequest { .. }))
        {
            Some(request) => request.reference.clone(),
            None => past.explanation().to_owned(),
        };
        let (id, done) = (&wish.id, WishState::Done);
        Ok(self.store().wish_is(id, done, &said, spent).await?)
    }

    /// The run that a wish has already; none when it never began. Whoever held it on another machine may have died there, which
    /// shows only when its lease runs out.
    async fn begun(&self, run: &RunId) -> Result<Option<Claim>, RunsError> {
        let mut tries = 1;
        loop {
            match self.runs.claim(run).await {
                Ok(claim) => return Ok(Some(claim)),
                Err(RunsError::NeverBegan { .. }) => return Ok(None),
                Err(RunsError::TakeUp { .. }) if tries < CLAIMS_MAX => {
                    tries += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn walk(&self, prepared: runs::Prepared) -> Result<(Past, Option<u64>), RunsError> {
        let ended = prepared.begin().await?.ended().await?;
        Ok((ended.past, Some(microusd(&ended.state))))
    }

    fn request(&self, wish: &Wish) -> Result<RunRequest, BotError> {
        let task = wish.task().map_err(|source| BotError::Task {
            lane: wish.lane.clone(),
            source,
        })?;
        let watched = self
            .choices
            .watched
            .iter()
            .find(|it| it.name.to_string() == wish.repository);
        let settings = watched.map(|it| it.settings.clone());
        let (Some(task), Some(settings)) = (task, settings) else {
            return Err(BotError::Run {
                lane: wish.lane.clone(),
                source: Box::new(RunsError::NoRemote {
                    why: "its repository isn't watched any more".to_owned(),
                }),
            });
        };
        Ok(RunRequest {
            task,
            tests: GivenTests::default(),
            settings,
            limits: self.choices.limits.clone(),
            recorded: None,
        })
    }
}

/// What the models of a run have cost, in millionths of a US dollar.
fn microusd(state: &protocol::RunState) -> u64 {
    let costs = state.usage.values().filter_map(|it| it.cost_microusd);
    costs.sum()
}
