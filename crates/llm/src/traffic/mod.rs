//! What all models of one vendor share in a process: how much it still takes, and whether it answers at all.
//!
//! A vendor says with each answer how much of its limits is left, and with some refusals how long nobody should ask. Every
//! model of the vendor keeps to it, so that one agent's refusal isn't followed by another one's. And once a vendor has
//! failed for as long as we wait, it is taken to be down: whoever waits for it stops at once, and nobody asks for a while
//! (the circuit breaker of M. Nygard's "Release It!").

mod headers;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::fault::{Again, Billed, Fault};
use headers::{Unit, left_of};

/// How long nobody asks a vendor that is down and doesn't say when it is back.
const DOWN_FOR: Duration = Duration::from_secs(60);

/// All traffic of a process with vendors of models. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    lanes: Arc<Mutex<BTreeMap<String, Arc<Lane>>>>,
}

impl Traffic {
    /// Nothing is known of any vendor yet.
    pub fn new() -> Traffic {
        Traffic::default()
    }

    /// The lane to a vendor at an address.
    pub(crate) fn lane(&self, vendor: &str, address: &str) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.entry(format!("{vendor} {address}")).or_default();
        lane.clone()
    }
}

/// What is known of one vendor.
#[derive(Debug)]
pub(crate) struct Lane {
    known: Mutex<Known>,
    /// Counts how often the vendor was found to be down, so that whoever waits learns of it.
    downs: watch::Sender<u64>,
}

impl Default for Lane {
    fn default() -> Lane {
        Lane {
            known: Mutex::default(),
            downs: watch::Sender::new(0),
        }
    }
}

#[derive(Debug, Default)]
struct Known {
    /// Nobody asks before.
    not_before: Option<Instant>,
    /// What is left of each model's limits.
    left: BTreeMap<(String, Unit), Left>,
    down: Option<Down>,
}

/// What is left of one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Left {
    amount: u64,
    /// All that there is of it after a reset, where the vendor says so.
    limit: Option<u64>,
    told_at: Instant,
    resets_at: Instant,
}

impl Left {
    /// How long until there is room for `wanted`. What is told is when all of it is back, and it comes back little by
    /// little (both vendors document a token bucket).
    fn room_in(&self, wanted: u64, now: Instant) -> Duration {
        let Some(limit) = self.limit.filter(|it| self.amount < *it) else {
            return self.resets_at.duration_since(now);
        };
        let short = wanted.min(limit).saturating_sub(self.amount);
        let whole = self.resets_at.duration_since(self.told_at);
        let share = whole.mul_f64(short as f64 / (limit - self.amount) as f64);
        (self.told_at + share).duration_since(now)
    }
}

#[derive(Clone, Debug)]
struct Down {
    fault: Fault,
    until: Instant,
    /// Somebody is finding out whether it is back.
    probed: bool,
}

/// Leave to ask once.
#[derive(Debug)]
pub(crate) struct Turn {
    lane: Arc<Lane>,
    /// Whether this finds out for everybody whether the vendor is back.
    is_probe: bool,
}

impl Turn {
    /// The vendor answered: it isn't down.
    pub(crate) fn answered(self) {
        self.lane.lock().down = None;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.is_probe
            && let Some(down) = &mut self.lane.lock().down
        {
            down.probed = false;
        }
    }
}

impl Lane {
    /// Waits until the vendor should take another request of a model, for `longest` at most: after that the vendor itself
    /// says how long it takes. `tokens` is about what the request reads.
    ///
    /// # Errors
    ///
    /// A fault when the vendor is down.
    pub(crate) async fn turn(
        self: &Arc<Lane>,
        model: &str,
        tokens: u64,
        longest: Duration,
    ) -> Result<Turn, Fault> {
        let until = Instant::now() + longest;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let (wait, mut downs) = match self.admit(model, tokens, left)? {
                Ok(turn) => return Ok(turn),
                Err(wait) => (wait, self.downs.subscribe()),
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = downs.changed() => {}
            }
        }
    }

    /// A turn, or how long to wait before asking for one again. The outer error is a vendor that is down.
    fn admit(
        self: &Arc<Lane>,
        model: &str,
        tokens: u64,
        longest: Duration,
    ) -> Result<Result<Turn, Duration>, Fault> {
        let now = Instant::now();
        let mut known = self.lock();
        let mut is_probe = false;
        if let Some(down) = &mut known.down {
            if now < down.until || down.probed {
                return Err(down.fault.clone());
            }
            down.probed = true;
            is_probe = true;
        }
        let wait = known.wait(model, tokens, now).min(longest);
        if wait.is_zero() {
            known.take(model, tokens);
            drop(known);
            let lane = self.clone();
            return Ok(Ok(Turn { lane, is_probe }));
        }
        if let Some(down) = &mut known.down {
            down.probed = false;
        }
        Ok(Err(wait))
    }

    /// Sleeps before another try, unless the vendor is found to be down meanwhile.
    pub(crate) async fn sleep(&self, wait: Duration) -> Result<(), Fault> {
        let mut downs = self.downs.subscribe();
        if let Some(fault) = self.is_down() {
            return Err(fault);
        }
        tokio::select! {
            biased;
            _ = downs.changed() => match self.is_down() {
                Some(fault) => Err(fault),
                None => Ok(()),
            },
            () = tokio::time::sleep(wait) => Ok(()),
        }
    }

    fn is_down(&self) -> Option<Fault> {
        let known = self.lock();
        let down = known.down.as_ref();
        let down = down.filter(|it| Instant::now() < it.until);
        down.map(|it| it.fault.clone())
    }

    /// Takes in what an answer says of the limits.
    pub(crate) fn learn(&self, model: &str, headers: &HeaderMap, now: SystemTime) {
        let here = Instant::now();
        let mut known = self.lock();
        for (unit, left) in left_of(headers, now) {
            // A header of a thousand days must not overflow a clock.
            let resets_at = here.checked_add(left.resets_in).unwrap_or(here);
            let left = Left {
                amount: left.amount,
                limit: left.limit,
                told_at: here,
                resets_at,
            };
            known.left.insert((model.to_owned(), unit), left);
        }
    }

    /// Nobody asks for as long as the vendor wished.
    pub(crate) fn hold(&self, wait: Duration) {
        let until = Instant::now().checked_add(wait);
        let mut known = self.lock();
        known.not_before = known.not_before.max(until);
    }

    /// The vendor is down after so many tries: whoever waits for it learns why, and nobody asks before it is back.
    pub(crate) fn down(&self, fault: &Fault, tries: u32, back_in: Option<Duration>) {
        let now = Instant::now();
        let until = now.checked_add(back_in.unwrap_or(DOWN_FOR));
        self.lock().down = Some(Down {
            fault: Fault {
                again: Again::Down { tries },
                billed: Billed::Nothing,
                ..fault.clone()
            },
            until: until.unwrap_or(now + DOWN_FOR),
            probed: false,
        });
        self.downs.send_modify(|it| *it += 1);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// How long a request of a model has to wait.
    fn wait(&self, model: &str, tokens: u64, now: Instant) -> Duration {
        let held = self.not_before.map(|it| it.duration_since(now));
        let of_model = self.left.iter().filter(|((whose, _), _)| whose == model);
        let spent = of_model.filter(|((_, unit), left)| {
            let wanted = unit.wanted(tokens);
            // What no reset makes room for is the vendor's to refuse.
            left.amount < wanted.min(left.limit.unwrap_or(u64::MAX))
        });
        let rooms = spent.map(|((_, unit), left)| left.room_in(unit.wanted(tokens), now));
        rooms.chain(held).max().unwrap_or_default()
    }

    /// Counts a request of ours against what was left, until the next answer tells.
    fn take(&mut self, model: &str, tokens: u64) {
        let now = Instant::now();
        self.left.retain(|_, left| now < left.resets_at);
        for ((whose, unit), left) in &mut self.left {
            if whose == model {
                left.amount = left.amount.saturating_sub(unit.wanted(tokens));
            }
        }
    }
}

#[cfg(test)]
mod tests;
