//! The author's talk with its model: bounded in requests, tokens and time, with tools that only look.

use std::time::{Duration, Instant};

use protocol::{AgentContext, AgentError, Message, ModelError, ModelRequest, Note, ToolCall};

use crate::author::NAME;
use crate::looking::{self, Answer};

/// Answers without a tool call that are borne.
const NUDGES_MAX: u32 = 2;

/// One talk. Requests only ever grow at their end, so that vendors can reuse what they have read.
pub(crate) struct Talk<'a> {
    pub(crate) cx: &'a AgentContext<'a>,
    request: ModelRequest,
    /// What is said to an answer without a tool call.
    nudge: String,
    started: Instant,
    requests: u32,
    tokens: u64,
    nudges_left: u32,
}

/// What follows from one reply.
pub(crate) enum Turn {
    /// The model asks for these.
    Calls(Vec<ToolCall>),
    /// It won't be asked again, for this reason.
    Over(&'static str),
}

impl<'a> Talk<'a> {
    /// A talk that begins with this request.
    pub(crate) fn new(cx: &'a AgentContext<'a>, request: ModelRequest, nudge: String) -> Talk<'a> {
        Talk {
            cx,
            request,
            nudge,
            started: Instant::now(),
            requests: 0,
            tokens: 0,
            nudges_left: NUDGES_MAX,
        }
    }

    /// Asks until the model uses a tool, or a limit is reached.
    pub(crate) async fn next(&mut self) -> Result<Turn, AgentError> {
        let limits = self.cx.limits;
        loop {
            if limits.turns_max <= self.requests {
                return Ok(Turn::Over("the author reached its limit of requests"));
            }
            if limits.visit_tokens_max <= self.tokens {
                return Ok(Turn::Over("the author reached its limit of tokens"));
            }
            if Duration::from_secs(limits.visit_seconds_max) <= self.started.elapsed() {
                return Ok(Turn::Over("the author reached its limit of time"));
            }
            let reply = match self.cx.model.ask(&self.request).await {
                Ok(reply) => reply,
                Err(ModelError::NoModel) => return Ok(Turn::Over("there is no test author")),
                Err(error) => return Err(error.into()),
            };
            self.requests += 1;
            self.tokens += reply.usage.total();
            let calls = reply.tool_calls.clone();
            self.request.messages.push(Message::Assistant { reply });
            if !calls.is_empty() {
                return Ok(Turn::Calls(calls));
            }
            if self.nudges_left == 0 {
                return Ok(Turn::Over(
                    "the author answered without handing in any test",
                ));
            }
            self.nudges_left -= 1;
            self.request
                .messages
                .push(Message::user(self.nudge.clone()));
        }
    }

    /// The refusal of a call beyond those that one reply may have; `number` is counted from 0.
    pub(crate) fn too_many(&self, number: u32) -> Option<Answer> {
        let calls_max = self.cx.limits.tool_calls_per_reply_max;
        (calls_max <= number).then(|| {
            Answer::refusal(format!(
                "could not use more than {calls_max} tools in one reply; ask again"
            ))
        })
    }

    /// Looks something up in the base.
    pub(crate) async fn look(&self, call: &ToolCall) -> Result<Answer, AgentError> {
        self.cx.log.note(Note::Tool {
            agent: NAME.to_owned(),
            call: call.tool.clone(),
        });
        let bytes_max = self.cx.limits.answer_bytes_max;
        let answer = looking::answer(self.cx.base, &call.tool, &call.arguments, bytes_max).await?;
        Ok(answer.unwrap_or_else(|| {
            let offered = self.request.tools.iter().map(|it| it.name.as_str());
            Answer::refusal(format!(
                "could not use `{}`: there is no such tool (there are: {})",
                call.tool,
                offered.collect::<Vec<_>>().join(", ")
            ))
        }))
    }

    /// Answers a call.
    pub(crate) fn answer(&mut self, call: &ToolCall, answer: Answer) {
        self.request.messages.push(Message::ToolAnswer {
            call_id: call.id.clone(),
            tool: call.tool.clone(),
            text: answer.text,
            is_error: answer.is_error,
        });
    }
}
