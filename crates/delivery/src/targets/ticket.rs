//! What a ticket shows of a change that asks to be merged: a link to the request, and the status that it was moved to.

use std::sync::Arc;

use async_trait::async_trait;
use forge::Jira;
use protocol::Destination;

use crate::error::DeliveryError;
use crate::record::Record;
use crate::request_text;
use crate::targets::{Change, Target};

/// A link from a ticket to the request.
#[derive(Clone, Debug)]
pub struct TicketLink {
    /// The tracker.
    pub jira: Arc<Jira>,
    /// The ticket's key.
    pub ticket: String,
    /// The address of the request.
    pub request: String,
}

#[async_trait]
impl Target for TicketLink {
    fn destination(&self) -> Destination {
        Destination::TicketLink {
            ticket: self.ticket.clone(),
            to: self.request.clone(),
        }
    }

    /// The ticket.
    async fn hand_over(&self, change: &Change) -> Result<String, DeliveryError> {
        let record = Record::read(&change.run, &change.history)?;
        let title = format!("Pull request: {}", request_text::of(&record).0);
        let ticket = self.jira.parse(&self.ticket)?;
        self.jira.link(&ticket, &self.request, &title).await?;
        Ok(self.ticket.clone())
    }
}

/// A ticket's move, by the name of the transition or of the status that it leads to.
#[derive(Clone, Debug)]
pub struct TicketMove {
    /// The tracker.
    pub jira: Arc<Jira>,
    /// The ticket's key.
    pub ticket: String,
    /// The name.
    pub to: String,
}

#[async_trait]
impl Target for TicketMove {
    fn destination(&self) -> Destination {
        Destination::TicketMove {
            ticket: self.ticket.clone(),
            to: self.to.clone(),
        }
    }

    /// The name. A ticket that was moved once isn't moved again: where it stands since is people's choice.
    async fn hand_over(&self, change: &Change) -> Result<String, DeliveryError> {
        if change.delivered.is_none() {
            let ticket = self.jira.parse(&self.ticket)?;
            self.jira.move_to(&ticket, &self.to).await?;
        }
        Ok(self.to.clone())
    }
}
