//! The author's talk with its model: bounded in requests, tokens and time, with tools that only look.

use std::time::{Duration, Instant};

use prompts::TestReplyUnread;
use protocol::{
    AgentContext, AgentError, Message, ModelError, ModelReply, ModelRequest, Note, StopReason,
    ToolCall,
};

use crate::looking::{self, Answer};

/// The author's name in the crew.
pub(crate) const NAME: &str = "test-author";
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
    /// Whether the last reply was a pause; only one in a row is borne.
    paused: bool,
}

/// What follows from one reply.
pub(crate) enum Turn {
    /// The model asks for these.
    Calls(Vec<ToolCall>),
    /// It won't be asked again, for this reason.
    Over(String),
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
            paused: false,
        }
    }

    /// Asks until the model uses a tool, or a limit is reached.
    pub(crate) async fn next(&mut self) -> Result<Turn, AgentError> {
        let limits = self.cx.limits;
        loop {
            let over = |why: &str| Ok(Turn::Over(why.to_owned()));
            if limits.turns_max <= self.requests {
                return over("the author reached its limit of requests");
            }
            if limits.visit_tokens_max <= self.tokens {
                return over("the author reached its limit of tokens");
            }
            if Duration::from_secs(limits.visit_seconds_max) <= self.started.elapsed() {
                return over("the author reached its limit of time");
            }
            let reply = match self.cx.model.ask(&self.request).await {
                Ok(reply) => reply,
                Err(ModelError::NoModel) => return over("there is no test author"),
                Err(ModelError::ContextFull { .. }) => {
                    let told = StopReason::ContextFull.told();
                    return Ok(Turn::Over(format!("the author's model {told}")));
                }
                Err(error) => return Err(error.into()),
            };
            self.requests += 1;
            self.tokens += reply.usage.total();
            if let Some(turn) = self.take(reply) {
                return Ok(turn);
            }
        }
    }

    /// Judges why the model stopped before it looks at what it said; nothing means that it is asked again.
    fn take(&mut self, reply: ModelReply) -> Option<Turn> {
        let (stop, calls) = (reply.stop, reply.tool_calls.clone());
        let why = format!("the author's model {}", reply.stop_told());
        // An empty turn says nothing, and some vendors refuse to read one back.
        if !reply.text.is_empty() || !calls.is_empty() {
            self.request.messages.push(Message::Assistant { reply });
        }
        let paused = std::mem::replace(&mut self.paused, stop == StopReason::Paused);
        match stop {
            StopReason::Done if !calls.is_empty() => return Some(Turn::Calls(calls)),
            StopReason::Paused if !paused && calls.is_empty() => return None,
            StopReason::Done
            | StopReason::TokensMax
            | StopReason::Malformed
            | StopReason::Paused => {}
            StopReason::ContextFull | StopReason::Declined | StopReason::Filtered => {
                return Some(Turn::Over(why));
            }
        }
        if self.nudges_left == 0 {
            return Some(Turn::Over(match stop {
                StopReason::Done => "the author answered without handing in any test".to_owned(),
                _ => why,
            }));
        }
        self.nudges_left -= 1;
        let words = match stop {
            StopReason::Done => self.nudge.clone(),
            _ => TestReplyUnread {
                cut_off: stop == StopReason::TokensMax,
            }
            .render(),
        };
        for call in &calls {
            self.answer(call, Answer::refusal(words.clone()));
        }
        if calls.is_empty() {
            self.request.messages.push(Message::user(words));
        }
        None
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
