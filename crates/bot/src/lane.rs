//! Where something is wished for: an issue on GitHub or a ticket in Jira. Its name is the lane in which its wishes wait.

use std::fmt;

use forge::{IssueRef, TicketRef, Tracker};

use crate::bot::Bot;
use crate::error::BotError;

/// An issue or a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Issue(IssueRef),
    Ticket(TicketRef),
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lane::Issue(issue) => issue.fmt(f),
            Lane::Ticket(ticket) => ticket.fmt(f),
        }
    }
}

impl Bot {
    /// The lane of this name. No key of a ticket has a `#`.
    ///
    /// # Errors
    /// When it is neither's name, or Jira isn't watched any more.
    pub(crate) fn lane(&self, name: &str) -> Result<Lane, BotError> {
        match &self.tickets {
            Some(tickets) if !name.contains('#') => Ok(Lane::Ticket(tickets.jira.parse(name)?)),
            _ => Ok(Lane::Issue(self.github.parse(name)?)),
        }
    }

    /// Where the comments of a lane are.
    pub(crate) fn tracker(&self, lane: &Lane) -> &dyn Tracker {
        match (lane, &self.tickets) {
            (Lane::Ticket(_), Some(tickets)) => &*tickets.jira,
            _ => &*self.github,
        }
    }
}
