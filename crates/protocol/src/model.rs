//! What a language model is to us: a request goes in, a reply with its price comes out.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A model that answers requests. Vendors, scripts, recordings and the layers around them are all this.
#[async_trait]
pub trait Model: Send + Sync {
    /// Who answers.
    fn id(&self) -> &ModelId;
    /// Asks once. A request is the whole conversation: models keep no state between calls.
    async fn ask(&self, request: &ModelRequest) -> Result<ModelReply, ModelError>;
    /// What requests cost that gave no reply; none for models that nobody is paid for.
    fn bill(&self) -> Option<&dyn Bill> {
        None
    }
}

/// What a model's requests cost that gave no reply. A layer around a model hands on the model's own.
pub trait Bill: Send + Sync {
    /// The tries since last time that gave no reply and are, or may be, billed. Whoever asks writes them down.
    fn take_unanswered(&self) -> Vec<Unanswered>;
    /// Books the worst case of a request that was under way when an earlier life of the run was killed.
    fn book_lost(&self, request: &ModelRequest);
}

/// A try of a request that gave no reply, and what it costs all the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unanswered {
    /// Tokens as the vendor counted them, or the most that they can be where nobody knows.
    pub usage: TokenUsage,
    /// Price in millionths of a US dollar; `None` when the model's price isn't known.
    pub cost_microusd: Option<u64>,
    /// What happened to it.
    pub why: String,
}

/// Who answers, as in `openai:gpt-6.1-sol`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ModelId {
    /// The vendor, in lower case.
    pub vendor: String,
    /// The vendor's own name for the model.
    pub model: String,
}

impl ModelId {
    /// Both parts.
    pub fn new(vendor: impl Into<String>, model: impl Into<String>) -> ModelId {
        ModelId {
            vendor: vendor.into(),
            model: model.into(),
        }
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.vendor, self.model)
    }
}

/// One whole conversation, up to the model's next turn.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelRequest {
    /// Our instructions. Never contains text from a task, a repository or a tool.
    pub system: String,
    /// The turns so far, oldest first. A later request of the same visit only ever appends.
    pub messages: Vec<Message>,
    /// The tools on offer.
    pub tools: Vec<ToolSpec>,
    /// The JSON that the reply must be, if it must be JSON.
    pub output: Option<OutputSchema>,
    /// Longest reply, in tokens.
    pub reply_tokens_max: u32,
    /// How hard the model should think; `None` leaves it to the vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
}

/// How hard a model should think before and between its words. Each vendor has a field of its own for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// As little as gives an answer.
    Low,
    /// Enough for most work.
    Medium,
    /// For hard work.
    High,
    /// For the hardest work of models that have a step above high.
    Xhigh,
    /// All that the model can.
    Max,
}

impl Effort {
    /// All of them, the least first.
    pub const ALL: [Effort; 5] = [
        Effort::Low,
        Effort::Medium,
        Effort::High,
        Effort::Xhigh,
        Effort::Max,
    ];

    /// Its name in configuration and messages.
    pub fn name(self) -> &'static str {
        match self {
            Effort::Low => "low",
            Effort::Medium => "medium",
            Effort::High => "high",
            Effort::Xhigh => "xhigh",
            Effort::Max => "max",
        }
    }
}

impl fmt::Display for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Effort {
    type Err = String;

    fn from_str(given: &str) -> Result<Effort, String> {
        let known = Effort::ALL.into_iter().find(|it| it.name() == given);
        known.ok_or_else(|| {
            let names: Vec<&str> = Effort::ALL.iter().map(|it| it.name()).collect();
            format!("`{given}` is no effort (there are {})", names.join(", "))
        })
    }
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Message {
    /// Words from us.
    User {
        /// The text.
        text: String,
    },
    /// An earlier reply, replayed to the model.
    Assistant {
        /// The reply as it came.
        reply: ModelReply,
    },
    /// The answer to one tool call of the reply before.
    ToolAnswer {
        /// Which call it answers.
        call_id: String,
        /// The tool's name.
        tool: String,
        /// The answer.
        text: String,
        /// Whether the tool refused or failed.
        is_error: bool,
    },
}

impl Message {
    /// Words from us.
    pub fn user(text: impl Into<String>) -> Message {
        Message::User { text: text.into() }
    }
}

/// A tool on offer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// The name the model calls it by.
    pub name: String,
    /// What it does and when to use it.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: Value,
}

/// The JSON that a reply must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputSchema {
    /// A short name for it; some vendors want one.
    pub name: String,
    /// JSON Schema; every property required and no additional ones, because some vendors insist.
    pub schema: Value,
}

/// What a model answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelReply {
    /// Its words.
    pub text: String,
    /// The tools it wants used, in its order.
    pub tool_calls: Vec<ToolCall>,
    /// Who answered, where that is another model than the seat's: one that stood in for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<ModelId>,
    /// Why it stopped.
    pub stop: StopReason,
    /// The vendor's own word for why, with what it says about it; empty where the reason says all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stop_details: String,
    /// Tokens as the vendor counted them.
    pub usage: TokenUsage,
    /// Price in millionths of a US dollar; `None` when the model's price isn't known.
    pub cost_microusd: Option<u64>,
    /// The reply in the vendor's own form, whole and as it came: it goes back in the next request like that.
    pub native: Option<Value>,
}

/// One use of a tool that a model asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The vendor's name for this call.
    pub id: String,
    /// The tool.
    pub tool: String,
    /// Its arguments; any JSON, because a model wrote it.
    pub arguments: Value,
}

/// Why a model stopped. Only [`StopReason::Done`] is a whole reply; whoever asked judges this before the words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// It had said what it had to say, or wants tools used.
    #[default]
    Done,
    /// It reached the longest reply; the text or the last call may be cut off.
    TokensMax,
    /// The conversation is as long as the model can read. Asking again can't help.
    ContextFull,
    /// The vendor's filter stopped it.
    Filtered,
    /// It declined to answer.
    Declined,
    /// It made a call or an answer that the vendor itself could not read.
    Malformed,
    /// The vendor paused it; sent back as it is, it goes on.
    Paused,
}

impl StopReason {
    /// All of them.
    pub const ALL: [StopReason; 7] = [
        StopReason::Done,
        StopReason::TokensMax,
        StopReason::ContextFull,
        StopReason::Filtered,
        StopReason::Declined,
        StopReason::Malformed,
        StopReason::Paused,
    ];

    /// What the model did, as in "the model was cut off at the longest reply".
    pub fn told(self) -> &'static str {
        match self {
            StopReason::Done => "finished",
            StopReason::TokensMax => "was cut off at the longest reply",
            StopReason::ContextFull => "had no room left in its context",
            StopReason::Filtered => "was stopped by its vendor's filter",
            StopReason::Declined => "declined",
            StopReason::Malformed => "made a call that can't be read",
            StopReason::Paused => "was paused by its vendor",
        }
    }
}

/// Tokens by price class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenUsage {
    /// Input that was neither read from nor written to a cache.
    pub input_tokens: u64,
    /// Input read from a cache.
    pub cached_tokens: u64,
    /// Input written to a cache for some minutes, or for as long as the vendor keeps it unasked.
    pub cache_write_tokens: u64,
    /// Input written to a cache for an hour, where the vendor counts that apart.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_write_hour_tokens: u64,
    /// Output, thinking included.
    pub output_tokens: u64,
}

impl ModelError {
    /// Whether it lies with the vendor, for now: another vendor's model may answer the same request.
    pub fn is_of_vendor(&self) -> bool {
        match self {
            // 402 and 429 that no wait of ours outlasts: money, or the allowance of a day.
            ModelError::Refused { status, .. } => matches!(status, 402 | 429),
            ModelError::Busy { .. }
            | ModelError::Unreachable { .. }
            | ModelError::Unreadable { .. } => true,
            ModelError::NoModel
            | ModelError::ContextFull { .. }
            | ModelError::BudgetExhausted { .. }
            | ModelError::ScriptEnded { .. }
            | ModelError::Unrecorded { .. }
            | ModelError::Diverged { .. } => false,
        }
    }
}

impl ModelReply {
    /// Why it stopped in words: what the model did, and the vendor's own word in brackets.
    pub fn stop_told(&self) -> String {
        match self.stop_details.as_str() {
            "" => self.stop.told().to_owned(),
            details => format!("{} ({details})", self.stop.told()),
        }
    }
}

impl TokenUsage {
    /// All tokens together.
    pub fn total(&self) -> u64 {
        self.input_tokens
            + self.cached_tokens
            + self.cache_write_tokens
            + self.cache_write_hour_tokens
            + self.output_tokens
    }

    /// Adds another count to this one.
    pub fn add(&mut self, other: &TokenUsage) {
        self.input_tokens += other.input_tokens;
        self.cached_tokens += other.cached_tokens;
        self.cache_write_tokens += other.cache_write_tokens;
        self.cache_write_hour_tokens += other.cache_write_hour_tokens;
        self.output_tokens += other.output_tokens;
    }
}

fn is_zero(tokens: &u64) -> bool {
    *tokens == 0
}

/// The model could not be asked, or gave nothing that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The seat has no model.
    #[error("find a model for this role (it was set to `none`, or needs none)")]
    NoModel,
    /// The vendor refused the request, and would again.
    #[error("get an answer from {vendor}: it refused with status {status}: {message}")]
    Refused {
        /// The vendor.
        vendor: String,
        /// HTTP status.
        status: u16,
        /// The vendor's words, cut short.
        message: String,
    },
    /// The vendor was too busy for as long as we tried.
    #[error("get an answer from {vendor} after {tries} tries: {message}")]
    Busy {
        /// The vendor.
        vendor: String,
        /// Requests sent.
        tries: u32,
        /// The last refusal, cut short.
        message: String,
    },
    /// The vendor could not be reached.
    #[error("reach {vendor} at {address} after {tries} tries: {message}")]
    Unreachable {
        /// The vendor.
        vendor: String,
        /// Scheme, host and port; never a path or a query.
        address: String,
        /// Requests sent.
        tries: u32,
        /// What went wrong.
        message: String,
    },
    /// The vendor answered, but not in its own format, or the answer was cut off.
    #[error("read {vendor}'s answer: {message}")]
    Unreadable {
        /// The vendor.
        vendor: String,
        /// What was wrong with it.
        message: String,
    },
    /// The conversation is longer than the model can read.
    #[error(
        "get an answer from {vendor}: the conversation is longer than the model can read: {message}"
    )]
    ContextFull {
        /// The vendor.
        vendor: String,
        /// The vendor's words, cut short.
        message: String,
    },
    /// The next request could pass the cap of the run.
    #[error("stay within the budget: the next request may need {needed} and {left} is left")]
    BudgetExhausted {
        /// The worst case of the request, with its unit.
        needed: String,
        /// What is left, with its unit.
        left: String,
    },
    /// A script has no further reply.
    #[error("answer request {asked} of {model}: its script ends after reply {replies}")]
    ScriptEnded {
        /// Which scripted model.
        model: String,
        /// The request's number, counted from 1.
        asked: usize,
        /// Replies in the script.
        replies: usize,
    },
    /// The reply came, but the journal or a recording could not keep it, or a recording must not hold the request.
    #[error("record the reply of {model}: {message}")]
    Unrecorded {
        /// Which model.
        model: String,
        /// Why not.
        message: String,
    },
    /// A recorded or scripted reply doesn't belong to this request.
    #[error("replay {model}: {difference}")]
    Diverged {
        /// Which model.
        model: String,
        /// How the request differs from the recorded one.
        difference: String,
    },
}
