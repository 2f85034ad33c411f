//! Looks around by itself, in case no webhook says where to look.

use std::time::{Duration, Instant};

use forge::{RepositoryName, Sought};

use crate::bot::{Bot, Watched};
use crate::error::BotError;
use crate::lane::Lane;

/// Issues and tickets that are looked at after one poll.
const ISSUES_MAX: usize = 200;
/// How far a first poll looks back for tickets that changed, in minutes; those that ask by a label or a status are found anyway.
const FIRST_MINUTES: u64 = 24 * 60;
/// How much further than needed a later one looks: the tracker's clock and its index may be behind.
const MORE_MINUTES: u64 = 5;

/// Until when everything was looked at.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Of each repository, as GitHub writes moments.
    issues: Vec<(RepositoryName, String)>,
    /// When Jira was last looked through wholly.
    tickets: Option<Instant>,
}

impl Bot {
    /// Looks at every issue and ticket that changed since the last time.
    pub(crate) async fn poll_once(&self, seen: &mut Seen) {
        let watched = self.choices.watched.iter().filter(|it| it.has_issues);
        for Watched { name, .. } in watched {
            if let Err(error) = self.poll_repository(name, &mut seen.issues).await {
                self.trouble("poll a repository", &error);
            }
        }
        let begun = Instant::now();
        match self.poll_tickets(seen.tickets).await {
            Ok(true) => seen.tickets = Some(begun),
            Ok(false) => {}
            Err(error) => self.trouble("poll Jira", &error),
        }
    }

    /// Whether all of them were looked at.
    async fn poll_tickets(&self, before: Option<Instant>) -> Result<bool, BotError> {
        let Some(tickets) = &self.tickets else {
            return Ok(true);
        };
        let projects: Vec<String> = tickets.projects.keys().cloned().collect();
        let minutes = before.map_or(FIRST_MINUTES, |it| {
            it.elapsed().as_secs() / 60 + MORE_MINUTES
        });
        let sought = Sought {
            projects: &projects,
            label: &self.choices.rules.label,
            status: tickets.status.as_deref(),
            minutes,
        };
        let changed = tickets.jira.changed_tickets(&sought).await?;
        let mut is_whole = true;
        for ticket in changed.into_iter().take(ISSUES_MAX) {
            if let Err(error) = self.look(&Lane::Ticket(ticket)).await {
                self.trouble("look at a ticket", &error);
                is_whole = false;
            }
        }
        Ok(is_whole)
    }

    async fn poll_repository(
        &self,
        name: &RepositoryName,
        seen: &mut Vec<(RepositoryName, String)>,
    ) -> Result<(), BotError> {
        let before = seen.iter().position(|it| it.0 == *name);
        let since = before.map(|it| seen[it].1.clone());
        let changed = self.github.changed_issues(name, since.as_deref()).await?;
        let mut is_whole = true;
        for listed in changed.iter().take(ISSUES_MAX) {
            if let Err(error) = self.look(&Lane::Issue(listed.issue.clone())).await {
                // One issue must not keep the bot from all that changed after it.
                self.trouble("look at an issue", &error);
                is_whole = false;
            }
            if !is_whole {
                continue;
            }
            // Only now: what could not be looked at, or was kept from it by a crash, is looked at again.
            let until = listed.updated_at.clone();
            match seen.iter_mut().find(|it| it.0 == *name) {
                Some(place) => place.1 = until,
                None => seen.push((name.clone(), until)),
            }
        }
        Ok(())
    }

    /// Polls until it is dropped.
    pub(crate) async fn poll(&self, pause: Duration) {
        let mut seen = Seen::default();
        loop {
            self.poll_once(&mut seen).await;
            tokio::time::sleep(pause).await;
        }
    }
}
