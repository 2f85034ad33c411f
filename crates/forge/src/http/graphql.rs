//! GitHub's other interface: a question each, answered with a status of 200 also when it is refused.

use std::sync::Arc;

use octocrab::Octocrab;
use protocol::plain_text::line;
use reqwest::{Response, StatusCode};
use serde_json::Value;

use super::{Api, Door, Outcome, SAID_BYTES_MAX, without_backtrace};
use crate::error::ForgeError;
use crate::seam::RepositoryName;

impl Api {
    /// Asks GitHub's other interface about a repository; only questions come here. `data` of the answer.
    pub(crate) async fn graphql(
        &self,
        repository: &RepositoryName,
        query: &str,
        variables: &Value,
        what: &str,
    ) -> Result<Value, ForgeError> {
        let unexpected = |status: StatusCode, said: String| ForgeError::Unexpected {
            service: self.service,
            what: what.to_owned(),
            status: status.as_u16(),
            said,
        };
        let body = serde_json::json!({"query": query, "variables": variables});
        let mut tries = 1;
        loop {
            let door = match (&self.door, &self.graphql) {
                (_, None) => return Err(unexpected(StatusCode::NOT_IMPLEMENTED, String::new())),
                (Door::App(app), Some(octocrab)) => {
                    let token = app.api_token(self, repository).await?;
                    let with_token = octocrab.user_access_token(token);
                    Arc::new(with_token.map_err(|source| ForgeError::Client {
                        service: self.service,
                        source: Box::new(source),
                    })?)
                }
                (_, Some(octocrab)) => octocrab.clone(),
            };
            let outcome = self.ask_graphql(&door, &body, what, tries).await;
            let (asked, error) = match outcome {
                Outcome::Read(bytes) => {
                    let mut answer: Value =
                        serde_json::from_slice(&bytes).map_err(|source| ForgeError::Garbled {
                            service: self.service,
                            address: self.address(),
                            what: what.to_owned(),
                            source,
                        })?;
                    // A refusal is of status 200 here.
                    return match answer["errors"][0]["message"].as_str() {
                        None => Ok(answer["data"].take()),
                        Some(why) => Err(unexpected(StatusCode::OK, line(why, SAID_BYTES_MAX))),
                    };
                }
                Outcome::Again(asked, error) => (asked, error),
                Outcome::Refused(error) => return Err(error),
            };
            let Some(wait) = self.wait(tries, asked) else {
                return Err(error);
            };
            tokio::time::sleep(wait).await;
            tries += 1;
        }
    }

    async fn ask_graphql(
        &self,
        octocrab: &Octocrab,
        body: &Value,
        what: &str,
        tries: u32,
    ) -> Outcome {
        let sending = async {
            let response = octocrab._post("/graphql", Some(body)).await;
            let response = response.map_err(without_backtrace)?;
            Ok(Response::from(response.map(reqwest::Body::wrap)))
        };
        self.answered(sending, what, tries).await
    }
}
