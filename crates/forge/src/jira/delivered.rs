//! What a ticket shows of a change: a link to its request, and the status that it is moved to. See "Issue remote links" and "Get
//! transitions" in Jira's REST documentation.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Jira, TicketStatus};
use crate::error::ForgeError;
use crate::ticket_ref::TicketRef;

#[derive(Deserialize)]
struct StatusAnswer {
    fields: StatusField,
}

#[derive(Deserialize)]
struct StatusField {
    #[serde(default)]
    status: TicketStatus,
}

#[derive(Deserialize)]
struct Transitions {
    #[serde(default)]
    transitions: Vec<Transition>,
}

#[derive(Deserialize)]
struct Transition {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    to: TicketStatus,
}

impl Jira {
    /// Links a page from a ticket, unless it is linked already. The page's address is the link's name, so that the same one is never
    /// there twice.
    ///
    /// # Errors
    /// When it can't be asked, or refuses.
    pub async fn link(
        &self,
        ticket: &TicketRef,
        page: &str,
        title: &str,
    ) -> Result<(), ForgeError> {
        let below = format!("{}/issue/{ticket}/remotelink", self.rest());
        let named: String = url::form_urlencoded::byte_serialize(page.as_bytes()).collect();
        let path = format!("{below}?globalId={named}");
        let there: Result<Value, ForgeError> =
            self.api.get(&path, &format!("the links of {ticket}")).await;
        match there {
            Ok(found) if found["object"]["title"] == title => return Ok(()),
            // Sent with the same name, it takes the place of the one that is there.
            Ok(_) | Err(ForgeError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        let doing = format!("link a request from {ticket}");
        let body = json!({"globalId": page, "object": {"url": page, "title": title}});
        let linked = self.api.change(Method::POST, &below, &body, &doing).await;
        linked.map(drop)
    }

    /// Moves a ticket by a transition of this name, or to a status of this name, unless it is there already. Which there are
    /// depends on where the ticket stands, so they are asked for each time.
    ///
    /// # Errors
    /// [`ForgeError::NoTransition`], or when it can't be asked, or refuses.
    pub async fn move_to(&self, ticket: &TicketRef, wanted: &str) -> Result<(), ForgeError> {
        let what = format!("ticket {ticket}");
        let path = format!("{}/issue/{ticket}", self.rest());
        let now: StatusAnswer = self
            .api
            .get(&format!("{path}?fields=status"), &what)
            .await?;
        let now = now.fields.status.name;
        let path = format!("{path}/transitions");
        let all: Transitions = self
            .api
            .get(&path, &format!("the transitions of {ticket}"))
            .await?;
        let is_wanted = |it: &str| it.eq_ignore_ascii_case(wanted);
        if is_wanted(&now) {
            return Ok(());
        }
        let found = all
            .transitions
            .iter()
            .find(|it| is_wanted(&it.name))
            .or_else(|| all.transitions.iter().find(|it| is_wanted(&it.to.name)));
        let Some(found) = found else {
            let names: Vec<&str> = all.transitions.iter().map(|it| it.name.as_str()).collect();
            return Err(ForgeError::NoTransition {
                ticket: ticket.to_string(),
                wanted: wanted.to_owned(),
                there: protocol::plain_text::line(&names.join(", "), 200),
            });
        };
        // By a transition's name it may have been moved already, and stand where that leads.
        if found.to.name == now {
            return Ok(());
        }
        let doing = format!("move {ticket}");
        let body = json!({"transition": {"id": found.id}});
        let moved = self.api.change(Method::POST, &path, &body, &doing).await;
        moved.map(drop)
    }
}
