//! The tool loop: asks the model, carries out its calls, and ends when it finishes or reaches a bound.

use std::time::Instant;

use prompts::Nudge;
use protocol::{
    AgentContext, AgentError, Message, ModelError, ModelReply, ModelRequest, Note, StopReason,
};

use crate::answer::{Answer, cut_middle};
use crate::dialect::{self, prose};
use crate::disputes::Disputes;
use crate::refusal::Refusal;
use crate::tools::Call;
use crate::tools::dispute_test::Claim;

/// Replies without a usable tool call that are answered with a nudge; the next one ends the visit.
const NUDGES_MAX: u32 = 3;
/// Longest summary that is kept.
const SUMMARY_BYTES_MAX: usize = 4 << 10;
/// Replies left when the model is told that its time runs out.
const LAST_TURNS: u32 = 2;

/// One visit's talk with the model.
pub(crate) struct Conversation<'a> {
    cx: &'a AgentContext<'a>,
    agent: &'a str,
    /// Everything so far; only ever grows at its end, so that vendors can reuse what they have read.
    request: ModelRequest,
    started: Instant,
    turns: u32,
    tokens: u64,
    nudges: u32,
    /// Whether the last reply was a pause; only one in a row is borne.
    paused: bool,
    used_tools: bool,
    edited: bool,
    /// None where no test may be disputed.
    disputes: Option<Disputes>,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The model's words, or ours about why it was stopped.
    pub(crate) summary: String,
    /// Whether its vendor cut the model short, so that what is in the tree is no draft to judge.
    pub(crate) cut_short: bool,
    /// Requests it took.
    pub(crate) turns: u32,
    /// What it disputed.
    pub(crate) claim: Option<Claim>,
}

/// What follows from a reply.
enum Next {
    Ask,
    End(String),
    /// The vendor won't let the model finish, for this reason.
    CutShort(String),
}

impl<'a> Conversation<'a> {
    pub(crate) fn new(
        cx: &'a AgentContext<'a>,
        agent: &'a str,
        request: ModelRequest,
        disputes: Option<Disputes>,
    ) -> Conversation<'a> {
        Conversation {
            cx,
            agent,
            request,
            started: Instant::now(),
            turns: 0,
            tokens: 0,
            nudges: 0,
            paused: false,
            used_tools: false,
            edited: false,
            disputes,
        }
    }

    /// Talks until the model finishes or a bound is reached; what is in the tree then is the draft.
    pub(crate) async fn run(mut self) -> Result<Ended, AgentError> {
        let (words, cut_short) = loop {
            if let Some(bound) = self.bound_reached() {
                break (format!("stopped before it finished: {bound}"), false);
            }
            let reply = match self.cx.model.ask(&self.request).await {
                // The first request of a visit has nothing that a shorter talk would leave out.
                Err(ModelError::ContextFull { message, .. }) if 0 < self.turns => {
                    let told = StopReason::ContextFull.told();
                    break (format!("the model {told}: {message}"), true);
                }
                asked => asked?,
            };
            self.turns += 1;
            self.tokens += reply.usage.total();
            match self.take(reply).await? {
                Next::Ask => {}
                Next::End(words) => break (words, false),
                Next::CutShort(words) => break (words, true),
            }
        };
        let words = match words.trim() {
            "" => "finished without a summary",
            words => words,
        };
        Ok(Ended {
            summary: cut_middle(words, SUMMARY_BYTES_MAX),
            cut_short,
            turns: self.turns,
            claim: self.disputes.and_then(Disputes::claim),
        })
    }

    fn bound_reached(&self) -> Option<String> {
        let limits = self.cx.limits;
        if limits.turns_max <= self.turns {
            Some(format!(
                "it made {} requests, as many as a visit may",
                self.turns
            ))
        } else if limits.visit_tokens_max <= self.tokens {
            Some(format!(
                "it used {} tokens, and a visit may use {}",
                self.tokens, limits.visit_tokens_max
            ))
        } else if limits.visit_seconds_max <= self.started.elapsed().as_secs() {
            Some(format!(
                "it worked longer than {} seconds",
                limits.visit_seconds_max
            ))
        } else {
            None
        }
    }

    /// Keeps the reply and does what it asks for.
    async fn take(&mut self, reply: ModelReply) -> Result<Next, AgentError> {
        // An empty turn says nothing, and some vendors refuse to read one back.
        if !reply.text.is_empty() || !reply.tool_calls.is_empty() {
            self.request.messages.push(Message::Assistant {
                reply: reply.clone(),
            });
        }
        let paused = std::mem::replace(&mut self.paused, reply.stop == StopReason::Paused);
        match reply.stop {
            StopReason::Done if reply.tool_calls.is_empty() => self.take_words(&reply).await,
            StopReason::Done => self.take_calls(&reply).await,
            StopReason::Paused if !paused && reply.tool_calls.is_empty() => Ok(Next::Ask),
            StopReason::TokensMax | StopReason::Malformed | StopReason::Paused => {
                Ok(self.nudge(&reply))
            }
            StopReason::ContextFull => {
                Ok(Next::CutShort(format!("the model {}", reply.stop_told())))
            }
            StopReason::Declined | StopReason::Filtered => Err(AgentError::Stopped {
                model: self.cx.model.id().to_string(),
                stop: reply.stop,
                told: told_with_words(&reply),
            }),
        }
    }

    /// A reply that uses no tool: the end of the work, files in prose, or a slip.
    async fn take_words(&mut self, reply: &ModelReply) -> Result<Next, AgentError> {
        if self.edited && !reply.text.trim().is_empty() {
            return Ok(Next::End(reply.text.clone()));
        }
        // Later on, files in prose are quotations of what the model has read.
        let edits = match self.used_tools {
            false => prose::edits_in(&reply.text),
            true => None,
        };
        let Some(edits) = edits else {
            return Ok(self.nudge(reply));
        };
        let call = Call::Edit {
            tool: "prose",
            edits,
        };
        let answer = self.carry_out(&call, 0).await?;
        if !answer.is_error {
            return Ok(Next::End(format!("{}\n(written in prose)", answer.text)));
        }
        self.request.messages.push(Message::user(answer.text));
        Ok(self.count_nudge(reply))
    }

    /// Answers every call of a reply, in order, each exactly once.
    async fn take_calls(&mut self, reply: &ModelReply) -> Result<Next, AgentError> {
        self.used_tools = true;
        let calls_max = self.cx.limits.tool_calls_per_reply_max;
        let mut failed = false;
        for (call, number) in reply.tool_calls.iter().zip(1..) {
            let understood = if calls_max < number {
                Err(Refusal::TooManyCalls { calls_max })
            } else {
                dialect::understand(&call.tool, &call.arguments, &self.request.tools)
            };
            let answer = match understood {
                Ok(Call::Finish { summary }) if !failed => {
                    let words = [summary, reply.text.clone()];
                    let said = words.into_iter().find(|it| !it.trim().is_empty());
                    return Ok(Next::End(said.unwrap_or_default()));
                }
                Ok(Call::Finish { .. }) => Answer::refuses(&Refusal::FinishAfterFailure),
                Ok(Call::Dispute(claim)) => self.dispute(&claim).await?,
                Ok(understood) => self.carry_out(&understood, number).await?,
                Err(refusal) => Answer::refuses(&refusal),
            };
            failed |= answer.is_error;
            let answer = answer.bounded(self.cx.limits.answer_bytes_max);
            self.answer(call.id.clone(), call.tool.clone(), answer);
        }
        self.say_when_turns_run_out();
        Ok(Next::Ask)
    }

    /// Does one call once in a run, however often the run is killed.
    async fn carry_out(&mut self, call: &Call, number: u32) -> Result<Answer, AgentError> {
        let cx = self.cx;
        let step = format!("{}.{number} {}", self.turns, call.tool());
        let answer = cx
            .once(&step, call.changes_tree(), async {
                cx.log.note(Note::Tool {
                    agent: self.agent.to_owned(),
                    call: call.headline(),
                });
                match call.carry_out(cx.work, cx.limits).await {
                    Ok(answer) => Ok(answer.bounded(cx.limits.answer_bytes_max)),
                    Err(Refusal::Workspace(error)) if !error.is_the_callers_fault() => {
                        Err(AgentError::Workspace(error))
                    }
                    Err(refusal) => {
                        Ok(Answer::refuses(&refusal).bounded(cx.limits.answer_bytes_max))
                    }
                }
            })
            .await?;
        self.edited |= answer.edited;
        Ok(answer)
    }

    /// A dispute changes nothing but the report; what it needs to know doesn't change in a run.
    async fn dispute(&mut self, claim: &Claim) -> Result<Answer, AgentError> {
        let taken = match &mut self.disputes {
            Some(disputes) => disputes.take(claim, self.cx.base).await,
            None => Err(Refusal::Dispute {
                why: "nothing may be disputed now (only a test that sent the change back, and one in a run)"
                    .to_owned(),
            }),
        };
        match taken {
            Ok(answer) => Ok(answer),
            Err(Refusal::Workspace(error)) if !error.is_the_callers_fault() => {
                Err(AgentError::Workspace(error))
            }
            Err(refusal) => Ok(Answer::refuses(&refusal)),
        }
    }

    fn answer(&mut self, call_id: String, tool: String, answer: Answer) {
        self.request.messages.push(Message::ToolAnswer {
            call_id,
            tool,
            text: answer.text,
            is_error: answer.is_error,
        });
    }

    /// Says what was missing; calls of a reply that was cut off are answered with it, since none is carried out.
    fn nudge(&mut self, reply: &ModelReply) -> Next {
        let words = Nudge {
            cut_off: reply.stop == StopReason::TokensMax,
            unreadable: matches!(reply.stop, StopReason::Malformed | StopReason::Paused),
        }
        .render();
        for call in &reply.tool_calls {
            let answer = Answer {
                is_error: true,
                ..Answer::says(&words)
            };
            self.answer(call.id.clone(), call.tool.clone(), answer);
        }
        if reply.tool_calls.is_empty() {
            self.request.messages.push(Message::user(words));
        }
        self.count_nudge(reply)
    }

    fn count_nudge(&mut self, reply: &ModelReply) -> Next {
        self.nudges += 1;
        if self.nudges <= NUDGES_MAX {
            return Next::Ask;
        }
        let nudges = self.nudges;
        match reply.stop {
            StopReason::Done => Next::End(format!(
                "stopped before it finished: {nudges} replies held nothing that could be carried out"
            )),
            _ => Next::CutShort(format!(
                "{nudges} replies held nothing that could be carried out; in the last one the model {}",
                reply.stop_told()
            )),
        }
    }

    /// The model can round off its work only if it knows that the end is near.
    fn say_when_turns_run_out(&mut self) {
        let left = self.cx.limits.turns_max.saturating_sub(self.turns);
        if left != LAST_TURNS {
            return;
        }
        if let Some(Message::ToolAnswer { text, .. }) = self.request.messages.last_mut() {
            *text += &format!("\n[{left} replies left: complete the change and call `finish`]");
        }
    }
}

/// Why a model stopped, with the beginning of what it said about it.
fn told_with_words(reply: &ModelReply) -> String {
    const WORDS_BYTES_MAX: usize = 400;
    match reply.text.trim() {
        "" => reply.stop_told(),
        words => format!(
            "{}: {}",
            reply.stop_told(),
            cut_middle(words, WORDS_BYTES_MAX)
        ),
    }
}

#[cfg(test)]
mod tests;
