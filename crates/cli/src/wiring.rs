//! Puts a run together: finds the models for the seats of a crew.

use std::path::Path;
use std::sync::Arc;

use agents_coding::Dialect;
use agents_qa::Reviewer;
use agents_test::TestAuthor;
use llm::{
    Catalog, Connecting, Day, Ledger, LlmError, Patience, Prices, Recording, Replay, Role,
    ScriptedModel, Service, Spent, Tuning, Vendors,
};
use pipeline::Crew;
use pipeline::verify::replies_of;
use protocol::{Agent, Entry, Log, Model, ModelId, RunEvent, Seat};

use crate::config::Config;
use crate::crew::coder_role;
use crate::demo;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::seats;
use crate::settings::{self, ModelSource, Settings};
use crate::surroundings::Surroundings;

/// The crew that the settings describe, with the past of the run taken into account.
///
/// No connection is made and nothing is asked; a missing key or price is an error here, before anything costs.
pub(crate) fn crew(
    settings: &Settings,
    config: &Config,
    surroundings: &Surroundings,
    history: &[Entry],
    log: &Arc<dyn Log>,
) -> Result<Crew, Failure> {
    let models = Models::open(settings, config, surroundings, history, log)?;
    // All that is wrong is said at once: nobody wants to learn of three missing keys in three tries.
    let mut refused = Vec::new();
    let mut model = |id: &ModelId, role, agent: &str| {
        let model = models.of(id, role, agent);
        model.map_err(|it| refused.push(it)).ok()
    };
    let mut filled = seats::Models {
        user_tests: settings.user_tests,
        ..seats::Models::default()
    };
    for (place, id) in settings.coders.iter().enumerate() {
        let role = coder_role(place);
        if let Some(model) = model(id, role, &seats::coder_name(place)) {
            filled.coders.push((Dialect::of(id), model));
        }
    }
    if let Some(id) = &settings.test_author {
        filled.author = model(id, Role::Author, TestAuthor::new().name());
    }
    if let Some(id) = &settings.reviewer {
        filled.reviewer = model(id, Role::Review, Reviewer::new().name());
    }
    if refused.is_empty() {
        Ok(seats::crew(filled))
    } else {
        Err(unfilled(refused, &settings.source))
    }
}

/// Roles without a usable model, and what to do about the first kind of trouble.
fn unfilled(mut refused: Vec<LlmError>, source: &ModelSource) -> Failure {
    let advice = refused.iter().find_map(|it| match (it, source) {
        (LlmError::KeyMissing { .. }, _) => Some(
            "`pipeline doctor` shows which keys are set; `pipeline demo` needs none.".to_owned(),
        ),
        (LlmError::PriceUnknown { model }, _) => Some(format!(
            "Put [prices.\"{model}\"] with input, cached, cache_write and output, in US dollars per million tokens, \
             into pipeline.toml; or use --token-budget. `pipeline models` lists the models whose price is known."
        )),
        (LlmError::Script { .. }, ModelSource::Scripts { folder, .. }) => {
            Some(format!("The scripts are in {}.", folder.display()))
        }
        _ => None,
    });
    let failure = if refused.len() == 1 {
        Failure::told(Exit::Usage, refused.remove(0))
    } else {
        let doing = format!("fill {} of the roles", refused.len());
        Failure::all_of(Exit::Usage, doing, refused)
    };
    match advice {
        Some(advice) => failure.advise(advice),
        None => failure,
    }
}

/// Where models come from in this run, and the account they are on.
struct Models<'a> {
    source: Source,
    vendors: Vendors,
    patience: Patience,
    cache_key: String,
    ledger: Arc<Ledger>,
    prices: Prices,
    today: Day,
    settings: &'a Settings,
    history: &'a [Entry],
    log: &'a Arc<dyn Log>,
}

enum Source {
    Vendors(Option<Arc<Recording>>),
    Replay(Arc<Replay>),
    /// The folder, and the first event whose replies are theirs.
    Scripts(std::path::PathBuf, u64),
    Demo,
}

impl<'a> Models<'a> {
    fn open(
        settings: &'a Settings,
        config: &Config,
        surroundings: &Surroundings,
        history: &'a [Entry],
        log: &'a Arc<dyn Log>,
    ) -> Result<Models<'a>, Failure> {
        let open = |doing: &str, folder: &Path, source| {
            Failure::usage(format!("{doing} {}", folder.display()), source)
        };
        let source = match &settings.source {
            ModelSource::Vendors { record: None } => Source::Vendors(None),
            ModelSource::Vendors {
                record: Some(folder),
            } => Source::Vendors(Some(
                Recording::open(folder).map_err(|it| open("record into", folder, it))?,
            )),
            ModelSource::Replay { folder } => {
                Source::Replay(Replay::open(folder).map_err(|it| open("replay", folder, it))?)
            }
            ModelSource::Scripts { folder, since } => Source::Scripts(folder.clone(), *since),
            ModelSource::Demo => Source::Demo,
        };
        let variable = |name: &str| surroundings.variable(name).map(str::to_owned);
        let prices = settings::prices(config);
        Ok(Models {
            source,
            vendors: Vendors {
                openai_api: config.openai_api,
                ..Vendors::from_variables(variable)
            },
            patience: config.patience,
            cache_key: settings.cache_key.clone(),
            ledger: Ledger::open(
                settings.budget(),
                prices.clone(),
                surroundings.today,
                spent(history),
            ),
            prices,
            today: surroundings.today,
            settings,
            history,
            log,
        })
    }

    fn of(&self, id: &ModelId, role: Role, agent: &str) -> Result<Arc<dyn Model>, LlmError> {
        let model: Arc<dyn Model> = match &self.source {
            Source::Vendors(recording) => {
                let connecting = Connecting {
                    role: agent.to_owned(),
                    patience: self.patience,
                    service: self.service(id),
                    cache_key: format!("{}-{}", self.cache_key, role.name()),
                    log: self.log.clone(),
                    ledger: self.ledger.clone(),
                };
                let model = llm::connect(id, &self.vendors, connecting)?;
                let model = match recording {
                    Some(recording) => recording.around(model),
                    None => model,
                };
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
        self.ledger.meter(model)
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
        Tuning::of(
            Catalog::bundled().model(id),
            self.settings.efforts.of(role),
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
pub(crate) fn seats(settings: &Settings) -> Vec<Seat> {
    let named = |id: &ModelId| replies_of(&[], "", id.clone());
    let coders = settings
        .coders
        .iter()
        .map(|it| (Dialect::of(it), named(it)));
    let crew = seats::crew(seats::Models {
        coders: coders.collect(),
        author: settings.test_author.as_ref().map(named),
        user_tests: settings.user_tests,
        claimed: Vec::new(),
        reviewer: settings.reviewer.as_ref().map(named),
    });
    crew.seats()
}

/// What earlier lives of the run have used.
pub(crate) fn spent(history: &[Entry]) -> Spent {
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
