//! The reviewer: shows a model the task, the change and what the tests showed, and takes its verdict under rules.

use async_trait::async_trait;
use prompts::{ReviewChange, ReviewRepair, ReviewSystem};
use protocol::{
    Agent, AgentContext, AgentError, Evidence, Finding, Message, ModelRequest, Report, Review,
    ReviewVerdict, RunState,
};

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
#[derive(Clone, Copy, Debug, Default)]
pub struct Reviewer;

impl Reviewer {
    /// A reviewer.
    pub fn new() -> Reviewer {
        Reviewer
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
        Ok(report(judged))
    }
}

/// Asks, and once more when the answer can't be read or refuses without a reason that can be checked.
async fn review(
    cx: &AgentContext<'_>,
    state: &RunState,
    change: &str,
) -> Result<Judged, AgentError> {
    let task = state.task.as_markdown();
    let places = Places::of(&state.proposed_code);
    let mut request = ModelRequest {
        system: ReviewSystem.render(),
        messages: vec![Message::user(
            ReviewChange {
                task: &task,
                tests: tests(state),
                change,
            }
            .render(),
        )],
        tools: Vec::new(),
        output: Some(schema::review()),
        reply_tokens_max: cx.limits.reply_tokens_max,
    };
    let first = cx.model.ask(&request).await?;
    let unreadable = match read(&first.text) {
        Ok(review) => {
            let judged = judge(review, &places, &task);
            if !judged.refuses_without_a_reason() {
                return Ok(judged);
            }
            None
        }
        Err(error) => Some(error.to_string()),
    };
    request.messages.push(Message::Assistant { reply: first });
    request.messages.push(Message::user(
        ReviewRepair {
            unreadable: unreadable.as_deref(),
        }
        .render(),
    ));
    let second = cx.model.ask(&request).await?;
    let review = read(&second.text).map_err(|_| AgentError::UnreadableReply {
        expected: "the JSON of a review, also when asked once more",
        began: second.text.chars().take(BEGAN_CHARS_MAX).collect(),
    })?;
    Ok(judge(review, &places, &task))
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
