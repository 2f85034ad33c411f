//! The layer that gives each request its role's effort and reply limit, and asks once more where thinking used it up.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use protocol::{
    Bill, Effort, Model, ModelError, ModelId, ModelReply, ModelRequest, StopReason, Unanswered,
};

use crate::listed::Listed;

/// How a model is asked in a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    /// How hard it thinks; `None` leaves it to the request.
    pub effort: Option<Effort>,
    /// The least that a reply may take up, in tokens; a request that allows less is raised to it.
    pub reply_tokens: u32,
    /// The longest reply that the model can give, in tokens, where it is known. No request allows more.
    pub longest_reply_tokens: Option<u32>,
}

/// The least that a reply may take up where thinking counts into it, in tokens: fewer, and thoughts leave no room for words.
const THINKING_REPLY_TOKENS: u32 = 32_000;

impl Tuning {
    /// How a model is asked of which the list says this, with an effort and a least reply in tokens where they are given.
    ///
    /// Every vendor counts thinking into the reply. A model that the list doesn't know is asked as the request says: its
    /// window may be small.
    pub fn of(
        listed: Option<&Listed>,
        effort: Option<Effort>,
        reply_tokens: Option<u32>,
    ) -> Tuning {
        let thinks = listed.is_some_and(|it| it.thinks != Some(false));
        let usual = if thinks { THINKING_REPLY_TOKENS } else { 0 };
        Tuning {
            effort,
            reply_tokens: reply_tokens.unwrap_or(usual),
            longest_reply_tokens: listed.and_then(|it| it.reply_tokens_max),
        }
    }

    /// What the reply limit becomes, in tokens.
    fn limit(&self, asked: u32) -> u32 {
        let longest = self.longest_reply_tokens.unwrap_or(u32::MAX);
        asked.max(self.reply_tokens).min(longest)
    }
}

/// A model that is asked in this way.
///
/// It belongs around all other layers, the account of the run included, so that each try is reserved and booked.
pub fn tuned(model: Arc<dyn Model>, tuning: Tuning) -> Arc<dyn Model> {
    Arc::new(Tuned {
        model,
        tuning,
        given_up: Mutex::default(),
    })
}

struct Tuned {
    model: Arc<dyn Model>,
    tuning: Tuning,
    /// First replies whose second request came to nothing, until somebody takes them to write them down.
    given_up: Mutex<Vec<Unanswered>>,
}

impl Tuned {
    /// The request as the role's model is asked.
    fn tune(&self, request: &ModelRequest) -> ModelRequest {
        let mut request = request.clone();
        request.effort = self.tuning.effort.or(request.effort);
        request.reply_tokens_max = self.tuning.limit(request.reply_tokens_max);
        request
    }

    fn give_up(&self, unanswered: Unanswered) {
        // A list that is only added to and emptied can't be half written.
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.push(unanswered);
    }
}

/// A reply of thoughts only while the request is asked once more. However that ends, the reply was paid for: it is
/// added to the second one, or told as a request without a reply when this is dropped.
struct Thoughts<'a> {
    tuned: &'a Tuned,
    reply: Option<ModelReply>,
}

impl Thoughts<'_> {
    fn add_to(mut self, second: &mut ModelReply) {
        let Some(first) = self.reply.take() else {
            return;
        };
        second.usage.add(&first.usage);
        second.cost_microusd = match (first.cost_microusd, second.cost_microusd) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            _ => None,
        };
    }
}

impl Drop for Thoughts<'_> {
    fn drop(&mut self) {
        if let Some(first) = self.reply.take() {
            self.tuned.give_up(Unanswered {
                usage: first.usage,
                cost_microusd: first.cost_microusd,
                why: "its thoughts took up the whole reply".to_owned(),
            });
        }
    }
}

impl Bill for Tuned {
    fn take_unanswered(&self) -> Vec<Unanswered> {
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        let mut unanswered = std::mem::take(&mut *given_up);
        drop(given_up);
        if let Some(bill) = self.model.bill() {
            unanswered.extend(bill.take_unanswered());
        }
        unanswered
    }

    fn book_lost(&self, request: &ModelRequest) {
        if let Some(bill) = self.model.bill() {
            bill.book_lost(&self.tune(request));
        }
    }
}

#[async_trait]
impl Model for Tuned {
    fn id(&self) -> &ModelId {
        self.model.id()
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelReply, ModelError> {
        let mut request = self.tune(request);
        let first = self.model.ask(&request).await?;
        if !thought_only(&first) {
            return Ok(first);
        }
        let longer = self
            .tuning
            .limit(request.reply_tokens_max.saturating_mul(2));
        if longer <= request.reply_tokens_max {
            return Ok(first);
        }
        request.reply_tokens_max = longer;
        let first = Thoughts {
            tuned: self,
            reply: Some(first),
        };
        let mut second = self.model.ask(&request).await?;
        first.add_to(&mut second);
        Ok(second)
    }

    fn bill(&self) -> Option<&dyn Bill> {
        Some(self)
    }
}

/// Whether thinking took up the whole reply.
fn thought_only(reply: &ModelReply) -> bool {
    reply.stop == StopReason::TokensMax
        && reply.text.trim().is_empty()
        && reply.tool_calls.is_empty()
}

#[cfg(test)]
mod tests {
    use protocol::{Message, TokenUsage};
    use serde_json::json;
    use testkit::{SaysModel, calls, cut_off, says};

    use super::*;
    use crate::catalog::Catalog;

    /// The reply limits and efforts that these replies were asked for with, and the last reply.
    async fn check(
        tuning: Tuning,
        replies: Vec<ModelReply>,
        asked: &[(u32, Option<Effort>)],
    ) -> Result<ModelReply, ModelError> {
        let model = Arc::new(SaysModel::new(replies));
        let request = ModelRequest {
            messages: vec![Message::user("Do it.")],
            reply_tokens_max: 16_000,
            ..ModelRequest::default()
        };
        let reply = tuned(model.clone(), tuning).ask(&request).await;
        let requests = model.asked();
        let seen: Vec<_> = requests
            .iter()
            .map(|it| (it.reply_tokens_max, it.effort))
            .collect();
        assert_eq!(seen, asked);
        assert!(requests.iter().all(|it| it.messages == request.messages));
        reply
    }

    fn thoughts() -> ModelReply {
        cut_off(says(" \n"))
    }

    const THINKS: Tuning = Tuning {
        effort: Some(Effort::Medium),
        reply_tokens: 32_000,
        longest_reply_tokens: Some(48_000),
    };

    #[test]
    fn a_model_that_thinks_has_room_for_it_and_none_is_asked_for_more_than_it_can_say() {
        let check = |model: &str, given: Option<u32>, want: u32| {
            let (vendor, model) = model.split_once(':').unwrap();
            let listed = Catalog::bundled().model(&ModelId::new(vendor, model));
            let tuning = Tuning::of(listed, None, given);
            assert_eq!(tuning.limit(16_000), want, "{model}");
        };
        check("anthropic:claude-sonnet-5-5", None, 32_000);
        check("gemini:gemini-3.8-flash", Some(100_000), 65_536);
        check("openai:gpt-4.1", None, 16_000);
        check("openai:gpt-4.1", Some(40_000), 32_768);
        check("openai:gpt-4o", Some(1), 16_000);
        check("openai:qwen3:8b", None, 16_000);
    }

    #[tokio::test]
    async fn a_request_gets_the_roles_effort_and_limit() {
        let medium = Some(Effort::Medium);
        check(THINKS, vec![says("Done.")], &[(32_000, medium)])
            .await
            .unwrap();
        check(Tuning::default(), vec![says("Done.")], &[(16_000, None)])
            .await
            .unwrap();
        let short = Tuning {
            longest_reply_tokens: Some(8_000),
            ..THINKS
        };
        check(short, vec![says("Done.")], &[(8_000, medium)])
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn thoughts_only_are_asked_for_once_more_with_a_longer_limit_and_both_are_paid_for() {
        let medium = Some(Effort::Medium);
        let paid = |reply: ModelReply, cost_microusd| ModelReply {
            cost_microusd,
            ..reply
        };
        let replies = vec![paid(thoughts(), Some(7)), paid(says("Done."), Some(5))];
        let reply = check(THINKS, replies, &[(32_000, medium), (48_000, medium)])
            .await
            .unwrap();
        let usage = TokenUsage {
            input_tokens: 200,
            output_tokens: 20,
            ..TokenUsage::default()
        };
        assert_eq!((reply.text.as_str(), reply.usage), ("Done.", usage));
        assert_eq!(reply.cost_microusd, Some(12));

        // Not a third time, and a price that isn't known stays unknown.
        let replies = vec![thoughts(), paid(thoughts(), Some(5)), says("Too late.")];
        let reply = check(THINKS, replies, &[(32_000, medium), (48_000, medium)])
            .await
            .unwrap();
        assert_eq!(reply.stop, StopReason::TokensMax);
        assert_eq!(reply.cost_microusd, None);

        // Where nobody knows the longest reply, twice the limit is tried.
        let unknown = Tuning::default();
        check(
            unknown,
            vec![thoughts(), says("Done.")],
            &[(16_000, None), (32_000, None)],
        )
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn nothing_is_asked_again_that_has_words_or_calls_or_no_room_to_grow() {
        let medium = Some(Effort::Medium);
        for reply in [
            cut_off(says("It begins")),
            cut_off(calls([("read_file", json!({"path": "a.py"}))])),
            says(""),
        ] {
            check(
                THINKS,
                vec![reply, says("Not asked for.")],
                &[(32_000, medium)],
            )
            .await
            .unwrap();
        }
        let full = Tuning {
            longest_reply_tokens: Some(32_000),
            ..THINKS
        };
        let reply = check(
            full,
            vec![thoughts(), says("Not asked for.")],
            &[(32_000, medium)],
        )
        .await;
        assert_eq!(reply.unwrap().stop, StopReason::TokensMax);
    }

    #[tokio::test]
    async fn an_error_of_the_second_request_is_told_and_the_first_stays_paid() {
        let model = Arc::new(SaysModel::new([thoughts()]));
        let asked = tuned(model, THINKS);
        let request = ModelRequest::default();
        let ended = asked.ask(&request).await;
        assert!(matches!(ended, Err(ModelError::ScriptEnded { .. })));
        let bill = asked.bill().unwrap();
        let unanswered = bill.take_unanswered();
        assert_eq!(unanswered.len(), 1);
        assert_eq!(unanswered[0].usage, thoughts().usage);
        assert!(bill.take_unanswered().is_empty(), "it is told once");
    }

    #[tokio::test]
    async fn the_first_reply_stays_paid_when_somebody_stops_the_second_request() {
        /// Answers in thoughts, then never.
        struct Thinks(SaysModel);
        #[async_trait]
        impl Model for Thinks {
            fn id(&self) -> &ModelId {
                self.0.id()
            }
            async fn ask(&self, request: &ModelRequest) -> Result<ModelReply, ModelError> {
                match self.0.replies_left() {
                    0 => std::future::pending().await,
                    _ => self.0.ask(request).await,
                }
            }
        }
        let asked = tuned(Arc::new(Thinks(SaysModel::new([thoughts()]))), THINKS);
        let request = ModelRequest::default();
        let mut asking = asked.ask(&request);
        assert!(futures::poll!(&mut asking).is_pending());
        drop(asking);
        assert_eq!(asked.bill().unwrap().take_unanswered().len(), 1);
    }

    #[test]
    fn what_was_lost_is_booked_with_the_room_that_it_had() {
        /// Keeps the reply limits of what is booked.
        struct Billed(ModelId, Mutex<Vec<u32>>);
        #[async_trait]
        impl Model for Billed {
            fn id(&self) -> &ModelId {
                &self.0
            }
            async fn ask(&self, _: &ModelRequest) -> Result<ModelReply, ModelError> {
                Ok(ModelReply::default())
            }
            fn bill(&self) -> Option<&dyn Bill> {
                Some(self)
            }
        }
        impl Bill for Billed {
            fn take_unanswered(&self) -> Vec<Unanswered> {
                Vec::new()
            }
            fn book_lost(&self, request: &ModelRequest) {
                self.1.lock().unwrap().push(request.reply_tokens_max);
            }
        }
        let billed = Arc::new(Billed(ModelId::new("v", "m"), Mutex::default()));
        let asked = tuned(billed.clone(), THINKS);
        asked.bill().unwrap().book_lost(&ModelRequest::default());
        assert_eq!(*billed.1.lock().unwrap(), [32_000]);
    }
}
