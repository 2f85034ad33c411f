//! A model that hands back what a journal says it said.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use protocol::{Entry, Model, ModelError, ModelId, ModelReply, ModelRequest, RunEvent};

use super::{counted, first_draft};

/// The replies of one agent, in their order.
struct Replies {
    id: ModelId,
    left: Mutex<VecDeque<ModelReply>>,
    all: usize,
}

/// A model that gives an agent the replies which the journal holds for the drafts that are walked again, whatever it
/// is asked: what an agent makes of them is what gets compared.
pub fn replies_of(claimed: &[Entry], agent: &str, id: ModelId) -> Arc<dyn Model> {
    let first = first_draft(claimed);
    let left: VecDeque<ModelReply> = counted(claimed)
        .filter_map(|entry| match &entry.event {
            RunEvent::Replied {
                agent: whose,
                iteration,
                reply,
                ..
            } if whose == agent && (*iteration == 0 || first <= *iteration) => Some(reply.clone()),
            _ => None,
        })
        .collect();
    Arc::new(Replies {
        id,
        all: left.len(),
        left: Mutex::new(left),
    })
}

#[async_trait]
impl Model for Replies {
    fn id(&self) -> &ModelId {
        &self.id
    }

    async fn ask(&self, _: &ModelRequest) -> Result<ModelReply, ModelError> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.pop_front().ok_or_else(|| ModelError::ScriptEnded {
            model: self.id.to_string(),
            asked: self.all + 1,
            replies: self.all,
        })
    }
}
