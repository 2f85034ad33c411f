//! Finds the models for the seats of a crew.

use std::sync::Arc;

use agents_coding::Dialect;
use agents_qa::Reviewer;
use agents_test::TestAuthor;
use async_trait::async_trait;
use llm::{
    Catalog, Connecting, Day, Ledger, LlmError, Patience, Prices, Recording, Replay, Role,
    ScriptedModel, Service, Spent, Traffic, Tuning, Vendors,
};
use pipeline::Crew;
use pipeline::verify::replies_of;
use protocol::{
    Agent, Bill, Effort, Entry, Log, Model, ModelError, ModelId, ModelReply, ModelRequest,
    ReviewerFigure, RunEvent, Seat,
};

use crate::crew;
use crate::demo;
use crate::error::RunsError;
use crate::host::Host;
use crate::recording;
use crate::settings::{ModelSource, Settings};

/// The crew that the settings describe, with the past of the run taken into account.
///
/// No connection is made and nothing is asked; a missing key or price is an error here, before anything costs.
pub(crate) fn crew(
    settings: &Settings,
    host: &Host,
    history: &[Entry],
    log: &Arc<dyn Log>,
) -> Result<Crew, RunsError> {
    let models = Models::open(settings, host, history, log)?;
    // All that is wrong is said at once: nobody wants to learn of three missing keys in three tries.
    let mut refused = Vec::new();
    let mut model = |id: &ModelId, role, agent: &str| {
        let model = models.of(id, role, agent);
        model.map_err(|it| refused.push(it)).ok()
    };
    let mut filled = crew::Models {
        user_tests: settings.user_tests,
        figures: reviewers(host, settings.efforts.of(Role::Review)),
        ..crew::Models::default()
    };
    let mut seat = |id: &ModelId, role, agent: &str| {
        if let Some(fallback) = settings.fallbacks.get(&role)
            && let Some(model) = model(fallback, role, agent)
        {
            filled.fallbacks.push((agent.to_owned(), model));
        }
        model(id, role, agent)
    };
    let mut coders = Vec::new();
    for (place, id) in settings.coders.iter().enumerate() {
        let role = crew::coder_role(place);
        if let Some(model) = seat(id, role, &crew::coder_name(place)) {
            coders.push((Dialect::of(id), model));
        }
    }
    let author = settings.test_author.as_ref();
    let author = author.and_then(|id| seat(id, Role::Author, TestAuthor::new().name()));
    let reviewer = settings.reviewer.as_ref();
    let reviewer = reviewer.and_then(|id| seat(id, Role::Review, Reviewer::new().name()));
    let filled = crew::Models {
        coders,
        author,
        reviewer,
        ..filled
    };
    if refused.is_empty() {
        Ok(crew::crew(filled))
    } else {
        Err(unfilled(refused, &settings.source))
    }
}

/// A model that reviews outside of a run.
#[expect(missing_debug_implementations, reason = "models have none")]
pub struct Reviewing {
    /// Whom to ask.
    pub asked: Arc<dyn Model>,
    /// Its vendor's own, whose bill has what was paid without an answer; none where nobody is paid.
    pub paid: Option<Arc<dyn Model>>,
}

/// The reviewer of these settings, with the past of its bench taken into account: what was kept isn't asked for again.
///
/// # Errors
/// [`RunsError::NoReviewer`], [`RunsError::Unfilled`], and those of recordings.
pub fn reviewer(
    settings: &Settings,
    host: &Host,
    history: &[Entry],
    kept: Option<&Arc<Replay>>,
    log: &Arc<dyn Log>,
) -> Result<Reviewing, RunsError> {
    let models = Models::open(settings, host, history, log)?;
    let agent = Reviewer::new();
    let id = settings.reviewer.as_ref();
    let id = id.ok_or(RunsError::NoReviewer)?;
    let refused = |it| unfilled(vec![it], &settings.source);
    let Source::Vendors = &models.source else {
        let asked = models.of(id, Role::Review, agent.name()).map_err(refused)?;
        return Ok(Reviewing { asked, paid: None });
    };
    let paid = models.vendors_own(id, Role::Review, agent.name());
    let paid = paid.map_err(refused)?;
    let asked: Arc<dyn Model> = match kept {
        None => paid.clone(),
        Some(kept) => Arc::new(KeptFirst {
            kept: kept.model(id.clone()),
            paid: paid.clone(),
        }),
    };
    Ok(Reviewing {
        asked: llm::tuned(asked, models.tuning(id, Role::Review)),
        paid: Some(paid),
    })
}

/// Gives what was kept, and asks only for what wasn't.
struct KeptFirst {
    kept: Arc<dyn Model>,
    paid: Arc<dyn Model>,
}

#[async_trait]
impl Model for KeptFirst {
    fn id(&self) -> &ModelId {
        self.paid.id()
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelReply, ModelError> {
        match self.kept.ask(request).await {
            Err(ModelError::Diverged { .. }) => self.paid.ask(request).await,
            kept => kept,
        }
    }

    fn bill(&self) -> Option<&dyn Bill> {
        self.paid.bill()
    }
}

/// What is known of a reviewer who thinks so hard.
fn reviewers(host: &Host, effort: Option<Effort>) -> Vec<ReviewerFigure> {
    let known = host.reviewers.iter();
    known.filter(|it| it.effort == effort).cloned().collect()
}

/// Roles without a usable model.
fn unfilled(mut refused: Vec<LlmError>, source: &ModelSource) -> RunsError {
    // A vendor that fills two roles is wrong for one reason.
    refused.dedup_by_key(|it| it.to_string());
    let scripts = match source {
        ModelSource::Scripts { folder, .. } => Some(folder.clone()),
        _ => None,
    };
    RunsError::Unfilled { refused, scripts }
}

/// Where models come from in this run, and the account they are on.
struct Models<'a> {
    source: Source,
    /// Where requests and replies are written as well.
    recording: Option<Arc<Recording>>,
    vendors: Vendors,
    patience: Patience,
    cache_key: String,
    ledger: Arc<Ledger>,
    traffic: Traffic,
    prices: Prices,
    today: Day,
    settings: &'a Settings,
    history: &'a [Entry],
    log: &'a Arc<dyn Log>,
}

enum Source {
    Vendors,
    Replay(Arc<Replay>),
    /// The folder, and the first event whose replies are theirs.
    Scripts(std::path::PathBuf, u64),
    Demo,
}

impl<'a> Models<'a> {
    fn open(
        settings: &'a Settings,
        host: &Host,
        history: &'a [Entry],
        log: &'a Arc<dyn Log>,
    ) -> Result<Models<'a>, RunsError> {
        let source = match &settings.source {
            ModelSource::Vendors { .. } => Source::Vendors,
            ModelSource::Replay { folder } => {
                let replay = Replay::open(folder).map_err(|source| RunsError::Replay {
                    folder: folder.clone(),
                    source: Box::new(source),
                })?;
                if replay.is_empty() {
                    let folder = folder.clone();
                    return Err(RunsError::NothingRecorded { folder });
                }
                Source::Replay(replay)
            }
            ModelSource::Scripts { folder, since, .. } => Source::Scripts(folder.clone(), *since),
            ModelSource::Demo => Source::Demo,
        };
        Ok(Models {
            source,
            recording: recording::open(settings, host)?,
            vendors: host.vendors.clone(),
            patience: host.patience,
            cache_key: settings.cache_key.clone(),
            ledger: Ledger::open(
                settings.budget(),
                host.prices.clone(),
                host.today,
                spent(history),
            ),
            traffic: Traffic::new(),
            prices: host.prices.clone(),
            today: host.today,
            settings,
            history,
            log,
        })
    }

    fn of(&self, id: &ModelId, role: Role, agent: &str) -> Result<Arc<dyn Model>, LlmError> {
        let model: Arc<dyn Model> = match &self.source {
            Source::Vendors => {
                let model = self.vendors_own(id, role, agent)?;
                return Ok(llm::tuned(model, self.tuning(id, role)));
            }
            Source::Replay(replay) => {
                let model = self.ledger.meter(replay.model(id.clone()))?;
                return Ok(llm::tuned(model, self.tuning(id, role)));
            }
            // A script says what it says, however it is asked.
            Source::Scripts(folder, since) => Arc::new(
                ScriptedModel::from_folder(id.clone(), &folder.join(role.name()))?
                    .after(self.answered(agent, *since)),
            ),
            Source::Demo => Arc::new(
                ScriptedModel::from_texts(id.clone(), demo::replies(role))?
                    .after(self.answered(agent, 0)),
            ),
        };
        self.ledger.meter(self.recorded(model))
    }

    /// The model, with what it is asked and answers written down where that is wanted.
    fn recorded(&self, model: Arc<dyn Model>) -> Arc<dyn Model> {
        match &self.recording {
            Some(recording) => recording.around(model),
            None => model,
        }
    }

    /// The model of a vendor, before it is asked as its role is.
    fn vendors_own(
        &self,
        id: &ModelId,
        role: Role,
        agent: &str,
    ) -> Result<Arc<dyn Model>, LlmError> {
        let connecting = Connecting {
            role: agent.to_owned(),
            patience: self.patience,
            service: self.service(id),
            cache_key: format!("{}-{}", self.cache_key, role.name()),
            log: self.log.clone(),
            ledger: self.ledger.clone(),
            traffic: self.traffic.clone(),
        };
        Ok(self.recorded(llm::connect(id, &self.vendors, connecting)?))
    }

    /// Which service a model is asked for: the cheaper one only where there is one.
    fn service(&self, id: &ModelId) -> Service {
        let has_flex = || {
            let price = self.prices.of(id, self.today);
            price.is_some_and(|it| !it.flex().is_empty())
        };
        match self.settings.flex && has_flex() {
            true => Service::Flex,
            false => Service::Standard,
        }
    }

    /// How the model of a role is asked.
    fn tuning(&self, id: &ModelId, role: Role) -> Tuning {
        let listed = Catalog::bundled().model(id);
        // Chosen for the role's own model; another may not know it.
        let takes = |effort: &Effort| {
            listed.is_none_or(|it| it.efforts.is_empty() || it.efforts.contains(effort))
        };
        Tuning::of(
            listed,
            self.settings.efforts.of(role).filter(takes),
            self.settings.reply_tokens.of(role),
        )
    }

    /// Replies that an agent has had in earlier lives of the run, from an event on.
    fn answered(&self, agent: &str, since: u64) -> usize {
        let later = self.history.iter().filter(|it| since <= it.seq);
        later
            .filter(
                |it| matches!(&it.event, RunEvent::Replied { agent: whose, .. } if whose == agent),
            )
            .count()
    }
}

/// The seats of the crew that the settings describe, without a model that could be asked.
pub fn seats(settings: &Settings) -> Vec<Seat> {
    let named = |id: &ModelId| replies_of(&[], "", id.clone());
    let coders = settings
        .coders
        .iter()
        .map(|it| (Dialect::of(it), named(it)));
    let crew = crew::crew(crew::Models {
        coders: coders.collect(),
        author: settings.test_author.as_ref().map(named),
        user_tests: settings.user_tests,
        claimed: Vec::new(),
        reviewer: settings.reviewer.as_ref().map(named),
        figures: Vec::new(),
        fallbacks: settings
            .fallbacks()
            .map(|(agent, id)| (agent, named(id)))
            .collect(),
    });
    crew.seats()
}

/// What earlier lives of the run have used.
pub fn spent(history: &[Entry]) -> Spent {
    history.iter().fold(Spent::default(), |mut spent, entry| {
        let (usage, cost_microusd) = match &entry.event {
            RunEvent::Replied { reply, .. } => (&reply.usage, reply.cost_microusd),
            RunEvent::Unanswered { unanswered, .. } => {
                (&unanswered.usage, unanswered.cost_microusd)
            }
            _ => return spent,
        };
        spent.tokens += usage.total();
        spent.microusd += cost_microusd.unwrap_or(0);
        spent
    })
}
