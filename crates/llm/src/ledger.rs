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
