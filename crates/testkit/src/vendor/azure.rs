//! Responses as Azure serves them.

use protocol::ScriptedReply;
use serde_json::Value;

use super::openai_responses::{Responses, check_body};
use super::{Received, Refusal, Wire};

/// The one deployment that there is; what is deployed there isn't asked for by its name.
pub const DEPLOYMENT: &str = "our-deployment";

pub(super) struct Azure;

impl Wire for Azure {
    fn check(&self, received: &Received, key: &str) -> Result<(), Refusal> {
        if received.header("api-key") != Some(key) {
            return Err(Refusal {
                status: 401,
                words: "Access denied due to invalid subscription key or wrong API endpoint."
                    .to_owned(),
            });
        }
        // It would be taken for a token of Entra ID.
        if received.header("authorization").is_some() {
            return Err(Refusal::bad("both a key and a token were sent"));
        }
        if received.body["model"] != DEPLOYMENT {
            return Err(Refusal {
                status: 404,
                words: "The API deployment for this resource does not exist.".to_owned(),
            });
        }
        check_body(received)
    }

    fn turns(&self, body: &Value) -> usize {
        Responses.turns(body)
    }

    fn reply(&self, reply: &ScriptedReply, received: &Received) -> Value {
        Responses.reply(reply, received)
    }

    fn content(&self, answer: &Value) -> Value {
        Responses.content(answer)
    }

    fn replayed(&self, body: &Value) -> Vec<Value> {
        Responses.replayed(body)
    }

    fn error(&self, status: u16, words: &str) -> Value {
        Responses.error(status, words)
    }
}
