//! One model's place on a ledger: what each try may take, what it took, and what was paid without a reply.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use protocol::{
    Bill, Model, ModelError, ModelId, ModelReply, ModelRequest, TokenUsage, Unanswered,
};

use super::bound::{input_tokens_at_most, reply_tokens_at_most};
use super::{Ledger, Spent};
use crate::fault::{Billed, Fault};
use crate::price::{Price, Service};
use crate::vendor::{Answered, Attempt};

/// One model's place on a ledger.
#[derive(Debug)]
pub struct Account {
    model: ModelId,
    price: Option<Price>,
    service: Service,
    ledger: Arc<Ledger>,
    /// Tries that cost and gave no reply, until somebody takes them to write them down.
    unanswered: Mutex<Vec<Unanswered>>,
}

impl Account {
    pub(super) fn new(
        model: ModelId,
        price: Option<Price>,
        service: Service,
        ledger: Arc<Ledger>,
    ) -> Account {
        Account {
            model,
            price,
            service,
            ledger,
            unanswered: Mutex::default(),
        }
    }

    /// The most tokens that a request can take, its reply included.
    fn worst(&self, request: &ModelRequest) -> TokenUsage {
        let ModelId { vendor, model } = &self.model;
        TokenUsage {
            input_tokens: input_tokens_at_most(request, vendor, model),
            output_tokens: u64::from(request.reply_tokens_max),
            ..TokenUsage::default()
        }
    }

    fn worst_spent(&self, worst: &TokenUsage) -> Spent {
        let money = self
            .price
            .as_ref()
            .map(|it| it.at_most(worst.input_tokens, worst.output_tokens, self.service));
        Spent {
            tokens: worst.total(),
            microusd: money.unwrap_or(0),
        }
    }

    /// Sets the worst case of one try aside.
    fn reserve(&self, request: &ModelRequest) -> Result<Reservation<'_>, ModelError> {
        let usage = self.worst(request);
        let worst = self.worst_spent(&usage);
        self.ledger.reserve(worst)?;
        Ok(Reservation {
            account: self,
            usage,
            worst,
            is_free: false,
            outcome: None,
        })
    }

    fn list(&self) -> MutexGuard<'_, Vec<Unanswered>> {
        self.unanswered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bill for Account {
    fn take_unanswered(&self) -> Vec<Unanswered> {
        std::mem::take(&mut *self.list())
    }

    fn book_lost(&self, request: &ModelRequest) {
        let usage = self.worst(request);
        let worst = self.worst_spent(&usage);
        // Whatever the caps say: it has been spent already.
        self.ledger.settle(Spent::default(), worst);
        self.list().push(Unanswered {
            usage,
            cost_microusd: self.price.as_ref().map(|_| worst.microusd),
            why: "the program was killed while this request was under way".to_owned(),
        });
    }
}

/// What a try came to.
enum Outcome {
    /// A reply, which is written down by whoever asked.
    Reply(Spent),
    /// No reply, and no bill.
    Free,
    /// No reply, and a bill.
    Unanswered(Unanswered, Spent),
}

/// The worst case of a try under way. However it ends, dropping this takes the worst case off the books and writes
/// down what was used: all of it, where nobody will ever know.
struct Reservation<'a> {
    account: &'a Account,
    usage: TokenUsage,
    worst: Spent,
    /// Whether nobody is paid for it, so that a reply without a count has cost nothing.
    is_free: bool,
    outcome: Option<Outcome>,
}

impl Reservation<'_> {
    /// Completes the reply's usage and cost, and settles.
    fn answered(mut self, answered: Answered) -> ModelReply {
        let Answered { mut reply, service } = answered;
        if reply.usage.total() == 0 && !self.is_free {
            // Its vendor doesn't say: rather too much than nothing.
            reply.usage = TokenUsage {
                input_tokens: self.usage.input_tokens,
                output_tokens: reply_tokens_at_most(&reply).min(self.usage.output_tokens),
                ..TokenUsage::default()
            };
        }
        let price = self.account.price.as_ref();
        reply.cost_microusd = price.map(|it| it.of(&reply.usage, service));
        self.outcome = Some(Outcome::Reply(Spent {
            tokens: reply.usage.total(),
            microusd: reply.cost_microusd.unwrap_or(0),
        }));
        reply
    }

    fn failed(mut self, fault: &Fault) {
        self.outcome = match fault.billed {
            Billed::Nothing => Some(Outcome::Free),
            Billed::Unknown => Some(self.unknown(fault.told())),
            Billed::Known(usage) => {
                let price = self.account.price.as_ref();
                // Which class of service failed isn't in the answer: the dearer one.
                let cost_microusd = price.map(|it| it.of(&usage, Service::Standard));
                let spent = Spent {
                    tokens: usage.total(),
                    microusd: cost_microusd.unwrap_or(0),
                };
                let unanswered = Unanswered {
                    usage,
                    cost_microusd,
                    why: fault.told(),
                };
                Some(Outcome::Unanswered(unanswered, spent))
            }
        };
    }

    fn unknown(&self, why: String) -> Outcome {
        let unanswered = Unanswered {
            usage: self.usage,
            cost_microusd: self.account.price.as_ref().map(|_| self.worst.microusd),
            why,
        };
        Outcome::Unanswered(unanswered, self.worst)
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let outcome = match self.outcome.take() {
            Some(outcome) => outcome,
            None => self.unknown("the request was given up while it was under way".to_owned()),
        };
        let ledger = &self.account.ledger;
        match outcome {
            Outcome::Reply(used) => ledger.settle(self.worst, used),
            Outcome::Free => ledger.settle(self.worst, Spent::default()),
            Outcome::Unanswered(unanswered, used) => {
                ledger.settle(self.worst, used);
                self.account.list().push(unanswered);
            }
        }
    }
}

/// One try at a time, each on the books.
pub(crate) struct MeteredAttempt<A> {
    attempt: A,
    account: Arc<Account>,
}

impl<A: Attempt> MeteredAttempt<A> {
    pub(crate) fn new(attempt: A, account: Arc<Account>) -> MeteredAttempt<A> {
        MeteredAttempt { attempt, account }
    }

    pub(crate) fn inner(&self) -> &A {
        &self.attempt
    }

    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// Tries once. The outer error is a cap without room, the inner one a try that gave no reply.
    pub(crate) async fn attempt(
        &self,
        request: &ModelRequest,
    ) -> Result<Result<ModelReply, Fault>, ModelError> {
        let reservation = self.account.reserve(request)?;
        Ok(match self.attempt.attempt(request).await {
            Ok(answered) => Ok(reservation.answered(answered)),
            Err(fault) => {
                reservation.failed(&fault);
                Err(fault)
            }
        })
    }
}

/// A model that answers without a wire, on the books all the same.
pub(super) struct Metered {
    model: Arc<dyn Model>,
    account: Arc<Account>,
}

impl Metered {
    pub(super) fn new(model: Arc<dyn Model>, account: Arc<Account>) -> Metered {
        Metered { model, account }
    }
}

#[async_trait]
impl Model for Metered {
    fn id(&self) -> &ModelId {
        self.model.id()
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelReply, ModelError> {
        let mut reservation = self.account.reserve(request)?;
        // Nobody is paid for a script or a recording that breaks off or is given up.
        reservation.is_free = true;
        reservation.outcome = Some(Outcome::Free);
        let reply = self.model.ask(request).await?;
        Ok(reservation.answered(Answered {
            reply,
            service: Service::Standard,
        }))
    }
}
