//! What a run needs to be gone on with: everything that was chosen for it, except keys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use agents_qa::Reviewer;
use agents_test::TestAuthor;
use delivery::Wishes;
use llm::{Budget, Role};
use protocol::{Agent, Effort, ModelId, Tier};
use serde::{Deserialize, Serialize};

use crate::by_role::ByRole;
use crate::crew;

/// Everything that was chosen for a run, except its task and its limits. It is written into the run's first event, and whoever
/// goes on with the run reads it there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Where the code is: an address or an absolute path; `None` for an empty repository.
    pub repo: Option<String>,
    /// Branch, tag or commit.
    pub base: Option<String>,
    /// Whether uncommitted changes of a local folder belong to the base.
    pub include_dirty: bool,
    /// Who answers the models' requests.
    pub source: ModelSource,
    /// Coders in order.
    pub coders: Vec<ModelId>,
    /// Who writes the acceptance tests.
    pub test_author: Option<ModelId>,
    /// Whether the user gave them instead.
    #[serde(default)]
    pub user_tests: bool,
    /// Who reviews.
    pub reviewer: Option<ModelId>,
    /// How hard the models of each role think.
    #[serde(default)]
    pub efforts: ByRole<Effort>,
    /// Who stands in for a role while its model's vendor is down.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fallbacks: BTreeMap<Role, ModelId>,
    /// The least that a reply of each role may take up, in tokens, where somebody said so.
    #[serde(default)]
    pub reply_tokens: ByRole<u32>,
    /// Whether the cheaper, slower service of a vendor is used where there is one.
    #[serde(default)]
    pub flex: bool,
    /// By what name vendors find again what they have cached of this run; the same in all lives of a run.
    #[serde(default = "llm::new_cache_key")]
    pub cache_key: String,
    /// Most money, in millionths of a US dollar.
    pub money_microusd_max: Option<u64>,
    /// Most tokens.
    pub tokens_max: Option<u64>,
    /// The least tier to deliver.
    pub require: Option<Require>,
    /// Where the evidence bundle goes.
    pub out: Option<PathBuf>,
    /// Where the patch goes.
    pub patch: Option<PathBuf>,
    /// Whether a branch is made.
    pub commit: bool,
    /// Whether the change is pushed to a branch of the remote repository.
    #[serde(default)]
    pub push: bool,
    /// What a pull request with the change shall be like, if there shall be one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<Wishes>,
    /// The pull request that the change goes on with, when it isn't a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<Continued>,
    /// Whether the issue or ticket gets a comment.
    #[serde(default)]
    pub comment: bool,
    /// Whether programs may run without walls.
    pub unconfined: bool,
}

/// A pull request that a run goes on with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Continued {
    /// The repository that was asked to take it, as in `owner/repo`.
    pub repository: String,
    /// Its number there.
    pub number: u64,
    /// Its branch.
    pub branch: String,
    /// The repository that holds the branch, as in `owner/repo`.
    pub from: String,
    /// The branch that it asks to be merged into.
    pub base: String,
    /// Threads of its review that are answered.
    pub threads: Vec<u64>,
}

/// Who answers the models' requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ModelSource {
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
    pub fn is_paid(&self) -> bool {
        matches!(self, ModelSource::Vendors { .. })
    }

    /// Whether the models are those of vendors, now or when they were recorded. Scripts all have one source.
    pub fn asks_vendors(&self) -> bool {
        match self {
            ModelSource::Vendors { .. } | ModelSource::Replay { .. } => true,
            ModelSource::Scripts { .. } | ModelSource::Demo => false,
        }
    }

    /// Where requests and replies are written, if they are.
    pub fn record(&self) -> Option<&Path> {
        match self {
            ModelSource::Vendors { record } | ModelSource::Scripts { record, .. } => {
                record.as_deref()
            }
            ModelSource::Replay { .. } | ModelSource::Demo => None,
        }
    }
}

/// The least that must be proven of a change for it to be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Require {
    /// A blind test, or one of the user's, was red before the change and is green with it.
    Proven,
    /// Nothing that passed before fails now.
    RegressionSafe,
}

impl Require {
    /// The tier that this is.
    pub fn tier(self) -> Tier {
        match self {
            Require::Proven => Tier::Proven,
            Require::RegressionSafe => Tier::RegressionSafe,
        }
    }
}

impl Settings {
    /// The settings of the bundled demonstration, whose models are scripts.
    pub fn demo(repository: &Path, out: Option<PathBuf>, unconfined: bool) -> Settings {
        let scripted = |role: Role| ModelId::new(llm::SCRIPTED, role.name());
        Settings {
            repo: Some(repository.display().to_string()),
            base: None,
            include_dirty: false,
            source: ModelSource::Demo,
            coders: vec![scripted(Role::Draft), scripted(Role::Refine)],
            test_author: Some(scripted(Role::Author)),
            user_tests: false,
            reviewer: Some(scripted(Role::Review)),
            efforts: ByRole::default(),
            fallbacks: BTreeMap::new(),
            reply_tokens: ByRole::default(),
            flex: false,
            cache_key: llm::new_cache_key(),
            money_microusd_max: None,
            tokens_max: None,
            require: None,
            out,
            patch: None,
            commit: true,
            push: false,
            pull_request: None,
            continues: None,
            comment: false,
            unconfined,
        }
    }

    /// The caps of the run.
    pub fn budget(&self) -> Budget {
        Budget {
            tokens_max: self.tokens_max,
            microusd_max: self.money_microusd_max,
        }
    }

    /// Who stands in for each agent.
    pub fn fallbacks(&self) -> impl Iterator<Item = (String, &ModelId)> {
        let coders = self.coders.iter().enumerate();
        let coders = coders.map(|(place, _)| (crew::coder_role(place), crew::coder_name(place)));
        let author = self.test_author.iter();
        let author = author.map(|_| (Role::Author, TestAuthor::new().name().to_owned()));
        let reviewer = self.reviewer.iter();
        let reviewer = reviewer.map(|_| (Role::Review, Reviewer::new().name().to_owned()));
        let agents = coders.chain(author).chain(reviewer);
        agents.filter_map(|(role, agent)| Some((agent, self.fallbacks.get(&role)?)))
    }

    /// The local folder that the code is in, if it is in one.
    pub fn local_folder(&self) -> Option<PathBuf> {
        self.repo.as_deref().and_then(folder_named)
    }

    /// The models with their roles, in the order of the walk.
    pub fn seats(&self) -> impl Iterator<Item = (Role, &ModelId)> {
        crew::roles(
            &self.coders,
            self.test_author.as_ref(),
            self.reviewer.as_ref(),
        )
    }
}

/// What looks like an address is one; everything else is a folder.
pub(crate) fn folder_named(repo: &str) -> Option<PathBuf> {
    Path::new(repo).is_absolute().then(|| PathBuf::from(repo))
}
