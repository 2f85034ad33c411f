//! Whether there is money for another run today.

use std::time::{SystemTime, UNIX_EPOCH};

use store::Wish;

use crate::bot::Bot;
use crate::error::BotError;

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
        let budgets = &self.choices.budgets;
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

#[cfg(test)]
pub(crate) mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use expect_test::{Expect, expect};
    use forge::{GitHub, Patience};
    use protocol::{Limits, Task};
    use runs::{Host, Programs, Runs};
    use secrecy::SecretString;
    use store::{NewWish, WishState};
    use tempfile::TempDir;
    use testkit::tracker::FakeGitHub;

    use super::*;
    use crate::bot::Choices;
    use crate::rules::{Budgets, Rules};

    /// A bot with these bounds.
    async fn bot(folder: &TempDir, budgets: Budgets) -> Bot {
        let server = FakeGitHub::start([], Some("t")).await;
        bot_at(&server, folder, budgets).await
    }

    /// The same at a server that goes on.
    pub(crate) async fn bot_at(server: &FakeGitHub, folder: &TempDir, budgets: Budgets) -> Bot {
        let token = Some(SecretString::from("t"));
        let github = GitHub::new(Some(&server.api_url()), token, Patience::STANDARD);
        let programs = Programs {
            bubblewrap: None,
            inner: PathBuf::new(),
            search_path: String::new(),
        };
        let host = Host::in_folder(folder.path(), programs).await;
        let rules = Rules {
            label: String::new(),
            off_label: String::new(),
            bots: Vec::new(),
        };
        let choices = Choices {
            rules,
            budgets,
            watched: Vec::new(),
            limits: Limits::STANDARD,
            parallel: 1,
            off_file: PathBuf::new(),
            since: String::new(),
        };
        let runs = Runs::new(host.expect("the folder is ours"));
        let bot = Bot::new(
            runs,
            Arc::new(github.expect("the address is fine")),
            None,
            choices,
        );
        bot.await.expect("the server knows us")
    }

    /// Spends this much on a repository, then asks whether there is money for `o/r` beside as many runs at work on it.
    async fn check(budgets: Budgets, spent: &[(&str, u64)], at_work: usize, want: Expect) {
        let folder = TempDir::new().expect("a folder can be made");
        let bot = bot(&folder, budgets).await;
        for (number, (repository, microusd)) in spent.iter().chain([&("o/r", 0)]).enumerate() {
            let wish = NewWish {
                id: number.to_string(),
                lane: format!("{repository}#{number}"),
                repository: (*repository).to_owned(),
                actor: "ada".to_owned(),
                command: "run".to_owned(),
                task: Some(Task::from_text("Fix it")),
                refused: None,
            };
            bot.store().wish(&wish).await.expect("it is kept");
            if 0 < *microusd {
                let done = bot
                    .store()
                    .wish_is(&wish.id, WishState::Done, "", *microusd);
                done.await.expect("it is kept");
            }
        }
        let wish = bot.store().next_wish(&[]).await.expect("it can be read");
        let wish = wish.expect("the last one waits");
        let others = vec![wish.clone(); at_work];
        let why = bot
            .over_budget(&wish, &others)
            .await
            .expect("it can be read");
        want.assert_eq(&why.unwrap_or_default());
    }

    #[tokio::test]
    async fn what_runs_at_work_may_still_spend_counts() {
        let free = Budgets::default();
        check(free, &[("o/r", 1_000_000)], 5, expect![""]).await;
        let day = Budgets {
            run_microusd_max: Some(2),
            day_microusd_max: Some(10),
            repository_day_microusd_max: None,
        };
        check(day, &[("o/r", 4), ("o/other", 4)], 0, expect![""]).await;
        check(day, &[("o/r", 4), ("o/other", 4)], 1, expect!["today's budget for all repositories is spent or set aside for runs at work; this waits for tomorrow (UTC)"]).await;
        check(day, &[("o/r", 9)], 0, expect!["today's budget for all repositories is spent or set aside for runs at work; this waits for tomorrow (UTC)"]).await;
        let own = Budgets {
            run_microusd_max: Some(2),
            day_microusd_max: None,
            repository_day_microusd_max: Some(10),
        };
        check(own, &[("o/r", 4), ("o/other", 100)], 2, expect![""]).await;
        check(own, &[("o/r", 5)], 2, expect!["today's budget for this repository is spent or set aside for runs at work; this waits for tomorrow (UTC)"]).await;
    }
}
