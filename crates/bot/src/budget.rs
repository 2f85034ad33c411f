//! Whether there is money for another run today.

use std::time::{SystemTime, UNIX_EPOCH};

use store::Wish;

use crate::error::BotError;
use crate::work::Bot;

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The beginning of the day of UTC that it is now, in milliseconds since 1970-01-01.
fn today_ms() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    now - now % DAY_MS
}

impl Bot {
    /// Why a wish has to wait for another day, if it has to. What other runs may still spend counts as spent.
    pub(crate) async fn over_budget(
        &self,
        wish: &Wish,
        at_work: &[Wish],
    ) -> Result<Option<String>, BotError> {
        let budgets = &self.budgets;
        let run = budgets.run_microusd_max.unwrap_or_default();
        let caps = [
            (budgets.day_microusd_max, None, "for all repositories"),
            (
                budgets.repository_day_microusd_max,
                Some(wish.repository.as_str()),
                "for this repository",
            ),
        ];
        for (cap, repository, what) in caps {
            let Some(cap) = cap else { continue };
            let spent = self.store().spent_since(today_ms(), repository).await?;
            let counts = |it: &&Wish| repository.is_none_or(|name| it.repository == name);
            let others = at_work.iter().filter(counts).count() as u64;
            let wanted = spent.saturating_add(run.saturating_mul(others + 1));
            if cap < wanted {
                return Ok(Some(format!(
                    "today's budget {what} is spent or set aside for runs at work; this waits for tomorrow (UTC)"
                )));
            }
        }
        Ok(None)
    }
}
