//! The layer that asks again where that helps: bounded tries, growing waits, and the vendor's own wish obeyed.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use protocol::{Bill, Log, Message, Model, ModelError, ModelId, ModelReply, ModelRequest, Note};
use serde::{Deserialize, Serialize};

use crate::fault::{Again, Cause, Fault};
use crate::ledger::MeteredAttempt;
use crate::vendor::Attempt;

/// How long we wait for a vendor, and how often we ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patience {
    /// Requests sent for one reply, the first included.
    pub tries_max: u32,
    /// The shortest wait before another try; later ones grow by chance.
    pub first_wait_ms: u64,
    /// The longest single wait. A vendor that asks for more is not waited for.
    pub wait_ms_max: u64,
    /// The longest that all waits for one reply may take together.
    pub waits_ms_max: u64,
    /// The longest time until a connection stands.
    pub connect_ms_max: u64,
    /// The longest time until an answer is complete; long thinking happens in silence.
    pub answer_ms_max: u64,
}

impl Patience {
    /// What suits a run that nobody watches: some minutes of waits, ten minutes for an answer.
    pub const STANDARD: Patience = Patience {
        tries_max: 6,
        first_wait_ms: 1_000,
        wait_ms_max: 60_000,
        waits_ms_max: 180_000,
        connect_ms_max: 15_000,
        answer_ms_max: 600_000,
    };

    /// The wait before the next try after waits of which `last` was the last, or nothing when the vendor asks for more than
    /// we give.
    ///
    /// Waits of our own are decorrelated jitter: by chance between the shortest one and three times the last, which
    /// spreads those who were refused together sooner than waits that double (M. Brooker, "Exponential Backoff And Jitter",
    /// AWS Architecture Blog, 2015).
    fn wait(&self, last: Option<Duration>, asked: Option<Duration>) -> Option<Duration> {
        let longest = Duration::from_millis(self.wait_ms_max);
        match asked {
            Some(asked) if longest < asked => None,
            // Never before the time it names, and not with everybody else at that very moment.
            Some(asked) if !asked.is_zero() => Some(asked + asked.mul_f64(0.1 * chance())),
            _ => {
                let shortest = Duration::from_millis(self.first_wait_ms);
                let thrice = last.unwrap_or(shortest).saturating_mul(3);
                let more = thrice.saturating_sub(shortest).mul_f64(chance());
                Some((shortest + more).min(longest))
            }
        }
    }

    fn longest_wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms_max)
    }
}

/// A number between 0 and 1 that differs between processes and calls; the standard library seeds each such state anew.
fn chance() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    f64::from((bits >> 32) as u32) / f64::from(u32::MAX)
}

/// A model that asks its vendor again where that helps.
pub(crate) struct Retrying<A> {
    attempt: MeteredAttempt<A>,
    patience: Patience,
    log: Arc<dyn Log>,
    /// Whether a cut prompt was told; once is enough.
    warned: AtomicBool,
}

/// Requests that are shorter than this fit everywhere.
const WORDS_BYTES_MIN: u64 = 8 << 10;
/// Bytes a token of code and English takes about, to guess what a request takes of a limit.
const BYTES_PER_TOKEN: u64 = 4;
/// Text that has more bytes a token than this is none that people or programs write.
const BYTES_PER_TOKEN_MAX: u64 = 8;

/// The text that a model must have read for sure: not what it thought itself, nor what tools look like.
fn words_bytes(request: &ModelRequest) -> u64 {
    let words = request.messages.iter().map(|it| match it {
        Message::User { text } | Message::ToolAnswer { text, .. } => text.len(),
        Message::Assistant { reply } => reply.text.len(),
    });
    let bytes = request.system.len() + words.sum::<usize>();
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

impl<A: Attempt> Retrying<A> {
    pub(crate) fn new(
        attempt: MeteredAttempt<A>,
        patience: Patience,
        log: Arc<dyn Log>,
    ) -> Retrying<A> {
        Retrying {
            attempt,
            patience,
            log,
            warned: AtomicBool::new(false),
        }
    }

    /// The wait after this fault, or the error that ends it.
    fn next(&self, fault: Fault, so_far: &mut SoFar) -> Result<(Duration, String), ModelError> {
        let tries = so_far.tries;
        let asked = match fault.again {
            Again::Spent => {
                // Whoever asks next would hear the same.
                self.attempt.inner().lane().down(&fault, tries, None);
                return Err(self.error(fault, tries));
            }
            Again::Never | Again::Down { .. } => return Err(self.error(fault, tries)),
            Again::Once if 1 < tries => return Err(self.error(fault, tries)),
            Again::Once => None,
            Again::Later(asked) => asked,
        };
        let patience = &self.patience;
        let Some(wait) = patience.wait(so_far.last_wait, asked) else {
            let (asked, longest) = (asked.unwrap_or_default(), patience.wait_ms_max);
            let message = format!(
                "{} (it asks for a wait of {} s, and we wait {} s at most)",
                fault.message,
                asked.as_secs(),
                longest / 1000,
            );
            return Err(self.down(Fault { message, ..fault }, tries, Some(asked)));
        };
        let waits = so_far.waited.saturating_add(wait);
        if patience.tries_max <= tries || Duration::from_millis(patience.waits_ms_max) < waits {
            return Err(match fault.cause {
                // What one answer looks like says nothing of the next request's.
                Cause::Answer | Cause::ContextFull(_) => self.error(fault, tries),
                Cause::Status(_) | Cause::Connection => self.down(fault, tries, asked),
            });
        }
        match asked {
            Some(asked) if !asked.is_zero() => self.attempt.inner().lane().hold(wait),
            _ => so_far.last_wait = Some(wait),
        }
        so_far.waited = waits;
        Ok((wait, fault.told()))
    }

    /// The vendor has failed for as long as we wait, so nobody else needs to find out.
    fn down(&self, fault: Fault, tries: u32, back_in: Option<Duration>) -> ModelError {
        let fault = fault.with_return(back_in, SystemTime::now());
        let lane = self.attempt.inner().lane();
        lane.down(&fault, tries, back_in);
        self.error(fault, tries)
    }

    /// A server may cut what it can't hold in silence, and the model then works on half of what it was told: Ollama
    /// keeps the last 4,096 tokens unless its `num_ctx` is raised.
    fn warn_of_a_cut_prompt(&self, request: &ModelRequest, reply: &ModelReply) {
        let counted = reply.usage.total() - reply.usage.output_tokens;
        let sent = words_bytes(request);
        let is_cut = WORDS_BYTES_MIN < sent && counted.saturating_mul(BYTES_PER_TOKEN_MAX) < sent;
        if is_cut && !self.warned.swap(true, Ordering::Relaxed) {
            self.log.note(Note::Warning {
                text: format!(
                    "{} counted {counted} tokens in a request of {sent} bytes: it may have cut off its beginning \
                     (raise its context length, `num_ctx` with Ollama)",
                    self.attempt.inner().title()
                ),
            });
        }
    }

    fn error(&self, fault: Fault, tries: u32) -> ModelError {
        let attempt = self.attempt.inner();
        let vendor = attempt.title().to_owned();
        let told = fault.told();
        let (is_final, tries) = match fault.again {
            Again::Never | Again::Spent => (true, tries),
            // Others may have tried.
            Again::Down { tries } => (false, tries),
            Again::Once | Again::Later(_) => (false, tries),
        };
        let message = fault.message;
        match fault.cause {
            Cause::Status(status) if is_final => ModelError::Refused {
                vendor,
                status,
                message,
            },
            Cause::Status(_) => ModelError::Busy {
                vendor,
                tries,
                message: told,
            },
            Cause::Connection => ModelError::Unreachable {
                vendor,
                address: attempt.address().to_owned(),
                tries,
                message,
            },
            Cause::Answer => ModelError::Unreadable { vendor, message },
            Cause::ContextFull(_) => ModelError::ContextFull { vendor, message },
        }
    }
}

/// What one reply has taken so far.
#[derive(Default)]
struct SoFar {
    /// Requests sent.
    tries: u32,
    /// The last wait of our own choice.
    last_wait: Option<Duration>,
    waited: Duration,
}

#[async_trait]
impl<A: Attempt> Model for Retrying<A> {
    fn id(&self) -> &ModelId {
        self.attempt.inner().id()
    }

    async fn ask(&self, request: &ModelRequest) -> Result<ModelReply, ModelError> {
        let mut so_far = SoFar::default();
        let lane = self.attempt.inner().lane();
        let longest = self.patience.longest_wait();
        let tokens = words_bytes(request) / BYTES_PER_TOKEN;
        loop {
            let turn = match lane.turn(&self.id().model, tokens, longest).await {
                Ok(turn) => turn,
                Err(fault) => return Err(self.error(fault, so_far.tries)),
            };
            so_far.tries += 1;
            let fault = match self.attempt.attempt(request).await? {
                Ok(reply) => {
                    turn.answered();
                    self.warn_of_a_cut_prompt(request, &reply);
                    return Ok(reply);
                }
                Err(fault) => fault,
            };
            drop(turn);
            let (wait, why) = self.next(fault, &mut so_far)?;
            self.log.note(Note::Retrying {
                vendor: self.attempt.inner().title().to_owned(),
                why,
                wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            });
            if let Err(fault) = lane.sleep(wait).await {
                return Err(self.error(fault, so_far.tries));
            }
        }
    }

    fn bill(&self) -> Option<&dyn Bill> {
        Some(self.attempt.account())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use expect_test::{Expect, expect};

    use super::*;
    use crate::day::Day;
    use crate::ledger::{Budget, Ledger, Spent};
    use crate::price::Service;
    use crate::prices::Prices;
    use crate::traffic::Lane;
    use crate::vendor::Answered;

    /// A vendor whose faults are written beforehand; after them, it answers.
    struct Faults {
        id: ModelId,
        left: Mutex<Vec<Fault>>,
        lane: Arc<Lane>,
    }

    #[async_trait]
    impl Attempt for Faults {
        fn id(&self) -> &ModelId {
            &self.id
        }

        fn title(&self) -> &str {
            "Vendor"
        }

        fn address(&self) -> &str {
            "https://vendor"
        }

        fn lane(&self) -> &Arc<Lane> {
            &self.lane
        }

        async fn attempt(&self, _: &ModelRequest) -> Result<Answered, Fault> {
            match self.left.lock().unwrap().pop() {
                Some(fault) => Err(fault),
                None => Ok(Answered {
                    reply: ModelReply::default(),
                    service: Service::Standard,
                }),
            }
        }
    }

    #[derive(Default)]
    struct Waits(Mutex<Vec<u64>>);

    impl Log for Waits {
        fn note(&self, note: Note) {
            if let Note::Retrying { wait_ms, .. } = note {
                self.0.lock().unwrap().push(wait_ms);
            }
        }
    }

    fn fault(cause: Cause, again: Again) -> Fault {
        Fault::new(cause, "no", again)
    }

    fn later(asked_ms: Option<u64>) -> Fault {
        let asked = asked_ms.map(Duration::from_millis);
        fault(Cause::Status(429), Again::Later(asked))
    }

    /// The waits, each as the range it must lie in, and the end.
    async fn check(mut faults: Vec<Fault>, waits: &[std::ops::RangeInclusive<u64>], want: Expect) {
        faults.reverse();
        let attempt = Faults {
            id: ModelId::new("v", "m"),
            left: Mutex::new(faults),
            lane: Arc::default(),
        };
        let log: Arc<Waits> = Arc::default();
        let today = Day::at(std::time::UNIX_EPOCH);
        let ledger = Ledger::open(
            Budget::default(),
            Prices::default(),
            today,
            Spent::default(),
        );
        let account = ledger.account(&attempt.id, Service::Standard).unwrap();
        let attempt = MeteredAttempt::new(attempt, account);
        let model = Retrying::new(attempt, Patience::STANDARD, log.clone());
        let end = match model.ask(&ModelRequest::default()).await {
            Ok(_) => "answered".to_owned(),
            Err(error) => error.to_string(),
        };
        let taken = log.0.lock().unwrap().clone();
        let within = taken.len() == waits.len()
            && taken
                .iter()
                .zip(waits)
                .all(|(wait, range)| range.contains(wait));
        assert!(within, "{taken:?} should lie in {waits:?}");
        // When to come back is told by the clock.
        let end = match end.split_once(" (come back after ") {
            Some((words, _)) => format!("{words} (come back after …)"),
            None => end,
        };
        want.assert_eq(&end);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_end_after_a_time_however_many_tries_are_left() {
        let asks_for_a_minute = || later(Some(60_000));
        check(
            vec![asks_for_a_minute(); 9],
            &[60_000..=66_000, 60_000..=66_000],
            expect!["get an answer from Vendor after 3 tries: status 429: no (come back after …)"],
        )
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_spent_is_refused_and_the_next_one_is_not_sent() {
        let spent = fault(Cause::Status(429), Again::Spent);
        check(
            vec![spent],
            &[],
            expect!["get an answer from Vendor: it refused with status 429: no"],
        )
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn waits_grow_are_spread_and_end() {
        check(vec![later(None)], &[1000..=3000], expect!["answered"]).await;
        check(
            vec![later(None); 9],
            &[
                1000..=3000,
                1000..=9000,
                1000..=27_000,
                1000..=60_000,
                1000..=60_000,
            ],
            expect!["get an answer from Vendor after 6 tries: status 429: no (come back in some minutes)"],
        )
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_vendors_own_wish_is_kept_and_capped() {
        check(
            vec![later(Some(7000)), later(Some(60_000)), later(Some(0))],
            &[7000..=7700, 60_000..=66_000, 1000..=3000],
            expect!["answered"],
        )
        .await;
        check(
            vec![later(Some(86_400_000))],
            &[],
            expect!["get an answer from Vendor after 1 tries: status 429: no (it asks for a wait of 86400 s, and we wait 60 s at most) (come back after …)"],
        )
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn some_faults_end_at_once_and_some_after_one_more_try() {
        let check_end = async |cause, again, waits: &[_], want| {
            check(vec![fault(cause, again); 9], waits, want).await;
        };
        let refused = expect!["get an answer from Vendor: it refused with status 401: no"];
        check_end(Cause::Status(401), Again::Never, &[], refused).await;
        let unreadable = expect!["read Vendor's answer: no"];
        check_end(Cause::Answer, Again::Never, &[], unreadable).await;
        let unreachable = expect!["reach Vendor at https://vendor after 2 tries: no"];
        check_end(Cause::Connection, Again::Once, &[1000..=3000], unreachable).await;
    }
}
