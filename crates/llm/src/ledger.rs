//! The layer that keeps a run within its budget: reserves the worst case before a call, settles after it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use protocol::{Model, ModelError, ModelId, ModelReply, ModelRequest, TokenUsage};

use crate::error::LlmError;
use crate::price::{Price, Prices};
use crate::request_text::tokens_at_most;

/// The caps of a run; without any, nothing is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Input and output tokens of all models together.
    pub tokens_max: Option<u64>,
    /// Money, in millionths of a US dollar.
    pub microusd_max: Option<u64>,
}

/// What a run has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Input and output tokens.
    pub tokens: u64,
    /// Money, in millionths of a US dollar, of the models whose price is known.
    pub microusd: u64,
}

/// The one account of a run, shared by all its models.
#[derive(Debug)]
pub struct Ledger {
    budget: Budget,
    prices: Prices,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    spent: Spent,
    reserved: Spent,
}

impl Ledger {
    /// Opens the account; a resumed run starts from what it had spent before.
    pub fn open(budget: Budget, prices: Prices, spent: Spent) -> Arc<Ledger> {
        let book = Book {
            spent,
            reserved: Spent::default(),
        };
        Arc::new(Ledger {
            budget,
            prices,
            book: Mutex::new(book),
        })
    }

    /// Puts a model on this account.
    ///
    /// A model whose price isn't known is refused when money is capped and tokens are not.
    pub fn meter(self: &Arc<Ledger>, model: Arc<dyn Model>) -> Result<Arc<dyn Model>, LlmError> {
        let price = self.prices.of(model.id());
        let capped_in_money_only =
            self.budget.microusd_max.is_some() && self.budget.tokens_max.is_none();
        if price.is_none() && capped_in_money_only {
            return Err(LlmError::PriceUnknown {
                model: model.id().to_string(),
            });
        }
        Ok(Arc::new(Metered {
            model,
            price,
            ledger: Arc::clone(self),
        }))
    }

    /// What was spent so far, calls under way left out.
    pub fn spent(&self) -> Spent {
        self.book().spent
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // The book is two sums, whole after every statement, so a panic elsewhere can't have left it half written.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the worst case aside until the reservation is settled or dropped.
    fn reserve(&self, worst: Spent) -> Result<Reservation<'_>, ModelError> {
        let mut book = self.book();
        let over = |cap: Option<u64>, spent: u64, reserved: u64, more: u64| {
            let left = cap?.saturating_sub(spent.saturating_add(reserved));
            (left < more).then_some(left)
        };
        let (spent, reserved) = (book.spent, book.reserved);
        if let Some(left) = over(
            self.budget.tokens_max,
            spent.tokens,
            reserved.tokens,
            worst.tokens,
        ) {
            return Err(ModelError::BudgetExhausted {
                needed: format!("{} tokens", worst.tokens),
                left: format!("{left} tokens"),
            });
        }
        if let Some(left) = over(
            self.budget.microusd_max,
            spent.microusd,
            reserved.microusd,
            worst.microusd,
        ) {
            return Err(ModelError::BudgetExhausted {
                needed: dollars(worst.microusd),
                left: dollars(left),
            });
        }
        book.reserved.tokens = reserved.tokens.saturating_add(worst.tokens);
        book.reserved.microusd = reserved.microusd.saturating_add(worst.microusd);
        Ok(Reservation {
            ledger: self,
            worst,
            used: Spent::default(),
        })
    }
}

/// The worst case of a call under way. However the call ends, dropping this takes the worst case off the account
/// and writes down what was used.
struct Reservation<'a> {
    ledger: &'a Ledger,
    worst: Spent,
    used: Spent,
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut book = self.ledger.book();
        book.reserved.tokens = book.reserved.tokens.saturating_sub(self.worst.tokens);
        book.reserved.microusd = book.reserved.microusd.saturating_sub(self.worst.microusd);
        book.spent.tokens = book.spent.tokens.saturating_add(self.used.tokens);
        book.spent.microusd = book.spent.microusd.saturating_add(self.used.microusd);
    }
}

/// A model on an account.
struct Metered {
    model: Arc<dyn Model>,
    price: Option<Price>,
    ledger: Arc<Ledger>,
}

impl Metered {
    fn worst_case(&self, request: &ModelRequest) -> Spent {
        let input = tokens_at_most(request);
        let output = u64::from(request.reply_tokens_max);
        Spent {
            tokens: input.saturating_add(output),
            microusd: self.price.map_or(0, |it| it.at_most(input, output)),
        }
    }

    fn cost(&self, usage: &TokenUsage) -> Option<u64> {
        self.price.map(|it| it.of(usage))
    }
}

#[async_trait]
impl Model for Metered {
    fn id(&self) -> &ModelId {
        self.model.id()
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelReply, ModelError> {
        let mut reservation = self.ledger.reserve(self.worst_case(request))?;
        match self.model.ask(request).await {
            Ok(mut reply) => {
                reply.cost_microusd = self.cost(&reply.usage);
                reservation.used = Spent {
                    tokens: reply.usage.total(),
                    microusd: reply.cost_microusd.unwrap_or(0),
                };
                Ok(reply)
            }
            Err(error) => {
                // The vendor did the work and will bill it, but how much is in the part that can't be read.
                if matches!(error, ModelError::Unreadable { .. }) {
                    reservation.used = reservation.worst;
                }
                Err(error)
            }
        }
    }
}

/// An amount of money for people, rounded up to a tenth of a cent.
fn dollars(microusd: u64) -> String {
    let tenths_of_a_cent = microusd.div_ceil(1000);
    format!(
        "${}.{:03}",
        tenths_of_a_cent / 1000,
        tenths_of_a_cent % 1000
    )
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use protocol::{Message, ScriptedReply};

    use super::*;
    use crate::scripted::ScriptedModel;

    const PRICE: Price = Price {
        input_microusd_per_million: 3_000_000,
        cached_microusd_per_million: 300_000,
        cache_write_microusd_per_million: 3_750_000,
        output_microusd_per_million: 15_000_000,
    };

    fn prices() -> Prices {
        Prices([("openai:gpt".to_owned(), PRICE)].into())
    }

    fn request() -> ModelRequest {
        ModelRequest {
            // With what is reckoned around it, 100 + 2 × 64 tokens at most.
            messages: vec![Message::user("x".repeat(300))],
            reply_tokens_max: 1000,
            ..ModelRequest::default()
        }
    }

    fn reply(input_tokens: u64, output_tokens: u64) -> ScriptedReply {
        ScriptedReply {
            usage: TokenUsage {
                input_tokens,
                output_tokens,
                ..TokenUsage::default()
            },
            ..ScriptedReply::text("Words.")
        }
    }

    fn model(name: &str, replies: usize) -> Arc<dyn Model> {
        let replies = (0..replies).map(|_| reply(200, 500));
        Arc::new(ScriptedModel::new(ModelId::new("openai", name), replies))
    }

    /// Asks until something ends it.
    async fn check(budget: Budget, spent: Spent, want: Expect) {
        let ledger = Ledger::open(budget, prices(), spent);
        let model = ledger.meter(model("gpt", 3)).unwrap();
        let mut got = String::new();
        loop {
            match model.ask(&request()).await {
                Ok(reply) => got += &format!("{:?} ", reply.cost_microusd),
                Err(error) => break got += &format!("{error}"),
            }
        }
        let spent = ledger.spent();
        want.assert_eq(&format!(
            "{got}; {} tokens, {} µ$",
            spent.tokens, spent.microusd
        ));
        assert_eq!(ledger.book().reserved, Spent::default());
    }

    #[tokio::test]
    async fn without_a_cap_everything_is_counted_and_nothing_refused() {
        check(
            Budget::default(),
            Spent::default(),
            expect!["Some(8100) Some(8100) Some(8100) answer request 4 of openai:gpt: its script ends after reply 3; 2100 tokens, 24300 µ$"],
        )
        .await;
    }

    #[tokio::test]
    async fn the_worst_case_must_fit_before_a_request_is_sent() {
        let tokens = |tokens_max| Budget {
            tokens_max: Some(tokens_max),
            microusd_max: None,
        };
        check(
            tokens(1927),
            Spent::default(),
            expect!["Some(8100) stay within the budget: the next request may need 1228 tokens and 1227 tokens is left; 700 tokens, 8100 µ$"],
        )
        .await;
        let money = Budget {
            tokens_max: None,
            microusd_max: Some(20_000),
        };
        check(
            money,
            Spent::default(),
            expect!["Some(8100) stay within the budget: the next request may need $0.016 and $0.012 is left; 700 tokens, 8100 µ$"],
        )
        .await;
    }

    #[tokio::test]
    async fn a_resumed_run_starts_from_what_it_had_spent() {
        let budget = Budget {
            tokens_max: Some(5000),
            microusd_max: None,
        };
        let before = Spent {
            tokens: 4000,
            microusd: 7,
        };
        check(
            budget,
            before,
            expect!["stay within the budget: the next request may need 1228 tokens and 1000 tokens is left; 4000 tokens, 7 µ$"],
        )
        .await;
    }

    #[tokio::test]
    async fn parallel_calls_cannot_pass_the_cap_together() {
        /// Answers when it has been told to.
        struct Held(ModelId, tokio::sync::Semaphore);
        #[async_trait]
        impl Model for Held {
            fn id(&self) -> &ModelId {
                &self.0
            }
            async fn ask(&self, _: &ModelRequest) -> Result<ModelReply, ModelError> {
                let _told = self.1.acquire().await.unwrap();
                Ok(reply(200, 500).to_reply(1))
            }
        }
        let budget = Budget {
            tokens_max: Some(3000),
            microusd_max: None,
        };
        let ledger = Ledger::open(budget, prices(), Spent::default());
        let held = Arc::new(Held(
            ModelId::new("openai", "gpt"),
            tokio::sync::Semaphore::new(0),
        ));
        let model = ledger.meter(held.clone()).unwrap();
        let asking: Vec<_> = (0..4)
            .map(|_| {
                let model = Arc::clone(&model);
                tokio::spawn(async move { model.ask(&request()).await.is_ok() })
            })
            .collect();
        tokio::task::yield_now().await;
        held.1.add_permits(4);
        let mut answered = 0;
        for it in asking {
            answered += usize::from(it.await.unwrap());
        }
        // Two worst cases of 1228 tokens fit into 3000, a third doesn't.
        assert_eq!(answered, 2);
        assert_eq!(ledger.spent().tokens, 1400);
    }

    #[tokio::test]
    async fn a_call_that_is_dropped_gives_its_reservation_back() {
        let ledger = Ledger::open(Budget::default(), prices(), Spent::default());
        let reservation = ledger.reserve(Spent {
            tokens: 5,
            microusd: 5,
        });
        assert_eq!(ledger.book().reserved.tokens, 5);
        drop(reservation);
        assert_eq!(ledger.book().reserved, Spent::default());
        assert_eq!(ledger.spent(), Spent::default());
    }

    #[test]
    fn money_can_only_be_capped_where_prices_are_known() {
        let meter = |name: &str, tokens_max: Option<u64>, microusd_max: Option<u64>| {
            let budget = Budget {
                tokens_max,
                microusd_max,
            };
            let ledger = Ledger::open(budget, prices(), Spent::default());
            ledger
                .meter(model(name, 0))
                .map(|it| it.id().to_string())
                .map_err(|it| it.to_string())
        };
        assert!(meter("gpt", None, Some(1)).is_ok());
        assert!(meter("new", Some(1), Some(1)).is_ok());
        assert!(meter("new", None, None).is_ok());
        expect!["keep the budget in money with openai:new, whose price isn't known (configure its price, or give a budget in tokens)"]
            .assert_eq(&meter("new", None, Some(1)).unwrap_err());
    }
}
