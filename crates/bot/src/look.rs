//! Looks at one issue or ticket: what is wished for there, by whom, and whether they may.

use forge::{Actor, ForgeError, IssueEvent, IssueRef, Permission, RepositoryName, TicketRef};
use store::NewWish;

use crate::bot::Bot;
use crate::error::BotError;
use crate::event::Event;
use crate::lane::Lane;
use crate::rules::Command;
use crate::tickets::Tickets;
use crate::wishes::{self, Standing, Uttered};

/// What is said to whoever's wish is older than the text that it is about.
const STALE: &str = "what it says was changed after this was asked for; ask again, so that what runs is what you have read";

/// Something that wishes are uttered at.
struct Place {
    lane: Lane,
    /// Which tracker, as the names of wishes begin.
    tracker: &'static str,
    /// What a run would work on.
    repository: RepositoryName,
}

impl Bot {
    /// Takes in every wish of a lane that isn't known yet. A wish of somebody who may not utter it is kept as refused, and said once;
    /// no model is asked for it.
    pub(crate) async fn look(&self, lane: &Lane) -> Result<(), BotError> {
        match lane {
            Lane::Issue(issue) => self.look_for(issue, None).await,
            Lane::Ticket(ticket) => self.look_at_ticket(ticket).await,
        }
    }

    /// The same for an issue, for the wish of one event alone.
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
        let events = self.github.issue_events(issue).await?;
        let standing = Standing {
            labels: &listed.labels,
            status: None,
            own_account: &self.account,
            // A job that is started for one event can't have begun before it.
            since: only.map_or(self.choices.since.as_str(), |_| ""),
        };
        let place = Place {
            lane: Lane::Issue(issue.clone()),
            tracker: "github",
            repository: RepositoryName {
                owner: issue.owner.clone(),
                name: issue.repo.clone(),
            },
        };
        self.hear(&place, &events, &standing, only).await
    }

    async fn look_at_ticket(&self, ticket: &TicketRef) -> Result<(), BotError> {
        let Some(tickets) = &self.tickets else {
            return Ok(());
        };
        let Some(repository) = tickets.repository_of(ticket) else {
            return Ok(());
        };
        let listed = match tickets.jira.listed_ticket(ticket).await {
            Ok(listed) => listed,
            Err(ForgeError::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        // A ticket that has moved to another project is looked at by its new name, if at all.
        let is_there = listed.key == ticket.key && !listed.is_done;
        if !is_there || listed.labels.contains(&self.choices.rules.off_label) {
            return Ok(());
        }
        let status = tickets.status.as_deref();
        let standing = Standing {
            labels: &listed.labels,
            // It counts while the ticket stands there.
            status: status.filter(|it| it.eq_ignore_ascii_case(&listed.status)),
            own_account: &self.ticket_account,
            since: &self.choices.since,
        };
        let place = Place {
            lane: Lane::Ticket(ticket.clone()),
            tracker: "jira",
            repository: repository.clone(),
        };
        self.hear(&place, &listed.events, &standing, None).await
    }

    async fn hear(
        &self,
        place: &Place,
        events: &[IssueEvent],
        standing: &Standing<'_>,
        only: Option<&Event>,
    ) -> Result<(), BotError> {
        let only = only.map(|it| it.wanted(events));
        for wish in wishes::of(events, standing, &self.choices.rules) {
            if only
                .as_ref()
                .is_some_and(|it| it.as_ref() != Some(&wish.id))
            {
                continue;
            }
            let named = |id: &str| format!("{} {} {id}", place.tracker, place.lane);
            let mut id = named(&wish.id);
            if self.store().knows_wish(&id).await? {
                continue;
            }
            let refused = self.refusal(place, &wish.actor).await?;
            if let Some(question) = &wish.answers {
                // Whoever may answer first answers; what is said below it later is talk.
                let answer = named(&format!("answer-to-{question}"));
                if self.store().knows_wish(&answer).await? {
                    continue;
                }
                if refused.is_none() {
                    id = answer;
                }
            }
            self.take_in(place, id, wish, refused).await?;
        }
        Ok(())
    }

    async fn take_in(
        &self,
        place: &Place,
        id: String,
        wish: Uttered,
        refused: Option<String>,
    ) -> Result<(), BotError> {
        let is_stale = wish.is_stale && wish.command.is_work();
        let mut new = NewWish {
            id: id.clone(),
            lane: place.lane.to_string(),
            repository: place.repository.to_string(),
            actor: wish.actor.login.clone(),
            command: wish.command.word().to_owned(),
            task: None,
            refused: refused.or(is_stale.then(|| STALE.to_owned())),
        };
        if new.refused.is_none() && wish.command.is_work() {
            // What runs is what stands there now; whatever is written later needs a new wish.
            match self.task(&place.lane).await {
                Ok(task) => new.task = Some(task),
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
            if wish.answers.is_some() && !is_stale {
                // Others may talk below a question; it isn't theirs to answer, and they didn't ask for anything.
                return Ok(());
            }
            // Whoever shouts in vain is answered once an issue, not once a shout.
            let words = format!("`{}`: {why}", wish.actor.login);
            return self.tell(&place.lane, &words).await;
        }
        match wish.command {
            Command::Stop => self.stop_lane(&place.lane, &id).await,
            Command::Status => self.tell_status(&place.lane, &id).await,
            Command::Run | Command::Retry | Command::Rebase | Command::Answer => {
                self.wake.notify_one();
                Ok(())
            }
        }
    }

    async fn task(&self, lane: &Lane) -> Result<protocol::Task, ForgeError> {
        let fetched = match (lane, &self.tickets) {
            (Lane::Issue(issue), _) => self.github.task(issue).await?,
            (Lane::Ticket(ticket), Some(tickets)) => tickets.jira.task(ticket).await?,
            (Lane::Ticket(ticket), None) => {
                return Err(ForgeError::Empty {
                    place: ticket.to_string(),
                });
            }
        };
        Ok(fetched.task)
    }

    /// Why somebody may not ask; none when they may.
    async fn refusal(&self, place: &Place, actor: &Actor) -> Result<Option<String>, BotError> {
        if actor.is_bot && !self.choices.rules.bots.contains(&actor.login) {
            return Ok(Some(
                "programs aren't listened to here (`bots` of [bot] lists those that are)"
                    .to_owned(),
            ));
        }
        match (&place.lane, &self.tickets) {
            (Lane::Ticket(_), Some(Tickets { jira, group, .. })) => {
                let is_member = jira.is_member(&actor.login, group).await?;
                Ok((!is_member).then(|| {
                    "only those of the group that may ask for runs can ask for one".to_owned()
                }))
            }
            _ => {
                let permission = self.github.permission(&place.repository, &actor.login);
                Ok((permission.await? < Permission::Write).then(|| {
                    "only those who may write to this repository can ask for a run".to_owned()
                }))
            }
        }
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
