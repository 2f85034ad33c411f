//! What a caller may ask. Fields that nobody knows are refused: a misspelt cap would be none.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A run that is asked for: one of `github`, `jira` and `task` at least, taken in this order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewRun {
    /// Git address, `owner/repo`, or a folder below one that the server was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// Branch, tag or commit to start from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Take a local folder's uncommitted changes along as part of the base.
    pub include_dirty: bool,
    /// Start from an empty repository.
    pub new: bool,
    /// The task is a GitHub issue, as `owner/repo#12` or its address; its repository is the default for `repo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub github: Option<String>,
    /// The task is a Jira ticket, as `ABC-1` or its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jira: Option<String>,
    /// The task in words; first line the title, the rest the description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// A set of models for all roles; what is said of a role comes before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crew: Option<String>,
    /// Coders in order, as `vendor:model`.
    pub coders: Vec<String>,
    /// Who writes the acceptance tests; `none` leaves the role out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_author: Option<String>,
    /// Who reviews; `none` leaves the role out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<String>,
    /// How hard the models of a role think, by `draft`, `refine`, `author` and `review`.
    pub effort: BTreeMap<String, String>,
    /// Who stands in for a role while its model's vendor is down.
    pub fallback: BTreeMap<String, String>,
    /// Use the cheaper, slower service of the vendors that have one.
    pub flex: bool,
    /// Drafts in all, the first one included.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 20)]
    pub max_iterations: Option<u8>,
    /// Seconds that one run of the tests may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 86_400)]
    pub test_seconds: Option<u64>,
    /// Most money to spend, in US dollars, as in `2.00`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<String>,
    /// Most tokens to use, input and output together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_budget: Option<u64>,
    /// Deliver only what was proven at least this far.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    pub require: Option<Require>,
    /// Commit the change to a new branch of the folder that `repo` names.
    pub commit: bool,
    /// Push the change to a branch of the remote repository.
    pub push: bool,
    /// Push it and open a pull request.
    pub pr: bool,
    /// Make the request a draft also when the change is proven.
    pub draft: bool,
    /// Tell the issue or the ticket how it ended.
    pub comment: bool,
    /// The bundled demonstration: scripted models, no key. Nothing else may be said beside it.
    pub demo: bool,
}

/// The least that must be proven of a change for it to be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Require {
    /// A blind test was red before the change and is green with it.
    Proven,
    /// Nothing that passed before fails now.
    RegressionSafe,
}

/// What may be different from here on when a run is gone on with. What isn't said stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Changes {
    /// As in [`NewRun::crew`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crew: Option<String>,
    /// All of them in order, also those who stay.
    pub coders: Vec<String>,
    /// As in [`NewRun::test_author`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_author: Option<String>,
    /// As in [`NewRun::reviewer`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<String>,
    /// As in [`NewRun::effort`].
    pub effort: BTreeMap<String, String>,
    /// As in [`NewRun::fallback`].
    pub fallback: BTreeMap<String, String>,
    /// Drafts in all, those that were made included.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 20)]
    pub max_iterations: Option<u8>,
    /// As in [`NewRun::test_seconds`].
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 86_400)]
    pub test_seconds: Option<u64>,
    /// Most money to spend in all, what was spent before included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<String>,
    /// Most tokens to use in all, those that were used before included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_budget: Option<u64>,
    /// As in [`NewRun::require`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require: Option<Require>,
}

/// Where the change of a completed run shall go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Destinations {
    /// As in [`NewRun::commit`].
    pub commit: bool,
    /// As in [`NewRun::push`].
    pub push: bool,
    /// As in [`NewRun::pr`].
    pub pr: bool,
    /// As in [`NewRun::draft`].
    pub draft: bool,
    /// As in [`NewRun::comment`].
    pub comment: bool,
    /// As in [`NewRun::require`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require: Option<Require>,
}

/// A token that somebody pastes into the page.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The token.
    pub token: String,
}
