//! From flags and configuration to the settings of a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use llm::{Catalog, ModelSpec, Price, Prices, Rates, RecordedRun, Role};
use protocol::ModelId;
use runs::{ByRole, ModelSource, Settings};

use crate::args::RunArgs;
use crate::config::Config;
use crate::crew::Chosen;
use crate::failure::Failure;
use crate::surroundings::Surroundings;

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
        require: args.bounds.require.map(Into::into),
        out: args.out.out.as_ref().map(absolute),
        patch: args.out.patch.as_ref().map(absolute),
        commit: args.out.commit,
        push: args.out.push,
        pull_request: args
            .out
            .pr
            .then(|| config.pull_request.wishes(args.out.draft)),
        continues: None,
        comment: args.out.comment,
        unconfined: args.walls.unconfined,
    })
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
