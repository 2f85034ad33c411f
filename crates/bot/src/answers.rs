//! Wishes that no run works on: that one stops, and how it stands.

use std::collections::BTreeMap;

use protocol::RunId;
use store::WishState;

use crate::bot::{Bot, WISHES_MAX};
use crate::error::BotError;
use crate::lane::Lane;

impl Bot {
    /// Asks the run on an issue to stop, and takes what waits there out of the inbox.
    pub(crate) async fn stop_lane(&self, place: &Lane, id: &str) -> Result<(), BotError> {
        let lane = place.to_string();
        let mut stopped = 0;
        for wish in self.store().wishes(WishState::Working, WISHES_MAX).await? {
            if let Some(run) = wish.run.as_ref().filter(|_| wish.lane == lane) {
                self.store().request_cancel(&RunId(run.clone())).await?;
                stopped += 1;
            }
        }
        for wish in self.store().wishes(WishState::Waiting, WISHES_MAX).await? {
            if wish.lane == lane && wish.id != id {
                let refused = WishState::Refused;
                self.store()
                    .wish_is(&wish.id, refused, "it was stopped", 0)
                    .await?;
                stopped += 1;
            }
        }
        let said = match stopped {
            0 => "nothing works on this issue",
            _ => "asked to stop; what was done until now is kept",
        };
        self.store().wish_is(id, WishState::Done, said, 0).await?;
        self.tell(place, said).await
    }

    /// Says how the wishes of an issue stand.
    pub(crate) async fn tell_status(&self, place: &Lane, id: &str) -> Result<(), BotError> {
        let lane = place.to_string();
        let all = self.store().newest_wishes(WISHES_MAX).await?;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for wish in all.iter().filter(|it| it.lane == lane && it.id != id) {
            *counts.entry(wish.state.as_str()).or_default() += 1;
        }
        let counted: Vec<String> = counts
            .iter()
            .map(|(state, n)| format!("{n} {state}"))
            .collect();
        let words = match counted.is_empty() {
            true => "nothing was asked for here yet".to_owned(),
            false => counted.join(", "),
        };
        self.store().wish_is(id, WishState::Done, &words, 0).await?;
        self.tell(place, &words).await
    }
}
