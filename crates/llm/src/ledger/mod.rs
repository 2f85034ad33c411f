//! The money and the tokens of a run: the worst case is set aside before a request, what it took is booked after it.

mod account;
mod bound;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::{Model, ModelError};

pub(crate) use account::MeteredAttempt;

pub use account::Account;

use crate::day::Day;
use crate::error::LlmError;
use crate::price::Service;
use crate::prices::Prices;
use account::Metered;

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

impl Spent {
    fn add(&mut self, more: Spent) {
        self.tokens = self.tokens.saturating_add(more.tokens);
        self.microusd = self.microusd.saturating_add(more.microusd);
    }

    fn take(&mut self, less: Spent) {
        self.tokens = self.tokens.saturating_sub(less.tokens);
        self.microusd = self.microusd.saturating_sub(less.microusd);
    }
}

/// The one account book of a run, shared by all its models.
///
/// Every single try of a request reserves its worst case and settles it, so that what was billed can never pass a
/// cap: retries, fallbacks and parallel requests draw on the same book, and so do the books of several runs that
/// have one above them ([`Ledger::child`]).
#[derive(Debug)]
pub struct Ledger {
    budget: Budget,
    prices: Prices,
    today: Day,
    book: Mutex<Book>,
    /// The book above this one, whose caps hold as well.
    parent: Option<Arc<Ledger>>,
}

#[derive(Debug, Default)]
struct Book {
    spent: Spent,
    reserved: Spent,
}

impl Ledger {
    /// Opens the book with the prices of a day; a resumed run starts from what it had spent before.
    pub fn open(budget: Budget, prices: Prices, today: Day, spent: Spent) -> Arc<Ledger> {
        Arc::new(Ledger {
            budget,
            prices,
            today,
            book: Mutex::new(Book {
                spent,
                reserved: Spent::default(),
            }),
            parent: None,
        })
    }

    /// A book below this one, with caps of its own: what is spent on it counts on both.
    ///
    /// `spent` is what its run had spent before; it counts on the new book only, because it stands in this one already.
    pub fn child(self: &Arc<Ledger>, budget: Budget, spent: Spent) -> Arc<Ledger> {
        Arc::new(Ledger {
            budget,
            prices: self.prices.clone(),
            today: self.today,
            book: Mutex::new(Book {
                spent,
                reserved: Spent::default(),
            }),
            parent: Some(Arc::clone(self)),
        })
    }

    /// A place on this book for one model of one role.
    ///
    /// A model whose price isn't known is refused when money is capped and tokens are not, here or in a book above.
    pub fn account(
        self: &Arc<Ledger>,
        model: &protocol::ModelId,
        service: Service,
    ) -> Result<Arc<Account>, LlmError> {
        let price = self.prices.of(model, self.today);
        if price.is_none() && self.is_capped_in_money_only() {
            return Err(LlmError::PriceUnknown {
                model: model.to_string(),
            });
        }
        let account = Account::new(model.clone(), price, service, Arc::clone(self));
        Ok(Arc::new(account))
    }

    /// Puts a model on this book that answers without a wire: a script, or a recording.
    pub fn meter(self: &Arc<Ledger>, model: Arc<dyn Model>) -> Result<Arc<dyn Model>, LlmError> {
        let account = self.account(model.id(), Service::Standard)?;
        Ok(Arc::new(Metered::new(model, account)))
    }

    /// What was spent so far, requests under way left out.
    pub fn spent(&self) -> Spent {
        self.book().spent
    }

    fn is_capped_in_money_only(&self) -> bool {
        let here = self.budget.microusd_max.is_some() && self.budget.tokens_max.is_none();
        here || self
            .parent
            .as_ref()
            .is_some_and(|it| it.is_capped_in_money_only())
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // The book is two sums, whole after every statement, so a panic elsewhere can't have left it half written.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the worst case aside, here and in every book above, or says which cap has no room for it.
    fn reserve(&self, worst: Spent) -> Result<(), ModelError> {
        if let Some(parent) = &self.parent {
            parent.reserve(worst)?;
        }
        let reserved = self.reserve_here(worst);
        if reserved.is_err()
            && let Some(parent) = &self.parent
        {
            parent.settle(worst, Spent::default());
        }
        reserved
    }

    fn reserve_here(&self, worst: Spent) -> Result<(), ModelError> {
        let mut book = self.book();
        let left = |cap: Option<u64>, spent: u64, reserved: u64| {
            cap.map(|it| it.saturating_sub(spent.saturating_add(reserved)))
        };
        let (spent, reserved) = (book.spent, book.reserved);
        if let Some(left) = left(self.budget.tokens_max, spent.tokens, reserved.tokens)
            && left < worst.tokens
        {
            return Err(ModelError::BudgetExhausted {
                needed: format!("{} tokens", worst.tokens),
                left: format!("{left} tokens"),
            });
        }
        if let Some(left) = left(self.budget.microusd_max, spent.microusd, reserved.microusd)
            && left < worst.microusd
        {
            return Err(ModelError::BudgetExhausted {
                needed: dollars(worst.microusd),
                left: dollars(left),
            });
        }
        book.reserved.add(worst);
        Ok(())
    }

    /// Takes a worst case off the books and writes down what was used.
    fn settle(&self, worst: Spent, used: Spent) {
        {
            let mut book = self.book();
            book.reserved.take(worst);
            book.spent.add(used);
        }
        if let Some(parent) = &self.parent {
            parent.settle(worst, used);
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
