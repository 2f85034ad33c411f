//! A model that gives its replies in order and keeps what it was asked.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use protocol::{
    Model, ModelError, ModelId, ModelReply, ModelRequest, StopReason, TokenUsage, ToolCall,
};
use serde_json::Value;

/// Says this, then this, and fails when it is asked for more.
pub struct SaysModel {
    id: ModelId,
    replies: Mutex<VecDeque<ModelReply>>,
    asked: Mutex<Vec<ModelRequest>>,
}

impl SaysModel {
    /// Replies are given in this order; see [`says`] and [`calls`].
    pub fn new(replies: impl IntoIterator<Item = ModelReply>) -> SaysModel {
        SaysModel {
            id: ModelId::new("test", "says"),
            replies: Mutex::new(replies.into_iter().collect()),
            asked: Mutex::default(),
        }
    }

    /// The requests so far, in order.
    pub fn asked(&self) -> Vec<ModelRequest> {
        lock(&self.asked).clone()
    }

    /// How many replies were not asked for.
    pub fn replies_left(&self) -> usize {
        lock(&self.replies).len()
    }
}

#[async_trait]
impl Model for SaysModel {
    fn id(&self) -> &ModelId {
        &self.id
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelReply, ModelError> {
        let asked = {
            let mut requests = lock(&self.asked);
            requests.push(request.clone());
            requests.len()
        };
        lock(&self.replies)
            .pop_front()
            .ok_or_else(|| ModelError::ScriptEnded {
                model: self.id.to_string(),
                asked,
                replies: asked - 1,
            })
    }
}

/// A reply in words.
pub fn says(text: impl Into<String>) -> ModelReply {
    ModelReply {
        text: text.into(),
        usage: TokenUsage {
            input_tokens: 100,
            output_tokens: 10,
            ..TokenUsage::default()
        },
        ..ModelReply::default()
    }
}

/// A reply that wants tools used. Calls are named `call_1`, `call_2` … in their order.
pub fn calls<'a>(tools: impl IntoIterator<Item = (&'a str, Value)>) -> ModelReply {
    let call = |((tool, arguments), number): ((&str, Value), u32)| ToolCall {
        id: format!("call_{number}"),
        tool: tool.to_owned(),
        arguments,
    };
    ModelReply {
        tool_calls: tools.into_iter().zip(1..).map(call).collect(),
        ..says("")
    }
}

/// The reply, as if it had ended at its length limit.
pub fn cut_off(reply: ModelReply) -> ModelReply {
    ModelReply {
        stop: StopReason::TokensMax,
        ..reply
    }
}

/// Fails unless each request keeps the whole one before it as its beginning.
#[track_caller]
pub fn assert_each_request_extends_the_last(requests: &[ModelRequest]) {
    for (number, pair) in (2..).zip(requests.windows(2)) {
        let [before, after] = pair else {
            unreachable!("windows of two hold two")
        };
        assert_eq!(before.system, after.system, "system of request {number}");
        assert_eq!(before.tools, after.tools, "tools of request {number}");
        let kept = after.messages.get(..before.messages.len());
        assert_eq!(
            kept,
            Some(&*before.messages),
            "messages of request {number}"
        );
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
