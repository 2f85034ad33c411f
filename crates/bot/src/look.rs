//! Looks at one issue: what is wished for there, by whom, and whether they may.

use forge::{Actor, ForgeError, IssueRef, Permission, RepositoryName};
use store::NewWish;

use crate::bot::Bot;
use crate::error::BotError;
use crate::event::Event;
use crate::rules::Command;
use crate::wishes::{self, Uttered};

impl Bot {
    /// Takes in every wish of an issue that isn't known yet. A wish of somebody who may not utter it is kept as refused, and said once;
    /// no model is asked for it.
    pub(crate) async fn look(&self, issue: &IssueRef) -> Result<(), BotError> {
        self.look_for(issue, None).await
    }

    /// The same, for the wish of one event alone.
    pub(crate) async fn look_for(
        &self,
        issue: &IssueRef,
        only: Option<&Event>,
    ) -> Result<(), BotError> {
        let listed = match self.github.listed_issue(issue).await {
            Ok(Some(listed)) => listed,
            // A request, or an issue that is gone: there is nothing to come back to.
            Ok(None) | Err(ForgeError::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if !listed.is_open || listed.labels.contains(&self.choices.rules.off_label) {
            return Ok(());
        }
        let mut events = self.github.issue_events(issue).await?;
        let mut since = self.choices.since.as_str();
        if let Some(only) = only {
            // A job that is started for it can't have begun before it.
            (events, since) = (only.only(events), "");
        }
        let (account, rules) = (&self.account, &self.choices.rules);
        let uttered = wishes::of(&events, &listed.labels, account, since, rules);
        for wish in uttered {
            let id = format!("github {issue} {}", wish.id);
            if !self.store().knows_wish(&id).await? {
                self.take_in(issue, id, wish).await?;
            }
        }
        Ok(())
    }

    async fn take_in(&self, issue: &IssueRef, id: String, wish: Uttered) -> Result<(), BotError> {
        let repository = RepositoryName {
            owner: issue.owner.clone(),
            name: issue.repo.clone(),
        };
        let refused = self.refusal(&repository, &wish.actor).await?;
        let mut new = NewWish {
            id: id.clone(),
            lane: issue.to_string(),
            repository: repository.to_string(),
            actor: wish.actor.login.clone(),
            command: wish.command.word().to_owned(),
            task: None,
            refused: refused.clone(),
        };
        if refused.is_none() && wish.command.is_work() {
            // What runs is what stands there now; whatever is written later needs a new wish.
            match self.github.task(issue).await {
                Ok(fetched) => new.task = Some(fetched.task),
                Err(error) if is_the_issues_own(&error) => {
                    new.refused = Some(format!("could not {error}"));
                }
                Err(error) => return Err(error.into()),
            }
        }
        // First what it says, so that a crash in between says it at most once and works on it never twice.
        let is_new = self.store().wish(&new).await?;
        if !is_new {
            return Ok(());
        }
        tracing::info!(wish = id, actor = new.actor, command = new.command, refused = ?new.refused, "a wish came in");
        if let Some(why) = &new.refused {
            // Whoever shouts in vain is answered once an issue, not once a shout.
            let words = format!("`{}`: {why}", wish.actor.login);
            return self.tell(issue, &words).await;
        }
        match wish.command {
            Command::Stop => self.stop_lane(issue, &id).await,
            Command::Status => self.tell_status(issue, &id).await,
            Command::Run | Command::Retry | Command::Rebase => {
                self.wake.notify_one();
                Ok(())
            }
        }
    }

    /// Why somebody may not ask; none when they may.
    async fn refusal(
        &self,
        repository: &RepositoryName,
        actor: &Actor,
    ) -> Result<Option<String>, BotError> {
        if actor.is_bot && !self.choices.rules.bots.contains(&actor.login) {
            return Ok(Some(
                "programs aren't listened to here (`bots` of [bot] lists those that are)"
                    .to_owned(),
            ));
        }
        let permission = self.github.permission(repository, &actor.login).await?;
        Ok((permission < Permission::Write)
            .then(|| "only those who may write to this repository can ask for a run".to_owned()))
    }
}

/// Whether an issue can't be a task, however often it is read. Whatever else goes wrong may be over the next time, and must not
/// turn a wish down for good.
fn is_the_issues_own(error: &ForgeError) -> bool {
    matches!(
        error,
        ForgeError::Empty { .. } | ForgeError::PullRequest { .. } | ForgeError::TooLarge { .. }
    )
}

#[cfg(test)]
mod tests {
    use forge::Service;

    use super::*;

    #[test]
    fn only_what_stays_so_turns_a_wish_down() {
        let (service, what) = (Service::GitHub, "issue o/r#1".to_owned());
        assert!(is_the_issues_own(&ForgeError::Empty {
            place: what.clone()
        }));
        for passing in [
            ForgeError::RateLimited {
                service,
                what: what.clone(),
                wait: "a while".to_owned(),
                anonymous: false,
            },
            ForgeError::Unexpected {
                service,
                what: what.clone(),
                status: 502,
                said: String::new(),
            },
            ForgeError::Unauthorized { service, what },
        ] {
            assert!(!is_the_issues_own(&passing), "{passing}");
        }
    }
}
