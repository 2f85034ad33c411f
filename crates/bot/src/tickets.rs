//! A Jira that is watched beside GitHub.

use std::collections::BTreeMap;
use std::sync::Arc;

use forge::{Jira, RepositoryName, TicketRef};

/// A Jira that is watched beside GitHub.
#[derive(Clone, Debug)]
pub struct Tickets {
    /// The tracker.
    pub jira: Arc<Jira>,
    /// The repository that a project's tickets are about, by the project's key.
    pub projects: BTreeMap<String, RepositoryName>,
    /// The group whose members may ask.
    pub group: String,
    /// The status that a ticket asks for a run by, when it is moved there.
    pub status: Option<String>,
}

impl Tickets {
    /// The repository that a ticket is about; none for a project that isn't watched.
    pub(crate) fn repository_of(&self, ticket: &TicketRef) -> Option<&RepositoryName> {
        let (project, _) = ticket.key.rsplit_once('-')?;
        self.projects.get(project)
    }
}
