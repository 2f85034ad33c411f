//! What a run needs to be gone on with: everything that was chosen for it, except keys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use agents_qa::Reviewer;
use agents_test::TestAuthor;
use llm::{Budget, Catalog, ModelSpec, Price, Prices, Rates, RecordedRun, Role};
use protocol::{Agent, Effort, ModelId};
use serde::{Deserialize, Serialize};

use crate::args::{Require, RunArgs};
use crate::by_role::ByRole;
use crate::config::Config;
use crate::crew::{self, Chosen};
use crate::failure::Failure;
use crate::seats;
use crate::surroundings::Surroundings;

/// Written into the first event of the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// Where the code is: an address or an absolute path; `None` for an empty repository.
    pub(crate) repo: Option<String>,
    /// Branch, tag or commit.
    pub(crate) base: Option<String>,
    /// Whether uncommitted changes of a local folder belong to the base.
    pub(crate) include_dirty: bool,
    /// Who answers the models' requests.
    pub(crate) source: ModelSource,
    /// Coders in order.
    pub(crate) coders: Vec<ModelId>,
    /// Who writes the acceptance tests.
    pub(crate) test_author: Option<ModelId>,
    /// Whether the user gave them instead.
    #[serde(default)]
    pub(crate) user_tests: bool,
    /// Who reviews.
    pub(crate) reviewer: Option<ModelId>,
    /// How hard the models of each role think.
    #[serde(default)]
    pub(crate) efforts: ByRole<Effort>,
    /// Who stands in for a role while its model's vendor is down.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) fallbacks: BTreeMap<Role, ModelId>,
    /// The least that a reply of each role may take up, in tokens, where somebody said so.
    #[serde(default)]
    pub(crate) reply_tokens: ByRole<u32>,
    /// Whether the cheaper, slower service of a vendor is used where there is one.
    #[serde(default)]
    pub(crate) flex: bool,
    /// By what name vendors find again what they have cached of this run; the same in all lives of a run.
    #[serde(default = "llm::new_cache_key")]
    pub(crate) cache_key: String,
    /// Most money, in millionths of a US dollar.
    pub(crate) money_microusd_max: Option<u64>,
    /// Most tokens.
    pub(crate) tokens_max: Option<u64>,
    /// The least tier to deliver.
    pub(crate) require: Option<Require>,
    /// Where the evidence bundle goes.
    pub(crate) out: Option<PathBuf>,
    /// Where the patch goes.
    pub(crate) patch: Option<PathBuf>,
    /// Whether a branch is made.
    pub(crate) commit: bool,
    /// Whether programs may run without walls.
    pub(crate) unconfined: bool,
}

/// Who answers the models' requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum ModelSource {
    /// The vendors.
    Vendors {
        /// Where requests and replies are written as well.
        record: Option<PathBuf>,
    },
    /// A recorded folder.
    Replay {
        /// The folder.
        folder: PathBuf,
    },
    /// Scripts from a folder.
    Scripts {
        /// The folder, with a folder of replies for each role.
        folder: PathBuf,
        /// The first event whose replies are theirs; 0 unless the run was forked with other scripts.
        #[serde(default)]
        since: u64,
        /// Where requests and replies are written as well.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        record: Option<PathBuf>,
    },
    /// The scripts that come with the program.
    Demo,
}

impl ModelSource {
    /// Whether requests are paid for.
    pub(crate) fn is_paid(&self) -> bool {
        matches!(self, ModelSource::Vendors { .. })
    }

    /// Whether the models are those of vendors, now or when they were recorded. Scripts all have one source.
    pub(crate) fn asks_vendors(&self) -> bool {
        match self {
            ModelSource::Vendors { .. } | ModelSource::Replay { .. } => true,
            ModelSource::Scripts { .. } | ModelSource::Demo => false,
        }
    }

    /// Where requests and replies are written, if they are.
    pub(crate) fn record(&self) -> Option<&Path> {
        match self {
            ModelSource::Vendors { record } | ModelSource::Scripts { record, .. } => {
                record.as_deref()
            }
            ModelSource::Replay { .. } | ModelSource::Demo => None,
        }
    }
}

impl Settings {
    /// From the flags and the configuration.
    pub(crate) fn of(
        args: &RunArgs,
        config: &Config,
        surroundings: &Surroundings,
        recorded: Option<&RecordedRun>,
    ) -> Result<Settings, Failure> {
        let absolute = |path: &PathBuf| surroundings.absolute(path);
        let source = if let Some(folder) = &args.crew.scripted {
            ModelSource::Scripts {
                folder: absolute(folder),
                since: 0,
                record: args.crew.record.as_ref().map(absolute),
            }
        } else if let Some(folder) = &args.crew.replay {
            ModelSource::Replay {
                folder: absolute(folder),
            }
        } else {
            ModelSource::Vendors {
                record: args.crew.record.as_ref().map(absolute),
            }
        };
        let chosen = match (&source, recorded) {
            (ModelSource::Scripts { folder, .. }, _) => roles_of_scripts(folder)?,
            (_, Some(run)) => Chosen::as_recorded(&args.crew, run)?,
            _ => Chosen::of(&args.crew, config)?,
        };
        let user_tests = match recorded {
            Some(run) if args.source.tests.is_empty() => !run.task.tests.is_empty(),
            _ => !args.source.tests.is_empty(),
        };
        let test_author = if user_tests {
            no_author_beside_tests(args.crew.test_author.as_deref())?;
            None
        } else {
            chosen.test_author
        };
        if chosen.coders.is_empty() {
            return Err(Failure::plain_usage(
                "run without a coder: give at least one --coder that isn't `none`",
            ));
        }
        if source.asks_vendors() {
            another_vendor_reviews(&chosen.coders, chosen.reviewer.as_ref())?;
        }
        let money = match &args.bounds.budget {
            Some(text) => Some(dollars(text)?),
            None => config.budget.map(microusd),
        };
        let tokens_max = args
            .bounds
            .token_budget
            .or(recorded.and_then(|it| it.tokens_max))
            .or(config.token_budget);
        if source.is_paid() && (money == Some(0) || tokens_max == Some(0)) {
            return Err(Failure::plain_usage(
                "begin with a budget of nothing: no model could be asked once (give more, or leave the budget out)",
            ));
        }
        Ok(Settings {
            repo: args.source.repo.clone(),
            base: args
                .source
                .base
                .clone()
                .or_else(|| recorded.and_then(base_of)),
            include_dirty: args.source.include_dirty,
            source,
            coders: chosen.coders,
            test_author,
            user_tests,
            reviewer: chosen.reviewer,
            efforts: chosen.efforts,
            fallbacks: chosen.fallbacks,
            reply_tokens: config.reply_tokens,
            flex: args.crew.flex || config.flex,
            cache_key: llm::new_cache_key(),
            money_microusd_max: money,
            tokens_max,
            require: args.bounds.require,
            out: args.out.out.as_ref().map(absolute),
            patch: args.out.patch.as_ref().map(absolute),
            commit: args.out.commit,
            unconfined: args.walls.unconfined,
        })
    }

    /// The settings of the demo.
    pub(crate) fn demo(repository: &Path, out: Option<PathBuf>, unconfined: bool) -> Settings {
        let chosen = scripted_roles(|role| Role::named(role).is_some());
        Settings {
            repo: Some(repository.display().to_string()),
            base: None,
            include_dirty: false,
            source: ModelSource::Demo,
            coders: chosen.coders,
            test_author: chosen.test_author,
            user_tests: false,
            reviewer: chosen.reviewer,
            efforts: chosen.efforts,
            fallbacks: chosen.fallbacks,
            reply_tokens: ByRole::default(),
            flex: false,
            cache_key: llm::new_cache_key(),
            money_microusd_max: None,
            tokens_max: None,
            require: None,
            out,
            patch: None,
            commit: true,
            unconfined,
        }
    }

    /// The caps of the run.
    pub(crate) fn budget(&self) -> Budget {
        Budget {
            tokens_max: self.tokens_max,
            microusd_max: self.money_microusd_max,
        }
    }

    /// Who stands in for each agent.
    pub(crate) fn fallbacks(&self) -> impl Iterator<Item = (String, &ModelId)> {
        let coders = self.coders.iter().enumerate();
        let coders = coders.map(|(place, _)| (crew::coder_role(place), seats::coder_name(place)));
        let author = self.test_author.iter();
        let author = author.map(|_| (Role::Author, TestAuthor::new().name().to_owned()));
        let reviewer = self.reviewer.iter();
        let reviewer = reviewer.map(|_| (Role::Review, Reviewer::new().name().to_owned()));
        let agents = coders.chain(author).chain(reviewer);
        agents.filter_map(|(role, agent)| Some((agent, self.fallbacks.get(&role)?)))
    }

    /// The models with their roles, in the order of the walk.
    pub(crate) fn seats(&self) -> impl Iterator<Item = (Role, &ModelId)> {
        crew::seats(
            &self.coders,
            self.test_author.as_ref(),
            self.reviewer.as_ref(),
        )
    }
}

/// The roles that a set of scripts fills.
fn scripted_roles(has: impl Fn(&str) -> bool) -> Chosen {
    let model = |role: Role| has(role.name()).then(|| ModelId::new(llm::SCRIPTED, role.name()));
    Chosen {
        coders: [Role::Draft, Role::Refine]
            .into_iter()
            .filter_map(model)
            .collect(),
        test_author: model(Role::Author),
        reviewer: model(Role::Review),
        efforts: ByRole::default(),
        fallbacks: BTreeMap::new(),
    }
}

/// The roles that the scripts in a folder fill.
pub(crate) fn roles_of_scripts(folder: &Path) -> Result<Chosen, Failure> {
    let roles = scripted_roles(|role| folder.join(role).is_dir());
    if roles.coders.is_empty() {
        return Err(no_scripts(folder));
    }
    Ok(roles)
}

fn no_scripts(folder: &Path) -> Failure {
    Failure::plain_usage(format!(
        "find a coder's script in `{}` (it needs a folder `draft` with replies `01.toml`, `02.toml` …; `refine`, `author` and `review` may be beside it)",
        folder.display()
    ))
}

/// The commit that a recorded run started from; none where it alone doesn't give the base, or there is no repository.
fn base_of(recorded: &RecordedRun) -> Option<String> {
    let base = &recorded.base;
    (!base.uncommitted && !base.repository.is_empty()).then(|| base.commit.clone())
}

/// The user's tests are the acceptance tests, so there is nothing for an author to write.
pub(crate) fn no_author_beside_tests(named: Option<&str>) -> Result<(), Failure> {
    match ModelSpec::parse(named.unwrap_or("none")) {
        Ok(ModelSpec::Unfilled) => Ok(()),
        _ => Err(Failure::plain_usage(
            "use --tests together with --test-author: the tests that you give are the acceptance tests (leave one of them out)",
        )),
    }
}

/// Models of one vendor share their blind spots, so whoever coded last isn't reviewed by its own kind. All servers
/// behind `OPENAI_BASE_URL` are one vendor: what stands behind them can't be told from here.
pub(crate) fn another_vendor_reviews(
    coders: &[ModelId],
    reviewer: Option<&ModelId>,
) -> Result<(), Failure> {
    let (Some(last), Some(reviewer)) = (coders.last(), reviewer) else {
        return Ok(());
    };
    // A replayed run may have been one of scripts.
    if last.vendor != reviewer.vendor || last.vendor == llm::SCRIPTED {
        return Ok(());
    }
    let others: Vec<&str> = Catalog::bundled()
        .vendors()
        .map(|(name, _)| name)
        .filter(|it| *it != last.vendor)
        .collect();
    Err(Failure::plain_usage(format!(
        "let {reviewer} review what {last} wrote: the reviewer must be of another vendor than the last coder"
    ))
    .advise(format!(
        "Give a --reviewer of {}, or let a coder of another vendor be the last. `--reviewer none` leaves the review \
         out; the change is then at most `unverified`.",
        others.join(" or ")
    )))
}

/// An amount such as `2.00`, in millionths of a dollar.
pub(crate) fn dollars(text: &str) -> Result<u64, Failure> {
    match text.trim().trim_start_matches('$').parse::<f64>() {
        Ok(amount) if (0.0..1e9).contains(&amount) => Ok(microusd(amount)),
        _ => Err(Failure::plain_usage(format!(
            "read the budget `{text}` (write US dollars, as in --budget 2.00)"
        ))),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "amounts are checked to be between nothing and a billion dollars"
)]
pub(crate) fn microusd(dollars: f64) -> u64 {
    (dollars * 1e6).round() as u64
}

/// The bundled prices, and those of the configuration in their place.
pub(crate) fn prices(config: &Config) -> Prices {
    let own = config.prices.iter().filter_map(|(model, price)| {
        // A configuration whose keys name no models isn't read in the first place.
        let model = ModelSpec::parse(model).ok()?.model().cloned()?;
        let cache_write = microusd(price.cache_write);
        let rates = Rates {
            input_microusd_per_million: microusd(price.input),
            cached_microusd_per_million: microusd(price.cached),
            cache_write_microusd_per_million: cache_write,
            cache_write_hour_microusd_per_million: price
                .cache_write_hour
                .map_or(cache_write, microusd),
            output_microusd_per_million: microusd(price.output),
        };
        Some((model, Price::flat(rates)))
    });
    own.fold(Prices::bundled(), |prices, (model, price)| {
        prices.with(&model, price)
    })
}
