//! The layer that asks again where that helps: bounded tries, growing waits, and the vendor's own wish obeyed.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use protocol::{Log, Model, ModelError, ModelId, ModelReply, ModelRequest, Note};

use crate::vendor::{Again, Attempt, Cause, Fault};

/// How long we wait for a vendor, and how often we ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Requests sent for one reply, the first included.
    pub tries_max: u32,
    /// The wait before the second try; each later one is twice as long.
    pub first_wait_ms: u64,
    /// The longest single wait. A vendor that asks for more is not waited for.
    pub wait_ms_max: u64,
    /// The longest time until a connection stands.
    pub connect_ms_max: u64,
    /// The longest time until an answer is complete; long thinking happens in silence.
    pub answer_ms_max: u64,
}

impl Patience {
    /// What suits a run that nobody watches: about a minute of waits, ten minutes for an answer.
    pub const STANDARD: Patience = Patience {
        tries_max: 6,
        first_wait_ms: 1_000,
        wait_ms_max: 60_000,
        connect_ms_max: 15_000,
        answer_ms_max: 600_000,
    };

    /// The wait before the next try, or nothing when the vendor asks for more than we give.
    fn wait(&self, tries: u32, asked: Option<Duration>) -> Option<Duration> {
        let longest = Duration::from_millis(self.wait_ms_max);
        match asked {
            Some(asked) if longest < asked => None,
            // Never before the time it names, and not with everybody else at that very moment.
            Some(asked) if !asked.is_zero() => Some(asked + asked.mul_f64(0.1 * chance())),
            _ => {
                let doublings = tries.saturating_sub(1).min(20);
                let grown = self.first_wait_ms.saturating_mul(1 << doublings);
                let grown = Duration::from_millis(grown).min(longest);
                Some(grown.mul_f64(0.5 + 0.5 * chance()))
            }
        }
    }
}

/// A number between 0 and 1 that differs between processes and calls; the standard library seeds each such state anew.
fn chance() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    f64::from((bits >> 32) as u32) / f64::from(u32::MAX)
}

/// A model that asks its vendor again where that helps.
pub(crate) struct Retrying<A> {
    attempt: A,
    patience: Patience,
    log: Arc<dyn Log>,
}

impl<A: Attempt> Retrying<A> {
    pub(crate) fn new(attempt: A, patience: Patience, log: Arc<dyn Log>) -> Retrying<A> {
        Retrying {
            attempt,
            patience,
            log,
        }
    }

    /// The wait after this fault, or the error that ends it.
    fn next(&self, fault: Fault, tries: u32) -> Result<(Duration, String), ModelError> {
        let asked = match fault.again {
            Again::Never => return Err(self.error(fault, tries)),
            Again::Once if 1 < tries => return Err(self.error(fault, tries)),
            Again::Once => None,
            Again::Later(asked) => asked,
        };
        if self.patience.tries_max <= tries {
            return Err(self.error(fault, tries));
        }
        match self.patience.wait(tries, asked) {
            Some(wait) => Ok((wait, fault.message)),
            None => {
                let (asked, longest) = (asked.unwrap_or_default(), self.patience.wait_ms_max);
                let message = format!(
                    "{} (it asks for a wait of {} s, and we wait {} s at most)",
                    fault.message,
                    asked.as_secs(),
                    longest / 1000,
                );
                Err(self.error(Fault { message, ..fault }, tries))
            }
        }
    }

    fn error(&self, fault: Fault, tries: u32) -> ModelError {
        let vendor = self.attempt.title().to_owned();
        let message = fault.message;
        match fault.cause {
            Cause::Status(status) if matches!(fault.again, Again::Never) => ModelError::Refused {
                vendor,
                status,
                message,
            },
            Cause::Status(_) => ModelError::Busy {
                vendor,
                tries,
                message,
            },
            Cause::Connection => ModelError::Unreachable {
                vendor,
                address: self.attempt.address().to_owned(),
                tries,
                message,
            },
            Cause::Answer => ModelError::Unreadable { vendor, message },
        }
    }
}

#[async_trait]
impl<A: Attempt> Model for Retrying<A> {
    fn id(&self) -> &ModelId {
        self.attempt.id()
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelReply, ModelError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let fault = match self.attempt.attempt(request).await {
                Ok(reply) => return Ok(reply),
                Err(fault) => fault,
            };
            let (wait, why) = self.next(fault, tries)?;
            self.log.note(Note::Retrying {
                vendor: self.attempt.title().to_owned(),
                why,
                wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            });
            tokio::time::sleep(wait).await;
        }
    }
}
