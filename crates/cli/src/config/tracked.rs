//! The part of the configuration that is about trackers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is taken in from GitHub.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GitHubs {
    /// Whether comments of those who don't belong to a repository are part of a task, marked as theirs.
    pub(crate) outside_comments: bool,
}

/// What is taken in from Jira, and done there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Jiras {
    /// The field whose text is part of a task; empty for none.
    pub(crate) acceptance_field: String,
    /// The transition, or the status, that a ticket is moved by when its change asks to be merged; empty for none.
    pub(crate) transition: String,
}

/// Which tickets the bot watches.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BotJira {
    /// The repository, as `owner/repo`, that the tickets of a project are about, by the project's key.
    pub(crate) projects: BTreeMap<String, String>,
    /// The group whose members may ask.
    pub(crate) group: String,
    /// The status that a ticket asks for a run by, when it is moved there; empty for none.
    pub(crate) status: String,
}
