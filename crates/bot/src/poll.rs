//! Looks around by itself, in case no webhook says where to look.

use std::time::Duration;

use forge::RepositoryName;

use crate::bot::{Bot, Watched};
use crate::error::BotError;

/// Issues that are looked at after one poll.
const ISSUES_MAX: usize = 200;

impl Bot {
    /// Looks at every issue of the watched repositories that changed since the last time.
    pub(crate) async fn poll_once(&self, seen: &mut Vec<(RepositoryName, String)>) {
        for Watched { name, .. } in &self.choices.watched {
            if let Err(error) = self.poll_repository(name, seen).await {
                self.trouble("poll a repository", &error);
            }
        }
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
            if let Err(error) = self.look(&listed.issue).await {
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
        let mut seen = Vec::new();
        loop {
            self.poll_once(&mut seen).await;
            tokio::time::sleep(pause).await;
        }
    }
}
