//! The reviewer: shows a model the task, the change and what the tests showed, and takes its verdict under rules.

use async_trait::async_trait;
use prompts::{ReviewChange, ReviewRepair, ReviewSystem};
use protocol::{
    Agent, AgentContext, AgentError, Evidence, Finding, Message, ModelError, ModelReply,
    ModelRequest, Report, Review, ReviewVerdict, ReviewerFigure, RunState, StopReason,
};

use crate::amended::Amended;
use crate::places::Places;
use crate::verdict::{Judged, blocking, judge, read};
use crate::{schema, shown};

/// Largest change that is reviewed. A change that was cut for the prompt would be passed half unseen.
const CHANGE_BYTES_MAX: usize = 400 * 1024;
/// Characters of an unreadable reply that are told in the error.
const BEGAN_CHARS_MAX: usize = 200;

/// Reads a change the way a reviewer would, with a model of another vendor than the last coder's.
///
/// Without a verdict that can be read, after one more chance, there is no review and so no pass: that is an error.
#[derive(Clone, Debug, Default)]
pub struct Reviewer {
    figures: Vec<ReviewerFigure>,
}

impl Reviewer {
    /// A reviewer.
    pub fn new() -> Reviewer {
        Reviewer::default()
    }

    /// What is known of models: a review shows the figure of the one that made it.
    #[must_use]
    pub fn with_figures(self, figures: Vec<ReviewerFigure>) -> Reviewer {
        Reviewer { figures }
    }
}

#[async_trait]
impl Agent for Reviewer {
    fn name(&self) -> &str {
        "reviewer"
    }

    async fn run(&self, cx: &AgentContext<'_>, state: &RunState) -> Result<Report, AgentError> {
        let change = shown::without_binary_bodies(&state.proposed_code);
        if CHANGE_BYTES_MAX < change.len() {
            return Ok(Report::rejected(
                "the change is too large to be reviewed as a whole",
                format!(
                    "The change is {} bytes long, and a review takes at most {CHANGE_BYTES_MAX}. \
                     Keep to what the task asks for: no generated files, no reformatting.",
                    change.len()
                ),
            ));
        }
        let judged = review(cx, state, &change).await?;
        let mut report = report(judged);
        let model = cx.model.id().to_string();
        let figure = self.figures.iter().find(|it| it.model == model);
        report
            .evidence
            .extend(figure.cloned().map(Evidence::ReviewerFigure));
        Ok(report)
    }
}

/// Asks, and once more when the answer can't be read or refuses without a reason that can be checked.
async fn review(
    cx: &AgentContext<'_>,
    state: &RunState,
    change: &str,
) -> Result<Judged, AgentError> {
    let task = state.task.as_markdown();
    let amended = Amended::of(state);
    let places = Places::of(&format!("{}{}", state.proposed_code, amended.patch));
    let mut request = ModelRequest {
        system: ReviewSystem.render(),
        messages: vec![Message::user(
            ReviewChange {
                task: &task,
                amendments: &amended.shown(),
                tests: tests(state),
                change,
            }
            .render(),
        )],
        tools: Vec::new(),
        output: Some(schema::review()),
        reply_tokens_max: cx.limits.reply_tokens_max,
        effort: None,
    };
    let first = ask(cx, &request).await?;
    let unreadable = match verdict_in(&first) {
        Ok(review) => {
            let judged = judge(review, &places, &task);
            if !judged.refuses_without_a_reason() {
                return Ok(judged);
            }
            None
        }
        Err(why) => Some(why),
    };
    let cut_off = first.stop == StopReason::TokensMax;
    let paused = first.stop == StopReason::Paused;
    // No tool was on offer, so a call can't be answered and mustn't be sent back.
    if !first.text.is_empty() && first.tool_calls.is_empty() {
        request.messages.push(Message::Assistant { reply: first });
    }
    // What was paused goes on by itself when it is sent back as it is.
    if !paused {
        let unreadable = unreadable.as_deref();
        request.messages.push(Message::user(
            ReviewRepair {
                cut_off,
                unreadable,
            }
            .render(),
        ));
    }
    let second = ask(cx, &request).await?;
    let review = verdict_in(&second).map_err(|why| AgentError::UnreadableReply {
        expected: "the JSON of a review, also when asked once more",
        instead: match second.stop {
            StopReason::Done => {
                let began: String = second.text.chars().take(BEGAN_CHARS_MAX).collect();
                format!("it began {began:?}")
            }
            _ => why,
        },
    })?;
    Ok(judge(review, &places, &task))
}

/// Asks, and judges why the model stopped before anybody looks at its words.
async fn ask(cx: &AgentContext<'_>, request: &ModelRequest) -> Result<ModelReply, AgentError> {
    let model = || cx.model.id().to_string();
    let reply = match cx.model.ask(request).await {
        Err(ModelError::ContextFull { message, .. }) => {
            return Err(unreviewed(StopReason::ContextFull, message));
        }
        asked => asked?,
    };
    let told = reply.stop_told();
    match reply.stop {
        StopReason::Done | StopReason::TokensMax | StopReason::Malformed | StopReason::Paused => {
            Ok(reply)
        }
        StopReason::ContextFull => Err(unreviewed(reply.stop, reply.stop_details)),
        StopReason::Filtered => Err(AgentError::ReviewFiltered {
            model: model(),
            told,
        }),
        StopReason::Declined => Err(AgentError::Stopped {
            model: model(),
            stop: reply.stop,
            told,
        }),
    }
}

/// No review, because the model could not read all that it was asked to judge.
fn unreviewed(stop: StopReason, details: String) -> AgentError {
    AgentError::UnreadableReply {
        expected: "a review",
        instead: match details.as_str() {
            "" => format!("the model {}", stop.told()),
            details => format!("the model {} ({details})", stop.told()),
        },
    }
}

/// The review in a reply, or why there is none. Only a whole reply can be one, whatever its words look like.
fn verdict_in(reply: &ModelReply) -> Result<Review, String> {
    match reply.stop {
        StopReason::Done => read(&reply.text).map_err(|it| it.to_string()),
        _ => Err(format!("the model {}", reply.stop_told())),
    }
}

fn tests(state: &RunState) -> &str {
    if state.test_output.is_empty() {
        "no tests were run"
    } else {
        &state.test_output
    }
}

fn report(judged: Judged) -> Report {
    let review = judged.review;
    let report = match review.verdict {
        ReviewVerdict::Pass => Report::passed(review.summary.clone()),
        ReviewVerdict::Fail => Report::rejected(review.summary.clone(), feedback(&review)),
    };
    report.with(Evidence::Review(review))
}

/// A refusal stays a refusal even when nothing of it can be checked: the gate asks for a pass.
fn feedback(review: &Review) -> String {
    let founded: Vec<String> = blocking(review).map(in_words).collect();
    if founded.is_empty() {
        let all: Vec<String> = review.findings.iter().map(in_words).collect();
        return format!(
            "The reviewer refuses the change, but named no line of it and no words of the task that can be checked. \
             Look whether there is something in it:\n{}\n{}",
            review.summary,
            all.concat()
        );
    }
    format!(
        "The reviewer sends the change back: {}\n{}",
        review.summary,
        founded.concat()
    )
}

fn in_words(finding: &Finding) -> String {
    let mut place = String::new();
    if !finding.file.is_empty() {
        place = format!("{}:{} ", finding.file, finding.line);
    }
    if !finding.requirement.is_empty() {
        place += &format!("(the task says: \"{}\") ", finding.requirement);
    }
    format!("- {place}{}\n", finding.message)
}

#[cfg(test)]
mod tests;
