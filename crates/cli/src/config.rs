//! Configuration: flag, environment, `pipeline.toml` in the working folder unless a repository's, the user's, default.

mod tracked;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use bot::Rules;
use delivery::Wishes;
use figment::error::Kind;
use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider, Source};
use git::Identity;
use llm::{ModelSpec, OpenAiApi, Patience, Role};
use protocol::{Effort, Limits};
use runs::ByRole;
use serde::{Deserialize, Serialize};

pub(crate) use self::tracked::{BotJira, GitHubs, Jiras};
use crate::failure::Failure;
use crate::surroundings::Surroundings;

/// The name of the configuration file in both places.
pub(crate) const FILE: &str = "pipeline.toml";

/// Everything that can be set once and for all. Keys are not among them: they come from variables only.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The crew that fills the roles which nothing else fills; empty for the default one.
    pub(crate) crew: String,
    /// Coders in order, as `vendor:model`; empty for the default ones.
    pub(crate) coders: Vec<String>,
    /// Who writes the acceptance tests; empty for the default one.
    pub(crate) test_author: String,
    /// Who reviews; empty for the default one.
    pub(crate) reviewer: String,
    /// How hard the models of each role think.
    pub(crate) effort: ByRole<Effort>,
    /// Who stands in for a role while its model's vendor is down, by the role's name.
    pub(crate) fallback: BTreeMap<String, String>,
    /// The least that a reply of each role may take up, in tokens, thinking included.
    pub(crate) reply_tokens: ByRole<u32>,
    /// Whether the cheaper, slower service of a vendor is used where there is one.
    pub(crate) flex: bool,
    /// Most money a run may spend, in US dollars.
    pub(crate) budget: Option<f64>,
    /// Most tokens a run may use.
    pub(crate) token_budget: Option<u64>,
    /// On a terminal, a run that may cost more than this asks first, in US dollars.
    pub(crate) confirm_above: f64,
    /// Where runs are kept: `sqlite:PATH` or `postgres://…`; empty for a file in the state folder.
    pub(crate) database_url: String,
    /// The Python package index to install from; empty for the default one.
    pub(crate) index_url: String,
    /// Further hosts that an installation may reach, as `host` or `host:port`.
    pub(crate) index_hosts: Vec<String>,
    /// Who a commit is by.
    pub(crate) author: Author,
    /// What pull requests are like.
    pub(crate) pull_request: PullRequests,
    /// What is taken in from GitHub.
    pub(crate) github: GitHubs,
    /// What is taken in from Jira, and done there.
    pub(crate) jira: Jiras,
    /// What the bot does.
    pub(crate) bot: BotConfig,
    /// What the server does.
    pub(crate) server: ServerConfig,
    /// Prices by `vendor:model`.
    pub(crate) prices: BTreeMap<String, Price>,
    /// What the server behind `OPENAI_BASE_URL` speaks; by default Responses at OpenAI's own address, Chat
    /// Completions elsewhere.
    pub(crate) openai_api: Option<OpenAiApi>,
    /// How long a vendor of models is waited for.
    pub(crate) patience: Patience,
    /// Bounds of a run.
    pub(crate) limits: Limits,
}

/// Who a commit is by.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Author {
    /// Name.
    pub(crate) name: String,
    /// Address.
    pub(crate) email: String,
}

impl Author {
    /// As git wants it.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            name: self.name.clone(),
            email: self.email.clone(),
        }
    }
}

/// What pull requests are like.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PullRequests {
    /// Labels that each gets.
    pub(crate) labels: Vec<String>,
    /// People, or teams as `organisation/team`, who are asked for a review.
    pub(crate) reviewers: Vec<String>,
    /// Most requests of ours that are open in one repository.
    pub(crate) open_max: usize,
    /// Most lines that one changes.
    pub(crate) lines_max: usize,
}

impl PullRequests {
    /// What a run is told.
    pub(crate) fn wishes(&self, draft: bool) -> Wishes {
        Wishes {
            draft,
            labels: self.labels.clone(),
            reviewers: self.reviewers.clone(),
            open_max: self.open_max,
            lines_max: self.lines_max,
        }
    }
}

/// What the bot does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BotConfig {
    /// Repositories that are watched, as `owner/repo`.
    pub(crate) repositories: Vec<String>,
    /// The label that asks for a run.
    pub(crate) label: String,
    /// The label that keeps the bot away from an issue.
    pub(crate) off_label: String,
    /// Programs that may ask, by their accounts' names.
    pub(crate) bots: Vec<String>,
    /// Runs at once.
    pub(crate) parallel: usize,
    /// Most money a day on one repository, in US dollars.
    pub(crate) repository_day_budget: Option<f64>,
    /// Most money a day, in US dollars.
    pub(crate) day_budget: Option<f64>,
    /// Tickets that are watched.
    pub(crate) jira: BotJira,
}

impl BotConfig {
    /// Who may ask for what.
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            label: self.label.clone(),
            off_label: self.off_label.clone(),
            bots: self.bots.clone(),
        }
    }
}

/// What the server does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerConfig {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Names under which others reach it.
    pub(crate) hosts: Vec<String>,
    /// Folders below which repositories may be named.
    pub(crate) folders: Vec<String>,
    /// Runs at once.
    pub(crate) parallel: usize,
    /// Those of one caller.
    pub(crate) caller_parallel: usize,
    /// Streams that one caller may have open.
    pub(crate) streams: usize,
    /// Requests a minute of one caller.
    pub(crate) requests_per_minute: u32,
    /// Most money that a caller may let a run spend, in US dollars.
    pub(crate) run_budget_max: Option<f64>,
    /// After how many days at their end the working copies of runs go; 0 is never.
    pub(crate) clean_after_days: u32,
}

/// A model's price in US dollars per million tokens.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Price {
    /// Fresh input.
    pub(crate) input: f64,
    /// Input read from a cache.
    pub(crate) cached: f64,
    /// Input written to a cache for some minutes.
    pub(crate) cache_write: f64,
    /// Input written to a cache for an hour; as for some minutes unless given.
    #[serde(default)]
    pub(crate) cache_write_hour: Option<f64>,
    /// Output.
    pub(crate) output: f64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            crew: String::new(),
            coders: Vec::new(),
            test_author: String::new(),
            reviewer: String::new(),
            effort: ByRole::default(),
            fallback: BTreeMap::new(),
            reply_tokens: ByRole::default(),
            flex: false,
            budget: None,
            token_budget: None,
            confirm_above: 5.0,
            database_url: String::new(),
            index_url: String::new(),
            index_hosts: Vec::new(),
            author: Author {
                name: "pipeline".to_owned(),
                email: "pipeline@localhost".to_owned(),
            },
            pull_request: PullRequests {
                labels: Vec::new(),
                reviewers: Vec::new(),
                open_max: 5,
                lines_max: 2_000,
            },
            github: GitHubs {
                outside_comments: true,
            },
            jira: Jiras {
                acceptance_field: String::new(),
                transition: String::new(),
            },
            bot: BotConfig {
                repositories: Vec::new(),
                label: "pipeline".to_owned(),
                off_label: "pipeline:off".to_owned(),
                bots: Vec::new(),
                parallel: 1,
                repository_day_budget: None,
                day_budget: None,
                jira: BotJira {
                    projects: BTreeMap::new(),
                    group: String::new(),
                    status: String::new(),
                },
            },
            server: ServerConfig {
                listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8787)),
                hosts: Vec::new(),
                folders: Vec::new(),
                parallel: 4,
                caller_parallel: 4,
                streams: 256,
                requests_per_minute: 600,
                run_budget_max: None,
                clean_after_days: 30,
            },
            prices: BTreeMap::new(),
            openai_api: None,
            patience: Patience::STANDARD,
            limits: Limits::STANDARD,
        }
    }
}

impl Config {
    /// Reads all layers but the flags.
    pub(crate) fn read(surroundings: &Surroundings) -> Result<Config, Failure> {
        let figment = layers(surroundings);
        refuse_strange_limits(&figment)?;
        let config: Config = figment.extract().map_err(refused)?;
        config.check()
    }

    /// Every key that something else than the default set, with its value and the place, sorted.
    pub(crate) fn set(surroundings: &Surroundings) -> Result<Vec<Set>, Failure> {
        Config::read(surroundings)?;
        let figment = layers(surroundings);
        let whole: Value = figment.extract().map_err(refused)?;
        let mut set = Vec::new();
        collect_set("", &whole, &figment, &mut set);
        Ok(set)
    }

    /// Checks what types alone can't say.
    fn check(self) -> Result<Config, Failure> {
        if self.budget.is_some_and(|it| !(0.0..1e9).contains(&it)) {
            return Err(Failure::plain_usage(
                "use `budget`: it must be an amount of US dollars such as 2.00",
            ));
        }
        if !(0.0..1e9).contains(&self.confirm_above) {
            return Err(Failure::plain_usage(
                "use `confirm_above`: it must be an amount of US dollars such as 5.00",
            ));
        }
        for (model, price) in &self.prices {
            self.check_price(model, price)?;
        }
        if self.patience.tries_max == 0 {
            return Err(Failure::plain_usage(
                "use `patience.tries_max`: it must be at least 1",
            ));
        }
        let limits = as_object(&self.limits);
        if let Some((name, _)) = limits.iter().find(|(_, it)| it.as_u64() == Some(0)) {
            return Err(Failure::plain_usage(format!(
                "use `limits.{name}`: it must be at least 1"
            )));
        }
        if Role::ALL
            .map(|it| self.reply_tokens.of(it))
            .contains(&Some(0))
        {
            return Err(Failure::plain_usage(
                "use `reply_tokens`: it must be at least 1",
            ));
        }
        Ok(self)
    }

    /// A price counts only when its key names a model, and when each part of it is an amount.
    fn check_price(&self, model: &str, price: &Price) -> Result<(), Failure> {
        let parts = [
            price.input,
            price.cached,
            price.cache_write,
            price.cache_write_hour.unwrap_or_default(),
            price.output,
        ];
        if !parts.iter().all(|it| (0.0..1e9).contains(it)) {
            return Err(Failure::plain_usage(format!(
                "use `prices.\"{model}\"`: each part must be an amount of US dollars per million tokens, such as 2.50"
            )));
        }
        match ModelSpec::parse(model) {
            Ok(ModelSpec::Model(_)) => Ok(()),
            Ok(ModelSpec::Unfilled) => Err(Failure::plain_usage(format!(
                "use `prices.\"{model}\"`: it names no model"
            ))),
            Err(source) => Err(Failure::usage(format!("use `prices.\"{model}\"`"), source)),
        }
    }
}

/// A key that something else than the default set.
#[derive(Debug, Serialize)]
pub(crate) struct Set {
    /// Its dotted name.
    pub(crate) key: String,
    /// Its value.
    pub(crate) value: serde_json::Value,
    /// Where it was set.
    pub(crate) place: String,
}

fn layers(surroundings: &Surroundings) -> Figment {
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    for folder in surroundings.configuration_folders() {
        let file = folder.join(FILE);
        if file.exists() {
            figment = figment.merge(Toml::file_exact(file));
        }
    }
    for (name, value) in surroundings.with_prefix("PIPELINE_") {
        let key = name.to_lowercase().replace("__", ".");
        // Other programs may have variables that begin so; only a file that is ours must be without strangers.
        if !is_a_key(&key) {
            continue;
        }
        figment = figment.merge(Variable { name, key, value });
    }
    figment
}

fn collect_set(of: &str, value: &Value, figment: &Figment, set: &mut Vec<Set>) {
    if let Value::Dict(_, table) = value {
        for (name, value) in table {
            let key = match of {
                "" => name.clone(),
                of => format!("{of}.{name}"),
            };
            collect_set(&key, value, figment, set);
        }
        return;
    }
    let metadata = figment.get_metadata(value.tag());
    let is_default = metadata.is_none_or(|it| it.name.contains("Config"));
    if !is_default {
        set.push(Set {
            key: of.to_owned(),
            value: serde_json::to_value(value).unwrap_or_default(),
            place: place(metadata),
        });
    }
}

/// A `PIPELINE_` variable as a layer of its own, so that an error can name it.
struct Variable<'a> {
    /// The part after `PIPELINE_`.
    name: &'a str,
    /// The dotted key.
    key: String,
    value: &'a str,
}

impl Provider for Variable<'_> {
    fn metadata(&self) -> Metadata {
        Metadata::named(format!("the variable PIPELINE_{}", self.name))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let value: Value = self
            .value
            .parse()
            .unwrap_or_else(|_| Value::from(self.value.to_owned()));
        Serialized::default(&self.key, value).data()
    }
}

/// Limits are also read from journals, which may know more of them; in a configuration a stranger is a typing error.
fn refuse_strange_limits(figment: &Figment) -> Result<(), Failure> {
    let known = as_object(&Config::default().limits);
    let Ok(Value::Dict(_, given)) = figment.find_value("limits") else {
        return Ok(());
    };
    match given.iter().find(|(name, _)| !known.contains_key(*name)) {
        None => Ok(()),
        Some((name, value)) => {
            let place = place(figment.get_metadata(value.tag()));
            let known: Vec<&str> = known.keys().map(String::as_str).collect();
            Err(unknown_key(&format!("limits.{name}"), &place, &known))
        }
    }
}

/// What is wrong, with the key and the place where it was set.
fn refused(error: figment::Error) -> Failure {
    let place = place(error.metadata.as_ref());
    let key = error.path.join(".");
    let wrong = |why: String| Failure::plain_usage(format!("use `{key}` of {place}: {why}"));
    match error.kind {
        Kind::UnknownField(_, known) => unknown_key(&key, &place, known),
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            wrong(format!("found {found}, expected {}", in_words(&expected)))
        }
        Kind::UnknownVariant(found, known) => wrong(format!(
            "there is no `{found}` (there are {})",
            known.join(", ")
        )),
        Kind::MissingField(name) => wrong(format!("it needs `{name}` as well")),
        Kind::Message(why) if key.is_empty() => Failure::usage(format!("read {place}"), why),
        kind => wrong(kind.to_string()),
    }
}

fn unknown_key(key: &str, place: &str, known: &[&str]) -> Failure {
    Failure::plain_usage(format!(
        "use `{key}` of {place}: there is no such key (there are {})",
        known.join(", ")
    ))
}

/// Where something was set.
fn place(metadata: Option<&Metadata>) -> String {
    let Some(metadata) = metadata else {
        return "the configuration".to_owned();
    };
    match metadata.source.as_ref().and_then(Source::file_path) {
        Some(path) => path.display().to_string(),
        None => metadata.name.to_string(),
    }
}

/// A type of Rust as somebody says it who writes a configuration.
fn in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
        "f64" => "a number",
        "a sequence" => "a list, as in [\"one\", \"two\"]",
        other => other,
    }
}

/// Whether the first part of a dotted key is one of ours.
fn is_a_key(key: &str) -> bool {
    let first = key.split('.').next().unwrap_or(key);
    as_object(&Config::default()).contains_key(first)
}

fn as_object(value: &impl Serialize) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::Object(object)) => object,
        _ => serde_json::Map::new(),
    }
}
